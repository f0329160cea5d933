"""Several channels judged together: what moves an answer, what must not, and how it does on labelled servers."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.channels import OUTERMOST
from detectors.entity import LEAST_ROWS, TooLittleHistoryError, judge
from tests.benchmarks.entities import measure
from tests.detectors.streams import DAY, NOISES, ar1, day

SHARED = Path(__file__).parents[3] / "shared" / "data" / "entities"
LEARNT, LIVE, CHANNELS = 4 * DAY, 2 * DAY, 12
AT, LASTS = DAY + 300, 40  # rows of the planted incident
WALL = 30  # rows within which an alert about it is fresh


def host(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Channels with a day, in units of their own, two of them constant; (LEARNT, c) and (LIVE, c)."""
    rng = np.random.default_rng(seed)
    t = LEARNT + LIVE
    values = 3.0 * day(rng, t, CHANNELS) + ar1(rng, 0.7, t, CHANNELS)
    values[:, 3], values[:, 8] = 7.0, 0.0
    values = values * 10.0 ** rng.integers(-6, 7, CHANNELS) + rng.uniform(-5, 5, CHANNELS)
    return values[:LEARNT], values[LEARNT:]


def with_incident(test: np.ndarray, train: np.ndarray, channels=(0, 4, 5, 9), size=1.0) -> np.ndarray:
    hurt = test.copy()
    hurt[AT : AT + LASTS, channels] += size * np.ptp(train[:, channels], axis=0)
    return hurt


def episodes(alert: np.ndarray, gap: int = 10) -> int:
    rows = np.flatnonzero(alert)
    return int(len(rows) > 0) + int((np.diff(rows) > gap).sum())


@pytest.mark.parametrize("seed", range(3))
def test_an_incident_of_a_few_channels_is_told_at_once_and_only_once(seed):
    train, test = host(seed)

    score, alert = judge(train, with_incident(test, train), 60.0)

    assert AT <= alert.argmax() < AT + 5
    assert not alert[:AT].any()
    assert alert.mean() < 0.01
    assert score[AT + 5 : AT + LASTS].min() > np.quantile(score[:AT], 0.999)


@pytest.mark.parametrize("cut", [1, 700, AT + 3, AT + LASTS, LIVE - 1])
def test_an_answer_rests_on_the_past_alone(cut):
    train, test = host(0)
    test = with_incident(test, train)
    test[100:200, 2] = np.nan
    whole, alert = judge(train, test, 60.0)

    early, told = judge(train, test[:cut], 60.0)

    np.testing.assert_array_equal(early, whole[:cut])
    np.testing.assert_array_equal(told, alert[:cut])


def test_what_follows_a_row_does_not_reach_back_through_channels_with_little_history():
    train, test = host(1)
    train[:, 2] = np.nan
    train[1:, 5] = np.nan
    test[:400, [2, 5]] = np.nan
    other = test.copy()
    other[400:] = 1e9

    for one, two in zip(judge(train, test, 60.0), judge(train, other, 60.0), strict=True):
        np.testing.assert_array_equal(one[:400], two[:400])


@settings(max_examples=8, deadline=None)
@given(powers=st.lists(st.integers(-20, 20), min_size=CHANNELS, max_size=CHANNELS), shift=st.floats(-100, 100))
def test_units_and_zeros_do_not_matter(powers, shift):  # within what counts as a sample
    train, test = (block[-2 * DAY :] for block in host(2))
    unit = 2.0 ** np.array(powers)
    spread = np.maximum(np.ptp(train, axis=0), 1.0)
    test = with_incident(test, train)

    score, alert = judge(train, test, 60.0)
    other, told = judge((train + shift * spread) * unit, (test + shift * spread) * unit, 60.0)

    np.testing.assert_allclose(other, score, atol=1e-6)
    np.testing.assert_array_equal(told, alert)


def test_the_order_of_channels_does_not_matter():
    train, test = host(3)
    test = with_incident(test, train)
    order = np.random.default_rng(0).permutation(CHANNELS)

    score, alert = judge(train, test, 60.0)
    other, told = judge(train[:, order], test[:, order], 60.0)

    np.testing.assert_allclose(other, score, atol=1e-9)
    np.testing.assert_array_equal(told, alert)


def test_the_same_rows_get_the_same_answer_and_stay_as_they_were():
    train, test = host(4)
    before = train.copy(), test.copy()

    first, second = judge(train, test, 60.0), judge(train, test, 60.0)

    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
    np.testing.assert_array_equal(train, before[0])
    np.testing.assert_array_equal(test, before[1])


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_lost_samples_cost_neither_the_incident_nor_calm(share):
    train, test = host(5)
    test = with_incident(test, train)
    rng = np.random.default_rng(0)
    train[rng.random(train.shape) < share] = np.nan
    test[rng.random(test.shape) < share] = np.nan

    score, alert = judge(train, test, 60.0)

    assert np.isfinite(score).all()
    assert alert[AT : AT + 5].any()
    assert episodes(alert[:AT]) <= 1


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_rows_without_a_sample_say_nothing(value):
    train, test = host(6)
    test[500:600] = value
    score, alert = judge(train, test, 60.0)

    assert np.isfinite(score).all()
    assert not alert[500:600].any()


def test_constant_channels_are_silent_until_they_move():
    train = np.full((2 * DAY, 6), 0.1)
    test = np.full((DAY, 6), 0.1)
    test[700:, :2] = [5e-4, 3e6]

    score, alert = judge(train, test, 60.0)

    assert np.flatnonzero(alert)[0] == 700
    assert (score[:700] == score[0]).all()
    assert score[700] > score[0]


def test_a_channel_that_was_never_there_changes_nothing():
    train, test = host(7)
    test = with_incident(test, train)
    wider = np.column_stack([train, np.full(LEARNT, np.nan)]), np.column_stack([test, np.arange(LIVE)])

    with_it, without = judge(*wider, 60.0), judge(train, test, 60.0)

    np.testing.assert_array_equal(with_it[0], without[0])
    np.testing.assert_array_equal(with_it[1], without[1])


def test_a_few_glitches_in_train_do_not_deafen():
    train, test = host(8)
    glitches = np.random.default_rng(0).integers(DAY, LEARNT, OUTERMOST - 1)
    train[glitches, 4] += 1e3 * np.ptp(train[:, 4])

    _, alert = judge(train, with_incident(test, train[:DAY], channels=(4, 5, 9, 10)), 60.0)

    assert alert[AT : AT + 5].any()


@pytest.mark.parametrize(
    "noise", ["AR .5", "AR .9", "Student t, 3 degrees", "lognormal", "day, noise in proportion", "working day", "Poisson, daily", "a tenth missing"]
)  # fmt: skip
def test_noise_with_a_day_costs_less_than_one_episode_in_three_days(noise):
    false, days = 0, 0.0
    for seed in range(8):
        values = NOISES[noise](np.random.default_rng(seed), 7 * DAY, CHANNELS)
        _, alert = judge(values[: 4 * DAY], values[4 * DAY :], 60.0)
        false, days = false + episodes(alert), days + 3.0

    assert false / days <= 0.33


def test_a_step_of_five_minutes_or_an_hour_will_do():
    for every, at in ((5, 300), (60, 30)):
        train, test = host(9)
        rows = np.concatenate([train, np.tile(train, (6, 1))])[::every], test[::every].copy()
        rows[1][at : at + 6, [0, 4, 5, 9]] += 2 * np.ptp(train[:, [0, 4, 5, 9]], axis=0)

        _, alert = judge(*rows, 60.0 * every)

        assert alert[at : at + 3].any()


def test_too_short_a_train_says_how_much_it_takes():
    train, test = host(0)
    train[LEAST_ROWS - 1 :] = np.nan

    with pytest.raises(TooLittleHistoryError, match=r"299 rows with a sample.*give 300 or more"):
        judge(train, test, 60.0)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda train, test: judge(train, test[:, 1:], 60.0), id="channels"),
        pytest.param(lambda train, test: judge(train[:, 0], test[:, 0], 60.0), id="one dimension"),
        pytest.param(lambda train, test: judge(train, test, 0.0), id="no step"),
        pytest.param(lambda train, test: judge(train, test, np.nan), id="step unknown"),
        pytest.param(lambda train, test: judge(train[:, :0], test[:, :0], 60.0), id="no channel"),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError, match=r"."):
        call(*host(0))


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_few_test_rows_are_answered(rows):
    train, test = host(0)

    score, alert = judge(train, test[:rows], 60.0)

    assert (len(score), len(alert)) == (rows, rows)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="the labelled entities are not beside the checkout")
@pytest.mark.parametrize(
    ("dataset", "recall", "false_a_day", "auc_pr"),
    [pytest.param("smd", 0.78, 0.33, 0.57, id="SMD"), pytest.param("asd", 0.83, 0.40, 0.47, id="ASD")],
)
def test_labelled_servers_are_judged_as_well_as_we_say(dataset, recall, false_a_day, auc_pr):
    found = measure(SHARED, dataset=dataset, cross_validate=False)[dataset]

    assert found["recall"] >= recall
    assert found["fresh_recall"] >= found["recall"] - 0.05
    assert found["false_a_day"] <= false_a_day
    assert found["alert_share"] <= 0.01
    assert found["auc_pr"] >= auc_pr
