"""A rollback or a retraining that somebody asked for, who approved it, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from bot.domain.incident import IncidentId
from bot.domain.verdict import RollbackAdvice

ProposalId = NewType("ProposalId", str)


class ActionKind(StrEnum):
    ROLLBACK = "rollback"
    RETRAIN = "retrain"


class ProposalState(StrEnum):
    """Where an action stands. Of one model at most one proposal is not final."""

    PENDING = "pending"
    APPROVED = "approved"
    EXECUTING = "executing"
    MOVED = "moved"  # the registry holds the target; serving and recovery are being watched
    VERIFIED = "verified"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"  # done, but serving or recovery could not be confirmed in time
    CONFLICT = "conflict"  # somebody else moved the alias
    DRY_RUN = "dry_run"  # approved, and nothing was touched because actions are not live
    DENIED = "denied"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        return self not in (
            ProposalState.PENDING,
            ProposalState.APPROVED,
            ProposalState.EXECUTING,
            ProposalState.MOVED,
        )


LIVE = tuple(state for state in ProposalState if not state.final)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One pre-flight or post-action check, as shown on the card."""

    name: str  # "target exists", "artefact ready"
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    proposal_id: ProposalId
    user_id: str
    approve: bool
    at: datetime
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    id: ProposalId
    kind: ActionKind
    model: str
    from_version: str
    to_version: str  # "" for a retraining
    requested_by: str  # Slack user id, or "faultline"
    requested_at: datetime
    expires_at: datetime
    nonce: str  # one-shot: a button of an older card approves nothing
    state: ProposalState = ProposalState.PENDING
    incident_id: IncidentId | None = None
    advice: RollbackAdvice = RollbackAdvice.UNKNOWN
    advice_reason: str = ""
    checks: tuple[Check, ...] = ()  # pre-flight
    approvers_text: str = ""  # who may approve, for the card
    four_eyes: bool = False
    dry_run: bool = True
    approvals: tuple[Approval, ...] = ()
    sends: int = 0  # times the registry was asked to move the alias
    moved_at: datetime | None = None
    serving_confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    revision: int = 1  # grows with every change, so that the newest card wins
    outcome: str = ""  # one sentence for the thread
    outcome_checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Append-only. Who did what to what, and when."""

    at: datetime
    who: str  # Slack user id, or "faultline"
    what: str  # "rollback.approved", "silence.created", ...
    subject: str  # proposal, silence or incident id
    detail: str = ""  # JSON, no secrets
