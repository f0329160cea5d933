"""How bad: by what findings mean for users and decisions, not by how many sigmas they are."""

from dataclasses import replace

import pytest

from bot.domain.catalogue import Catalogue, Kind, Signal, Worse
from bot.domain.finding import FindingKind
from bot.domain.series import SeriesKey
from bot.pipeline.severity import severity_of
from tests.pipeline.builders import CATALOGUE, CRITICAL, INFO, WARNING, blind, finding, gap

K = Kind


@pytest.mark.parametrize(
    ("findings", "severity"),
    [
        pytest.param([finding(K.ERRORS, "scoring")], CRITICAL, id="users see errors"),
        pytest.param([finding(K.AVAILABILITY, "scoring")], CRITICAL, id="replicas gone"),
        pytest.param([finding(K.QUALITY, "fraud")], CRITICAL, id="decisions are worse"),
        pytest.param([finding(K.FALLBACK, "fraud")], CRITICAL, id="decisions without the model"),
        pytest.param([finding(K.LATENCY, "scoring")], WARNING, id="slow"),
        pytest.param([finding(K.DISK, "n-04")], WARNING, id="a disk fills"),
        pytest.param([finding(K.FEATURE_NULL, "fraud/amount")], WARNING, id="inputs missing"),
        pytest.param([finding(K.FEATURE_DRIFT, "fraud/amount", z=90.0)], INFO, id="drift alone, however far"),
        pytest.param([finding(K.FEATURE_VALUE, "fraud/amount", z=14.9)], INFO, id="a drifting population"),
        pytest.param([finding(K.FEATURE_VALUE, "fraud/amount", z=-15.0)], WARNING, id="a broken unit"),
        pytest.param([finding(K.LABEL_RATE, "fraud"), finding(K.LABEL_VOLUME, "fraud")], INFO, id="label counts"),
        pytest.param([finding(K.TRAFFIC, "scoring")], INFO, id="more traffic, borne well"),
        pytest.param([finding(K.TRAFFIC, "scoring"), finding(K.CPU, "n-01")], WARNING, id="load in two kinds"),
        pytest.param([finding(K.CPU, "n-01"), finding(K.CPU, "n-02")], INFO, id="the same load in two places"),
        pytest.param([finding(K.CPU, "n-01"), finding(K.FEATURE_DRIFT, "fraud")], INFO, id="load and drift"),
        pytest.param([finding(K.ERRORS, "scoring", z=-9.0)], INFO, id="fewer errors than usual"),
        pytest.param([finding(K.LATENCY, "scoring"), finding(K.QUALITY, "fraud")], CRITICAL, id="the worst counts"),
        pytest.param([finding(K.ERRORS, "scoring", shape=FindingKind.NOVEL)], CRITICAL, id="errors at a new hour"),
        pytest.param([finding(K.LATENCY, "scoring", shape=FindingKind.SPREAD)], WARNING, id="latency goes wild"),
        pytest.param([gap(K.CPU, "n-01")], WARNING, id="silence is not health"),
        pytest.param([gap(K.QUALITY, "fraud")], INFO, id="no labels yet, no quality: nobody is called"),
        pytest.param([blind()], WARNING, id="a source cannot be read"),
        pytest.param([], INFO, id="nothing"),
    ],
)
def test_severity_says_what_it_means_for_people(findings, severity):
    assert severity_of(findings, CATALOGUE) is severity


@pytest.mark.parametrize("shape", [kind for kind in FindingKind if kind not in (FindingKind.GAP, FindingKind.BLIND)])
@pytest.mark.parametrize("z", [5.0, -90.0, float("inf")])
def test_drift_of_every_input_in_whatever_shape_calls_nobody(shape, z):
    inputs = ("fraud/amount", "fraud/velocity", "fraud/tenure", "ranking/basket")

    assert severity_of([finding(K.FEATURE_DRIFT, one, z=z, shape=shape) for one in inputs], CATALOGUE) is INFO


def test_a_signal_nobody_declared_does_not_call_anybody():
    stranger = replace(finding(K.ERRORS, "scoring"), key=SeriesKey("unheard_of", "scoring"))

    assert severity_of([stranger], CATALOGUE) is INFO


def far(kind, entity, *, z, minutes, shape=FindingKind.LEVEL, **numbers):
    """A finding that has stood so many minutes, so many sigmas out."""
    one = finding(kind, entity, z=z, shape=shape)
    return replace(one, evidence=replace(one.evidence, window_s=60.0 * minutes, **numbers))


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        pytest.param([far(K.CPU, "n-01", z=12, minutes=19)], INFO, id="a busy host"),
        pytest.param([far(K.CPU, "n-01", z=12, minutes=20)], WARNING, id="that stays busy"),
        pytest.param([far(K.CPU, "n-01", z=9, minutes=90)], INFO, id="hardly busier"),
        pytest.param(
            [far(K.CPU, "n-01", z=12, minutes=20), far(K.TRAFFIC, "n-01", z=12, minutes=20)],
            WARNING,
            id="more asked of it: two loads together",
        ),
        pytest.param([far(K.FEATURE_DRIFT, "fraud/amount", z=40, minutes=300)], INFO, id="one input drifts"),
        pytest.param(
            [far(K.FEATURE_DRIFT, f"fraud/{name}", z=8, minutes=30) for name in ("amount", "tenure")],
            WARNING,
            id="two of one model drift for long",
        ),
        pytest.param(
            [far(K.FEATURE_DRIFT, f"fraud/{name}", z=8, minutes=29) for name in ("amount", "tenure")],
            INFO,
            id="not so long",
        ),
        pytest.param(
            [far(K.FEATURE_DRIFT, one, z=8, minutes=60) for one in ("fraud/amount", "churn/visits")],
            INFO,
            id="of two models",
        ),
        pytest.param(
            [far(K.LATENCY, "scoring", z=2.9, minutes=60, shape=FindingKind.SHIFT)], INFO, id="a slight shift"
        ),
        pytest.param([far(K.LATENCY, "scoring", z=3, minutes=60, shape=FindingKind.SHIFT)], WARNING, id="a shift"),
        pytest.param([far(K.QUALITY, "fraud", z=-2, minutes=60, shape=FindingKind.SHIFT)], CRITICAL, id="of quality"),
    ],
)
def test_what_stands_long_or_moves_together_is_told_and_what_is_slight_is_not(findings, expected):
    assert severity_of(findings, CATALOGUE) is expected


def test_few_labels_explain_what_they_say_of_quality_even_after_they_are_back():
    few = far(K.LABEL_VOLUME, "fraud", z=-60, minutes=10, observed=40.0)
    some = far(K.LABEL_VOLUME, "fraud", z=-20, minutes=10, observed=80.0)
    worse = finding(K.QUALITY, "fraud")

    assert severity_of([few, worse], CATALOGUE) is INFO
    assert severity_of([worse], CATALOGUE, lately=[few]) is INFO
    assert severity_of([some, worse], CATALOGUE) is CRITICAL
    assert severity_of([few, finding(K.QUALITY, "churn")], CATALOGUE) is CRITICAL  # another model's labels


def test_one_replica_less_is_no_outage_and_half_of_them_is():
    pods = Catalogue(
        services=CATALOGUE.services,
        signals=(Signal(name="availability", kind=K.AVAILABILITY, unit="pods", worse=Worse.DOWN),),
    )

    one_less = far(K.AVAILABILITY, "scoring", z=-9, minutes=30, observed=5.0, expected=6.0)
    half = far(K.AVAILABILITY, "scoring", z=-9, minutes=30, observed=3.0, expected=6.0)
    assert (severity_of([one_less], pods), severity_of([half], pods)) == (INFO, CRITICAL)
