"""Counters to rates: what a monotone counter grew by a second, across restarts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def rates(before: Floats, now: Floats, *, waited_s: Floats) -> Floats:
    """Rate of growth of each counter between two samples.

    before, now: (n,) readings of a counter that only grows, in its unit; NaN means no sample.
    waited_s:    (n,) seconds between them, positive.
    Returns      (n,) unit a second, never negative; NaN where a reading is missing or no time passed.

    A reading below the one before means that the counter restarted from zero: all it shows was counted since.
    Growth between the last reading and the restart is lost, so the rate is then a lower bound.
    Source: the semantics of counters in the Prometheus documentation.

    >>> rates(np.array([10.0, 10.0]), np.array([70.0, 6.0]), waited_s=np.array([60.0, 60.0])).tolist()
    [1.0, 0.1]
    """
    grown = np.where(now < before, now, now - before)
    passed = np.where(waited_s > 0.0, waited_s, np.nan)
    rate: Floats = grown / passed
    return rate
