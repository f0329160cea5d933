"""One pass of the flow: fetch, judge, group, blame, decide, and one commit. Everything between is pure."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.domain.catalogue import Catalogue
from bot.domain.change import Change
from bot.domain.finding import Finding
from bot.domain.incident import Incident, IncidentId, State
from bot.domain.learning import NOTHING_LEARNT, Lesson
from bot.domain.message import OutboxItem, Plot
from bot.domain.notice import Decision, Notice, Reason
from bot.domain.policy import RollbackPolicy, SpeakingPolicy, TickPolicy
from bot.domain.series import BlindSpot
from bot.domain.verdict import Cause
from bot.lookout import CHANGES_REMEMBERED, OFF_LOOP_SERIES, Lookout, Seen
from bot.metrics import Metrics
from bot.pipeline.classify import classify
from bot.pipeline.correlate import correlate
from bot.pipeline.decide import covering, decide
from bot.pipeline.learning import REMEMBERED, from_resolution, learnt_from
from bot.pipeline.ledger import HEALTH_REMEMBERED, once, rollback_target
from bot.pipeline.observe import Scene, recent
from bot.pipeline.precursors import INCIDENTS, Recollection
from bot.pipeline.quality.attribution import split_plot
from bot.pipeline.speak import flaps, headline_of, speak
from bot.pipeline.weights import ECHO_WAIT
from bot.ports import (
    Changeset,
    ConcurrentChangeError,
    IncidentWrite,
    Store,
    TickMark,
)

T = TypeVar("T")

OFF_LOOP_FINDINGS = 100  # every pair of them is compared
TRIES = 4  # a person's click may get in between reading and writing; then decide again


@dataclass(frozen=True, slots=True, kw_only=True)
class TickResult:
    at: datetime
    incidents: tuple[Incident, ...]  # open, or changed in this tick
    decisions: tuple[Decision, ...]
    findings: int
    blind: tuple[BlindSpot, ...] = field(default=())


class Tick:
    """Thinks about what the lookout saw, and writes what follows. Remembers nothing that the store does not."""

    def __init__(
        self,
        *,
        lookout: Lookout,
        store: Store,
        speaking: SpeakingPolicy,
        rollback: RollbackPolicy,
        timing: TickPolicy,
        metrics: Metrics,
        learns: bool = True,
    ) -> None:
        """Learns: from incidents that end; a recording has nobody in it who could object."""
        self._lookout = lookout
        self._store = store
        self.watch = lookout.watch
        self._speaking = speaking
        self._rollback = rollback
        self._timing = timing
        self._metrics = metrics
        self._learns = learns
        self._recollection = Recollection(lookout.watch.catalogue)
        self._snapshot_at: datetime | None = None
        self.last: TickResult | None = None

    @property
    def catalogue(self) -> Catalogue:
        return self.watch.catalogue

    async def warm_up(self, now: datetime) -> None:
        """Learn what was usual before the first tick."""
        await self._lookout.warm_up(now)

    async def save(self) -> None:
        """Store what the detectors know, so that the next process goes on where this one stopped."""
        await self._store.commit(Changeset(snapshot=await asyncio.to_thread(self.watch.save)))

    async def run(self, at: datetime) -> TickResult:
        """Run one tick. Raises StoreDownError: then nothing was said, and the next tick tries again."""
        began = time.monotonic()
        seen = await self._lookout.look(at)
        for attempt in range(TRIES):
            try:
                result = await self._conclude(seen, at=at, began=began)
                break
            except ConcurrentChangeError:
                if attempt == TRIES - 1:
                    raise
        self._lookout.remembered()
        self._count(result)
        self.last = result
        return result

    async def _conclude(self, seen: Seen, *, at: datetime, began: float) -> TickResult:
        """Read what is remembered, think, and write all of it at once."""
        # labels tell of an incident long after it is over: it must be known then, or they would be news
        latest = max((model.label_delay_s for model in self.catalogue.models), default=0.0)
        remembered = max(self._speaking.reopen_within, timedelta(seconds=latest) + ECHO_WAIT)
        live = await self._store.live_incidents(resolved_since=at - remembered)
        known_changes = await self._store.changes(since=at - CHANGES_REMEMBERED)
        new_changes = once(seen.changes, known_changes)
        with self._metrics.tick_seconds.labels("think").time():
            storm = len(seen.findings) > OFF_LOOP_FINDINGS
            grouped = await _worked(
                lambda: correlate(
                    seen.findings,
                    live,
                    self.catalogue,
                    now=at,
                    policy=self._speaking,
                    new_id=incident_id,
                    changes=(*known_changes, *new_changes),
                ),
                off_loop=storm,
            )
            scene = await self._scene(seen, (*known_changes, *new_changes), grouped, at)
            incidents = await _worked(
                lambda: tuple(self._with_verdict(incident, scene) for incident in grouped), off_loop=storm
            )
            incidents = await self._forewarned(incidents, live, at)
        writes, decisions, told = [], [], []
        outbox: list[OutboxItem] = []
        lessons: list[Lesson] = []
        before = {incident.id: incident for incident in live}
        memory = await self._store.told([incident.id for incident in incidents])
        silences = await self._store.silences(active_at=at)
        last = await self._store.last_tick()
        earlier = await self._store.silences(active_at=last.at) if last else ()
        for incident in incidents:
            old = before.get(incident.id)
            decision = decide(
                incident, memory.get(incident.id), silences, self.catalogue, now=at, policy=self._speaking
            )
            muted = covering(incident, silences, self.catalogue, now=at) is not None
            was_muted = last is not None and covering(incident, earlier, self.catalogue, now=last.at) is not None
            said = memory.get(incident.id)
            # a silence that ran out by itself: the headline must not go on saying "silenced"
            ran_out = was_muted and not muted
            # a silence made while the last tick was at work, whose headline then went over the silence's own
            went_over = last is not None and muted and not was_muted and said is not None and said.at == last.at
            if (ran_out or went_over) and incident.open and said is not None and not isinstance(decision, Notice):
                decision = Notice(incident_id=incident.id, revision=incident.revision, reason=Reason.PERSON)
            if old == incident and not isinstance(decision, Notice):
                continue
            written = replace(incident, revision=(old.revision if old else 0) + 1, updated=at)
            decision = replace(decision, revision=written.revision)
            decisions.append(decision)
            writes.append(IncidentWrite(incident=written, expected_revision=old.revision if old else None))
            if self._learns and said is not None and old is not None and old.open:
                lessons += [lesson] if (lesson := from_resolution(written, now=at)) is not None else []
            if isinstance(decision, Notice):
                speech = speak(
                    decision,
                    written,
                    memory.get(written.id),
                    headline_of(
                        written,
                        silences,
                        self.catalogue,
                        now=at,
                        flapping=decision.reason is Reason.FLAPPING or flaps(memory.get(written.id)),
                    ),
                    self._plots(written) if decision.reason is Reason.FIRST else (),
                    now=at,
                    policy=self._speaking,
                )
                told.append(speech.told)
                outbox += speech.outbox
        absorbed = self._absorbed(live, incidents, at)
        snapshot = await _worked(lambda: self._due_snapshot(at), off_loop=len(self.watch.index) > OFF_LOOP_SERIES)
        with self._metrics.tick_seconds.labels("commit").time():
            await self._store.commit(
                Changeset(
                    incidents=(*writes, *absorbed),
                    decisions=tuple(decisions),
                    told=tuple(told),
                    outbox=tuple(outbox),
                    deploys=seen.deploys,
                    changes=new_changes,
                    lessons=tuple(lessons),
                    tick=TickMark(
                        at=at,
                        seconds=time.monotonic() - began,
                        series=len(self.watch.index),
                        findings=len(seen.findings),
                        blind=tuple(sorted({spot.source for spot in seen.blind})),
                    ),
                    snapshot=snapshot,
                )
            )
        if snapshot is not None:
            self._snapshot_at = at
        newest = {incident.id: incident for incident in (*incidents, *(write.incident for write in writes))}
        return TickResult(
            at=at,
            incidents=tuple(newest.values()),
            decisions=tuple(decisions),
            findings=len(seen.findings),
            blind=seen.blind,
        )

    async def _scene(self, seen: Seen, changes: Sequence[Change], incidents: Sequence[Incident], at: datetime) -> Scene:
        """Collect what verdicts rest on; costs nothing on the many ticks when nothing is wrong."""
        if not any(incident.open for incident in incidents):
            return Scene(
                quiet=frozenset(), changes=(), healthy_before={}, serving={}, blind_signals=frozenset(), now=at
            )
        ledger = (*await self._store.deploys(), *seen.deploys)
        lessons = await self._store.lessons(since=at - REMEMBERED) if self._learns else ()
        past = await self._store.live_incidents(resolved_since=at - HEALTH_REMEMBERED)
        return Scene(
            quiet=self._lookout.quiet(since=max(incident.onset for incident in incidents if incident.open)),
            unseen=self.watch.unseen(),
            changes=recent(changes, since=at - CHANGES_REMEMBERED, until=at),
            healthy_before={
                model.name: rollback_target(model.name, ledger, past, now=at, min_hold=self._rollback.min_hold)
                for model in self.catalogue.models
            },
            serving={event.model: event.version for event in ledger},
            blind_signals=frozenset(name for spot in seen.blind for name in spot.signals),
            now=at,
            learnt=learnt_from(lessons, now=at) if lessons else NOTHING_LEARNT,
        )

    async def _forewarned(
        self, incidents: tuple[Incident, ...], live: Sequence[Incident], at: datetime
    ) -> tuple[Incident, ...]:
        """Say in each open incident what followed its signs before; the past is read once, when it is first needed."""
        past = self._recollection
        if not past.begun and any(incident.open for incident in incidents):
            past.keep(await self._store.incidents(limit=INCIDENTS))
            past.begun = True
        if not past.begun:
            return incidents
        past.keep((*live, *incidents))
        return await _worked(
            lambda: tuple(
                replace(one, ahead=past.ahead(one, incidents, now=at)) if one.open else one for one in incidents
            ),
            off_loop=past.stale(at),
        )

    def _with_verdict(self, incident: Incident, scene: Scene) -> Incident:
        """Judge an open incident anew; one that is dying down keeps the verdict of its height."""
        if not incident.open or not incident.active_findings:
            return incident
        verdict = classify(incident, self.catalogue, scene)
        old = incident.verdict
        settled = old is not None and old.cause in (Cause.MODEL, Cause.INFRASTRUCTURE)
        fading = len(incident.active_findings) < len(incident.findings)
        if (
            old is not None
            and settled
            and fading
            and verdict.cause is Cause.UNDETERMINED
            and not verdict.settle.endswith("return")
        ):
            return incident
        since = incident.verdict_since if old is not None and old.cause is verdict.cause else scene.now
        return replace(incident, verdict=verdict, verdict_since=since)

    def watched(self, model: str) -> bool:
        """Whether anything of a model is judged now."""
        return self._lookout.watched(model)

    def _plots(self, incident: Incident) -> tuple[Plot, ...]:
        """The suspects that lead the incident, at most three, and what a drop of quality is made of."""
        by_key = {finding.key: finding for finding in incident.findings}
        leading = [s.key for s in incident.verdict.suspects] if incident.verdict else []
        chosen = [by_key[key] for key in leading if key in by_key][:3] or list(incident.findings)[:3]
        lines = [plot for finding in chosen if (plot := self._lookout.plot(finding)) is not None]
        split = next((drawn for f in incident.findings if (drawn := split_plot(f)) is not None), None)
        return (*lines, split) if split is not None else tuple(lines)

    def _absorbed(
        self, live: Sequence[Incident], incidents: Sequence[Incident], at: datetime
    ) -> tuple[IncidentWrite, ...]:
        """Close, unheard, incidents whose findings were merged into an older one."""
        kept = {incident.id for incident in incidents}
        return tuple(
            IncidentWrite(
                incident=replace(
                    incident,
                    state=State.RESOLVED,
                    resolved=at,
                    updated=at,
                    members=(),
                    revision=incident.revision + 1,
                ),
                expected_revision=incident.revision,
            )
            for incident in live
            if incident.open and incident.id not in kept
        )

    def _due_snapshot(self, at: datetime) -> bytes | None:
        if self._snapshot_at is not None and at - self._snapshot_at < self._timing.snapshot_every:
            return None
        return self.watch.save()

    def _count(self, result: TickResult) -> None:
        self._metrics.ticks.labels("done").inc()
        self._metrics.last_tick.set(result.at.timestamp())
        self._metrics.series.labels("known").set(len(self.watch.index))
        self._metrics.series.labels("judged").set(self.watch.judged)
        self._metrics.findings.set(result.findings)
        for cause in Cause:
            count = sum(
                incident.open and (incident.verdict.cause if incident.verdict else Cause.UNDETERMINED) is cause
                for incident in result.incidents
            )
            self._metrics.incidents.labels(cause).set(count)
        for decision in result.decisions:
            word = decision.reason if isinstance(decision, Notice) else decision.by
            self._metrics.decisions.labels(word).inc()


async def _worked(work: Callable[[], T], *, off_loop: bool) -> T:
    """Think; in a thread when it will take long, so that Slack is still acknowledged in time."""
    return await asyncio.to_thread(work) if off_loop else work()


def incident_id(findings: Sequence[Finding], now: datetime) -> IncidentId:
    """A short id that a person can type, the same for the same finding in the same tick."""
    digest = hashlib.sha256(f"{findings[0].fingerprint}@{now.timestamp():.0f}".encode()).hexdigest()
    return IncidentId(f"inc-{digest[:7]}")
