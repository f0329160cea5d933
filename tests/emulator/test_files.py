"""Uploads in three steps, shared a moment later; pictures usable only from then on."""

from __future__ import annotations

import pytest
from slack_sdk.errors import SlackApiError

from bot.emulator import Fault

pytestmark = pytest.mark.enable_socket
INCIDENTS = "C0INCIDENTS"


async def test_an_upload_lands_in_the_thread_and_is_shared_later(server, client, session, eventually):
    root = (await client.chat_postMessage(channel=INCIDENTS, text="root"))["ts"]

    done = await client.files_upload_v2(
        channel=INCIDENTS,
        thread_ts=root,
        filename="plot.png",
        content=b"\x89PNG bytes",
        title="p95",
        initial_comment="see",
    )

    file = done["file"]
    assert file["shares"] == {}
    shared = server.emulator.workspace.files[file["id"]]
    await eventually(lambda: shared.shares)
    info = (await client.files_info(file=file["id"]))["file"]
    share = info["shares"]["public"][INCIDENTS][0]
    thread = (await client.conversations_replies(channel=INCIDENTS, ts=root))["messages"]
    assert share["thread_ts"] == root
    assert (thread[1]["ts"], thread[1]["text"], thread[1]["files"][0]["title"]) == (share["ts"], "see", "p95")
    async with session.get(info["url_private"]) as answer:
        assert (await answer.read(), answer.content_type) == (b"\x89PNG bytes", "image/png")


async def test_a_picture_block_needs_a_shared_file(server, client, eventually):
    done = await client.files_upload_v2(channel=INCIDENTS, filename="plot.png", content=b"x")
    file = server.emulator.workspace.files[done["file"]["id"]]
    block = {"type": "image", "alt_text": "plot", "slack_file": {"id": file.id}}

    with pytest.raises(SlackApiError, match="invalid_blocks"):
        await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[block])
    await eventually(lambda: file.shares)

    assert (await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=[block]))["ok"]


async def test_an_upload_of_the_wrong_length_is_refused(client, session):
    url = (await client.files_getUploadURLExternal(filename="a.txt", length=5))["upload_url"]

    async with session.post(url, data=b"four") as answer:
        assert answer.status == 400


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        pytest.param({"files": [{"id": "F404"}]}, "file_not_found", id="no such file"),
        pytest.param({"files": []}, "invalid_arguments", id="no files"),
        pytest.param({"files": [{"id": "F404"}], "channel_id": "incidents"}, "invalid_channel", id="name, not id"),
    ],
)
async def test_completing_is_refused(client, arguments, error):
    with pytest.raises(SlackApiError) as caught:
        await client.api_call("files.completeUploadExternal", json=arguments)

    assert caught.value.response["error"] == error


async def test_a_deleted_file_is_gone(server, client, session, eventually):
    done = await client.files_upload_v2(channel=INCIDENTS, filename="plot.png", content=b"x")
    file = server.emulator.workspace.files[done["file"]["id"]]
    await eventually(lambda: file.shares)

    await client.files_delete(file=file.id)

    with pytest.raises(SlackApiError, match="file_deleted"):
        await client.files_info(file=file.id)
    async with session.get(f"{server.url}{file.path}") as answer:
        assert answer.status == 404


async def test_uploads_can_fail_too(server, client, session):
    server.emulator.faults.add(Fault(method="upload", kind="http_500_before"))
    url = (await client.files_getUploadURLExternal(filename="a.txt", length=1))["upload_url"]

    async with session.post(url, data=b"x") as first, session.post(url, data=b"x") as second:
        assert (first.status, second.status) == (500, 200)
