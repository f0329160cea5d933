"""How far the shape of a histogram is from that of its version's first windows: a number a window.

References live in memory. They are frozen once full, one a series, version and layout of buckets, so that a version
that comes back is compared with its own again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bot.domain.labels import labels_of
from bot.domain.series import Floats, SeriesKey
from bot.sources.prometheus_answer import Metric
from detectors.psi import psi

MIN_ROWS = 200  # of a window; below, the index is mostly chance, and `increase` extrapolates
MAX_SHAPES = 5_000  # references of one query; some hundred bytes each

Layout = tuple[float, ...]  # upper bounds, the last one infinite


@dataclass(slots=True)
class _Reference:
    windows: int
    counts: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeRule:
    """How the series of an answer are read.

    reference: windows that make a version's reference.
    """

    signal: str
    entity_labels: tuple[str, ...]
    version_label: str | None = None
    reference: int = 24


@dataclass(slots=True)
class _Told:
    rows: float
    excess: float | None


@dataclass(slots=True)
class Shapes:
    """Takes windows in, oldest first."""

    rule: ShapeRule
    flaw: str = ""  # why the newest windows may not be all
    _references: dict[tuple[SeriesKey, str, Layout], _Reference] = field(default_factory=dict)

    def take(self, metrics: Sequence[Metric], values: Floats, *, learn: bool = True) -> list[dict[SeriesKey, float]]:
        """Compare windows with their references.

        metrics: k label sets, `le` among them.
        values:  (t, k) increases of cumulative buckets, a row a window; NaN means no sample.
        learn:   whether windows may become part of a reference; not where the answer says that something is missing.
        Returns  the excess of each series, a dict a window; series that are still learnt are left out. Where several
                 versions serve, the one with the most rows speaks.
        """
        self.flaw = ""
        told: list[dict[SeriesKey, _Told]] = [{} for _ in range(len(values))]
        for (key, version), buckets in self._groups(metrics).items():
            bounds = sorted(buckets)
            if not bounds or not np.isposinf(bounds[-1]):
                self.flaw = f"{key}: no bucket le=+Inf: keep `le` in the query, as in sum by (le, ...) (...)"
                continue
            columns = np.column_stack([_sum(values[:, buckets[bound]]) for bound in bounds])
            for window, cumulative in enumerate(columns):
                there = np.isfinite(cumulative)
                if not there[-1]:
                    continue
                counts = np.rint(np.maximum(np.diff(cumulative[there], prepend=0.0), 0.0))
                if counts.sum() < MIN_ROWS:
                    continue
                layout = tuple(bound for bound, is_there in zip(bounds, there.tolist(), strict=True) if is_there)
                found = _Told(float(counts.sum()), self._excess(key, version, layout, counts, learn=learn))
                if key not in told[window] or told[window][key].rows < found.rows:
                    told[window][key] = found
        return [{key: one.excess for key, one in window.items() if one.excess is not None} for window in told]

    def _groups(self, metrics: Sequence[Metric]) -> dict[tuple[SeriesKey, str], dict[float, list[int]]]:
        """Put the buckets of each series and version together: places in the answer, by upper bound."""
        groups: dict[tuple[SeriesKey, str], dict[float, list[int]]] = {}
        for place, metric in enumerate(metrics):
            absent = next((name for name in ("le", *self.rule.entity_labels) if name not in metric), None)
            if absent is not None:
                self.flaw = f"a series has no label {absent!r}: keep it in the query, as in sum by (le, ...) (...)"
                continue
            try:
                bound = float(metric["le"])
            except ValueError:
                bound = np.nan
            if np.isnan(bound):
                self.flaw = "a series has a label `le` that is no number"
                continue
            own = {*self.rule.entity_labels, "le", "__name__", self.rule.version_label}
            key = SeriesKey(
                self.rule.signal,
                "/".join(metric[name] for name in self.rule.entity_labels),
                labels_of((name, value) for name, value in metric.items() if name not in own),
            )
            version = metric.get(self.rule.version_label, "") if self.rule.version_label else ""
            groups.setdefault((key, version), {}).setdefault(bound, []).append(place)
        return groups

    def _excess(self, key: SeriesKey, version: str, layout: Layout, counts: Floats, *, learn: bool) -> float | None:
        """Compare with the reference; None while it is not full, and where there is nothing to compare."""
        found = self._references.get((key, version, layout))
        if found is not None and found.windows >= self.rule.reference:
            excess = float(psi(found.counts[None], counts[None]).excess[0])
            return excess if np.isfinite(excess) else None
        if not learn:
            return None
        if found is None:
            if len(self._references) >= MAX_SHAPES:
                self.flaw = f"more than {MAX_SHAPES:,} series, versions and layouts of buckets; the rest is left out"
                return None
            found = self._references[key, version, layout] = _Reference(0, np.zeros(len(layout)))
        found.windows += 1
        found.counts = found.counts + counts
        return None


def _sum(values: Floats) -> Floats:
    """Add up columns (t, c) that are the same bucket written differently, as 1 and 1.0; NaN where none has a sample."""
    added: Floats = np.where(np.isfinite(values).any(axis=1), np.nansum(values, axis=1), np.nan)
    return added
