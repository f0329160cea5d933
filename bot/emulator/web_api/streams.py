"""chat.*Stream: text that grows while people watch, and ends after five minutes whatever happens."""

from __future__ import annotations

from typing import Any, Final

from bot.emulator.content import read_content, read_metadata
from bot.emulator.entities import Channel
from bot.emulator.errors import RefusalError
from bot.emulator.message import Message
from bot.emulator.mrkdwn import escape
from bot.emulator.web_api.call import Call, Method


async def start(call: Call) -> dict[str, Any]:
    channel = call.member_channel()
    if call.args.text("thread_ts") not in channel.messages:
        raise RefusalError("thread_not_found")
    if not channel.is_im:
        for key in ("recipient_user_id", "recipient_team_id"):
            if not call.args.has(key):
                raise RefusalError(f"missing_{key}")
    message = call.workspace.post(
        channel,
        **call.bot,
        text=_said(call),
        thread_ts=call.args.text("thread_ts"),
        stream_until=call.workspace.clock.now() + call.emulator.definition.settings.stream_ttl_s,
    )
    return {"channel": channel.id, "ts": message.ts}


async def append(call: Call) -> dict[str, Any]:
    channel, message = _streaming(call)
    call.workspace.edit(message, by=None, text=message.text + _said(call))
    return {"channel": channel.id, "ts": message.ts}


async def stop(call: Call) -> dict[str, Any]:
    channel, message = _streaming(call)
    content = read_content({"blocks": call.args.given.get("blocks")}, ready_files=call.workspace.ready_files())
    metadata = read_metadata(call.args.given.get("metadata")) or message.metadata
    text = message.text + _said(call)
    call.workspace.edit(message, by=None, text=text, blocks=content.blocks or [], metadata=metadata, stream_until=None)
    return {"channel": channel.id, "ts": message.ts, "message": call.workspace.shape(message)}


def _streaming(call: Call) -> tuple[Channel, Message]:
    channel = call.member_channel()
    message = call.workspace.message(channel, call.args.text("ts"))
    if message.stream_until is None or call.workspace.clock.now() > message.stream_until:
        message.stream_until = None
        raise RefusalError("message_not_in_streaming_state")
    return channel, message


def _said(call: Call) -> str:
    """Read `markdown_text`, or the chunks that the SDK sends instead of it."""
    chunks = call.args.json("chunks") or []
    if not isinstance(chunks, list) or any(not isinstance(chunk, dict) for chunk in chunks):
        raise RefusalError("invalid_chunks")
    parts = [str(chunk.get("text", "")) for chunk in chunks if chunk.get("type") == "markdown_text"]
    return escape(call.args.text("markdown_text") + "".join(parts))


WRITE: Final = ("chat:write",)
METHODS: Final = {
    "chat.startStream": Method(handler=start, tier=2, scopes=WRITE, required=("channel", "thread_ts")),
    "chat.appendStream": Method(handler=append, tier=4, scopes=WRITE, required=("channel", "ts")),
    "chat.stopStream": Method(handler=stop, tier=2, scopes=WRITE, required=("channel", "ts")),
}
