"""Slack as the store sees it: takes what is due out of the outbox and remembers where it stands."""

from __future__ import annotations

import itertools
from datetime import timedelta

from bot.domain.message import ChangeMessage, Posted

OWNER = "test"
_stamps = itertools.count(1)


async def deliver(store, now):
    """Post and edit everything due, in the order it is due; returns the claimed items."""
    done = []
    while claimed := await store.claim(owner=OWNER, now=now, lease=timedelta(minutes=1), limit=100):
        for one in claimed:
            stands = Posted(
                thread=one.item.thread,
                slot=one.item.slot,
                channel="C0",
                ts=one.posted.ts if one.posted else f"1700000000.{next(_stamps):06d}",
                revision=one.item.revision,
                digest=one.item.op,
            )
            await store.sent(one, stands, owner=OWNER)
            done.append(one)
    return done


async def posts(store, now):
    """New messages in words, as people are called by them; edits call nobody."""
    return [_words(one.item) for one in await deliver(store, now) if one.posted is None]


def _words(item):
    if isinstance(item.message, ChangeMessage):
        return str(item.message.reason)
    return item.slot.partition(":")[0]


async def waiting(store, slot, thread=None):
    """The message that waits for a place in a thread, or None."""
    found = [
        entry.item.message
        for entry in store._outbox.values()
        if entry.item.slot == slot and thread in (None, entry.item.thread)
    ]
    return found[-1] if found else None
