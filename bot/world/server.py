"""One process, one port: Prometheus, the registry and the control door of one world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.world.clock import VirtualClock
from bot.world.control import Control
from bot.world.log_files import HOUR_S, LogFiles, follow
from bot.world.mlflow_api import MlflowApi
from bot.world.prometheus_api import PrometheusApi
from bot.world.scenario import LIVE
from bot.world.simulate import World
from bot.world.topology import Topology, shop

HISTORY_H = 48.0  # two days: a baseline of one day has a day of its own to be judged on


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    url: str  # of Prometheus, of the registry and of /_world alike
    world: World
    clock: VirtualClock


def live_world(
    clock: VirtualClock,
    *,
    seed: int,
    scenario: str = "demo",
    history_h: float = HISTORY_H,
    topology: Topology | None = None,
    keeps_answers: bool = False,
) -> World:
    """Build a world whose history is there at once. Raises KeyError for an unknown scenario."""
    plan = LIVE[scenario](clock.origin_s, topology or shop())
    start_s = clock.origin_s - history_h * 3600
    world = World(plan.topology, seed=seed, start_s=start_s, episodes=plan.episodes, keeps_answers=keeps_answers)
    world.advance(clock.now_s())
    return world


def application(world: World, clock: VirtualClock, *, scenario: str) -> web.Application:
    """Put the three doors of a world into one application."""
    app = web.Application()
    app.add_routes(PrometheusApi(world, clock.now_s).routes())
    app.add_routes(MlflowApi(world, clock.now_s).routes())
    app.add_routes(Control(world, clock, scenario=scenario).routes())
    return app


@asynccontextmanager
async def serve(
    clock: VirtualClock,
    *,
    seed: int,
    scenario: str = "demo",
    host: str = "127.0.0.1",
    port: int = 0,
    history_h: float = HISTORY_H,
    topology: Topology | None = None,
    log_folder: Path | None = None,
    labelled: float | None = None,
    log_h: float | None = None,
) -> AsyncIterator[Running]:
    """Serve a world until the block ends; port 0 takes a free one.

    log_folder: where the prediction log is written as files; absent: nowhere. labelled: share of its rows that get a
    label; absent: each model's own. log_h: hours of the past that it holds; absent: all.
    Raises OSError when the port is taken, NotEmptyError when the folder holds files.
    """
    world = live_world(
        clock,
        seed=seed,
        scenario=scenario,
        history_h=history_h,
        topology=topology,
        keeps_answers=log_folder is not None,
    )
    runner = web.AppRunner(application(world, clock, scenario=scenario), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0][1]
        async with _logging(world, clock, seed=seed, folder=log_folder, labelled=labelled, hours=log_h):
            yield Running(url=f"http://{host}:{bound}", world=world, clock=clock)
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _logging(
    world: World,
    clock: VirtualClock,
    *,
    seed: int,
    folder: Path | None,
    labelled: float | None,
    hours: float | None,
) -> AsyncIterator[None]:
    """Keep the prediction log until the block ends: its past is there at once."""
    if folder is None:
        yield
        return
    since_s = None if hours is None else clock.now_s() - hours * HOUR_S
    files = LogFiles(folder, world, seed=seed, labelled=labelled, since_s=since_s)
    files.write(clock.now_s(), span_s=HOUR_S)
    following = asyncio.create_task(follow(files, clock))
    try:
        yield
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
