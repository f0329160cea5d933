"""Is a new version worse than the old: an answer that may be looked at every day without being fooled by looking."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats
from scipy.special import xlogy

Floats = NDArray[np.float64]

PSEUDO = 1.0  # errors, and as many right answers, added to the shared rate: none seen yet is not none possible


def always_valid(
    new_errors: ArrayLike,
    new_labels: ArrayLike,
    old_errors: ArrayLike,
    old_labels: ArrayLike,
    *,
    tau: ArrayLike,
    before: ArrayLike = 1.0,
) -> Floats:
    """Test whether the new version's error rate is above the old one's, at any moment and as often as one likes.

    new_errors, new_labels, old_errors, old_labels: (n,) counts since the start, of each version; NaN says nothing new.
    tau:    (n,) or one number, above 0: the size of difference that is looked for, as a share of labels.
    before: (n,) the answer of the look before, 1 at the first: the p-value of a run is its smallest.
    Returns (n,) p-values; `before` where a version has no labels. With rates that are the same, the probability that
            it is *ever* below a is at most a. That rests on a normal approximation of the difference: of the signed
            root of its likelihood ratio, which holds for a handful of errors where the plain z does not (simulated with
            1 error in 20 days: .02 at a = .05, plain z .12; Barndorff-Nielsen 1986).

    The evidence is a likelihood ratio, averaged over differences of a half-normal law of scale tau: none speaks for a
    version that is better. Its inverse is the p-value (Ville's inequality).
    Source: Robbins (1970); Johari et al. (2022) for proportions and the always valid p-value; Howard et al. (2021) for
    the one-sided mixture; arXiv 2212.14411 and 2309.09111 on its use for releases.

    >>> always_valid([60.0, 90.0], [1000.0, 1000.0], [600.0, 600.0], [10000.0, 10000.0], tau=0.02).round(4).tolist()
    [1.0, 0.0061]
    """
    k, n = np.asarray(new_errors, np.float64), np.asarray(new_labels, np.float64)
    k_old, n_old = np.asarray(old_errors, np.float64), np.asarray(old_labels, np.float64)
    earlier = np.asarray(before, np.float64)
    judged = (n > 0) & (n_old > 0)
    n, n_old = np.where(judged, n, np.nan), np.where(judged, n_old, np.nan)
    shared = (k + k_old + PSEUDO) / (n + n_old + 2.0 * PSEUDO)
    variance = shared * (1.0 - shared) * (1.0 / n + 1.0 / n_old)
    wide = variance + np.asarray(tau, np.float64) ** 2
    # in logarithms: after a year of labels the ratio itself is beyond what a float holds
    reach = _signed_root(k, n, k_old, n_old) * np.sqrt(1.0 - variance / wide)
    evidence = np.log(2.0) + 0.5 * np.log(variance / wide) + 0.5 * reach**2 + stats.norm.logcdf(reach)
    p = np.exp(-np.maximum(evidence, 0.0))
    return np.where(np.isnan(p), earlier, np.minimum(p, earlier))


def _signed_root(k: Floats, n: Floats, k_old: Floats, n_old: Floats) -> Floats:
    """Difference of two rates (n,) in standard errors, positive when the first is larger, from the likelihood ratio."""
    shared = (k + k_old) / (n + n_old)
    gained = sum(
        xlogy(seen, np.where(seen > 0, seen, 1.0)) - xlogy(seen, rows * np.where(seen > 0, rate, 1.0))
        for seen, rows, rate in (
            (k, n, shared),
            (n - k, n, 1.0 - shared),
            (k_old, n_old, shared),
            (n_old - k_old, n_old, 1.0 - shared),
        )
    )
    found: Floats = np.sign(k / n - k_old / n_old) * np.sqrt(np.maximum(2.0 * gained, 0.0))
    return found
