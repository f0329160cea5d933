"""Honest values for contract tests: every field filled, numbers that JSON has no word for included."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.catalogue import Kind
from bot.domain.change import Change, ChangeKind, DeployEvent
from bot.domain.finding import Course, Direction, Evidence, Finding, FindingKind, Shape
from bot.domain.incident import Feedback, Incident, IncidentId, Member, Severity, State
from bot.domain.labels import Matcher, MatchOp
from bot.domain.learning import Lesson, LessonSource, Share
from bot.domain.message import HeadlineMessage, OutboxItem, Posted, TextMessage
from bot.domain.notice import Told
from bot.domain.precursor import Precursor, Sign
from bot.domain.proposal import ActionKind, Approval, AuditEntry, Check, Proposal, ProposalId, ProposalState
from bot.domain.series import SeriesKey
from bot.domain.silence import Silence, SilenceId
from bot.domain.verdict import (
    Candidate,
    Cause,
    Reasoning,
    RollbackAdvice,
    Subcause,
    Suspect,
    SuspectChange,
    Verdict,
)
from bot.ports import StoredProfile

T0 = datetime(2026, 11, 3, 9, 0, 0, 123456, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LEASE = timedelta(seconds=45)


def change(text: str = "fraud 8 → 9", *, at: datetime = T0) -> Change:
    return Change(
        time=at, kind=ChangeKind.MODEL_VERSION, entity="fraud", text=text, from_="8", to="9", by="ci <bot> 'quoted'"
    )


def finding(signal: str = "auc", *, at: datetime = T0, observed: float = 0.71, z: float = -9.5) -> Finding:
    return Finding(
        key=SeriesKey(signal, "fraud", (("region", "eu"), ("ünïcode", 'a"b\n'))),
        kind=FindingKind.GAP if math.isnan(observed) else FindingKind.LEVEL,
        direction=Direction.DOWN,
        worse=True,
        onset=at - 3 * MINUTE,
        detected=at,
        evidence=Evidence(
            observed=observed,
            expected=0.9,
            scale=0.02,
            z=z,
            peak_z=z,
            unit="ratio",
            window_s=600.0,
            course=Course(
                at=at, shape=Shape.RAMP, earliest=at - 4 * MINUTE, latest=at, pace=-0.05, limit_at=at + MINUTE, alike=at
            ),
        ),
        because="",
    )


def verdict() -> Verdict:
    key = SeriesKey("auc", "fraud")
    return Verdict(
        cause=Cause.MIXED,
        subcauses=(Subcause.BAD_VERSION, Subcause.DISK_SATURATION),
        entity="fraud",
        model_probability=0.62,
        reasoning=(Reasoning(text="the version changed 3 min before", weight=1.7, entity="fraud"),),
        candidates=(Candidate(cause=Cause.MODEL, subcause=Subcause.BAD_VERSION, entity="fraud", probability=0.6),),
        suspects=(Suspect(key=key, onset=T0, score=0.8),),
        changes=(SuspectChange(change=change(), weight=0.9),),
        rollback=RollbackAdvice.ADVISED,
        rollback_reason="it served well before",
        settle="",
    )


def precursor() -> Precursor:
    return Precursor(
        first=Sign(entity="n-04", kind=Kind.DISK, way=Direction.UP),
        second=Sign(entity="fraud", kind=Kind.QUALITY, way=Direction.DOWN),
        followed=5,
        times=6,
        lead_s=720.0,
        lead_low_s=480.0,
        lead_high_s=1200.0,
        longest_s=1500.0,
        sure=0.575,
        chance=0.02,
    )


def incident(name: str = "i-1", *, at: datetime = T0, state: State = State.FIRING, revision: int = 0) -> Incident:
    return Incident(
        id=IncidentId(name),
        state=state,
        opened=at,
        onset=at - 3 * MINUTE,
        updated=at,
        resolved=at + MINUTE if state is State.RESOLVED else None,
        severity=Severity.CRITICAL,
        members=(
            Member(finding=finding(at=at)),
            Member(finding=finding("freshness", at=at, observed=math.nan, z=math.inf), ended=at + MINUTE),
            Member(finding=finding("scored", at=at, observed=1e308, z=-math.inf)),
        ),
        verdict=verdict(),
        verdict_since=at,
        clean_since=None,
        reopened=2,
        acknowledged_by="U1",
        acknowledged_at=at,
        resolved_by=None,
        feedback=Feedback.NEITHER,
        feedback_by="U2",
        ahead=(precursor(),),
        revision=revision,
    )


def told(name: str = "i-1") -> Told:
    return Told(
        incident_id=IncidentId(name),
        revision=3,
        state=State.FIRING,
        firing=incident(name).firing,
        severity=Severity.WARNING,
        cause=Cause.MODEL,
        at=T0,
        replies=2,
        flapping_said=True,
    )


def item(
    thread: str = "i-1",
    slot: str = "headline",
    *,
    revision: int = 0,
    at: datetime = T0,
    not_before: datetime | None = None,
    text: str = "",
) -> OutboxItem:
    message = TextMessage(text=text) if text else HeadlineMessage(incident=incident(thread, revision=revision))
    return OutboxItem(
        op=f"{thread}:{slot}:{revision}",
        thread=thread,
        slot=slot,
        revision=revision,
        message=message,
        not_before=not_before or at,
        created=at,
    )


def place(thread: str = "i-1", slot: str = "headline", *, ts: str = "1762160400.000100", revision: int = 0) -> Posted:
    return Posted(thread=thread, slot=slot, channel="C1", ts=ts, revision=revision, digest="d")


def silence(name: str = "s-1", *, starts: datetime = T0, hours: int = 4) -> Silence:
    return Silence(
        id=SilenceId(name),
        matchers=(Matcher("model", MatchOp.EQUAL, "fraud"), Matcher("node", MatchOp.REGEX, 'n-0[1-3]|"x"')),
        starts=starts,
        ends=starts + timedelta(hours=hours),
        reason="planned work",
        by="U1",
        ended_early_by=None,
    )


def proposal(
    name: str = "p-1", *, model: str = "fraud", state: ProposalState = ProposalState.PENDING, at: datetime = T0
) -> Proposal:
    return Proposal(
        id=ProposalId(name),
        kind=ActionKind.ROLLBACK,
        model=model,
        from_version="9",
        to_version="8",
        requested_by="U1",
        requested_at=at,
        expires_at=at + 30 * MINUTE,
        nonce="n",
        state=state,
        incident_id=IncidentId("i-1"),
        advice=RollbackAdvice.ADVISED,
        advice_reason="it served well before",
        checks=(Check(name="target exists", passed=True, detail="version 8"),),
        approvers_text="U1, U2",
        four_eyes=True,
        dry_run=False,
        approvals=(),
        sends=1,
        moved_at=at,
        serving_confirmed_at=None,
        ended_at=None,
        outcome="",
        outcome_checks=(Check(name="alias", passed=False, detail="version 9"),),
    )


def approved(before: Proposal, *, by: str = "U2") -> Proposal:
    approval = Approval(proposal_id=before.id, user_id=by, approve=True, at=T0 + MINUTE, comment="go")
    return replace(before, state=ProposalState.APPROVED, approvals=(*before.approvals, approval))


def lesson(
    name: str = "i-1", source: LessonSource = LessonSource.FEEDBACK, *, at: datetime = T0, void: datetime | None = None
) -> Lesson:
    return Lesson(
        incident_id=IncidentId(name),
        source=source,
        at=at,
        side=Cause.INFRASTRUCTURE,
        shares=(
            Share(subcause=Subcause.DISK_SATURATION, weight=2 / 3),
            Share(subcause=Subcause.NETWORK, weight=1 / 3),
        ),
        by="U2",
        void_since=void,
    )


def audit(what: str = "rollback.approved", *, subject: str = "p-1", at: datetime = T0) -> AuditEntry:
    return AuditEntry(at=at, who="U2", what=what, subject=subject, detail='{"version": "8"}')


def deploy(version: str, *, at: datetime, model: str = "fraud") -> DeployEvent:
    return DeployEvent(model=model, alias="champion", version=version, previous=None, at=at, source="registry")


def profile(version: str = "9", name: str = "h-1", *, model: str = "fraud", made: datetime = T0) -> StoredProfile:
    body = '{"features": {"ünïcode \\"amount\\"": [0.1, 1e308]}}' + " " * 300_000
    return StoredProfile(model=model, version=version, id=name, made=made, origin="healthy days", body=body)
