"""What the model answers: scores that are spread differently, and answers given more or less often than before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.domain.model_quality import NotJudged, QualityFinding, QualityPath
from bot.domain.prediction_log import ColumnKind
from bot.pipeline.quality.columns import Column, Drift, drift_of, largest
from bot.pipeline.quality.rules import DISTANCE, ENOUGH, FAR, RARE_RANK, SURE
from bot.pipeline.quality.words import percent


def prediction_drift(
    columns: Sequence[Column], *, least: float = DISTANCE
) -> tuple[list[QualityFinding], list[NotJudged], float]:
    """Judge the score and the answers; each pages when it moved surely, far, and farther than it does by itself.

    least: excess PSI that calls somebody. Also returns the largest one, NaN when nothing could be measured.
    """
    enough = [column for column in columns if column.now.known >= ENOUGH]
    said = [
        NotJudged(
            path=QualityPath.PREDICTION_DRIFT,
            about=column.name,
            because=f"{column.now.known:,} predictions, fewer than {ENOUGH}",
        )
        for column in columns
        if column.now.known < ENOUGH
    ]
    if not enough:
        return [], said, float("nan")
    drift = drift_of(enough)
    certain = np.nan_to_num(drift.p, nan=1.0) < SURE / len(enough)
    places = np.flatnonzero(certain & (drift.excess >= least) & drift.unusual)
    return [_moved(enough[place], drift, int(place), least=least) for place in places], said, largest(drift.excess)


def _moved(column: Column, drift: Drift, place: int, *, least: float) -> QualityFinding:
    excess = float(drift.excess[place])
    unusual = (
        f"rank in its own history <= {RARE_RANK}" if np.isfinite(drift.rank[place]) else f"{FAR:g} sigma of its history"
    )
    return QualityFinding(
        path=QualityPath.PREDICTION_DRIFT,
        page=True,
        what=f"{column.name}: {_words(column)} (PSI {excess:.2f} beyond chance)",
        about=column.name,
        statistic="psi",
        value=excess,
        expected=0.0,
        scale=DISTANCE / 3.0,
        p=float(drift.p[place]),
        worse=True,
        n=column.now.known,
        rule=f"excess PSI >= {least}, chance < {SURE:g}, and {unusual}",
    )


def _words(column: Column) -> str:
    """Which part of the answers grew most, in words."""
    now = column.now.bins / max(column.now.known, 1)
    usual = column.usual.bins / max(column.usual.known, 1)
    if column.grid.kind is ColumnKind.CATEGORICAL:
        most = int(np.argmax(np.abs(now - usual)))
        name = column.grid.categories[most] if most < len(column.grid.categories) else "other answers"
        return f"{name} is answered in {percent(float(now[most]))} of cases, usually in {percent(float(usual[most]))}"
    below, was = np.cumsum(now)[:-1], np.cumsum(usual)[:-1]
    cut = int(np.argmax(np.abs(below - was)))
    edge = column.grid.edges[cut]
    return f"{percent(float(below[cut]))} lie below {edge:g}, usually {percent(float(was[cut]))}"
