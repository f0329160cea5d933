"""The world's own door for whoever plays with it: time, faults, the timeline, aliases. No production has this."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from bot.world.clock import VirtualClock
from bot.world.faults.episode import Change, Episode
from bot.world.faults.kinds import KINDS, UnknownEpisodeError, episode_of
from bot.world.registry import CHAMPION
from bot.world.signals import catalog
from bot.world.simulate import STEP_S, World

DEFAULT_DURATION_S = 1800.0  # of a fault that is switched on without an end
KIND_OF = {cls: kind for kind, cls in KINDS.items()}


class Control:
    def __init__(self, world: World, clock: VirtualClock, *, scenario: str) -> None:
        self._world = world
        self._clock = clock
        self._scenario = scenario

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/_world/clock", self.clock),
            web.get("/_world/catalog", self.catalog),
            web.get("/_world/scenario", self.scenario),
            web.get("/_world/changes", self.changes),
            web.get("/_world/faults", self.faults),
            web.post("/_world/faults", self.switch_on),
            web.delete("/_world/faults/{name}", self.switch_off),
            web.post("/_world/alias", self.alias),
        ]

    async def clock(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        clock = self._clock
        return web.json_response(
            {
                "now": clock.now_s(),
                "origin": clock.origin_s,
                "origin_wall": clock.origin_wall_s,
                "rate": clock.rate,
                "minute": (clock.now_s() - clock.origin_s) / STEP_S,
            }
        )

    async def catalog(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        return web.json_response(catalog(self._world.topology))

    async def scenario(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        return web.json_response({"scenario": self._scenario, "episodes": self._episodes()})

    async def changes(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        self._world.advance(self._clock.now_s())
        return web.json_response({"changes": [change_json(one) for one in self._world.changes]})

    async def faults(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        now_s = self._clock.now_s()
        active = [one for one in self._episodes() if one["start_s"] <= now_s < one["end_s"]]
        return web.json_response({"active": active, "kinds": sorted(KINDS)})

    async def switch_on(self, request: web.Request) -> web.Response:
        """Start an episode: `{"kind": "disk_full", "target": "n-04", "severity": 1, "duration_s": 1800}`."""
        try:
            given = await _object(request)
            now_s = self._clock.now_s()
            start_s = max(float(given.pop("start_s", now_s)), now_s)  # the past stays as it was seen
            duration_s = float(given.pop("duration_s", DEFAULT_DURATION_S))
            episode = episode_of(
                {**given, "start_s": start_s, "end_s": start_s + duration_s}, topology=self._world.topology
            )
        except (UnknownEpisodeError, TypeError, ValueError) as error:
            return _refused(str(error))
        for move in episode.moves():
            if move.version not in self._world.registry.models[move.model].versions:
                return _refused(f"there is no version {move.version} of {move.model!r}")
        self._world.advance(now_s)
        name = self._world.add(episode)
        return web.json_response(self._episode(name, episode), status=201)

    async def switch_off(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        now_s = self._clock.now_s()
        self._world.advance(now_s)
        if name not in self._world.episodes:
            return _refused(f"there is no episode {name!r}", status=404)
        return web.json_response(self._episode(name, self._world.end(name, at_s=now_s)))

    async def alias(self, request: web.Request) -> web.Response:
        """Move an alias as if somebody did it in the registry: `{"model": "fraud", "version": 3}`."""
        try:
            given = await _object(request)
            model, version = str(given["model"]), int(given["version"])
        except (KeyError, TypeError, ValueError) as error:
            return _refused(f"expected model and version: {error!r}")
        now_s = self._clock.now_s()
        self._world.advance(now_s)
        registered = self._world.registry.models.get(model)
        if registered is None or version not in registered.versions:
            return _refused(f"there is no version {version} of {model!r}", status=404)
        alias, by = str(given.get("alias", CHAMPION)), str(given.get("by", "somebody"))
        self._world.move_alias(model, version, time_s=now_s, by=by, alias=alias)
        return web.json_response({"model": model, "alias": alias, "version": version})

    def _episodes(self) -> list[dict[str, Any]]:
        return [self._episode(name, one) for name, one in self._world.episodes.items()]

    def _episode(self, name: str, episode: Episode) -> dict[str, Any]:
        root = episode.root()
        return {
            "id": name,
            "kind": KIND_OF[type(episode)],
            **asdict(episode),
            "minute": (episode.start_s - self._clock.origin_s) / STEP_S,
            "innocent": root is None,
        }


def change_json(change: Change) -> dict[str, Any]:
    """Write a change as a line of changes.jsonl."""
    return {
        "time": round(change.time_s),
        "kind": change.kind,
        "entity": change.entity,
        "text": change.text,
        "from": change.before,
        "to": change.after,
        "by": change.by,
    }


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except json.JSONDecodeError as error:
        raise ValueError(f"the body is no JSON: {error}") from error
    if not isinstance(body, Mapping):
        raise TypeError("the body must be a JSON object")
    return dict(body)


def _refused(error: str, *, status: int = 400) -> web.Response:
    return web.json_response({"error": error}, status=status)
