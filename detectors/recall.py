"""Hold what came against what was ever seen: the bank's side of the novelty memory.

A row of that memory stands for five minutes or more: a sample of a slow series, a lesson of a quick one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors import novelty
from detectors.novelty import Memory
from detectors.season import DAY_S
from detectors.spike import median_of_three
from detectors.state import RECENT, ROWS, BankState, Rows, put, take
from detectors.tick import Tick

SINGLE_S = 240.0  # own interval from which a sample is a row: the memory was tuned on rows of five minutes
FIELDS = tuple(f"novel_{name}" for name in Memory._fields)


def recall(state: BankState, part: slice, tick: Tick, values: NDArray[np.float64], *, slot: int) -> None:
    """Look up and remember the series of a part that have a whole row; writes `tick.novelty` and `tick.novel`."""
    due = np.where(state.single[part], tick.here[part], state.phase[part] >= RECENT)
    number = int(np.count_nonzero(due))
    if not number:
        return
    rows = None if number == len(due) else np.flatnonzero(due)
    pieces: list[NDArray[Any]] = [take(getattr(state, name), part, rows) for name in FIELDS]
    memory = Memory(*pieces)
    age_days = ((tick.time_s - take(state.born_s, part, rows)) / DAY_S).astype(np.float32)
    score, told = novelty.observe(memory, _row(state, part, rows, tick, values), age_days=age_days, slot=slot)
    for name, piece in zip(FIELDS, pieces, strict=True):
        put(getattr(state, name), piece, part, rows)
    if rows is None:
        tick.novelty[part], tick.novel[part] = score, told
    else:
        tick.novelty[part.start + rows], tick.novel[part.start + rows] = score, told


def _row(
    state: BankState, part: slice, rows: Rows | None, tick: Tick, values: NDArray[np.float64]
) -> NDArray[np.float32]:
    """The value (k,) that stands for the row, relative to the origin: the sample, or the median of the last three."""
    x = (take(values, part, rows) - take(state.origin, part, rows)).astype(np.float32)
    single = take(state.single, part, rows)
    if single.all():
        return x
    z = median_of_three(*(take(state.hot[ROWS[name]], part, rows) for name in ("z2", "z3", "z4")))
    sigma = 1.0 / np.where(
        z > 0, take(state.hot[ROWS["inv_up"]], part, rows), take(state.hot[ROWS["inv_down"]], part, rows)
    )
    return np.where(single, x, take(tick.line, part, rows) + z * sigma).astype(np.float32)
