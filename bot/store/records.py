"""From rows back to values, where the columns know better than a document, or there is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Row

from bot.codec import decode
from bot.domain.message import OutboxItem, Posted
from bot.ports import StoredProfile
from bot.store.queue import Entry, ItemState


def entry_of(row: Row[Any]) -> Entry:
    """The op and the time of a try change without the message: the columns know better than the value."""
    return Entry(
        item=replace(decode(OutboxItem, row.value), op=row.op, not_before=row.not_before),
        state=ItemState(row.state),
        attempts=row.attempts,
        first_try=row.first_try,
        owner=row.owner,
        lease_until=row.lease_until,
        held_back=row.held_back,
        because=row.because,
    )


def posted_of(row: Row[Any]) -> Posted:
    return Posted(
        thread=row.thread,
        slot=row.slot,
        channel=row.channel,
        ts=row.ts,
        revision=row.revision,
        digest=row.digest,
    )


def profile_of(row: Row[Any]) -> StoredProfile:
    return StoredProfile(
        model=row.model, version=row.version, id=row.id, made=row.made, origin=row.origin, body=row.body
    )
