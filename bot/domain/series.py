"""Series, the index that gives each a row, and the columns of samples that cross from sources to detection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.domain.labels import Labels, labels_json

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What a series is: a catalogued signal, what it is about, and any further labels."""

    signal: str
    entity: str
    labels: Labels = ()

    def __str__(self) -> str:
        further = "" if not self.labels else " " + labels_json(self.labels)
        return f"{self.signal} of {self.entity}{further}"

    def matchable(self) -> Mapping[str, str]:
        """Labels as a matcher sees them: the series' own, plus `signal` and `entity`."""
        return {**dict(self.labels), "signal": self.signal, "entity": self.entity}


class SeriesIndex:
    """Gives each series a row, once and for good: rows are never reused, so state and index cannot disagree."""

    def __init__(self, keys: Sequence[SeriesKey] = ()) -> None:
        self._keys: list[SeriesKey] = []
        self._rows: dict[SeriesKey, int] = {}
        for key in keys:
            self.row(key)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[SeriesKey]:
        return iter(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __getitem__(self, row: int) -> SeriesKey:
        return self._keys[row]

    def row(self, key: SeriesKey) -> int:
        """Find the row of a series, or give it the next one."""
        found = self._rows.get(key)
        if found is None:
            found = len(self._keys)
            self._rows[key] = found
            self._keys.append(key)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What one source saw at one moment, without an object a sample."""

    rows: Rows  # (k,) rows of the SeriesIndex
    values: Floats  # (k,) in each signal's unit; NaN is no sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One column of samples for all series."""

    time_s: float  # seconds since 1970
    values: Floats  # (n,) one a row of the SeriesIndex; NaN means no sample


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A block of past columns, for warming up and for plots."""

    times_s: Floats  # (t,) ascending
    rows: Rows  # (k,) rows of the SeriesIndex
    values: Floats  # (t, k); NaN means no sample
    blind: tuple[BlindSpot, ...] = ()  # what could not be read of that past


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSpot:
    """A place we could not look. Never read as healthy."""

    source: str  # the source's name in the configuration
    because: str  # one line for a person
    signals: tuple[str, ...] = ()  # the signals it would have brought; empty: not a source of samples
