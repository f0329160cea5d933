"""conversations.*: which channels there are, who is in them, what was said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from bot.emulator.entities import Channel
from bot.emulator.errors import RefusalError
from bot.emulator.message import Message
from bot.emulator.web_api.call import Call, Method

TYPES: Final = {"public_channel": "channels", "private_channel": "groups", "im": "im", "mpim": "mpim"}
TS: Final = re.compile(r"\d{1,11}(\.\d{1,9})?")
HISTORY = 100  # messages when no limit is given


async def list_channels(call: Call) -> dict[str, Any]:
    kinds = set()
    for word in call.args.list("types") or ["public_channel"]:
        if word not in TYPES:
            raise RefusalError("invalid_types")
        call.need_scope(f"{TYPES[word]}:read")
        kinds.add(TYPES[word])
    me = call.app.bot_user_id
    found = [
        channel.to_api(member=me)
        for channel in call.workspace.channels.values()
        if channel.kind in kinds
        and (channel.kind == "channels" or me in channel.members)
        and not (channel.is_archived and call.args.flag("exclude_archived"))
    ]
    shown, cursor = call.page(found)
    return {"channels": shown, "response_metadata": {"next_cursor": cursor}}


async def info(call: Call) -> dict[str, Any]:
    channel = call.channel()
    call.need_scope(f"{channel.kind}:read")
    found = channel.to_api(member=call.app.bot_user_id)
    if not call.args.flag("include_num_members"):
        found.pop("num_members", None)
    return {"channel": found}


async def members(call: Call) -> dict[str, Any]:
    channel = call.channel()
    call.need_scope(f"{channel.kind}:read")
    shown, cursor = call.page(channel.members)
    return {"members": shown, "response_metadata": {"next_cursor": cursor}}


async def join(call: Call) -> dict[str, Any]:
    channel = call.channel()
    if channel.is_archived:
        raise RefusalError("is_archived")
    if channel.kind != "channels":
        raise RefusalError("method_not_supported_for_channel_type")
    fresh = call.workspace.join(channel, call.app.bot_user_id)
    extra = {} if fresh else {"warning": "already_in_channel"}
    return {"channel": channel.to_api(member=call.app.bot_user_id), **extra}


async def open_direct(call: Call) -> dict[str, Any]:
    users = call.args.list("users")
    if len(users) != 1:
        raise RefusalError("method_not_supported_for_channel_type" if users else "users_list_not_supplied")
    if users[0] not in call.workspace.people:
        raise RefusalError("user_not_found")
    channel = call.workspace.direct(users[0])
    whole = {"channel": channel.to_api(member=call.app.bot_user_id)} if call.args.flag("return_im") else {}
    return {"no_op": False, "already_open": False, "channel": {"id": channel.id}, **whole}


async def history(call: Call) -> dict[str, Any]:
    channel = _readable(call)
    found = [message for message in reversed(channel.roots()) if _between(call, message)]
    shown, cursor = call.page(found, default=HISTORY)
    return _messages(call, shown, cursor)


async def replies(call: Call) -> dict[str, Any]:
    channel = _readable(call)
    wanted = channel.messages.get(call.args.text("ts"))
    if wanted is None:
        raise RefusalError("thread_not_found")
    root = channel.messages.get(wanted.thread_ts or wanted.ts, wanted)
    below = [message for message in channel.replies(root.ts) if _between(call, message)]
    shown, cursor = call.page([root, *below], default=1000)
    return _messages(call, shown, cursor)


def _messages(call: Call, shown: Sequence[Message], cursor: str) -> dict[str, Any]:
    whole = call.args.flag("include_all_metadata")
    found = [call.workspace.shape(message, all_metadata=whole) for message in shown]
    extra = {"response_metadata": {"next_cursor": cursor}} if cursor else {}
    return {"messages": found, "has_more": bool(cursor), "pin_count": 0, **extra}


def _readable(call: Call) -> Channel:
    channel = call.channel()
    call.need_scope(f"{channel.kind}:history")
    if call.app.bot_user_id not in channel.members:
        raise RefusalError("not_in_channel")
    return channel


def _between(call: Call, message: Message) -> bool:
    ts, inclusive = float(message.ts), call.args.flag("inclusive")
    for key in ("oldest", "latest"):
        bound = call.args.text(key)
        if not bound or bound == "now":
            continue
        if not TS.fullmatch(bound):
            raise RefusalError(f"invalid_ts_{key}")
        if float(bound) == ts and inclusive:
            continue
        if (ts <= float(bound)) if key == "oldest" else (ts >= float(bound)):
            return False
    return True


METHODS: Final = {
    "conversations.list": Method(handler=list_channels, tier=2),
    "conversations.info": Method(handler=info, tier=3, required=("channel",)),
    "conversations.members": Method(handler=members, tier=4, required=("channel",)),
    "conversations.join": Method(handler=join, tier=3, scopes=("channels:join",), required=("channel",)),
    "conversations.open": Method(handler=open_direct, tier=3, scopes=("im:write",)),
    "conversations.history": Method(handler=history, tier=3, required=("channel",)),
    "conversations.replies": Method(handler=replies, tier=3, required=("channel", "ts")),
}
