"""Why a mean moved: because other groups are asking, or because something changed inside the groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A change of a mean, taken apart; in the unit of the values; NaN when a side has no rows."""

    total: float  # exactly mix + within: the mean after minus the mean before, but for rounding
    mix: float  # of changed shares, each group as good as it was
    within: float  # of changed values, with the shares of today
    by_group: Floats  # (g, 2): mix and within of each group


def split(
    shares_before: ArrayLike, values_before: ArrayLike, shares_after: ArrayLike, values_after: ArrayLike
) -> Split:
    """Split the change of a mean over groups into mix and within.

    shares_before, shares_after: (g,) shares or counts of rows; each side is divided by its sum.
    values_before, values_after: (g,) mean of the metric in each group; NaN where the group has no rows on that side:
                                 whatever share it claims there is taken for 0.
    A group that is new or gone has no second value to compare with: it takes the one it has, so that its whole effect
    is mix. One without rows on either side has none.
    Mix is sum (w1 - w0)(a0 - A0), A0 the mean before: subtracting it leaves the sum as it is, and makes a group's term
    negative exactly when a bad group grew or a good one shrank.
    Source: Kitagawa (1955), Oaxaca (1973).

    >>> found = split([0.5, 0.5], [0.9, 0.7], [0.2, 0.8], [0.9, 0.65])
    >>> round(found.total, 3), round(found.mix, 3), round(found.within, 3)
    (-0.1, -0.06, -0.04)
    >>> found.by_group.round(3).tolist()
    [[-0.03, 0.0], [-0.03, -0.04]]
    """
    a0, a1 = np.asarray(values_before, np.float64), np.asarray(values_after, np.float64)
    w0, w1 = _weights(shares_before, a0), _weights(shares_after, a1)
    before, after = np.where(np.isnan(a0), a1, a0), np.where(np.isnan(a1), a0, a1)
    before, after = np.where(np.isnan(before), 0.0, before), np.where(np.isnan(after), 0.0, after)
    usual = float((w0 * before).sum())
    by_group = np.stack([(w1 - w0) * (before - usual), w1 * (after - before)], axis=-1)
    by_group += 0.0 * usual  # a side without rows leaves nothing to split, not even within
    mix, within = float(by_group[:, 0].sum()), float(by_group[:, 1].sum())
    return Split(total=mix + within, mix=mix, within=within, by_group=by_group)


def _weights(shares: ArrayLike, values: Floats) -> Floats:
    """Shares (g,) of groups that have a value, summing to 1; NaN when none has."""
    rows = np.asarray(shares, np.float64)
    rows = np.where(np.isnan(values) | np.isnan(rows), 0.0, rows)
    total = rows.sum()
    return rows / (total if total > 0 else np.nan)
