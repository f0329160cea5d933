"""Is a new version worse than the old one: a test that may be looked at after every batch of labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import log_ndtr

Floats = NDArray[np.float64]


def always_valid(
    new_errors: ArrayLike,
    new_labels: ArrayLike,
    old_errors: ArrayLike,
    old_labels: ArrayLike,
    *,
    tau: float,
    before: ArrayLike = 1.0,
) -> Floats:
    """Return how likely equal versions ever look so different, whenever one looks.

    new_errors, new_labels, old_errors, old_labels: counts so far, of one shape.
    tau:     size of the differences of error rates that are looked for, 0.02 for two points.
    before:  what an earlier look returned: the least of all looks counts.
    Returns  p-values of that shape, one-sided: small when the new version errs more. 1 without labels on either side.

    The likelihood ratio of a difference drawn from the upper half of a normal distribution with deviation tau, against
    none, is a martingale under no difference; by Ville's inequality it passes 1/p with probability p at most.
    Source: Robbins (1970); Johari, Koomen, Pekelis & Walsh (2022), always valid inference; Howard et al. (2021).

    >>> always_valid(40, 400, 30, 500, tau=0.02).round(3), always_valid(80, 800, 60, 1000, tau=0.02).round(3)
    (np.float64(0.204), np.float64(0.028))
    """
    k1, n1, k0, n0 = (np.asarray(part, np.float64) for part in (new_errors, new_labels, old_errors, old_labels))
    one, two = np.where(n1 > 0, n1, 1.0), np.where(n0 > 0, n0, 1.0)
    pooled = (k1 + k0 + 1.0) / (one + two + 2.0)  # never 0 or 1: a few labels without an error prove nothing
    variance = pooled * (1.0 - pooled) * (1.0 / one + 1.0 / two)
    difference = k1 / one - k0 / two
    wide = variance + tau**2
    log_ratio = (
        np.log(2.0)
        + 0.5 * np.log(variance / wide)
        + tau**2 * difference**2 / (2.0 * variance * wide)
        + log_ndtr(difference * tau / np.sqrt(variance * wide))
    )
    p = np.where((n1 > 0) & (n0 > 0), np.exp(-np.maximum(log_ratio, 0.0)), 1.0)
    return np.minimum(p, np.asarray(before, np.float64))
