"""The day in one message: what was told, what was seen and called nobody, and where we cannot look now."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from math import isfinite

from bot.domain.catalogue import Catalogue, Kind
from bot.domain.finding import Finding, FindingKind
from bot.domain.incident import Incident, IncidentId, Severity, State
from bot.domain.message import DigestEntry, DigestMessage
from bot.domain.policy import SpeakingPolicy
from bot.domain.proposal import Proposal
from bot.pipeline.phrasing import amount
from bot.pipeline.words import KIND_WORDS, action_text

DAY = timedelta(days=1)
CATCH_UP = timedelta(hours=12)  # later than that the next one is nearer
ON_TIME = timedelta(minutes=10)  # what is so only at this moment is not worth a message that comes later
LINES = 10  # of each part; a longer list is not read
NAMES = 5  # of one line
INPUTS = frozenset({Kind.FEATURE_DRIFT, Kind.FEATURE_VALUE, Kind.FEATURE_NULL})


def due_slot(now: datetime, at: time) -> datetime | None:
    """The moment whose digest should stand by now; None when it is too late for the last one.

    >>> due_slot(datetime(2026, 11, 25, 20, 59, tzinfo=UTC), time(9)).isoformat()
    '2026-11-25T09:00:00+00:00'
    >>> due_slot(datetime(2026, 11, 25, 21, 1, tzinfo=UTC), time(9))
    """
    slot = datetime.combine(now.astimezone(UTC).date(), at, tzinfo=UTC)
    if slot > now:
        slot -= DAY
    return slot if now - slot <= CATCH_UP else None


def thread_of(slot: datetime) -> str:
    """The digest's thread: one a day, so that it cannot stand in the channel twice."""
    return f"digest-{slot:%Y-%m-%d}"


def digest_of(
    incidents: Sequence[Incident],
    told: Collection[IncidentId],
    catalogue: Catalogue,
    *,
    slot: datetime,
    now: datetime,
    policy: SpeakingPolicy,
    blind: Sequence[str] = (),
    pending: Sequence[Proposal] = (),
) -> DigestMessage | None:
    """Sum up the day before `slot`; None when there is nothing to tell.

    incidents: those open now, and those resolved since a day before the slot.
    told: of these, the ones that people were told of.
    blind: the sources that cannot be read now. pending: proposals that wait for an answer now.
    """
    since = slot - DAY
    of_day = [one for one in incidents if one.opened <= slot and (one.resolved is None or one.resolved > since)]
    heard = sorted((one for one in of_day if one.id in told), key=lambda one: (-one.severity.rank, one.onset))
    quiet = quiet_lines((one for one in of_day if _quiet(one, told, now=now, policy=policy)), catalogue, since=since)
    late = now - slot > ON_TIME
    if not heard and not quiet and (late or not (blind or pending)):
        return None
    return DigestMessage(
        since=since,
        until=slot,
        at=now,
        told=tuple(_entry(one) for one in heard[:LINES]),
        told_more=max(0, len(heard) - LINES),
        quiet=tuple(quiet[:LINES]),
        quiet_more=max(0, len(quiet) - LINES),
        blind=tuple(blind[:LINES]),
        blind_more=max(0, len(blind) - LINES),
        pending=tuple(f"{action_text(one)} until {one.expires_at:%H:%M} UTC" for one in pending[:LINES]),
        pending_more=max(0, len(pending) - LINES),
    )


def _quiet(incident: Incident, told: Collection[IncidentId], *, now: datetime, policy: SpeakingPolicy) -> bool:
    """Whether it lasted, and was held for no other reason than that it calls nobody. A silence is a person's wish."""
    lasted = (incident.resolved or now) - incident.opened
    return (
        incident.id not in told
        and incident.severity is Severity.INFO
        and incident.state is not State.PENDING
        and lasted >= policy.debounce
    )


def _entry(incident: Incident) -> DigestEntry:
    return DigestEntry(
        incident_id=incident.id,
        severity=incident.severity,
        verdict=incident.verdict,
        onset=incident.onset,
        resolved=incident.resolved,
    )


def quiet_lines(incidents: Iterable[Incident], catalogue: Catalogue, *, since: datetime) -> list[str]:
    """What moved without calling anybody: a line for the inputs of each model, and one for each other kind of series.

    A series that moved several times counts once, as it was at its farthest.
    """
    worst: dict[tuple[str, str], tuple[Finding, Kind | None]] = {}
    for incident in incidents:
        for member in incident.members:
            if member.ended is not None and member.ended <= since:
                continue
            finding = member.finding
            signal = catalogue.signal.get(finding.key.signal)
            place = (_subject(finding, catalogue), _name(finding, catalogue))
            if place not in worst or _farness(finding) > _farness(worst[place][0]):
                worst[place] = (finding, signal.kind if signal else None)
    lines: dict[str, list[tuple[float, str]]] = {}
    for (subject, name), (finding, kind) in worst.items():
        lines.setdefault(subject, []).append((_farness(finding), f"{name} ({_size(finding, kind)})"))
    ordered = sorted(lines.items(), key=lambda line: (not line[0].startswith("inputs of "), line[0]))
    return [f"{subject} moved: {_listed(parts)}" for subject, parts in ordered]


def _subject(finding: Finding, catalogue: Catalogue) -> str:
    signal = catalogue.signal.get(finding.key.signal)
    model = catalogue.model_of(finding.key.entity)
    if signal is None:
        return finding.key.signal
    if model is not None and signal.kind in INPUTS:
        return f"inputs of {model.name}"
    return KIND_WORDS[signal.kind]


def _name(finding: Finding, catalogue: Catalogue) -> str:
    """A feature without its model, which the line names already."""
    entity, signal = finding.key.entity, catalogue.signal.get(finding.key.signal)
    feature = entity.partition("/")[2]
    if signal is not None and signal.kind in INPUTS and catalogue.model_of(entity) is not None:
        return feature or "all together"
    return entity


def _farness(finding: Finding) -> float:
    far = abs(finding.evidence.peak_z)
    return far if isfinite(far) else float("inf")


def _size(finding: Finding, kind: Kind | None) -> str:
    """The numbers in brackets. A distance between populations is known by its name and needs no usual value."""
    evidence = finding.evidence
    if finding.kind in (FindingKind.GAP, FindingKind.BLIND):
        return "silent"
    if finding.kind is FindingKind.SPREAD:
        return "wilder than usual"
    if kind in (Kind.FEATURE_DRIFT, Kind.PREDICTION_DRIFT) and isfinite(evidence.observed):
        return f"{_statistic(evidence.unit)} {evidence.observed:.2f}".strip()
    usual = f", usual {amount(evidence.expected, evidence.unit)}" if isfinite(evidence.expected) else ""
    return f"{amount(evidence.observed, evidence.unit)}{usual}"


def _statistic(unit: str) -> str:
    return unit.upper() if unit.lower() in ("psi", "js", "ks") else unit


def _listed(parts: list[tuple[float, str]]) -> str:
    """The farthest first."""
    named = [text for _, text in sorted(parts, key=lambda part: (-part[0], part[1]))]
    more = f" and {len(named) - NAMES} more" if len(named) > NAMES else ""
    return ", ".join(named[:NAMES]) + more
