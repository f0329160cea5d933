"""From a decision to the messages that should stand in Slack, within the budget of an incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.catalogue import Catalogue
from bot.domain.incident import Incident, State
from bot.domain.message import (
    ChangeMessage,
    EvidenceMessage,
    HeadlineMessage,
    Message,
    OutboxItem,
    Plot,
    SilenceMark,
    Slot,
)
from bot.domain.notice import Notice, Reason, Told
from bot.domain.policy import SpeakingPolicy
from bot.domain.silence import Silence
from bot.domain.verdict import Cause, RollbackAdvice, Subcause
from bot.pipeline.decide import covering
from bot.pipeline.words import verdict_text

# A person's act and a final state show at once; what merely grows waits and is folded.
AT_ONCE = frozenset(
    {Reason.FIRST, Reason.RESOLVED, Reason.REOPENED, Reason.PERSON, Reason.SEVERITY, Reason.VERDICT, Reason.FLAPPING}
)
REPLIED = frozenset({Reason.VERDICT, Reason.SEVERITY, Reason.RESOLVED, Reason.REOPENED, Reason.FLAPPING})
# the evidence is another one
GROWN = frozenset({Reason.SPREAD, Reason.VERDICT, Reason.SEVERITY, Reason.REOPENED, Reason.FLAPPING, Reason.RESOLVED})
BROADCAST = frozenset({Reason.SEVERITY, Reason.REOPENED})
RESERVED = frozenset({Reason.RESOLVED})  # the end is told even when the budget is spent


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """What goes into the outbox, and what people will have been told once it is out."""

    outbox: tuple[OutboxItem, ...]
    told: Told


def item(
    thread: str, slot: str, message: Message, *, revision: int, now: datetime, not_before: datetime | None = None
) -> OutboxItem:
    """Address a message. The op names thread, place and revision, so that the same content has the same key."""
    return OutboxItem(
        op=f"{thread}:{slot}:{revision}",
        thread=thread,
        slot=slot,
        revision=revision,
        message=message,
        not_before=not_before or now,
        created=now,
    )


def headline_of(
    incident: Incident, silences: Sequence[Silence], catalogue: Catalogue, *, now: datetime, flapping: bool = False
) -> HeadlineMessage:
    """The headline as it should stand now."""
    silence = covering(incident, silences, catalogue, now=now) if incident.open else None
    mark = SilenceMark(id=silence.id, by=silence.by, ends=silence.ends, reason=silence.reason) if silence else None
    return HeadlineMessage(
        incident=incident, silenced=mark, can_roll_back=_can_roll_back(incident, catalogue), flapping=flapping
    )


def flaps(told: Told | None) -> bool:
    """Whether people were told that it comes and goes, which then stays in the headline."""
    return told is not None and told.flapping_said


def _can_roll_back(incident: Incident, catalogue: Catalogue) -> str | None:
    """The model whose version may be at fault, as long as nobody acts on it already."""
    verdict = incident.verdict
    if not incident.open or incident.action_live or verdict is None or Subcause.BAD_VERSION not in verdict.subcauses:
        return None
    if verdict.rollback is RollbackAdvice.NOT_ADVISED or verdict.rolled_back:
        return None
    suspects = (c.entity for c in verdict.candidates if c.subcause is Subcause.BAD_VERSION)
    return next((entity for entity in suspects if entity in catalogue.model), None)


def speak(
    notice: Notice,
    incident: Incident,
    told: Told | None,
    headline: HeadlineMessage,
    plot: Sequence[Plot],
    *,
    now: datetime,
    policy: SpeakingPolicy,
) -> Speech:
    """Turn a notice into messages: the headline always, a reply when people should be called."""
    wait = None if notice.reason in AT_ONCE else now + policy.edit_debounce
    outbox = [
        item(incident.id, Slot.HEADLINE, headline, revision=incident.revision, now=now, not_before=wait),
    ]
    replies = told.replies if told else 0
    if notice.reason is Reason.FIRST:
        evidence = EvidenceMessage(incident=incident, plot=tuple(plot))
        outbox.append(item(incident.id, Slot.EVIDENCE, evidence, revision=incident.revision, now=now))
        replies += 3  # its picture and the explanation follow by themselves
    elif notice.reason in GROWN:  # an edit: the numbers stay true, nobody is called
        evidence = EvidenceMessage(incident=incident)
        outbox.append(item(incident.id, Slot.EVIDENCE, evidence, revision=incident.revision, now=now, not_before=wait))
    if notice.reason in (Reason.REOPENED, Reason.FLAPPING):
        replies = max(0, policy.reply_budget - 3)  # a spell of its own: its return, one change and its end
    # one reply is kept for the end, so that a lively incident does not close in silence
    spent = replies >= policy.reply_budget - (0 if notice.reason in RESERVED else 1)
    if told is not None and told.flapping_said and notice.reason is Reason.REOPENED:
        spent = True  # said once, from then on only edited
    if notice.reason in REPLIED and (not spent or notice.reason in RESERVED):
        reply = change_message(notice.reason, incident, told, now=now)
        outbox.append(
            item(incident.id, f"{Slot.REPLY}:{incident.revision}", reply, revision=incident.revision, now=now)
        )
        replies += 1
    cause = incident.verdict.cause if incident.verdict else Cause.UNDETERMINED
    base = told or Told(
        incident_id=incident.id,
        revision=incident.revision,
        state=State.PENDING,
        firing=frozenset(),
        severity=incident.severity,
        cause=cause,
        at=now,
    )
    now_told = replace(
        base,
        revision=incident.revision,
        state=incident.state,
        firing=(told.firing if told else frozenset()) | incident.firing
        if incident.state is not State.RESOLVED
        else frozenset(),
        severity=incident.severity,
        cause=cause if notice.reason is not Reason.SPREAD else base.cause,
        at=now,
        replies=replies,
        flapping_said=base.flapping_said or notice.reason is Reason.FLAPPING,
    )
    if told is not None and notice.reason is Reason.PERSON:  # an edit that calls nobody has told nobody anything
        now_told = replace(told, revision=incident.revision, at=now)
    return Speech(outbox=tuple(outbox), told=now_told)


def change_message(
    reason: Reason, incident: Incident, told: Told | None, *, now: datetime, by: str | None = None
) -> ChangeMessage:
    """A short reply that says what changed."""
    cause = incident.verdict.cause if incident.verdict else Cause.UNDETERMINED
    return ChangeMessage(
        incident_id=incident.id,
        reason=reason,
        at=incident.resolved or now if reason is Reason.RESOLVED else now,
        onset=incident.onset,
        severity=incident.severity,
        cause=cause,
        previous_cause=told.cause if told else None,
        previous_severity=told.severity if told else None,
        headline=verdict_text(incident.verdict) if incident.verdict else "",
        by=by,
        broadcast=reason in BROADCAST,
    )
