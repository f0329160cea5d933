"""What is called a fault of a model, by which path, and what never calls anybody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bot.domain.model_quality import QualityPath
from bot.domain.prediction_log import Labels, Problem
from bot.pipeline.quality.judge import judge
from bot.pipeline.quality.windows import Judged, merged
from tests.pipeline.quality.logs import Rows, binary, numbers, profile_of, window_of

P = QualityPath
N = 2000


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def profile(rng):
    return profile_of(binary(rng, 20_000), stretch=N, segments=("group",))


def paths(report) -> set[QualityPath]:
    return {finding.path for finding in report.findings}


def calls(report) -> set[QualityPath]:
    return {finding.path for finding in report.findings if finding.page}


def changed(rows: Rows, **features) -> Rows:
    return replace(rows, features={**rows.features, **features})


def test_a_healthy_log_is_found_healthy_window_after_window(profile, rng):
    past = []
    for number in range(20):
        window = window_of(profile, binary(rng, N), number=number)
        report = judge(profile, window, past)
        past.append(Judged(window=window, report=report))

        assert report.findings == ()
    assert past[-1].report.not_judged == ()


def test_estimate_and_labels_agree_while_all_is_well(profile, rng):
    report = judge(profile, window_of(profile, binary(rng, 20_000)))

    assert report.estimated["accuracy"] == pytest.approx(report.realised["accuracy"], abs=0.01)


def test_feature_drift_is_noted_and_calls_nobody(profile, rng):
    report = judge(profile, window_of(profile, binary(rng, N, shift=1.0)))

    assert paths(report) == {P.FEATURE_DRIFT}
    assert [finding.about for finding in report.findings] == ["a"]
    assert not report.page


def test_less_sure_scores_are_seen_before_labels_come(profile, rng):
    rows = binary(rng, N, scores=0.7)
    report = judge(profile, window_of(profile, replace(rows, label=np.full(N, np.nan))))

    assert {P.ESTIMATED_QUALITY, P.PREDICTION_DRIFT} <= calls(report)
    assert any("concept drift" in line for line in report.blind)


def test_a_changed_meaning_is_invisible_without_labels_and_the_report_says_so(profile, rng):
    rows = binary(rng, N, loss=0.15)
    without = judge(profile, window_of(profile, replace(rows, label=np.full(N, np.nan))))
    with_labels = judge(profile, window_of(profile, rows))

    assert without.findings == ()
    assert any("concept drift" in line for line in without.blind)
    assert any(one.path is P.REALISED_QUALITY for one in without.not_judged)
    assert P.REALISED_QUALITY in calls(with_labels)
    assert P.ESTIMATED_QUALITY not in paths(with_labels)


def test_moved_answers_call_nobody_when_the_labels_show_no_loss(profile, rng):
    rows = binary(rng, 20_000)
    sure = np.abs(rows.score - 0.5) > 0.3
    easy = Rows(
        features={name: values[sure] for name, values in rows.features.items()},
        score=rows.score[sure],
        answer=rows.answer[sure],
        label=rows.label[sure],
    )
    report = judge(profile, window_of(profile, easy))

    moved = next(finding for finding in report.findings if finding.path is P.PREDICTION_DRIFT)
    assert not report.page
    assert "no loss" in moved.what


@pytest.mark.parametrize(
    ("statistic", "values"),
    [
        pytest.param(
            "missing", lambda rows, rng: np.where(rng.random(N) < 0.05, np.nan, rows.features["a"]), id="missing"
        ),
        pytest.param(
            "out_of_range", lambda rows, rng: np.where(rng.random(N) < 0.05, 1e6, rows.features["a"]), id="wild"
        ),
        pytest.param("constant", lambda rows, rng: np.full(N, 0.3), id="still"),
    ],
)
def test_faulty_inputs_call_somebody(profile, rng, statistic, values):
    rows = binary(rng, N)
    report = judge(profile, window_of(profile, changed(rows, a=values(rows, rng))))

    assert statistic in {finding.statistic for finding in report.findings if finding.page and finding.about == "a"}


def test_a_category_that_never_was_calls_somebody_from_twenty_rows_on(profile, rng):
    def with_new(count: int):
        rows = binary(rng, N)
        group = rows.features["group"].astype(object)
        group[:count] = "50%"
        return judge(profile, window_of(profile, changed(rows, group=group)))

    assert P.DATA_QUALITY not in paths(with_new(19))
    assert P.DATA_QUALITY in calls(with_new(20))


def test_a_column_that_was_one_word_in_the_reference_may_be_another_word_now(rng):
    def labelled(n: int, word: str) -> Rows:
        return changed(binary(rng, n), group=np.full(n, word))

    profile = profile_of(labelled(20_000, "reference"), stretch=N)

    assert judge(profile, window_of(profile, labelled(N, "analysis"))).findings == ()


def test_missing_values_that_were_always_there_call_nobody(rng):
    def spoilt(n: int) -> Rows:
        rows = binary(rng, n)
        return changed(rows, a=np.where(rng.random(n) < 0.1, np.nan, rows.features["a"]))

    profile = profile_of(spoilt(20_000), stretch=N)

    assert judge(profile, window_of(profile, spoilt(N))).findings == ()


def test_few_rows_are_not_judged_and_never_called_healthy(profile, rng):
    report = judge(profile, window_of(profile, binary(rng, 50)))

    assert {P.PREDICTION_DRIFT, P.ESTIMATED_QUALITY, P.REALISED_QUALITY, P.FEATURE_DRIFT} <= {
        one.path for one in report.not_judged
    }


def test_an_empty_window_is_not_judged(profile):
    report = judge(profile, replace(window_of(profile, binary(np.random.default_rng(0), 5)), n=0))

    assert report.not_judged
    assert report.findings == ()


def test_labels_that_are_mostly_still_out_are_shown_and_not_judged(profile, rng):
    rows = binary(rng, N, loss=0.5)
    early = replace(rows, label=np.where(rng.random(N) < 0.3, rows.label, np.nan))
    report = judge(profile, window_of(profile, early))

    assert "accuracy" in report.realised
    assert P.REALISED_QUALITY not in paths(report)
    assert report.labels is not None
    assert not report.labels.mature


def test_labels_younger_than_they_usually_are_do_not_count_as_mature(profile, rng):
    now = datetime(2026, 5, 1, tzinfo=UTC)
    window = replace(
        window_of(profile, binary(rng, N)), end=now - timedelta(hours=1), labels=Labels(labelled=N, lag_p95_s=7200.0)
    )
    past = [Judged(window=window, report=judge(profile, window, now=now))]
    young = judge(profile, window, past, now=now)
    old = judge(profile, window, past, now=now + timedelta(hours=2))

    assert (young.labels.mature, old.labels.mature) == (False, True)


def test_a_small_lasting_loss_adds_up(profile, rng):
    past, found = [], []
    for number in range(40):
        window = window_of(profile, binary(rng, 500, loss=0.05), number=number)
        report = judge(profile, window, past)
        past.append(Judged(window=window, report=report))
        found += [one for one in report.findings if one.path is P.REALISED_QUALITY and "sum of errors" in one.rule]

    assert found


def test_one_group_that_is_served_worse_is_named(profile, rng):
    rows = binary(rng, 2 * N)
    hurt = (rows.features["group"] == "x") & (rng.random(2 * N) < 0.12)
    report = judge(profile, window_of(profile, replace(rows, label=np.where(hurt, 1 - rows.label, rows.label))))

    assert any(finding.about == "group=x" and finding.page for finding in report.findings)


def test_a_drop_by_who_is_asking_is_told_as_mix(profile, rng):
    report = judge(profile, window_of(profile, binary(rng, 4 * N, people=0.1)))

    first = report.attribution[0]
    assert first.column == "group"
    assert first.mix / first.total > 0.8
    assert first.mix + first.within == pytest.approx(first.total)


def test_a_drop_within_the_groups_is_not_told_as_mix(profile, rng):
    report = judge(profile, window_of(profile, binary(rng, 4 * N, loss=0.2)))

    assert abs(report.attribution[0].mix) < 0.2 * abs(report.attribution[0].total)


# ---------------------------------------------------------------- numbers


@pytest.fixture
def regression(rng):
    return profile_of(numbers(rng, 20_000), stretch=N, problem=Problem.REGRESSION)


def test_larger_errors_call_somebody_and_smaller_ones_nobody(regression, rng):
    worse = judge(regression, window_of(regression, numbers(rng, N, size=1.2)))
    better = judge(regression, window_of(regression, numbers(rng, N, size=0.7)))

    assert calls(worse) == {P.REALISED_QUALITY}
    assert better.findings == ()
    assert better.realised["mae"] < worse.realised["mae"]


def test_one_absurd_label_decides_nothing(regression, rng):
    rows = numbers(rng, N)
    label = rows.label.copy()
    label[0] = 1e9

    assert judge(regression, window_of(regression, replace(rows, label=label))).findings == ()


def test_a_number_has_no_estimate_and_the_report_says_why(regression, rng):
    report = judge(regression, window_of(regression, numbers(rng, N)))

    assert report.estimated == {}
    assert any(one.path is P.ESTIMATED_QUALITY for one in report.not_judged)


# ---------------------------------------------------------------- arithmetic


def test_windows_add_up_to_what_their_rows_together_give(profile, rng):
    rows = binary(rng, N)
    whole = window_of(profile, rows)
    together = merged([window_of(profile, rows.part(0, 700)), window_of(profile, rows.part(700, N))])

    assert together.n == N
    assert np.array_equal(together.joint, whole.joint)
    assert together.sums == pytest.approx(whole.sums)
    assert all(np.array_equal(together.columns[name].bins, whole.columns[name].bins) for name in whole.columns)
    assert np.array_equal(together.slices["group"], whole.slices["group"])


@pytest.mark.parametrize(
    "values", [np.full(N, np.nan), np.full(N, 7.0), np.full(N, np.inf)], ids=["none", "one", "inf"]
)
def test_a_column_that_held_nothing_in_the_reference_breaks_nothing(rng, values):
    profile = profile_of(
        changed(binary(rng, N), a=values[: N // 1] if not np.isinf(values).any() else np.full(N, 1.0)), stretch=500
    )
    report = judge(profile, window_of(profile, changed(binary(rng, N), a=values)))

    assert P.FEATURE_DRIFT not in {one.path for one in report.findings if one.about == "b"}
