"""Is the model wrong, biased, worse than before, and why: right by hand, and as seldom wrong as promised."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from detectors.bias import against, offset
from detectors.confidence import calibration, estimate
from detectors.error_rate import step, threshold
from detectors.mix import split
from detectors.own_history import rank_p, robust_z
from detectors.residuals import cusum_step, error_size
from detectors.versions import always_valid

NAN = np.nan
DAYS, LABELS, USUAL, WORSE = 90, 500, 0.06, 0.08


# own history


@pytest.mark.parametrize(
    ("value", "history", "p"),
    [
        pytest.param(5.0, [1.0, 2.0, 3.0], 0.25, id="worse than all"),
        pytest.param(2.0, [1.0, 2.0, 3.0], 0.75, id="a tie counts against"),
        pytest.param(5.0, [1.0, NAN, 3.0], 1 / 3, id="NaN is left out"),
        pytest.param(5.0, [NAN, NAN], 1.0, id="no history"),
        pytest.param(5.0, [], 1.0, id="no entries"),
        pytest.param(NAN, [1.0], NAN, id="no value"),
    ],
)
def test_the_rank_is_the_share_of_windows_as_bad(value, history, p):
    assert rank_p(value, history) == pytest.approx(p, nan_ok=True)


def test_a_rank_is_below_one_percent_no_more_often_than_it_says():
    drawn = np.random.default_rng(1).exponential(size=(100, 20_000))

    assert (rank_p(drawn[-1], drawn[:-1]) <= 0.01).mean() == pytest.approx(0.01, abs=0.003)


@pytest.mark.parametrize(
    ("value", "history", "z"),
    [
        pytest.param(9.0, [1.0, 2.0, 3.0, 4.0, 5.0], 6.0 / 1.4826, id="by hand"),
        pytest.param(3.0, [1.0, 2.0, 3.0, 4.0, 5.0], 0.0, id="the median"),
        pytest.param(9.0, [1.0, 2.0, 3.0, 4.0, NAN], NAN, id="four are too few"),
        pytest.param(9.0, [NAN] * 6, NAN, id="none known"),
        pytest.param(9.0, [], NAN, id="none"),
        pytest.param(NAN, [1.0, 2.0, 3.0, 4.0, 5.0], NAN, id="no value"),
        pytest.param(3.0, [2.0] * 6 + [np.inf], 10.0, id="flat: the floor"),
    ],
)
def test_the_robust_z_is_by_median_and_mad(value, history, z):
    assert robust_z(value, history, floor=0.1) == pytest.approx(z, nan_ok=True)


def test_without_floor_and_spread_any_departure_is_infinite():
    flat = np.full((6, 3), 2.0)

    np.testing.assert_array_equal(robust_z([2.0, 3.0, 1.0], flat, floor=0.0), [0.0, np.inf, -np.inf])


# accuracy without labels


def test_the_calibration_is_scipys_isotonic_regression():
    rng = np.random.default_rng(2)
    trials = rng.integers(1, 200, 50).astype(float)
    hits = rng.binomial(trials.astype(int), np.linspace(0.05, 0.95, 50)).astype(float)

    np.testing.assert_array_equal(calibration(hits, trials), isotonic_regression(hits / trials, weights=trials).x)


@pytest.mark.parametrize(
    ("hits", "trials", "chance"),
    [
        pytest.param([0.0, 0.0], [0.0, 0.0], [NAN, NAN], id="no trials at all"),
        pytest.param([0.0, 2.0, 0.0], [0.0, 8.0, 0.0], [0.25] * 3, id="one bin speaks for all"),
        pytest.param([1.0, 0.0, 0.0, 4.0], [10.0, 0.0, 0.0, 10.0], [0.1, 0.2, 0.3, 0.4], id="interpolated"),
        pytest.param([5.0, 1.0], [10.0, 10.0], [0.3, 0.3], id="falling: pooled"),
        pytest.param([5.0, NAN], [10.0, 0.0], [0.5, 0.5], id="NaN where nothing was tried"),
    ],
)
def test_the_calibration_of_few_bins(hits, trials, chance):
    np.testing.assert_allclose(calibration(hits, trials), chance)


def test_the_estimate_is_the_accuracy_of_calibrated_answers():
    rng = np.random.default_rng(3)
    p = rng.beta(2, 2, 400_000)
    y, answer, bin_of = rng.random(p.size) < p, (p >= 0.6).astype(int), np.minimum((p * 50).astype(int), 49)
    reference = np.arange(p.size) < 200_000
    chance_of_one = calibration(
        np.bincount(bin_of[reference], y[reference], 50), np.bincount(bin_of[reference], minlength=50)
    )
    answered = np.zeros((50, 2))
    np.add.at(answered, (bin_of[~reference], answer[~reference]), 1.0)

    found = estimate(answered, np.stack([1.0 - chance_of_one, chance_of_one], axis=1))

    assert found.accuracy == pytest.approx((answer == y)[~reference].mean(), abs=3.0 * found.sd + 0.001)
    assert found.sd == pytest.approx(np.sqrt((p * (1 - p))[~reference].mean() / 200_000), rel=0.02)


@pytest.mark.parametrize(
    ("answered", "chance"),
    [
        pytest.param([[0.0, 0.0]], [[0.5, 0.5]], id="nothing answered"),
        pytest.param([[5.0, 1.0]], [[NAN, 0.5]], id="no chance known"),
        pytest.param([[NAN, NAN]], [[0.5, 0.5]], id="nothing known"),
    ],
)
def test_without_answers_there_is_no_estimate(answered, chance):
    assert np.isnan(dataclasses.astuple(estimate(answered, chance))).all()


# errors as they come


def alarms(rng, rates, limit, runs):
    """Day of the first alarm of each run, infinite for none; one rate a day."""
    total, first = np.zeros(runs), np.full(runs, np.inf)
    for day, rate in enumerate(rates):
        total = step(total, rng.binomial(LABELS, rate, runs), LABELS, usual=USUAL, worse=WORSE)
        first = np.where((total > limit) & np.isinf(first), day, first)
    return first


def test_two_points_more_errors_are_found_in_days_and_quiet_months_stay_quiet():
    rng = np.random.default_rng(4)
    limit = threshold(usual=USUAL, worse=WORSE, labels=LABELS, looks=DAYS, false_share=0.05, rng=rng, runs=20_000)

    calm = alarms(rng, [USUAL] * DAYS, limit, 10_000)
    moved = alarms(rng, [USUAL] * 30 + [WORSE] * 60, limit, 10_000)

    assert limit == pytest.approx(5.8, abs=0.2)
    assert np.isfinite(calm).mean() == pytest.approx(0.05, abs=0.01)
    assert np.median(moved[moved >= 30]) - 29 <= 5  # the first changed day is day 1


def test_the_threshold_takes_labels_that_come_as_they_like():
    asked = {"usual": USUAL, "worse": WORSE, "looks": 30, "false_share": 0.05}

    even = threshold(**asked, labels=100, rng=np.random.default_rng(5))
    listed = threshold(**asked, labels=np.full(30, 100), rng=np.random.default_rng(5))

    assert listed == even
    assert threshold(**asked, labels=np.zeros(30, int), rng=np.random.default_rng(5)) == 0.0


@pytest.mark.parametrize(("errors", "labels"), [(0.0, 0.0), (NAN, 100.0), (5.0, NAN), (NAN, NAN)])
def test_a_day_without_labels_leaves_the_sum(errors, labels):
    assert step([2.0], [errors], [labels], usual=USUAL, worse=WORSE).tolist() == [2.0]


# bias


def test_the_offset_is_as_sure_as_its_probabilities():
    rng = np.random.default_rng(6)
    p = rng.beta(1, 6, (4_000, 300))
    y = rng.random(p.shape) < p

    off, error = offset(p.sum(1), y.sum(1), (p * (1 - p)).sum(1), np.full(4_000, 300))

    assert (off / error).std() == pytest.approx(1.0, abs=0.04)


def test_a_model_that_was_always_biased_is_not_news():
    now = offset([130.0], [100.0], [90.0], [1_000.0])
    before = offset([260.0], [200.0], [180.0], [2_000.0])

    assert (now[0] / now[1])[0] > 3.0
    assert against(*now, *before, 0.0)[0] == pytest.approx(0.0)


@pytest.mark.parametrize("n", [0.0, NAN])
def test_without_rows_there_is_no_offset(n):
    off, error = offset([0.0], [0.0], [0.0], [n])

    assert np.isnan([off, error, against(off, error, [0.0], [0.1], [0.0])]).all()


def test_without_any_spread_nothing_is_said_of_a_difference():
    assert np.isnan(against([0.1], [0.0], [0.0], [0.0], [0.0])).all()


# regression


def sums_of(errors, clip=np.inf):
    size = np.minimum(np.abs(errors), clip)
    return np.array(
        [
            len(errors) + 5.0,
            len(errors),
            errors.sum(),
            np.abs(errors).sum(),
            (errors**2).sum(),
            size.sum(),
            (size**2).sum(),
        ]
    )


def test_the_size_of_errors_is_that_of_the_rows():
    errors = np.random.default_rng(7).standard_normal(50) + 0.3

    found = error_size(sums_of(errors))

    size = np.abs(errors)
    expected = (size.mean(), np.sqrt((errors**2).mean()), errors.mean(), size.std(ddof=1) / np.sqrt(50))
    assert dataclasses.astuple(found) == pytest.approx(expected)


def test_one_wild_row_does_not_widen_what_is_believed():
    errors = np.random.default_rng(8).standard_normal(500)
    wild = np.append(errors, 1e6)

    assert error_size(sums_of(wild, 4.0)).mae_se == pytest.approx(error_size(sums_of(errors, 4.0)).mae_se, rel=0.1)


@pytest.mark.parametrize("sums", [np.zeros(7), np.full(7, NAN), np.r_[9.0, np.zeros(6)]])
def test_without_labels_errors_have_no_size(sums):
    assert np.isnan(dataclasses.astuple(error_size(sums))).all()


def test_sums_of_slices_keep_their_shape():
    assert {one.shape for one in dataclasses.astuple(error_size(np.zeros((3, 2, 7))))} == {(3, 2)}


def test_one_wild_window_is_no_alarm_and_a_lasting_shift_is():
    total = np.zeros(2)
    for z in ([50.0, 1.5], [0.0, 1.5], [NAN, 1.5], [0.0, 1.5], [0.0, 1.5], [0.0, 1.5]):
        total = cusum_step(total, np.array(z), drift=0.5, cap=3.0)

    assert total.tolist() == [0.5, 6.0]


# versions


def ever(rng, *, usual, new, added_a_day, old, up=0.0, runs=2_000, tau=0.02):
    """Share of runs whose p-value is ever below .05 in 90 daily looks, and the median day of those."""
    k, n, p = np.zeros(runs), 0, np.ones(runs)
    k_old, n_old = rng.binomial(old, usual, runs).astype(float), old
    first = np.full(runs, np.inf)
    for day in range(1, DAYS + 1):
        k, n = k + rng.binomial(new, usual + up, runs), n + new
        k_old, n_old = k_old + rng.binomial(added_a_day, usual, runs), n_old + added_a_day
        p = always_valid(k, n, k_old, n_old, tau=tau, before=p)
        first = np.where((p < 0.05) & np.isinf(first), day, first)
    return np.isfinite(first).mean(), np.median(first)


@pytest.mark.parametrize("tau", [0.005, 0.02, 0.1])
@pytest.mark.parametrize(
    "rollout",
    [
        pytest.param({"usual": 0.06, "new": 500, "added_a_day": 0, "old": 15_000}, id="after a deploy"),
        pytest.param({"usual": 0.06, "new": 500, "added_a_day": 500, "old": 0}, id="side by side"),
        pytest.param({"usual": 0.06, "new": 5, "added_a_day": 0, "old": 100_000}, id="few labels"),
        pytest.param({"usual": 0.001, "new": 50, "added_a_day": 0, "old": 100_000}, id="an error in twenty days"),
        pytest.param({"usual": 0.3, "new": 20, "added_a_day": 0, "old": 500}, id="a short past"),
        pytest.param({"usual": 0.99, "new": 50, "added_a_day": 50, "old": 500}, id="nearly always wrong"),
    ],
)
def test_looking_every_day_does_not_fool_it(rollout, tau):
    assert ever(np.random.default_rng(9), **rollout, tau=tau)[0] <= 0.05


def test_a_version_that_is_two_points_worse_is_found_in_days():
    share, day = ever(np.random.default_rng(10), usual=0.06, new=500, added_a_day=0, old=15_000, up=0.02)

    assert share == 1.0
    assert day <= 5


def test_a_better_version_is_no_evidence():
    assert always_valid([10.0], [1_000.0], [600.0], [10_000.0], tau=0.02).tolist() == [1.0]


@pytest.mark.parametrize(
    "counts", [(0.0, 0.0, 5.0, 9.0), (5.0, 9.0, 0.0, 0.0), (NAN, 9.0, 5.0, 9.0), (0.0, 0.0, 0.0, 0.0)]
)
def test_without_labels_the_answer_stays(counts):
    assert always_valid(*[[one] for one in counts], tau=0.02, before=[0.3]).tolist() == [0.3]


@pytest.mark.parametrize(("wrong", "old"), [(0.0, 0.0), (50.0, 90.0)], ids=["never wrong", "always wrong"])
def test_two_versions_without_a_difference_give_no_evidence(wrong, old):
    assert always_valid([wrong], [50.0], [old], [90.0], tau=0.02).tolist() == [1.0]


def test_the_answer_of_a_run_is_its_smallest():
    assert always_valid([60.0], [1_000.0], [600.0], [10_000.0], tau=0.02, before=[0.01]).tolist() == [0.01]


# why


GROUPS = st.lists(
    st.tuples(st.integers(0, 1_000), st.floats(0, 1), st.integers(0, 1_000), st.floats(0, 1)), min_size=1, max_size=8
).filter(lambda groups: sum(one[0] for one in groups) > 0 and sum(one[2] for one in groups) > 0)


@given(GROUPS)
def test_mix_and_within_are_the_whole_change(groups):
    rows0, a0, rows1, a1 = np.array(groups, float).T
    a0, a1 = np.where(rows0 > 0, a0, NAN), np.where(rows1 > 0, a1, NAN)

    found = split(rows0, a0, rows1, a1)

    change = np.nansum(rows1 * a1) / rows1.sum() - np.nansum(rows0 * a0) / rows0.sum()
    assert found.total == found.mix + found.within
    assert found.total == pytest.approx(change, abs=1e-9)
    np.testing.assert_allclose(found.by_group.sum(0), [found.mix, found.within], atol=1e-12)


def test_others_asking_is_mix_and_other_answers_are_within():
    moved = split([0.5, 0.5], [0.9, 0.7], [0.25, 0.75], [0.9, 0.7])
    worse = split([0.5, 0.5], [0.9, 0.7], [0.5, 0.5], [0.9, 0.6])

    assert (moved.mix, moved.within) == pytest.approx((-0.05, 0.0))
    assert (worse.mix, worse.within) == pytest.approx((0.0, -0.05))


def test_a_group_that_came_or_went_is_mix():
    came = split([1.0, 0.0], [0.9, NAN], [0.5, 0.5], [0.9, 0.5])
    went = split([0.5, 0.5], [0.9, 0.5], [1.0, 0.0], [0.9, NAN])

    assert (came.mix, came.within) == pytest.approx((-0.2, 0.0))
    assert (went.mix, went.within) == pytest.approx((0.2, 0.0))


@pytest.mark.parametrize("values", [[NAN, NAN], [0.5, 0.6]])
def test_a_side_without_rows_has_no_change_to_split(values):
    found = split([0.0, 0.0], values, [0.5, 0.5], [0.9, 0.8])

    assert np.isnan([found.total, found.mix, found.within]).all()
