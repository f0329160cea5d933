"""Messages: which go out for which reason, within what an incident may cost, and what may be pressed on them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.catalogue import Kind
from bot.domain.incident import State
from bot.domain.message import ChangeMessage, EvidenceMessage, HeadlineMessage, PlotSeries, Slot
from bot.domain.notice import Notice, Reason
from bot.domain.verdict import Candidate, Cause, RollbackAdvice, Subcause
from bot.pipeline.speak import headline_of, speak
from tests.pipeline.builders import (
    CATALOGUE,
    CRITICAL,
    MINUTE,
    ONSET,
    POLICY,
    WARNING,
    finding,
    incident,
    silence,
    told,
    verdict,
)

K = Kind
NOW = ONSET + 10 * MINUTE
SOON = NOW + POLICY.edit_debounce
FIRING = incident(finding(K.PREDICTION, "fraud"), verdict=verdict(), revision=4)
RESOLVED = replace(FIRING, state=State.RESOLVED, resolved=NOW - 5 * MINUTE)
PLOT = PlotSeries(title="x", unit="", times_s=(0.0,), values=(1.0,), expected=1.0, band=0.1, onset_s=0.0)
PICTURE_AND_EXPLANATION = 2  # follow the evidence by themselves, each one reply


def say(reason, about=FIRING, known=None, plot=()):
    notice = Notice(incident_id=about.id, revision=about.revision, reason=reason)
    headline = headline_of(about, (), CATALOGUE, now=NOW)
    return speak(notice, about, known, headline, plot, now=NOW, policy=POLICY)


def slots(speech):
    return [(one.slot, one.not_before) for one in speech.outbox]


@pytest.mark.parametrize(
    ("reason", "about", "expected"),
    [
        pytest.param(Reason.FIRST, FIRING, [("headline", NOW), ("evidence", NOW)], id="first"),
        pytest.param(Reason.SPREAD, FIRING, [("headline", SOON), ("evidence", SOON)], id="spread waits, calls nobody"),
        pytest.param(
            Reason.VERDICT, FIRING, [("headline", NOW), ("evidence", NOW), ("reply:4", NOW)], id="another cause"
        ),
        pytest.param(Reason.SEVERITY, FIRING, [("headline", NOW), ("evidence", NOW), ("reply:4", NOW)], id="worse"),
        pytest.param(Reason.RESOLVED, RESOLVED, [("headline", NOW), ("evidence", NOW), ("reply:4", NOW)], id="over"),
        pytest.param(Reason.PERSON, FIRING, [("headline", NOW)], id="a person acted"),
    ],
)
def test_each_reason_has_its_messages_and_only_growth_waits(reason, about, expected):
    known = None if reason is Reason.FIRST else told(FIRING, replies=3)

    assert slots(say(reason, about, known)) == expected


def test_the_first_evidence_carries_the_pictures_and_later_ones_do_not():
    first, later = say(Reason.FIRST, plot=[PLOT]), say(Reason.SPREAD, known=told(FIRING, replies=3), plot=[PLOT])

    assert [one.message.plot for one in (first.outbox[1], later.outbox[1])] == [(PLOT,), ()]


def test_the_same_content_has_the_same_key_and_another_revision_another():
    again = say(Reason.FIRST)
    later = say(Reason.FIRST, replace(FIRING, revision=5))

    assert [one.op for one in again.outbox] == ["inc-1:headline:4", "inc-1:evidence:4"]
    assert not {one.op for one in again.outbox} & {one.op for one in later.outbox}


@pytest.mark.parametrize(
    ("reason", "loud"),
    [
        pytest.param(Reason.SEVERITY, True, id="worse"),
        pytest.param(Reason.VERDICT, False, id="another cause"),
        pytest.param(Reason.RESOLVED, False, id="over"),
    ],
)
def test_only_what_concerns_the_whole_channel_is_shown_to_it(reason, loud):
    (reply,) = [one.message for one in say(reason, known=told(FIRING)).outbox if isinstance(one.message, ChangeMessage)]

    assert (reply.reason, reply.broadcast) == (reason, loud)


def test_a_reply_says_what_it_was_before():
    known = told(FIRING, severity=WARNING, cause=Cause.INFRASTRUCTURE)

    reply = say(Reason.SEVERITY, replace(FIRING, severity=CRITICAL), known).outbox[-1].message

    assert (reply.previous_severity, reply.severity) == (WARNING, CRITICAL)
    assert (reply.previous_cause, reply.cause) == (Cause.INFRASTRUCTURE, Cause.MODEL)


def test_an_end_is_dated_by_when_it_ended_not_by_when_it_is_told():
    reply = say(Reason.RESOLVED, RESOLVED, told(FIRING)).outbox[-1].message

    assert reply.at == RESOLVED.resolved


# ---------------------------------------------------------------- the budget


def posts(reasons):
    """New messages in Slack over a whole incident: edits of a slot that stands cost none."""
    seen, known, about = set(), None, replace(FIRING, revision=0)
    for reason in reasons:
        state = State.RESOLVED if reason is Reason.RESOLVED else State.FIRING
        about = replace(about, state=state, revision=about.revision + 1)
        speech = say(reason, about, known)
        seen |= {one.slot for one in speech.outbox}
        known = speech.told
    return seen


LIVELY = st.lists(st.sampled_from([Reason.SPREAD, Reason.VERDICT, Reason.SEVERITY, Reason.PERSON]), max_size=12)


@settings(max_examples=100, deadline=None)
@given(between=LIVELY)
def test_an_incident_costs_a_headline_and_at_most_five_replies(between):
    seen = posts([Reason.FIRST, *between, Reason.RESOLVED])

    assert len(seen) + PICTURE_AND_EXPLANATION <= 1 + POLICY.reply_budget


@settings(max_examples=100, deadline=None)
@given(between=LIVELY)
def test_the_end_is_told_however_lively_it_was(between):
    seen = posts([Reason.FIRST, *between, Reason.RESOLVED])

    assert f"{Slot.REPLY}:{len(between) + 2}" in seen


def test_a_quiet_incident_still_has_room_for_one_change():
    seen = posts([Reason.FIRST, Reason.SEVERITY, Reason.VERDICT, Reason.RESOLVED])

    assert seen == {"headline", "evidence", "reply:2", "reply:4"}


# ---------------------------------------------------------------- what people then know


def test_people_then_know_what_was_said():
    known = say(Reason.FIRST).told

    assert (known.state, known.cause, known.severity) == (State.FIRING, Cause.MODEL, FIRING.severity)
    assert (known.firing, known.revision, known.at) == (FIRING.firing, 4, NOW)


def test_what_ceased_and_returns_is_not_news_within_one_spell():
    ended = replace(FIRING, members=tuple(replace(one, ended=NOW) for one in FIRING.members))

    known = say(Reason.SEVERITY, ended, told(FIRING)).told

    assert known.firing == FIRING.firing


def test_after_the_end_nothing_is_known_to_fire():
    assert say(Reason.RESOLVED, RESOLVED, told(FIRING)).told.firing == frozenset()


def test_a_spread_does_not_count_as_having_told_another_cause():
    known = say(Reason.SPREAD, FIRING, told(FIRING, cause=Cause.INFRASTRUCTURE)).told

    assert known.cause is Cause.INFRASTRUCTURE


def test_flapping_is_said_once():
    once = say(Reason.FLAPPING, FIRING, told(RESOLVED)).told
    later = say(Reason.SPREAD, FIRING, once).told

    assert (once.flapping_said, later.flapping_said) == (True, True)


def test_a_new_spell_may_cost_one_change_and_its_end():
    known = say(Reason.REOPENED, FIRING, told(RESOLVED, replies=5)).told

    assert [len(say(reason, FIRING, known).outbox) for reason in (Reason.VERDICT, Reason.RESOLVED)] == [3, 3]


# ---------------------------------------------------------------- the headline

OFFERED = verdict(rollback=RollbackAdvice.ADVISED)
ONE_OF_TWO = replace(
    verdict(rollback=RollbackAdvice.UNKNOWN),
    cause=Cause.UNDETERMINED,
    subcauses=(Subcause.CONCEPT_DRIFT, Subcause.BAD_VERSION),
    entity="",
)


@pytest.mark.parametrize(
    ("about", "model"),
    [
        pytest.param(replace(FIRING, verdict=OFFERED), "fraud", id="advised"),
        pytest.param(replace(FIRING, verdict=ONE_OF_TWO), "fraud", id="not known whether it helps"),
        pytest.param(replace(FIRING, verdict=OFFERED, state=State.PENDING), "fraud", id="not told yet"),
        pytest.param(replace(FIRING, verdict=OFFERED, state=State.RESOLVED), None, id="over"),
        pytest.param(replace(FIRING, verdict=OFFERED, action_live=True), None, id="somebody acts already"),
        pytest.param(
            replace(FIRING, verdict=OFFERED, action="rollback: denied"), "fraud", id="an action that came to nothing"
        ),
        pytest.param(replace(FIRING, verdict=None), None, id="no verdict"),
        pytest.param(
            replace(FIRING, verdict=replace(OFFERED, rollback=RollbackAdvice.NOT_ADVISED)), None, id="not advised"
        ),
        pytest.param(replace(FIRING, verdict=verdict(Subcause.CONCEPT_DRIFT)), None, id="another cause"),
        pytest.param(replace(FIRING, verdict=verdict(entity="undeclared")), None, id="a model nobody declared"),
    ],
)
def test_a_rollback_is_offered_only_while_it_may_help(about, model):
    assert headline_of(about, (), CATALOGUE, now=NOW).can_roll_back == model


def test_the_model_offered_is_the_likeliest_with_a_bad_version():
    two = tuple(
        Candidate(cause=Cause.MODEL, subcause=Subcause.BAD_VERSION, entity=entity, probability=share)
        for entity, share in (("ranking", 0.6), ("fraud", 0.3))
    )

    found = headline_of(replace(FIRING, verdict=replace(OFFERED, candidates=two)), (), CATALOGUE, now=NOW)

    assert found.can_roll_back == "ranking"


def test_a_silenced_headline_says_by_whom_until_when_and_why():
    mute = silence("model=fraud")

    mark = headline_of(FIRING, [mute], CATALOGUE, now=NOW).silenced

    assert (mark.by, mark.ends, mark.reason) == (mute.by, mute.ends, mute.reason)


def test_a_resolved_headline_shows_no_silence():
    assert headline_of(RESOLVED, [silence("model=fraud")], CATALOGUE, now=NOW).silenced is None


def test_the_headline_stands_in_every_speech():
    kinds = [type(one.message) for one in say(Reason.FIRST).outbox]

    assert kinds == [HeadlineMessage, EvidenceMessage]


def test_a_reopened_incident_is_told_to_the_channel():
    known = say(Reason.RESOLVED, RESOLVED, say(Reason.FIRST).told).told

    said = say(Reason.REOPENED, replace(FIRING, revision=6, reopened=1), known)

    assert [one.slot for one in said.outbox] == ["headline", "evidence", "reply:6"]
    assert said.outbox[-1].message.broadcast


def test_flapping_is_said_when_an_incident_returns_too_often():
    known = told(RESOLVED, replies=4)

    said = say(Reason.FLAPPING, replace(FIRING, revision=6, reopened=3), known)

    assert "reply:6" in [one.slot for one in said.outbox]


def test_once_flapping_was_said_a_return_is_only_an_edit():
    known = told(RESOLVED, replies=4, flapping_said=True)

    said = say(Reason.REOPENED, replace(FIRING, revision=6, reopened=4), known)

    assert "reply:6" not in [one.slot for one in said.outbox]
