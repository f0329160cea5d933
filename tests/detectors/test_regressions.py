"""What once went wrong in the bank, each with the smallest stream that shows it."""

import numpy as np

from tests.detectors.streams import ar1, feed


def test_a_long_episode_teaches_the_tail_nothing():
    values = 100 + ar1(np.random.default_rng(0), 0.0, 400, 1)
    values[200:] += 30
    quiet, during = feed(values[:206]), feed(values)

    assert during.active[-1].all()
    np.testing.assert_array_equal(during.state.excess, quiet.state.excess)
