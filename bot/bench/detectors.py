"""What a tick of the detectors costs on this machine: time and memory a series, beside what else one might run.

Ratios are to something measured in the same run, for they travel better than times: the bank's tick to reading and
writing as many bytes, its replay to the same samples through simpler scores.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.bank import Guards, new_state, step

Floats = NDArray[np.float64]

START_S = 1_700_000_000.0
STEP_S = 60.0
DAY_STEPS = 1440
COLUMNS = 16  # of noise, used in turn: drawing it anew would take longer than the tick
WARM_UP_TICKS = 40  # every series is judged after 20; the rest fills caches
FEWEST_TICKS, MOST_TICKS = 5, 200
TICKS_FOR_S = 5.0  # of timed ticks a size
REPLAY_SERIES, REPLAY_FOR_S = 10_000, 5.0
WINDOW_SERIES, WINDOW_STEPS = 200, DAY_STEPS  # a day at a minute: what a robust daily baseline would look back on
RIVER_POINTS = 20_000
RIVER_FADING = 0.01


def measure(
    sizes: Sequence[int], *, replay_series: int = REPLAY_SERIES, river_points: int = RIVER_POINTS
) -> dict[str, Any]:
    """Measure every size, then the replay; the object that `faultline bench detectors` prints."""
    return {
        "machine": {
            "cpus": os.cpu_count(),
            "architecture": platform.machine(),
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
        "ticks": [tick(size) for size in sizes],
        "replay": replay(replay_series, river_points=river_points),
    }


class _Noise:
    """Seeded columns as monitoring has them: levels of every size, a day, noise with memory, now and then a jump."""

    def __init__(self, series: int) -> None:
        rng = np.random.default_rng(0)
        self._level = rng.lognormal(3.0, 2.0, series)
        self._size = self._level * rng.uniform(0.02, 0.2, series)
        self._phase = rng.uniform(0.0, 2.0 * np.pi, series)
        self._drawn = rng.standard_normal((COLUMNS, series))
        self._drawn[rng.random((COLUMNS, series)) < 0.001] *= 8.0
        self._memory = np.zeros(series)

    def column(self, tick_number: int) -> Floats:
        """(n,) values of one tick; ticks are asked for in order."""
        self._memory = 0.5 * self._memory + self._drawn[tick_number % COLUMNS] * (1.0 + 0.1 * (tick_number % 7))
        season = np.sin(2.0 * np.pi * tick_number / DAY_STEPS + self._phase)
        column: Floats = self._level + self._size * (season + self._memory)
        return column


def tick(series: int) -> dict[str, Any]:
    """Time `step` for one size. `hot` is what a tick touches, `all` what it keeps, both in bytes a series."""
    noise, guards, bank = _Noise(series), Guards.neutral(series), new_state(series, step_s=STEP_S)
    number = 0
    taken: list[float] = []
    until = 0.0
    while len(taken) < FEWEST_TICKS or (len(taken) < MOST_TICKS and time.perf_counter() < until):
        values = noise.column(number)
        began = time.perf_counter()
        bank, seen = step(bank, time_s=START_S + number * STEP_S, values=values, guards=guards)
        number += 1
        if number > WARM_UP_TICKS:
            taken.append(time.perf_counter() - began)
        elif number == WARM_UP_TICKS:
            until = time.perf_counter() + TICKS_FOR_S
    hot, whole = bank.hot_bytes, bank.all_bytes
    del bank
    best, add = min(taken), _add_s(hot * series)
    return {
        "series": series,
        "ticks_timed": len(taken),
        "share_in_an_episode": _short(float(seen.active.mean())),  # a tick without any may be cheaper
        "tick_ms": {
            "median": _short(statistics.median(taken) * 1e3),
            "mean": _short(statistics.fmean(taken) * 1e3),  # every fifth tick of a part is a lesson
            "best": _short(best * 1e3),
            "worst": _short(max(taken) * 1e3),
        },
        "ns_a_series": _short(statistics.fmean(taken) / series * 1e9),
        "bytes_a_series": {"hot": hot, "all": whole},
        "numpy_add_over_hot_bytes_ms": _short(add * 1e3),
        "ratio_to_numpy_add": {
            "median": _short(statistics.median(taken) / add),
            "mean": _short(statistics.fmean(taken) / add),
            "best": _short(best / add),
        },
    }


def _add_s(size: int) -> float:
    """Seconds of the cheapest thing that reads and writes `size` bytes once: numpy's addition in place."""
    numbers = np.zeros(max(1, size // 8))
    return _best(lambda: np.add(numbers, 1.0, out=numbers), times=7)


def replay(series: int, *, river_points: int = RIVER_POINTS) -> dict[str, Any]:
    """Time columns in a row, as a recording is replayed: as much of a day at a minute as fits a few seconds."""
    noise, guards, bank = _Noise(series), Guards.neutral(series), new_state(series, step_s=STEP_S)
    ticks, spent = 0, 0.0
    while ticks < DAY_STEPS and spent < REPLAY_FOR_S:
        values = noise.column(ticks)
        began = time.perf_counter()
        bank, _ = step(bank, time_s=START_S + ticks * STEP_S, values=values, guards=guards)
        spent += time.perf_counter() - began
        ticks += 1
    ours = series * ticks / spent
    return {
        "series": series,
        "ticks": ticks,
        "points_a_second": _short(ours),
        "river_ew_z": river_z(ours, river_points),
        "numpy_rolling_median_mad": rolling(ours),
    }


def rolling(ours: float) -> dict[str, Any]:
    """Compare with a robust z-score whose median and MAD are taken anew over a day's window at every tick."""
    window = np.random.default_rng(1).standard_normal((WINDOW_STEPS, WINDOW_SERIES))

    def one_tick() -> Floats:
        middle = np.median(window, axis=0)
        z: Floats = (window[-1] - middle) / np.median(np.abs(window - middle), axis=0)
        return z

    theirs = WINDOW_SERIES / _best(one_tick, times=3)
    return {"window": WINDOW_STEPS, "points_a_second": _short(theirs), "ratio": _short(ours / theirs)}


def river_z(ours: float, points: int) -> dict[str, Any]:
    """Compare with river's exponentially weighted z-score, one series at a time, where river is installed."""
    if importlib.util.find_spec("river") is None:
        return {"points_a_second": None, "ratio": None, "because": "river is not installed"}
    stats: Any = importlib.import_module("river.stats")
    values = np.random.default_rng(2).standard_normal(points).tolist()

    def all_points() -> float:
        mean, variance = stats.EWMean(fading_factor=RIVER_FADING), stats.EWVar(fading_factor=RIVER_FADING)
        widest = 0.0
        for value in values:
            spread = variance.get() if widest else 0.0
            z = (value - mean.get()) / spread**0.5 if spread else 0.0
            widest = max(widest, abs(z), 1e-9)
            mean.update(value)
            variance.update(value)
        return widest

    theirs = points / _best(all_points, times=3)
    return {
        "version": importlib.metadata.version("river"),
        "points_a_second": _short(theirs),
        "ratio": _short(ours / theirs),
    }


def _best(run: Callable[[], object], *, times: int) -> float:
    """Seconds of the fastest of a few runs: others use the machine too."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        taken.append(time.perf_counter() - began)
    return min(taken)


def _short(number: float) -> float:
    """Four figures: more would be noise."""
    return float(f"{number:.4g}")
