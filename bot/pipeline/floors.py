"""The smallest departures that anybody should be called for: by kind and unit, and by what a series does by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bot.domain.catalogue import PERCENTS, Catalogue, Kind, Signal
from bot.domain.series import Floats, SeriesIndex


@dataclass(frozen=True, slots=True)
class _Floor:
    """The smallest departure of a kind that a person would care about."""

    ratio: float  # absolute, where the signal is a share between 0 and 1
    relative: float  # as a share of the expected level, for any unit


# Shares have an absolute floor in percentage points, everything else a relative one. They are
# coarser than a ranking would need, because these decide whether somebody is called.
FLOORS: Mapping[Kind, _Floor] = {
    Kind.CPU: _Floor(0.08, 0.15),
    Kind.MEMORY: _Floor(0.06, 0.10),
    Kind.DISK: _Floor(0.04, 0.06),
    Kind.NETWORK: _Floor(0.005, 0.50),
    Kind.LATENCY: _Floor(0.05, 0.20),
    Kind.ERRORS: _Floor(0.004, 0.50),
    Kind.TRAFFIC: _Floor(0.10, 0.25),
    Kind.AVAILABILITY: _Floor(0.004, 0.02),
    Kind.RESTARTS: _Floor(0.5, 0.50),
    Kind.CACHE: _Floor(0.05, 0.10),
    Kind.BACKLOG: _Floor(0.10, 0.50),
    Kind.THROUGHPUT: _Floor(0.10, 0.20),
    Kind.INFERENCE_LATENCY: _Floor(0.05, 0.20),
    Kind.FALLBACK: _Floor(0.01, 0.50),
    Kind.FEATURE_NULL: _Floor(0.01, 0.25),
    Kind.FEATURE_VALUE: _Floor(0.03, 0.10),
    Kind.FEATURE_DRIFT: _Floor(0.04, 0.50),
    Kind.FRESHNESS: _Floor(0.10, 0.50),
    Kind.PREDICTION: _Floor(0.02, 0.06),
    Kind.PREDICTION_DRIFT: _Floor(0.04, 0.50),
    Kind.QUALITY: _Floor(0.01, 0.015),
    Kind.CALIBRATION: _Floor(0.01, 0.25),
    Kind.LABEL_RATE: _Floor(0.01, 0.20),
    Kind.LABEL_VOLUME: _Floor(0.10, 0.30),
}
SHARES = frozenset({"ratio", "share", "fraction", "psi", "probability", "auc", "accuracy"})  # values between 0 and 1


def floors_of(signal: Signal) -> tuple[float, float]:
    """Smallest departure that matters: (absolute in the signal's unit, relative to the expected level)."""
    floor = FLOORS.get(signal.kind)
    if floor is None:
        return 0.0, 0.0
    unit = signal.unit.strip().lower()
    if unit in SHARES:
        return floor.ratio, 0.0
    if unit in PERCENTS:
        return 100.0 * floor.ratio, 0.0
    if signal.counted:
        return 0.5, floor.relative
    return 0.0, floor.relative


# Distances of samples grow as the samples get small, every night; jobs take a host's time every hour. Such a series is
# far only where it is farther than it goes by itself.
BY_ITSELF = frozenset({Kind.FEATURE_DRIFT, Kind.PREDICTION_DRIFT, Kind.CPU, Kind.BACKLOG})
OWN_HIGH = 0.98  # centile of its own history
OWN_LEAST = 60  # samples, below which a history has no such centile


def own_floors(values: Floats, index: SeriesIndex, catalogue: Catalogue) -> dict[int, float]:
    """How far each series of those kinds goes by itself, by row, in its own unit above its median.

    values: (t, n) of history, one column a row of the index; NaN for no sample.
    """
    found = {}
    for row in range(values.shape[1]):
        signal = catalogue.signal.get(index[row].signal)
        if signal is None or signal.kind not in BY_ITSELF:
            continue
        known = values[np.isfinite(values[:, row]), row]
        if len(known) >= OWN_LEAST:
            found[row] = float(np.quantile(known, OWN_HIGH) - np.median(known))
    return found
