"""Judge: from samples to findings. The arithmetic is in `detectors`; here the catalogue gives it meaning."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bot.clock import from_epoch
from bot.domain.catalogue import PERCENTS, USED, Catalogue, Kind, Signal, Worse
from bot.domain.finding import Course, Direction, Evidence, Finding, FindingKind, Fingerprint, Shape, fingerprint_of
from bot.domain.series import BlindSpot, Floats, SeriesIndex, SeriesKey
from bot.pipeline.floors import floors_of
from bot.pipeline.silence import lost
from detectors.bank import Guards, Judgements
from detectors.bank import Kind as Departure
from detectors.closer import Look
from detectors.closer import Shape as LookShape
from detectors.discover import BUDGET

BLIND_SIGNAL = "telemetry"  # the signal name under which our own blindness is filed
BLIND_PATIENCE = 3  # ticks; a source that misses one or two scrapes is not news
HORIZON_S = 3 * 86_400.0  # farther ahead a line through half an hour of samples foretells nothing


FILLS = frozenset({Kind.CPU, Kind.MEMORY, Kind.DISK, Kind.BACKLOG})  # what is used up when it reaches its limit


def limit_of(signal: Signal, direction: Direction) -> float:
    """What a signal that runs this way cannot pass, in its unit; NaN for nothing that we know.

    Use ends at the whole, what is left ends at zero: a signal of those kinds that is worse down says what is left.

    >>> limit_of(Signal(name="disk", kind=Kind.DISK, unit="percent", worse=Worse.UP), Direction.UP)
    100.0
    >>> limit_of(Signal(name="disk_free", kind=Kind.DISK, unit="bytes", worse=Worse.DOWN), Direction.DOWN)
    0.0
    """
    if signal.kind not in FILLS:
        return float("nan")
    if signal.worse is Worse.DOWN:
        return 0.0 if direction is Direction.DOWN else float("nan")
    unit = signal.unit.strip().lower()
    if direction is not Direction.UP or unit not in USED | PERCENTS:
        return float("nan")
    return 1.0 if unit in USED else 100.0


DIRECTIONS = {Worse.UP: 1, Worse.DOWN: -1, Worse.BOTH: 0}


def guards_for(
    index: SeriesIndex, catalogue: Catalogue, *, budget: float = BUDGET, own: Mapping[int, float] | None = None
) -> Guards:
    """One row a series, in the order of the index; unknown signals are judged neutrally.

    budget: false episodes a day that all series together may cost.
    own: by row, how far a series goes by itself, as `own_floors` finds.
    """
    directions, absolute, relative = [], [], []
    for row, key in enumerate(index):
        signal = catalogue.signal.get(key.signal)
        low, share = floors_of(signal) if signal else (0.0, 0.2)
        directions.append(DIRECTIONS[signal.harm] if signal else 0)
        absolute.append(max(low, (own or {}).get(row, 0.0)))
        relative.append(share)
    return Guards(
        direction=np.asarray(directions, dtype=np.int8),
        floor_abs=np.asarray(absolute, dtype=np.float64),
        floor_rel=np.asarray(relative, dtype=np.float64),
        budget=budget,
    )


KINDS = {
    Departure.LEVEL: FindingKind.LEVEL,
    Departure.SHIFT: FindingKind.SHIFT,
    Departure.NOVEL: FindingKind.NOVEL,
    Departure.SPREAD: FindingKind.SPREAD,
}
SHAPES = {
    LookShape.STEP: Shape.STEP,
    LookShape.RAMP: Shape.RAMP,
    LookShape.SPIKE: Shape.SPIKE,
    LookShape.SPREAD: Shape.SPREAD,
}
Closer = Callable[[NDArray[np.intp], Floats], Look]  # looks closer at rows (k,), given their limits (k,)


def findings_of(
    judgements: Judgements,
    index: SeriesIndex,
    catalogue: Catalogue,
    *,
    now: datetime,
    known: Mapping[Fingerprint, Finding],
    blind_signals: Collection[str],
    closer: Closer | None = None,
) -> tuple[Finding, ...]:
    """Every series that is anomalous now, as a finding; loops over those only.

    known: findings already seen, so that `detected` and an onset once estimated stay what they were.
    blind_signals: signals whose source cannot be read; their silence is the source's finding, not theirs.
    closer: the second look, at the flagged series only; None: findings come without their course.
    """
    found = []
    silent = lost(judgements.gap, judgements.missing_s, index, step_s=catalogue.step_s)
    looked, place = _looked(judgements, index, catalogue, closer)
    for row in np.flatnonzero(judgements.active | judgements.gap):
        key = index[int(row)]
        signal = catalogue.signal.get(key.signal)
        gap = bool(judgements.gap[row])
        if signal is None or signal.kind is Kind.VERSION:
            continue  # a new version is a change, not an anomaly
        if gap and judgements.active[row]:  # silence is no recovery: what was off stays so until it is seen well
            before = known.get(fingerprint_of(key, gap=False))
            if before is not None:
                found.append(before)
        if gap and (key.signal in blind_signals or int(row) not in silent):
            continue
        one = _finding(judgements, int(row), key, signal, now=now, known=known, step_s=catalogue.step_s)
        if gap and not silent[int(row)]:
            one = replace(one, worse=False)
        if looked is not None and int(row) in place:
            course = _course(looked, place[int(row)], one, known.get(one.fingerprint), now=now)
            one = replace(one, evidence=replace(one.evidence, course=course))
        found.append(one)
    return tuple(found)


def _looked(
    judgements: Judgements, index: SeriesIndex, catalogue: Catalogue, closer: Closer | None
) -> tuple[Look | None, Mapping[int, int]]:
    """Look closer at what is off and not silent; tells which row of the bank has which row of the look."""
    rows = np.flatnonzero(judgements.active & ~judgements.gap)
    if closer is None or not len(rows):
        return None, {}
    limits = np.full(len(rows), np.nan)
    for number, row in enumerate(rows):
        signal = catalogue.signal.get(index[int(row)].signal)
        if signal is not None:
            limits[number] = limit_of(signal, _direction(judgements, int(row)))
    return closer(rows, limits), {int(row): number for number, row in enumerate(rows)}


def _course(look: Look, place: int, finding: Finding, before: Finding | None, *, now: datetime) -> Course | None:
    """What the look says of one finding. The onset stays what it was; its interval holds it, and only narrows."""
    if not np.isfinite(look.onset_s[place]):
        return None
    old = before.evidence.course if before is not None else None
    earliest, latest = (old.earliest, old.latest) if old is not None else (None, None)
    begun = from_epoch(float(look.earliest_s[place]))
    ended = min(now, max(finding.onset, from_epoch(float(look.latest_s[place]))))
    narrower = earliest is None or latest is None or ended - begun < latest - earliest
    if begun <= finding.onset and narrower:  # else it began before all that the look saw
        earliest, latest = begun, ended
    pace, ahead_s, alike_s = (float(part[place]) for part in (look.pace, look.until_limit_s, look.resembles_s))
    return Course(
        at=now,
        shape=SHAPES[LookShape(int(look.shape[place]))],
        earliest=earliest,
        latest=latest,
        pace=pace if np.isfinite(pace) else None,
        limit_at=now + timedelta(seconds=round(ahead_s)) if ahead_s <= HORIZON_S else None,
        alike=from_epoch(alike_s) if np.isfinite(alike_s) else None,
    )


def _direction(judgements: Judgements, row: int) -> Direction:
    return Direction.UP if judgements.direction[row] > 0 else Direction.DOWN


def _finding(
    judgements: Judgements,
    row: int,
    key: SeriesKey,
    signal: Signal,
    *,
    now: datetime,
    known: Mapping[Fingerprint, Finding],
    step_s: float,
) -> Finding:
    gap = bool(judgements.gap[row])
    before = known.get(fingerprint_of(key, gap=gap))
    if gap:
        silent_s = float(judgements.missing_s[row])
        onset = now - timedelta(seconds=silent_s if np.isfinite(silent_s) else 0.0)
        direction, kind = Direction.NONE, FindingKind.GAP
    else:
        onset_s = float(judgements.onset_s[row])
        onset = from_epoch(onset_s) if np.isfinite(onset_s) else now
        direction = _direction(judgements, row)
        kind = KINDS.get(Departure(int(judgements.kind[row])), FindingKind.LEVEL)
    worse = signal.harm is Worse.BOTH or (signal.harm is Worse.UP) == (direction is Direction.UP)
    return Finding(
        key=key,
        kind=kind,
        direction=direction,
        worse=worse or gap,
        onset=before.onset if before else min(onset, now),
        detected=before.detected if before else now,
        evidence=Evidence(
            observed=float("nan") if gap else float(judgements.observed[row]),
            expected=float(judgements.expected[row]),
            scale=float(judgements.scale[row]),
            z=0.0 if gap else _finite(judgements.z[row]),
            peak_z=0.0 if gap else _finite(judgements.peak[row]),
            unit=signal.unit,
            window_s=max(step_s, (now - (before.onset if before else onset)).total_seconds()),
        ),
    )


def _finite(value: float) -> float:
    """A flat baseline makes any departure infinitely surprising; people and weights need a number."""
    return float(np.clip(np.nan_to_num(value, nan=0.0, posinf=99.0, neginf=-99.0), -99.0, 99.0))


def blind_findings(
    blind: Sequence[BlindSpot],
    since: Mapping[str, datetime],
    *,
    now: datetime,
    step_s: float,
    known: Mapping[Fingerprint, Finding],
) -> tuple[Finding, ...]:
    """One finding a source that has been silent for a few ticks, whatever number of signals it would have brought."""
    found = []
    for source in sorted({spot.source for spot in blind}):
        spots = [spot for spot in blind if spot.source == source]
        began = since.get(source, now)
        key = SeriesKey(BLIND_SIGNAL, source)
        if (now - began).total_seconds() < (BLIND_PATIENCE - 1) * step_s:
            continue
        before = known.get(fingerprint_of(key, gap=True))
        found.append(
            Finding(
                key=key,
                kind=FindingKind.BLIND,
                direction=Direction.NONE,
                worse=True,
                onset=began,
                detected=before.detected if before else now,
                evidence=Evidence(
                    observed=float("nan"),
                    expected=float("nan"),
                    scale=float("nan"),
                    z=0.0,
                    peak_z=0.0,
                    unit="",
                    window_s=max(step_s, (now - began).total_seconds()),
                ),
                because=_because(spots),
            )
        )
    return tuple(found)


def _because(spots: Sequence[BlindSpot]) -> str:
    reasons = sorted({spot.because for spot in spots})
    signals = sorted({signal for spot in spots for signal in spot.signals})
    missing = f" (no data for {len(signals)} signals)" if signals else ""
    return f"{'; '.join(reasons[:3])}{missing}"
