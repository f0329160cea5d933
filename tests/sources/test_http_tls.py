"""TLS against a server with a certificate of its own; the address that is dialled is not the name that is checked."""

import asyncio
import shutil
import ssl
import subprocess

import pytest

from bot.errors import SourceDownError
from bot.http import HttpClient
from tests.sources.loopback import ok

pytestmark = pytest.mark.enable_socket


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate and its key for the name localhost only."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl here to make a certificate with: apt install openssl")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-keyout",
            "key.pem",
            "-out",
            "cert.pem",
        ],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=30,
    )
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
async def port(certificate):
    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ok(b"1"))
        await writer.drain()
        writer.close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_the_name_in_the_certificate_is_the_configured_one(port, certificate):
    async with HttpClient(f"https://localhost:{port}", ca_file=certificate[0]) as client:
        assert await client.get_json("x") == 1


async def test_another_name_is_refused(port, certificate):
    async with HttpClient(f"https://127.0.0.1:{port}", ca_file=certificate[0]) as client:
        with pytest.raises(SourceDownError, match="certificate"):
            await client.get_json("x")


async def test_an_unknown_authority_is_refused_unless_checking_is_off(port):
    async with HttpClient(f"https://localhost:{port}") as client:
        with pytest.raises(SourceDownError, match="certificate"):
            await client.get_json("x")
    async with HttpClient(f"https://localhost:{port}", verify=False) as client:
        assert await client.get_json("x") == 1
