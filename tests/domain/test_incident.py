"""An incident derives what is firing from its members, and a verdict how sure it is."""

from dataclasses import replace

import pytest

from bot.domain.catalogue import Kind
from bot.domain.incident import Severity, State
from bot.domain.verdict import MODEL_SUBCAUSES, Cause, Subcause
from tests.pipeline.builders import MINUTE, ONSET, finding, incident, verdict

SLOW, BUSY = finding(Kind.LATENCY, "scoring"), finding(Kind.CPU, "n-01")


def test_only_what_has_not_come_back_is_firing():
    both = incident(SLOW, BUSY)
    (slow, busy) = both.members

    half = replace(both, members=(slow, replace(busy, ended=ONSET + MINUTE)))

    assert (half.firing, half.active_findings) == ({SLOW.fingerprint}, (SLOW,))
    assert (half.findings, half.entities) == ((SLOW, BUSY), {"scoring", "n-01"})


@pytest.mark.parametrize(("state", "open_"), [(State.PENDING, True), (State.FIRING, True), (State.RESOLVED, False)])
def test_an_incident_is_open_until_it_is_resolved(state, open_):
    assert incident(SLOW, state=state).open is open_


def test_severities_are_ranked():
    assert sorted(Severity, key=lambda one: one.rank) == [Severity.INFO, Severity.WARNING, Severity.CRITICAL]


def test_each_subcause_belongs_to_one_side():
    assert {one for one in Subcause if one.cause is Cause.MODEL} == MODEL_SUBCAUSES
    assert {one.cause for one in Subcause} == {Cause.MODEL, Cause.INFRASTRUCTURE}


@pytest.mark.parametrize(
    ("cause", "model", "sure"),
    [
        pytest.param(Cause.MODEL, 0.9, 0.9, id="model"),
        pytest.param(Cause.INFRASTRUCTURE, 0.1, 0.9, id="infrastructure"),
        pytest.param(Cause.UNDETERMINED, 0.4, 0.6, id="the likelier side"),
        pytest.param(Cause.MIXED, 0.5, 0.5, id="both"),
    ],
)
def test_how_sure_a_verdict_is_speaks_of_its_own_cause(cause, model, sure):
    found = replace(verdict(), cause=cause, model_probability=model)

    assert found.probability == pytest.approx(sure)


def test_two_subcauses_are_written_with_a_comma():
    found = replace(verdict(), subcauses=(Subcause.BAD_VERSION, Subcause.DISK_SATURATION))

    assert found.subcause_words == "bad_version,disk_saturation"
