"""TEMPORARY stand-in, to be replaced as a whole: several channels of one thing, judged together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

LARGE = 8.0  # robust sigmas; a stand-in's threshold
CONFIRMED = 5  # rows in a row


def judge(train: Floats, test: Floats, step_s: float) -> tuple[Floats, Flags]:  # noqa: ARG001 - the real one needs it
    """Judge the rows of `test` after having learnt from `train`, causally.

    train, test: (t, c) one column a channel, each in its own unit; NaN means no sample.
    step_s:      seconds from row to row.
    Returns      score (t,) in 0..1 and alert (t,), for the rows of `test`.

    >>> quiet = np.sin(np.arange(200.0)).reshape(100, 2)
    >>> score, alert = judge(quiet, np.vstack([quiet, np.full((9, 2), 99.0)]), 60.0)
    >>> int(alert.argmax()), bool((score <= 1.0).all())
    (104, True)
    """
    seen = np.isfinite(train).any(axis=0) & bool(len(train))
    if not seen.any() or not len(test):
        return np.zeros(len(test)), np.zeros(len(test), dtype=np.bool_)
    known = train[:, seen]
    middle = np.nanmedian(known, axis=0)
    spread = 1.4826 * np.nanmedian(np.abs(known - middle), axis=0)
    spread = np.maximum(spread, 1e-3 * np.abs(middle) + 1e-9)
    departure = np.nan_to_num(np.abs(test[:, seen] - middle) / spread, nan=0.0, posinf=0.0).max(axis=1)
    large = np.concatenate([np.zeros(CONFIRMED - 1, dtype=np.bool_), departure > LARGE])
    alert: Flags = np.lib.stride_tricks.sliding_window_view(large, CONFIRMED).min(axis=1)
    return -np.expm1(-departure / LARGE), alert
