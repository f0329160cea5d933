import asyncio
import gzip
import socket

import pytest

from bot.errors import BadInputError, GiveUpError, RetryLaterError, SourceDownError, UnknownOutcomeError
from bot.http import HttpClient, HttpRefusedError, TooBigError, refuse_unsafe
from tests.sources.loopback import api_server, ok, raw_server, recorded

pytestmark = pytest.mark.enable_socket

KIB = 1024


def gzipped(body, *, cut=0):
    packed = gzip.compress(body)
    return ok(packed[: len(packed) - cut], more="content-encoding: gzip\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ok(b'{"a": 1}'), id="plain"),
        pytest.param(gzipped(b'{"a": 1}'), id="gzip"),
        pytest.param(
            b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{"a\r\n5\r\n": 1}\r\n0\r\n\r\n', id="chunked"
        ),
    ],
)
async def test_an_honest_answer_is_read(answer):
    async with raw_server(answer) as (url, _), HttpClient(url) as client:
        assert await client.get_json("x") == {"a": 1}


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        pytest.param(ok(b"<html>log in</html>", kind="text/html"), "not JSON", id="HTML with status 200"),
        pytest.param(ok(b'\xef\xbb\xbf{"a": 1}'), "not JSON", id="byte order mark"),
        pytest.param(ok(b"[" * 5000 + b"]" * 5000), "not JSON", id="depth bomb"),
        pytest.param(ok(b""), "not JSON", id="nothing"),
        pytest.param(ok(b'{"a": 1}')[:-3], "broke off", id="truncated"),
        pytest.param(b"", "broke off", id="closed at once"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", "broke off", id="another protocol"),
        pytest.param(gzipped(b'{"a": 1}', cut=6), "gzip without an end", id="truncated gzip"),
        pytest.param(ok(b"no gzip", more="content-encoding: gzip\r\n"), "broken gzip", id="not gzip at all"),
        pytest.param(ok(b"x", more="content-encoding: br\r\n"), "nobody asked for", id="unasked encoding"),
        pytest.param(
            b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest\r\ncontent-length: 0\r\n\r\n",
            "redirects",
            id="redirect to metadata",
        ),
        pytest.param(b"HTTP/1.1 503 Away\r\ncontent-length: 0\r\n\r\n", "answered 503", id="away"),
    ],
)
async def test_a_wrong_answer_means_the_source_is_down(answer, because):
    async with raw_server(answer) as (url, _), HttpClient(url) as client:
        with pytest.raises(SourceDownError, match=because):
            await client.get_json("x")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(ok(b"x" * 5 * KIB), id="on the wire"),
        pytest.param(gzipped(b"0" * 2_000 * KIB), id="gzip bomb: 2 KB that unpack to 2 MB"),
    ],
)
async def test_no_answer_is_larger_than_the_cap(answer):
    async with raw_server(answer) as (url, _), HttpClient(url, max_bytes=4 * KIB) as client:
        with pytest.raises(TooBigError, match="4,096 bytes"):
            await client.get_bytes("x")


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param((), id="hangs"),
        pytest.param((b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", b"{", b'"', b"a"), id="drips"),
    ],
)
async def test_the_deadline_covers_the_whole_call(chunks):
    async with raw_server(*chunks, hang=True) as (url, _), HttpClient(url, deadline_s=0.2) as client:
        with pytest.raises(SourceDownError, match=r"in time|within"):
            await client.get_json("x")


async def test_a_refusal_carries_the_servers_own_words():
    status, body = recorded("prom_bad_query")

    async with api_server(lambda _: (status, body)) as (url, _), HttpClient(url) as client:
        with pytest.raises(HttpRefusedError, match="unclosed left parenthesis") as refusal:
            await client.get_json("x")

    assert (refusal.value.code, refusal.value.status) == ("bad_data", 400)


async def test_a_server_may_ask_us_to_wait():
    answer = b"HTTP/1.1 429 Slow\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n"
    async with raw_server(answer) as (url, _), HttpClient(url) as client:
        with pytest.raises(SourceDownError) as wait:
            await client.get_json("x")

    assert wait.value.after_s == 7


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        pytest.param({"bearer": "s3cret"}, "authorization: Bearer s3cret", id="bearer"),
        pytest.param({"basic": ("me", "s3cret")}, "authorization: Basic bWU6czNjcmV0", id="basic"),
    ],
)
async def test_credentials_go_to_the_server_and_into_no_message(given, sent):
    async with (
        raw_server(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n") as (url, heads),
        HttpClient(url, **given) as client,
    ):
        with pytest.raises(SourceDownError) as failure:
            await client.get_json("x")

    assert sent.lower() in heads[0].lower()
    assert "s3cret" not in f"{failure.value!r} {client!r} {vars(client)['_base']}"


async def test_the_environment_cannot_bend_the_way(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with raw_server(ok(b"1")) as (url, _), HttpClient(url) as client:
        assert await client.get_json("x") == 1


async def test_a_name_leads_to_the_checked_address_and_keeps_its_name():
    async with raw_server(ok(b"1")) as (url, heads):
        port = url.rpartition(":")[2]
        async with HttpClient(f"http://localhost:{port}/base/") as client:
            assert await client.get_json("x", {"q": "a b&c"}) == 1

    assert heads[0].splitlines()[0] == "GET /base/x?q=a+b%26c HTTP/1.1"
    assert f"host: localhost:{port}" in heads[0].lower().splitlines()


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "fe80::1%eth0",
        "::ffff:169.254.169.254",
        "100.100.100.200",
        "fd00:ec2::254",
        "0.0.0.0",
        "224.0.0.1",
    ],
)
def test_metadata_and_link_local_addresses_are_never_asked(address):
    with pytest.raises(SourceDownError, match="never asked"):
        refuse_unsafe(["10.0.0.7", address], "http://prometheus.example")


@pytest.mark.parametrize("address", ["10.0.0.7", "127.0.0.1", "192.168.1.4", "fd12::1", "203.0.113.9"])
def test_private_addresses_are_where_a_prometheus_lives(address):
    refuse_unsafe([address], "http://prometheus.example")


async def test_a_name_that_leads_to_metadata_is_not_connected_to(monkeypatch):
    client = HttpClient("http://prometheus.example:9090")

    async def answer(*_args, **_more):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)
    async with client:
        with pytest.raises(SourceDownError, match="never asked"):
            await client.get_json("x")
        with pytest.raises(RetryLaterError, match="never asked"):
            await client.post_json("x", {})


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("ftp://host", id="another scheme"),
        pytest.param("prometheus:9090", id="no scheme"),
        pytest.param("http://", id="no host"),
        pytest.param("http://me:pw@host", id="credentials in the URL"),
        pytest.param("http://host/?a=b", id="query"),
        pytest.param("http://169.254.169.254/", id="metadata"),
    ],
)
def test_an_address_that_cannot_be_right_is_refused_at_once(url):
    with pytest.raises(BadInputError) as refusal:
        HttpClient(url)

    assert "pw" not in str(refusal.value)


def test_a_missing_authority_file_is_named(tmp_path):
    with pytest.raises(BadInputError, match=r"ca\.pem"):
        HttpClient("https://host", ca_file=tmp_path / "ca.pem")


async def test_a_post_that_found_no_server_did_not_happen(unused_tcp_port):
    async with HttpClient(f"http://127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(RetryLaterError, match="cannot be reached") as failure:
            await client.post_json("x", {})

    assert not isinstance(failure.value, SourceDownError)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(b"", UnknownOutcomeError, id="closed at once"),
        pytest.param(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", UnknownOutcomeError, id="failed within"),
        pytest.param(ok(b'{"a": 1}')[:-3], UnknownOutcomeError, id="truncated"),
        pytest.param(ok(b"<html>"), UnknownOutcomeError, id="a yes that is no JSON"),
        pytest.param(ok(b"x", more="content-encoding: br\r\n"), UnknownOutcomeError, id="a yes in another encoding"),
        pytest.param(ok(b"x" * 9 * KIB), UnknownOutcomeError, id="a yes that is too big"),
        pytest.param(b"HTTP/1.1 404 No\r\ncontent-length: 0\r\n\r\n", GiveUpError, id="a no"),
        pytest.param(b"HTTP/1.1 307 No\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", GiveUpError, id="a redirect"),
        pytest.param(b"HTTP/1.1 429 No\r\ncontent-length: 0\r\n\r\n", RetryLaterError, id="not now"),
    ],
)
async def test_the_outcome_of_a_post_is_told_by_its_error(answer, error):
    async with raw_server(answer) as (url, _), HttpClient(url, max_bytes=8 * KIB) as client:
        with pytest.raises(error):
            await client.post_json("x", {"a": 1})


async def test_a_post_that_hangs_may_have_happened():
    async with raw_server(hang=True) as (url, _), HttpClient(url, deadline_s=0.2) as client:
        with pytest.raises(UnknownOutcomeError):
            await client.post_json("x", {})
