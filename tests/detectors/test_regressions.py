"""What once went wrong in the bank, each with the smallest stream that shows it."""

import dataclasses

import numpy as np
import pytest

from detectors.bank import Guards
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
