"""From domain values to the columns of their tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from bot.codec import encode
from bot.domain.change import Change, DeployEvent
from bot.domain.finding import Finding
from bot.domain.incident import Incident
from bot.domain.learning import Lesson
from bot.domain.message import OutboxItem, Posted
from bot.domain.notice import Decision, Notice, Told
from bot.domain.proposal import Approval, AuditEntry, Proposal
from bot.domain.silence import Silence
from bot.ports import StoredProfile, TickMark
from bot.store.queue import Entry

Columns = dict[str, Any]  # by column name, as SQLAlchemy takes them


def incident_columns(incident: Incident) -> Columns:
    return {
        "id": incident.id,
        "state": incident.state.value,
        "severity": incident.severity.value,
        "cause": incident.verdict.cause.value if incident.verdict else None,
        "opened": incident.opened,
        "updated": incident.updated,
        "resolved": incident.resolved,
        "revision": incident.revision,
        "value": encode(incident),
    }


def finding_columns(incident: Incident) -> Iterator[Columns]:
    """One a finding; a series that complained twice since the same tick counts once, as last seen."""
    newest = {(finding.fingerprint, finding.detected): finding for finding in incident.findings}
    for finding in newest.values():
        yield _finding_columns(incident, finding)


def _finding_columns(incident: Incident, finding: Finding) -> Columns:
    return {
        "incident_id": incident.id,
        "fingerprint": finding.fingerprint,
        "detected": finding.detected,
        "signal": finding.key.signal,
        "entity": finding.key.entity,
        "kind": finding.kind.value,
        "value": encode(finding),
    }


def told_columns(told: Told) -> Columns:
    return {"incident_id": told.incident_id, "revision": told.revision, "at": told.at, "value": encode(told)}


def decision_columns(decision: Decision, tick: TickMark | None) -> Columns:
    return {
        "incident_id": decision.incident_id,
        "revision": decision.revision,
        "tick": tick.at if tick else None,
        "word": (decision.reason if isinstance(decision, Notice) else decision.by).value,
        "value": encode(decision),
    }


def silence_columns(silence: Silence) -> Columns:
    return {
        "id": silence.id,
        "starts": silence.starts,
        "ends": silence.ends,
        "by": silence.by,
        "value": encode(silence),
    }


def proposal_columns(proposal: Proposal) -> Columns:
    return {
        "id": proposal.id,
        "kind": proposal.kind.value,
        "model": proposal.model,
        "state": proposal.state.value,
        "requested_by": proposal.requested_by,
        "requested_at": proposal.requested_at,
        "expires_at": proposal.expires_at,
        "incident_id": proposal.incident_id,
        "value": encode(proposal),
    }


def approval_columns(approval: Approval) -> Columns:
    return {
        "proposal_id": approval.proposal_id,
        "user_id": approval.user_id,
        "approve": approval.approve,
        "at": approval.at,
        "value": encode(approval),
    }


def audit_columns(entry: AuditEntry) -> Columns:
    return {"at": entry.at, "who": entry.who, "what": entry.what, "subject": entry.subject, "detail": entry.detail}


def deploy_columns(event: DeployEvent) -> Columns:
    return {
        "model": event.model,
        "alias": event.alias,
        "version": event.version,
        "at": event.at,
        "source": event.source,
        "value": encode(event),
    }


def change_columns(change: Change) -> Columns:
    value = encode(change)
    return {
        "identity": hashlib.sha256(value.encode()).hexdigest(),
        "time": change.time,
        "kind": change.kind.value,
        "entity": change.entity,
        "value": value,
    }


def tick_columns(tick: TickMark) -> Columns:
    return {
        "at": tick.at,
        "seconds": tick.seconds,
        "series": tick.series,
        "findings": tick.findings,
        "value": encode(tick),
    }


def profile_columns(profile: StoredProfile) -> Columns:
    return {
        "model": profile.model,
        "version": profile.version,
        "id": profile.id,
        "made": profile.made,
        "origin": profile.origin,
        "body": profile.body,
    }


def lesson_columns(lesson: Lesson) -> Columns:
    return {
        "incident_id": lesson.incident_id,
        "source": lesson.source.value,
        "at": lesson.at,
        "void_since": lesson.void_since,
        "value": encode(lesson),
    }


def posted_columns(posted: Posted) -> Columns:
    return {
        "thread": posted.thread,
        "slot": posted.slot,
        "channel": posted.channel,
        "ts": posted.ts,
        "revision": posted.revision,
        "digest": posted.digest,
    }


def entry_columns(entry: Entry) -> Columns:
    item: OutboxItem = entry.item
    return {
        "op": item.op,
        "thread": item.thread,
        "slot": item.slot,
        "revision": item.revision,
        "state": entry.state.value,
        "not_before": item.not_before,
        "created": item.created,
        "attempts": entry.attempts,
        "first_try": entry.first_try,
        "owner": entry.owner,
        "lease_until": entry.lease_until,
        "held_back": entry.held_back,
        "because": entry.because,
        "value": encode(item),
    }
