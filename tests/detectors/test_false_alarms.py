"""Nothing happens in these streams; every episode is a false one. Counted by simulation, seeds apart from any tuning."""

import numpy as np
import pytest

from tests.detectors.streams import DAY, NOISES, Record, feed

SERIES = 40
LIVE_DAYS = 2
ALLOWED = 1  # episodes in 80 series-days a noise: about one in a hundred series-days


def run(*, learnt: int, seed: int) -> Record:
    rng = np.random.default_rng(seed)
    return feed(
        np.hstack([make(rng, learnt + LIVE_DAYS * DAY, SERIES) for make in NOISES.values()]),
        learnt=learnt,
    )


@pytest.fixture(scope="module")
def after_a_day() -> Record:
    return run(learnt=DAY, seed=4711)


@pytest.fixture(scope="module")
def from_nothing() -> Record:
    return run(learnt=0, seed=4712)


def columns(name: str) -> slice:
    place = list(NOISES).index(name)
    return slice(place * SERIES, (place + 1) * SERIES)


@pytest.mark.parametrize("name", NOISES)
def test_ordinary_noise_raises_nothing_after_a_day_of_history(after_a_day, name):
    episodes = int(after_a_day.opened[:, columns(name)].sum())

    assert episodes <= ALLOWED


@pytest.mark.parametrize(
    "name", ["independent", "AR .5", "Student t, 3 degrees", "day of 50 %, little noise", "day, noise in proportion"]
)
def test_a_first_day_without_history_stays_quiet_too(from_nothing, name):
    episodes = int(from_nothing.opened[:, columns(name)].sum())

    assert episodes <= ALLOWED


def test_over_all_noises_false_episodes_stay_below_one_in_a_hundred_series_days(after_a_day):
    rate = after_a_day.opened.sum() / (LIVE_DAYS * SERIES * len(NOISES))

    assert rate < 0.01


def test_slow_and_patchy_series_are_not_gaps(after_a_day):
    slow = after_a_day.gap[:, columns("a sample a quarter")]

    assert not slow.any()


def test_every_series_is_judged_after_a_day(after_a_day):
    assert after_a_day.judged[-1].all()
