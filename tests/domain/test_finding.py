"""A finding's name: the same trouble has the same one tomorrow, another trouble has another."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.codec import decode, encode
from bot.domain.catalogue import Kind
from bot.domain.finding import Course, Direction, Finding, FindingKind, Shape, fingerprint_of
from bot.domain.series import SeriesKey
from tests.pipeline.builders import HOUR, blind, finding, gap

ONE = finding(Kind.CPU, "n-01")


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(replace(ONE, onset=ONE.onset + HOUR, detected=ONE.detected + HOUR), id="at another time"),
        pytest.param(replace(ONE, evidence=replace(ONE.evidence, observed=7.0, peak_z=-3.0)), id="by another amount"),
        pytest.param(replace(ONE, direction=Direction.DOWN, worse=False), id="the other way"),
        pytest.param(replace(ONE, kind=FindingKind.SHIFT), id="in another shape"),
        pytest.param(replace(ONE, kind=FindingKind.SPREAD), id="to both sides"),
        pytest.param(replace(ONE, because="generated text"), id="in other words"),
    ],
)
def test_the_same_trouble_keeps_its_name(later):
    assert later.fingerprint == ONE.fingerprint


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(finding(Kind.MEMORY, "n-01"), id="another signal"),
        pytest.param(finding(Kind.CPU, "n-02"), id="another entity"),
        pytest.param(finding(Kind.CPU, "n-01", labels=(("core", "0"),)), id="another series"),
        pytest.param(gap(Kind.CPU, "n-01"), id="silence"),
    ],
)
def test_another_trouble_has_another_name(other):
    assert other.fingerprint != ONE.fingerprint


def test_a_blind_source_is_named_as_silence():
    assert blind("prometheus").fingerprint == fingerprint_of(SeriesKey("telemetry", "prometheus"), gap=True)


NAME = st.text("abc=/", max_size=4)


@given(one=st.tuples(NAME, NAME, NAME, NAME), two=st.tuples(NAME, NAME, NAME, NAME))
def test_names_do_not_run_into_each_other(one, two):
    first, second = (SeriesKey(signal, entity, ((label, value),)) for signal, entity, label, value in (one, two))

    same = one[:2] == two[:2] and "=".join(one[2:]) == "=".join(two[2:])
    assert (fingerprint_of(first, gap=False) == fingerprint_of(second, gap=False)) is same


def test_a_finding_that_an_earlier_version_stored_is_read_without_a_course():
    stored = json.loads(encode(ONE))
    del stored["evidence"]["course"]

    assert decode(Finding, json.dumps(stored)) == ONE


def test_the_course_of_a_finding_is_stored_with_it():
    course = Course(at=ONE.onset + HOUR, shape=Shape.RAMP, pace=0.05, limit_at=ONE.onset + 2 * HOUR)
    seen = replace(ONE, kind=FindingKind.NOVEL, evidence=replace(ONE.evidence, course=course))

    assert decode(Finding, encode(seen)) == seen
