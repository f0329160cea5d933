"""What is told on the terminal, and the person who plays by herself when nobody sits at the page."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from bot.demo.director import Cue, direct
from bot.demo.player import Played, play
from bot.demo.stage import RATE, DemoError, Process, Stage, stage
from bot.world.scenario import DEMO_PATIENCE_S

PATIENCE_S = 300.0  # a headless run is over by then, or it has failed: twice what it takes
DISK_PLAYED_S = 1260.0  # full for twenty minutes, which is a third of a minute here: a player needs no longer
DISK_SHOWN_S = 7200.0  # two minutes here: people read, and then look for the button

STORY = f"""
  One second here is {RATE / 60:.0f} minute there. From now on, in seconds:
     2   frontdoor is rolled out: innocent, and nothing is said about it
     5   model fraud is promoted to version 4, which is bad
  Take your time: only after {DEMO_PATIENCE_S / RATE / 60:.0f} minutes does somebody else take version 4 back.
  When its incident is resolved, the disk under the feature pipeline begins to fill; features go stale and ranking
  looks bad. Somebody frees the disk {DISK_SHOWN_S / RATE / 60:.0f} minutes later.

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
            return await _unless_one_ends(
                lambda: _headless(scene), processes, direct(scene, disk_lasts_s=DISK_PLAYED_S)
            )
        page = f"{scene.page}#as=alice&channel=incidents"
        sys.stdout.write(f"\n  The small Slack:  {page}\n  The bot's health: {scene.health}/metrics\n{STORY}\n")
        sys.stdout.flush()
        return await _unless_one_ends(_until_interrupted, processes, direct(scene, disk_lasts_s=DISK_SHOWN_S))


async def _unless_one_ends(
    work: Callable[[], Awaitable[int]], processes: Sequence[Process], director: Coroutine[Any, Any, Cue]
) -> int:
    """Do the work, beside the director; a process that ends meanwhile ends it too, with its last words."""
    job = asyncio.ensure_future(work())
    beside = [asyncio.ensure_future(one) for one in (*(process.ended() for process in processes), director)]
    waiting: set[asyncio.Future[Any]] = {job, *beside}
    try:
        while not job.done():
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for one in done - {job}:
                one.result()  # the director has done its part, or something has failed
        return job.result()
    finally:
        for task in (job, *beside):
            task.cancel()
        await asyncio.gather(job, *beside, return_exceptions=True)


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
