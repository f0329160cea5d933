"""Statistics on counts: right by hand and by scipy, quiet where there is nothing to say, calm when nothing moved."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from detectors.discover import discoveries
from detectors.distances import js, ks
from detectors.homogeneity import EXPECTED, chi_square, pool_rare
from detectors.psi import psi
from detectors.quantiles import bounds, edges
from detectors.rates import binomial_above, two_proportions, wilson

NAN = np.nan
TILES = 1_000
FLOOR = 0.1  # of excess or D: below it, a move is no finding however sure it is


def counted(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(cuts, values, side="right"), minlength=len(cuts) + 1)


def tiles_of(values: np.ndarray, tiles: int = TILES) -> np.ndarray:
    ordered = np.sort(values)
    return ordered[np.ceil(np.arange(1, tiles + 1) * len(ordered) / tiles).astype(int) - 1]


def test_psi_is_the_sum_worked_out_by_hand():
    found = psi([[60.0, 40.0]], [[30.0, 70.0]])

    p, q = np.array([60.5, 40.5]) / 101.0, np.array([30.5, 70.5]) / 101.0
    by_hand = ((p - q) * np.log(p / q)).sum()
    assert found.psi[0] == pytest.approx(by_hand)
    assert found.excess[0] == pytest.approx(by_hand - 0.02)
    pearson = stats.chi2_contingency([[60, 40], [30, 70]], correction=False).statistic
    assert found.p[0] == pytest.approx(stats.chi2.sf((by_hand / 0.02 + pearson) / 2.0, 1))


def test_a_bin_that_is_empty_in_both_samples_changes_nothing():
    plain = psi([[9_000.0, 1_000.0]], [[80.0, 20.0]])
    with_empty = psi([[9_000.0, 0.0, 1_000.0, 0.0]], [[80.0, 0.0, 20.0, 0.0]])

    assert dataclasses.astuple(with_empty) == dataclasses.astuple(plain)


@pytest.mark.parametrize("rows", [100, 500, 5_000])
@pytest.mark.parametrize(
    "shares",
    [
        pytest.param([0.1] * 10, id="ten quantile bins"),
        pytest.param(1.0 / np.arange(1, 23) ** 1.3, id="twenty-two categories, most of them rare"),
        pytest.param([0.9, 0.08, 0.01, 0.005, 0.005], id="nearly one category"),
    ],
)
def test_a_psi_by_chance_is_below_5_percent_as_often_as_it_says(shares, rows):
    rng = np.random.default_rng(7)
    shares = np.asarray(shares) / np.sum(shares)

    p = psi(rng.multinomial(10_000, shares, 20_000), rng.multinomial(rows, shares, 20_000)).p

    assert 0.04 <= (p < 0.05).mean() <= 0.06


@pytest.mark.parametrize("shares", [[0.1] * 10, [0.6, 0.2, 0.1, 0.05, 0.03, 0.02]], ids=["even", "uneven"])
def test_far_out_where_sixty_columns_are_decided_p_is_still_about_right(shares):
    rng = np.random.default_rng(6)

    p = psi(rng.multinomial(10_000, shares, 100_000), rng.multinomial(100, shares, 100_000)).p

    assert 0.0007 <= (p < 0.001).mean() <= 0.0013


@pytest.mark.parametrize("shares", [[0.99, 0.01], [0.999, 0.001]])
def test_two_cells_too_thin_for_chi_square_are_tested_exactly_and_never_alarm_too_often(shares):
    rng = np.random.default_rng(8)

    p = psi(rng.multinomial(10_000, shares, 5_000), rng.multinomial(100, shares, 5_000)).p

    assert (p < 0.05).mean() <= 0.05
    assert psi([[9_990.0, 10.0]], [[90.0, 10.0]]).p[0] < 1e-6


def test_a_category_that_was_nearly_absent_is_not_drowned_in_a_frequent_one():
    found = psi([[7_000.0, 2_990.0, 10.0]], [[60.0, 30.0, 10.0]])

    assert found.p[0] < 0.05
    assert found.excess[0] > FLOOR


def test_fifty_bins_of_a_score_are_pooled_with_their_neighbours():
    before = np.full((1, 50), 200.0)
    now = np.full((1, 50), 4.0)

    pooled = pool_rare(before, now)

    assert pooled.current.sum() == 200.0
    assert (pooled.current[0] > 0).sum() == 25
    assert psi(before, now + np.repeat([3.0, -3.0], 25)).p[0] < 1e-6


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 40)), min_size=2, max_size=12).filter(
        lambda cells: sum(a + b > 0 for a, b in cells) >= 2
    )
)
def test_pooling_keeps_every_row_and_two_cells_and_of_three_none_is_thin_beside_the_most_frequent(cells):
    before, now = np.array(cells, float).T[:, None]

    pooled = pool_rare(before, now)

    both = (pooled.reference + pooled.current)[0]
    expected = both * min(before.sum(), now.sum()) / (before.sum() + now.sum())
    assert (pooled.reference.sum(), pooled.current.sum()) == (before.sum(), now.sum())
    assert (both > 0).sum() >= 2
    if (both > 0).sum() > 2:
        beside = np.arange(len(both)) != (before + now)[0].argmax()
        assert expected[beside & (both > 0)].min() >= EXPECTED - 1e-9


def test_chi_square_is_scipys_when_no_cell_is_rare():
    rng = np.random.default_rng(9)
    before, now = rng.multinomial(900, [0.5, 0.3, 0.2], 20), rng.multinomial(300, [0.45, 0.35, 0.2], 20)

    expected = [stats.chi2_contingency([a, b], correction=False).pvalue for a, b in zip(before, now, strict=True)]

    np.testing.assert_allclose(chi_square(before, now), expected)


def test_chi_square_of_two_thin_cells_is_twice_the_smaller_tail_of_fishers_test():
    table = [[990, 10], [95, 5]]

    tail = stats.fisher_exact(table, alternative="greater").pvalue

    assert chi_square([table[0]], [table[1]])[0] == pytest.approx(2.0 * tail)


def test_distances_are_those_of_scipy_and_of_the_cumulated_shares():
    rng = np.random.default_rng(10)
    before, now = rng.integers(0, 50, (30, 10)).astype(float), rng.integers(0, 50, (30, 10)).astype(float)
    p, q = before / before.sum(1, keepdims=True), now / now.sum(1, keepdims=True)

    np.testing.assert_allclose(js(before, now), jensenshannon(p, q, base=2, axis=1))
    np.testing.assert_allclose(ks(before, now), np.abs(np.cumsum(p - q, axis=1)).max(1))


def all_of(before, now) -> dict[str, np.ndarray]:
    return {"chi": chi_square(before, now), "ks": ks(before, now), "js": js(before, now)} | dataclasses.asdict(
        psi(before, now)
    )


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param([NAN, NAN, NAN], [NAN, NAN, NAN], id="no bins"),
        pytest.param([0.0, 0.0, NAN], [0.0, 0.0, NAN], id="no rows"),
        pytest.param([5.0, 5.0, NAN], [0.0, 0.0, NAN], id="no rows now"),
        pytest.param([0.0, 0.0, 0.0], [5.0, 5.0, 2.0], id="no rows before"),
    ],
)
def test_without_rows_nothing_is_said_of_a_column(before, now):
    assert all(np.isnan(found).all() for found in all_of([before], [now]).values())


@pytest.mark.parametrize("cells", [[7.0, NAN], [7.0, 0.0]])
def test_a_single_bin_cannot_be_compared_and_has_not_moved(cells):
    found = all_of([cells], [cells])

    assert {name for name, one in found.items() if np.isnan(one[0])} == {"chi", "psi", "excess", "p"}
    assert (found["ks"][0], found["js"][0]) == (0.0, 0.0)


def test_no_columns_are_no_columns():
    assert {one.shape for one in all_of(np.zeros((0, 3)), np.zeros((0, 3))).values()} == {(0,)}


def test_columns_do_not_meet():
    rng = np.random.default_rng(11)
    before, now = rng.integers(0, 90, (40, 6)).astype(float), rng.integers(0, 30, (40, 6)).astype(float)
    before[3], now[3] = NAN, NAN
    before[5, 4:], now[5, 4:] = NAN, NAN

    together = all_of(before, now)

    for row in range(40):
        for name, one in all_of(before[row : row + 1], now[row : row + 1]).items():
            np.testing.assert_array_equal(together[name][row : row + 1], one)


def test_padding_a_column_changes_nothing_for_it():
    before, now = np.array([[50.0, 30.0, 20.0]]), np.array([[30.0, 30.0, 10.0]])

    padded = all_of(np.c_[before, [[NAN, NAN]]], np.c_[now, [[NAN, NAN]]])

    assert {name: one[0] for name, one in padded.items()} == pytest.approx(
        {name: one[0] for name, one in all_of(before, now).items()}
    )


def columns(rng, rows, features):
    """Rows of features of four kinds: Gaussian, skewed, mostly zero, categories."""
    values = rng.standard_normal((features, rows))
    values[1::4] = np.exp(values[1::4])
    values[2::4] = np.maximum(values[2::4] - 0.8, 0.0)
    values[3::4] = np.floor(np.exp(values[3::4]))
    return values


def found_in(before, now, features):
    """Columns that Benjamini and Hochberg let pass, and that moved far enough."""
    cuts = [edges(tiles_of(column), bins=10) for column in before]
    wide = max(map(len, cuts)) + 1
    counts = np.full((2, features, wide), NAN)
    for row, cut in enumerate(cuts):
        counts[0, row, : len(cut) + 1] = counted(before[row], cut)
        counts[1, row, : len(cut) + 1] = counted(now[row], cut)
    moved = psi(*counts)
    return discoveries(moved.p, tests=features, level=0.05) & ((moved.excess >= FLOOR) | (ks(*counts) >= FLOOR))


@pytest.mark.parametrize(("rows", "runs"), [(100, 40), (200, 40), (500, 40), (5_000, 10), (50_000, 2)])
def test_without_drift_sixty_columns_hardly_ever_show_a_finding(rows, runs):
    rng = np.random.default_rng([12, rows])

    seen = [found_in(columns(rng, 10_000, 60), columns(rng, rows, 60), 60).any() for _ in range(runs)]

    assert np.mean(seen) <= 0.075  # at most 3 of 40; the benchmark counts enough runs to tell 5 % from 7


def test_a_shift_of_a_fiftieth_of_a_sigma_is_no_finding_however_many_rows_show_it():
    rng = np.random.default_rng(13)

    before, now = rng.standard_normal((20, 50_000)), rng.standard_normal((20, 50_000)) + 0.02

    assert not found_in(before, now, 20).any()


def test_half_a_sigma_is_found_in_two_hundred_rows():
    rng = np.random.default_rng(14)
    before, now = rng.standard_normal((50, 10_000)), rng.standard_normal((50, 200))
    now[:5] += 0.5

    found = found_in(before, now, 50)

    assert found[:5].all()
    assert found[5:].sum() <= 1


def test_one_wild_row_does_not_move_the_psi():
    rng = np.random.default_rng(15)
    before, now = rng.standard_normal(5_000), rng.standard_normal(5_000) + 0.7
    spoilt = now.copy()
    spoilt[0] = 1e6

    [plain, wild] = [
        psi([counted(before, cuts)], [counted(rows, cuts)]).psi[0]
        for rows in (now, spoilt)
        for cuts in [edges(tiles_of(before), bins=10)]
    ]

    assert wild == pytest.approx(plain, rel=0.01)


@pytest.mark.parametrize(
    ("values", "cuts"),
    [
        pytest.param(np.arange(1_000.0), [99, 199, 299, 399, 499, 599, 699, 799, 899], id="plain"),
        pytest.param(np.repeat([0.0, 1.0], [500, 500]), [1.0], id="0 and 1"),
        pytest.param(np.repeat([0.0, 1.0], [30, 970]), [1.0], id="hardly a 0"),
        pytest.param(np.repeat([0.0, 1.0], [970, 30]), [1.0], id="hardly a 1"),
        pytest.param(np.r_[np.zeros(800), np.arange(200.0) + 5.0], [5.0, 104.0], id="zeros with a tail"),
        pytest.param(
            np.r_[np.arange(-350.0, 0.0), np.zeros(400), np.arange(1.0, 251.0)],
            [-251.0, -151.0, -51.0, 0.0, 1.0, 50.0, 150.0],
            id="zero in the middle",
        ),
        pytest.param(np.full(1_000, 3.0), [], id="constant"),
        pytest.param(np.full(1_000, NAN), [], id="nothing known"),
        pytest.param(np.zeros(0), [], id="nothing"),
        pytest.param(np.r_[np.full(500, -np.inf), np.full(500, np.inf)], [], id="only infinite"),
    ],
)
def test_edges_suit_the_column(values, cuts):
    found = edges(values, bins=10)

    assert found.tolist() == cuts


@given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.integers(1, 400), st.integers(1, 200))
def test_no_bin_of_the_reference_is_empty(seed, bins, tiles, distinct):
    rng = np.random.default_rng(seed)
    values = np.sort(np.round(rng.standard_normal(2_000) ** 3 * distinct) / distinct)

    cuts = edges(tiles_of(values, tiles), bins=bins)

    assert len(cuts) < bins
    assert (np.diff(cuts) > 0).all()
    assert (counted(values, cuts) > 0).all() or not len(cuts)


def test_bins_of_scores_with_two_decimals_are_about_equal():
    values = np.round(np.random.default_rng(16).beta(2, 5, 10_000), 2)

    counts = counted(values, edges(tiles_of(values), bins=10))

    assert len(counts) == 10
    assert counts.min() > 500
    assert counts.max() < 1_500


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(lambda rng: rng.standard_normal(20_000), id="Gaussian"),
        pytest.param(lambda rng: np.exp(2.0 * rng.standard_normal(20_000)), id="very skewed"),
        pytest.param(lambda rng: rng.standard_cauchy(20_000), id="Cauchy"),
        pytest.param(lambda rng: np.maximum(rng.standard_normal(20_000) - 1.65, 0.0), id="95 % zeros"),
        pytest.param(lambda rng: (rng.random(20_000) < 0.0005) * 500.0, id="hardly anything"),
        pytest.param(lambda rng: np.full(20_000, 0.1), id="constant"),
    ],
)
def test_a_healthy_column_is_hardly_ever_out_of_range(values):
    rng = np.random.default_rng(17)
    low, high = bounds(tiles_of(values(rng)))

    now = values(rng)

    assert ((now < low) | (now > high)).mean() <= 0.003


def test_a_constant_that_comes_alive_is_not_out_of_range():
    assert bounds(np.full(1_000, 18.0)) == (-np.inf, np.inf)


@pytest.mark.parametrize("tiles", [[], [NAN], [np.inf]])
def test_where_nothing_is_known_nothing_is_out_of_range(tiles):
    assert bounds(tiles) == (-np.inf, np.inf)


def test_the_interval_is_scipys():
    events, trials = np.array([0, 1, 7, 100]), np.array([10, 10, 1_000, 100])

    low, high = wilson(events, trials, z=float(stats.norm.ppf(0.975)))

    expected = [stats.binomtest(k, n).proportion_ci(method="wilson") for k, n in zip(events, trials, strict=True)]
    np.testing.assert_allclose(low, [one.low for one in expected], atol=1e-12)
    np.testing.assert_allclose(high, [one.high for one in expected], atol=1e-12)


def test_two_rates_differ_as_much_as_their_table_says():
    z, p = two_proportions([30.0], [100.0], [200.0], [1_000.0])

    table = stats.chi2_contingency([[30, 70], [200, 800]], correction=False)
    assert z[0] ** 2 == pytest.approx(table.statistic)
    assert p[0] == pytest.approx(table.pvalue)


@pytest.mark.parametrize(
    ("counts", "z"),
    [
        pytest.param((0.0, 0.0, 1.0, 5.0), NAN, id="no trials"),
        pytest.param((1.0, 5.0, 0.0, 0.0), NAN, id="no trials in the reference"),
        pytest.param((NAN, 5.0, 1.0, 5.0), NAN, id="unknown"),
        pytest.param((0.0, 5.0, 0.0, 9.0), 0.0, id="nothing ever"),
        pytest.param((5.0, 5.0, 9.0, 9.0), 0.0, id="always"),
    ],
)
def test_two_rates_that_cannot_be_told_apart(counts, z):
    found, p = two_proportions(*[np.array([one]) for one in counts])

    np.testing.assert_array_equal(found, [z])
    np.testing.assert_array_equal(p, [1.0 if z == 0.0 else NAN])


def test_the_exact_tail_is_scipys():
    assert binomial_above(12, 50, 0.1) == pytest.approx(stats.binomtest(12, 50, 0.1, alternative="greater").pvalue)
    np.testing.assert_array_equal(binomial_above([0.0, NAN], [0.0, 5.0], [0.1, 0.1]), [1.0, NAN])
