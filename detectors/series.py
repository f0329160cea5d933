"""One series by itself, from its first row to its last: the bank for whoever has a file and no stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.bank import Guards, Kind, new_state, step
from detectors.novelty import SPEAKS_DAYS, SPEAKS_ROWS
from detectors.season import DAY_S

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

CADENCE_STEPS = 9  # odd, so that the median is a step of the file; fewer rows than the bank learns from anyway


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSeries:
    """One opinion a row; every array is (t,). A row's opinion rests on that row and on those before it."""

    score: Floats  # 0..1, how bad the row looks; 0 while not judged, never NaN
    alert: Flags  # an episode opens with this row
    late: Flags  # not later than a row before it: it has no place in time and was not looked at


def judge(times_s: Floats, values: Floats) -> JudgedSeries:
    """Run one series through a bank of its own, causally.

    times_s: (t,) seconds since 1970, finite. A row that is not later than every row before it is late: its score
             is 0, and nothing is learnt from it.
    values:  (t,) in the series' unit; NaN, infinite or beyond the bank's LARGEST means no sample.
    Returns  score, alert and late, each (t,).
    Raises   ValueError when lengths disagree or a time is not finite.

    The cadence is not given, and a file's own median would be a look ahead: the first rows wait until
    CADENCE_STEPS steps are known, whose median is the cadence from then on. Rows that waited are learnt from, not
    judged. A series with fewer rows is never judged.

    The score is the novelty of a row, which is told once and then known. In the first SPEAKS_DAYS and SPEAKS_ROWS,
    when next to nothing is known, it is the severity of the present departure, and an alert is an episode of the k-of-n
    rule or of the sums; later those serve people who name a direction and a floor, which a bare file cannot.

    >>> times_s = np.arange(60) * 60.0
    >>> values = np.where(np.arange(60) < 55, 10.0 + np.arange(60) % 3, 50.0)
    >>> judged = judge(times_s, values)
    >>> 55 <= int(np.flatnonzero(judged.alert)[0]) < 60, bool(judged.score[:9].any())
    (True, False)
    """
    if times_s.shape != values.shape or times_s.ndim != 1:
        raise ValueError(f"times of shape {times_s.shape} and values of shape {values.shape}: expected one of each")
    if not np.isfinite(times_s).all():
        raise ValueError("a time is not finite: expected seconds since 1970")
    score, alert = np.zeros(len(times_s)), np.zeros(len(times_s), dtype=np.bool_)
    late = _late(times_s)
    rows = np.flatnonzero(~late)
    if len(rows) <= CADENCE_STEPS:
        return JudgedSeries(score=score, alert=alert, late=late)
    step_s = float(np.median(np.diff(times_s[rows[: CADENCE_STEPS + 1]])))
    bank, guards = new_state(1, step_s=step_s), Guards.neutral(1)
    columns = values.reshape(-1, 1)
    for place, row in enumerate(rows.tolist()):
        bank, seen = step(bank, time_s=float(times_s[row]), values=columns[row], guards=guards)
        if place < CADENCE_STEPS:
            continue
        score[row], alert[row] = seen.novelty[0], seen.novel[0]
        young = place < SPEAKS_ROWS or times_s[row] - times_s[rows[0]] < SPEAKS_DAYS * DAY_S
        if young:  # the memory cannot speak yet: what is plain must do
            score[row] = max(score[row], float(np.nan_to_num(seen.score[0])))
            alert[row] |= seen.opened[0] and seen.kind[0] in (Kind.LEVEL, Kind.SHIFT)
    return JudgedSeries(score=score, alert=alert, late=late)


def _late(times_s: Floats) -> Flags:
    """(t,) rows that are not later than every row before them."""
    late = np.zeros(len(times_s), dtype=np.bool_)
    late[1:] = times_s[1:] <= np.maximum.accumulate(times_s)[:-1]
    return late
