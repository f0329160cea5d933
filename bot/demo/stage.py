"""Starts the three processes of the demo, world, Slack and bot, and tells them of each other."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from bot.errors import BadInputError, FaultlineError
from bot.slack.manifest import manifest

RATE = 60.0  # a minute of the simulated production passes in a second
LEAD_S = 5.0  # real time before its first minute, in which the bot starts
START_S = 40.0  # a process that has not said that it is ready by then will not
STOP_S = 12.0  # until a process that was asked to stop is killed
LOG_LINES = 30  # of a process that failed

CHANNEL, PEOPLE, APPROVERS = "C0INCIDENTS", ("U0ALICE", "U0BOB", "U0CAROL"), ("U0BOB", "U0CAROL")
LOG = "log"  # folder of the prediction logs
LOGGED_H = 14.0  # hours of the past in them: a reference, and a little to look back on
LABELLED = 0.5  # share of predictions that get a label: an hour is a minute here, and must bring enough of them
BY_LOG = frozenset(
    {"prediction", "prediction_drift", "quality", "calibration", "label_rate", "label_volume", "feature_drift"}
)
SECRETS = {"FAULTLINE_SLACK_BOT_TOKEN": "xoxb-emulator", "FAULTLINE_SLACK_APP_TOKEN": "xapp-emulator"}  # open nothing


class DemoError(FaultlineError):
    """A part of the demo did not start, or ended by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where everything is, once it runs."""

    page: str  # of the small Slack
    world: str  # Prometheus, registry and control door of the simulated production
    health: str  # of the bot
    folder: Path  # configuration, database and logs


class Process:
    """One child: its output goes to a file, its end is noticed."""

    def __init__(self, name: str, log: Path, child: asyncio.subprocess.Process) -> None:
        self.name, self.log, self._child = name, log, child

    @classmethod
    async def start(cls, name: str, arguments: Sequence[str], *, folder: Path, env: Mapping[str, str]) -> Process:
        log = folder / f"{name}.log"
        with log.open("wb") as out:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *arguments, cwd=folder, env=dict(env), stdout=out, stderr=out
            )
        return cls(name, log, child)

    async def ended(self) -> None:
        """Wait for its end, which nobody wished. Raises DemoError."""
        code = await self._child.wait()
        raise DemoError(f"{self.name} ended by itself (exit code {code}):\n{self.tail()}")

    async def says(self, pattern: str) -> re.Match[str]:
        """Wait until its output matches. Raises DemoError when it ends or takes too long."""
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            found = re.search(pattern, self.log.read_text(encoding="utf-8", errors="replace"))
            if found:
                return found
            if self._child.returncode is not None:
                await self.ended()
            await asyncio.sleep(0.05)
        raise DemoError(f"{self.name} was not ready within {START_S:g} s:\n{self.tail()}")

    async def stop(self) -> None:
        if self._child.returncode is not None:
            return
        self._child.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                await self._child.wait()
        except TimeoutError:
            self._child.kill()
            await self._child.wait()

    def tail(self) -> str:
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return "".join(deque(lines, maxlen=LOG_LINES))


@asynccontextmanager
async def stage(*, port: int) -> AsyncIterator[tuple[Stage, Sequence[Process]]]:
    """Start everything, and stop it again in the end; the folder goes too unless something failed."""
    folder = Path(tempfile.mkdtemp(prefix="faultline-demo-"))
    started: list[Process] = []
    env = _environment()
    kept = False
    try:
        origin_wall = time.time() + LEAD_S
        timing = {"rate": RATE, "origin": origin_wall, "origin_wall": origin_wall}
        (folder / "slack.json").write_text(json.dumps(_workspace()), encoding="utf-8")
        wanted = ["--port", str(_usable(port)), "--config", "slack.json"]
        started.append(await Process.start("slack", ["bot.emulator", *wanted], folder=folder, env=env))
        clock = [part for key, value in timing.items() for part in (f"--{key.replace('_', '-')}", repr(value))]
        logging = ["--log-folder", LOG, "--log-labelled", repr(LABELLED), "--log-hours", repr(LOGGED_H)]
        started.append(await Process.start("world", ["bot.world", *clock, *logging], folder=folder, env=env))
        page = (await started[0].says(r"Slack emulator: (\S+)/ "))[1]
        world = (await started[1].says(r"world at (\S+)"))[1]
        health = _usable(0)
        catalog = await _get(f"{world}/_world/catalog")
        settings = _settings(slack=page, world=world, catalog=catalog, health=health, clock=timing, folder=folder)
        config = folder / "faultline.yaml"
        config.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
        run = ["bot", "run", "--config", str(config)]
        started.append(await Process.start("faultline", run, folder=folder, env={**env, **SECRETS}))
        await started[2].says("warmed up")
        yield (
            Stage(page=f"{page}/", world=world, health=f"http://127.0.0.1:{health}", folder=folder),
            tuple(started),
        )
    except DemoError:
        kept = True
        sys.stderr.write(f"logs and configuration are kept in {folder}\n")
        raise
    finally:
        for process in reversed(started):
            await process.stop()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _usable(port: int) -> int:
    """A free port, or the one that was asked for. Raises BadInputError when that is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BadInputError(f"port {port} is in use: choose another one with --port, or 0 for any") from error
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    """What the processes inherit: no proxy between them, and no settings of another Faultline."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().endswith("_PROXY") and not name.startswith("FAULTLINE_")
    }


def _workspace() -> dict[str, Any]:
    """The app as the manifest describes it, installed in the emulator's own workspace."""
    described = manifest(socket_mode=True, request_url=None, private_channels=False, user_groups=False)
    commands = described["features"]["slash_commands"]
    shortcuts = described["features"]["shortcuts"]
    topic = "A minute there is a second here: times inside messages run ahead of the clock on the left"
    return {
        "team_name": "Faultline demo",
        "channels": [{"id": CHANNEL, "name": "incidents", "members": [*PEOPLE, "U0BOT"], "topic": topic}],
        "app": {
            "name": "faultline",
            "scopes": described["oauth_config"]["scopes"]["bot"],
            "slash_commands": commands,
            "shortcuts": [{key: one[key] for key in ("name", "callback_id", "type")} for one in shortcuts],
        },
    }


def _settings(
    *, slack: str, world: str, catalog: Mapping[str, Any], health: int, clock: Mapping[str, float], folder: Path
) -> dict[str, Any]:
    """The configuration, as a person would write it; only the clock is the demo's own."""
    return {
        "slack": {"channel": CHANNEL, "base_url": f"{slack}/api/"},
        "sources": {
            "prometheus": [{"url": world}],
            "changes": [
                {
                    "source": "prometheus",
                    "query": "service:deploy_time:seconds",
                    "kind": "deploy",
                    "entity": "service",
                    "version": "version",
                }
            ],
            "mlflow": {"url": world},
            "predictions": [_log(model, folder / LOG) for model in catalog["models"]],
        },
        # what the log tells is not asked from Prometheus again
        "catalog": {**catalog, "signals": [one for one in catalog["signals"] if one["kind"] not in BY_LOG]},
        "approvers": {"*": {"users": list(APPROVERS), "four_eyes": True}},
        "actions": {"mode": "live"},
        "policies": {
            "proposal_expires_after": "12h",  # time runs fast here, and people read as slowly as ever
            "watch": "2h",  # nor are machines faster: when a tick takes a second or two, recovery takes longer
            "serving_timeout": "1h",
        },
        "store": {"url": f"sqlite:///{folder / 'faultline.db'}"},
        "health": {"port": health},
        "log": {"format": "text"},
        "clock": dict(clock),
    }


def _log(model: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The prediction log of a model, as files of a warehouse; its times are those of the demo's fast clock."""
    name = model["name"]
    return {
        "name": f"{name}-log",
        "model": name,
        "log": f"{folder / name}/predictions/*.csv",
        "labels": f"{folder / name}/labels/*.csv",
        "time": "time",
        "id": "id",
        "version": "version",
        "score": "score",
        "prediction": "prediction",
        "target": "label",
        "label_time": "label_time",
        "features": [feature["name"] for feature in model["features"]],
        "segments": ["segment"],
        "window": "5m",
        "lateness": "3m",  # files of five minutes, written by a process that may be a few real seconds late
        "reference": "12h",
        "labels_within": "30m",
    }


async def _get(url: str) -> Any:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.json()
