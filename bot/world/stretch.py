"""A run of minutes being simulated: its times, what pushes it, its noise, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.world.faults.episode import Drivers
from bot.world.noise import Draw

Floats = NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class Carry:
    """What one stretch leaves to the next."""

    backlog: dict[str, float] = field(default_factory=dict)  # rows beyond the usual, by pipeline
    past: dict[str, Floats] = field(default_factory=dict)  # the last values of what is shown late

    def delayed(self, name: str, now: Floats, *, by: int) -> Floats:
        """Return what `now` (n,) was `by` minutes before, remembering enough of it for the next stretch.

        Before the beginning of the world everything was as in its first minute.
        """
        whole = np.concatenate([self.past.get(name, np.full(by, now[0])), now])
        self.past[name] = whole[len(whole) - by :]
        return whole[: len(now)]


@dataclass(slots=True, kw_only=True)
class Stretch:
    times_s: Floats  # (n,) full minutes, seconds since 1970
    drivers: Drivers
    draw: Draw
    channels: Mapping[str, int]  # column of each noise channel
    carry: Carry
    shown: dict[str, Floats] = field(default_factory=dict)  # channel to (n,) observed values

    def slow(self, channel: str) -> Floats:
        return self.draw.slow[:, self.channels[channel]]

    def fast(self, channel: str) -> Floats:
        return self.draw.fast[:, self.channels[channel]]

    def chance(self, channel: str) -> Floats:
        return self.draw.chance[:, self.channels[channel]]

    def unit(self, channel: str) -> Floats:
        """Mix slow and fast noise to variance 1, as most gauges look."""
        return 0.6 * self.slow(channel) + 0.8 * self.fast(channel)

    def show_level(self, signal: str, entity: str, level: Floats, *, noise: Floats | float) -> None:
        """Show a level with additive noise, in the signal's unit."""
        channel = channel_of(signal, entity)
        self.shown[channel] = level + noise * self.unit(channel)

    def show_ratio(self, signal: str, entity: str, level: Floats, *, noise: Floats | float) -> None:
        """Show a level that lives between 0 and 1."""
        self.show_level(signal, entity, level, noise=noise)
        channel = channel_of(signal, entity)
        self.shown[channel] = np.clip(self.shown[channel], 0, 1)

    def show_scale(self, signal: str, entity: str, level: Floats, *, noise: Floats | float) -> None:
        """Show a positive level with multiplicative noise: `noise` is the sigma of its logarithm."""
        channel = channel_of(signal, entity)
        self.shown[channel] = level * np.exp(noise * self.unit(channel))

    def show_share(self, signal: str, entity: str, share: Floats, *, of: Floats, wobble: float = 0.0) -> None:
        """Show a share as counted among `of` cases a minute, with a slow relative wobble of its own."""
        channel = channel_of(signal, entity)
        counted = np.sqrt(np.clip(share * (1 - share), 0, None) / np.maximum(of, 1.0))
        seen = share * (1 + wobble * self.slow(channel)) + counted * self.fast(channel)
        self.shown[channel] = np.clip(seen, 0, 1)


def channel_of(signal: str, entity: str, dependency: str = "") -> str:
    """Name the noise and the output of one series."""
    return f"{signal}|{entity}|{dependency}" if dependency else f"{signal}|{entity}"
