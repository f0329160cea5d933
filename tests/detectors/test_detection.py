"""What must be seen, how soon, since when, and that the baseline outlives it."""

import numpy as np
import pytest

from detectors.bank import Guards, Kind
from tests.detectors.streams import DAY, ar1, feed, first_active

SERIES = 40
AT = 200  # live columns before anything happens
LASTS = 120
AFTER = 120


def stream(*, learnt: int = DAY, phi: float = 0.5, level: float = 100.0, seed: int = 5) -> np.ndarray:
    return level + ar1(np.random.default_rng(seed), phi, learnt + AT + LASTS + AFTER, SERIES)


def during(values: np.ndarray, change: np.ndarray | float, *, learnt: int = DAY) -> np.ndarray:
    moved = values.copy()
    moved[learnt + AT : learnt + AT + LASTS] += np.broadcast_to(
        np.asarray(change, float).reshape(-1, 1), (LASTS, SERIES)
    )
    return moved


@pytest.mark.parametrize(
    "learnt", [pytest.param(DAY, id="a day"), pytest.param(720, id="12 h"), pytest.param(60, id="1 h")]
)
@pytest.mark.parametrize("size", [12.0, -12.0, 40.0])
def test_a_clear_step_is_seen_within_five_samples_whatever_the_history(learnt, size):
    record = feed(during(stream(learnt=learnt), size, learnt=learnt), learnt=learnt)

    assert np.nanmax(first_active(record) - AT) <= 4
    assert record.active.any(axis=0).all()
    assert (np.sign(record.direction[AT + 10]) == np.sign(size)).all()


def test_a_small_lasting_shift_is_seen_by_its_sum():
    record = feed(during(stream(), 2.5), learnt=DAY)

    assert record.active[AT:].any(axis=0).mean() > 0.95
    assert np.nanmedian(first_active(record) - AT) <= 40
    assert (record.kind[record.opened] == Kind.SHIFT).mean() > 0.8


def test_a_disk_that_fills_in_six_minutes_is_seen_before_it_is_full():
    quiet = 0.6 + 0.002 * (stream() - 100.0)
    record = feed(during(quiet, np.minimum(np.arange(1, LASTS + 1) / 6, 1.0) * 0.4), learnt=DAY)

    assert np.nanmax(first_active(record) - AT) <= 5


def test_an_age_that_grows_a_second_a_second_is_seen_soon():
    fresh = 300.0 + 20.0 * (stream() - 100.0)
    record = feed(during(fresh, 60.0 * np.arange(1, LASTS + 1)), learnt=DAY)

    assert np.nanmax(first_active(record) - AT) <= 8


def test_the_onset_of_a_step_is_dated_to_its_first_samples():
    record = feed(during(stream(), 12.0), learnt=DAY)

    onset = record.onset[AT + 10]

    assert np.abs(np.nanmedian(onset - AT)) <= 1
    assert (np.abs(onset - AT) <= 5).mean() > 0.9


def test_the_onset_of_a_leak_lies_near_its_start():
    record = feed(during(stream(), np.arange(1, LASTS + 1) * 0.5), learnt=DAY)

    assert np.abs(np.nanmedian(record.onset[AT + LASTS - 1]) - AT) <= 8


def test_a_single_spike_opens_nothing():
    values = stream()
    values[DAY + AT] += 1000.0

    record = feed(values, learnt=DAY)

    assert not record.opened.any()


def test_an_incident_is_not_learnt_and_recovery_finds_the_old_baseline():
    record = feed(during(stream(), 15.0), learnt=DAY)

    before, at_the_end = record.expected[AT - 1], record.expected[AT + LASTS - 1]
    assert np.abs(at_the_end - before).max() < 0.5
    assert record.active[AT + 10 : AT + LASTS].all()
    assert not record.active[AT + LASTS + 10 :].any()


def test_an_episode_opens_and_closes_once():
    record = feed(during(stream(), 15.0), learnt=DAY)

    assert (record.opened.sum(axis=0) == 1).all()
    assert (record.closed.sum(axis=0) == 1).all()


def test_a_state_that_lasts_longer_than_a_day_is_the_new_normal():
    rng = np.random.default_rng(6)
    values = 100 + ar1(rng, 0.3, 4 * DAY, 5)
    values[DAY + 100 :] += 20

    record = feed(values, learnt=DAY)

    assert record.active[200].all()
    assert not record.active[-1].any()
    assert np.abs(record.expected[-1] - 120).max() < 2


@pytest.mark.parametrize(
    ("direction", "size", "told"),
    [
        pytest.param(1, 15.0, True, id="worse up, went up"),
        pytest.param(1, -15.0, False, id="worse up, went down"),
        pytest.param(-1, -15.0, True, id="worse down, went down"),
        pytest.param(0, -15.0, True, id="both"),
    ],
)
def test_only_the_direction_that_matters_is_told(direction, size, told):
    guards = Guards(
        direction=np.full(SERIES, direction, np.int8), floor_abs=np.zeros(SERIES), floor_rel=np.zeros(SERIES)
    )

    record = feed(during(stream(), size), learnt=DAY, guards=guards)

    assert record.active[AT + 10].all() == told
    assert not record.active[AT + LASTS + 10 :].any()  # and the way back is no departure


@pytest.mark.parametrize(("floor", "told"), [(14.0, True), (25.0, False)])
def test_a_departure_below_the_floor_is_nothing_however_surprising(floor, told):
    guards = Guards(direction=np.zeros(SERIES, np.int8), floor_abs=np.full(SERIES, floor), floor_rel=np.zeros(SERIES))

    record = feed(during(stream(), 20.0), learnt=DAY, guards=guards)

    assert record.active[AT:].any(axis=0).all() == told
    assert record.active.any() == told


def test_on_a_constant_series_the_floor_decides():
    values = np.full((DAY + 200, 2), 50.0)
    values[DAY + 100 :] += [2.0, 8.0]
    guards = Guards(direction=np.zeros(2, np.int8), floor_abs=np.zeros(2), floor_rel=np.full(2, 0.1))

    record = feed(values, learnt=DAY, guards=guards)

    assert record.active[110].tolist() == [False, True]


def test_the_season_is_expected_on_the_second_day():
    t = 3 * DAY
    values = 100 * (1 + 0.5 * np.sin(2 * np.pi * np.arange(t) / DAY))[:, None] + np.random.default_rng(3).normal(
        0, 2, (t, 4)
    )

    record = feed(values, learnt=2 * DAY)

    clean = 100 * (1 + 0.5 * np.sin(2 * np.pi * np.arange(t) / DAY))[2 * DAY :, None]
    assert np.abs(record.expected - clean).max() < 4
    assert record.state.seasonal.all()


def test_an_episode_open_at_the_end_of_history_is_told_as_opened_once_live():
    values = stream()[: DAY + 30]
    values[DAY - 30 :] += 30.0

    record = feed(values, learnt=DAY)

    assert record.opened[0].all()
    assert not record.opened[1:].any()
