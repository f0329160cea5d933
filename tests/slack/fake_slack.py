"""Slack's side of SlackApi in memory, with faults; what it is sent is checked by the emulator's own validator."""

from __future__ import annotations

from collections import defaultdict

from bot.emulator.blocks import check_attachments, check_message_blocks, check_view
from bot.errors import GiveUpError, RetryLaterError, UnknownOutcomeError
from tests.slack.builders import ANNA, BEN, CHANNEL

TEAM, BOT = "T0TEAM", "U0BOT"


def limited(after_s=7.0):
    return RetryLaterError("chat.postMessage: wait", after_s=after_s)


class FakeSlack:
    """Has the methods of SlackApi that we use. `faults[method]` is a list of faults, one taken a call.

    A fault is an exception (raised before anything is stored), or ("after", exception): stored, reply lost.
    """

    def __init__(self) -> None:
        self.messages: list[dict] = []
        self.calls: list[tuple[str, dict]] = []
        self.faults = defaultdict(list)
        self.answers = defaultdict(dict)
        self.users = {user: {"id": user, "team_id": TEAM, "is_bot": False, "deleted": False} for user in (ANNA, BEN)}
        self.uploads: list[bytes] = []
        self._ts = 1000

    def names(self, prefix=""):
        return [name for name, _ in self.calls if name.startswith(prefix)]

    def sent(self, method):
        return [arguments for name, arguments in self.calls if name == method]

    async def post(self, **arguments):
        return await self.call("chat.postMessage", arguments)

    async def update(self, **arguments):
        return await self.call("chat.update", arguments)

    async def ephemeral(self, **arguments):
        return await self.call("chat.postEphemeral", arguments)

    async def read(self, method, **arguments):
        return await self.call(method, {k: v for k, v in arguments.items() if v is not None})

    async def upload(self, url, content):
        self.uploads.append(content)

    async def call(self, method, arguments):
        self.calls.append((method, dict(arguments)))
        fault = self.faults[method].pop(0) if self.faults[method] else None
        if isinstance(fault, Exception):
            raise fault
        handler = getattr(self, "_" + method.replace(".", "_"), None)
        answer = handler(**arguments) if handler else {"ok": True, **self.answers[method]}
        if fault is not None:
            raise fault[1]
        return answer

    def _check(self, arguments):
        assert arguments["text"].strip()
        check_message_blocks(arguments["blocks"], ready_files=frozenset())
        check_attachments(arguments["attachments"], ready_files=frozenset())

    def _chat_postMessage(self, *, channel, **arguments):  # noqa: N802
        self._check(arguments)
        self._ts += 1
        message = {**arguments, "channel": channel, "ts": f"{self._ts}.000100", "user": BOT}
        self.messages.append(message)
        return {"ok": True, "channel": channel, "ts": message["ts"], "message": dict(message)}

    def _chat_postEphemeral(self, **arguments):  # noqa: N802
        self._check(arguments)
        return {"ok": True}

    def _chat_update(self, *, channel, ts, **arguments):
        self._check(arguments)
        found = next((message for message in self.messages if message["ts"] == ts), None)
        if found is None:
            raise GiveUpError("gone", code="message_not_found")
        found.update(arguments)
        return {"ok": True, "channel": channel, "ts": ts}

    def _chat_delete(self, *, channel, ts):
        self.messages = [message for message in self.messages if message["ts"] != ts]
        return {"ok": True}

    def _chat_getPermalink(self, *, channel, message_ts):  # noqa: N802
        return {"permalink": f"https://team.slack.example/archives/{channel}/p{message_ts}"}

    def _conversations_history(self, **_):
        return {"messages": [m for m in reversed(self.messages) if not m.get("thread_ts")]}

    def _conversations_replies(self, *, ts, **_):
        return {"messages": [m for m in self.messages if ts in (m["ts"], m.get("thread_ts"))]}

    def _users_info(self, *, user):
        if user not in self.users:
            raise GiveUpError("users.info", code="user_not_found")
        return {"user": self.users[user]}

    def _files_getUploadURLExternal(self, **_):  # noqa: N802
        return {"upload_url": "http://upload", "file_id": "F1"}

    def _views_open(self, *, trigger_id, view):
        return {"view": {**check_view(view, surface=view["type"], ready_files=frozenset()), "id": "V1"}}

    def _views_update(self, *, view_id, view):
        return {"view": check_view(view, surface=view["type"], ready_files=frozenset())}

    def _views_publish(self, *, user_id, view, **_):
        return {"view": check_view(view, surface=view["type"], ready_files=frozenset())}


LOST = ("after", UnknownOutcomeError("reply lost"))
REFUSED = GiveUpError("invalid_blocks", code="invalid_blocks")
HERE = CHANNEL
