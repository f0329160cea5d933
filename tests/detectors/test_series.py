"""One series by itself: nothing of the future counts, a row without a place in time is left out, scores are finite."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.series import CADENCE_STEPS, judge

ROWS = 160


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A series with noise, a level that jumps, holes, infinities, uneven steps, repeated and late rows."""
    rng = np.random.default_rng(seed)
    times_s = 1.7e9 + np.cumsum(rng.choice([60.0, 60.0, 60.0, 61.5, 300.0, 0.0, -120.0], ROWS))
    values = 50.0 + rng.standard_normal(ROWS)
    values[rng.integers(30, ROWS) :] += rng.choice([-30.0, 2.0, 30.0])
    values[rng.random(ROWS) < 0.05] = np.nan
    values[rng.random(ROWS) < 0.01] = np.inf
    return times_s, values


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), kept=st.integers(0, ROWS))
def test_what_comes_later_changes_nothing(seed, kept):
    times_s, values = drawn(seed)

    whole, short = judge(times_s, values), judge(times_s[:kept], values[:kept])

    assert np.array_equal(whole.score[:kept], short.score)
    assert np.array_equal(whole.alert[:kept], short.alert)
    assert np.array_equal(whole.late[:kept], short.late)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_score_is_always_a_number_from_nothing_to_one(seed):
    judged = judge(*drawn(seed))

    assert np.isfinite(judged.score).all()
    assert ((judged.score >= 0.0) & (judged.score <= 1.0)).all()


def jump(at: int = 90) -> tuple[np.ndarray, np.ndarray]:
    values = 10.0 + np.random.default_rng(1).standard_normal(ROWS)
    values[at : at + 30] += 40.0
    return np.arange(ROWS) * 60.0, values


def test_an_alert_opens_once_where_the_trouble_begins_and_the_score_is_higher_there():
    judged = judge(*jump(90))

    [row] = np.flatnonzero(judged.alert)
    assert 90 <= row < 95
    assert judged.score[95:110].min() > np.median(judged.score[30:90])


@pytest.mark.parametrize("step_s", [0.25, 60.0, 3600.0, 86_400.0], ids=["quarter of a second", "minute", "hour", "day"])
def test_any_cadence_is_found_in_the_rows_themselves(step_s):
    times_s, values = jump(90)

    judged = judge(times_s / 60.0 * step_s, values)

    assert judged.alert[90:95].any()
    assert not judged.alert[:90].any()


def test_late_rows_are_not_judged_and_not_learnt_from():
    times_s, values = jump()
    with_late = np.insert(times_s, [50, 120], [times_s[49], times_s[3]]), np.insert(values, [50, 120], [1e6, -1e6])

    plain, judged = judge(times_s, values), judge(*with_late)

    assert np.flatnonzero(judged.late).tolist() == [50, 121]
    assert judged.score[judged.late].tolist() == [0.0, 0.0]
    assert np.array_equal(judged.score[~judged.late], plain.score)
    assert np.array_equal(judged.alert[~judged.late], plain.alert)


@pytest.mark.parametrize("rows", [0, 1, 2, CADENCE_STEPS])
def test_too_short_a_series_is_not_judged(rows):
    judged = judge(np.arange(float(rows)), np.arange(float(rows)) * 1e9)

    assert judged.score.tolist() == [0.0] * rows
    assert not judged.alert.any()


def test_a_series_without_a_single_value_is_not_judged():
    judged = judge(np.arange(50.0), np.full(50, np.nan))

    assert not judged.score.any()
    assert not judged.alert.any()


@pytest.mark.parametrize(
    ("times_s", "values"),
    [
        pytest.param(np.arange(3.0), np.arange(4.0), id="lengths"),
        pytest.param(np.array([0.0, np.nan]), np.arange(2.0), id="no time"),
        pytest.param(np.zeros((2, 2)), np.zeros((2, 2)), id="two of them"),
    ],
)
def test_what_is_no_series_is_refused(times_s, values):
    with pytest.raises(ValueError, match="expected"):
        judge(times_s, values)
