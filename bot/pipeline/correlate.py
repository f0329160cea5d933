"""Group: from the findings of this tick and the incidents of the last to the incidents of now. Level, not edge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.catalogue import Catalogue, Kind
from bot.domain.change import Change
from bot.domain.finding import Finding, FindingKind, Fingerprint
from bot.domain.incident import Incident, IncidentId, Member, State
from bot.domain.policy import SpeakingPolicy
from bot.pipeline.patience import ripe
from bot.pipeline.relate import cause_time, echoes, kind_of, label_delay, related, related_otherwise
from bot.pipeline.severity import severity_of
from bot.pipeline.weights import ECHO_WAIT, ROOT_LATE_TICKS

NewId = Callable[[Sequence[Finding], datetime], IncidentId]


def correlate(
    findings: Sequence[Finding],
    incidents: Sequence[Incident],
    catalogue: Catalogue,
    *,
    now: datetime,
    policy: SpeakingPolicy,
    new_id: NewId,
    changes: Sequence[Change] = (),
) -> tuple[Incident, ...]:
    """Return every incident that is open now or changed in this tick, oldest first.

    incidents: the open ones, and those resolved recently enough to be reopened, or to be told of by late labels.
    changes: recent ones; what a rollout costs while it happens is waited for.
    """
    live = [incident for incident in incidents if incident.open]
    past = [incident for incident in incidents if not incident.open]
    grouped = {incident.id: _refresh(incident, findings, catalogue, now=now) for incident in live}
    housed = {print_ for incident in live for print_ in _prints(incident)}
    homeless = [f for f in findings if f.fingerprint not in housed and not _of_the_past(f, past, catalogue, now=now)]

    for finding in sorted(homeless, key=lambda f: (f.onset, str(f.key))):
        home = _home(finding, grouped, catalogue) or _reopened(finding, past, now=now, policy=policy)
        if home is None:
            home = _opened(finding, now=now, new_id=new_id, taken=grouped)
        grouped[home.id] = _admit(grouped.get(home.id, home), finding, now=now)
    merged = _merge_untold(grouped, catalogue)
    return tuple(
        _settle(incident, catalogue, changes, now=now, policy=policy)
        for incident in sorted(merged, key=lambda incident: (incident.opened, incident.id))
    )


def _prints(incident: Incident) -> frozenset[Fingerprint]:
    return frozenset(member.finding.fingerprint for member in incident.members)


def _refresh(incident: Incident, findings: Sequence[Finding], catalogue: Catalogue, *, now: datetime) -> Incident:
    """Bring each member up to date: still active, just ended, or back again."""
    current = {finding.fingerprint: finding for finding in findings}
    members = []
    for member in incident.members:
        finding = current.get(member.finding.fingerprint)
        if finding is not None:
            members.append(Member(finding=finding))
        elif _told(incident) or kind_of(member.finding, catalogue) is Kind.LABEL_VOLUME:
            # else it is no part of it: nobody has heard of it, and it is over; but few labels explain what comes after
            members.append(member if member.ended else replace(member, ended=now))
    return replace(incident, members=tuple(members))


def _told(incident: Incident) -> bool:
    """Whether people may have heard of it: one that came back is pending again, and keeps its past."""
    return incident.state is not State.PENDING or incident.reopened > 0


def _home(finding: Finding, grouped: Mapping[IncidentId, Incident], catalogue: Catalogue) -> Incident | None:
    """Find the open incident this finding fits: the one with most members that relate to it, actively."""
    best: tuple[int, datetime] | None = None
    home: Incident | None = None
    for incident in grouped.values():
        links = sum(_joins(finding, m.finding, incident, catalogue) for m in incident.members if _meets(finding, m))
        links = links or int(echoes(finding, incident, catalogue))
        if links and (best is None or (links, incident.opened) > best):
            best, home = (links, incident.opened), incident
    return home


def _meets(finding: Finding, member: Member) -> bool:
    """Whether a member was there when the finding was: now, or, for a log, in the window that it tells of."""
    if member.active or finding.kind is not FindingKind.LOG:
        return member.active
    return member.ended is not None and member.ended >= finding.onset


def _late_echo(finding: Finding, incident: Incident, catalogue: Catalogue, *, now: datetime) -> bool:
    """Whether late labels tell of an incident that is over; not for ever: what stays off longer than that is news."""
    if incident.resolved is None or finding.fingerprint in _prints(incident):
        return False  # it was there: that it comes back is told, in the same thread
    if not echoes(finding, incident, catalogue):
        return False
    return now <= incident.resolved + label_delay(finding, catalogue) + ECHO_WAIT


def _of_the_past(finding: Finding, past: Sequence[Incident], catalogue: Catalogue, *, now: datetime) -> bool:
    """Whether labels tell late of predictions that were made during an incident that is over: no news any more."""
    account = finding.evidence.account
    if account is None or account.until is None:
        return any(_late_echo(finding, incident, catalogue, now=now) for incident in past)
    return any(
        incident.resolved is not None
        and account.until <= incident.resolved
        and any(_meets(finding, m) and related(finding, m.finding, catalogue) for m in incident.members)
        for incident in past
    )


def _joins(finding: Finding, member: Finding, incident: Incident, catalogue: Catalogue) -> bool:
    """Whether a finding may belong to an incident by one of its members.

    What could only have caused the member must have been there when the incident began: a disk that fills ten minutes
    after a bad version is a second trouble, even though it will soon hurt the same model.
    """
    if not related(finding, member, catalogue):
        return False
    if related_otherwise(finding, member, catalogue):
        return True
    slack = timedelta(seconds=ROOT_LATE_TICKS * catalogue.step_s)
    return cause_time(finding, catalogue) <= incident.onset + slack


def _reopened(finding: Finding, past: Sequence[Incident], *, now: datetime, policy: SpeakingPolicy) -> Incident | None:
    """The same trouble back within the window keeps its thread."""
    for incident in sorted(past, key=lambda incident: incident.resolved or incident.opened, reverse=True):
        ended = incident.resolved
        if ended is None or now - ended > policy.reopen_within or finding.fingerprint not in _prints(incident):
            continue
        return replace(
            incident,
            state=State.PENDING,
            resolved=None,
            resolved_by=None,
            clean_since=None,
            reopened=incident.reopened + 1,
            updated=now,
        )
    return None


def _opened(finding: Finding, *, now: datetime, new_id: NewId, taken: Mapping[IncidentId, Incident]) -> Incident:
    incident_id = new_id((finding,), now)
    assert incident_id not in taken, "an incident id must be new"
    return Incident(id=incident_id, state=State.PENDING, opened=now, onset=finding.onset, updated=now)


def _admit(incident: Incident, finding: Finding, *, now: datetime) -> Incident:
    others = tuple(m for m in incident.members if m.finding.fingerprint != finding.fingerprint)
    return replace(incident, members=(*others, Member(finding=finding)), updated=now)


def _merge_untold(grouped: Mapping[IncidentId, Incident], catalogue: Catalogue) -> list[Incident]:
    """Join incidents that turn out to be one trouble while nobody has heard of the younger one."""
    kept: list[Incident] = []
    for incident in sorted(grouped.values(), key=lambda incident: (incident.opened, incident.id)):
        host = None
        if incident.state is State.PENDING and incident.reopened == 0:
            host = next((other for other in kept if _touch(incident, other, catalogue)), None)
        if host is None:
            kept.append(incident)
            continue
        kept[kept.index(host)] = replace(
            host,
            members=(*host.members, *(m for m in incident.members if m.finding.fingerprint not in _prints(host))),
            onset=min(host.onset, incident.onset),
        )
    return kept


def _touch(a: Incident, b: Incident, catalogue: Catalogue) -> bool:
    """One trouble if what began the one belongs to the other: two troubles may well share a late symptom."""
    return _begins_in(a, b, catalogue) or _begins_in(b, a, catalogue)


def _begins_in(one: Incident, other: Incident, catalogue: Catalogue) -> bool:
    active = [member.finding for member in one.members if member.active]
    if not active:
        return False
    first = min(active, key=lambda f: (f.onset, str(f.key)))  # as seen: when late labels began is known only loosely
    return any(_joins(first, m.finding, other, catalogue) for m in other.members if m.active)


def _opened_at(incident: Incident) -> datetime:
    """When what stands was first seen: what came and went before anybody was told is no part of it."""
    if _told(incident):
        return incident.opened
    telling = [f for f in incident.active_findings if f.kind is not FindingKind.GAP or f.worse]
    return max(incident.opened, min((finding.detected for finding in telling), default=incident.opened))


def _settle(
    incident: Incident, catalogue: Catalogue, changes: Sequence[Change], *, now: datetime, policy: SpeakingPolicy
) -> Incident:
    """Derive what follows from the members: onset, severity, state."""
    active = incident.active_findings
    if not incident.open:
        return incident
    if active:
        severity = severity_of(active, catalogue, lately=incident.findings)
        if incident.state is State.FIRING and severity.rank < incident.severity.rank:
            severity = incident.severity  # one sign fading does not make the trouble smaller; it ends when all are gone
        settled = replace(
            incident,
            severity=severity,
            clean_since=None,
            onset=min(finding.onset for finding in incident.findings),
        )
        if incident.state is State.PENDING and ripe(active, severity, changes, catalogue, now=now, policy=policy):
            settled = replace(settled, state=State.FIRING, opened=_opened_at(settled))
    else:
        since = incident.clean_since or now
        settled = replace(incident, clean_since=since)
        if now - since >= policy.resolve_after or incident.state is State.PENDING:
            settled = replace(settled, state=State.RESOLVED, resolved=since)
    return settled if settled == incident else replace(settled, updated=now)
