"""Look outside: ask every source, judge what it brought, and tell what could not be seen. Concludes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

import numpy as np

from bot.clock import from_epoch
from bot.domain.catalogue import Catalogue
from bot.domain.change import Change, ChangeKind, DeployEvent
from bot.domain.finding import Finding, FindingKind
from bot.domain.message import PlotSeries
from bot.domain.policy import TickPolicy
from bot.domain.series import BlindSpot, History, Samples
from bot.errors import FaultlineError, GiveUpError, SourceDownError
from bot.log_watch import LogWatch
from bot.metrics import Metrics
from bot.pipeline.detect import blind_findings, findings_of
from bot.pipeline.ledger import change_of, ledger_events, once
from bot.pipeline.observe import Place
from bot.ports import Changeset, ChangeSource, MetricSource, Registry, Store
from bot.watch import Watch

log = logging.getLogger(__name__)
T = TypeVar("T")

CHANGES_REMEMBERED = timedelta(hours=6)  # older changes explain nothing that begins now
OFF_LOOP_SERIES = 2_000  # above this, arithmetic goes to a thread so that Slack is still acknowledged in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a tick learnt from outside, before anything was concluded."""

    findings: tuple[Finding, ...]
    blind: tuple[BlindSpot, ...]
    changes: tuple[Change, ...]
    deploys: tuple[DeployEvent, ...]


def side_by_side(blocks: Sequence[History]) -> History:
    """Lay the histories of several sources into one block: what is of one moment belongs in one column."""
    times_s = np.unique(np.concatenate([block.times_s for block in blocks]))
    values = np.full((len(times_s), sum(len(block.rows) for block in blocks)), np.nan)
    first = 0
    for block in blocks:
        last = first + len(block.rows)
        values[np.searchsorted(times_s, block.times_s), first:last] = block.values
        first = last
    return History(times_s=times_s, rows=np.concatenate([block.rows for block in blocks]), values=values)


class Lookout:
    """Owns the sources and the detectors' memory."""

    def __init__(
        self,
        *,
        sources: Sequence[MetricSource],
        change_sources: Sequence[ChangeSource],
        registry: Registry | None,
        store: Store,
        watch: Watch,
        timing: TickPolicy,
        metrics: Metrics,
        logs: Sequence[LogWatch] = (),
    ) -> None:
        self._sources = sources
        self.logs = logs
        self._change_sources = change_sources
        self._registry = registry
        self._store = store
        self.watch = watch
        self._timing = timing
        self._metrics = metrics
        self._blind_since: dict[str, datetime] = {}
        self._changes_until: dict[str, datetime] = {}
        self._unsaved: tuple[Change, ...] = ()

    @property
    def catalogue(self) -> Catalogue:
        return self.watch.catalogue

    async def warm_up(self, now: datetime) -> None:
        """Take up the saved state, then read what happened since; a source that fails only starts colder."""
        blob = await self._store.snapshot()
        if blob is not None:
            try:
                self.watch.restore(blob)
            except (KeyError, ValueError) as error:
                log.warning("saved detector state not usable, warming up afresh", extra={"because": str(error)})
        step = timedelta(seconds=self.catalogue.step_s)
        start = now - self._timing.warm_up
        if self.watch.last_time_s is not None:
            start = max(start, from_epoch(self.watch.last_time_s) + step)
        if start >= now:
            return
        blocks: list[History] = []
        for source in self._sources:
            try:
                history = await source.history(
                    self.watch.index, start=start, end=now - step, step_s=step.total_seconds()
                )
            except FaultlineError as error:
                log.warning("no history from source", extra={"source": source.name, "because": str(error)})
                continue
            for spot in history.blind:
                missed = {"source": spot.source, "signals": spot.signals, "because": spot.because}
                log.warning("history not complete", extra=missed)
            blocks.append(history)
        if blocks:
            await self._remember_versions(await asyncio.to_thread(self.watch.warm, side_by_side(blocks)), now)

    async def _remember_versions(self, changes: Sequence[Change], now: datetime) -> None:
        """Begin the ledger with what telemetry says served before we first looked.

        A version that came just before we did may be to blame for what we are about to see.
        """
        moves = [c for c in changes if c.from_ is not None and now - c.time <= CHANGES_REMEMBERED]
        fresh = once(moves, await self._store.changes(since=now - CHANGES_REMEMBERED))
        latest = {event.model: event for event in await self._store.deploys()}
        alias = self._registry.alias if self._registry else "serving"
        events = tuple(
            DeployEvent(
                model=change.entity,
                alias=alias,
                version=change.to,
                previous=change.from_,
                at=change.time,
                source="telemetry",
            )
            for change in changes
            if (last := latest.get(change.entity)) is None or last.version == change.from_
        )
        if events or fresh:
            await self._store.commit(Changeset(deploys=events, changes=fresh))

    async def look(self, at: datetime) -> Seen:
        """Fetch and judge. Sources are asked together; none can hold up the others beyond its deadline."""
        with self._metrics.tick_seconds.labels("fetch").time():
            pulls = await asyncio.gather(
                *(self._guarded(s.name, s.signals, s.pull(self.watch.index, at=at)) for s in self._sources)
            )
            told = await asyncio.gather(
                *(
                    self._guarded(s.name, (), s.changes(since=self._since(s.name, at), until=at))
                    for s in self._change_sources
                )
            )
            holders, unasked, registry_blind = await self._holders()
        blind: list[BlindSpot] = [*registry_blind, *(spot for one in self.logs if (spot := one.blind) is not None)]
        parts: list[Samples] = []
        for pull in pulls:
            if isinstance(pull, BlindSpot):
                blind.append(pull)
            else:
                parts.append(pull.samples)
                blind += pull.blind
        changes: list[Change] = [*self._unsaved]
        for source, answer in zip(self._change_sources, told, strict=True):
            if isinstance(answer, BlindSpot):
                blind.append(answer)
            else:
                changes += answer
                self._changes_until[source.name] = at
        with self._metrics.tick_seconds.labels("detect").time():
            frame = self.watch.frame(parts, at=at)
            if len(self.watch.index) > OFF_LOOP_SERIES:
                judgements, versions = await asyncio.to_thread(self.watch.observe, frame)
            else:
                judgements, versions = self.watch.observe(frame)
        changes += [change for change in versions if change.from_ is not None]
        self._unsaved = tuple(changes)
        live = await self._store.live_incidents(resolved_since=at)
        known = {f.fingerprint: f for incident in live for f in incident.active_findings}
        self._note_blind(blind, known.values(), at)
        blind_signals = {name for spot in blind for name in spot.signals}
        findings = findings_of(
            judgements,
            self.watch.index,
            self.catalogue,
            now=at,
            known=known,
            blind_signals=blind_signals,
            closer=self.watch.closer,
        )
        by_log = tuple(finding for one in self.logs for finding in one.findings(at, known))
        deploys = await self._ledger(holders, unasked, versions, changes, at)
        moved = [change for event in deploys if (change := change_of(event))]  # told again until it is in the ledger
        return Seen(
            findings=(
                *findings,
                *by_log,
                *blind_findings(blind, self._blind_since, now=at, step_s=self.catalogue.step_s, known=known),
            ),
            blind=tuple(blind),
            changes=(*changes, *moved),
            deploys=deploys,
        )

    def quiet(self, *, since: datetime) -> frozenset[Place]:
        """Places that were judged and are in their usual range, by samples or by a log.

        since: when the newest trouble began; a window of a log that began before it says nothing of it.
        """
        return self.watch.quiet().union(*(one.quiet(since=since) for one in self.logs))

    def plot(self, finding: Finding) -> PlotSeries | None:
        """The picture of a finding, from whatever saw it."""
        for one in self.logs:
            if (drawn := one.plot(finding)) is not None:
                return drawn
        return self.watch.plot(finding)

    def watched(self, model: str) -> bool:
        """Whether anything of a model is judged now."""
        return self.watch.watched(model) or any(one.model == model and one.judged for one in self.logs)

    def remembered(self) -> None:
        """What was seen is stored: feeds tell a change only once, so until now we kept it for them."""
        self._unsaved = ()

    def _since(self, name: str, at: datetime) -> datetime:
        return self._changes_until.get(name, at - CHANGES_REMEMBERED)

    async def _guarded(self, name: str, signals: tuple[str, ...], answer: Awaitable[T]) -> T | BlindSpot:
        """A source that cannot answer is news, not silence."""
        try:
            async with asyncio.timeout(self._timing.source_deadline.total_seconds()):
                return await answer
        except (SourceDownError, TimeoutError) as error:
            reason = str(error) or f"no answer within {self._timing.source_deadline.total_seconds():g} s"
            log.warning("source down", extra={"source": name, "because": reason})
            self._metrics.source_errors.labels(name).inc()
            return BlindSpot(source=name, because=reason, signals=signals)

    async def _holders(self) -> tuple[Mapping[str, str | None], frozenset[str], tuple[BlindSpot, ...]]:
        """Ask the registry which version of each model holds the alias; also tells of which it could not be asked."""
        registry = self._registry
        if registry is None:
            return {}, frozenset(), ()
        names = [model.name for model in self.catalogue.models]

        async def one(model: str) -> str | GiveUpError | None:
            try:
                return await registry.holder(model)
            except GiveUpError as error:  # not registered there: a model that is served otherwise
                return error

        answers = await asyncio.gather(*(self._guarded(registry.name, (), one(name)) for name in names))
        blind = [answer for answer in answers if isinstance(answer, BlindSpot)]
        holders = {
            name: answer
            for name, answer in zip(names, answers, strict=True)
            if not isinstance(answer, BlindSpot | GiveUpError)
        }
        unasked = frozenset(n for n, answer in zip(names, answers, strict=True) if isinstance(answer, BlindSpot))
        return holders, unasked, tuple(blind[:1])

    async def _ledger(
        self,
        holders: Mapping[str, str | None],
        unasked: Collection[str],
        versions: Sequence[Change],
        changes: Sequence[Change],
        at: datetime,
    ) -> tuple[DeployEvent, ...]:
        """What is new about who serves: from the registry, else from telemetry, else from a feed of changes."""
        latest = {event.model: event for event in await self._store.deploys()}
        alias = self._registry.alias if self._registry else "serving"
        events = list(ledger_events(latest, holders, alias=alias, at=at))
        seen_at = {change.entity: change.time for change in versions}
        for model, version in sorted(self.watch.versions.items()):  # without a registry, telemetry tells what serves
            last = latest.get(model)
            if model in holders or model in unasked or (last is not None and last.version == version):
                continue
            events.append(
                DeployEvent(
                    model=model,
                    alias=alias,
                    version=version,
                    previous=last.version if last else None,
                    at=seen_at.get(model, at),
                    source="telemetry",
                )
            )
        for change in changes:
            model = change.entity
            last = latest.get(model)
            told = change.kind is ChangeKind.MODEL_VERSION and change.to is not None and model in self.catalogue.model
            better = model in holders or model in unasked or model in self.watch.versions
            if not told or better or (last is not None and last.at >= change.time):
                continue
            before = change.from_ or (last.version if last else None)
            latest[model] = DeployEvent(
                model=model, alias=alias, version=change.to, previous=before, at=change.time, source="changes"
            )
            events.append(latest[model])
        return tuple(events)

    def _note_blind(self, blind: Sequence[BlindSpot], known: Iterable[Finding], at: datetime) -> None:
        names = {spot.source for spot in blind}
        earlier = {f.key.entity: f.onset for f in known if f.kind is FindingKind.BLIND}  # seen by an earlier process
        self._blind_since = {**earlier, **self._blind_since}
        self._blind_since = {name: self._blind_since.get(name, at) for name in names}
