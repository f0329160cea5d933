"""What once went wrong in the bank, each with the smallest stream that shows it."""

import dataclasses

import numpy as np
import pytest

from detectors.bank import Guards, new_state, step
from tests.detectors.streams import DAY, STEP_S, ar1, feed


def test_a_long_episode_teaches_the_tail_nothing():
    values = 100 + ar1(np.random.default_rng(0), 0.0, 400, 1)
    values[200:] += 30
    quiet, during = feed(values[:206]), feed(values)

    assert during.active[-1].all()
    np.testing.assert_array_equal(during.state.excess, quiet.state.excess)


@pytest.mark.parametrize("learnt", [pytest.param(DAY, id="a day"), pytest.param(2 * DAY, id="two days")])
def test_counters_learn_from_history_what_their_rates_would(learnt):
    rates = 5 + 0.5 * ar1(np.random.default_rng(1), 0.0, learnt + 60, 2)
    counters = 1e9 + STEP_S * np.cumsum(rates, axis=0)
    guards = dataclasses.replace(Guards.neutral(2), counter=np.ones(2, bool))

    counted, plain = feed(counters, learnt=learnt, guards=guards), feed(rates, learnt=learnt)

    np.testing.assert_allclose(counted.expected[-1], plain.expected[-1], atol=0.5)
    np.testing.assert_allclose(counted.z, plain.z, atol=1.0)


def infinite_in_an_episode(*, at: slice) -> np.ndarray:
    values = 100 + ar1(np.random.default_rng(2), 0.0, 200 + DAY + 60, 1)
    values[200:] += 30
    values[at] = np.inf
    return values


def test_infinite_samples_are_not_observed():
    record = feed(infinite_in_an_episode(at=slice(250, 260))[:255])
    _, judged = step(record.state, time_s=255 * STEP_S, values=np.array([np.inf]), guards=Guards.neutral(1))

    assert judged.active[0]
    assert np.isfinite(judged.observed[0])


def test_a_new_normal_is_not_learnt_from_infinite_samples():
    quiet = feed(infinite_in_an_episode(at=slice(0, 0))[:206])
    opened = int(quiet.opened[:, 0].argmax())

    record = feed(infinite_in_an_episode(at=slice(opened + DAY - 4, opened + DAY)))

    assert not record.active[-1, 0]
    assert abs(record.expected[-1, 0] - 130) < 3


def test_a_late_column_is_missing_for_no_negative_time():
    record = feed(100 + ar1(np.random.default_rng(3), 0.0, 30, 1))

    _, judged = step(record.state, time_s=10 * STEP_S, values=np.array([100.0]), guards=Guards.neutral(1))

    assert judged.missing_s[0] == 0.0


@pytest.mark.parametrize("unit", [2.0**-20, 2.0**20])
def test_the_first_samples_weigh_the_same_in_any_unit(unit):
    values = ar1(np.random.default_rng(4), 0.0, 60, 2)

    plain, scaled = feed(values), feed(values * unit)

    np.testing.assert_array_equal(scaled.expected, plain.expected * unit)


def test_a_series_that_is_not_judged_has_no_score_and_nothing_rare():
    values = 1e6 * ar1(np.random.default_rng(5), 0.0, 60, 1)
    seen = feed(values[:4])

    _, judged = step(seen.state, time_s=4 * STEP_S, values=values[4], guards=Guards.neutral(1))

    assert not judged.judged[0]
    assert judged.score[0] == 0.0
    assert judged.p[0] == 1.0


def test_values_that_32_bits_hardly_hold_are_no_spread():
    bank, guards = new_state(1, step_s=300.0), Guards.neutral(1)

    for row, value in enumerate([0.0, 1e-44, 0.0]):
        bank, judged = step(bank, time_s=300.0 * row, values=np.array([value]), guards=guards)

    assert np.isfinite(judged.expected[0])  # and nothing warned of a division by nothing


def test_the_stretch_of_a_tail_is_taken_back_while_nothing_happens():
    values = 50 + ar1(np.random.default_rng(8), 0.4, 400, 4)
    bank = feed(values[:200]).state
    bank.excess[1] = 0.3

    for row in range(200, 400):
        bank, _ = step(bank, time_s=60.0 * row, values=values[row], guards=Guards.neutral(4))

    assert (bank.excess[1] < 0.3).mean() >= 0.75  # each that was not surprised anew meanwhile


def test_a_new_normal_is_taken_up_where_the_line_of_the_day_stands_now():
    minutes = np.arange(5 * DAY)
    steep = (
        100 + 50 * np.sin(2 * np.pi * minutes / DAY)[:, None] + np.random.default_rng(9).normal(0, 0.5, (5 * DAY, 3))
    )
    begins = 3 * DAY + 40  # shortly before the centre of a half-hour, where the day rises most
    steep[begins:] += 80.0

    record = feed(steep, learnt=2 * DAY)

    adopted = record.closed.argmax(axis=0)
    assert record.active[begins - 2 * DAY + 10].all()
    assert (adopted > begins - 2 * DAY).all()
    after = adopted + 1
    for series, row in enumerate(after.tolist()):
        assert abs(record.expected[row, series] - steep[2 * DAY + row, series]) < 3.0
