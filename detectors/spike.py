"""Large departures: how far a sample is, and the k-of-n rule that tells an episode from a stray sample."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

THREE_OF_FIVE = 6.0  # sigmas
TWO_OF_THREE = 12.0  # sigmas: so large that a third witness would only cost time


def median_of_three(a: Floats, b: Floats, c: Floats) -> Floats:
    """Median of three arrays (…, n), element by element; NaN where one is.

    >>> median_of_three(np.array([1.0]), np.array([9.0]), np.array([2.0])).tolist()
    [2.0]
    """
    middle: Floats = np.minimum(a, b)
    np.maximum(middle, np.minimum(np.maximum(a, b), c), out=middle)
    return middle


def confirmed(a: Floats, b: Floats, c: Floats, d: Floats, e: Floats) -> tuple[Floats, Floats]:
    """Score the last five samples (n,), oldest first, in sigmas, as a large departure.

    Returns (n,) signed medians in multiples of their limits: three of five beyond the limit on one side is the median
            of five beyond it, two of three the median of three. Beyond ±1 a departure is confirmed. No NaN.

    >>> zero, far = np.zeros(1), np.full(1, 99.0)
    >>> wide, sharp = confirmed(zero, zero, far, zero, zero)
    >>> wide.tolist(), sharp.tolist()
    ([0.0], [0.0])
    >>> wide, sharp = confirmed(zero, zero, zero, np.full(1, -24.0), np.full(1, -30.0))
    >>> sharp.tolist()
    [-2.0]
    """
    low_cd, high_cd = np.minimum(c, d), np.maximum(c, d)
    sharp = np.maximum(low_cd, np.minimum(high_cd, e))
    low = np.maximum(np.minimum(a, b), low_cd)
    high = np.minimum(np.maximum(a, b), high_cd)
    # of two pairs, the larger minimum and the smaller maximum enclose the median together with the fifth
    wide = np.maximum(np.minimum(low, high), np.minimum(np.maximum(low, high), e))
    wide *= 1.0 / THREE_OF_FIVE
    sharp *= 1.0 / TWO_OF_THREE
    return wide, sharp
