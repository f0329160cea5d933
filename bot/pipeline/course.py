"""What a closer look at a series tells, in words: only what says something, and nothing that a line cannot foretell."""

from __future__ import annotations

from datetime import timedelta

from bot.domain.catalogue import PERCENTS, USED, Kind
from bot.domain.finding import Course, Direction, Finding, FindingKind, Shape
from bot.pipeline.phrasing import amount

SLOW = timedelta(minutes=30)  # a ramp that lasts: its pace is told an hour, and told even where no limit is known
UNSURE = timedelta(minutes=10)  # an onset known to less than this is told as one moment
OWN_PACE = frozenset({Kind.FRESHNESS})  # an age grows a minute a minute; that is no news


def pace_text(finding: Finding, kind: Kind | None) -> str:
    """How fast a ramp runs, "rises by 3.2 points an hour"; nothing where it would not help."""
    course = _telling(finding, kind)
    if course is None or course.pace is None:
        return ""
    unit = finding.evidence.unit
    slow = course.at - finding.onset >= SLOW
    size = abs(course.pace) / (1.0 if slow else 60.0)
    word = unit.strip().lower()
    if word in USED | PERCENTS:
        size, unit = size * (100.0 if word in USED else 1.0), "points"
    verb = "rises" if course.pace > 0 else "falls"
    said = amount(float(f"{size:.2g}"), unit)
    said = "1 point" if said == "1 points" else said
    return f"{verb} by {said} {'an hour' if slow else 'a minute'}"


def limit_text(finding: Finding, kind: Kind | None) -> str:
    """When a ramp reaches its limit, "at that pace it is full in 2 h 10 min"; nothing where that is not soon."""
    course = _telling(finding, kind)
    if course is None or course.limit_at is None:
        return ""
    end = "it is saturated" if kind is Kind.CPU else "it is full"
    if finding.direction is Direction.DOWN:
        end = "nothing is left"
    return f"at that pace {end} in {ahead_text(course.limit_at - course.at)}"


def unsure(finding: Finding) -> bool:
    """Whether the onset is known so loosely that people should hear between which moments it lies.

    A large step is seen in its first sample: its interval, made for the least shift that is looked for, is too wide.
    """
    course = finding.evidence.course
    if course is None or course.earliest is None or course.latest is None:
        return False
    if finding.kind is not FindingKind.SHIFT and course.shape is not Shape.RAMP:
        return False
    return course.latest - course.earliest >= UNSURE


def ahead_text(span: timedelta) -> str:
    """A time ahead, no finer than it can be known.

    >>> ahead_text(timedelta(minutes=7)), ahead_text(timedelta(minutes=131)), ahead_text(timedelta(hours=30.6))
    ('7 min', '2 h 10 min', '31 h')
    """
    minutes = max(1, round(span.total_seconds() / 60))
    if minutes >= 1440:
        return f"{round(minutes / 60)} h"
    if minutes >= 60:
        minutes = 5 * round(minutes / 5)
    hours, rest = divmod(minutes, 60)
    return " ".join(f"{n} {word}" for n, word in ((hours, "h"), (rest, "min")) if n)


def _telling(finding: Finding, kind: Kind | None) -> Course | None:
    """The course of a ramp that gets worse and either runs to a limit or has lasted."""
    course = finding.evidence.course
    if course is None or course.pace is None or not finding.worse:
        return None
    lasts = course.at - finding.onset >= SLOW and kind not in OWN_PACE
    return course if course.limit_at is not None or lasts else None
