"""The workspace's clock: real time plus what a test has added, and timestamps that never repeat."""

from __future__ import annotations

import asyncio
import time


class WorkspaceClock:
    """Everything that ages inside the workspace reads this; `advance` makes it age at once.

    The 3 s in which an app must acknowledge stay real seconds, because the app lives outside this clock.
    """

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._last_us = 0
        self._moved = asyncio.Event()

    def now(self) -> float:
        return time.time() + self._offset_s

    def advance(self, seconds: float) -> None:
        self._offset_s += seconds
        self._moved.set()
        self._moved = asyncio.Event()

    def set(self, now: float) -> None:
        self.advance(now - self.now())

    def next_ts(self) -> str:
        """Return seconds and microseconds, strictly greater than any before."""
        self._last_us = max(int(self.now() * 1_000_000), self._last_us + 1)
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def not_before(self, ts: str) -> None:
        """Continue after a timestamp of an earlier life."""
        whole, _, fraction = ts.partition(".")
        self._last_us = max(self._last_us, int(whole) * 1_000_000 + int(fraction or 0))

    async def sleep(self, seconds: float) -> None:
        """Wait in the workspace's time: an advance cuts it short."""
        until = self.now() + seconds
        while (left := until - self.now()) > 0:
            try:
                async with asyncio.timeout(left):
                    await self._moved.wait()
            except TimeoutError:
                continue
