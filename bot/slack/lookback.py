"""After any doubt: did our message arrive? Slack is asked by the metadata that the message carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.slack.api import SlackApi
from bot.slack.render.ids import MESSAGE_EVENT

SKEW = timedelta(seconds=60)  # room for clocks that disagree
PAGE = 200
MAX_PAGES = 25  # 5,000 messages since the first try: beyond that the channel is no place to look in


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message of ours that Slack has."""

    ts: str
    revision: int  # of the content that arrived; a newer one may be due


async def find_message(
    api: SlackApi, *, channel: str, root_ts: str | None, thread: str, slot: str, since: datetime | None, bot_user: str
) -> Arrived | None:
    """Look for the message that owns (thread, slot), the oldest when there are several.

    By slot, which names one Slack message, so that a newer content of the same place finds it too.
    since: None reads without a beginning, for clocks that are not Slack's.
    Raises RetryLaterError or GiveUpError: a look that failed is not "not found".
    """
    method = "conversations.replies" if root_ts else "conversations.history"
    cursor, found = "", []
    for _ in range(MAX_PAGES):
        page = await api.read(
            method,
            channel=channel,
            ts=root_ts,
            oldest=f"{(since - SKEW).timestamp():.6f}" if since else None,
            include_all_metadata=True,
            limit=PAGE,
            cursor=cursor or None,
        )
        for message in page.get("messages", ()):
            revision = _revision_of(message, thread=thread, slot=slot, bot_user=bot_user)
            if revision is not None:
                found.append(Arrived(ts=str(message["ts"]), revision=revision))
        cursor = str((page.get("response_metadata") or {}).get("next_cursor") or "")
        if not cursor:
            break
    return min(found, key=lambda arrived: float(arrived.ts), default=None)


def _revision_of(message: Mapping[str, Any], *, thread: str, slot: str, bot_user: str) -> int | None:
    """The revision of our message in this place; metadata of others proves nothing, anybody can write it."""
    metadata = message.get("metadata") or {}
    payload = metadata.get("event_payload") or {}
    if metadata.get("event_type") != MESSAGE_EVENT or message.get("user") != bot_user:
        return None
    if payload.get("thread") != thread or payload.get("slot") != slot:
        return None
    revision = payload.get("rev")
    return revision if isinstance(revision, int) else -1  # found, but of unknown content: to be edited
