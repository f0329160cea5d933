"""Replay: the live pipeline over a recording, under a virtual clock. "What would you have told me last week?"."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from bot.clock import ManualClock, from_epoch
from bot.domain.catalogue import Catalogue
from bot.domain.incident import Incident, IncidentId
from bot.domain.message import EvidenceMessage, Posted
from bot.domain.policy import RollbackPolicy, SpeakingPolicy, TickPolicy
from bot.domain.series import Floats
from bot.explaining import Explaining
from bot.lookout import Lookout
from bot.metrics import Metrics
from bot.pipeline.words import verdict_text
from bot.ports import ChangeSource, Explainer, MetricSource, Store
from bot.tick import Tick
from bot.watch import Watch

WARM_UP = timedelta(hours=24)  # docs/recordings.md: the first day, or the first half if shorter, may be learnt from
OWNER = "replay"
EVERYTHING = 1_000_000  # incidents of one recording


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    recording: str
    ticks: int
    series: int
    seconds: float
    incidents: tuple[Incident, ...]  # those that people would have heard of
    messages: dict[IncidentId, int]  # posts a thread; edits notify nobody and are not counted

    def as_json(self) -> dict[str, Any]:
        """Exactly the object that docs/recordings.md asks for."""
        return {
            "recording": self.recording,
            "ticks": self.ticks,
            "series": self.series,
            "seconds": round(self.seconds, 2),
            "messages": sum(self.messages.values()),
            "incidents": [_incident_json(i, self.messages.get(i.id, 0)) for i in self.incidents],
        }

    def text(self) -> str:
        """For a person: one paragraph an incident."""
        lines = [
            (
                f"{self.recording}: {self.ticks} ticks, {self.series} series, {self.seconds:.1f} s;"
                f" {len(self.incidents)} incidents, {sum(self.messages.values())} messages"
            )
        ]
        for incident in self.incidents:
            verdict = incident.verdict
            same = incident.resolved is not None and incident.resolved.date() == incident.opened.date()
            until = (
                format(incident.resolved, "%H:%M" if same else "%Y-%m-%d %H:%M") if incident.resolved else "still open"
            )
            lines.append(
                f"  {incident.opened:%Y-%m-%d %H:%M} to {until}  {incident.id}  {incident.severity}"
                f"  {verdict_text(verdict) if verdict else 'no verdict'}"
                + (f" ({verdict.probability:.0%})" if verdict else "")
            )
            if verdict is None:
                continue
            lines.extend(
                f"      {'for the model' if r.weight > 0 else 'for infrastructure':20s} {abs(r.weight):4.1f}  {r.text}"
                for r in verdict.reasoning[:5]
            )
            lines.append(f"      rollback {verdict.rollback.replace('_', ' ')}: {verdict.rollback_reason}")
        return "\n".join(_plain(line) for line in lines)


class Replayable(Protocol):
    """A recording, opened: a source of samples and of changes that also knows its own extent."""

    name: str
    catalogue: Catalogue
    times_s: Floats  # (t,) the ticks, ascending


async def replay(
    recording: Replayable,
    *,
    source: MetricSource,
    changes: ChangeSource,
    store: Store,
    explainer: Explainer,
) -> ReplayReport:
    """Run the live tick over every minute of a recording."""
    began = time.monotonic()
    times, catalogue = recording.times_s, recording.catalogue
    span = float(times[-1] - times[0]) if len(times) else 0.0
    learnt = timedelta(seconds=min(WARM_UP.total_seconds(), span / 2.0))
    start = from_epoch(float(times[0]) if len(times) else 0.0)
    clock = ManualClock(start + learnt)
    metrics = Metrics()
    timing = TickPolicy(period=timedelta(seconds=catalogue.step_s), warm_up=learnt, snapshot_every=timedelta(days=3650))
    lookout = Lookout(
        sources=(source,),
        change_sources=(changes,),
        registry=None,
        store=store,
        watch=Watch(catalogue),
        timing=timing,
        metrics=metrics,
    )
    tick = Tick(
        lookout=lookout,
        store=store,
        speaking=SpeakingPolicy(),
        rollback=RollbackPolicy(),
        timing=timing,
        metrics=metrics,
        learns=False,
    )
    explaining = Explaining(store=store, explainer=explainer, catalogue=catalogue, clock=clock)
    await tick.warm_up(clock.now())
    posts: Counter[IncidentId] = Counter()
    for at_s in times[times >= clock.now().timestamp()]:
        clock.set(from_epoch(float(at_s)))
        result = await tick.run(clock.now())
        if result.incidents:
            while await explaining.catch_up():
                pass
            posts.update(await _deliver(store, clock))
    every = await store.incidents(limit=EVERYTHING)
    heard = await store.told([incident.id for incident in every])
    return ReplayReport(
        recording=recording.name,
        ticks=len(times),
        series=len(tick.watch.index),
        seconds=time.monotonic() - began,
        incidents=tuple(sorted((i for i in every if i.id in heard), key=lambda i: (i.opened, i.id))),
        messages=dict(posts),
    )


async def _deliver(store: Store, clock: ManualClock) -> list[IncidentId]:
    """Take what is due out of the outbox as Slack would have received it; tells the threads of new messages."""
    posted: list[IncidentId] = []
    while claimed := await store.claim(owner=OWNER, now=clock.now(), lease=timedelta(minutes=1), limit=100):
        for one in claimed:
            thread = one.item.thread
            ts = one.posted.ts if one.posted else f"{clock.now().timestamp():.0f}.{len(posted):06d}"
            stands = Posted(
                thread=thread, slot=one.item.slot, channel="C", ts=ts, revision=one.item.revision, digest=one.item.op
            )
            await store.sent(one, stands, owner=OWNER)
            if one.posted is None:
                posted.append(IncidentId(thread))
                if isinstance(one.item.message, EvidenceMessage) and one.item.message.plot:
                    posted.append(IncidentId(thread))  # its picture is a message of its own
    return posted


def _incident_json(incident: Incident, messages: int) -> dict[str, Any]:
    verdict = incident.verdict
    return {
        "id": incident.id,
        "opened": _seconds(incident.opened.timestamp()),
        "resolved": _seconds(incident.resolved.timestamp()) if incident.resolved else None,
        "onset": _seconds(incident.onset.timestamp()),
        "severity": incident.severity.value,
        "cause": verdict.cause.value if verdict else "undetermined",
        "subcause": verdict.subcause_words if verdict else "",
        "entity": verdict.entity if verdict else "",
        "probability": {
            "model": round(verdict.model_probability, 4) if verdict else 0.5,
            "infrastructure": round(1.0 - verdict.model_probability, 4) if verdict else 0.5,
        },
        "suspects": [
            {
                "signal": s.key.signal,
                "entity": s.key.entity,
                "labels": dict(s.key.labels),
                "onset": _seconds(s.onset.timestamp()),
                "score": s.score,
            }
            for s in (verdict.suspects if verdict else ())
        ],
        "changes": [
            {
                "time": _seconds(c.change.time.timestamp()),
                "kind": c.change.kind.value,
                "entity": c.change.entity,
                "weight": c.weight,
            }
            for c in (verdict.changes if verdict else ())
        ],
        "rollback": verdict.rollback.value if verdict else "unknown",
        "findings": len(incident.members),
        "messages": messages,
    }


def _plain(text: str) -> str:
    """Names of a recording come from anywhere: nothing in them may steer a terminal or break a line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _seconds(value: float) -> int | float:
    return int(value) if value == int(value) else round(value, 3)
