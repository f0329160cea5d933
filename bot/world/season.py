"""How much people want over the day and the week, as a smooth factor around 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S
PEAK_S = 15 * 3600.0  # the afternoon, UTC
SUNDAY_S = 3 * DAY_S + 12 * 3600.0  # 1970 began on a Thursday: the first Sunday's noon


def daily(times_s: Floats, *, depth: float = 0.35) -> Floats:
    """Demand over the day: 1 in the mean, highest in the afternoon, with a shoulder in the morning.

    times_s: (n,) seconds since 1970. depth: amplitude of the main wave. Returns (n,) factors, positive.
    """
    phase = 2 * np.pi * (times_s - PEAK_S) / DAY_S
    return 1 + depth * np.cos(phase) + 0.25 * depth * np.cos(2 * phase + 0.9)


def weekly(times_s: Floats, *, depth: float = 0.07) -> Floats:
    """Demand over the week: a little less around Sunday, without a step at midnight."""
    return 1 - depth * np.cos(2 * np.pi * (times_s - SUNDAY_S) / WEEK_S)


def demand(times_s: Floats, *, depth: float = 0.35, later_s: float = 0.0) -> Floats:
    """Daily and weekly season together; `later_s` moves the day's peak."""
    return daily(times_s - later_s, depth=depth) * weekly(times_s)
