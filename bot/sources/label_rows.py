"""From label sets to rows of the index, keyed once: the steady state looks up and makes no series."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np

from bot.domain.catalogue import Signal
from bot.domain.labels import Labels, labels_of
from bot.domain.series import Rows, SeriesIndex, SeriesKey

log = logging.getLogger(__name__)

UNUSABLE = -1  # no entity label, or beyond the cap
UNSEEN = -2
USUAL_ENTITY_LABELS = ("service", "model", "node", "instance")  # tried when the catalogue names none

Raw = tuple[str, ...]  # names, then values, in the server's order: unambiguous, and cheap to make and to compare
Text = bytes  # a label set as the server wrote it, not parsed
_Known = TypeVar("_Known", Raw, Text)


class LabelRows:
    """Remembers, a signal, which row each label set has.

    max_series: rows that may be claimed in one index, all signals together.
    """

    def __init__(self, signals: Sequence[Signal], *, max_series: int) -> None:
        self._max_series = max_series
        self._index: SeriesIndex | None = None
        self._known: dict[str, dict[Raw, int]] = {signal.name: {} for signal in signals}
        self._texts: dict[str, dict[Text, int]] = {signal.name: {} for signal in signals}
        self._claimed: set[int] = set()
        self._complained: set[str] = set()

    def attach(self, index: SeriesIndex) -> None:
        """Forget the rows of another index; the same one again costs nothing."""
        if index is not self._index:
            self._index = index
            self._claimed.clear()
            for known in self._known.values():
                known.clear()
            for texts in self._texts.values():
                texts.clear()

    def of(self, signal: Signal, metrics: Sequence[Mapping[str, str]]) -> tuple[Rows, str]:
        """Find (k,) rows; UNUSABLE for series that are left out. Also tells why, when that blinds the signal."""
        known = self._known[signal.name]
        rows = np.fromiter(
            (known.get((*metric, *metric.values()), UNSEEN) for metric in metrics), np.int64, count=len(metrics)
        )
        unseen = [
            (place, (*metrics[place], *metrics[place].values()), metrics[place])
            for place in np.flatnonzero(rows == UNSEEN).tolist()
        ]
        return self._learn(signal, rows, unseen, known)

    def by_text(self, signal: Signal) -> Mapping[Text, int]:
        """Rows of the label sets that `of_texts` learnt; for who finds rows without parsing."""
        return self._texts[signal.name]

    def of_texts(
        self, signal: Signal, rows: Rows, unseen: Sequence[tuple[int, Text, Mapping[str, str]]]
    ) -> tuple[Rows, str]:
        """Complete (k,) rows that were found in `by_text`; else as `of`.

        unseen: place in `rows`, text and label set of those that were not found.
        """
        return self._learn(signal, rows, unseen, self._texts[signal.name])

    def _learn(
        self,
        signal: Signal,
        rows: Rows,
        unseen: Sequence[tuple[int, _Known, Mapping[str, str]]],
        known: dict[_Known, int],
    ) -> tuple[Rows, str]:
        if len(known) + len(unseen) > 2 * max(self._max_series, len(rows)):
            known.clear()  # churning label sets must not grow this for ever; the next answer teaches them again
        for place, name, metric in unseen:
            row = self._claim(signal, metric)
            if row != UNSEEN:
                known[name] = row
            rows[place] = row
        beyond = int((rows == UNSEEN).sum())
        if beyond:
            rows[rows == UNSEEN] = UNUSABLE
            return rows, f"too many series: {beyond:,} beyond the {self._max_series:,} allowed by max_series"
        if len(rows) and (rows == UNUSABLE).all():
            return rows, f"no series of {signal.name} has the label {' and '.join(signal.entity_labels)}"
        return rows, ""

    def _claim(self, signal: Signal, metric: Mapping[str, str]) -> int:
        if self._index is None:
            raise RuntimeError("attach an index first")
        key = series_key(signal, metric)
        if key is None:
            self._complain(signal)
            return UNUSABLE
        if key not in self._index and len(self._claimed) >= self._max_series:
            return UNSEEN
        row = self._index.row(key)
        self._claimed.add(row)
        return row

    def _complain(self, signal: Signal) -> None:
        if signal.name not in self._complained:
            self._complained.add(signal.name)
            log.warning(
                "series without its entity label are left out",
                extra={"signal": signal.name, "entity": signal.entity_labels},
            )


def series_key(signal: Signal, metric: Mapping[str, str]) -> SeriesKey | None:
    """Name a series: its entity from the signal's entity labels, the rest as labels. None without an entity label."""
    entity, used = entity_of(signal.entity_labels, metric)
    if entity is None:
        return None
    return SeriesKey(signal.name, entity, further_labels(metric, used))


def entity_of(names: Sequence[str], metric: Mapping[str, str]) -> tuple[str | None, tuple[str, ...]]:
    """Read the entity and the labels that it took; a label that is empty counts as absent, as in Prometheus."""
    if not names:
        usual = next((name for name in USUAL_ENTITY_LABELS if metric.get(name)), None)
        return (metric[usual], (usual,)) if usual else ("", ())
    parts = [metric.get(name, "") for name in names]
    return ("/".join(parts), tuple(names)) if all(parts) else (None, tuple(names))


def further_labels(metric: Mapping[str, str], used: Sequence[str]) -> Labels:
    return labels_of((name, value) for name, value in metric.items() if name != "__name__" and name not in used)
