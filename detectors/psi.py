"""Population stability index on counts, with what chance alone gives: how far a distribution has moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Floats = NDArray[np.float64]

PSEUDO = 0.5  # a bin: an empty one must not be infinitely surprising


@dataclass(frozen=True, slots=True)
class Distance:
    """Of (f,) columns; NaN where nothing can be said."""

    psi: Floats
    excess: Floats  # what is left after the mean of chance is taken off; never below 0
    p: Floats  # that samples of these sizes differ so much by chance


def psi(reference: Floats, current: Floats) -> Distance:
    """Compare columns bin by bin.

    reference, current: (f, b) counts of f columns in at most b bins; NaN fills up columns with fewer.
    Returns (f,) each. NaN without counts on one side, or with fewer than two bins.

    A bin that is empty on both sides says nothing and is left out. Under no change, PSI / (1/n + 1/m) is close to
    chi-square with bins - 1 degrees of freedom, and its mean is (bins - 1)(1/n + 1/m).
    Source: Yurdakul (2018), Statistical properties of population stability index.

    >>> found = psi(np.array([[500.0, 500.0]]), np.array([[50.0, 50.0], ]))
    >>> found.psi.round(4), found.p.round(2)
    (array([0.]), array([1.]))
    """
    real = np.isfinite(reference) & np.isfinite(current)
    r, c = np.where(real, reference, 0.0), np.where(real, current, 0.0)
    real = real & (r + c > 0)
    bins = real.sum(axis=1)
    n, m = r.sum(axis=1), c.sum(axis=1)
    usable = (n > 0) & (m > 0) & (bins >= 2)
    bins_safe = np.where(usable, bins, 2)[:, None]
    n_safe, m_safe = np.where(usable, n, 1.0)[:, None], np.where(usable, m, 1.0)[:, None]
    p = (r + PSEUDO) / (n_safe + PSEUDO * bins_safe)
    q = (c + PSEUDO) / (m_safe + PSEUDO * bins_safe)
    value = np.where(real, (p - q) * np.log(p / q), 0.0).sum(axis=1)
    unit = (1.0 / n_safe + 1.0 / m_safe)[:, 0]
    free = bins_safe[:, 0] - 1.0
    return Distance(
        psi=np.where(usable, value, np.nan),
        excess=np.where(usable, np.maximum(0.0, value - free * unit), np.nan),
        p=np.where(usable, chi2.sf(value / unit, free), np.nan),
    )
