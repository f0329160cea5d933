"""Which of a tick's complaints may open an episode: false discoveries over all series, held to a budget a day."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Flags = NDArray[np.bool_]

BUDGET = 1.0  # false episodes a day, all series together: what somebody on call forgives
DAY_S = 86_400.0


def level_of(budget: float, *, step_s: float) -> float:
    """Probability of a false episode that one tick may spend.

    budget: false episodes a day. step_s: seconds a tick.

    >>> round(level_of(1.0, step_s=60.0), 6)
    0.000694
    """
    return min(budget * step_s / DAY_S, 0.5)


def discoveries(p: Floats, *, tests: int, level: float) -> Flags:
    """Which hypotheses to reject.

    p:     (k,) p-values of the complaints; those of the other tests are larger and need not be given.
    tests: how many series were judged in all, at least k.
    level: false discovery rate. When nothing is wrong anywhere, it is the probability of any rejection.
    Source: Benjamini & Hochberg (1995), step up.

    >>> discoveries(np.array([1e-9, 0.004, 0.03]), tests=1000, level=0.1).tolist()
    [True, False, False]
    """
    if not len(p):
        return np.zeros(0, np.bool_)
    order = np.argsort(p, kind="stable")
    passed = np.flatnonzero(p[order] <= level * np.arange(1, len(p) + 1) / max(tests, len(p)))
    if not len(passed):
        return np.zeros(len(p), np.bool_)
    found: Flags = p <= p[order[passed[-1]]]
    return found
