"""Speak? The difference between what is true and what people were last told, with the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from bot.domain.catalogue import Catalogue
from bot.domain.finding import Finding
from bot.domain.incident import Incident, Severity, State
from bot.domain.notice import Decision, Held, HeldBy, Notice, Reason, Told
from bot.domain.policy import SpeakingPolicy
from bot.domain.silence import Silence
from bot.domain.verdict import Cause


def decide(
    incident: Incident,
    told: Told | None,
    silences: Sequence[Silence],
    catalogue: Catalogue,
    *,
    now: datetime,
    policy: SpeakingPolicy,
) -> Decision:
    """Decide whether to speak about one incident, and why."""
    held = _held(incident, told, silences, catalogue, now=now)
    if held is not None:
        return held
    reason = _reason(incident, told, now=now, policy=policy)
    if reason is Reason.UNCHANGED:
        return Held(incident_id=incident.id, revision=incident.revision, by=HeldBy.NOTHING_NEW)
    return Notice(incident_id=incident.id, revision=incident.revision, reason=reason)


def _held(
    incident: Incident, told: Told | None, silences: Sequence[Silence], catalogue: Catalogue, *, now: datetime
) -> Held | None:
    """Find why something new is not told. What people know of is never left hanging: its end is always told."""

    def by(reason: HeldBy, silence: Silence | None = None) -> Held:
        silence_id = silence.id if silence else None
        return Held(incident_id=incident.id, revision=incident.revision, by=reason, silence_id=silence_id)

    known = told is not None and told.state is not State.RESOLVED
    if incident.state is State.PENDING:
        return by(HeldBy.DEBOUNCE)
    if incident.state is State.RESOLVED:
        return None if known else by(HeldBy.NOTHING_NEW)
    if not known and incident.severity is Severity.INFO:
        return by(HeldBy.LOW_SEVERITY)
    silence = covering(incident, silences, catalogue, now=now)
    if silence is not None:
        return by(HeldBy.SILENCE, silence)
    return None


def covering(incident: Incident, silences: Sequence[Silence], catalogue: Catalogue, *, now: datetime) -> Silence | None:
    """The silence that mutes an incident: every active finding must be covered by some silence.

    One that only covers a part mutes nothing, because the rest is news.
    """
    active = incident.active_findings or incident.findings
    used: Silence | None = None
    for finding in active:
        labels = labels_for_silence(finding, incident, catalogue)
        match = next((silence for silence in silences if silence.covers(labels, now=now)), None)
        if match is None:
            return None
        used = used or match
    return used


def labels_for_silence(finding: Finding, incident: Incident, catalogue: Catalogue) -> Mapping[str, str]:
    """What a person's matchers see: the series' labels and what we make of it."""
    signal = catalogue.signal.get(finding.key.signal)
    model = catalogue.model_of(finding.key.entity)
    entity = finding.key.entity
    named = {str(catalogue.entity_type(entity)): entity}
    return {
        **named,
        **({"model": model.name} if model else {}),
        **finding.key.matchable(),
        "kind": signal.kind if signal else "telemetry",
        "cause": incident.verdict.cause if incident.verdict else Cause.UNDETERMINED,
        "severity": incident.severity,
        "incident": incident.id,
    }


def _reason(incident: Incident, told: Told | None, *, now: datetime, policy: SpeakingPolicy) -> Reason:
    """Compare what is true with what people were last told."""
    if told is None:
        return Reason.FIRST
    if incident.state is State.RESOLVED:
        return Reason.UNCHANGED if told.state is State.RESOLVED else Reason.RESOLVED
    if told.state is State.RESOLVED:
        flapping = incident.reopened >= policy.flap_reopens and not told.flapping_said
        return Reason.FLAPPING if flapping else Reason.REOPENED
    if incident.severity.rank > told.severity.rank:
        return Reason.SEVERITY
    cause = incident.verdict.cause if incident.verdict else Cause.UNDETERMINED
    since = incident.verdict_since or now
    if cause is not told.cause and now - since >= policy.verdict_hold:
        return Reason.VERDICT
    if incident.firing - told.firing:
        return Reason.SPREAD
    return Reason.UNCHANGED
