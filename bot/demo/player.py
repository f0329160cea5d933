"""A person at the emulated Slack: reads headlines, asks for the rollback, lets another one approve, and judges."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.demo.stage import CHANNEL, Stage

LOOK_EVERY_S = 0.4
READ_S = 1.0  # people read before they click
ROLL_BACK, APPROVE = "fl_roll_back", "fl_approve"
BAD_MODEL, BAD_VERSION, GOOD_VERSION, FULL_NODE = "fraud", "4", "3", "n-04"

MODEL = "the bad version is called model, and a rollback is offered"
INFRASTRUCTURE = "the full disk is called infrastructure, and a rollback is advised against"
MOVED = "the alias moved to the version that served well"
VERIFIED = "recovery after the rollback was verified"
RESOLVED = "both incidents were resolved"
SILENT = "nothing else was reported, so the innocent deploy was not"


@dataclass(slots=True)
class Played:
    """What came of it, as far as it went."""

    checks: dict[str, bool] = field(
        default_factory=lambda: dict.fromkeys((MODEL, INFRASTRUCTURE, MOVED, VERIFIED, RESOLVED, SILENT), False)
    )
    transcript: str = ""
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return all(self.checks.values())


@dataclass(frozen=True, slots=True)
class Said:
    """A message of the bot in the incidents channel."""

    ts: str
    root: str  # of its thread; its own when it is one
    words: str  # its text and all its blocks
    actions: frozenset[str]  # action ids that can be pressed


async def read(session: aiohttp.ClientSession, scene: Stage) -> list[Said]:
    """Read all that the bot has said in the channel so far, as it stands there now."""
    async with session.get(f"{scene.page}_control/snapshot") as answer:
        snapshot = await answer.json()
    channel = next(one for one in snapshot["channels"] if one["id"] == CHANNEL)
    return [_said(one) for one in channel["messages"] if one.get("bot_id") and not one["deleted"]]


async def play(scene: Stage, played: Played) -> None:
    """Play until everything is seen. Fills `played` as it goes, so that a run that is cut off tells how far it got."""
    began = time.monotonic()
    async with aiohttp.ClientSession() as session:
        person = _Person(session, scene)
        asked = approved = False
        try:
            while not played.passed:
                await asyncio.sleep(LOOK_EVERY_S)
                said = await read(session, scene)
                _judge(said, played)
                fraud = next((one for one in said if _blames_version(one)), None)
                if fraud is not None and not asked and ROLL_BACK in fraud.actions:
                    await person.press(fraud, ROLL_BACK, user="alice")
                    asked = True
                card = next((one for one in said if APPROVE in one.actions), None)
                if card is not None and not approved:
                    await person.press(card, APPROVE, user="bob")
                    approved = True
                if approved and not played.checks[MOVED]:
                    played.checks[MOVED] = await person.holder() == GOOD_VERSION
        finally:
            played.seconds = time.monotonic() - began
            played.transcript = await person.transcript()


def _judge(said: Sequence[Said], played: Played) -> None:
    roots = [one for one in said if one.root == one.ts]
    checks = played.checks
    checks[MODEL] |= any(_blames_version(one) and ROLL_BACK in one.actions for one in roots)
    checks[INFRASTRUCTURE] |= any(_blames_disk(one) and "would not help" in one.words for one in roots)
    checks[VERIFIED] |= any("is back to usual" in one.words and one.root != one.ts for one in said)
    resolved = [one for one in roots if one.words.startswith("Resolved")]
    checks[RESOLVED] = any(map(_blames_version, resolved)) and any(map(_blames_disk, resolved))
    checks[SILENT] = checks[RESOLVED] and len(roots) == 2  # said only in the end: until then more may come


def _blames_version(one: Said) -> bool:
    return f"model: bad version {BAD_VERSION} of {BAD_MODEL}" in one.words


def _blames_disk(one: Said) -> bool:
    return f"infrastructure: a full disk on {FULL_NODE}" in one.words


class _Person:
    def __init__(self, session: aiohttp.ClientSession, scene: Stage) -> None:
        self._session, self._scene = session, scene

    async def press(self, message: Said, action_id: str, *, user: str) -> None:
        await asyncio.sleep(READ_S)
        told = {"user": user, "channel": CHANNEL, "ts": message.ts, "action_id": action_id}
        async with self._session.post(f"{self._scene.page}_control/click", json=told) as answer:
            answer.raise_for_status()

    async def holder(self) -> str:
        """Ask the registry itself."""
        wanted = {"name": BAD_MODEL, "alias": "champion"}
        url = f"{self._scene.world}/api/2.0/mlflow/registered-models/alias"
        async with self._session.get(url, params=wanted) as answer:
            return str((await answer.json())["model_version"]["version"])

    async def transcript(self) -> str:
        wanted = {"channel": CHANNEL, "history": "0"}
        async with self._session.get(f"{self._scene.page}_control/transcript", params=wanted) as answer:
            return await answer.text()


def _said(message: Mapping[str, Any]) -> Said:
    blocks = [*message.get("blocks", ())]
    for attachment in message.get("attachments", ()):
        blocks += attachment.get("blocks", ())
    words, actions = [str(message.get("text", ""))], set()
    for part in _parts(blocks):
        if isinstance(part.get("text"), str):
            words.append(part["text"])
        if part.get("action_id"):
            actions.add(str(part["action_id"]))
    ts = str(message["ts"])
    return Said(ts, str(message.get("thread_ts") or ts), "\n".join(words), frozenset(actions))


def _parts(value: Any) -> list[Mapping[str, Any]]:
    """Every object inside blocks, however deep."""
    if isinstance(value, Mapping):
        return [value, *(part for inner in value.values() for part in _parts(inner))]
    if isinstance(value, list):
        return [part for inner in value for part in _parts(inner)]
    return []
