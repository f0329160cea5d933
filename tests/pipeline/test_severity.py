"""How bad: by what findings mean for users and decisions, not by how many sigmas they are."""

from dataclasses import replace

import pytest

from bot.domain.catalogue import Kind
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
