"""The one door to other servers over HTTP: one host a client, one deadline a call, caps on everything that comes back.

Whoever is on the other side may be slow, wrong or hostile. What it answers is bounded before it is parsed, its
name is looked up once a call and checked, and its credentials go to that one host only.
"""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from socket import SOCK_STREAM
from typing import Any, Self

import httpx
from pydantic_core import from_json

from bot.errors import BadInputError, GiveUpError, RetryLaterError, SourceDownError, UnknownOutcomeError

LOOKUP_KEPT_S = 60.0  # a moved service is found within a minute; a lookup a call would load the resolver
CONNECT_S = 3.0  # an address that does not pick up by then is tried no further; the next one gets its chance
SHOWN = 300  # characters of the other side's words that a person gets to see
TOO_MANY = 429
WAIT_CAP_S = 3600.0  # nobody may tell us to wait longer
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        # clouds' metadata services that are not link-local: AWS over IPv6, Alibaba, Oracle, Azure
        ("fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"),
    )
)


class TooBigError(SourceDownError):
    """The answer exceeded the cap: ask for less."""


class HttpRefusedError(GiveUpError):
    """The other side understood and said no (4xx).

    code: its own word (`errorType`, `error_code`), else `http_<status>`.
    """

    def __init__(self, message: str, *, code: str, status: int) -> None:
        super().__init__(message, code=code)
        self.status = status


class HttpClient:
    """Talks to one configured server.

    base_url:   http(s), may hold a path, may hold neither credentials nor a query.
    deadline_s: for a whole call, from the lookup of the name to the last byte, in real time.
    max_bytes:  of an answer, on the wire and after decompression alike.
    bearer, basic, headers: credentials; they appear in no message and no repr.
    ca_file, client_cert, client_key, verify: TLS; the system's authorities when `ca_file` is None.
    """

    def __init__(
        self,
        base_url: str,
        *,
        deadline_s: float = 10.0,
        max_bytes: int = 32 * 1024 * 1024,
        bearer: str | None = None,
        basic: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        ca_file: Path | None = None,
        client_cert: Path | None = None,
        client_key: Path | None = None,
        verify: bool = True,
    ) -> None:
        self._base = _base(base_url)
        self._deadline_s = deadline_s
        self._max_bytes = max_bytes
        self._addresses: tuple[float, tuple[str, ...]] = (0.0, ())
        sent = {"accept-encoding": "gzip", "user-agent": "faultline", "accept": "application/json", **(headers or {})}
        if bearer is not None:
            sent["authorization"] = f"Bearer {bearer}"
        sent["host"] = self._base.netloc.decode("ascii")
        context = _tls(ca_file, client_cert, client_key, verify=verify) if self._base.scheme == "https" else True
        try:
            self._client = httpx.AsyncClient(
                auth=httpx.BasicAuth(*basic) if basic else None,
                headers=sent,
                verify=context,
                trust_env=False,  # a proxy variable must not redirect credentials
                follow_redirects=False,
                timeout=httpx.Timeout(deadline_s, connect=min(CONNECT_S, deadline_s)),
            )
        except UnicodeEncodeError as error:
            raise BadInputError(f"a credential for {self.where} holds characters that no HTTP header can") from error

    @property
    def where(self) -> str:
        """The server as people may see it: no credentials, no path."""
        return f"{self._base.scheme}://{self._base.netloc.decode('ascii')}"

    def __repr__(self) -> str:
        return f"HttpClient({self.where!r})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._client.aclose()

    async def get_json(
        self, path: str, params: Mapping[str, str] | None = None, *, deadline_s: float | None = None
    ) -> Any:
        """Fetch and parse. Raises SourceDownError; HttpRefusedError for a 4xx."""
        return self.parsed(await self.get_bytes(path, params, deadline_s=deadline_s))

    def parsed(self, body: bytes) -> Any:
        """Parse what `get_bytes` brought. Raises SourceDownError."""
        try:
            return from_json(body)  # refuses nesting beyond 200 levels by itself
        except ValueError as error:
            raise SourceDownError(f"{self.where} answered something that is not JSON: {_clean(body[:60])!r}") from error

    async def get_bytes(
        self, path: str, params: Mapping[str, str] | None = None, *, deadline_s: float | None = None
    ) -> bytes:
        """Fetch. Reading twice harms nobody, so every doubt is a SourceDownError; a 4xx is an HttpRefusedError."""
        allowed_s = deadline_s or self._deadline_s
        try:
            async with asyncio.timeout(allowed_s):
                status, headers, body = await self._send("GET", path, params=params)
        except TimeoutError as error:
            raise SourceDownError(f"{self.where} gave no whole answer within {allowed_s:g} s") from error
        except httpx.ConnectError as error:
            raise SourceDownError(f"{self.where} cannot be reached: {_brief(error)}") from error
        except httpx.TimeoutException as error:
            raise SourceDownError(f"{self.where} did not answer in time") from error
        except httpx.HTTPError as error:
            raise SourceDownError(f"{self.where} broke off its answer: {_brief(error)}") from error
        if status >= 500 or status in (408, TOO_MANY):
            raise SourceDownError(f"{self.where} answered {status}: {_words(body)[1]}", after_s=_wait_s(headers))
        self._check(status, headers, body)
        return body

    async def post_json(self, path: str, payload: object, *, headers: Mapping[str, str] | None = None) -> Any:
        """Send JSON, parse the answer; an empty answer is None. Errors as `post_bytes`."""
        body = httpx.Request("POST", self._base, json=payload).content
        answer = await self.post_bytes(path, body, headers=headers)
        if not answer.strip():
            return None
        try:
            return from_json(answer)
        except ValueError as error:  # it said yes, in words that we do not understand: look before doing it again
            raise UnknownOutcomeError(f"{self.where} accepted, and answered something that is not JSON") from error

    async def post_bytes(self, path: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Send once.

        Raises RetryLaterError when it certainly did not happen, UnknownOutcomeError when it may have,
        HttpRefusedError when the other side said no.
        """
        sent = {"content-type": "application/json", **(headers or {})}
        try:
            async with asyncio.timeout(self._deadline_s):
                await self._look_up_for_post()
                status, answered, answer = await self._send("POST", path, content=body, headers=sent)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise RetryLaterError(f"{self.where} cannot be reached: {_brief(error)}") from error
        except SourceDownError as error:  # it answered, but we could not read what
            raise UnknownOutcomeError(str(error)) from error
        except TimeoutError as error:
            raise UnknownOutcomeError(f"{self.where} gave no whole answer within {self._deadline_s:g} s") from error
        except httpx.HTTPError as error:
            raise UnknownOutcomeError(f"{self.where} broke off its answer: {_brief(error)}") from error
        if status >= 500:  # it may have failed after the deed
            raise UnknownOutcomeError(f"{self.where} answered {status}: {_words(answer)[1]}")
        if status == TOO_MANY:
            raise RetryLaterError(f"{self.where} asks us to slow down", after_s=_wait_s(answered))
        try:
            self._check(status, answered, answer)
        except SourceDownError as error:
            raise GiveUpError(str(error), code=f"http_{status}") from error
        return answer

    async def _look_up_for_post(self) -> None:
        """Fail before anything is sent, as something that certainly did not happen."""
        try:
            await self._permitted()
        except SourceDownError as error:
            raise RetryLaterError(str(error)) from error

    async def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, httpx.Headers, bytes]:
        """Try the server's addresses in turn; only a failure to connect goes on to the next."""
        full = f"{self._base.path.rstrip('/')}/{path.lstrip('/')}" if path else self._base.path
        refused: httpx.HTTPError | None = None
        for address in await self._permitted():
            url = self._base.copy_with(host=address, path=full, params=dict(params) if params else None)
            request = self._client.build_request(
                method,
                url,
                content=content,
                headers=headers,
                extensions={"sni_hostname": self._base.raw_host.decode("ascii")},
            )
            try:
                response = await self._client.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                self._addresses = (0.0, ())
                refused = error
                continue
            try:
                return response.status_code, response.headers, await self._read(response)
            finally:
                await response.aclose()
        raise refused or httpx.ConnectError("its name has no address")

    async def _permitted(self) -> Sequence[str]:
        """Look the host up once and connect to exactly what was checked: no second lookup to slip past the check."""
        expires, found = self._addresses
        if time.monotonic() < expires:
            return found
        try:
            answers = await asyncio.get_running_loop().getaddrinfo(self._base.host, None, type=SOCK_STREAM)
        except OSError as error:
            raise SourceDownError(f"{self.where}: its name cannot be looked up: {_brief(error)}") from error
        found = tuple(dict.fromkeys(str(answer[4][0]) for answer in answers))
        refuse_unsafe(found, self.where)
        self._addresses = (time.monotonic() + LOOKUP_KEPT_S, found)
        return found

    async def _read(self, response: httpx.Response) -> bytes:
        """Collect the body; neither the wire nor what it unpacks to may exceed the cap."""
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip"):
            raise SourceDownError(f"{self.where} answered in the encoding {encoding[:20]!r}, which nobody asked for")
        unpack = zlib.decompressobj(zlib.MAX_WBITS | 16) if encoding == "gzip" else None
        wire = 0
        body = bytearray()
        async for chunk in response.aiter_raw():
            wire += len(chunk)
            try:
                body += unpack.decompress(chunk, self._max_bytes - len(body) + 1) if unpack else chunk
            except zlib.error as error:
                raise SourceDownError(f"{self.where} answered with broken gzip") from error
            if wire > self._max_bytes or len(body) > self._max_bytes:
                raise TooBigError(f"{self.where} answered more than {self._max_bytes:,} bytes")
        if unpack and wire and not unpack.eof:
            raise SourceDownError(f"{self.where} broke off its answer: gzip without an end")
        return bytes(body)

    def _check(self, status: int, headers: httpx.Headers, body: bytes) -> None:
        if 200 <= status < 300:
            return
        if status < 400:
            target = headers.get("location", "elsewhere").partition("?")[0][:100]
            raise SourceDownError(f"{self.where} redirects to {target}, which is not followed: configure the final URL")
        code, words = _words(body)
        raise HttpRefusedError(f"{self.where} answered {status}: {words}", code=code or f"http_{status}", status=status)


def refuse_unsafe(addresses: Iterable[str], where: str) -> None:
    """Refuse link-local, metadata, multicast and unspecified addresses. Raises SourceDownError.

    Private and loopback addresses are where a Prometheus lives; what may be asked is the one configured host.
    """
    for text in addresses:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        for one in (address, mapped or address):
            if one.is_link_local or one.is_multicast or one.is_unspecified or one in METADATA:
                raise SourceDownError(f"{where} leads to {text}, an address that is never asked")


def _base(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as error:
        raise BadInputError("the address of a server is not a URL; write it as https://host:port") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise BadInputError("the address of a server must begin with http:// or https:// and name a host")
    if url.userinfo:
        raise BadInputError(f"{url.host}: put the user and password into their own settings, not into the URL")
    if url.query or url.fragment:
        raise BadInputError(f"{url.host}: the address of a server ends before ? and #")
    try:
        literal = ipaddress.ip_address(url.host)
    except ValueError:
        return url
    try:
        refuse_unsafe([str(literal)], url.host)
    except SourceDownError as error:
        raise BadInputError(str(error)) from error
    return url


def _tls(ca_file: Path | None, cert: Path | None, key: Path | None, *, verify: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if cert is not None:
            context.load_cert_chain(cert, key)
    except (OSError, ssl.SSLError) as error:
        raise BadInputError(f"TLS: {ca_file or ''} {cert or ''}: cannot be used: {_brief(error)}") from error
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _words(body: bytes) -> tuple[str, str]:
    """Find the error's code and text in the answers of Prometheus, MLflow, Airflow and their kin."""
    try:
        told = from_json(body)
    except ValueError:
        return "", _clean(body)
    if not isinstance(told, Mapping):
        return "", _clean(body)
    code = next((told[key] for key in ("errorType", "error_code") if isinstance(told.get(key), str)), "")
    text = next((told[key] for key in ("error", "message", "detail", "title") if isinstance(told.get(key), str)), "")
    return code[:60], _clean((text or "no reason given").encode())


def _clean(body: bytes) -> str:
    text = body[: SHOWN * 4].decode("utf-8", errors="replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:SHOWN]


def _wait_s(headers: httpx.Headers) -> float | None:
    """Read Retry-After in seconds; the form with a date is rare enough to count as not told."""
    told = headers.get("retry-after", "")
    return min(float(told), WAIT_CAP_S) if told.isascii() and told.isdigit() else None


def _brief(error: BaseException) -> str:
    return _clean(str(error).encode()) or type(error).__name__
