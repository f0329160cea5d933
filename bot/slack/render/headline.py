"""The thread's first message: what is wrong, on which side, since when, and what can be done."""

from __future__ import annotations

from bot.domain.catalogue import Catalogue
from bot.domain.incident import Feedback, Incident, Severity, State
from bot.domain.message import HeadlineMessage
from bot.domain.verdict import Cause, RollbackAdvice, Verdict
from bot.slack.render import blocks as b
from bot.slack.render.escape import esc
from bot.slack.render.ids import Action
from bot.slack.render.numbers import clock_text, date_markup, duration, quantity, time_markup
from bot.slack.render.words import (
    SEVERITY_WORDS,
    brief_signal,
    finding_verb,
    person,
    sentence,
    state_word,
    verdict_phrase,
)

FIRING, ACKNOWLEDGED, RESOLVED, SILENCED = "#a30200", "#daa038", "#2eb886", "#dddddd"
SECTION_MAX = 600  # what fits a phone's screen without "show more"
FELT = 4  # named; the thread has them all
EVIDENCE_LINES = 3  # the argument in brief; the rest stands in the thread

FEEDBACK_WORDS = {
    Feedback.MODEL: "it was the model",
    Feedback.INFRASTRUCTURE: "it was the infrastructure",
    Feedback.NEITHER: "it was neither",
}


def color_of(incident: Incident, *, silenced: bool) -> str:
    if incident.state is State.RESOLVED:
        return RESOLVED
    if silenced:
        return SILENCED
    return ACKNOWLEDGED if incident.acknowledged_by else FIRING


def title_of(incident: Incident, *, silenced: bool = False) -> str:
    """State and side in words, without markup: for the header, notifications and screen readers."""
    return f"{state_word(incident, silenced=silenced)} · {verdict_phrase(incident.verdict, plain=True)}"


def rollback_line(verdict: Verdict) -> str:
    """What a rollback would do, in words, whatever buttons there are."""
    reason = f" {sentence(verdict.rollback_reason, limit=140)}" if verdict.rollback_reason else ""
    if verdict.rollback is RollbackAdvice.ADVISED:
        return f"*Rollback:* would likely help.{reason}"
    if verdict.cause is Cause.INFRASTRUCTURE or verdict.rollback is RollbackAdvice.NOT_ADVISED:
        return f"*Rollback:* would not help.{reason}"
    return f"*Rollback:* not known whether it would help.{reason}"


def _strongest(incident: Incident, catalogue: Catalogue | None) -> list[str]:
    verdict = incident.verdict
    if verdict is not None and verdict.reasoning:
        backing = sorted(verdict.reasoning, key=lambda reason: -abs(reason.weight))
        if verdict.cause is Cause.MODEL:
            backing = [reason for reason in backing if reason.weight > 0]
        elif verdict.cause is Cause.INFRASTRUCTURE:
            backing = [reason for reason in backing if reason.weight < 0]
        # what a rival lacks is an argument for the thread; here it would read like a riddle
        shown = [reason for reason in backing if reason.kind not in ("unseen", "upstream")]
        return [f"• {esc(reason.text, limit=130)}" for reason in shown[:EVIDENCE_LINES]]
    leading = sorted(incident.findings, key=lambda found: (not found.worse, found.onset))
    return [
        f"• {brief_signal(found.key, catalogue)} of {esc(found.key.entity, limit=50)} {finding_verb(found)}: "
        f"{quantity(found.evidence.observed, found.evidence.unit)}, "
        f"usually {quantity(found.evidence.expected, found.evidence.unit)}"
        for found in leading[:EVIDENCE_LINES]
    ]


def fitted(first: str, middle: list[str]) -> str:
    """Join lines within SECTION_MAX; evidence gives way first, because it stands in the thread too."""
    kept = list(middle)
    while kept and len("\n".join([first, *kept])) > SECTION_MAX:
        kept.pop()
    return "\n".join(part for part in (first, *kept) if part)


def felt_by(incident: Incident, catalogue: Catalogue | None) -> str:
    """Which models and services feel it, besides the root: people first ask whether it is theirs."""
    if catalogue is None:
        return ""
    root = incident.verdict.entity if incident.verdict else ""
    models = {owner.name for entity in incident.entities if (owner := catalogue.model_of(entity))} - {root}
    services = {entity for entity in incident.entities if entity in catalogue.service} - {root}
    named = [f"model {esc(name, limit=40)}" for name in sorted(models)]
    named += [esc(name, limit=40) for name in sorted(services)]
    if not named:
        return ""
    more = f" and {len(named) - FELT} more" if len(named) > FELT else ""
    return f"*Felt by:* {', '.join(named[:FELT])}{more}"


def _summary(message: HeadlineMessage, catalogue: Catalogue | None) -> tuple[b.Block, ...]:
    """Who feels it and why we think so, and apart from that what can be done: people look for it first."""
    incident, verdict = message.incident, message.incident.verdict
    closing = ""
    if verdict is not None:
        closing = rollback_line(verdict)
        if verdict.cause is Cause.UNDETERMINED and verdict.settle:
            closing = f"*Would settle it:* {esc(verdict.settle, limit=160)}"
    if incident.action:
        closing = f"*Action:* {esc(incident.action, limit=160)}"
    argument = fitted(felt_by(incident, catalogue), _strongest(incident, catalogue))
    return tuple(b.section(text) for text in (argument, closing) if text)


def _fields(message: HeadlineMessage) -> b.Block:
    incident = message.incident
    status = state_word(incident, silenced=message.silenced is not None)
    if message.silenced:
        status += f" until {time_markup(message.silenced.ends)} by {person(message.silenced.by)}"
    if message.flapping:
        status += ", comes and goes"
    if incident.reopened:
        status += f", reopened {incident.reopened} times"
    owner = "nobody yet"
    if incident.acknowledged_by:
        owner = person(incident.acknowledged_by)
        if incident.acknowledged_at:
            owner += f" at {time_markup(incident.acknowledged_at)}"
    return b.fields(
        ("Status", status),
        ("Severity", SEVERITY_WORDS[incident.severity]),
        ("Since", date_markup(incident.onset)),
        ("Acknowledged by", owner),
    )


def feedback_options(incident: Incident) -> b.Block:
    """Offer "Right?" as an overflow menu; its options carry the incident, because an overflow has no value."""
    return b.overflow(
        Action.FEEDBACK,
        [
            b.option("Right? It is the model", b.value_of(i=incident.id, f=Feedback.MODEL)),
            b.option("Right? It is the infrastructure", b.value_of(i=incident.id, f=Feedback.INFRASTRUCTURE)),
            b.option("Right? It is neither", b.value_of(i=incident.id, f=Feedback.NEITHER)),
        ],
    )


def _buttons(message: HeadlineMessage) -> b.Block:
    incident = message.incident
    value = b.value_of(i=incident.id)
    elements: list[b.Block] = []
    if not incident.acknowledged_by:
        style = "primary" if incident.severity is Severity.CRITICAL else None
        elements.append(b.button("Acknowledge", Action.ACKNOWLEDGE, value, style=style))
    if message.silenced is None:
        elements.append(b.button("Silence…", Action.SILENCE, value))
    if message.can_roll_back:
        advised = incident.verdict is not None and incident.verdict.rollback is RollbackAdvice.ADVISED
        warning = "" if advised else "The evidence does not say that a rollback would help. "
        elements.append(
            b.button(
                "Roll back…",
                Action.ROLL_BACK,
                b.value_of(i=incident.id, m=message.can_roll_back),
                style="danger" if advised else None,
                confirm_with=b.confirm(
                    "Propose a rollback?",
                    f"{warning}Nothing moves yet: a card with the checks goes to the thread for approval.",
                    "Propose",
                ),
            )
        )
    elements.append(
        b.button(
            "Resolve",
            Action.RESOLVE,
            value,
            confirm_with=b.confirm(
                "Resolve this incident?", "It opens again if the detectors still see the trouble.", "Resolve"
            ),
        )
    )
    return b.actions(*elements, feedback_options(incident))


def _footer(message: HeadlineMessage) -> b.Block:
    incident = message.incident
    active, all_ = len(incident.active_findings), len(incident.members)
    findings = f"{all_} finding{'s' if all_ != 1 else ''}"
    parts = [
        f"`{esc(incident.id, limit=60)}`",
        f"updated {time_markup(incident.updated)}",
        f"{findings}, {active} active" if incident.open else findings,
    ]
    if incident.feedback:
        parts.append(f"{person(incident.feedback_by)} says {FEEDBACK_WORDS[incident.feedback]}")
    return b.context(" · ".join(parts))


def _closed(message: HeadlineMessage) -> tuple[b.Block, ...]:
    incident = message.incident
    ended = incident.resolved or incident.updated
    by = f" by {person(incident.resolved_by)}" if incident.resolved_by else ", the detectors see no trouble any more"
    outcome = f" {sentence(incident.action, limit=160)}" if incident.action else ""
    line = (
        f"Resolved {date_markup(ended)} after {duration(ended - incident.onset)}{by}. "
        f"{verdict_phrase(incident.verdict)}.{outcome}"
    )
    return (b.section(line), b.actions(feedback_options(incident)), _footer(message))


def render_headline(message: HeadlineMessage, *, catalogue: Catalogue | None = None) -> b.Rendered:
    incident, silenced = message.incident, message.silenced is not None
    title = title_of(incident, silenced=silenced)
    since = clock_text(incident.onset)
    spoken = f"{title}. {SEVERITY_WORDS[incident.severity]}, since {since}. Incident {esc(incident.id, plain=True)}"
    if incident.state is State.RESOLVED:
        body = _closed(message)
    else:
        body = (_fields(message), *_summary(message, catalogue), _buttons(message), _footer(message))
    return b.Rendered(
        text=spoken, blocks=(b.header(title),), coloured=body, color=color_of(incident, silenced=silenced)
    )
