"""Grouping: what is one trouble is one incident, through opening, firing, quiet and return."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.catalogue import Kind
from bot.domain.incident import State
from tests.pipeline.builders import (
    CRITICAL,
    HOUR,
    LABEL_DELAY_S,
    MINUTE,
    ONSET,
    POLICY,
    WARNING,
    finding,
    gap,
    group,
    incident,
    parts,
)

K = Kind
SLOW = finding(K.LATENCY, "scoring")
FAILING = finding(K.ERRORS, "scoring")


def run(*ticks, before=()):
    """Pass a timeline of (minute, findings) tick by tick, storing what changed as the store does. Returns each answer."""
    stored = {one.id: one for one in before}
    answers = []
    for minute, findings in ticks:
        now = ONSET + minute * MINUTE
        recent = [i for i in stored.values() if i.open or now - i.resolved <= POLICY.reopen_within]
        found = group(findings, recent, minutes=minute)
        stored |= {one.id: replace(one, revision=one.revision + (stored.get(one.id) != one)) for one in found}
        answers.append(tuple(stored[one.id] for one in found))
    return answers


# ---------------------------------------------------------------- what stands together


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param([finding(K.CPU, "n-01"), finding(K.LATENCY, "scoring", minutes=2)], id="node and service"),
        pytest.param(
            [finding(K.ERRORS, "feature-store"), finding(K.FALLBACK, "fraud", minutes=1)], id="store and model"
        ),
        pytest.param([finding(K.PREDICTION, "fraud"), finding(K.CALIBRATION, "fraud", minutes=50)], id="of one model"),
        pytest.param([finding(K.DISK, "n-04"), finding(K.FRESHNESS, "fraud/velocity", minutes=60)], id="filling disk"),
        pytest.param([gap(K.CPU, "n-01"), gap(K.CPU, "n-09", minutes=1)], id="silences that began at once"),
    ],
)
def test_findings_near_in_time_and_topology_are_one_incident(findings):
    (found,) = group(findings, minutes=65)

    assert len(found.members) == len(findings)
    assert found.onset == ONSET


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param([finding(K.CPU, "n-01"), finding(K.CPU, "n-09")], id="far apart in the topology"),
        pytest.param([finding(K.CPU, "n-01"), finding(K.LATENCY, "scoring", minutes=60)], id="far apart in time"),
        pytest.param([finding(K.CPU, "n-01"), gap(K.LATENCY, "billing")], id="a movement here, a silence there"),
    ],
)
def test_unrelated_findings_are_incidents_of_their_own(findings):
    found = group(findings, minutes=65)

    assert [len(one.members) for one in found] == [1, 1]


def test_a_symptom_an_hour_after_a_filling_disk_joins_its_incident():
    disk, stale = finding(K.DISK, "n-04"), finding(K.FRESHNESS, "fraud/velocity", minutes=60)

    first, second = run((10, [disk]), (62, [disk, stale]))

    assert [one.id for one in second] == [first[0].id]
    assert second[0].firing == {disk.fingerprint, stale.fingerprint}


def test_a_finding_joins_the_incident_it_has_most_in_common_with():
    upstream = incident(finding(K.CPU, "n-03"), id="inc-one")
    busy = incident(finding(K.CPU, "n-01"), finding(K.LATENCY, "scoring"), id="inc-two")

    found = group([*upstream.findings, *busy.findings, finding(K.LATENCY, "checkout", minutes=2)], [upstream, busy])

    assert {one.id: len(one.members) for one in found} == {"inc-one": 1, "inc-two": 3}


def test_a_link_seen_last_joins_what_it_links_while_nobody_has_heard_of_either():
    node, caller = finding(K.CPU, "n-02"), finding(K.ERRORS, "checkout", minutes=9)
    between = finding(K.LATENCY, "feature-store", minutes=9.5)
    apart = group([node, finding(K.ERRORS, "checkout", minutes=30)], minutes=40)

    joined = group([node, caller, between], minutes=12)

    assert len(apart) == 2
    assert [len(one.members) for one in joined] == [3]


def test_incidents_that_people_have_heard_of_are_not_joined():
    one = incident(finding(K.CPU, "n-02"), id="inc-one")
    two = incident(finding(K.ERRORS, "checkout"), id="inc-two")

    found = group([*one.findings, *two.findings, finding(K.LATENCY, "scoring", minutes=1)], [one, two])

    assert [one.id for one in found] == ["inc-one", "inc-two"]


def test_incidents_are_told_oldest_first():
    old = incident(finding(K.CPU, "n-09"), id="inc-z", opened=ONSET - HOUR)
    new = incident(SLOW, id="inc-a")

    found = group([*new.findings, *old.findings], [new, old])

    assert [one.id for one in found] == ["inc-z", "inc-a"]


POOL = (
    finding(K.DISK, "n-04"),
    finding(K.FRESHNESS, "fraud/velocity", minutes=5),
    finding(K.QUALITY, "fraud", minutes=6),
    finding(K.CPU, "n-01", minutes=1),
    finding(K.LATENCY, "scoring", minutes=2),
    finding(K.ERRORS, "checkout", minutes=2),
    finding(K.PREDICTION, "churn", minutes=2),
    finding(K.LATENCY, "billing", minutes=7),
    gap(K.MEMORY, "n-02", minutes=3),
    gap(K.MEMORY, "n-09", minutes=3),
)


@settings(max_examples=100, deadline=None)
@given(chosen=st.lists(st.sampled_from(POOL), unique_by=lambda one: one.fingerprint), data=st.data())
def test_the_order_of_findings_does_not_matter(chosen, data):
    before = run((2, chosen[: len(chosen) // 2]))[0]
    shuffled = data.draw(st.permutations(chosen))

    assert group(shuffled, before, minutes=8) == group(chosen, before, minutes=8)


@settings(max_examples=100, deadline=None)
@given(chosen=st.lists(st.sampled_from(POOL), unique_by=lambda one: one.fingerprint))
def test_every_finding_stands_in_exactly_one_incident(chosen):
    found = group(chosen, minutes=8)

    assert sorted(one.fingerprint for i in found for one in i.findings) == sorted(one.fingerprint for one in chosen)
    assert len(parts(found)) == len(found)


@settings(max_examples=50, deadline=None)
@given(chosen=st.lists(st.sampled_from(POOL), unique_by=lambda one: one.fingerprint))
def test_a_second_look_at_the_same_moment_changes_nothing(chosen):
    once = group(chosen, minutes=8)

    assert group(chosen, once, minutes=8) == once


# ---------------------------------------------------------------- opening


@pytest.mark.parametrize(
    ("one", "severity", "wait"),
    [
        pytest.param(SLOW, WARNING, POLICY.debounce, id="a warning waits"),
        pytest.param(FAILING, CRITICAL, POLICY.debounce / 2, id="a critical one waits half"),
    ],
)
def test_a_trouble_fires_once_it_has_lasted(one, severity, wait):
    seen = (one.detected - ONSET) / MINUTE
    due = seen + wait / MINUTE

    opened, early, fired = run((seen, [one]), (due - 0.1, [one]), (due, [one]))

    assert [i.state for (i,) in (opened, early, fired)] == [State.PENDING, State.PENDING, State.FIRING]
    assert fired[0].severity is severity


def test_a_blip_resolves_unheard():
    opened, gone = run((2, [SLOW]), (3, []))

    assert (gone[0].id, gone[0].state, gone[0].resolved) == (opened[0].id, State.RESOLVED, ONSET + 3 * MINUTE)


# ---------------------------------------------------------------- ending


def test_an_incident_resolves_after_it_has_been_quiet_and_says_since_when():
    quiet = POLICY.resolve_after / MINUTE
    fired, cleared, waiting, over = run((4, [SLOW]), (10, []), (10 + quiet - 1, []), (10 + quiet, []))

    assert [i.state for (i,) in (fired, cleared, waiting, over)] == [*[State.FIRING] * 3, State.RESOLVED]
    assert over[0].resolved == ONSET + 10 * MINUTE


def test_trouble_that_returns_before_the_end_starts_the_quiet_over():
    firing = incident(SLOW)

    cleared, back = run((10, []), (13, [SLOW]), before=[firing])

    assert (cleared[0].clean_since, back[0].clean_since) == (ONSET + 10 * MINUTE, None)
    assert (back[0].id, back[0].state) == (firing.id, State.FIRING)


def test_a_series_that_came_back_is_remembered_as_ended():
    both = incident(SLOW, FAILING)

    (found,) = group([SLOW], [both], minutes=20)

    assert found.firing == {SLOW.fingerprint}
    assert [one.ended for one in found.members] == [None, ONSET + 20 * MINUTE]


def test_one_sign_fading_does_not_make_the_trouble_smaller():
    both = incident(SLOW, FAILING, severity=CRITICAL)

    (found,) = group([SLOW], [both], minutes=20)

    assert found.severity is CRITICAL


def test_what_did_not_change_keeps_its_time_of_change():
    (before,) = group([SLOW], [incident(SLOW)], minutes=20)

    (after,) = group([SLOW], [before], minutes=21)

    assert after == before


# ---------------------------------------------------------------- coming back

OVER = incident(SLOW, state=State.RESOLVED, resolved=ONSET + 20 * MINUTE)
OVER = replace(OVER, members=tuple(replace(one, ended=OVER.resolved) for one in OVER.members))


@pytest.mark.parametrize(
    ("after", "same"),
    [
        pytest.param(timedelta(minutes=1), True, id="at once"),
        pytest.param(POLICY.reopen_within, True, id="at the end of the window"),
        pytest.param(POLICY.reopen_within + timedelta(seconds=1), False, id="after the window"),
    ],
)
def test_the_same_trouble_back_within_the_window_keeps_its_thread(after, same):
    back = replace(SLOW, onset=OVER.resolved + after, detected=OVER.resolved + after)

    (found,) = group([back], [OVER], minutes=(back.detected - ONSET) / MINUTE)

    assert (found.id == OVER.id, found.reopened) == (same, int(same))
    assert (found.state, found.resolved) == (State.PENDING, None)


def test_another_trouble_nearby_does_not_reopen_an_incident():
    other = finding(K.ERRORS, "scoring", minutes=25)

    (found,) = group([other], [OVER], minutes=27)

    assert (found.id != OVER.id, found.reopened) == (True, 0)


def test_a_return_that_does_not_last_resolves_again():
    back = replace(SLOW, onset=ONSET + 25 * MINUTE, detected=ONSET + 25 * MINUTE)

    reopened, over = run((25, [back]), (26, []), before=[OVER])

    assert (reopened[0].state, over[0].state) == (State.PENDING, State.RESOLVED)
    assert over[0].reopened == 1


def test_a_return_waits_as_long_as_a_first_time():
    back = replace(SLOW, onset=ONSET + 25 * MINUTE, detected=ONSET + 25 * MINUTE)

    _, early, fired = run((25, [back]), (26, [back]), (27, [back]), before=[OVER])

    assert (early[0].state, fired[0].state) == (State.PENDING, State.FIRING)


def test_people_ending_an_incident_is_forgotten_when_it_reopens():
    back = replace(SLOW, onset=ONSET + 25 * MINUTE, detected=ONSET + 25 * MINUTE)

    (found,) = group([back], [replace(OVER, resolved_by="U0ANNA")], minutes=25)

    assert found.resolved_by is None


def test_a_pending_incident_nobody_heard_of_joins_the_one_it_belongs_to():
    disk = finding(K.DISK, "n-04")
    far = finding(K.LATENCY, "checkout", minutes=8)
    old = incident(disk, id="inc-old")
    young = incident(finding(K.CPU, "n-03", minutes=7), id="inc-young", state=State.PENDING)

    found = group([disk, *young.findings, far], [old, young], minutes=8.5)

    assert [one.id for one in found] == ["inc-old"]


def test_a_disk_that_fills_minutes_after_a_bad_version_is_a_second_trouble():
    scores = finding(K.PREDICTION_DRIFT, "fraud")
    labels = finding(K.QUALITY, "fraud", minutes=10)  # known to within the label delay: they might be the disk's
    disk = finding(K.DISK, "n-04", minutes=11)

    found = group([scores, labels, disk], [incident(scores, labels, id="inc-version")], minutes=12)

    assert [sorted(one.entities) for one in found] == [["fraud"], ["n-04"]]


# ---------------------------------------------------------------- what labels tell late


STORE = finding(K.ERRORS, "feature-store")


def late(minutes):
    """Quality of the model that the store feeds, told by labels that come LABEL_DELAY_S later."""
    return finding(K.QUALITY, "fraud", minutes=minutes, found=minutes + 1)


def ended(at):
    over = incident(STORE)
    return replace(over, state=State.RESOLVED, resolved=ONSET + at * MINUTE, members=over.members)


def test_labels_that_tell_late_of_a_trouble_join_it_while_it_stands():
    found = group([STORE, late(200)], [replace(incident(STORE), state=State.FIRING)], minutes=201)

    assert parts(found) == {frozenset({("errors", "feature-store"), ("quality", "fraud")})}


def test_labels_that_tell_late_of_a_trouble_that_is_over_are_no_news_for_a_while():
    assert group([late(30)], [ended(20)], minutes=31) == ()
    delay = LABEL_DELAY_S / 60
    assert len(group([late(30)], [ended(20)], minutes=20 + delay + 61)) == 1  # still off: that is another trouble


def test_what_was_over_before_anybody_heard_of_it_is_no_part_of_the_incident_that_is_told():
    blip, lasting = finding(K.CPU, "n-01"), finding(K.LATENCY, "scoring", minutes=1)
    *_, last = run((2, [blip]), (3, [blip, lasting]), (4, [lasting]), (5, [lasting]))

    [found] = last
    assert (found.state, len(found.members)) == (State.FIRING, 1)
    assert found.opened == lasting.detected


def test_one_that_came_back_keeps_its_past():
    over = replace(
        incident(SLOW, FAILING), state=State.RESOLVED, resolved=ONSET + 5 * MINUTE, opened=ONSET + 2 * MINUTE
    )
    *_, last = run((10, [SLOW]), (11, [SLOW]), (12, [SLOW]), (13, [SLOW]), before=[over])

    [found] = last
    assert (found.state, len(found.members), found.opened) == (State.FIRING, 2, over.opened)


def test_quality_that_comes_back_reopens_its_thread_and_is_no_echo_of_itself():
    worse = late(0)
    over = replace(incident(worse), state=State.RESOLVED, resolved=ONSET + 20 * MINUTE)

    [found] = group([late(30)], [over], minutes=31)

    assert (found.id, found.reopened) == (over.id, 1)
