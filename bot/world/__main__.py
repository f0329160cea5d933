"""`python -m bot.world`: serve a world, or `record` one into a folder."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bot.world.clock import VirtualClock
from bot.world.log_files import NotEmptyError
from bot.world.record import HOURS, START_S, record
from bot.world.recordings import RECORDED
from bot.world.scenario import LIVE
from bot.world.server import HISTORY_H, serve


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; returns the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["record"]:
        return _record(given[1:])
    return _serve(given)


def _record(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bot.world record")
    parser.add_argument("--scenario", choices=sorted(RECORDED), required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder, made if need be")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--hours", type=float, default=HOURS)
    parser.add_argument("--start", type=float, default=START_S, help="seconds since 1970, a full minute")
    chosen = parser.parse_args(arguments)
    done = record(chosen.out, scenario=chosen.scenario, seed=chosen.seed, hours=chosen.hours, start_s=chosen.start)
    sys.stdout.write(f"{done.folder}: {done.rows} rows, {done.series} series, {done.incidents} incidents\n")
    return 0


def _serve(arguments: Sequence[str]) -> int:
    now_s = time.time()
    parser = argparse.ArgumentParser(prog="python -m bot.world")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one and prints it")
    parser.add_argument("--rate", type=float, default=60.0, help="virtual seconds a second")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--origin-wall", type=float, default=now_s, help="wall time at the origin")
    parser.add_argument("--origin", type=float, default=now_s, help="virtual time at the origin")
    parser.add_argument("--history-h", type=float, default=HISTORY_H, help="hours before the origin")
    parser.add_argument("--scenario", choices=sorted(LIVE), default="demo")
    parser.add_argument("--log-hours", type=float, help="of the past that the prediction log holds; absent: all")
    parser.add_argument("--log-folder", type=Path, help="empty folder for the prediction log, made if need be")
    parser.add_argument(
        "--log-labelled", type=float, help="share of the log's rows that get a label, 0 to 1; default: each model's"
    )
    chosen = parser.parse_args(arguments)
    try:
        asyncio.run(_until_stopped(chosen))
    except NotEmptyError as error:
        parser.error(str(error))
    return 0


async def _until_stopped(chosen: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    clock = VirtualClock(origin_s=chosen.origin, origin_wall_s=chosen.origin_wall, rate=chosen.rate)
    async with serve(
        clock,
        seed=chosen.seed,
        scenario=chosen.scenario,
        host=chosen.host,
        port=chosen.port,
        history_h=chosen.history_h,
        log_folder=chosen.log_folder,
        log_h=chosen.log_hours,
        labelled=chosen.log_labelled,
    ) as running:
        sys.stdout.write(f"world at {running.url}\n")
        sys.stdout.flush()  # whoever started us waits for this line
        await stopped.wait()


if __name__ == "__main__":
    sys.exit(main())
