"""What goes into the bank beside samples, and what comes out: guards and judgements, one row a series."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from detectors.discover import BUDGET

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Kind(IntEnum):
    """What a departure looks like."""

    NONE = 0
    LEVEL = 1  # large: visible in single samples, confirmed by several
    SHIFT = 2  # small and lasting: visible only in the sum of many samples
    GAP = 3  # no samples where there used to be some
    NOVEL = 4  # never seen at this time of day, or stuck at a value for longer than ever
    SPREAD = 5  # as often above as below, but wilder than it used to be


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What makes a departure matter to people, whatever its surprise."""

    direction: NDArray[np.int8]  # (n,) +1 worse up, -1 worse down, 0 both
    floor_abs: Floats  # (n,) smallest departure that matters, in the series' unit
    floor_rel: Floats  # (n,) the same as a share of the expected level
    counter: Flags | None = None  # (n,) series that only grow: judged by their increase a second; None: none of them
    budget: float = BUDGET  # false episodes a day that all series together may cost: the one knob to turn

    @classmethod
    def neutral(cls, n: int) -> Guards:
        """Both directions, no floor.

        >>> Guards.neutral(2).direction.tolist()
        [0, 0]
        """
        return cls(direction=np.zeros(n, dtype=np.int8), floor_abs=np.zeros(n), floor_rel=np.zeros(n))

    def floor(self, expected: Floats, rows: NDArray[np.intp]) -> Floats:
        """Smallest departure from `expected` (k,) that matters to some rows, in the series' unit; NaN is no floor.

        >>> guards = Guards(direction=np.zeros(1, np.int8), floor_abs=np.array([0.1]), floor_rel=np.array([0.2]))
        >>> guards.floor(np.array([-4.0]), np.array([0])).tolist()
        [0.8]
        """
        return np.fmax(np.fmax(self.floor_abs[rows], self.floor_rel[rows] * np.abs(expected)), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgements:
    """One column of opinions; every array is (n,) and owned by this value."""

    judged: Flags  # enough history to say anything
    active: Flags  # anomalous now, in a direction that matters; an unanswered series keeps its last answer
    opened: Flags  # became active at this step
    closed: Flags  # ceased to be active at this step
    direction: NDArray[np.int8]  # +1 above expected, -1 below, 0 when not active
    kind: NDArray[np.int8]  # a Kind; GAP wins while both hold
    z: NDArray[np.float32]  # present departure in robust sigmas, signed; NaN when not judged or no sample
    score: NDArray[np.float32]  # severity for ranking, 0 to 1; 0.5 opens an episode of a tame series; 0 if not judged
    novelty: NDArray[
        np.float32
    ]  # of the row against all that was seen at this time of day, 0 to 1; 0.5 is told; for edges
    p: NDArray[np.float32]  # how often this series' own tail goes as far, one side; 1 inside its threshold, or unjudged
    reset: Flags  # a counter began anew: a restart
    novel: Flags  # told now; once, then it is known
    peak: Floats  # signed z of the largest |z| of the episode; NaN when not active
    expected: Floats  # in the series' unit, from the baseline before the episode; NaN when never seen
    scale: NDArray[np.float32]  # one sigma on the side of the departure, else above; unit; NaN when never seen
    observed: Floats  # last sample, NaN when none is remembered; while active the median of the last three
    onset_s: Floats  # estimated onset, seconds since 1970; NaN when not active
    missing_s: Floats  # seconds since the last finite sample; NaN when never seen
    gap: Flags  # silent for longer than its own habit allows
