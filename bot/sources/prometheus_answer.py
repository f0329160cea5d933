"""Reads the answers of Prometheus' query API into arrays; decides what is a flaw and what is nonsense."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.domain.series import Floats

Metric = Mapping[str, str]  # a label set, `__name__` included


class NotUnderstoodError(Exception):
    """The answer does not have the form of Prometheus' API; the message says where."""


@dataclass(frozen=True, slots=True)
class Answer:
    metrics: Sequence[Metric]  # k label sets
    values: Floats  # (k,) at one moment, (t, k) over a range; NaN means no sample
    flaw: str = ""  # warned, partial: what is there counts, what is missing is unknown


def instant(told: Any) -> Answer:
    """Read a vector or a scalar. Raises NotUnderstoodError."""
    kind, result, flaw = envelope(told)
    try:
        if kind == "scalar":
            return Answer(({},), finite(np.array([float(result[1])])), flaw)
        if kind != "vector":
            raise NotUnderstoodError(f"the query answers a {kind!r}; it must answer an instant vector or a scalar")
        metrics = [one["metric"] for one in result]
        values = np.fromiter((float(one["value"][1]) for one in result), np.float64, count=len(result))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise _nonsense(result) from error
    _label_sets(metrics)
    return Answer(metrics, finite(values), flaw)


def matrix(told: Any, times_s: Floats, step_s: float) -> Answer:
    """Read a matrix onto the grid `times_s`, whatever the order of its points. Raises NotUnderstoodError.

    Points beside the grid are dropped; of two at one place the later in the answer wins.
    """
    kind, result, flaw = envelope(told)
    if kind != "matrix":
        raise NotUnderstoodError(f"a range query answered a {kind!r} instead of a matrix")
    try:
        metrics = [one["metric"] for one in result]
        values = np.full((len(times_s), len(result)), np.nan)
        for place, one in enumerate(result):
            points = one["values"]
            at = np.fromiter((point[0] for point in points), np.float64, count=len(points))
            seen = np.fromiter((float(point[1]) for point in points), np.float64, count=len(points))
            slot = np.rint((at - times_s[0]) / step_s)
            fits = (slot >= 0) & (slot < len(times_s)) & (np.abs(at - times_s[0] - slot * step_s) < step_s / 4)
            values[slot[fits].astype(np.int64), place] = seen[fits]
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise _nonsense(result) from error
    _label_sets(metrics)
    return Answer(metrics, finite(values), flaw)


def envelope(told: Any) -> tuple[str, Any, str]:
    """Take the envelope off: kind, result, and what the server says is wrong with it. Raises NotUnderstoodError."""
    data = told.get("data") if isinstance(told, Mapping) else None
    if not isinstance(data, Mapping) or told.get("status") != "success" or not isinstance(data.get("result"), list):
        raise NotUnderstoodError("the answer is not one of Prometheus' API: is the address right?")
    flaw = ""
    warnings = told.get("warnings")
    if warnings:  # `infos` are advice about the query and say nothing about completeness
        first = warnings[0] if isinstance(warnings, list) else warnings
        flaw = f"the answer may be incomplete: {' '.join(str(first).split())[:200]}"
    elif told.get("isPartial") or data.get("isPartial"):  # VictoriaMetrics, when a storage node is away
        flaw = "the answer is partial: a part of the storage could not be read"
    return str(data.get("resultType")), data["result"], flaw


def finite(values: Floats) -> Floats:
    """Turn infinities into missing: a division by nothing measured nothing."""
    values[~np.isfinite(values)] = np.nan
    return values


def _label_sets(metrics: Sequence[Any]) -> None:
    if not all(isinstance(metric, dict) for metric in metrics):
        raise NotUnderstoodError("the answer holds a series without a label set")


def _nonsense(result: Any) -> NotUnderstoodError:
    if isinstance(result, list) and any(
        isinstance(one, Mapping) and ("histogram" in one or "histograms" in one) for one in result
    ):
        return NotUnderstoodError("the query answers native histograms; reduce them, as with histogram_quantile()")
    return NotUnderstoodError("the answer holds a sample that cannot be read")
