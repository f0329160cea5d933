"""Where the messages about a proposal stand: in its incident's thread, or in a thread of their own."""

from __future__ import annotations

from datetime import datetime

from bot.domain.message import OutboxItem, OutcomeMessage, ProposalMessage, Slot
from bot.domain.proposal import Proposal
from bot.pipeline.speak import item


def thread_of(proposal: Proposal) -> str:
    return proposal.incident_id or proposal.id


def card(proposal: Proposal, *, now: datetime) -> OutboxItem:
    """The approval card at its newest state; the root of its own thread when there is no incident."""
    slot = f"{Slot.PROPOSAL}:{proposal.id}" if proposal.incident_id else Slot.HEADLINE
    return item(thread_of(proposal), slot, ProposalMessage(proposal=proposal), revision=proposal.revision, now=now)


def outcome(proposal: Proposal, *, now: datetime) -> OutboxItem:
    """The reply that says what came of it: an edited card notifies nobody."""
    slot = f"{Slot.OUTCOME}:{proposal.id}"
    return item(thread_of(proposal), slot, OutcomeMessage(proposal=proposal), revision=proposal.revision, now=now)
