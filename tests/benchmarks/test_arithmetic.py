"""The benchmarks' own arithmetic, on cases that can be worked out by hand."""

import dataclasses

import numpy as np
import pytest

from tests.benchmarks.delays import DAY, first_of, risk_of, threshold_for
from tests.benchmarks.nab import PROFILES, SHIPPED, Answered, best_threshold, halves, normalised, operations, worth_of

ROWS, WINDOWS = 1_000, ((400, 449), (700, 749))


def answered(*spoken: int) -> Answered:
    """A file of 1,000 rows, two windows, and a detector that speaks at those rows."""
    worth, inside = worth_of(ROWS, WINDOWS)
    score = np.zeros(ROWS)
    score[list(spoken)] = 0.9
    return Answered(
        name="one/file.csv",
        begins=150,
        windows=WINDOWS,
        worth=worth,
        inside=inside,
        score=score,
        alert=score > SHIPPED,
        days=10.0,
    )


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
def test_silence_scores_nothing_and_the_first_row_of_every_window_scores_all(profile):
    assert normalised([answered()], SHIPPED, profile) == pytest.approx(0.0)
    assert normalised([answered(400, 700)], SHIPPED, profile) == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("more", "lost"),
    [
        pytest.param(100, 0.0, id="not scored yet"),
        pytest.param(300, 0.11, id="before any window: in full"),
        pytest.param(410, 0.0, id="again in a window"),
        pytest.param(449 + 49 * 3 + 1, 0.11, id="far behind a window: in full"),
        pytest.param(450, 0.11 * (1.0 - 2.0 / (1.0 + np.exp(5.0 / 49.0))), id="just behind a window: little"),
    ],
)
def test_a_false_row_costs_by_where_it_is(more, lost):
    plain, with_more = answered(400, 700), answered(400, 700, more)

    points = [normalised([one], SHIPPED, PROFILES["standard"]) for one in (plain, with_more)]

    assert points[0] - points[1] == pytest.approx(100.0 * lost / 4.0)  # two windows, two points each


def test_the_best_threshold_is_no_worse_than_any_other():
    rng = np.random.default_rng(0)
    files = [dataclasses.replace(answered(), score=rng.random(ROWS) ** 8) for _ in range(3)]
    profile = PROFILES["standard"]

    best = normalised(files, best_threshold(files, profile), profile)

    assert best >= max(normalised(files, threshold, profile) for threshold in np.linspace(0.0, 1.01, 200)) - 1e-9


def test_rows_in_a_row_are_one_false_episode():
    one = answered(300, 301, 302, 320, 400, 100)

    seen = operations([one], {one.name: one.alert})

    assert (seen["windows hit"], seen["false rows"], seen["false episodes"]) == ("1 of 2", 4, 2)


def test_halves_alternate_within_a_category():
    assert halves(["b/2", "a/1", "a/2", "a/3", "b/1"]) == {"A": ["a/1", "a/3", "b/1"], "B": ["a/2", "b/2"]}


def test_the_threshold_has_the_wanted_rows_at_risk_for_an_alarm():
    drawn = np.random.default_rng(1).random((5_000, 200))

    threshold = threshold_for(risk_of(np.maximum.accumulate(drawn, axis=0)), 1_000.0)

    assert 1.0 / (1.0 - threshold) == pytest.approx(1_000.0, rel=0.25)  # rows are independent: a mean wait is known


def test_a_delay_counts_from_the_first_changed_row_and_ends_with_a_day():
    crossed = np.zeros((DAY + 20, 3), bool)
    crossed[12, 0] = True
    crossed[9, 2] = True

    delays = first_of(crossed, np.full(3, 10))

    np.testing.assert_array_equal(delays, [3.0, DAY, np.nan])
