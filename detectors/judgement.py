"""What goes into the bank beside samples, and what comes out: guards and judgements, one row a series."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Kind(IntEnum):
    """What a departure looks like."""

    NONE = 0
    LEVEL = 1  # large: visible in single samples, confirmed by several
    SHIFT = 2  # small and lasting: visible only in the sum of many samples
    GAP = 3  # no samples where there used to be some


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What makes a departure matter to people, whatever its surprise."""

    direction: NDArray[np.int8]  # (n,) +1 worse up, -1 worse down, 0 both
    floor_abs: Floats  # (n,) smallest departure that matters, in the series' unit
    floor_rel: Floats  # (n,) the same as a share of the expected level

    @classmethod
    def neutral(cls, n: int) -> Guards:
        """Both directions, no floor.

        >>> Guards.neutral(2).direction.tolist()
        [0, 0]
        """
        return cls(direction=np.zeros(n, dtype=np.int8), floor_abs=np.zeros(n), floor_rel=np.zeros(n))

    def floor(self, expected: Floats) -> Floats:
        """Smallest departure from `expected` (n,) that matters, in the series' unit; NaN in a guard is no floor.

        >>> guards = Guards(direction=np.zeros(1, np.int8), floor_abs=np.array([0.1]), floor_rel=np.array([0.2]))
        >>> guards.floor(np.array([-4.0])).tolist()
        [0.8]
        """
        return np.fmax(np.fmax(self.floor_abs, self.floor_rel * np.abs(expected)), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """One column of opinions; every array is (n,) and owned by this value."""

    judged: Flags  # enough history to say anything
    active: Flags  # anomalous now, in a direction that matters; an unanswered series keeps its last answer
    opened: Flags  # became active at this step
    closed: Flags  # ceased to be active at this step
    direction: NDArray[np.int8]  # +1 above expected, -1 below, 0 when not active
    kind: NDArray[np.int8]  # a Kind; GAP wins while both hold
    z: Floats  # present departure in robust sigmas, signed; NaN when not judged or no sample
    peak: Floats  # signed z of the largest |z| of the episode; NaN when not active
    expected: Floats  # in the series' unit, from the baseline before the episode; NaN when never seen
    scale: Floats  # one robust sigma on the side of the departure, series' unit; at least a sixth of the floor
    observed: Floats  # last finite sample; while active the median of the last three
    onset_s: Floats  # estimated onset, seconds since 1970; NaN when not active
    missing_s: Floats  # seconds since the last finite sample; NaN when never seen
    gap: Flags  # silent for longer than its own habit allows
