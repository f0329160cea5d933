"""One step of a proposal, written together with everything that shows it: its card, its outcome, the headline."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.domain.catalogue import Catalogue
from bot.domain.incident import IncidentId
from bot.domain.learning import Lesson
from bot.domain.message import OutboxItem, OutcomeMessage, ProposalMessage, Slot
from bot.domain.proposal import AuditEntry, Proposal, ProposalState
from bot.pipeline.speak import flaps, headline_of, item
from bot.pipeline.words import action_text
from bot.ports import Changeset, ConcurrentChangeError, IncidentWrite, ProposalWrite, Store

TRIES = 5  # the tick writes the same incident once a minute


def thread_of(proposal: Proposal) -> str:
    """Its incident's thread, or one of its own."""
    return proposal.incident_id or proposal.id


def card(proposal: Proposal, *, now: datetime) -> OutboxItem:
    """The approval card at its newest state; the root of its own thread when there is no incident."""
    slot = f"{Slot.PROPOSAL}:{proposal.id}" if proposal.incident_id else Slot.HEADLINE
    return item(thread_of(proposal), slot, ProposalMessage(proposal=proposal), revision=proposal.revision, now=now)


def outcome(proposal: Proposal, *, now: datetime) -> OutboxItem:
    """The reply that says what came of it: an edited card notifies nobody."""
    slot = f"{Slot.OUTCOME}:{proposal.id}"
    return item(thread_of(proposal), slot, OutcomeMessage(proposal=proposal), revision=proposal.revision, now=now)


class Cards:
    def __init__(self, *, store: Store, catalogue: Catalogue) -> None:
        self._store = store
        self._catalogue = catalogue

    async def write(
        self,
        proposal: Proposal,
        *,
        expected: ProposalState | None,
        audit: AuditEntry,
        now: datetime,
        show: bool = True,
        tell: bool = False,
        lesson: Lesson | None = None,
    ) -> None:
        """Record a step of a proposal.

        expected: the state it must still be in; None: it must not exist yet.
        show: bring its card up to date.
        tell: add the reply that says what came of it.
        lesson: what this step taught about the incident.
        Raises ConcurrentChangeError when the proposal is not in that state any more.
        """
        messages = [card(proposal, now=now)] if show else []
        if tell:
            messages.append(outcome(proposal, now=now))
        for attempt in range(TRIES):
            incidents, headlines = await self._headline(proposal, now)
            try:
                await self._store.commit(
                    Changeset(
                        proposals=(ProposalWrite(proposal=proposal, expected_state=expected),),
                        incidents=incidents,
                        outbox=(*messages, *headlines),
                        audit=(audit,),
                        lessons=(lesson,) if lesson is not None else (),
                    )
                )
            except ConcurrentChangeError:
                there = await self._store.proposal(proposal.id)
                if attempt == TRIES - 1 or (there.state if there else None) is not expected:
                    raise
            else:
                return

    async def _headline(
        self, proposal: Proposal, now: datetime
    ) -> tuple[tuple[IncidentWrite, ...], tuple[OutboxItem, ...]]:
        """Let the incident say what is being done about it."""
        if proposal.incident_id is None:
            return (), ()
        old = await self._store.incident(IncidentId(proposal.incident_id))
        words, live = action_text(proposal), not proposal.state.final
        if old is None or (old.action, old.action_live) == (words, live):
            return (), ()
        new = replace(old, action=words, action_live=live, revision=old.revision + 1, updated=now)
        write = IncidentWrite(incident=new, expected_revision=old.revision)
        told = (await self._store.told([new.id])).get(new.id)
        if told is None:
            return (write,), ()
        silences = await self._store.silences(active_at=now)
        message = headline_of(new, silences, self._catalogue, now=now, flapping=flaps(told))
        return (write,), (item(new.id, Slot.HEADLINE, message, revision=new.revision, now=now),)
