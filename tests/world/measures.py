"""Measures of a world against its twin without trouble, shared by these tests."""

import numpy as np

from bot.world.simulate import World
from bot.world.topology import shop

ORIGIN_S = 1_795_509_360.0  # a full minute
HOUR_S = 3600


class HandClock:
    """A wall clock that is turned by hand."""

    def __init__(self, time_s=0.0):
        self.time_s = time_s

    def __call__(self):
        return self.time_s


def column(world, signal, entity, **further):
    return next(
        number
        for number, one in enumerate(world.series)
        if one.signal.name == signal and one.entity == entity and further.items() <= dict(one.labels).items()
    )


def seen(world, signal, entity, **further):
    return world.values[:, column(world, signal, entity, **further)]


def quiet_spread(values):
    return max(1.4826 * float(np.median(np.abs(np.diff(values)))) / np.sqrt(2), 1e-9)


def departures(world, twin):
    """How far the world is from its twin without trouble, in quiet sigmas, (minutes, series)."""
    spreads = np.array([quiet_spread(twin.values[:, number]) for number in range(len(twin.series))])
    return (world.values - twin.values) / spreads


def first_minute(world, twin, signal, entity):
    far = np.abs(departures(world, twin)[:, column(world, signal, entity)]) > 5
    run = far & np.roll(far, -1)  # twice in a row
    assert run.any(), f"{signal} of {entity} never moved"
    return int(np.flatnonzero(run)[0])


def run(*episodes, hours=4, start_s=ORIGIN_S):
    world = World(shop(), seed=11, start_s=start_s, episodes=episodes)
    world.advance(start_s + hours * HOUR_S)
    return world


def at(minutes):
    return ORIGIN_S + minutes * 60
