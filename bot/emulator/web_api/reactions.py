"""reactions.* and assistant.threads.*: small signs at a message or thread."""

from __future__ import annotations

import re
from typing import Any, Final

from bot.emulator.errors import RefusalError
from bot.emulator.message import Message
from bot.emulator.web_api.call import Call, Method

NAME: Final = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


async def add(call: Call) -> dict[str, Any]:
    call.workspace.react(_message(call), _name(call), user=call.app.bot_user_id)
    return {}


async def remove(call: Call) -> dict[str, Any]:
    call.workspace.unreact(_message(call), _name(call), user=call.app.bot_user_id)
    return {}


async def get(call: Call) -> dict[str, Any]:
    message = _message(call)
    return {"type": "message", "channel": message.channel, "message": call.workspace.shape(message)}


def _message(call: Call) -> Message:
    channel = call.member_channel()
    return call.workspace.message(channel, call.args.text("timestamp"))


def _name(call: Call) -> str:
    name = call.args.text("name").strip(":")
    if not NAME.fullmatch(name):
        raise RefusalError("invalid_name")
    return name


async def set_status(call: Call) -> dict[str, Any]:
    place = _thread(call)
    if status := call.args.text("status"):
        call.workspace.statuses[place] = status
    else:
        call.workspace.statuses.pop(place, None)
    return {}


async def accept(call: Call) -> dict[str, Any]:
    """Take titles and suggested prompts: they change nothing that the emulator shows."""
    _thread(call)
    return {}


def _thread(call: Call) -> tuple[str, str]:
    channel = call.member_channel("channel_id")
    thread = call.args.text("thread_ts")
    if thread not in channel.messages:
        raise RefusalError("invalid_thread_ts")
    return channel.id, thread


WRITE: Final = ("reactions:write",)
ASSISTANT: Final = ("assistant:write", "chat:write")
PLACE: Final = ("channel_id", "thread_ts")
METHODS: Final = {
    "reactions.add": Method(handler=add, tier=3, scopes=WRITE, required=("name", "channel", "timestamp")),
    "reactions.remove": Method(handler=remove, tier=2, scopes=WRITE, required=("name", "channel", "timestamp")),
    "reactions.get": Method(handler=get, tier=3, scopes=("reactions:read",), required=("channel", "timestamp")),
    "assistant.threads.setStatus": Method(handler=set_status, scopes=ASSISTANT, required=(*PLACE, "status")),
    "assistant.threads.setTitle": Method(handler=accept, tier=4, scopes=ASSISTANT, required=(*PLACE, "title")),
    "assistant.threads.setSuggestedPrompts": Method(
        handler=accept, tier=4, scopes=ASSISTANT, required=(*PLACE, "prompts")
    ),
}
