"""Which silent series are news: an exporter that fell silent, not one odd series of it or a pod that was replaced."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from bot.domain.series import Floats, SeriesIndex

REPLACED_TICKS = 3.0  # a series that ended so much before others of its signal and entity was replaced by them
MANY = 3  # series of one signal that make an exporter of its own


def lost(gap: NDArray[np.bool_], missing_s: Floats, index: SeriesIndex, *, step_s: float) -> dict[int, bool]:
    """Rows whose silence is news, each with whether it means that something cannot be seen any more.

    gap, missing_s: (n,) one a row of the index: silent beyond habit, and seconds since the last sample (NaN: never).
    Series end together with their exporter: all of an entity's, or all of a signal's. A single one that ends while its
    neighbours go on is a metric that stopped to apply or a flaky rule: worth a note, no call. A pod's that was replaced
    is not there at all.
    """
    if not gap.any():
        return {}
    at_place: dict[tuple[str, str], list[int]] = defaultdict(list)
    of_entity: dict[str, list[int]] = defaultdict(list)
    of_signal: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(index):
        at_place[key.signal, key.entity].append(row)
        of_entity[key.entity].append(row)
        of_signal[key.signal].append(row)
    found = {}
    for row in np.flatnonzero(gap).tolist():
        key = index[row]
        if np.isnan(missing_s[row]):
            continue
        newest = min(
            float(missing_s[other]) for other in at_place[key.signal, key.entity] if not np.isnan(missing_s[other])
        )
        if missing_s[row] > newest + REPLACED_TICKS * step_s:
            continue
        owner = key.entity.partition("/")[0]
        ours = of_entity[key.entity] if len(of_entity[key.entity]) > 1 else of_entity.get(owner, [])
        ended = missing_s[row] - REPLACED_TICKS * step_s
        exporter = of_signal[key.signal] if len(of_signal[key.signal]) >= MANY else []
        found[row] = _ended(ours, missing_s, ended) or _ended(exporter, missing_s, ended)
    return found


def _ended(rows: Collection[int], missing_s: Floats, at_s: float) -> bool:
    """Whether none of them brought a sample later than so many seconds ago; never for none of them."""
    return bool(rows) and not bool((missing_s[list(rows)] < at_s).any())
