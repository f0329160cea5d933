"""Replay: the live pipeline over the past, under a virtual clock. "What would you have told me last week?"."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from bot.clock import ManualClock, from_epoch
from bot.domain.catalogue import Catalogue
from bot.domain.incident import Incident, IncidentId
from bot.domain.message import EvidenceMessage, Posted
from bot.domain.notice import HeldBy
from bot.domain.policy import RollbackPolicy, SpeakingPolicy, TickPolicy
from bot.domain.series import BlindSpot, Floats
from bot.explaining import Explaining
from bot.lookout import Lookout
from bot.metrics import Metrics
from bot.ports import ChangeSource, Explainer, MetricSource, Store
from bot.replay.report import BlindSpell, ReplayReport, held_of
from bot.tick import Tick, TickResult
from bot.watch import Watch
from detectors.discover import BUDGET

WARM_UP = timedelta(hours=24)  # docs/recordings.md: the first day, or the first half if shorter, may be learnt from
OWNER = "replay"
EVERYTHING = 1_000_000  # incidents of one recording
EPOCH = from_epoch(0.0)


class Replayable(Protocol):
    """What is replayed: its name, its catalogue and its extent."""

    @property
    def name(self) -> str: ...

    @property
    def catalogue(self) -> Catalogue: ...

    @property
    def times_s(self) -> Floats:
        """The ticks, (t,) ascending."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How an installation speaks; the defaults are the bot's own."""

    speaking: SpeakingPolicy = field(default_factory=SpeakingPolicy)
    rollback: RollbackPolicy = field(default_factory=RollbackPolicy)
    budget: float = BUDGET  # false episodes a day that all series together may cost


async def _all_there(_: datetime) -> None:
    """A recording is read whole before it is replayed."""


async def replay(
    recording: Replayable,
    *,
    sources: Sequence[MetricSource],
    changes: Sequence[ChangeSource],
    store: Store,
    explainer: Explainer,
    learnt: timedelta | None = None,
    manner: Manner | None = None,
    reach: Callable[[datetime], Awaitable[None]] = _all_there,
) -> ReplayReport:
    """Run the live tick over every minute of a recording.

    learnt: how much of its beginning is learnt from; None: WARM_UP, or half of it where that is less.
    reach:  is awaited before anything of that moment is asked for; what it raises ends the replay.
    """
    began = time.monotonic()
    manner = manner or Manner()
    times, catalogue = recording.times_s, recording.catalogue
    span = float(times[-1] - times[0]) if len(times) else 0.0
    if learnt is None:
        learnt = timedelta(seconds=min(WARM_UP.total_seconds(), span / 2.0))
    start = from_epoch(float(times[0]) if len(times) else 0.0)
    clock = ManualClock(start + learnt)
    metrics = Metrics()
    timing = TickPolicy(period=timedelta(seconds=catalogue.step_s), warm_up=learnt, snapshot_every=timedelta(days=3650))
    lookout = Lookout(
        sources=sources,
        change_sources=changes,
        registry=None,
        store=store,
        watch=Watch(catalogue, budget=manner.budget),
        timing=timing,
        metrics=metrics,
    )
    tick = Tick(
        lookout=lookout,
        store=store,
        speaking=manner.speaking,
        rollback=manner.rollback,
        timing=timing,
        metrics=metrics,
        learns=False,
    )
    explaining = Explaining(store=store, explainer=explainer, catalogue=catalogue, clock=clock)
    await reach(clock.now())
    await tick.warm_up(clock.now())
    posts: Counter[IncidentId] = Counter()
    days: Counter[date] = Counter()
    account = _Account()
    judged = times[times >= clock.now().timestamp()]
    for at_s in judged:
        clock.set(from_epoch(float(at_s)))
        await reach(clock.now())
        result = await tick.run(clock.now())
        account.add(result)
        if result.incidents:
            while await explaining.catch_up():
                pass
            posted = await _deliver(store, clock)
            posts.update(posted)
            if posted:
                days[clock.now().astimezone(UTC).date()] += len(posted)
    every = await store.incidents(limit=EVERYTHING)
    heard = await store.told([incident.id for incident in every])
    begin, end = (from_epoch(float(judged[0])), from_epoch(float(judged[-1]))) if len(judged) else (None, None)
    known = await store.changes(since=EPOCH)
    return ReplayReport(
        recording=recording.name,
        ticks=len(times),
        series=len(tick.watch.index),
        seconds=time.monotonic() - began,
        incidents=tuple(sorted((i for i in every if i.id in heard), key=lambda i: (i.opened, i.id))),
        messages=dict(posts),
        begin=begin,
        end=end,
        days=dict(days),
        held=held_of(account.held(every, heard)),
        blind=tuple(account.blind),
        changes=tuple(change for change in known if begin and end and begin <= change.time <= end),
    )


class _Account:
    """Keeps, over the ticks, what was held back and where nothing could be seen."""

    def __init__(self) -> None:
        self.blind: list[BlindSpell] = []
        self._open: dict[tuple[str, tuple[str, ...]], int] = {}  # by source and signals: its place in `blind`
        self._held: dict[IncidentId, HeldBy] = {}

    def add(self, result: TickResult) -> None:
        for decision in result.decisions:
            by = getattr(decision, "by", HeldBy.NOTHING_NEW)
            if by is HeldBy.NOTHING_NEW or self._held.get(decision.incident_id) is HeldBy.LOW_SEVERITY:
                continue  # one of low severity that dies down is of low severity still
            self._held[decision.incident_id] = by
        self._open = {self._key(spot): self._extended(spot, result.at) for spot in result.blind}

    def _extended(self, spot: BlindSpot, at: datetime) -> int:
        place = self._open.get(self._key(spot))
        if place is None:
            self.blind.append(
                BlindSpell(source=spot.source, because=spot.because, signals=spot.signals, start=at, end=at)
            )
            return len(self.blind) - 1
        self.blind[place] = replace(self.blind[place], end=at)
        return place

    @staticmethod
    def _key(spot: BlindSpot) -> tuple[str, tuple[str, ...]]:
        return spot.source, spot.signals

    def held(self, every: Sequence[Incident], heard: Mapping[IncidentId, object]) -> dict[IncidentId, HeldBy]:
        """Why nobody heard of an incident; one that was merged into another is none of its own."""
        silent = [incident.id for incident in every if incident.id not in heard and incident.members]
        return {one: self._held[one] for one in silent if one in self._held}


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
