"""The world itself: minute after minute of every series, from a seed, a topology and a list of episodes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bot.world import machines, predictions
from bot.world.answers import Answers, joined
from bot.world.faults.episode import AliasMove, Change, Drivers, Episode
from bot.world.noise import Noise
from bot.world.registry import CHAMPION, Registry
from bot.world.signals import Series, series_of
from bot.world.stretch import Carry, Stretch, channel_of
from bot.world.topology import Topology, VersionTraits

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

STEP_S = 60  # of a live world; a recording's topology may have another
CHUNK = 4096  # minutes simulated at once: enough for numpy to pay, little enough to stay in the cache
DIGITS = 6  # significant digits shown, as exporters that count do
HEALTHY = VersionTraits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """A version of a service that runs since `since_s`."""

    service: str
    version: str
    since_s: float


class World:
    """Past and present of the simulated production.

    Values of a minute never change once they are simulated; episodes and alias moves act from the next minute on.
    The same seed, start, episodes and moves give the same values, however they are asked for.
    """

    def __init__(
        self,
        topology: Topology,
        *,
        seed: int,
        start_s: float,
        episodes: Iterable[Episode] = (),
        keeps_answers: bool = False,
    ) -> None:
        self.topology = topology
        self.step_s = topology.step_s
        self.start_s = int(start_s) // self.step_s * self.step_s
        self.series: tuple[Series, ...] = series_of(topology)
        self.registry = Registry(topology, start_s=self.start_s)
        self.changes: list[Change] = []
        self.rollouts: list[Rollout] = [
            Rollout(service=service.name, version=service.version, since_s=self.start_s - 3 * 86_400)
            for service in topology.services
        ]
        self.episodes: dict[str, Episode] = {}
        self._columns = [
            channel_of(one.signal.name, one.entity, dict(one.further).get("dependency", "")) for one in self.series
        ]
        channels = [*self._columns, "demand", "inflow"]
        self._channels = {channel: column for column, channel in enumerate(channels)}
        self._noise = Noise(seed=seed, channels=channels, unrest=topology.unrest, tails=topology.tails)
        self._carry = Carry()
        self._traits: dict[tuple[str, int], VersionTraits] = {}
        self._agenda: list[Change | AliasMove] = []
        self._keeps_answers = keeps_answers  # for `answers`; off, since most ask for the series alone
        self._answers: dict[str, list[Answers]] = {model.name: [] for model in topology.models}
        self._count = 0
        self._values: Floats = np.empty((0, len(self.series)))
        self._present: Flags = np.empty((0, len(self.series)), dtype=np.bool_)
        for episode in episodes:
            self.add(episode)

    @property
    def count(self) -> int:
        """How many minutes are simulated; the first is `start_s`."""
        return self._count

    @property
    def end_s(self) -> int:
        """Time of the last simulated minute; before the first one it is a minute before the start."""
        return self.start_s + (self._count - 1) * self.step_s

    @property
    def values(self) -> Floats:
        """(count, series) in each signal's unit; NaN is a value that the exporter itself calls unknown."""
        return self._values[: self._count]

    @property
    def present(self) -> Flags:
        """(count, series): False where no sample was taken."""
        return self._present[: self._count]

    def answers(self, model: str, *, since_s: float, until_s: float) -> Answers:
        """Tell what a model's answers were like in the simulated minutes from `since_s` to before `until_s`.

        Raises IndexError when none of them is kept.
        """
        within = [one for one in self._answers[model] if one.times_s[-1] >= since_s and one.times_s[0] < until_s]
        return joined(within).between(since_s, until_s)

    def forget_answers(self, *, before_s: float) -> None:
        """Let go of what nobody will ask `answers` for again."""
        for model, parts in self._answers.items():
            self._answers[model] = [one for one in parts if one.times_s[-1] >= before_s]

    def add(self, episode: Episode) -> str:
        """Let something happen; returns the name under which it can be ended."""
        name = f"e{len(self.episodes) + 1}"
        self.episodes[name] = episode
        self._traits.update(episode.traits())
        self.plan(*episode.changes(), *episode.moves())
        return name

    def plan(self, *events: Change | AliasMove) -> None:
        """Put changes on the agenda; those already past are taken with the next minute."""
        self._agenda = sorted([*self._agenda, *events], key=lambda event: event.time_s)

    def end(self, name: str, *, at_s: float) -> Episode:
        """End an episode early; what it would have changed later is taken from the agenda. KeyError when unknown."""
        before = self.episodes[name]
        ended = replace(before, end_s=max(min(before.end_s, at_s), before.start_s))
        was: list[Change | AliasMove] = [*before.changes(), *before.moves()]
        self._agenda = [event for event in self._agenda if event not in was]
        will: list[Change | AliasMove] = [*ended.changes(), *ended.moves()]
        late = [event for event in will if event.time_s >= at_s]
        self.episodes[name] = ended
        self.plan(*late)
        return ended

    def move_alias(self, model: str, version: int, *, time_s: float, by: str, alias: str = CHAMPION) -> None:
        """Move an alias now: servers follow a minute or two later."""
        before = self.registry.models[model].aliases.get(alias)
        self.registry.move(model, alias, version, time_s=time_s)
        if alias == CHAMPION and before != version:
            self.changes.append(
                Change(
                    time_s=time_s,
                    kind="model_version",
                    entity=model,
                    text=f"{alias} is version {version}",
                    before=None if before is None else str(before),
                    after=str(version),
                    by=by,
                )
            )

    def advance(self, to_s: float) -> None:
        """Simulate every full minute up to and including `to_s`."""
        wanted = int(to_s - self.start_s) // self.step_s + 1
        while self._count < wanted:
            self._simulate(min(CHUNK, wanted - self._count))
        self._take_due(to_s)

    def _take_due(self, until_s: float) -> None:
        """Make the changes of the agenda that are due."""
        due = [event for event in self._agenda if event.time_s <= until_s]
        self._agenda = self._agenda[len(due) :]
        for event in due:
            if isinstance(event, AliasMove):
                self.move_alias(event.model, event.version, time_s=event.time_s, by=event.by)
                continue
            self.changes.append(event)
            if event.kind == "deploy" and event.after is not None:
                self.rollouts.append(Rollout(service=event.entity, version=event.after, since_s=event.time_s))

    def _simulate(self, count: int) -> None:
        first = self._count
        times_s = self.start_s + self.step_s * np.arange(first, first + count, dtype=np.float64)
        # moves within the stretch are known before it is simulated: `serving` looks each minute up by its time
        self._take_due(times_s[-1])
        drivers = Drivers(count)
        for episode in self.episodes.values():
            episode.apply(drivers, times_s, self.topology)
        stretch = Stretch(
            times_s=times_s,
            drivers=drivers,
            draw=self._noise.draw(first, count),
            channels=self._channels,
            carry=self._carry,
        )
        serving = {
            model.name: predictions.serving_of(model.name, self.registry.serving(model.name, times_s), self._traits_of)
            for model in self.topology.models
        }
        heavier = predictions.heavier(self.topology, serving)
        under = machines.run(self.topology, stretch, heavier=heavier)
        for model in self.topology.models:
            answers = predictions.run(self.topology, model, stretch, under, serving[model.name])
            if self._keeps_answers:
                self._answers[model.name].append(answers)
        self._store(stretch, count)

    def _traits_of(self, model: str, version: int) -> VersionTraits:
        return self._traits.get((model, version), HEALTHY)

    def _store(self, stretch: Stretch, count: int) -> None:
        first, last = self._count, self._count + count
        if last > len(self._values):
            room = max(last, 2 * len(self._values))
            for name in ("_values", "_present"):
                old = getattr(self, name)
                grown = np.empty((room, old.shape[1]), dtype=old.dtype)
                grown[:first] = old[:first]
                setattr(self, name, grown)
        columns = [stretch.shown[channel] for channel in self._columns]
        self._values[first:last] = _significant(np.stack(columns, axis=1))
        self._present[first:last] = True
        for entity, push in stretch.drivers.pushed("silent").items():
            mute = [one.entity == entity or one.entity.startswith(f"{entity}/") for one in self.series]
            self._present[first:last] &= ~((push > 0)[:, None] & np.array(mute)[None, :])
        self._count = last


def _significant(values: Floats) -> Floats:
    """Round to DIGITS significant digits; zeros and NaN stay."""
    size = np.abs(values)
    known = np.isfinite(size) & (size > 0)
    power = np.zeros_like(values)
    power[known] = DIGITS - 1 - np.floor(np.log10(size[known]))
    scale = 10.0**power
    return np.asarray(np.round(values * scale) / scale, dtype=np.float64)
