"""Take a change of a mean apart: the groups have other shares, or the groups themselves have changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Split:
    total: float
    mix: float  # what changed shares explain
    within: float  # what changed inside the groups
    by_group: Floats  # (g, 2) both, group by group


def split(shares_before: Floats, values_before: Floats, shares_after: Floats, values_after: Floats) -> Split:
    """Split the change of a mean over groups: total = mix + within, exactly.

    All are (g,): shares that add up to 1, and the mean in each group, NaN where a group has no rows.
    A group that is there on one side only takes its value for the other, too: its coming or going is mix. Its mix is
    told against the mean before, which changes no sum and lets each group be read by itself.
    Source: Kitagawa (1955), Oaxaca (1973).

    >>> found = split(np.array([0.5, 0.5]), np.array([0.9, 0.7]), np.array([0.2, 0.8]), np.array([0.9, 0.7]))
    >>> round(found.mix, 3), round(found.within, 3)
    (-0.06, 0.0)
    """
    before = np.where(np.isfinite(values_before), values_before, np.where(np.isfinite(values_after), values_after, 0.0))
    after = np.where(np.isfinite(values_after), values_after, before)
    mean = float((shares_before * before).sum())
    mix = (shares_after - shares_before) * (before - mean)
    within = shares_after * (after - before)
    return Split(
        total=float(mix.sum() + within.sum()),
        mix=float(mix.sum()),
        within=float(within.sum()),
        by_group=np.stack([mix, within], axis=1),
    )
