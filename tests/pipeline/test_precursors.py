"""Memory: what often came before what is told, and what merely coincided is not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalogue import Kind
from bot.domain.finding import Direction, FindingKind
from bot.domain.incident import IncidentId, Member, State
from bot.pipeline.precursors import WARNINGS, Onset, Recollection, onsets_of, precursor_text, precursors
from tests.pipeline.builders import CATALOGUE, HOUR, LABEL_DELAY_S, MINUTE, ONSET, finding, gap, incident

DAY = timedelta(days=1)
NOW = ONSET
UP, DOWN = Direction.UP, Direction.DOWN
DISK, DRIFT, CPU = ("n-04", Kind.DISK), ("fraud", Kind.PREDICTION_DRIFT), ("n-01", Kind.CPU)


def onset(place, at, name="inc", way=UP):
    return Onset(incident_id=IncidentId(name), place=place, at=at, way=way)


def history(*leads_min, first=DISK, second=DRIFT, every=7 * DAY, together=True):
    """One past trouble a lead, a week apart, the newest a week ago; None: the second did not come."""
    found = []
    for number, lead in enumerate(leads_min, start=1):
        at = NOW - number * every
        found.append(onset(first, at, f"inc-{number}"))
        if lead is not None:
            found.append(onset(second, at + lead * MINUTE, f"inc-{number}" if together else f"other-{number}"))
    return found


def at_days(one, days):
    """A finding as it was so many days ago."""
    return replace(one, onset=one.onset - days * DAY, detected=one.detected - days * DAY)


def past(*findings, number, days):
    """An incident that is over: its findings, so many days ago."""
    moved = [at_days(one, days) for one in findings]
    ended = ONSET + 2 * HOUR - days * DAY
    about = incident(*moved, id=IncidentId(f"inc-past{number}"), state=State.RESOLVED, resolved=ended)
    return replace(about, members=tuple(Member(finding=one, ended=ended) for one in moved))


FULL = finding(Kind.DISK, "n-04")
SUFFERS = finding(Kind.PREDICTION_DRIFT, "fraud", minutes=12)
HISTORY = [past(FULL, SUFFERS, number=n, days=7 * n) for n in range(1, 6)]


def remembering(*incidents):
    memory = Recollection(CATALOGUE)
    memory.keep(incidents)
    return memory


# ---------------------------------------------------------------- counting


def test_what_came_first_is_told_with_how_often_and_how_long_before():
    [found] = precursors(history(8, 12, None, 12, 20, 10), now=NOW)

    assert (found.first.entity, found.first.kind) == DISK
    assert (found.second.entity, found.second.kind) == DRIFT
    assert (found.followed, found.times) == (5, 6)
    assert found.lead_s == 12 * 60
    assert found.longest_s == 20 * 60
    assert found.sure == pytest.approx(0.575, abs=0.001)


def test_the_other_way_round_is_found_as_well():
    [found] = precursors(history(5, 6, 7, 5, first=("fraud", Kind.INFERENCE_LATENCY), second=CPU), now=NOW)

    assert (found.first.kind, found.second.kind) == (Kind.INFERENCE_LATENCY, Kind.CPU)


@pytest.mark.parametrize(
    "onsets",
    [
        pytest.param([], id="nothing happened"),
        pytest.param(history(12, 12, 12), id="three times are not enough"),
        pytest.param(history(12, 12, 12, None), id="three of four"),
        pytest.param(history(12, 12, 12, 12, None, None, None), id="four of seven"),
        pytest.param(history(-5, -5, -5, -5), id="it came before"),
        pytest.param(history(0, 0, 0, 0), id="at the same time is no warning"),
        pytest.param(history(12, 12, 12, 12, second=CPU), id="both are infrastructure's"),
        pytest.param(history(400, 400, 400, 400, together=False), id="another incident, after more than six hours"),
        pytest.param(history(12, 12, 12, 12, every=timedelta(hours=1)), id="one trouble that comes and goes"),
    ],
)
def test_what_is_not_strong_enough_is_not_told(onsets):
    found = [one for one in precursors(onsets, now=NOW) if (one.first.entity, one.first.kind) == DISK]

    assert found == []


def test_within_one_incident_it_may_take_longer_than_six_hours():
    [found] = precursors(history(400, 400, 400, 400), now=NOW)

    assert found.lead_s == 400 * 60


def test_another_incident_within_six_hours_counts():
    assert precursors(history(90, 90, 90, 90, together=False), now=NOW)


def test_what_begins_in_most_spans_anyway_is_chance():
    often = [onset(DRIFT, NOW - number * 7 * HOUR, f"noise-{number}") for number in range(1, 100)]

    # drift begins every seven hours: it "follows" a disk within six hours nearly always
    assert precursors([*often, *history(None, None, None, None, None)], now=NOW) == ()
    # the same disks, without that restlessness
    assert precursors(history(12, 12, 12, 12, 12), now=NOW)


def test_what_is_younger_than_the_span_is_not_counted_yet():
    young = onset(DISK, NOW - HOUR, "inc-young")

    [found] = precursors([*history(12, 12, 12, 12), young], now=NOW)

    assert found.times == 4


@given(st.lists(st.integers(1, 300), min_size=4, max_size=10), st.randoms(use_true_random=False))
def test_the_order_of_incidents_is_nothing(leads, random):
    onsets = history(*leads)
    shuffled = list(onsets)
    random.shuffle(shuffled)

    assert precursors(shuffled, now=NOW) == precursors(onsets, now=NOW)


@given(st.lists(st.one_of(st.none(), st.integers(1, 300)), min_size=4, max_size=10))
def test_what_things_are_called_changes_nothing_but_the_names(leads):
    found = precursors(history(*leads), now=NOW)
    renamed = precursors(history(*leads, first=("z", DISK[1]), second=("a", DRIFT[1])), now=NOW)

    def back(one):
        return replace(one, first=replace(one.first, entity="n-04"), second=replace(one.second, entity="fraud"))

    assert tuple(back(one) for one in renamed) == found


@given(st.lists(st.one_of(st.none(), st.integers(1, 300)), max_size=10), st.integers(1, 300))
def test_following_once_more_never_makes_it_less_sure(leads, lead):
    def sure(onsets):
        return max((one.sure for one in precursors(onsets, now=NOW)), default=0.0)

    assert sure(history(*leads, lead)) >= sure(history(*leads))


# ---------------------------------------------------------------- onsets


def test_late_labels_are_dated_by_the_predictions_they_speak_of():
    late = finding(Kind.QUALITY, "fraud", minutes=90)

    [found] = onsets_of(incident(late), CATALOGUE)

    assert found.at == late.onset - timedelta(seconds=LABEL_DELAY_S)


def test_features_count_as_their_model_and_each_kind_once():
    found = onsets_of(
        incident(
            finding(Kind.FRESHNESS, "fraud/velocity", minutes=5),
            finding(Kind.FRESHNESS, "fraud/tenure", minutes=3),
            finding(Kind.DISK, "n-04"),
        ),
        CATALOGUE,
    )

    assert [one.place for one in found] == [("n-04", Kind.DISK), ("fraud", Kind.FRESHNESS)]
    assert found[1].at == ONSET + 3 * MINUTE


def test_silence_and_what_got_better_precede_nothing():
    better = finding(Kind.DISK, "n-04", z=-12.0)

    assert onsets_of(incident(gap(Kind.DISK, "n-04"), better), CATALOGUE) == ()


# ---------------------------------------------------------------- warning


def test_an_open_incident_is_told_what_usually_follows():
    now = ONSET + 5 * MINUTE
    begun = incident(FULL)

    [found] = remembering(*HISTORY).ahead(begun, [begun], now=now)

    assert (found.followed, found.times) == (5, 5)
    assert precursor_text(found) == "5 of 5 times, prediction drift of fraud rose 12 min after disk use of n-04 rose"


@pytest.mark.parametrize(
    ("open_now", "minutes"),
    [
        pytest.param((FULL, SUFFERS), 13, id="it is there"),
        pytest.param((FULL,), 13, id="it is later than ever"),
        pytest.param((finding(Kind.DISK, "n-02"),), 5, id="another node"),
        pytest.param((finding(Kind.CPU, "n-04"),), 5, id="another sign"),
    ],
)
def test_there_is_no_warning_without_cause(open_now, minutes):
    begun = incident(*open_now)

    assert remembering(*HISTORY).ahead(begun, [begun], now=ONSET + minutes * MINUTE) == ()


def test_what_is_off_in_another_incident_needs_no_warning():
    begun, other = incident(FULL), incident(SUFFERS, id=IncidentId("inc-2"))

    assert remembering(*HISTORY).ahead(begun, [begun, other], now=ONSET + 5 * MINUTE) == ()


def test_what_came_and_went_since_needs_no_warning():
    gone = replace(
        incident(finding(Kind.PREDICTION_DRIFT, "fraud", minutes=2), id=IncidentId("inc-2")),
        state=State.RESOLVED,
        resolved=ONSET + 4 * MINUTE,
    )
    begun = incident(FULL)

    assert remembering(*HISTORY, gone).ahead(begun, [begun], now=ONSET + 5 * MINUTE) == ()


def test_late_labels_may_tell_a_label_delay_later():
    quality = finding(Kind.QUALITY, "fraud", minutes=12 + LABEL_DELAY_S / 60)
    memory = remembering(*(past(FULL, quality, number=n, days=7 * n) for n in range(1, 6)))
    begun = incident(FULL)

    assert memory.ahead(begun, [begun], now=ONSET + 60 * MINUTE)
    assert memory.ahead(begun, [begun], now=ONSET + 73 * MINUTE) == ()


def test_a_model_is_named_once_and_warnings_are_few():
    suffering = [
        finding(kind, model, minutes=12)
        for model in ("fraud", "ranking", "churn")
        for kind in (Kind.PREDICTION_DRIFT, Kind.FALLBACK)
    ]
    memory = remembering(*(past(FULL, *suffering, number=n, days=7 * n) for n in range(1, 6)))
    begun = incident(FULL)

    found = memory.ahead(begun, [begun], now=ONSET + 5 * MINUTE)

    assert len(found) == WARNINGS
    assert len({one.second.entity for one in found}) == WARNINGS


def test_an_incident_that_ends_again_replaces_itself():
    again = replace(HISTORY[0], resolved=HISTORY[0].resolved + MINUTE)
    memory = remembering(*HISTORY, again)

    [found] = memory.patterns(now=NOW)

    assert found.times == 5


def test_open_incidents_and_merged_ones_are_not_the_past():
    merged = replace(HISTORY[0], members=())

    assert remembering(merged, *(replace(one, state=State.FIRING) for one in HISTORY)).patterns(now=NOW) == ()


def test_patterns_are_counted_again_only_when_something_ended_or_an_hour_passed():
    memory = remembering(*HISTORY)
    memory.patterns(now=NOW)

    assert not memory.stale(NOW + 59 * MINUTE)
    assert memory.stale(NOW + HOUR)
    memory.keep([past(FULL, number=9, days=1)])
    assert memory.stale(NOW)


def test_old_troubles_are_forgotten():
    memory = remembering(*HISTORY)

    assert memory.patterns(now=NOW)
    assert memory.patterns(now=NOW + 180 * DAY) == ()


# ---------------------------------------------------------------- words


def test_a_pattern_in_words_says_which_way_things_went():
    [found] = precursors(history(8, 12, 20, 12, 10), now=NOW)
    mixed = replace(found, second=replace(found.second, way=Direction.NONE))
    falls = replace(found, second=replace(found.second, kind=Kind.QUALITY, way=DOWN))

    assert precursor_text(falls) == "5 of 5 times, quality of fraud fell 12 min (10 to 12) after disk use of n-04 rose"
    assert "prediction drift of fraud left its usual range 12 min" in precursor_text(mixed)


def test_names_from_outside_stay_on_one_line():
    [found] = precursors(history(8, 12, 20, 12, 10, first=("n\n04\u202e", Kind.DISK)), now=NOW)

    assert "n 04 rose" in precursor_text(found)


def test_a_wilder_swing_has_no_direction():
    [found] = onsets_of(incident(finding(Kind.DISK, "n-04", shape=FindingKind.SPREAD)), CATALOGUE)

    assert found.way is Direction.NONE
