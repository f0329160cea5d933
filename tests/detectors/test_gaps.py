import numpy as np
import pytest

from detectors.bank import Guards, Kind, new_state, step
from tests.detectors.streams import DAY, ar1, feed


def test_a_series_that_falls_silent_is_a_gap_after_a_few_own_intervals():
    values = 10 + ar1(np.random.default_rng(1), 0.3, 600, 3)
    values[400:, 1] = np.nan

    record = feed(values)

    assert not record.gap[:, [0, 2]].any()
    assert 403 <= record.gap[:, 1].argmax() <= 406
    assert record.kind[500, 1] == Kind.GAP


@pytest.mark.parametrize("every", [5, 15])
def test_a_slow_series_is_silent_only_by_its_own_clock(every):
    values = 10 + ar1(np.random.default_rng(1), 0.3, 60 * every, 1)
    values[np.arange(len(values)) % every != 0] = np.nan
    values[40 * every + 1 :] = np.nan

    record = feed(values)

    first = int(record.gap[:, 0].argmax()) - 40 * every
    assert not record.gap[: 40 * every].any()
    assert 3 * every <= first <= 6 * every


def test_the_gap_ends_with_the_first_sample():
    values = 10 + ar1(np.random.default_rng(1), 0.3, 300, 1)
    values[200:220] = np.nan

    record = feed(values)

    assert record.gap[219, 0]
    assert not record.gap[220:].any()


def test_an_ended_series_is_not_missed_for_ever():
    values = 10 + ar1(np.random.default_rng(1), 0.3, 2 * DAY + 100, 1)
    values[100:] = np.nan

    record = feed(values)

    assert record.gap[200, 0]
    assert not record.gap[-1, 0]


def test_a_silent_series_keeps_its_episode():
    values = 10 + ar1(np.random.default_rng(1), 0.3, 300, 1)
    values[200:] += 50
    values[220:240] = np.nan

    record = feed(values)

    assert record.active[210:, 0].all()
    assert np.isnan(record.z[225, 0])


def test_a_series_never_seen_is_neither_judged_nor_missed():
    bank = new_state(1, step_s=60.0)
    for minute in range(50):
        bank, judged = step(bank, time_s=60.0 * minute, values=np.array([np.nan]), guards=Guards.neutral(1))

    assert not judged.judged[0]
    assert not judged.gap[0]
    assert np.isnan(judged.missing_s[0])
