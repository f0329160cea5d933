"""What is told on the terminal, and the person who plays by herself when nobody sits at the page."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

from bot.demo.player import Played, play
from bot.demo.stage import RATE, DemoError, Process, Stage, stage

PATIENCE_S = 110.0  # a headless run is over by then, or it has failed

STORY = f"""
  One second here is {RATE / 60:.0f} minute there. From now on, in seconds:
     2   frontdoor is rolled out: innocent, and nothing is said about it
     5   model fraud is promoted to version 4, which is bad
    14   the disk under the feature pipeline begins to fill; features go stale and ranking looks bad
    45   somebody frees the disk

  You are alice. Open a thread, press "Roll back…" on the incident of fraud, then choose "bob" on the left (alice may
  ask, bob or carol may approve) and press "Approve" in the thread. Try /faultline status, /silence, the app's Home.
  Ctrl-C ends the demo.
"""


async def run_demo(*, headless: bool, port: int) -> int:
    """Run it; returns the exit code. Raises DemoError when a part fails, BadInputError when the port is taken."""
    began = time.monotonic()
    async with stage(port=0 if headless else port) as (scene, processes):
        if headless:
            sys.stderr.write(f"everything runs after {time.monotonic() - began:.1f} s; the page is {scene.page}\n")
            return await _unless_one_ends(lambda: _headless(scene), processes)
        page = f"{scene.page}#as=alice&channel=incidents"
        sys.stdout.write(f"\n  The small Slack:  {page}\n  The bot's health: {scene.health}/metrics\n{STORY}\n")
        sys.stdout.flush()
        return await _unless_one_ends(_until_interrupted, processes)


async def _unless_one_ends(work: Callable[[], Awaitable[int]], processes: Sequence[Process]) -> int:
    """Do the work; a process that ends meanwhile ends it too, with its last words."""
    job = asyncio.ensure_future(work())
    ends = [asyncio.ensure_future(process.ended()) for process in processes]
    try:
        await asyncio.wait([job, *ends], return_when=asyncio.FIRST_COMPLETED)
        for one in ends:
            if one.done():
                one.result()
        return job.result()
    finally:
        for task in (job, *ends):
            task.cancel()
        await asyncio.gather(job, *ends, return_exceptions=True)


async def _until_interrupted() -> int:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await stopped.wait()
    return 0


async def _headless(scene: Stage) -> int:
    played = Played()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            await play(scene, played)
    sys.stdout.write(f"{played.transcript}\n")
    for name, passed in played.checks.items():
        sys.stdout.write(f"{'ok     ' if passed else 'FAILED '}  {name}\n")
    sys.stdout.write(f"{played.seconds:.0f} s\n")
    if not played.passed:
        raise DemoError("the demo did not go as it should; what is missing stands above")
    return 0
