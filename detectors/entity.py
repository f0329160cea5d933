"""Several channels of one thing, judged together: how bad each row looks, and where an alert opens.

Start here. Channels are brought to a common scale (channels.py) and freed of their daily profile (routine.py). Alerts
open where they move together as they seldom do (turbulence.py); the score says how far they are from their usual
(severity.py). Both are about the entity: of many channels one is always odd.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.channels import carry_forward, in_ranges
from detectors.routine import without_profile
from detectors.severity import severity
from detectors.turbulence import OPENING, openings, turbulence

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEAST_ROWS = 300  # of train with a sample: fewer have too few peaks to tell an unusual one
ADVISED_DAYS = 3  # of train, from which daily profiles are known


class TooLittleHistoryError(ValueError):
    """Train is too short to tell what is usual. The message says how much it takes."""


def judge(train: Floats, test: Floats, step_s: float, *, opening: float = OPENING) -> tuple[Floats, Flags]:
    """Judge the rows of `test` after having learnt from `train`, without labels.

    train:   (n, c) one column a channel, each in its own unit; may hold incidents. NaN, infinite or beyond LARGEST
             means no sample.
    test:    (m, c) the rows that follow, without a gap.
    step_s:  seconds from row to row, positive.
    opening: usual levels of turbulence that open an alert: fewer tell more, and more often for nothing.
    Returns  score (m,), from 0 to below 1, higher is worse, and alert (m,), true on the two rows that open one.
             A row's answer rests on train, on itself and on rows before it.
    Raises   TooLittleHistoryError when fewer than LEAST_ROWS rows of train hold a sample; ValueError when shapes
             disagree or step_s is no positive number.

    Units, zeros and the order of channels do not matter. All thresholds come from train.

    >>> rng = np.random.default_rng(0)
    >>> test = rng.standard_normal((200, 4))
    >>> test[150:] += 20.0
    >>> score, alert = judge(rng.standard_normal((600, 4)), test, 60.0)
    >>> np.flatnonzero(alert)[:1].tolist(), bool(score[150:].min() > score[:150].max())
    ([150], True)
    """
    if train.ndim != 2 or test.shape[1:] != train.shape[1:]:
        raise ValueError(f"train of shape {train.shape} and test of shape {test.shape}: expected the same channels")
    if not 0 < step_s < math.inf:
        raise ValueError(f"step_s is {step_s}: expected a positive number of seconds")
    rows = in_ranges(train, test)
    seen: Flags = np.isfinite(rows)
    known = int(np.count_nonzero(seen[: len(train)].any(axis=1)))
    if known < LEAST_ROWS:
        raise TooLittleHistoryError(
            f"train has {known:,} rows with a sample, too few to tell what is usual; give {LEAST_ROWS} or more, at best"
            f" {ADVISED_DAYS} days"
        )
    filled = carry_forward(rows)
    calm = without_profile(filled, train_rows=len(train), step_s=step_s)
    moved = turbulence(filled, calm, seen, train_rows=len(train), step_s=step_s)
    alert = openings(moved, train_rows=len(train), step_s=step_s, opening=opening)
    score = severity(filled, calm, seen, train_rows=len(train), step_s=step_s)
    return score[len(train) :], alert[len(train) :]
