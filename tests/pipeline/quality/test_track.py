"""When a finding of a log begins to stand, and when it ends; told from its windows alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.catalogue import Catalogue, Kind, Model
from bot.domain.finding import Direction, FindingKind
from bot.domain.incident import Severity
from bot.domain.model_quality import Attribution, LabelState, NotJudged, QualityFinding, QualityPath, QualityReport
from bot.pipeline.quality.attribution import in_words, split_plot
from bot.pipeline.quality.findings import finding_of
from bot.pipeline.quality.signals import LOG_SIGNALS, signal_of, with_log_signals
from bot.pipeline.quality.track import Standing, serving, standing
from bot.pipeline.quality.volume import volume_of
from bot.pipeline.quality.windows import Judged
from bot.pipeline.severity import severity_of
from tests.pipeline.quality.logs import EMPTY

P = QualityPath
START = datetime(2026, 5, 1, tzinfo=UTC)
NOW = START + timedelta(hours=5)
CATALOGUE = with_log_signals(Catalogue(models=(Model(name="fraud", served_by="scoring"),)))


def finding(path: QualityPath = P.PREDICTION_DRIFT, **changed) -> QualityFinding:
    return replace(
        QualityFinding(
            path=path, page=True, what="it moved", about="score", statistic="psi", value=0.15, expected=0.0,
            scale=0.03, p=1e-9, worse=True, n=500, rule="a rule",
        ),
        **changed,
    )  # fmt: skip


def judged(number: int, *found: QualityFinding, unjudged: QualityPath | None = None, version: str = "4") -> Judged:
    start = START + timedelta(minutes=15 * number)
    report = QualityReport(
        number=number, version=version, profile="p", start=start, end=start + timedelta(minutes=15), n=500,
        findings=found,
        not_judged=() if unjudged is None else (NotJudged(path=unjudged, about="", because="too few"),),
    )  # fmt: skip
    return Judged(window=EMPTY, report=report)


def walk(pattern: str, one: QualityFinding) -> list[Judged]:
    """x: found, .: clean, ?: not judged."""
    return [
        judged(number, *([one] if mark == "x" else []), unjudged=one.path if mark == "?" else None)
        for number, mark in enumerate(pattern)
    ]


@pytest.mark.parametrize(
    ("pattern", "stands"),
    [
        pytest.param("...x", False, id="one window of a guess may be chance"),
        pytest.param("..xx", True, id="two in a row"),
        pytest.param(".x.x", True, id="two of three"),
        pytest.param("x..x", False, id="two of four"),
        pytest.param("xx..", True, id="two clean ones are not the end"),
        pytest.param("xx...", False, id="three are"),
        pytest.param("xx???", True, id="windows that could not be judged end nothing"),
        pytest.param("xx...x", False, id="after the end it begins anew"),
    ],
)
def test_a_guess_opens_on_two_of_three_windows_and_closes_after_three(pattern, stands):
    assert bool(standing(walk(pattern, finding()))) is stands


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(finding(P.DATA_QUALITY, statistic="missing"), id="a fault by near certainty"),
        pytest.param(finding(P.REALISED_QUALITY, statistic="accuracy", about=""), id="labels"),
        pytest.param(finding(value=0.3), id="plain drift"),
    ],
)
def test_what_is_plain_opens_at_once(one):
    assert standing(walk("...x", one))


def test_windows_with_too_few_rows_of_one_column_end_nothing_of_it():
    stands = walk("xx???", finding())
    few = NotJudged(path=P.PREDICTION_DRIFT, about="score", because="too few")
    other = replace(few, about="answer")

    def with_(unsaid: NotJudged) -> list[Judged]:
        return [
            replace(one, report=replace(one.report, not_judged=(unsaid,))) if one.report.not_judged else one
            for one in stands
        ]

    assert standing(with_(few))
    assert not standing(with_(other))


def test_it_began_with_its_first_window_and_is_told_as_of_its_last():
    stands = standing(walk("..xx.x", finding()))[0]

    assert (stands.first.number, stands.report.number) == (2, 5)


def test_a_version_that_no_longer_answers_is_over():
    windows = {"3": walk("....", finding()), "4": walk("xx", finding())}

    assert list(serving(windows)) == ["3"]


# ---------------------------------------------------------------- as findings of the pipeline


def told(one: QualityFinding, **changed):
    report = replace(judged(3, one).report, **changed)
    return finding_of(
        Standing(finding=one, report=report, first=report),
        model="fraud",
        answers={"score", "prediction"},
        catalogue=CATALOGUE,
        now=NOW,
        known={},
    )


@pytest.mark.parametrize(
    ("one", "signal", "entity", "severity"),
    [
        pytest.param(finding(P.FEATURE_DRIFT, about="amount", page=False), "log_feature_drift", "fraud/amount",
                     Severity.INFO, id="drift alone calls nobody"),
        pytest.param(finding(P.DATA_QUALITY, about="amount", statistic="missing"), "log_missing", "fraud/amount",
                     Severity.WARNING, id="missing"),
        pytest.param(finding(P.DATA_QUALITY, about="amount", statistic="unseen", value=0.006, scale=0.005),
                     "log_faulty_values", "fraud/amount", Severity.WARNING, id="a small fault that is sure"),
        pytest.param(finding(P.DATA_QUALITY, about="score", statistic="missing"), "log_faulty_answers", "fraud",
                     Severity.WARNING, id="answers"),
        pytest.param(finding(), "log_prediction_drift", "fraud", Severity.WARNING, id="answers moved"),
        pytest.param(finding(P.ESTIMATED_QUALITY, about="", statistic="accuracy", value=0.9, expected=0.95),
                     "log_estimated_accuracy", "fraud", Severity.CRITICAL, id="estimated"),
        pytest.param(finding(P.REALISED_QUALITY, about="region=north", statistic="accuracy", value=0.9, expected=0.95),
                     "log_accuracy", "fraud/region=north", Severity.CRITICAL, id="a group"),
        pytest.param(finding(P.DATA_QUALITY, about="", statistic="volume", value=3.0, expected=400.0, scale=20.0),
                     "log_volume", "scoring", Severity.INFO, id="requests that do not come are the service's"),
    ],
)  # fmt: skip
def test_each_finding_becomes_one_of_a_signal_with_its_own_severity(one, signal, entity, severity):
    found = told(one)

    assert (found.key.signal, found.key.entity, found.kind) == (signal, entity, FindingKind.LOG)
    assert severity_of([found], CATALOGUE) is severity
    assert found.onset == START + timedelta(minutes=45)


def test_the_account_tells_the_path_its_labels_and_what_it_cannot_see():
    labels = LabelState(labelled=450, predicted=500, usual=0.9, mature=True, age=None)
    by_labels = told(
        finding(P.REALISED_QUALITY, about="", statistic="accuracy", value=0.9, expected=0.95), labels=labels
    )
    guessed = told(finding())

    assert by_labels.direction is Direction.DOWN
    assert by_labels.evidence.account.labels == (
        "90.0 % of predictions have their label; they tell of what was predicted until 4 h ago"
    )
    assert "concept drift" not in by_labels.evidence.account.blind
    assert "concept drift" in guessed.evidence.account.blind


def test_onset_and_detection_stay_what_they_were():
    first = told(finding())
    later = finding_of(
        Standing(finding=finding(value=0.9), report=judged(9, finding()).report, first=judged(8, finding()).report),
        model="fraud", answers=set(), catalogue=CATALOGUE, now=NOW + timedelta(hours=3), known={first.fingerprint: first},
    )  # fmt: skip

    assert later.fingerprint != first.fingerprint  # `score` is a feature where it is no answer
    again = finding_of(
        Standing(finding=finding(value=0.9), report=judged(9, finding()).report, first=judged(8, finding()).report),
        model="fraud", answers={"score"}, catalogue=CATALOGUE, now=NOW + timedelta(hours=3),
        known={first.fingerprint: first},
    )  # fmt: skip
    assert (again.onset, again.detected) == (first.onset, first.detected)
    assert abs(again.evidence.peak_z) > abs(first.evidence.peak_z)


def test_every_signal_of_a_log_has_a_kind_and_a_unit_that_people_read():
    assert len({signal.name for signal in LOG_SIGNALS}) == len(LOG_SIGNALS)
    assert {signal.kind for signal in LOG_SIGNALS} >= {Kind.QUALITY, Kind.FEATURE_DRIFT, Kind.PREDICTION_DRIFT}
    assert signal_of(finding(P.CALIBRATION, statistic="bias"), answers=()) == "log_bias"


# ---------------------------------------------------------------- attribution in words


def split(mix: float, within: float) -> Attribution:
    return Attribution(
        column="region", total=mix + within, mix=mix, within=within, group="north", share_before=0.2, share_after=0.6,
        value_before=0.9, value_after=0.9,
    )  # fmt: skip


def test_a_drop_is_told_as_who_is_asking_or_as_no_single_group():
    by_mix = in_words([split(-0.03, -0.005)])
    within = in_words([split(-0.01, -0.02)])

    assert by_mix == (
        "Of 3.5 points lost, 3.0 points come from who is asking: region = north went from 20% to 60% of requests"
    )
    assert "no single one explains it" in within
    assert in_words([split(0.01, 0.02)]) == ""
    assert in_words([]) == ""


def test_the_picture_shows_what_a_drop_is_made_of_and_nothing_else_has_one():
    one = told(
        finding(P.REALISED_QUALITY, about="", statistic="accuracy", value=0.9, expected=0.95),
        attribution=(split(-0.03, -0.005),),
    )

    assert split_plot(one).mix == (-0.03,)
    assert split_plot(told(finding())) is None


# ---------------------------------------------------------------- volume


def usual(n: int, level: float = 400.0) -> dict[int, int]:
    return {number: int(level + 20 * ((number * 7919) % 5 - 2)) for number in range(n)}


@pytest.mark.parametrize(
    ("rows", "before", "told"),
    [
        pytest.param(0, usual(300), True, id="none at all"),
        pytest.param(100, usual(300), True, id="a quarter"),
        pytest.param(330, usual(300), False, id="a little less"),
        pytest.param(900, usual(300), False, id="more is no fault of the log"),
        pytest.param(0, usual(5), False, id="too little history"),
        pytest.param(0, usual(300, level=8.0), False, id="a quiet log"),
    ],
)
def test_far_fewer_rows_than_usual_are_told(rows, before, told):
    assert (volume_of(len(before), rows, before, a_day=96) is not None) is told
