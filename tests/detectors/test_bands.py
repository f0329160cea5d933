"""Delays and false alarms on the generator, as bands: wide, on few seeds, to see that nothing broke; figures are elsewhere.

Figures come from `tests/benchmarks/delays.py` and `false_alarms.py`, with more streams and seeds that nobody looked at.
"""

import numpy as np
import pytest

from detectors.bank import Guards, Kind
from tests.detectors.generator import NOISES, generate
from tests.detectors.streams import Record, feed

STEP_S = 60.0  # that of `feed`
DAY = 1_440
LEARNT, LIVE = 2 * DAY, 400
AT = LEARNT + 150
SERIES = 12  # a noise
SEED = 11

CHANGES = [
    # change, size, rows until half of the series are told, share told in the end
    pytest.param("step", 6.0, (3, 12), 0.95, id="step of 6"),
    pytest.param("step", -6.0, (3, 12), 0.95, id="step of 6 down"),
    pytest.param("step", 12.0, (2, 5), 0.95, id="step of 12"),
    pytest.param("step", 3.0, (4, 40), 0.8, id="step of 3"),
    pytest.param("ramp", 12.0, (10, 90), 0.9, id="ramp of 12 an hour"),
    pytest.param("spread", 8.0, (3, 60), 0.7, id="spread times 8"),
]


def run(change: str = "none", size: float = 0.0, *, rows: int = LEARNT + LIVE, seed: int = SEED) -> Record:
    """All noises in one bank, every one with the same change."""
    drawn = [
        generate(seed, noise=noise, change=change, size=size, onset=AT, rows=rows, series=SERIES, step_s=STEP_S)
        for noise in NOISES
    ]
    values = np.hstack([one.values for one in drawn])
    counter = np.full(values.shape[1], drawn[0].counter)
    plain = Guards.neutral(len(counter))
    guards = Guards(direction=plain.direction, floor_abs=plain.floor_abs, floor_rel=plain.floor_rel, counter=counter)
    return feed(values, learnt=LEARNT, guards=guards)


def told_after(flags: np.ndarray) -> np.ndarray:
    """Rows from the onset, which is row 1, to the first flag; NaN for none."""
    live = flags[AT - LEARNT :]
    return np.where(live.any(axis=0), live.argmax(axis=0) + 1.0, np.nan)


@pytest.mark.parametrize(("change", "size", "band", "share"), CHANGES)
def test_a_change_is_told_within_its_band(change, size, band, share):
    delays = told_after(run(change, size).opened)

    told = np.isfinite(delays)
    assert told.mean() >= share
    assert band[0] <= np.median(delays[told]) <= band[1]


def test_a_change_is_not_told_before_it_happens():
    record = run("step", 6.0)

    assert not record.opened[: AT - LEARNT].any()
    assert (record.onset[-1][record.active[-1]] >= AT - LEARNT - 20).all()


@pytest.mark.parametrize("size", [20.0, -20.0])
def test_a_single_spike_is_told_of_few_series_and_soon_forgotten(size):
    record = run("spike", size)

    assert record.opened.any(axis=0).mean() <= 0.25
    assert not record.active[-1].any()


def test_what_falls_silent_is_a_gap_and_never_a_departure():
    record = run("missing")

    delays = told_after(record.gap)
    assert ((delays >= 3) & (delays <= 6)).all()
    assert (record.kind[-1] == Kind.GAP).all()
    assert not record.opened.any()


def test_a_counter_that_begins_anew_departs_from_nothing():
    record = run("counter reset")

    assert not record.opened.any()


def test_a_morning_that_comes_six_hours_late_is_told():
    drawn = generate(
        SEED,
        noise="daily season",
        change="season shifted",
        size=6.0,
        onset=AT,
        rows=LEARNT + DAY,
        series=SERIES,
        step_s=STEP_S,
    )

    record = feed(drawn.values, learnt=LEARNT)

    assert record.opened.any(axis=0).mean() >= 0.9


@pytest.mark.parametrize("seed", [12, 13])
def test_where_nothing_happens_hardly_anything_is_told(seed):
    record = run(rows=LEARNT + 2 * DAY, seed=seed)

    assert record.opened.sum() <= 0.05 * 2 * SERIES * len(NOISES)  # a series-day
