"""How large a move of shares is, as effect sizes between 0 and 1 that do not grow with the number of rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr

Floats = NDArray[np.float64]


def ks(reference: ArrayLike, current: ArrayLike) -> Floats:
    """Largest distance between two cumulated distributions, as far as the bins show it.

    reference, current: (f, b) counts of f columns in bins of ascending values; NaN for a bin that a column has not.
    Returns (f,) from 0 to 1; NaN where a sample is empty. A lower bound of the distance between the samples themselves.
    Source: Kolmogorov (1933), Smirnov (1939). It is an effect size: no p-value is made of it, for bins are not
    continuous and production rows are not independent.

    >>> ks([[50.0, 50.0, np.nan]], [[30.0, 70.0, np.nan]]).round(3).tolist()
    [0.2]
    """
    p, q = _shares(reference, current)
    found: Floats = np.abs(np.cumsum(p, axis=-1) - np.cumsum(q, axis=-1)).max(-1, initial=0.0)
    return found


def js(reference: ArrayLike, current: ArrayLike) -> Floats:
    """Jensen-Shannon distance of the shares: the square root of the divergence in bits.

    reference, current: (f, b) counts of f columns; NaN for a bin that a column does not have.
    Returns (f,) from 0, the same shares, to 1, nothing in common; NaN where a sample is empty.
    Source: Lin (1991), Endres & Schindelin (2003). No pseudo-counts: an empty bin needs none here.

    >>> js([[10.0, 0.0], [10.0, 10.0]], [[0.0, 10.0], [5.0, 5.0]]).tolist()
    [1.0, 0.0]
    """
    p, q = _shares(reference, current)
    middle = (p + q) / 2.0
    bits = (rel_entr(p, middle) + rel_entr(q, middle)).sum(-1) / (2.0 * np.log(2.0))
    found: Floats = np.sqrt(np.clip(bits, 0.0, 1.0))
    return found


def _shares(reference: ArrayLike, current: ArrayLike) -> tuple[Floats, Floats]:
    """Shares (f, b) of the bins of both samples; NaN throughout where a sample is empty."""
    before, now = np.asarray(reference, np.float64), np.asarray(current, np.float64)
    there = np.isfinite(before) & np.isfinite(now)
    before, now = np.where(there, before, 0.0), np.where(there, now, 0.0)
    n, m = before.sum(-1, keepdims=True), now.sum(-1, keepdims=True)
    judged = (n > 0) & (m > 0)
    return before / np.where(judged, n, np.nan), now / np.where(judged, m, np.nan)
