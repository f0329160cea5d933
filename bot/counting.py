"""Series that only grow, though nobody declared them: each is judged by how much it grew since the sample before."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from bot.domain.catalogue import Catalogue, Kind
from bot.domain.series import Floats, SeriesIndex
from detectors.counter import counts_often, cumulative

# Kinds that exporters count up. Anything else that only grows is a level that grows.
COUNTED = frozenset({Kind.RESTARTS, Kind.TRAFFIC, Kind.ERRORS, Kind.THROUGHPUT, Kind.LABEL_VOLUME})


class Counting:
    """Knows which rows are counters and their last values. Values keep the signal's unit: the increase a tick."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._last: dict[int, float] = {}  # by row of a counter; NaN before its first sample

    def learn(self, index: SeriesIndex, values: Floats) -> Floats:
        """Find out from history which rows are counters; returns the history with those as increases.

        values: (t, n) one column a row of the index; NaN for no sample.
        """
        kinds = [self._kind(index, row) for row in range(values.shape[1])]
        rows = np.array([row for row, kind in enumerate(kinds) if kind in COUNTED], dtype=np.intp)
        if not len(rows) or len(values) < 2:
            return values
        part = values[:, rows]
        rare = np.array([kinds[row] is Kind.RESTARTS for row in rows])
        found = np.where(rare, cumulative(part) | _still(part), counts_often(part))
        out = values.copy()
        for row in rows[found].tolist():
            known = np.flatnonzero(np.isfinite(values[:, row]))
            self._last[row] = float(values[known[-1], row]) if len(known) else float("nan")
            out[:, row] = np.nan
            out[known[1:], row] = _grown(values[known[:-1], row], values[known[1:], row])
        return out

    def increases(self, values: Floats) -> Floats:
        """One column (n,) with its counters as increases since their last samples."""
        if not self._last:
            return values
        out = values.copy()
        for row, before in self._last.items():
            if row >= len(values) or not np.isfinite(values[row]):
                continue
            now = float(values[row])
            out[row] = float("nan") if np.isnan(before) else (now if now < before else now - before)
            self._last[row] = now
        return out

    def saved(self) -> Mapping[str, float | None]:
        return {str(row): None if np.isnan(value) else value for row, value in self._last.items()}

    def restore(self, saved: Mapping[str, float | None]) -> None:
        self._last = {int(row): float("nan") if value is None else float(value) for row, value in saved.items()}

    def _kind(self, index: SeriesIndex, row: int) -> Kind | None:
        signal = self._catalogue.signal.get(index[row].signal)
        return signal.kind if signal is not None else None


def _still(values: Floats) -> NDArray[np.bool_]:
    """Restarts that stood still all through history, above zero: nobody restarts that evenly, so they are summed up."""
    known = np.isfinite(values)
    least = np.where(known, values, np.inf).min(axis=0)
    most = np.where(known, values, -np.inf).max(axis=0)
    return np.asarray((least == most) & (most > 0), dtype=np.bool_)


def _grown(before: Floats, now: Floats) -> Floats:
    return np.where(now < before, now, now - before)
