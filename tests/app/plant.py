"""The tick over scripted sources: a quiet plant in which a test breaks one thing and turns the clock by the minute."""

from __future__ import annotations

import math
from datetime import timedelta

from bot.clock import ManualClock
from bot.domain.policy import RollbackPolicy, SpeakingPolicy, TickPolicy
from bot.lookout import Lookout
from bot.metrics import Metrics
from bot.tick import Tick
from bot.watch import Watch
from tests.app.builders import AUC, CATALOGUE, DISK, HOUR, LATENCY, MINUTE, T0, VERSION
from tests.app.fakes import ScriptedSource, WatchedStore
from tests.app.outbox import posts

DEADLINE_S = 0.05  # real seconds that a hanging source may take in a test


def noise(at, width):
    """Small, the same each time, and without a rhythm that a detector could learn."""
    return width * math.sin(at.timestamp() / 60.0 * 2.399963)


def steady(level, width):
    return lambda at: level + noise(at, width)


def stepped(level, width, *, to, at, until=None):
    """Steady, but at another level from `at` on."""

    def value(now):
        moved = now >= at and (until is None or now < until)
        return (to if moved else level) + noise(now, width)

    return value


def usual():
    """Everything in its usual range."""
    return {
        AUC: steady(0.91, 0.003),
        LATENCY: steady(80.0, 2.0),
        DISK: steady(0.61, 0.004),
        VERSION: lambda _: 3.0,
    }


class Plant:
    """A tick, what it looks at and what it remembers. `restart` begins a new process over the same store."""

    def __init__(
        self,
        *sources,
        changes=(),
        registry=None,
        store=None,
        catalogue=CATALOGUE,
        speaking=None,
        snapshot_every=5 * MINUTE,
        warm_up=2 * HOUR,
    ):
        self.source = sources[0] if sources else ScriptedSource(usual())
        self._sources = sources or (self.source,)
        self._changes = changes
        self._registry = registry
        self._catalogue = catalogue
        self._speaking = speaking or SpeakingPolicy()
        self._timing = TickPolicy(
            warm_up=warm_up, snapshot_every=snapshot_every, source_deadline=timedelta(seconds=DEADLINE_S)
        )
        self.store = WatchedStore() if store is None else store
        self.clock = ManualClock(T0)
        self._begin()

    def _begin(self):
        self.metrics = Metrics()
        self.watch = Watch(self._catalogue)
        self.lookout = Lookout(
            sources=self._sources,
            change_sources=self._changes,
            registry=self._registry,
            store=self.store,
            watch=self.watch,
            timing=self._timing,
            metrics=self.metrics,
        )
        self.tick = Tick(
            lookout=self.lookout,
            store=self.store,
            speaking=self._speaking,
            rollback=RollbackPolicy(),
            timing=self._timing,
            metrics=self.metrics,
        )

    @classmethod
    async def warm(cls, *sources, **options):
        """A plant that has learnt what is usual, up to and without T0."""
        plant = cls(*sources, **options)
        await plant.tick.warm_up(plant.clock.now())
        return plant

    async def restart(self, *, saved=True):
        """End this process and begin the next one at the same minute."""
        if saved:
            await self.tick.save()
        self._begin()
        await self.tick.warm_up(self.clock.now())

    async def run(self, minutes=1):
        """Run so many ticks, a minute apart, delivering in between; returns the posts."""
        heard = []
        for _ in range(minutes):
            await self.tick.run(self.clock.now())
            heard += await posts(self.store, self.clock.now())
            await self.clock.advance(MINUTE)
        return heard
