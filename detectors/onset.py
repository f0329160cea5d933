"""When did it begin? A second look at a short window of one flagged series."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHORTEST = 4  # samples; with fewer there is nothing on either side of a change


def onset_index(window: Floats) -> int | None:
    """Index of the first sample after the most likely single change of mean.

    window: (t,) in any unit, oldest first; NaN means no sample and is skipped.
    Returns an index into `window`, or None when fewer than SHORTEST finite samples or no change at all.

    Ranks find the split where the drop in the sum of squared errors is largest: one spike cannot pull it towards
    itself, but ranks know no distances and are loose near an end. So the split is then placed where absolute
    distances to the medians of the two parts are least, the maximum-likelihood change point for Laplace noise.
    Source: Pettitt (1979) for the ranks; Hinkley (1970) for the place.

    >>> onset_index(np.array([1.0, 1.1, 0.9, np.nan, 5.0, 5.2, 5.1]))
    4
    >>> onset_index(np.ones(9)) is None
    True
    """
    known = np.flatnonzero(np.isfinite(window))
    if known.size < SHORTEST:
        return None
    values = window[known]
    ordered, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    if ordered.size == 1:
        return None
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[places]
    centred = ranks - ranks.mean()
    left = np.arange(1, known.size)
    # n / (m (n - m)) * S_m^2 is the drop in squared error of a split after m samples
    gain = np.cumsum(centred)[:-1] ** 2 / (left * (known.size - left))
    split = int(np.argmax(gain)) + 1
    before, after = np.median(values[:split]), np.median(values[split:])
    if before == after:
        return int(known[split])
    cost = np.cumsum(np.abs(values - before) - np.abs(values - after))[:-1]
    return int(known[int(np.argmin(cost)) + 1])
