"""chat.*: posting, updating, deleting, whispering, linking."""

from __future__ import annotations

from typing import Any, Final

from bot.emulator.content import LONGEST_EDIT, LONGEST_TEXT, Content, read_content, read_metadata
from bot.emulator.entities import Channel
from bot.emulator.errors import RefusalError
from bot.emulator.message import Message
from bot.emulator.web_api.call import Call, Method


async def post_message(call: Call) -> dict[str, Any]:
    channel = _place_to_post(call)
    content = _content(call)
    if content.is_empty:
        raise RefusalError("no_text")
    metadata = read_metadata(call.args.given.get("metadata")) or None
    thread = call.args.optional("thread_ts")
    if thread:
        _check_thread(channel, thread)
    call.emulator.limits.check_post(channel.id)
    broadcast = bool(thread) and call.args.flag("reply_broadcast")
    message = call.workspace.post(
        channel,
        **call.bot,
        **content.fields(),
        metadata=metadata,
        thread_ts=thread,
        broadcast=broadcast,
        subtype="thread_broadcast" if broadcast and thread in channel.messages else None,
    )
    return {"channel": channel.id, "ts": message.ts, "message": call.workspace.shape(message)}


def _place_to_post(call: Call) -> Channel:
    channel = call.channel(named=True)
    if channel.is_archived:
        raise RefusalError("is_archived")
    if call.app.bot_user_id not in channel.members:
        may = "chat:write.public" in call.app.scopes and not channel.is_private
        if not may:
            raise RefusalError("not_in_channel")
    if channel.is_read_only:
        raise RefusalError("restricted_action_read_only_channel")
    return channel


def _check_thread(channel: Channel, thread: str) -> None:
    root = channel.messages.get(thread)
    if root is None:
        return  # Slack then posts to the channel itself
    if root.is_reply:
        raise RefusalError("cannot_reply_to_message")
    if root.thread_locked:
        raise RefusalError("restricted_action_thread_locked")


def _content(call: Call) -> Content:
    return read_content(call.args.given, ready_files=call.workspace.ready_files())


async def update(call: Call) -> dict[str, Any]:
    """Text alone removes the blocks; attachments and metadata stay unless given; nobody is notified."""
    channel = call.member_channel()
    message = _own(call, channel, refusal="cant_update_message")
    if message.stream_until is not None:
        raise RefusalError("streaming_state_conflict")
    window = call.emulator.definition.settings.edit_window_s
    if window and call.workspace.clock.now() - float(message.ts) > window:
        raise RefusalError("edit_window_closed")
    if len(call.args.text("text")) > LONGEST_EDIT:
        raise RefusalError("msg_too_long")
    content = _content(call)
    if (
        content.text is None
        and content.blocks is None
        and content.attachments is None
        and (not call.args.has("metadata"))
    ):
        raise RefusalError("no_text")
    fields = _changed(message, content)
    if not (fields["text"] or fields["blocks"] or fields["attachments"] or message.files):
        raise RefusalError("no_text")
    metadata = read_metadata(call.args.given.get("metadata"))
    if metadata is not None:
        fields["metadata"] = metadata or None
    call.workspace.edit(message, by=call.app.bot_user_id, **fields)
    shown = {key: value for key, value in call.workspace.shape(message).items() if key != "ts"}
    return {"channel": channel.id, "ts": message.ts, "text": message.text, "message": shown}


def _changed(message: Message, content: Content) -> dict[str, Any]:
    kinds = {block["type"] for block in message.blocks}
    if content.blocks and kinds == {"rich_text"} and {block["type"] for block in content.blocks} != kinds:
        raise RefusalError("block_mismatch")
    says_text = content.text is not None
    blocks = message.blocks if content.blocks is None and not says_text else (content.blocks or [])
    return {
        "text": content.text if content.text is not None else message.text,
        "blocks": blocks,
        "attachments": message.attachments if content.attachments is None else content.attachments,
    }


async def delete(call: Call) -> dict[str, Any]:
    channel = call.member_channel()
    message = _own(call, channel, refusal="cant_delete_message")
    call.workspace.delete(message)
    return {"channel": channel.id, "ts": message.ts}


def _own(call: Call, channel: Channel, *, refusal: str) -> Message:
    """Find a message of the app's own; ephemerals cannot be found at all."""
    message = call.workspace.message(channel, call.args.text("ts"))
    if message.bot_id != call.app.bot_id:
        raise RefusalError(refusal)
    return message


async def post_ephemeral(call: Call) -> dict[str, Any]:
    channel = call.member_channel(named=True)
    user = call.args.text("user")
    if user not in channel.members:
        raise RefusalError("user_not_in_channel")
    if len(call.args.text("text")) > LONGEST_TEXT:
        raise RefusalError("msg_too_long")
    content = _content(call)
    if content.is_empty:
        raise RefusalError("no_text")
    thread = call.args.optional("thread_ts")
    message = call.workspace.whisper(channel, to=user, thread_ts=thread, **call.bot, **content.fields())
    return {"message_ts": message.ts}


async def get_permalink(call: Call) -> dict[str, Any]:
    channel = call.channel()
    message = call.workspace.message(channel, call.args.text("message_ts"))
    return {"channel": channel.id, "permalink": call.workspace.permalink(message)}


WRITE: Final = ("chat:write",)
METHODS: Final = {
    "chat.postMessage": Method(handler=post_message, scopes=WRITE, required=("channel",)),
    "chat.update": Method(handler=update, tier=3, scopes=WRITE, required=("channel", "ts")),
    "chat.delete": Method(handler=delete, tier=3, scopes=WRITE, required=("channel", "ts")),
    "chat.postEphemeral": Method(handler=post_ephemeral, tier=4, scopes=WRITE, required=("channel", "user")),
    "chat.getPermalink": Method(handler=get_permalink, required=("channel", "message_ts")),
}
