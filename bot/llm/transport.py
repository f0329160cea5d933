"""How a provider's library reaches the network: bounded, straight to one host, nothing unpacked.

Imported only with a provider: httpx2 comes with the optional extra `llm`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

MAX_BYTES = 1024 * 1024  # an answer of 900 tokens is 4 kB; this leaves room for a chatty envelope
# Set by the libraries from the environment, whatever host they talk to.
AMBIENT = ("openai-organization", "openai-project")


class RefusedAnswerError(Exception):
    """The answer is of a kind that is never read."""


class _Capped(httpx2.AsyncByteStream):
    """Passes a body on, and stops when it is longer than anything we would read."""

    def __init__(self, inner: httpx2.AsyncByteStream, limit: int) -> None:
        self._inner = inner
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            self._left -= len(chunk)
            if self._left < 0:
                raise RefusedAnswerError("the answer is longer than the cap")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class GuardedTransport(httpx2.AsyncBaseTransport):
    """Refuses redirects, other hosts, compressed bodies and long ones.

    Here and not in the client's settings, because vendor libraries set `follow_redirects` on each request; and a cap
    on the wire alone fails against a compressed answer, which unpacks to a thousand times its size.
    """

    def __init__(
        self, *, host: str, max_bytes: int = MAX_BYTES, inner: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._host = host
        self._max_bytes = max_bytes
        self._inner = inner or httpx2.AsyncHTTPTransport(retries=0, trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host != self._host:
            raise RefusedAnswerError("a request to another host than the configured one")
        request.headers["accept-encoding"] = "identity"
        for name in AMBIENT:
            request.headers.pop(name, None)
        response = await self._inner.handle_async_request(request)
        try:
            self._check(response)
        except RefusedAnswerError:
            await response.aclose()
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        return httpx2.Response(
            status_code=response.status_code,
            headers=response.headers,
            stream=_Capped(response.stream, self._max_bytes),
            extensions=response.extensions,
        )

    def _check(self, response: httpx2.Response) -> None:
        if 300 <= response.status_code < 400:
            raise RefusedAnswerError("the provider redirects, which is not followed")
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
            raise RefusedAnswerError("the provider answered in an encoding that nobody asked for")
        told = response.headers.get("content-length", "")
        if told.isdigit() and int(told) > self._max_bytes:
            raise RefusedAnswerError("the answer is longer than the cap")

    async def aclose(self) -> None:
        await self._inner.aclose()


def guarded_client(base_url: str, *, deadline_s: float, max_bytes: int = MAX_BYTES) -> httpx2.AsyncClient:
    """A client that can only talk to the host of `base_url`, for about `deadline_s` a step."""
    return httpx2.AsyncClient(
        transport=GuardedTransport(host=httpx2.URL(base_url).host, max_bytes=max_bytes),
        timeout=httpx2.Timeout(deadline_s, connect=min(5.0, deadline_s)),
        follow_redirects=False,
        trust_env=False,
    )
