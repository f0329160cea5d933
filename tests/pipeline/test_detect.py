"""From judgements to findings: what a departure must amount to, and what a finding remembers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from bot.domain.catalogue import Catalogue, Kind, Signal, Worse
from bot.domain.finding import Course, Direction, FindingKind, Shape
from bot.domain.series import BlindSpot, SeriesIndex, SeriesKey
from bot.pipeline.detect import BLIND_SIGNAL, blind_findings, findings_of, guards_for, limit_of
from bot.pipeline.floors import FLOORS, floors_of
from detectors.bank import Judgements
from detectors.bank import Kind as Departure
from detectors.closer import Look
from detectors.closer import Shape as LookShape
from detectors.discover import BUDGET
from tests.pipeline.builders import CATALOGUE, MINUTE, ONSET

NOW = ONSET + 10 * MINUTE
SLOW = SeriesKey("latency", "scoring")


def judgements(**fields):
    """One judged series that left its range upwards at ONSET."""
    usual = {
        "judged": True,
        "active": True,
        "opened": False,
        "closed": False,
        "direction": 1,
        "kind": int(Departure.LEVEL),
        "z": 9.0,
        "score": 0.7,
        "peak": 12.0,
        "expected": 100.0,
        "scale": 2.0,
        "observed": 118.0,
        "onset_s": ONSET.timestamp(),
        "missing_s": 0.0,
        "gap": False,
        "novelty": 0.0,
        "p": 1.0,
        "reset": False,
        "novel": False,
    }
    small = {"direction": np.int8, "kind": np.int8}
    return Judgements(**{name: np.array([value], dtype=small.get(name)) for name, value in {**usual, **fields}.items()})


def looks(asked=None, **fields):
    """A closer look at one series that says so; `asked` takes what it was asked."""
    usual = {
        "onset_s": ONSET.timestamp(),
        "earliest_s": (ONSET - MINUTE).timestamp(),
        "latest_s": (ONSET + 2 * MINUTE).timestamp(),
        "size": 20.0,
        "shape": int(LookShape.STEP),
        "pace": np.nan,
        "until_limit_s": np.nan,
        "resembles_s": np.nan,
    }

    def closer(rows, limits):
        if asked is not None:
            asked.append((rows.tolist(), limits.tolist()))
        return Look(**{name: np.array([value]) for name, value in {**usual, **fields}.items()})

    return closer


def found(key=SLOW, *, known=(), blind_signals=(), now=NOW, closer=None, **fields):
    return findings_of(
        judgements(**fields),
        SeriesIndex([key]),
        CATALOGUE,
        now=now,
        known={one.fingerprint: one for one in known},
        blind_signals=blind_signals,
        closer=closer,
    )


# ---------------------------------------------------------------- guards


@pytest.mark.parametrize(
    ("unit", "floors"),
    [
        pytest.param("ratio", (0.08, 0.0), id="a share, in points"),
        pytest.param(" Ratio ", (0.08, 0.0), id="as people write it"),
        pytest.param("%", (8.0, 0.0), id="a percentage, in points"),
        pytest.param("cores", (0.0, 0.15), id="anything else, relative"),
        pytest.param("", (0.0, 0.15), id="no unit, relative"),
        pytest.param("count", (0.5, 0.15), id="counts move by one"),
    ],
)
def test_the_least_that_matters_follows_the_unit(unit, floors):
    assert floors_of(Signal(name="cpu", kind=Kind.CPU, unit=unit)) == floors


def test_every_kind_that_is_judged_has_a_floor():
    assert set(Kind) - set(FLOORS) == {Kind.VERSION}


def test_a_share_and_its_percentage_are_judged_alike():
    for kind in FLOORS:
        share, percent = (floors_of(Signal(name="x", kind=kind, unit=unit)) for unit in ("ratio", "percent"))

        assert percent == pytest.approx((100.0 * share[0], share[1]))


def test_guards_stand_in_the_order_of_the_index():
    index = SeriesIndex([SeriesKey("quality", "fraud"), SeriesKey("unheard_of", "x"), SLOW, SeriesKey("traffic", "a")])

    guards = guards_for(index, CATALOGUE)

    assert guards.direction.tolist() == [-1, 0, 1, 0]
    assert guards.floor_abs.tolist() == [0.01, 0.0, 0.0, 0.0]
    assert guards.floor_rel.tolist() == [0.0, 0.2, 0.2, 0.25]


def test_the_budget_reaches_the_guards():
    assert guards_for(SeriesIndex([SLOW]), CATALOGUE).budget == BUDGET
    assert guards_for(SeriesIndex([SLOW]), CATALOGUE, budget=0.2).budget == 0.2


@pytest.mark.parametrize(
    ("signal", "direction", "limit"),
    [
        pytest.param(Signal(name="x", kind=Kind.DISK, unit="ratio", worse=Worse.UP), Direction.UP, 1.0, id="share"),
        pytest.param(Signal(name="x", kind=Kind.MEMORY, unit=" % ", worse=Worse.UP), Direction.UP, 100.0, id="percent"),
        pytest.param(Signal(name="x", kind=Kind.CPU, unit="fraction"), Direction.UP, 1.0, id="either way may be worse"),
        pytest.param(
            Signal(name="x", kind=Kind.DISK, unit="ratio", worse=Worse.UP), Direction.DOWN, None, id="emptied"
        ),
        pytest.param(
            Signal(name="x", kind=Kind.DISK, unit="bytes", worse=Worse.UP), Direction.UP, None, id="size unknown"
        ),
        pytest.param(
            Signal(name="x", kind=Kind.DISK, unit="bytes", worse=Worse.DOWN), Direction.DOWN, 0.0, id="what is left"
        ),
        pytest.param(
            Signal(name="x", kind=Kind.DISK, unit="ratio", worse=Worse.DOWN), Direction.UP, None, id="more is left"
        ),
        pytest.param(
            Signal(name="x", kind=Kind.ERRORS, unit="ratio", worse=Worse.UP), Direction.UP, None, id="no store"
        ),
    ],
)
def test_a_limit_is_known_from_the_signal(signal, direction, limit):
    assert limit_of(signal, direction) == (
        pytest.approx(limit) if limit is not None else pytest.approx(np.nan, nan_ok=True)
    )


# ---------------------------------------------------------------- findings


def test_a_finding_carries_the_numbers_of_its_judgement():
    (one,) = found()

    assert (one.key, one.kind, one.direction, one.onset, one.detected) == (
        SLOW,
        FindingKind.LEVEL,
        Direction.UP,
        ONSET,
        NOW,
    )
    seen = one.evidence
    assert (seen.observed, seen.expected, seen.scale, seen.z, seen.peak_z) == (118.0, 100.0, 2.0, 9.0, 12.0)
    assert (seen.unit, seen.window_s) == ("ms", 600.0)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"active": False}, id="usual"),
        pytest.param({"active": False, "judged": False}, id="not judged"),
    ],
)
def test_what_does_not_move_is_no_finding(fields):
    assert found(**fields) == ()


@pytest.mark.parametrize(
    ("key", "direction", "worse"),
    [
        pytest.param(SLOW, 1, True, id="slower"),
        pytest.param(SLOW, -1, False, id="faster"),
        pytest.param(SeriesKey("quality", "fraud"), -1, True, id="less quality"),
        pytest.param(SeriesKey("quality", "fraud"), 1, False, id="more quality"),
        pytest.param(SeriesKey("traffic", "scoring"), -1, True, id="either way may be worse"),
    ],
)
def test_the_catalogue_says_which_way_is_worse(key, direction, worse):
    (one,) = found(key, direction=direction)

    assert one.worse is worse


@pytest.mark.parametrize(
    ("departure", "kind"),
    [
        pytest.param(Departure.LEVEL, FindingKind.LEVEL, id="large"),
        pytest.param(Departure.SHIFT, FindingKind.SHIFT, id="small and lasting"),
        pytest.param(Departure.NOVEL, FindingKind.NOVEL, id="never seen at this time of day"),
        pytest.param(Departure.SPREAD, FindingKind.SPREAD, id="wilder than usual"),
    ],
)
def test_a_finding_says_how_its_series_departs(departure, kind):
    (one,) = found(kind=int(departure))

    assert one.kind is kind
    assert one.fingerprint == found()[0].fingerprint


# ---------------------------------------------------------------- the closer look

DISK = SeriesKey("disk", "n-04")


def test_what_is_off_is_looked_at_closer_and_told_its_limit():
    asked = []

    (one,) = found(DISK, closer=looks(asked, shape=int(LookShape.RAMP), pace=0.05, until_limit_s=7200.4))

    assert asked == [([0], [1.0])]
    assert one.evidence.course == Course(
        at=NOW,
        shape=Shape.RAMP,
        earliest=ONSET - MINUTE,
        latest=ONSET + 2 * MINUTE,
        pace=0.05,
        limit_at=NOW + timedelta(hours=2),
    )


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"active": False}, id="usual"),
        pytest.param({"active": False, "gap": True}, id="silent"),
        pytest.param({"active": True, "gap": True}, id="off, and now silent"),
    ],
)
def test_nothing_else_is_looked_at_closer(fields):
    asked = []

    findings = found(closer=looks(asked), **fields)

    assert asked == []
    assert all(one.evidence.course is None for one in findings)


def test_a_look_that_found_no_samples_adds_nothing():
    (one,) = found(closer=looks(onset_s=np.nan))

    assert one.evidence.course is None


def test_an_earlier_episode_that_looked_alike_is_told():
    earlier = ONSET - timedelta(days=2)

    (one,) = found(closer=looks(resembles_s=earlier.timestamp()))

    assert one.evidence.course.alike == earlier


def test_a_limit_days_ahead_is_not_told():
    (one,) = found(DISK, closer=looks(shape=int(LookShape.RAMP), pace=0.001, until_limit_s=1e15))

    assert (one.evidence.course.pace, one.evidence.course.limit_at) == (0.001, None)


def test_pace_and_limit_are_as_of_the_last_look_and_the_onset_stays():
    (before,) = found(DISK, closer=looks(shape=int(LookShape.RAMP), pace=0.05, until_limit_s=7200.0))

    (after,) = found(
        DISK,
        known=[before],
        now=NOW + 30 * MINUTE,
        closer=looks(onset_s=NOW.timestamp(), earliest_s=NOW.timestamp(), latest_s=NOW.timestamp(), until_limit_s=60.0),
    )

    assert after.onset == before.onset
    assert (after.evidence.course.shape, after.evidence.course.pace) == (Shape.STEP, None)
    assert after.evidence.course.limit_at == NOW + 31 * MINUTE
    assert (after.evidence.course.earliest, after.evidence.course.latest) == (ONSET - MINUTE, ONSET + 2 * MINUTE)


@pytest.mark.parametrize(
    ("minutes", "span"),
    [
        pytest.param((0, 1), (0, 1), id="narrower"),
        pytest.param((-5, 9), (-1, 2), id="wider"),
        pytest.param((1, 1), (-1, 2), id="does not hold the onset that is told"),
    ],
)
def test_the_interval_of_an_onset_holds_it_and_only_narrows(minutes, span):
    (before,) = found(closer=looks())
    earliest, latest = (ONSET + minute * MINUTE for minute in minutes)

    (after,) = found(known=[before], closer=looks(earliest_s=earliest.timestamp(), latest_s=latest.timestamp()))

    course = after.evidence.course
    assert (course.earliest, course.latest) == tuple(ONSET + minute * MINUTE for minute in span)


def test_an_onset_before_all_that_is_kept_has_no_interval():
    late = (ONSET + 5 * MINUTE).timestamp()

    (one,) = found(closer=looks(onset_s=late, earliest_s=late, latest_s=late))

    assert (one.evidence.course.earliest, one.evidence.course.latest) == (None, None)


def test_a_silent_series_is_a_finding_without_numbers_since_its_last_sample():
    (one,) = found(active=False, gap=True, missing_s=240.0)

    assert (one.kind, one.direction, one.worse) == (FindingKind.GAP, Direction.NONE, True)
    assert one.onset == NOW - timedelta(seconds=240)
    assert np.isnan(one.evidence.observed)
    assert (one.evidence.z, one.evidence.peak_z) == (0.0, 0.0)


def test_silence_and_departure_of_one_series_are_two_troubles():
    (departed,), (silent,) = found(), found(gap=True, missing_s=240.0)

    assert departed.fingerprint != silent.fingerprint


def test_a_new_version_is_a_change_not_a_finding():
    assert found(SeriesKey("version", "fraud")) == ()


def test_a_signal_nobody_declared_is_no_finding():
    assert found(SeriesKey("unheard_of", "fraud")) == ()


def test_silence_of_a_signal_whose_source_is_blind_is_the_sources_finding():
    assert found(gap=True, missing_s=240.0, blind_signals=["latency"]) == ()
    assert len(found(blind_signals=["latency"])) == 1


def test_a_finding_keeps_the_onset_and_the_moment_it_was_first_seen():
    (before,) = found(now=ONSET + 3 * MINUTE)

    (after,) = found(known=[before], onset_s=(ONSET + 2 * MINUTE).timestamp(), observed=130.0)

    assert (after.onset, after.detected) == (before.onset, before.detected)
    assert (after.evidence.observed, after.evidence.window_s) == (130.0, 600.0)


def test_silence_keeps_the_onset_it_had():
    (before,) = found(active=False, gap=True, missing_s=240.0)

    (after,) = found(active=False, gap=True, missing_s=120.0, known=[before], now=NOW + MINUTE)

    assert after.onset == before.onset


@pytest.mark.parametrize(
    "onset_s",
    [
        pytest.param(float("nan"), id="not estimated"),
        pytest.param((NOW + MINUTE).timestamp(), id="estimated in the future"),
    ],
)
def test_an_onset_is_never_later_than_now(onset_s):
    (one,) = found(onset_s=onset_s)

    assert one.onset == NOW


@pytest.mark.parametrize(
    ("z", "told"),
    [
        pytest.param(float("inf"), 99.0, id="a flat baseline"),
        pytest.param(-1e6, -99.0, id="far below it"),
        pytest.param(float("nan"), 0.0, id="no sample now"),
    ],
)
def test_sigmas_are_numbers_that_people_can_read(z, told):
    (one,) = found(z=z, peak=z)

    assert (one.evidence.z, one.evidence.peak_z) == (told, told)


def test_a_window_is_never_shorter_than_a_step():
    (one,) = found(onset_s=NOW.timestamp())

    assert one.evidence.window_s == CATALOGUE.step_s


# ---------------------------------------------------------------- blind spots

DOWN = BlindSpot(source="prometheus", because="connection refused", signals=("cpu", "latency"))


def unseen(*spots, ticks, since=None, known=()):
    began = {spot.source: ONSET for spot in spots} if since is None else since
    return blind_findings(
        spots,
        began,
        now=ONSET + ticks * MINUTE,
        step_s=CATALOGUE.step_s,
        known={one.fingerprint: one for one in known},
    )


@pytest.mark.parametrize(
    ("ticks", "count"),
    [
        pytest.param(0, 0, id="the first miss"),
        pytest.param(1, 0, id="the second"),
        pytest.param(2, 1, id="the third is news"),
    ],
)
def test_a_source_is_blind_after_three_misses(ticks, count):
    assert len(unseen(DOWN, ticks=ticks)) == count


def test_a_blind_source_is_one_finding_whatever_it_would_have_brought():
    (one,) = unseen(DOWN, replace(DOWN, because="timeout", signals=("disk",)), ticks=5)

    assert (one.key, one.kind, one.onset) == (SeriesKey(BLIND_SIGNAL, "prometheus"), FindingKind.BLIND, ONSET)
    assert one.because == "connection refused; timeout (no data for 3 signals)"


def test_two_blind_sources_are_two_findings():
    found = unseen(DOWN, BlindSpot(source="warehouse", because="timeout"), ticks=5)

    assert [(one.key.entity, one.because) for one in found] == [
        ("prometheus", "connection refused (no data for 2 signals)"),
        ("warehouse", "timeout"),
    ]


def test_a_blind_source_keeps_the_moment_it_was_first_told():
    (before,) = unseen(DOWN, ticks=2)

    (after,) = unseen(DOWN, ticks=9, known=[before])

    assert (after.detected, after.evidence.window_s) == (before.detected, 540.0)


def test_a_source_whose_blindness_has_no_beginning_is_given_time():
    assert unseen(DOWN, ticks=9, since={}) == ()


def test_the_catalogue_may_say_worse_both_and_have_no_unit():
    plain = Catalogue(
        signals=(
            Signal(name="x", kind=Kind.PREDICTION, worse=Worse.BOTH),
            Signal(name="errors", kind=Kind.ERRORS, worse=Worse.BOTH),
            Signal(name="up", kind=Kind.AVAILABILITY),
        )
    )
    index = SeriesIndex([SeriesKey(name, "y") for name in ("x", "errors", "up")])

    # fewer errors are no trouble, whatever the catalogue leaves open
    assert guards_for(index, plain).direction.tolist() == [0, 1, -1]
