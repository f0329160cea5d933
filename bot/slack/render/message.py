"""From a message of the domain to what Slack is sent."""

from __future__ import annotations

from typing import assert_never

from bot.domain.catalogue import Catalogue
from bot.domain.message import (
    ChangeMessage,
    DigestMessage,
    EvidenceMessage,
    ExplanationMessage,
    HeadlineMessage,
    Message,
    OutcomeMessage,
    ProposalMessage,
    TextMessage,
)
from bot.slack.render.blocks import Rendered
from bot.slack.render.digest import render_digest
from bot.slack.render.evidence import render_evidence
from bot.slack.render.headline import render_headline
from bot.slack.render.proposal import render_outcome, render_proposal
from bot.slack.render.replies import render_change, render_explanation, render_text


def render(message: Message, *, catalogue: Catalogue | None = None) -> Rendered:
    """Render any message. Pure; `validate.fit` then makes it fit Slack's limits."""
    found: Rendered
    match message:
        case HeadlineMessage():
            found = render_headline(message, catalogue=catalogue)
        case EvidenceMessage():
            found = render_evidence(message, catalogue=catalogue)
        case ChangeMessage():
            found = render_change(message)
        case ExplanationMessage():
            found = render_explanation(message)
        case ProposalMessage():
            found = render_proposal(message)
        case OutcomeMessage():
            found = render_outcome(message)
        case DigestMessage():
            found = render_digest(message)
        case TextMessage():
            found = render_text(message)
        case _:
            assert_never(message)
    return found
