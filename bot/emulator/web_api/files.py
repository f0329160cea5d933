"""files.*: announce, upload, complete; the sharing itself follows a moment later."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web

from bot.emulator.content import read_content
from bot.emulator.core import Emulator
from bot.emulator.entities import Change, Channel, File
from bot.emulator.errors import RefusalError, bad_arguments
from bot.emulator.faults import suffer
from bot.emulator.web_api.call import Call, Method
from bot.emulator.workspace import new_id


async def get_upload_url(call: Call) -> dict[str, Any]:
    if not call.emulator.definition.settings.uploads_enabled:
        raise RefusalError("file_uploads_disabled")
    length = call.args.number("length", 0)
    if length <= 0:
        raise bad_arguments("length must be greater than 0")
    file = File(
        id=new_id("F", taken=call.workspace.files),
        name=call.args.text("filename"),
        user=call.app.bot_user_id,
        team=call.emulator.definition.team_id,
        expected=length,
        created=int(call.workspace.clock.now()),
        alt_txt=call.args.text("alt_txt") or call.args.text("alt_text"),
    )
    call.workspace.files[file.id] = file
    return {"upload_url": f"{call.workspace.base}/upload/v1/{file.id}", "file_id": file.id}


async def complete_upload(call: Call) -> dict[str, Any]:
    given = call.args.json("files")
    if not isinstance(given, list) or not given:
        raise bad_arguments("files must be a list of objects with an id")
    channel = _target(call)
    found = []
    for item in given:
        file = call.workspace.files.get(str(item.get("id")) if isinstance(item, dict) else "")
        if file is None or file.content is None or file.completed:
            raise RefusalError("file_not_found")
        file.title = str(item.get("title") or file.name)
        found.append(file)
    comment = call.args.text("initial_comment")
    said = {"text": comment, "blocks": None if comment else call.args.given.get("blocks")}
    content = read_content(said, ready_files=call.workspace.ready_files())
    for file in found:
        file.completed = True
    shapes = [file.to_api(base=call.workspace.base) for file in found]
    if channel is not None:
        thread = call.args.optional("thread_ts")
        call.emulator.tasks.start(_share(call.emulator, found, channel, thread, content.fields()))
    return {"files": shapes}


def _target(call: Call) -> Channel | None:
    wanted = call.args.text("channel_id") or next(iter(call.args.list("channels")), "")
    if not wanted:
        return None
    try:
        channel = call.workspace.channel(wanted)
    except RefusalError as error:
        raise RefusalError("invalid_channel") from error
    if channel.id != wanted:  # names are not enough
        raise RefusalError("invalid_channel")
    if call.app.bot_user_id not in channel.members:
        raise RefusalError("not_in_channel")
    return channel


async def _share(
    emulator: Emulator, files: list[File], channel: Channel, thread: str | None, said: dict[str, Any]
) -> None:
    """Post the message that shows the files; only then do their `shares` say where they stand."""
    await asyncio.sleep(emulator.definition.settings.share_delay_s)
    app, workspace = emulator.definition.app, emulator.workspace
    message = workspace.post(
        channel,
        user=app.bot_user_id,
        bot_id=app.bot_id,
        app_id=app.id,
        subtype="file_share",
        thread_ts=thread,
        files=[file.id for file in files],
        **said,
    )
    for file in files:
        share: dict[str, Any] = {
            "ts": message.ts,
            "channel_name": channel.name,
            "team_id": file.team,
            "reply_users": [],
        }
        if message.is_reply:
            share["thread_ts"] = message.thread_ts
        file.shares.setdefault(channel.id, []).append(share)
    workspace.tell(Change(kind="file", channel=channel.id, message=message))


async def info(call: Call) -> dict[str, Any]:
    return {"file": _file(call).to_api(base=call.workspace.base), "comments": [], "response_metadata": {}}


async def delete(call: Call) -> dict[str, Any]:
    file = _file(call)
    if file.user != call.app.bot_user_id:
        raise RefusalError("cant_delete_file")
    file.deleted, file.content = True, None
    for channel_id, shares in file.shares.items():
        for share in shares:
            message = call.workspace.channels[channel_id].messages.get(share["ts"])
            if message is not None:
                call.workspace.tell(Change(kind="file", channel=channel_id, message=message))
    return {}


def _file(call: Call) -> File:
    file = call.workspace.files.get(call.args.text("file"))
    if file is None:
        raise RefusalError("file_not_found")
    if file.deleted:
        raise RefusalError("file_deleted")
    return file


async def receive(emulator: Emulator, request: web.Request) -> web.Response:
    """Take the raw body at /upload/v1/{id}, whatever its content type claims."""

    async def store() -> web.Response:
        file = emulator.workspace.files.get(request.match_info["id"])
        content = await request.read()
        if file is None or file.completed:
            return web.Response(status=404, text="no such upload")
        if len(content) != file.expected:
            return web.Response(status=400, text=f"expected {file.expected} bytes, got {len(content)}")
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    return await suffer(emulator.faults.take("upload"), request, store)


METHODS: Final = {
    "files.getUploadURLExternal": Method(
        handler=get_upload_url, tier=4, scopes=("files:write",), required=("filename", "length")
    ),
    "files.completeUploadExternal": Method(
        handler=complete_upload, tier=4, scopes=("files:write",), required=("files",)
    ),
    "files.info": Method(handler=info, tier=4, scopes=("files:read",), required=("file",)),
    "files.delete": Method(handler=delete, tier=3, scopes=("files:write",), required=("file",)),
}
