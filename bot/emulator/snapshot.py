"""The whole workspace as JSON, for the page and for tests."""

from __future__ import annotations

from typing import Any

from bot.emulator.core import Emulator
from bot.emulator.entities import Channel
from bot.emulator.message import Message
from bot.emulator.workspace import Workspace


def message_shape(workspace: Workspace, message: Message) -> dict[str, Any]:
    """Shape a message with what only the emulator knows: who sees it, and what it said before."""
    return {
        **workspace.shape(message),
        "channel": message.channel,
        "ephemeral_for": message.ephemeral_for,
        "deleted": message.deleted,
        "broadcast": message.broadcast,
        "is_reply": message.is_reply,
        "edits": [
            {"until": edit.until, "text": edit.text, "blocks": edit.blocks, "attachments": edit.attachments}
            for edit in message.edits
        ],
    }


def channel_shape(workspace: Workspace, channel: Channel) -> dict[str, Any]:
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "members": list(channel.members),
        "is_im": channel.is_im,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "messages": [message_shape(workspace, message) for message in channel.messages.values()],
        "ephemerals": [message_shape(workspace, message) for message in channel.ephemerals.values()],
    }


def views_shape(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """Open modals of each user, the uppermost last."""
    return {
        user: [workspace.views[view_id].to_api() for view_id in stack]
        for user, stack in workspace.stacks.items()
        if stack
    }


def snapshot(emulator: Emulator) -> dict[str, Any]:
    workspace, definition = emulator.workspace, emulator.definition
    app = definition.app
    return {
        "now": emulator.clock.now(),
        "team": {"id": definition.team_id, "name": definition.team_name},
        "app": {
            "id": app.id,
            "name": app.name,
            "bot_user_id": app.bot_user_id,
            "bot_id": app.bot_id,
            "commands": [
                {"command": known.command, "description": known.description, "usage_hint": known.usage_hint}
                for known in app.slash_commands
            ],
            "shortcuts": [
                {"name": known.name, "callback_id": known.callback_id, "type": known.type} for known in app.shortcuts
            ],
        },
        "users": [
            {"id": person.id, "name": person.name, "real_name": person.real_name, "is_guest": person.is_guest}
            for person in workspace.people.values()
        ],
        "groups": [{"id": group.id, "handle": group.handle, "users": group.users} for group in definition.groups],
        "channels": [channel_shape(workspace, channel) for channel in workspace.channels.values()],
        "files": [file.to_api(base=workspace.base) for file in workspace.files.values() if file.completed],
        "views": views_shape(workspace),
        "homes": {user: view.to_api() for user, view in workspace.homes.items()},
        "notices": [notices_shape(workspace, number) for number in range(len(workspace.notices))],
        "connections": len(emulator.sockets.connections),
        "statuses": [
            {"channel": channel, "thread_ts": thread, "status": status}
            for (channel, thread), status in workspace.statuses.items()
        ],
    }


def notices_shape(workspace: Workspace, number: int) -> dict[str, Any]:
    notice = workspace.notices[number]
    return {
        "at": notice.at,
        "text": notice.text,
        "user": notice.user,
        "channel": notice.channel,
        "ts": notice.ts,
        "view_id": notice.view_id,
    }
