"""Slack's Web API as we use it: one attempt a call, and outcomes sorted by what the caller should do next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.errors import GiveUpError, RetryLaterError, UnknownOutcomeError
from bot.metrics import Metrics

HTTP_TIMEOUT_S = 10.0  # Slack answers within one; a hung call must not outlast the lease
DEFAULT_WAIT_S = 30.0  # when a limit comes without Retry-After

WAIT: Final = frozenset({"ratelimited", "rate_limited"})
UNKNOWN: Final = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
CONTENT: Final = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "metadata_too_large",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "markdown_text_conflict",
        "block_mismatch",
        "too_many_attachments",
        "invalid_attachments",
    }
)
PLACE: Final = frozenset(
    {
        "channel_not_found",
        "not_in_channel",
        "is_archived",
        "restricted_action",
        "restricted_action_read_only_channel",
        "restricted_action_thread_only_channel",
        "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked",
        "cannot_reply_to_message",
    }
)
TOKEN: Final = frozenset(
    {
        "not_authed",
        "invalid_auth",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
        "not_allowed_token_type",
        "no_permission",
        "access_denied",
    }
)
TARGET: Final = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


def make_session() -> aiohttp.ClientSession:
    """One session for all calls. The SDK leaves the time limit to a session that it did not make."""
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=HTTP_TIMEOUT_S))


def make_client(token: str, *, base_url: str, session: aiohttp.ClientSession) -> AsyncWebClient:
    """Build a client that never retries: the SDK's own retry posts twice when a reply is lost.

    token: "" builds one without, for Bolt, which adds the token to each request.
    """
    return AsyncWebClient(
        token=token or None, base_url=base_url, session=session, timeout=int(HTTP_TIMEOUT_S), retry_handlers=[]
    )


def _retry_after(headers: Mapping[str, Any]) -> float:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(0.0, float(value))
            except (TypeError, ValueError):
                return DEFAULT_WAIT_S
    return DEFAULT_WAIT_S


class SlackApi:
    """Every call raises RetryLaterError (certainly not done), UnknownOutcomeError, or GiveUpError with Slack's code.

    Calls that only read never raise UnknownOutcomeError: reading twice harms nobody.
    """

    def __init__(self, client: AsyncWebClient, *, metrics: Metrics) -> None:
        self.client = client
        self._metrics = metrics

    async def post(self, **arguments: Any) -> Mapping[str, Any]:
        """chat.postMessage, without unfurling, parsing or linking of names."""
        return await self.call(
            "chat.postMessage",
            {"unfurl_links": False, "unfurl_media": False, "parse": "none", "link_names": False, **arguments},
        )

    async def update(self, **arguments: Any) -> Mapping[str, Any]:
        return await self.call("chat.update", {"parse": "none", "link_names": False, **arguments})

    async def ephemeral(self, **arguments: Any) -> Mapping[str, Any]:
        return await self.call("chat.postEphemeral", {"parse": "none", "link_names": False, **arguments})

    async def read(self, method: str, **arguments: Any) -> Mapping[str, Any]:
        """Ask without changing anything."""
        return await self.call(method, arguments, reads=True)

    async def call(self, method: str, arguments: Mapping[str, Any], *, reads: bool = False) -> Mapping[str, Any]:
        """Call once and sort the outcome. None values are left out."""
        sent = {key: value for key, value in arguments.items() if value is not None}
        with self._counted(method, reads=reads):
            if reads:
                response = await self.client.api_call(method, http_verb="GET", params=sent)
            else:
                response = await self.client.api_call(method, json=sent)
        data = response.data
        return data if isinstance(data, dict) else {}

    async def client_call(self, method: str) -> AsyncSlackResponse:
        """Read with the headers, where the granted scopes stand."""
        with self._counted(method, reads=True):
            return await self.client.api_call(method, http_verb="GET")

    async def open_connection(self, app_token: str) -> str:
        """Ask for a Socket Mode address, to learn early and readably whether the app token works."""
        with self._counted("apps.connections.open", reads=True):
            response = await self.client.apps_connections_open(app_token=app_token)
        return str(response["url"])

    async def upload(self, url: str, content: bytes) -> None:
        """Send the bytes of a file to the address that Slack gave for it."""
        session = self.client.session
        assert session is not None, "make_client always gives a session"
        with self._counted("files.upload", reads=True):
            async with session.post(url, data=content, headers={"Content-Type": "application/octet-stream"}) as reply:
                if reply.status != 200:
                    raise RetryLaterError(f"the upload was answered with {reply.status}")

    def _counted(self, method: str, *, reads: bool) -> _Outcome:
        return _Outcome(self._metrics, method, reads=reads)


class _Outcome:
    """Turns what a call raises into our errors and counts it."""

    def __init__(self, metrics: Metrics, method: str, *, reads: bool) -> None:
        self._metrics, self._method, self._reads = metrics, method, reads

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._count("ok")
            return
        if isinstance(error, Exception):
            ours = self._sorted(error)
            if ours is not None:
                raise ours from error

    def _count(self, outcome: str) -> None:
        self._metrics.slack_calls.labels(method=self._method, outcome=outcome).inc()

    def _sorted(self, error: Exception) -> Exception | None:
        if isinstance(error, SlackApiError):
            return self._answered(error)
        if isinstance(error, (aiohttp.ClientConnectorError, SlackRequestError)):
            self._count("not_sent")  # refused, no address, or TLS: nothing left this machine
            return RetryLaterError(f"{self._method}: Slack cannot be reached: {error}")
        if isinstance(error, (aiohttp.ClientError, TimeoutError, OSError, AttributeError, json.JSONDecodeError)):
            # AttributeError: the SDK stumbles over a body that is JSON but no object, or plain text
            return self._doubtful(f"{self._method}: no usable answer: {error!r}")
        return None

    def _doubtful(self, message: str) -> Exception:
        self._count("unknown")
        return RetryLaterError(message) if self._reads else UnknownOutcomeError(message)

    def _answered(self, error: SlackApiError) -> Exception:
        response = error.response
        status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
        data = getattr(response, "data", None)
        code = str(data.get("error", "")) if isinstance(data, dict) else ""
        if status == 429 or code in WAIT:
            self._count("limited")
            self._metrics.slack_limited.labels(method=self._method).inc()
            wait = _retry_after(getattr(response, "headers", {}) or {})
            return RetryLaterError(f"{self._method}: Slack asks us to wait {wait:g} s", after_s=wait)
        if not code or status >= 500 or code in UNKNOWN:
            return self._doubtful(f"{self._method}: answered with {status} {code}".rstrip())
        self._count(code)
        needed = f", needs the scope {data['needed']}" if isinstance(data, dict) and data.get("needed") else ""
        return GiveUpError(f"{self._method}: Slack says {code}{needed}", code=code)
