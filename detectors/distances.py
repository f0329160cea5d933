"""Distances between two histograms that share their bins: how much of the population sits elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def ks(reference: Floats, current: Floats) -> Floats:
    """Return the largest difference of cumulative shares: a lower bound of the Kolmogorov-Smirnov distance.

    reference, current: (f, b) counts in ascending bins; NaN fills up columns with fewer.
    Returns (f,) between 0 and 1; NaN without counts on one side. An effect size, and never a test by itself.
    Source: Kolmogorov (1933), Smirnov (1948).

    >>> ks(np.array([[50.0, 50.0]]), np.array([[20.0, 80.0]])).round(2)
    array([0.3])
    """
    p, q = _shares(reference), _shares(current)
    moved: Floats = np.abs(np.cumsum(p, axis=1) - np.cumsum(q, axis=1)).max(axis=1, initial=0.0)
    return np.where(np.isfinite(p).all(axis=1) & np.isfinite(q).all(axis=1), moved, np.nan)


def js(reference: Floats, current: Floats) -> Floats:
    """Return the Jensen-Shannon distance, the square root of the divergence with base 2.

    reference, current: (f, b) counts; NaN fills up columns with fewer.
    Returns (f,) between 0 and 1; NaN without counts on one side.
    Source: Lin (1991); Endres & Schindelin (2003).

    >>> js(np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])).round(2)
    array([1.])
    """
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2.0
    divergence = (_relative(p, middle) + _relative(q, middle)) / 2.0
    distance: Floats = np.sqrt(np.clip(divergence, 0.0, 1.0))
    return distance


def _shares(counts: Floats) -> Floats:
    """(f, b) shares; a row without counts is NaN."""
    known = np.where(np.isfinite(counts), counts, 0.0)
    total = known.sum(axis=1, keepdims=True)
    shares: Floats = np.where(total > 0, known / np.where(total > 0, total, 1.0), np.nan)
    return shares


def _relative(p: Floats, q: Floats) -> Floats:
    """(f,) bits of p relative to q; a bin without p adds nothing."""
    ratio = np.where(p > 0, p / np.where(q > 0, q, 1.0), np.where(np.isnan(p), np.nan, 1.0))
    bits: Floats = (p * np.log2(ratio)).sum(axis=1)
    return bits
