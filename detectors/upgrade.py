"""Snapshots of earlier versions, brought up to date as far as they go; what they did not know is learnt anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]

SEASON = 2  # third row of version 1's three predictors


def from_first(
    arrays: Arrays, fresh: Callable[[int], dict[str, NDArray[Any]]], rows: Mapping[str, int]
) -> dict[str, NDArray[Any]]:
    """Version 1, 64-bit arrays a field with three predictors each: levels, spreads, profiles and habits survive.

    fresh: memory of n series never seen. rows: names of the hot matrix.
    Returns the arrays of the next version, as far as they are its own. Raises KeyError for one that lacks a field.
    Sums, open episodes and the samples under confirmation are dropped: they are worth five samples.
    """
    n = int(np.shape(arrays["seen"])[-1])
    made = fresh(n)
    known = np.isfinite(arrays["level"][1])
    origin = np.where(known, arrays["level"][1], np.nan)
    made["origin"][:] = origin
    hot = made["hot"]
    seen = np.asarray(arrays["seen"], np.float64)
    used = np.where(arrays["seasonal"], SEASON, 1)
    each = np.arange(n)
    for name, value in (
        ("fast", arrays["level"][0] - origin),
        ("slow", np.zeros(n)),
        ("offset", arrays["level"][SEASON]),
        ("up", arrays["up"][used, each]),
        ("down", arrays["down"][used, each]),
        ("up_count", arrays["up_count"][used, each]),
        ("down_count", arrays["down_count"][used, each]),
        ("wander", arrays["wander"][used, each] * np.float64(59.0 / 55.0)),
        ("slow_error", np.sqrt(arrays["contest"][0]) / 1.2533),
        ("season_error", np.sqrt(arrays["contest"][1]) / 1.2533),
        ("seen", np.where(known, np.maximum(seen, 5.0), 0.0)),
    ):
        hot[rows[name]] = np.nan_to_num(np.where(known, value, 0.0))
    visited = np.asarray(arrays["profile_count"]) > 0
    made["profile"][:] = np.where(visited & known, arrays["profile"] - np.nan_to_num(origin), 0.0)
    made["spread"][:] = np.where(visited & known, arrays["spread"], 0.0)
    made["visits"][:] = np.minimum(np.ceil(np.asarray(arrays["profile_count"]) / 5.0), 250).astype(np.uint8)
    made["seasonal"][:] = arrays["seasonal"]
    for name in ("born_s", "last_s", "interval_s", "longest_s", "chatter"):
        made[name][:] = arrays[name]
    made["lesson_s"][:] = arrays["last_s"]
    made["record"][:] = np.max(arrays["record"], axis=0)
    last_s = np.asarray(arrays["last_s"], np.float64)
    latest_s = float(np.nanmax(last_s)) if n and np.isfinite(last_s).any() else float("nan")
    made["present"][:] = last_s == latest_s
    return {"step_s": np.asarray(arrays["step_s"]), "clock": np.array([latest_s, np.nan]), **made}
