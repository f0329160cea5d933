"""The bot as operators run it: a file, a process, its probes, signals; and its channel as people see it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import yaml

from tests.servers import free_port

CHANNEL = "C0INCIDENTS"
SECRETS = {"FAULTLINE_SLACK_BOT_TOKEN": "xoxb-emulator", "FAULTLINE_SLACK_APP_TOKEN": "xapp-emulator"}
PARTS = ("text", "blocks", "attachments", "files")  # of a message: what people can read
PATIENCE_S = 90.0  # of a machine that may do other things too; nothing here is about speed
Found = TypeVar("Found")

# One entity label each; `max` only drops what the scrape has added.
SIGNALS = [
    ("node_cpu", "cpu", "ratio", "up", "max by (node) (shop_cpu_ratio)", ["node"]),
    ("node_disk", "disk", "ratio", "up", "max by (node) (shop_disk_ratio)", ["node"]),
    ("latency", "latency", "ms", "up", "max by (service) (shop_latency_ms)", ["service"]),
    ("error_ratio", "errors", "ratio", "up", "max by (service) (shop_error_ratio)", ["service"]),
    ("feature_age", "freshness", "s", "up", "max by (model, feature) (shop_age_seconds)", ["model", "feature"]),
    ("score_mean", "prediction", "score", "both", "max by (model) (shop_score_mean)", ["model"]),
    ("quality", "quality", "ratio", "down", "max by (model) (shop_quality)", ["model"]),
    ("serving_version", "version", "", "both", "max by (model) (shop_serving_version)", ["model"]),
]


async def until(look: Callable[[], Awaitable[Found | None]], what: str) -> Found:
    """Look again and again until there is something."""
    give_up = time.monotonic() + PATIENCE_S
    while True:
        found = await look()
        if found:
            return found
        assert time.monotonic() < give_up, f"still not: {what}"
        await asyncio.sleep(0.2)


@dataclass(frozen=True)
class Said:
    """A message of the bot."""

    ts: str
    title: str  # its plain text
    whole: str  # everything in it, as JSON
    reply: bool


class Channel:
    """The incidents channel of the emulated Slack, through its control door."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url, self._session = url, session

    async def said(self) -> list[Said]:
        async with self._session.get(f"{self.url}/_control/snapshot") as answer:
            channels = (await answer.json())["channels"]
        messages = next(one["messages"] for one in channels if one["id"] == CHANNEL)
        return [
            Said(
                ts=one["ts"],
                title=one["text"],
                whole=json.dumps([one.get(part) for part in PARTS], ensure_ascii=False),
                reply=one["is_reply"],
            )
            for one in messages
            if one.get("bot_id") and not one["deleted"]
        ]

    async def headlines(self) -> list[Said]:
        return [one for one in await self.said() if not one.reply]

    async def message(self, *words: str) -> Said:
        """Wait until the bot has said all of these in one message."""

        async def look() -> Said | None:
            said = await self.said()
            return next((one for one in said if all(word in one.whole for word in words)), None)

        try:
            return await until(look, " and ".join(words))
        except AssertionError as error:
            raise AssertionError(f"{error}; said was:\n{await self.transcript()}") from None

    async def click(self, said: Said, action_id: str, *, user: str) -> None:
        told = {"user": user, "channel": CHANNEL, "ts": said.ts, "action_id": action_id}
        async with self._session.post(f"{self.url}/_control/click", json=told) as answer:
            assert answer.status == 200, await answer.text()

    async def transcript(self) -> str:
        async with self._session.get(f"{self.url}/_control/transcript", params={"channel": CHANNEL}) as answer:
            return await answer.text()


def settings(*, slack: str, prometheus: str, mlflow: str, registered: str, store: str) -> dict[str, Any]:
    """A team's configuration with everything sixty times as quick: a look a second, patience of seconds."""
    return {
        "slack": {"channel": CHANNEL, "base_url": slack},
        "sources": {
            "prometheus": [{"url": prometheus}],
            "mlflow": {"url": mlflow, "models": {"fraud": registered}, "deadline": "30s"},
        },
        "catalog": {
            "step_s": 1,
            "nodes": [{"name": "n-1"}, {"name": "n-2"}],
            "services": [
                {"name": "scoring", "runs_on": ["n-1"]},
                {"name": "pipeline", "runs_on": ["n-2"]},
            ],
            "models": [
                {"name": "fraud", "served_by": "scoring", "features": [{"name": "velocity", "from": "pipeline"}]}
            ],
            "signals": [
                dict(zip(("name", "kind", "unit", "worse", "query", "entity"), row, strict=True)) for row in SIGNALS
            ],
        },
        "approvers": {"*": {"users": ["U0BOB", "U0CAROL"], "four_eyes": True}},
        "actions": {"mode": "live"},
        "policies": {
            "debounce": "3s",
            "silence_patience": "3s",
            "resolve_after": "8s",
            "verdict_hold": "2s",
            "edit_debounce": "1s",
            "watch": "60s",
            "serving_timeout": "60s",
            "min_hold": "60s",
            "warm_up": "5m",
            "snapshot_every": "5s",
        },
        "store": {"url": store},
        "health": {"port": free_port()},
    }


class Bot:
    """One process of it."""

    def __init__(
        self, process: asyncio.subprocess.Process, *, health: str, log: Path, session: aiohttp.ClientSession
    ) -> None:
        self._process, self._health, self._log, self._session = process, health, log, session

    async def probe(self, path: str) -> tuple[int, str]:
        try:
            async with self._session.get(f"{self._health}/{path}") as answer:
                return answer.status, await answer.text()
        except aiohttp.ClientError as error:
            return 0, str(error)

    async def ready(self) -> None:
        async def look() -> bool:
            assert self._process.returncode is None, f"the bot ended:\n{self._log.read_text()[-3000:]}"
            return (await self.probe("readyz"))[0] == 200

        await until(look, "ready")

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; returns its exit code. Raises TimeoutError when it does not."""
        self._process.send_signal(how)
        async with asyncio.timeout(10):  # what container platforms wait before they kill, at the least
            return await self._process.wait()


def _environment() -> Mapping[str, str]:
    """No settings of another Faultline, and no proxy on the way to loopback."""
    theirs = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FAULTLINE_") and not name.upper().endswith("_PROXY")
    }
    return {**theirs, **SECRETS}


def _health_of(config: Path) -> str:
    return f"http://127.0.0.1:{yaml.safe_load(config.read_text())['health']['port']}"


@asynccontextmanager
async def running(config: Path, session: aiohttp.ClientSession) -> AsyncIterator[Bot]:
    """`faultline run`, ready to look; killed at the end when it still runs."""
    log = config.with_suffix(".log")
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--config", str(config)), env=_environment(), stdout=out, stderr=out
        )
    bot = Bot(process, health=_health_of(config), log=log, session=session)
    try:
        await bot.ready()
        yield bot
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def command(config: Path, *words: str) -> tuple[int, str]:
    """`faultline <words>`: its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words, "--config", str(config)),
        env=_environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()
