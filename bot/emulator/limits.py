"""Slack's rate limits: a bucket for each channel's posts and one for each method."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from bot.emulator.errors import LimitedError

PER_MINUTE: Final = {1: 1, 2: 20, 3: 50, 4: 100}  # by tier
BURST: Final = {"soft": 10, "hard": 1}  # posts to one channel before the one a second counts


@dataclass(slots=True)
class Bucket:
    capacity: float
    per_second: float
    level: float
    at: float

    def take(self, now: float) -> float:
        """Take one; return 0 or the seconds to wait."""
        self.level = min(self.capacity, self.level + (now - self.at) * self.per_second)
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.per_second


@dataclass(slots=True, kw_only=True)
class Limits:
    """mode: off, soft (short bursts to a channel are fine) or hard (one a second, and methods by their tier)."""

    mode: str = "off"
    timer: Callable[[], float] = time.monotonic
    _buckets: dict[str, Bucket] = field(default_factory=dict)

    def check_post(self, channel: str) -> None:
        if self.mode != "off":
            self._take(f"channel {channel}", capacity=BURST[self.mode], per_second=1.0)

    def check_method(self, method: str, tier: int | None) -> None:
        if self.mode == "hard" and tier is not None:
            self._take(f"method {method}", capacity=PER_MINUTE[tier], per_second=PER_MINUTE[tier] / 60)

    def _take(self, key: str, *, capacity: float, per_second: float) -> None:
        now = self.timer()
        bucket = self._buckets.setdefault(key, Bucket(capacity, per_second, capacity, now))
        if wait_s := bucket.take(now):
            raise LimitedError(math.ceil(wait_s))
