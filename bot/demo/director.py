"""Brings on the demo's second trouble once the first one is over, however slowly the person at the page reads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import aiohttp

from bot.demo.player import BAD_MODEL, BAD_VERSION, FULL_NODE, Said, read
from bot.demo.stage import DemoError, Stage
from bot.world.scenario import DEMO_PATIENCE_S, HOUR_S, MINUTE_S

LOOK_EVERY_S = 0.4
LATEST_MINUTE = (DEMO_PATIENCE_S + HOUR_S) / MINUTE_S  # time to recover from what nobody rolled back
DISK: Mapping[str, Any] = {"kind": "disk_full", "target": FULL_NODE, "rise_s": 360.0}


class Cue(StrEnum):
    """Why the disk begins to fill."""

    OVER = "the first trouble is over"
    LATE = "nobody ended the first trouble"


def cue(said: Sequence[Said], versions: Sequence[str], *, minute: float) -> Cue | None:
    """Decide whether it is time.

    said:     what the bot has said in the channel.
    versions: to which the alias of the first trouble's model was moved so far, oldest first.
    minute:   of the simulated production since the demo began.

    Two troubles at once may be told as one incident. So nothing may be open, and not only the model be well: the bot
    calls an incident over a few minutes later than that.
    """
    heads = [one for one in said if one.root == one.ts]
    taken_back = BAD_VERSION in versions and versions[-1] != BAD_VERSION
    if taken_back and heads and all(one.words.startswith("Resolved") for one in heads):
        return Cue.OVER
    return Cue.LATE if minute >= LATEST_MINUTE else None


async def direct(scene: Stage, *, disk_lasts_s: float) -> Cue:
    """Watch until it is time, let the disk fill, and tell why. Raises DemoError when the world refuses."""
    async with aiohttp.ClientSession() as session:
        why = None
        while why is None:
            await asyncio.sleep(LOOK_EVERY_S)
            why = await _look(session, scene)
        wanted = {**DISK, "duration_s": disk_lasts_s}
        try:
            async with session.post(f"{scene.world}/_world/faults", json=wanted) as answer:
                answer.raise_for_status()
        except aiohttp.ClientError as error:
            raise DemoError(f"the world did not let the disk fill: {error}") from error
    return why


async def _look(session: aiohttp.ClientSession, scene: Stage) -> Cue | None:
    try:
        said = await read(session, scene)
        changes = (await _ask(session, f"{scene.world}/_world/changes"))["changes"]
        minute = float((await _ask(session, f"{scene.world}/_world/clock"))["minute"])
    except aiohttp.ClientError:
        return None  # a process that ended is noticed by its owner, who knows its last words
    versions = [one["to"] for one in changes if (one["kind"], one["entity"]) == ("model_version", BAD_MODEL)]
    return cue(said, versions, minute=minute)


async def _ask(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        return await answer.json()
