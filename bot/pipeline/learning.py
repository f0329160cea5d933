"""What an incident teaches, and how far all of that moves the priors: slowly, bounded, and forgotten in time.

A Dirichlet prior over the causes: the shares in signatures.py count as PRIOR_INCIDENTS incidents, and what was
confirmed here is added to them. Lessons are sums, so their order is nothing and a reset leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import exp, fsum, log

from bot.domain.incident import Feedback, Incident, State
from bot.domain.learning import Learnt, Lesson, LessonSource, Share, Tally
from bot.domain.proposal import ActionKind, Proposal, ProposalState
from bot.domain.verdict import Cause, Reasoning, Subcause, Verdict
from bot.pipeline.signatures import SIGNATURES, Signature

PRIOR_INCIDENTS = 20.0  # what the shares in signatures.py are worth: a handful of answers hardly moves them
SILENT_WEIGHT = 0.2  # of an incident that ended without a word: people seldom correct what they do not read
MOST = log(3.0)  # nats a cause may gain or lose; a single clear sign is worth more
HALF_LIFE = timedelta(days=180)  # installations change; a lesson of two years ago weighs a sixteenth
REMEMBERED = 5 * HALF_LIFE  # older ones weigh less than a thirtieth and are not read
MATTERS = 0.1  # nats between the sides below which nobody need be told
SIDES = (Cause.MODEL, Cause.INFRASTRUCTURE)


def start_shares(signatures: Sequence[Signature] = SIGNATURES) -> Mapping[Subcause, float]:
    """How often each cause is to blame before anything was learnt; sums to 1. Shapes of one cause are added up."""
    shares: dict[Subcause, float] = {}
    for signature in signatures:
        shares[signature.subcause] = shares.get(signature.subcause, 0.0) + signature.prior
    total = fsum(shares.values())
    return {subcause: share / total for subcause, share in shares.items()}


START = start_shares()


# ---------------------------------------------------------------- from an incident to its lesson


def from_feedback(incident: Incident, *, now: datetime) -> Lesson | None:
    """What a person's answer teaches; None without an answer.

    A side counts for the cause that we named on it, else for that side's candidates. "Neither" names no cause at
    all, so there is none that could gain by it; it only keeps our own verdict from counting as agreed.
    """
    if incident.feedback is None:
        return None
    side = None if incident.feedback is Feedback.NEITHER else Cause(incident.feedback.value)
    return Lesson(
        incident_id=incident.id,
        source=LessonSource.FEEDBACK,
        at=now,
        side=side,
        shares=_on_side(incident.verdict, side) if side else (),
        by=incident.feedback_by or "",
    )


def from_rollback(proposal: Proposal, incident: Incident | None, *, now: datetime) -> Lesson | None:
    """What the outcome of a rollback teaches; None when the older version was never seen at work."""
    if incident is None or proposal.kind is not ActionKind.ROLLBACK:
        return None
    checks = {check.name: check.passed for check in proposal.outcome_checks}
    if not checks.get("serving") or "recovered" not in checks:
        return None
    if proposal.state is ProposalState.VERIFIED:
        source, side = LessonSource.ROLLBACK_HELPED, Cause.MODEL
        return Lesson(incident_id=incident.id, source=source, at=now, side=side, shares=_whole(Subcause.BAD_VERSION))
    if proposal.state is ProposalState.FAILED:
        shares = _without(incident.verdict, Subcause.BAD_VERSION)
        return Lesson(incident_id=incident.id, source=LessonSource.ROLLBACK_NO_HELP, at=now, side=None, shares=shares)
    return None


def from_resolution(incident: Incident, *, now: datetime) -> Lesson | None:
    """What an incident that people were told of teaches by its end: a little for its verdict, when that was settled."""
    verdict = incident.verdict
    if incident.state is not State.RESOLVED or incident.feedback is not None or verdict is None:
        return None
    if verdict.cause not in SIDES or not set(verdict.subcauses) & set(START):
        return None
    shares = tuple(replace(s, weight=SILENT_WEIGHT * s.weight) for s in _on_side(verdict, verdict.cause))
    return Lesson(incident_id=incident.id, source=LessonSource.RESOLVED, at=now, side=verdict.cause, shares=shares)


def _on_side(verdict: Verdict | None, side: Cause) -> tuple[Share, ...]:
    """One incident for a side: for what the verdict names there, else spread over what it considered there."""
    if verdict is not None and verdict.cause in (side, Cause.MIXED):
        named = [subcause for subcause in verdict.subcauses if subcause.cause is side]
        return _spread({subcause: 1.0 for subcause in named if subcause in START})
    considered = {subcause: p for subcause, p in _considered(verdict).items() if subcause.cause is side}
    return _spread(considered or {subcause: share for subcause, share in START.items() if subcause.cause is side})


def _without(verdict: Verdict | None, wrong: Subcause) -> tuple[Share, ...]:
    """One incident that was anything but this."""
    considered = {subcause: p for subcause, p in _considered(verdict).items() if subcause is not wrong}
    return _spread(considered or {subcause: share for subcause, share in START.items() if subcause is not wrong})


def _considered(verdict: Verdict | None) -> Mapping[Subcause, float]:
    """The verdict's candidates by cause, wherever their root is, as far as their shares can be learnt."""
    found: dict[Subcause, float] = {}
    for candidate in verdict.candidates if verdict is not None else ():
        if candidate.subcause in START and candidate.probability > 0.0:
            found[candidate.subcause] = found.get(candidate.subcause, 0.0) + candidate.probability
    return found


def _spread(parts: Mapping[Subcause, float]) -> tuple[Share, ...]:
    total = fsum(parts.values())
    return tuple(Share(subcause=subcause, weight=part / total) for subcause, part in sorted(parts.items()))


def _whole(subcause: Subcause) -> tuple[Share, ...]:
    return (Share(subcause=subcause, weight=1.0),)


# ---------------------------------------------------------------- from lessons to priors


def counted(lessons: Iterable[Lesson]) -> tuple[Lesson, ...]:
    """The lessons that count, at the weight at which they do: none that is void, and no incident more than once.

    What a person or a rollback said replaces silence; together they share the one incident that they speak of.
    """
    by_incident: dict[str, list[Lesson]] = {}
    for lesson in lessons:
        if lesson.void_since is None:
            by_incident.setdefault(lesson.incident_id, []).append(lesson)
    kept = []
    for of_one in by_incident.values():
        spoken = [lesson for lesson in of_one if lesson.source is not LessonSource.RESOLVED]
        speaking = spoken or of_one
        total = fsum(lesson.weight for lesson in speaking)
        scale = 1.0 / total if total > 1.0 else 1.0
        for one in speaking:
            shares = tuple(replace(share, weight=scale * share.weight) for share in one.shares)
            kept.append(replace(one, shares=shares))
    return tuple(sorted(kept, key=lambda lesson: (lesson.at, lesson.incident_id, lesson.source)))


def learnt_from(lessons: Iterable[Lesson], *, now: datetime) -> Learnt:
    """Sum up: by how many nats each cause is likelier or less likely here than the signatures say."""
    kept = [lesson for lesson in counted(lessons) if now - lesson.at <= REMEMBERED]
    if not kept:
        return Learnt()
    nats = _nats(kept, now)
    here = {side: fsum(START[s] * exp(nats[s]) for s in START if s.cause is side) for side in SIDES}
    start = {side: fsum(START[s] for s in START if s.cause is side) for side in SIDES}
    return Learnt(
        nats=nats,
        side_nats=log(here[Cause.MODEL] / here[Cause.INFRASTRUCTURE])
        - log(start[Cause.MODEL] / start[Cause.INFRASTRUCTURE]),
        confirmed=_tally(lesson for lesson in kept if lesson.source is not LessonSource.RESOLVED),
        uncorrected=_tally(lesson for lesson in kept if lesson.source is LessonSource.RESOLVED),
    )


def _nats(kept: Sequence[Lesson], now: datetime) -> Mapping[Subcause, float]:
    heard: dict[Subcause, list[float]] = {subcause: [] for subcause in START}
    for lesson in kept:
        for share in lesson.shares:
            if share.subcause in heard:  # another version may have known other causes
                heard[share.subcause].append(share.weight * faded(lesson, now))
    total = PRIOR_INCIDENTS + fsum(weight for weights in heard.values() for weight in weights)
    here = {
        subcause: (PRIOR_INCIDENTS * START[subcause] + fsum(weights)) / total for subcause, weights in heard.items()
    }
    return {subcause: max(-MOST, min(MOST, log(share / START[subcause]))) for subcause, share in here.items()}


def faded(lesson: Lesson, now: datetime) -> float:
    """How much of a lesson is left, 0 to 1: half after HALF_LIFE."""
    return float(0.5 ** (max(timedelta(), now - lesson.at) / HALF_LIFE))


def _tally(lessons: Iterable[Lesson]) -> Tally:
    """Incidents by side; where a person and a rollback differ, the later one is believed."""
    sides = {lesson.incident_id: lesson.side for lesson in lessons if lesson.side is not None}
    found = list(sides.values())
    return Tally(model=found.count(Cause.MODEL), infrastructure=found.count(Cause.INFRASTRUCTURE))


# ---------------------------------------------------------------- in the argument, and in a table


def with_lesson(verdict: Verdict, learnt: Learnt) -> Verdict:
    """Add a line to the argument when what was learnt here moves the scales between the two sides' best candidates."""
    best = {c.cause: c.subcause for c in reversed(verdict.candidates)}
    model, infrastructure = best.get(Cause.MODEL), best.get(Cause.INFRASTRUCTURE)
    if model is None or infrastructure is None:
        return verdict
    weight = learnt.nats_of(model) - learnt.nats_of(infrastructure)
    if abs(weight) <= MATTERS:
        return verdict
    line = Reasoning(text=_here_text(learnt, model, infrastructure, weight), weight=round(weight, 2), kind="learnt")
    return replace(verdict, reasoning=tuple(sorted((*verdict.reasoning, line), key=lambda r: (-abs(r.weight), r.text))))


def _here_text(learnt: Learnt, model: Subcause, infrastructure: Subcause, weight: float) -> str:
    confirmed = learnt.confirmed.total > 0
    tally = learnt.confirmed if confirmed else learnt.uncorrected
    count, side = (tally.model, "model") if weight > 0 else (tally.infrastructure, "infrastructure")
    if 2 * count > tally.total:
        which = "confirmed incidents here" if confirmed else "incidents that ended here without a correction"
        return f"in {count} of {tally.total} {which} it was the {side}"
    often, seldom = (model, infrastructure) if weight > 0 else (infrastructure, model)
    more, less = (subcause.value.replace("_", " ") for subcause in (often, seldom))
    return f"against what is usual, {more} is to blame more often here than {less}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseRow:
    """A line of the table for people."""

    subcause: Subcause
    start: float  # share of all incidents, 0 to 1
    here: float  # the same, as it is used now; bounded like `nats`
    nats: float
    lessons: Mapping[LessonSource, int]  # that speak for it, wholly or in part


def rows_of(lessons: Sequence[Lesson], *, now: datetime) -> tuple[CauseRow, ...]:
    """Every cause, the most frequent here first."""
    learnt = learnt_from(lessons, now=now)
    used = {subcause: share * exp(learnt.nats_of(subcause)) for subcause, share in START.items()}
    total = fsum(used.values())
    speaking = [lesson for lesson in counted(lessons) if now - lesson.at <= REMEMBERED]
    rows = [
        CauseRow(
            subcause=subcause,
            start=start,
            here=used[subcause] / total,
            nats=learnt.nats_of(subcause),
            lessons={
                source: sum(
                    lesson.source is source and any(share.subcause is subcause for share in lesson.shares)
                    for lesson in speaking
                )
                for source in LessonSource
            },
        )
        for subcause, start in START.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.here, row.subcause)))
