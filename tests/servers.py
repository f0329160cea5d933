"""Real servers for tests, each private to the run: own folder, own port, gone afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path


class ServerAbsentError(Exception):
    """The binary is not installed: skip, and say what to install."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def postgres_binaries() -> Path:
    """Raises ServerAbsentError."""
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if versions:
        return max(versions, key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    if on_path is None:
        raise ServerAbsentError("no PostgreSQL here: apt install postgresql")
    return Path(on_path).parent


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL server; yield the URL of its maintenance database. Raises ServerAbsentError."""
    binaries = postgres_binaries()
    # initdb refuses to work for root
    borrowed = os.geteuid() == 0
    if borrowed and shutil.which("runuser") is None:
        raise ServerAbsentError("as root, PostgreSQL needs runuser: apt install util-linux")
    prefix = ["runuser", "-u", "postgres", "--"] if borrowed else []
    folder = Path(tempfile.mkdtemp(prefix="faultline-pg-"))
    try:
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        if borrowed:
            shutil.chown(data, "postgres", "postgres")
        port = free_port()

        def run(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [*prefix, str(binaries / program), "-D", str(data), *arguments],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,  # the server inherits it: a pipe would never close
                stderr=subprocess.STDOUT,
                timeout=120,
                check=False,
            )
            if done.returncode:
                raise RuntimeError(f"{program} failed with {done.returncode}")

        run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {data} -c fsync=off"
        run("pg_ctl", "-w", "-l", str(data / "log"), "-o", options, "start")
        try:
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
