"""Starts a server of somebody else, waits until it answers, and stops it."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes through a proxy


def answers(url: str) -> bool:
    try:
        with OPENER.open(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running(
    command: Sequence[str], *, ready: str, log: Path, env: Mapping[str, str] | None = None, within_s: float = 30.0
) -> Iterator[None]:
    """Run until the block ends. Raises RuntimeError with the end of its log when it does not come up."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=log.parent)
    try:
        give_up = time.monotonic() + within_s
        while not answers(ready):
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"{command[0]} did not come up:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
