"""The approval card through every state of a proposal, and the reply that says what came of it."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.message import OutcomeMessage, ProposalMessage
from bot.domain.proposal import ActionKind, Approval, Check, Proposal, ProposalState
from bot.domain.verdict import RollbackAdvice
from bot.slack.render import blocks as b
from bot.slack.render.escape import esc
from bot.slack.render.headline import ACKNOWLEDGED, FIRING, RESOLVED, SILENCED
from bot.slack.render.ids import Action
from bot.slack.render.numbers import clock_text, date_markup, time_markup
from bot.slack.render.replies import cut_markup, own_words
from bot.slack.render.words import person, sentence

STATE_WORDS = {
    ProposalState.PENDING: "Waiting for approval",
    ProposalState.APPROVED: "Approved",
    ProposalState.EXECUTING: "Approved, being done",
    ProposalState.MOVED: "Done, being watched",
    ProposalState.VERIFIED: "Verified",
    ProposalState.FAILED: "Failed",
    ProposalState.UNCONFIRMED: "Not confirmed",
    ProposalState.CONFLICT: "Stopped: somebody else moved the alias",
    ProposalState.DRY_RUN: "Approved, dry run: nothing was changed",
    ProposalState.DENIED: "Denied",
    ProposalState.EXPIRED: "Expired, nobody decided in time",
}

COLORS = {
    ProposalState.PENDING: ACKNOWLEDGED,
    ProposalState.APPROVED: ACKNOWLEDGED,
    ProposalState.EXECUTING: ACKNOWLEDGED,
    ProposalState.MOVED: ACKNOWLEDGED,
    ProposalState.VERIFIED: RESOLVED,
    ProposalState.FAILED: FIRING,
    ProposalState.UNCONFIRMED: ACKNOWLEDGED,
    ProposalState.CONFLICT: FIRING,
    ProposalState.DRY_RUN: RESOLVED,
    ProposalState.DENIED: SILENCED,
    ProposalState.EXPIRED: SILENCED,
}

ADVICE_WORDS = {
    RollbackAdvice.ADVISED: "It would likely help.",
    RollbackAdvice.NOT_ADVISED: "It would not help.",
    RollbackAdvice.UNKNOWN: "It is not known whether it would help.",
}


def what(proposal: Proposal, *, plain: bool = False) -> str:
    """What is proposed, in words: "rollback of fraud from version 4 to 3"."""
    model = esc(proposal.model, limit=60, plain=plain)
    if proposal.kind is ActionKind.RETRAIN:
        return f"retraining of {model}"
    start = esc(proposal.from_version, limit=30, plain=plain)
    end = esc(proposal.to_version, limit=30, plain=plain)
    return f"rollback of {model} from version {start} to {end}"


def sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def check_lines(checks: Iterable[Check]) -> str:
    """State in a sign and a word, because a sign alone says nothing to a screen reader."""
    return "\n".join(
        f"{'✓ passed' if check.passed else '✗ failed'}: {esc(check.name, limit=60)}"
        + (f", {esc(check.detail, limit=160)}" if check.detail else "")
        for check in checks
    )


def _decision(approval: Approval) -> str:
    verb = "Approved" if approval.approve else "Denied"
    said = f": {esc(approval.comment, limit=300)}" if approval.comment else ""
    return f"{verb} by {person(approval.user_id)} {date_markup(approval.at)}{said}"


def _buttons(proposal: Proposal) -> b.Block:
    value = b.value_of(p=proposal.id, n=proposal.nonce)
    model, to = esc(proposal.model, limit=60, plain=True), esc(proposal.to_version, limit=30, plain=True)
    if proposal.kind is ActionKind.RETRAIN:
        effect = f"The retraining of {model} starts at once."
    else:
        effect = f"The alias that serves {model} moves to version {to} at once."
    if proposal.dry_run:
        effect = "This is a dry run: nothing moves, the card only says what would have happened."
    return b.actions(
        b.button(
            "Approve",
            Action.APPROVE,
            value,
            style="primary" if proposal.dry_run or proposal.kind is ActionKind.RETRAIN else "danger",
            confirm_with=b.confirm(f"Approve the {proposal.kind}?", effect, "Approve", danger=not proposal.dry_run),
        ),
        b.button("Deny…", Action.DENY, value),
    )


def _status(proposal: Proposal) -> str:
    decisions = [_decision(approval) for approval in proposal.approvals]
    if proposal.state is ProposalState.DENIED and decisions:
        found = decisions  # the decision says the state, by whom and why
    else:
        found = [f"*{STATE_WORDS[proposal.state]}*", *decisions]
    if proposal.moved_at:
        found.append(f"Moved {date_markup(proposal.moved_at)}")
    if proposal.serving_confirmed_at:
        found.append(f"Serving confirmed {time_markup(proposal.serving_confirmed_at)}")
    if proposal.state is ProposalState.EXPIRED:
        found.append(f"Expired {date_markup(proposal.expires_at)}")
    elif proposal.ended_at and proposal.state.final:
        found.append(f"Ended {date_markup(proposal.ended_at)}")
    if proposal.outcome:
        found.append(sentence(proposal.outcome, limit=300))
    return "\n".join(found)


def render_proposal(message: ProposalMessage) -> b.Rendered:
    proposal = message.proposal
    dry = " (dry run)" if proposal.dry_run else ""
    title = f"{sentence_case(what(proposal, plain=True))}{dry}"
    parts: list[b.Block] = [
        b.section(
            f"*{sentence_case(what(proposal))}*{dry}\n"
            f"Requested by {person(proposal.requested_by)} {date_markup(proposal.requested_at)}"
        )
    ]
    if proposal.kind is ActionKind.ROLLBACK:
        reason = f" {sentence(proposal.advice_reason, limit=400)}" if proposal.advice_reason else ""
        parts.append(b.section(f"*Would it help?* {ADVICE_WORDS[proposal.advice]}{reason}"))
    if proposal.checks:
        parts.append(b.section(f"*Checked beforehand*\n{check_lines(proposal.checks)}"))
    parts.append(b.section(_status(proposal)))
    if proposal.outcome_checks:
        parts.append(b.section(f"*Checked afterwards*\n{check_lines(proposal.outcome_checks)}"))
    if proposal.state is ProposalState.PENDING:
        parts.append(_buttons(proposal))
    who = cut_markup(own_words(proposal.approvers_text, people=True), 400)  # from the configuration, no outside text
    who = who or "nobody: no approver is configured"
    eyes = ", not by the person who asked" if proposal.four_eyes else ""
    note = " · dry run: nothing will be changed" if proposal.dry_run else ""
    until = f" · expires {time_markup(proposal.expires_at)}" if proposal.state is ProposalState.PENDING else ""
    may = f"May be approved by {who}{eyes}{until}{note} · " if proposal.state is ProposalState.PENDING else ""
    parts.append(b.context(f"{may}`{esc(proposal.id, limit=60)}`"))
    text = f"{title}: {STATE_WORDS[proposal.state].lower()}"
    if proposal.state is ProposalState.PENDING:
        text += f" until {clock_text(proposal.expires_at)}"
    return b.Rendered(text=text, blocks=(parts[0],), coloured=tuple(parts[1:]), color=COLORS[proposal.state])


def render_outcome(message: OutcomeMessage) -> b.Rendered:
    proposal = message.proposal
    dry = " (dry run)" if proposal.dry_run and proposal.state is not ProposalState.DRY_RUN else ""
    word = STATE_WORDS[proposal.state]
    parts = [b.section(f"*{word}*{dry}: {what(proposal)}")]
    if proposal.outcome:
        parts.append(b.section(sentence(proposal.outcome, limit=500)))
    if proposal.outcome_checks:
        parts.append(b.section(check_lines(proposal.outcome_checks)))
    text = f"{word}{dry}: {what(proposal, plain=True)}"
    return b.Rendered(
        text=text,
        blocks=(parts[0],),
        coloured=tuple(parts[1:]),
        color=COLORS[proposal.state],
        broadcast=not proposal.dry_run,  # a result of something that really happened concerns the whole channel
    )
