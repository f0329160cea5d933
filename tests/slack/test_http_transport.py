"""Signed HTTP: what is not provably Slack's, and new, gets a 401 and never a 500."""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import urlencode

import aiohttp
import pytest

from bot.slack.http_transport import REMEMBER_S, WINDOW_S, HttpTransport, Signatures
from tests.slack.builders import ANNA, CHANNEL
from tests.slack.fake_slack import TEAM
from tests.slack.house import House

SECRET = "s3cret"


def sign(body: bytes, at, secret=SECRET) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:" + str(at).encode() + b":" + body, hashlib.sha256).hexdigest()


def test_a_request_is_accepted_once():
    now = [1_000_000.0]
    signatures = Signatures(SECRET, now=lambda: now[0])
    request = {"timestamp": "1000000", "signature": sign(b"x", 1000000), "body": b"x"}

    first, second = signatures.accept(**request), signatures.accept(**request)

    assert (first, second) == (True, False)
    now[0] += REMEMBER_S + 1  # forgotten by then, but far outside the window
    assert not signatures.accept(**request)


@pytest.mark.parametrize("shift", [WINDOW_S + 1, -WINDOW_S - 1])
def test_old_and_future_requests_are_refused(shift):
    at = int(1_000_000 + shift)

    assert not Signatures(SECRET, now=lambda: 1_000_000.0).accept(
        timestamp=str(at), signature=sign(b"x", at), body=b"x"
    )


NOW = "1000000"
FORGED = [
    *[
        (bad, sign(b"x", NOW), b"x")
        for bad in (
            "abc",
            "",
            "1e9",
            " 1000000",
            "+1000000",
            "1_000_000",
            "9" * 400,
            "\u0661",
            "-1",
            "0x1",
            "1000000.0",
            "1000001",
        )
    ],
    *[
        (NOW, bad, b"x")
        for bad in (
            "",
            "v0=",
            "v0=" + "0" * 64,
            "v1=" + sign(b"x", NOW)[3:],
            sign(b"x", NOW).upper(),
            sign(b"x", NOW) + "0",
            sign(b"x", NOW)[:-1],
            "v0=\u00e9" * 9,
            sign(b"x", NOW, "other"),
            sign(b"y", NOW),
        )
    ],
    *[(NOW, sign(b"x", NOW), bad) for bad in (b"", b"y", b"x ", b"\xff\xfe", b"x" * 2)],
]


@pytest.mark.parametrize(("timestamp", "signature", "body"), FORGED)
def test_forgeries_are_refused_without_raising(timestamp, signature, body):
    assert not Signatures(SECRET, now=lambda: float(NOW)).accept(timestamp=timestamp, signature=signature, body=body)


def test_an_empty_secret_is_no_secret():
    with pytest.raises(ValueError, match="secret"):
        Signatures("")


@pytest.mark.enable_socket
async def test_a_signed_command_is_answered_and_everything_else_is_401():
    house = House()
    transport = HttpTransport(house.app, secret=SECRET, host="127.0.0.1", port=0, path="/slack/events")
    port = await transport.start()
    form = {
        "command": "/faultline",
        "text": "status",
        "user_id": ANNA,
        "team_id": TEAM,
        "channel_id": CHANNEL,
        "trigger_id": "t1",
    }
    body = urlencode(form).encode()
    at = str(int(time.time()))
    good = {
        "X-Slack-Request-Timestamp": at,
        "X-Slack-Signature": sign(body, at),
        "Content-Type": "application/x-www-form-urlencoded",
    }
    try:
        async with aiohttp.ClientSession() as session:

            async def send(headers, data=body):
                async with session.post(f"http://127.0.0.1:{port}/slack/events", data=data, headers=headers) as reply:
                    return reply.status

            statuses = [
                await send({}),
                await send({**good, "X-Slack-Request-Timestamp": "abc"}),
                await send({**good, "X-Slack-Signature": sign(b"\xff", at)}, b"\xff"),  # signed, but no text
                await send(good),
                await send(good),  # a replay
            ]
        await house.tasks.idle()
    finally:
        await transport.stop()

    assert statuses == [401, 401, 401, 200, 401]
    assert house.desk.asked == [("status",)]
