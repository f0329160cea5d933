"""The world's time: the wall's, started anywhere and run at any rate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualClock:
    """now = origin + (wall - origin_wall) * rate; whoever knows the three numbers agrees without asking."""

    origin_s: float
    origin_wall_s: float
    rate: float = 1.0
    wall: Callable[[], float] = time.time

    def now_s(self) -> float:
        return self.origin_s + (self.wall() - self.origin_wall_s) * self.rate
