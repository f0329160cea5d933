"""Tells from series with a version label, or with a value that moves, when something was rolled out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from bot.clock import from_epoch
from bot.domain.change import Change, ChangeKind
from bot.sources.label_rows import entity_of, further_labels

OLDEST_TIME_S = timedelta(days=3650).total_seconds()  # a value this far back is no time of a rollout
CLOCK_SKEW_S = 300.0  # how far ahead an exporter's clock may run
MAX_SEEN = 10_000  # versions remembered; beyond it the oldest memory goes


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeQuery:
    """A query whose series tell of changes, e.g. a build-info metric or the time of the last rollout."""

    query: str
    kind: ChangeKind
    entity_labels: tuple[str, ...] = ()
    version_label: str | None = None
    text_label: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One series at one moment, reduced to what identifies a state: restarts and new pods are no changes."""

    entity: str
    version: str | None
    text: str
    identity: tuple[object, ...]
    value: float


@dataclass(slots=True)
class _Entity:
    current: Seen
    values: dict[tuple[object, ...], float] = field(default_factory=dict)  # last value a state had


class VersionWatch:
    """Follows one query through time. Feed it columns in order of time; it yields the changes between them."""

    def __init__(self, query: ChangeQuery) -> None:
        self._query = query
        self._entities: dict[str, _Entity] = {}
        self._began_s: float | None = None

    def observe(self, time_s: float, metrics: Sequence[tuple[Mapping[str, str], float]]) -> Iterator[Change]:
        """Compare one column with what was there before.

        The first sight of an entity is no change, unless its value is a time that lies after our first look.
        """
        if self._began_s is None:
            self._began_s = time_s
        by_entity: dict[str, list[Seen]] = {}
        for metric, value in metrics:
            seen = self._seen(metric, value)
            if seen is not None:
                by_entity.setdefault(seen.entity, []).append(seen)
        for entity in sorted(by_entity):
            yield from self._entity(time_s, entity, by_entity[entity])

    def _entity(self, time_s: float, entity: str, there: Sequence[Seen]) -> Iterator[Change]:
        known = self._entities.get(entity)
        fresh = [one for one in there if known is None or known.values.get(one.identity) != one.value]
        newest = max(fresh or there, key=lambda one: (_time_like(one.value, time_s) or 0.0, str(one.identity)))
        if known is None:
            self._entities[entity] = known = _Entity(newest)
            began = _time_like(newest.value, time_s)
            if began is not None and self._began_s is not None and began > self._began_s:
                yield self._change(newest, began, before=None)
        elif fresh:
            yield self._change(newest, _time_like(newest.value, time_s) or time_s, before=known.current)
            known.current = newest
        elif all(one.identity != known.current.identity for one in there):
            # what was current is gone and an older state stands again: somebody went back
            yield self._change(newest, time_s, before=known.current)
            known.current = newest
        for one in there:
            known.values[one.identity] = one.value
        while len(known.values) > MAX_SEEN:
            known.values.pop(next(iter(known.values)))

    def _seen(self, metric: Mapping[str, str], value: float) -> Seen | None:
        query = self._query
        entity, used = entity_of(query.entity_labels, metric)
        if entity is None or value != value:  # noqa: PLR0124 - NaN says nothing
            return None
        version = metric.get(query.version_label) if query.version_label else None
        text = metric.get(query.text_label, "") if query.text_label else ""
        told = query.version_label or query.text_label
        identity: tuple[object, ...] = (version, text) if told else (further_labels(metric, used),)
        return Seen(entity, version, text, identity, value)

    def _change(self, now: Seen, time_s: float, *, before: Seen | None) -> Change:
        return Change(
            time=from_epoch(time_s),
            kind=self._query.kind,
            entity=now.entity,
            text=now.text,
            from_=before.version if before and before.version != now.version else None,
            to=now.version,
        )


def _time_like(value: float, time_s: float) -> float | None:
    """Return a value that reads as a unix time near `time_s`, None when it is something else."""
    return value if time_s - OLDEST_TIME_S < value <= time_s + CLOCK_SKEW_S else None
