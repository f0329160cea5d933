"""python -m bot.emulator: a small Slack on this machine until it is stopped."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

from bot.emulator.definition import Definition, load_definition
from bot.emulator.server import serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bot.emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (%(default)s)")
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one (%(default)s)")
    parser.add_argument("--config", type=Path, help="the workspace as JSON; see bot/emulator/definition.py")
    parser.add_argument("--state-file", type=Path, help="keep messages and files here over restarts")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    try:
        definition = load_definition(given.config) if given.config else Definition()
        asyncio.run(_run(definition, host=given.host, port=given.port, state_file=given.state_file))
    except (ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


async def _run(definition: Definition, *, host: str, port: int, state_file: Path | None) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with await serve(definition, host=host, port=port, state_file=state_file) as server:
        sys.stdout.write(f"Slack emulator: {server.url}/ (Web API at {server.api_url})\n")
        sys.stdout.flush()
        await stop.wait()


if __name__ == "__main__":
    sys.exit(main())
