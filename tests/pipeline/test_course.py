"""What a closer look tells in words: short, only where it says something, and no finer than it can be known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.catalogue import Kind
from bot.domain.finding import Course, Direction, FindingKind, Shape
from bot.pipeline.course import limit_text, pace_text, unsure
from tests.pipeline.builders import HOUR, MINUTE, ONSET, finding

FAR = timedelta(hours=2, minutes=11)


def ramp(kind=Kind.DISK, *, unit="ratio", pace=0.032, lasted=HOUR, ahead=FAR, worse=True):
    """A ramp that was looked at so long after its onset."""
    at = ONSET + lasted
    course = Course(at=at, shape=Shape.RAMP, pace=pace, limit_at=None if ahead is None else at + ahead)
    one = finding(kind, "n-04")
    direction = Direction.UP if pace is None or pace > 0 else Direction.DOWN
    return replace(one, worse=worse, direction=direction, evidence=replace(one.evidence, unit=unit, course=course))


@pytest.mark.parametrize(
    ("one", "said"),
    [
        pytest.param(ramp(), "rises by 3.2 points an hour", id="a share, in points"),
        pytest.param(ramp(unit="percent", pace=3.2), "rises by 3.2 points an hour", id="a percentage, in points"),
        pytest.param(ramp(unit="bytes", pace=-1.26e9), "falls by 1.3 GB an hour", id="bytes"),
        pytest.param(ramp(unit="rows", pace=12_345.0), "rises by 12,000 rows an hour", id="no finer than it is known"),
        pytest.param(ramp(pace=0.6, lasted=10 * MINUTE), "rises by 1 point a minute", id="a short one, by the minute"),
        pytest.param(ramp(ahead=None), "rises by 3.2 points an hour", id="lasts, without a limit"),
        pytest.param(ramp(ahead=None, lasted=10 * MINUTE), "", id="short, without a limit"),
        pytest.param(ramp(pace=None), "", id="no ramp"),
        pytest.param(ramp(worse=False), "", id="gets better"),
    ],
)
def test_a_pace_is_told_where_it_helps(one, said):
    assert pace_text(one, Kind.DISK) == said


def test_the_age_of_features_grows_by_itself():
    assert pace_text(ramp(Kind.FRESHNESS, unit="s", pace=3600.0, ahead=None), Kind.FRESHNESS) == ""


@pytest.mark.parametrize(
    ("one", "kind", "said"),
    [
        pytest.param(ramp(), Kind.DISK, "at that pace it is full in 2 h 10 min", id="full"),
        pytest.param(ramp(Kind.CPU), Kind.CPU, "at that pace it is saturated in 2 h 10 min", id="saturated"),
        pytest.param(ramp(pace=-0.1), Kind.DISK, "at that pace nothing is left in 2 h 10 min", id="what is left"),
        pytest.param(ramp(ahead=30 * HOUR), Kind.DISK, "at that pace it is full in 30 h", id="a day and more"),
        pytest.param(ramp(ahead=timedelta(seconds=20)), Kind.DISK, "at that pace it is full in 1 min", id="at once"),
        pytest.param(ramp(ahead=None), Kind.DISK, "", id="no limit that is known"),
    ],
)
def test_a_limit_is_told_with_the_time_that_is_left(one, kind, said):
    assert limit_text(one, kind) == said


@pytest.mark.parametrize(
    ("kind", "shape", "minutes", "told"),
    [
        pytest.param(FindingKind.LEVEL, Shape.RAMP, 12, True, id="a ramp"),
        pytest.param(FindingKind.SHIFT, Shape.STEP, 12, True, id="a small shift"),
        pytest.param(FindingKind.LEVEL, Shape.STEP, 12, False, id="a large step is seen at once"),
        pytest.param(FindingKind.LEVEL, Shape.RAMP, 9, False, id="known well enough"),
        pytest.param(FindingKind.LEVEL, Shape.RAMP, None, False, id="not known"),
    ],
)
def test_an_onset_is_told_as_an_interval_only_where_it_is_loosely_known(kind, shape, minutes, told):
    one = finding(Kind.DISK, "n-04", shape=kind)
    latest = None if minutes is None else ONSET + minutes * MINUTE
    course = Course(at=ONSET + HOUR, shape=shape, earliest=ONSET, latest=latest)

    assert unsure(replace(one, evidence=replace(one.evidence, course=course))) is told
