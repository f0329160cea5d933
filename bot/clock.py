"""Time as a value that can be injected: the wall, a faster wall for the demo, and a hand-turned one for tests."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Everything that needs the time of day asks one of these."""

    def now(self) -> datetime:
        """Aware, UTC."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Wait for so much of this clock's time."""
        ...


def from_epoch(seconds: float) -> datetime:
    """Turn seconds since 1970 into an aware UTC datetime."""
    return datetime.fromtimestamp(seconds, tz=UTC)


class WallClock:
    def now(self) -> datetime:
        return datetime.now(tz=UTC)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds())


class ScaledClock:
    """A clock that runs `rate` times as fast as the wall since `origin_wall`.

    The demo's world and the bot are given the same three numbers, so both processes agree on the time
    without asking each other.
    """

    def __init__(self, *, rate: float, origin: float, origin_wall: float) -> None:
        self._rate = rate
        self._origin = origin
        self._origin_wall = origin_wall

    def now(self) -> datetime:
        return from_epoch(self._origin + (time.time() - self._origin_wall) * self._rate)

    async def sleep(self, duration: timedelta) -> None:
        await asyncio.sleep(duration.total_seconds() / self._rate)


class ManualClock:
    """Stands still until it is told to move; sleepers wake when their time has come."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._moved = asyncio.Condition()

    def now(self) -> datetime:
        return self._now

    async def sleep(self, duration: timedelta) -> None:
        until = self._now + duration
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= until)

    async def advance(self, duration: timedelta) -> None:
        async with self._moved:
            self._now += duration
            self._moved.notify_all()

    def set(self, now: datetime) -> None:
        """Move without waking anybody: for replays, where nobody sleeps."""
        self._now = now
