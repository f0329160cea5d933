"""Learning: a few answers move a close call a little, none overrules plain evidence, and nothing is learnt for good."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalogue import Kind
from bot.domain.incident import Feedback, IncidentId, State
from bot.domain.learning import NOTHING_LEARNT, Learnt, Lesson, LessonSource, Share, Tally
from bot.domain.proposal import ActionKind, Check, Proposal, ProposalId, ProposalState
from bot.domain.verdict import Candidate, Cause, Subcause
from bot.pipeline.classify import classify
from bot.pipeline.learning import (
    HALF_LIFE,
    MOST,
    SILENT_WEIGHT,
    START,
    counted,
    from_feedback,
    from_resolution,
    from_rollback,
    learnt_from,
    rows_of,
    with_lesson,
)
from bot.pipeline.signatures import SIGNATURES
from tests.pipeline.builders import CATALOGUE, ONSET, finding, incident, promotion, scene, verdict

NOW = ONSET + timedelta(days=1)
DAY = timedelta(days=1)
S = Subcause
WEIGHED = sorted(START)


def lesson(
    subcause=S.DISK_SATURATION, number=1, *, source=LessonSource.FEEDBACK, weight=1.0, age=timedelta(), **fields
):
    shares = (Share(subcause=subcause, weight=weight),)
    one = Lesson(
        incident_id=IncidentId(f"inc-{number}"), source=source, at=NOW - age, side=subcause.cause, shares=shares
    )
    return replace(one, **fields)


def rollback(state, *, serving=True, recovered=True, kind=ActionKind.ROLLBACK):
    return Proposal(
        id=ProposalId("prop-1"),
        kind=kind,
        model="fraud",
        from_version="42",
        to_version="41",
        requested_by="U0ANNA",
        requested_at=ONSET,
        expires_at=ONSET,
        nonce="n",
        state=state,
        outcome_checks=(
            Check(name="serving", passed=serving, detail=""),
            Check(name="recovered", passed=recovered, detail=""),
        ),
    )


def shares_of(one):
    return {share.subcause: pytest.approx(share.weight) for share in one.shares}


# ---------------------------------------------------------------- what an incident teaches


def test_the_start_is_the_signatures_shares_with_the_shapes_of_a_cause_added_up():
    total = sum(signature.prior for signature in SIGNATURES)

    assert sum(START.values()) == pytest.approx(1.0)
    assert START[S.BAD_VERSION] == pytest.approx(0.14 / total)
    assert S.TELEMETRY_LOSS not in START


@pytest.mark.parametrize(
    ("about", "answer", "expected"),
    [
        pytest.param(verdict(S.BAD_VERSION), Feedback.MODEL, {S.BAD_VERSION: 1.0}, id="agreed"),
        pytest.param(
            verdict(
                S.BAD_VERSION,
                candidates=(
                    Candidate(cause=Cause.MODEL, subcause=S.BAD_VERSION, entity="fraud", probability=0.8),
                    Candidate(cause=Cause.INFRASTRUCTURE, subcause=S.NETWORK, entity="n-01", probability=0.1),
                    Candidate(cause=Cause.INFRASTRUCTURE, subcause=S.NETWORK, entity="n-02", probability=0.05),
                    Candidate(cause=Cause.INFRASTRUCTURE, subcause=S.BAD_DEPLOY, entity="scoring", probability=0.05),
                ),
            ),
            Feedback.INFRASTRUCTURE,
            {S.NETWORK: 0.75, S.BAD_DEPLOY: 0.25},
            id="corrected: by the candidates of that side",
        ),
        pytest.param(
            verdict(S.DISK_SATURATION, "n-04", cause=Cause.MIXED, subcauses=(S.BAD_VERSION, S.DISK_SATURATION)),
            Feedback.MODEL,
            {S.BAD_VERSION: 1.0},
            id="mixed: the half that was named",
        ),
        pytest.param(verdict(S.TELEMETRY_LOSS, "n-04"), Feedback.INFRASTRUCTURE, {}, id="a cause that is not weighed"),
        pytest.param(verdict(S.BAD_VERSION), Feedback.NEITHER, {}, id="neither gives nothing to anybody"),
    ],
)
def test_an_answer_counts_for_the_side_it_names(about, answer, expected):
    one = from_feedback(incident(verdict=about, feedback=answer, feedback_by="U0ANNA"), now=NOW)

    assert shares_of(one) == expected
    assert one.side == (None if answer is Feedback.NEITHER else Cause(answer.value))
    assert (one.source, one.by, one.at) == (LessonSource.FEEDBACK, "U0ANNA", NOW)


def test_a_side_without_any_candidate_is_spread_by_the_usual_shares():
    one = from_feedback(incident(verdict=verdict(S.BAD_VERSION), feedback=Feedback.INFRASTRUCTURE), now=NOW)

    assert {share.subcause.cause for share in one.shares} == {Cause.INFRASTRUCTURE}
    assert one.weight == pytest.approx(1.0)
    assert shares_of(one)[S.BAD_DEPLOY] == pytest.approx(shares_of(one)[S.DEPENDENCY_FAILURE].expected)


def test_without_an_answer_there_is_no_lesson():
    assert from_feedback(incident(verdict=verdict()), now=NOW) is None


def test_a_rollback_that_helped_speaks_for_the_version_and_one_that_did_not_for_all_else():
    about = incident(
        verdict=verdict(
            candidates=(
                Candidate(cause=Cause.MODEL, subcause=S.BAD_VERSION, entity="fraud", probability=0.9),
                Candidate(cause=Cause.MODEL, subcause=S.CONCEPT_DRIFT, entity="fraud", probability=0.1),
            )
        )
    )

    helped = from_rollback(rollback(ProposalState.VERIFIED), about, now=NOW)
    not_helped = from_rollback(rollback(ProposalState.FAILED, recovered=False), about, now=NOW)

    assert (helped.source, helped.side, shares_of(helped)) == (
        LessonSource.ROLLBACK_HELPED,
        Cause.MODEL,
        {S.BAD_VERSION: 1.0},
    )
    assert (not_helped.source, not_helped.side, shares_of(not_helped)) == (
        LessonSource.ROLLBACK_NO_HELP,
        None,
        {S.CONCEPT_DRIFT: 1.0},
    )


@pytest.mark.parametrize(
    "outcome",
    [
        pytest.param(rollback(ProposalState.UNCONFIRMED, serving=False), id="never seen to serve"),
        pytest.param(replace(rollback(ProposalState.FAILED), outcome_checks=()), id="the registry refused"),
        pytest.param(rollback(ProposalState.VERIFIED, kind=ActionKind.RETRAIN), id="a retraining that was accepted"),
        pytest.param(rollback(ProposalState.DENIED), id="denied"),
    ],
)
def test_what_was_not_tried_teaches_nothing(outcome):
    assert from_rollback(outcome, incident(verdict=verdict()), now=NOW) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, {S.BAD_VERSION: SILENT_WEIGHT}, id="settled"),
        pytest.param({"state": State.FIRING}, None, id="still open"),
        pytest.param({"feedback": Feedback.MODEL}, None, id="a person has spoken"),
        pytest.param({"verdict": None}, None, id="not judged"),
        pytest.param({"verdict": verdict(cause=Cause.UNDETERMINED)}, None, id="not settled"),
        pytest.param({"verdict": verdict(S.TELEMETRY_LOSS, "n-04")}, None, id="not weighed"),
    ],
)
def test_an_end_without_a_word_is_a_weak_lesson(fields, expected):
    about = replace(incident(verdict=verdict(), state=State.RESOLVED, resolved=NOW), **fields)

    one = from_resolution(about, now=NOW)

    assert (None if one is None else shares_of(one)) == expected


# ---------------------------------------------------------------- from lessons to priors


def test_one_confirmation_is_one_incident_beside_twenty():
    found = learnt_from([lesson()], now=NOW)

    share = START[S.DISK_SATURATION]
    assert found.nats_of(S.DISK_SATURATION) == pytest.approx(log((20 * share + 1) / 21 / share))
    assert found.nats_of(S.NETWORK) == pytest.approx(log(20 / 21))
    assert found.side_nats < 0
    assert found.confirmed == Tally(infrastructure=1)


def test_a_lesson_loses_half_of_its_weight_in_half_a_year():
    late = learnt_from([lesson(age=HALF_LIFE)], now=NOW)
    half = learnt_from([lesson(weight=0.5)], now=NOW)

    assert late.nats_of(S.DISK_SATURATION) == pytest.approx(half.nats_of(S.DISK_SATURATION))
    assert learnt_from([lesson(age=6 * HALF_LIFE)], now=NOW) == NOTHING_LEARNT


def test_what_a_person_said_replaces_silence_and_one_incident_counts_once():
    silence = lesson(source=LessonSource.RESOLVED, weight=SILENT_WEIGHT)
    answer = lesson(S.BAD_VERSION)
    helped = lesson(S.BAD_VERSION, source=LessonSource.ROLLBACK_HELPED)

    assert learnt_from([silence, answer], now=NOW) == learnt_from([answer], now=NOW)
    assert learnt_from([answer, helped], now=NOW).nats == pytest.approx(learnt_from([answer], now=NOW).nats)
    assert learnt_from([answer, helped], now=NOW).confirmed == Tally(model=1)


def test_neither_takes_our_own_verdict_back_and_changes_nothing_else():
    silence = lesson(source=LessonSource.RESOLVED, weight=SILENT_WEIGHT)
    neither = lesson(shares=(), side=None)

    found = learnt_from([silence, neither], now=NOW)

    assert found.nats == pytest.approx(dict.fromkeys(found.nats, 0.0))
    assert found.confirmed.total == found.uncorrected.total == 0


def test_the_table_says_which_lessons_speak_for_a_cause():
    table = rows_of([lesson(), lesson(number=2, source=LessonSource.RESOLVED, weight=0.2)], now=NOW)

    row = next(row for row in table if row.subcause is S.DISK_SATURATION)
    assert row.lessons[LessonSource.FEEDBACK] == row.lessons[LessonSource.RESOLVED] == 1
    assert row.here > row.start
    assert sum(row.here for row in table) == pytest.approx(1.0)


LESSONS = st.lists(
    st.builds(
        lesson,
        st.sampled_from(WEIGHED),
        st.integers(1, 6),
        source=st.sampled_from(LessonSource),
        weight=st.floats(0.0, 1.0),
        age=st.timedeltas(timedelta(), 3 * HALF_LIFE),
        void_since=st.sampled_from([None, None, NOW]),
    ),
    max_size=12,
    unique_by=lambda one: (one.incident_id, one.source),
)


@given(LESSONS, st.sampled_from(WEIGHED))
def test_another_confirmed_incident_never_lowers_its_cause(lessons, subcause):
    before = learnt_from(lessons, now=NOW).nats_of(subcause)

    after = learnt_from([*lessons, lesson(subcause, 99)], now=NOW).nats_of(subcause)

    assert after >= before - 1e-12


@given(LESSONS, st.integers(0, 500), st.sampled_from(WEIGHED))
def test_no_cause_is_moved_beyond_the_cap(lessons, many, subcause):
    found = learnt_from([*lessons, *(lesson(subcause, 100 + n) for n in range(many))], now=NOW)

    assert all(abs(nats) <= MOST for nats in found.nats.values())
    assert abs(found.side_nats) <= 2 * MOST


@given(LESSONS.flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_of_lessons_is_nothing(pair):
    found, shuffled = pair

    assert learnt_from(found, now=NOW) == learnt_from(shuffled, now=NOW)


@given(LESSONS)
def test_a_reset_returns_to_the_start_and_taking_it_back_to_where_it_was(lessons):
    void = [replace(one, void_since=NOW) for one in lessons]
    restored = [replace(one, void_since=was.void_since) for one, was in zip(void, lessons, strict=True)]

    assert learnt_from(void, now=NOW) == NOTHING_LEARNT
    assert learnt_from(restored, now=NOW) == learnt_from(lessons, now=NOW)


@given(LESSONS, st.permutations(range(1, 7)))
def test_what_the_incidents_are_called_changes_nothing(lessons, names):
    renamed = [
        replace(one, incident_id=IncidentId(f"x-{names[int(one.incident_id.removeprefix('inc-')) - 1]}"))
        for one in lessons
    ]

    found, other = learnt_from(lessons, now=NOW), learnt_from(renamed, now=NOW)
    assert found.nats == pytest.approx(other.nats)


@given(LESSONS)
def test_no_incident_counts_for_more_than_one(lessons):
    weights: dict[str, float] = {}
    for one in counted(lessons):
        weights[one.incident_id] = weights.get(one.incident_id, 0.0) + one.weight

    assert all(weight <= 1.0 + 1e-9 for weight in weights.values())


# ---------------------------------------------------------------- in the verdict

# a heavier version or a busy node: both account for this
CLOSE = (finding(Kind.INFERENCE_LATENCY, "fraud"), finding(Kind.LATENCY, "scoring"), finding(Kind.CPU, "n-01"))


def judged(learnt=NOTHING_LEARNT, findings=CLOSE, changes=()):
    return classify(incident(*findings), CATALOGUE, replace(scene(*findings, changes=changes), learnt=learnt))


def test_what_was_learnt_moves_the_scales_by_exactly_that_and_is_said():
    learnt = learnt_from([lesson(S.CPU_SATURATION, n) for n in range(7)], now=NOW)

    before, after = judged(), judged(learnt)

    assert after.model_probability < before.model_probability
    odds = log(after.model_probability / (1 - after.model_probability))
    was = log(before.model_probability / (1 - before.model_probability))
    assert abs(odds - was) <= 2 * MOST
    [line] = [reason for reason in after.reasoning if reason.kind == "learnt"]
    assert line.text == "in 7 of 7 confirmed incidents here it was the infrastructure"
    assert line.weight < -0.1
    assert not [reason for reason in before.reasoning if reason.kind == "learnt"]


def test_nothing_learnt_says_nothing_and_changes_nothing():
    assert judged(learnt_from([], now=NOW)) == judged()


def test_all_that_can_be_learnt_does_not_acquit_a_version_that_plainly_went_bad():
    signs = (finding(Kind.PREDICTION, "fraud"), finding(Kind.PREDICTION_DRIFT, "fraud", minutes=1))
    learnt = Learnt(nats={s: -MOST if s.cause is Cause.MODEL else MOST for s in START})

    found = judged(learnt, signs, changes=(promotion(),))

    assert (found.cause, found.subcauses) == (Cause.MODEL, (S.BAD_VERSION,))


@pytest.mark.parametrize(
    ("learnt", "said"),
    [
        pytest.param(
            Learnt(nats={S.BAD_VERSION: 0.5}, confirmed=Tally(model=7, infrastructure=2)),
            "in 7 of 9 confirmed incidents here it was the model",
            id="confirmed",
        ),
        pytest.param(
            Learnt(nats={S.NETWORK: 0.5}, uncorrected=Tally(infrastructure=3)),
            "in 3 of 3 incidents that ended here without a correction it was the infrastructure",
            id="silence",
        ),
        pytest.param(
            Learnt(nats={S.BAD_VERSION: 0.5}, confirmed=Tally(model=2, infrastructure=7)),
            "against what is usual, bad version is to blame more often here than network",
            id="the side in general says otherwise",
        ),
        pytest.param(Learnt(nats={S.BAD_VERSION: 0.05}, confirmed=Tally(model=1)), None, id="too little to tell"),
    ],
)
def test_the_line_in_the_argument(learnt, said):
    about = verdict(
        candidates=(
            Candidate(cause=Cause.MODEL, subcause=S.BAD_VERSION, entity="fraud", probability=0.6),
            Candidate(cause=Cause.INFRASTRUCTURE, subcause=S.NETWORK, entity="n-01", probability=0.4),
        )
    )

    found = with_lesson(about, learnt)

    assert [reason.text for reason in found.reasoning] == ([said] if said else [])
