"""Post the day's digest: once, also across restarts, and not at all when there is nothing to tell."""

from __future__ import annotations

import logging
from datetime import datetime

from bot.clock import Clock
from bot.domain.catalogue import Catalogue
from bot.domain.message import Slot
from bot.domain.policy import SpeakingPolicy
from bot.domain.proposal import ProposalState
from bot.pipeline.digest import DAY, digest_of, due_slot, thread_of
from bot.pipeline.speak import item
from bot.ports import Changeset, Store

log = logging.getLogger(__name__)


class Digesting:
    """Asked again and again; remembers only which day is done, to spare the store."""

    def __init__(self, *, store: Store, catalogue: Catalogue, clock: Clock, policy: SpeakingPolicy) -> None:
        self._store = store
        self._catalogue = catalogue
        self._clock = clock
        self._policy = policy
        self._done: datetime | None = None

    async def catch_up(self) -> bool:
        """Put the digest that is due into the outbox, unless it stands already; return whether it was put there.

        One that still waits there from an earlier process is replaced: a place in a thread holds one message.
        """
        at, now = self._policy.digest_at, self._clock.now()
        slot = due_slot(now, at) if at is not None else None
        if slot is None or slot == self._done:
            return False
        thread = thread_of(slot)
        if await self._store.posted(thread, Slot.HEADLINE) is not None:
            self._done = slot
            return False
        incidents = await self._store.live_incidents(resolved_since=slot - DAY)
        last = await self._store.last_tick()
        message = digest_of(
            incidents,
            await self._store.told([one.id for one in incidents]),
            self._catalogue,
            slot=slot,
            now=now,
            policy=self._policy,
            blind=last.blind if last else (),
            pending=await self._store.proposals(states=[ProposalState.PENDING]),
        )
        if message is not None:
            # revision 1 always: an item of a claimed place would otherwise be older than what is being sent
            await self._store.commit(Changeset(outbox=(item(thread, Slot.HEADLINE, message, revision=1, now=now),)))
            log.info("digest", extra={"digest": thread, "told": len(message.told), "quiet": len(message.quiet)})
        self._done = slot
        return message is not None
