"""The front desk: what people may ask of us, what they are refused in words, and what is shown at once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.incident import Feedback, Member, Severity, State
from bot.domain.labels import MatchOp
from bot.domain.learning import LessonSource
from bot.domain.message import ChangeMessage, Slot
from bot.domain.notice import Reason
from bot.domain.proposal import ProposalState
from bot.domain.silence import MAX_SILENCE
from bot.domain.verdict import Cause, Subcause
from bot.errors import BadInputError, RefusedError, RetryLaterError
from bot.pipeline.learning import SILENT_WEIGHT
from bot.ports import Changeset, ConcurrentChangeError, IncidentWrite, TickMark
from bot.service import Service
from tests.app.bench import Bench
from tests.app.builders import (
    ANNA,
    AUC,
    BEN,
    CATALOGUE,
    DISK,
    FULL_DISK,
    HOUR,
    LATENCY,
    MINUTE,
    T0,
    TWO_MODELS,
    disk_finding,
    finding,
    incident,
    matcher,
    put,
    silence,
)
from tests.app.fakes import FakeExplainer
from tests.app.outbox import waiting
from tests.app.plant import Plant, stepped

CHURN = replace(AUC, entity="churn")


class Office:
    """A front desk over a store in memory, five minutes after T0."""

    def __init__(self, *, catalogue=TWO_MODELS):
        self.bench = Bench(catalogue=catalogue)
        self.store, self.clock = self.bench.store, self.bench.clock
        self.clock.set(T0 + 5 * MINUTE)
        self.plant = Plant(store=self.store, catalogue=catalogue)
        self.explainer = FakeExplainer()
        self.desk = Service(
            store=self.store,
            tick=self.plant.tick,
            proposals=self.bench.proposals,
            explainer=self.explainer,
            catalogue=catalogue,
            clock=self.clock,
            dry_run=True,
        )

    async def overtaken(self, times=1):
        """Let somebody else write first, so often."""

        async def conflict():
            raise ConcurrentChangeError("changed")

        self.store.before_commit.extend([conflict] * times)

    async def headline(self, name="inc-7f3a"):
        return await waiting(self.store, Slot.HEADLINE, name)


async def office(*incidents, told=True):
    made = Office()
    await put(made.store, *incidents, told=told)
    return made


# ---------------------------------------------------------------- answering an incident


async def test_an_acknowledgement_is_remembered_shown_at_once_and_audited():
    made = await office(incident())

    done = await made.desk.acknowledge("inc-7f3a", by=ANNA)

    assert (done.acknowledged_by, done.acknowledged_at, done.revision) == (ANNA, T0 + 5 * MINUTE, 2)
    assert (await made.headline()).incident == done == await made.store.incident("inc-7f3a")
    assert await made.bench.audited() == [(ANNA, "incident.acknowledged")]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"acknowledged_by": BEN}, f"already acknowledged by <@{BEN}>", id="twice"),
        pytest.param({"state": State.RESOLVED, "resolved": T0}, "this incident is over already", id="over"),
    ],
)
async def test_an_acknowledgement_that_comes_too_late_is_refused(changes, sentence):
    made = await office(incident(**changes))

    with pytest.raises(RefusedError) as refusal:
        await made.desk.acknowledge("inc-7f3a", by=ANNA)

    assert str(refusal.value) == sentence
    assert await made.store.incident("inc-7f3a") == incident(**changes)


async def test_resolving_by_hand_ends_it_and_is_told_in_the_thread_with_the_name():
    made = await office(incident())

    done = await made.desk.resolve("inc-7f3a", by=ANNA)

    assert (done.state, done.resolved, done.resolved_by, done.firing) == (
        State.RESOLVED,
        T0 + 5 * MINUTE,
        ANNA,
        frozenset(),
    )
    reply = await waiting(made.store, "reply:2")
    assert isinstance(reply, ChangeMessage)
    assert (reply.reason, reply.by) == (Reason.RESOLVED, ANNA)


async def test_a_tick_after_a_resolution_by_hand_does_not_tell_the_end_again():
    made = await office(incident())
    await made.desk.resolve("inc-7f3a", by=ANNA)

    told = (await made.store.told(["inc-7f3a"]))["inc-7f3a"]

    assert (told.state, told.firing) == (State.RESOLVED, frozenset())


async def test_trouble_that_goes_on_after_it_was_resolved_by_hand_is_opened_again():
    made = Office(catalogue=CATALOGUE)
    made.plant.source.series[DISK] = stepped(0.61, 0.004, to=0.97, at=T0)
    await made.plant.tick.warm_up(T0)
    await made.plant.run(5)
    (found,) = await made.store.incidents(limit=5)
    await made.desk.resolve(found.id, by=ANNA)

    heard = await made.plant.run(5)

    assert heard == ["resolved", "reopened"]
    assert (await made.store.incident(found.id)).state is State.FIRING


async def test_what_is_over_cannot_be_resolved():
    made = await office(incident(state=State.RESOLVED, resolved=T0))

    with pytest.raises(RefusedError, match="over already"):
        await made.desk.resolve("inc-7f3a", by=ANNA)


@pytest.mark.parametrize("answer", Feedback)
@pytest.mark.parametrize("state", [State.FIRING, State.RESOLVED])
async def test_an_answer_to_the_verdict_is_kept_even_after_the_end(answer, state):
    made = await office(incident(state=state, resolved=T0 if state is State.RESOLVED else None))

    await made.desk.feedback("inc-7f3a", answer, by=ANNA)

    found = await made.store.incident("inc-7f3a")
    assert (found.feedback, found.feedback_by) == (answer, ANNA)
    assert await made.bench.audited() == [(ANNA, f"incident.feedback.{answer}")]


async def test_an_answer_is_a_lesson_and_the_next_answer_replaces_it():
    made = await office(incident())
    await made.desk.feedback("inc-7f3a", Feedback.NEITHER, by=BEN)

    await made.desk.feedback("inc-7f3a", Feedback.MODEL, by=ANNA)

    [lesson] = await made.store.lessons(since=T0)
    assert (lesson.source, lesson.by, lesson.side) == (LessonSource.FEEDBACK, ANNA, Cause.MODEL)
    assert [share.subcause for share in lesson.shares] == [Subcause.BAD_VERSION]


async def test_closing_an_incident_by_hand_agrees_a_little_and_other_acts_teach_nothing():
    made = await office(incident())
    await made.desk.acknowledge("inc-7f3a", by=ANNA)
    assert await made.store.lessons(since=T0) == []

    await made.desk.resolve("inc-7f3a", by=ANNA)

    [lesson] = await made.store.lessons(since=T0)
    assert (lesson.source, lesson.weight) == (LessonSource.RESOLVED, SILENT_WEIGHT)


async def test_what_nobody_was_told_of_gets_no_message_by_a_click():
    made = await office(incident(), told=False)

    await made.desk.acknowledge("inc-7f3a", by=ANNA)

    assert await made.headline() is None


async def test_a_click_that_the_tick_overtakes_is_decided_again():
    made = await office(incident())

    async def tick():
        old = await made.store.incident("inc-7f3a")
        new = replace(old, severity=Severity.WARNING, revision=old.revision + 1)
        await made.store.commit(Changeset(incidents=(IncidentWrite(incident=new, expected_revision=old.revision),)))

    made.store.before_commit.append(tick)

    done = await made.desk.acknowledge("inc-7f3a", by=ANNA)

    assert (done.acknowledged_by, done.severity, done.revision) == (ANNA, Severity.WARNING, 3)


async def test_a_click_that_somebody_elses_click_overtakes_is_refused():
    made = await office(incident())
    made.store.before_commit.append(lambda: made.desk.acknowledge("inc-7f3a", by=BEN))

    with pytest.raises(RefusedError, match=f"already acknowledged by <@{BEN}>"):
        await made.desk.acknowledge("inc-7f3a", by=ANNA)


async def test_a_click_that_is_overtaken_again_and_again_is_tried_later():
    made = await office(incident())
    await made.overtaken(times=5)

    with pytest.raises(RetryLaterError, match="try again in a minute"):
        await made.desk.acknowledge("inc-7f3a", by=ANNA)


# ---------------------------------------------------------------- finding an incident


@pytest.mark.parametrize("asked", ["inc-7f3a", "7f3a", "7f", "inc-7f", " `inc-7f3a` "])
async def test_an_id_may_be_shortened(asked):
    made = await office(incident("inc-7f3a"), incident("inc-8000"))

    assert (await made.desk.incident(asked)).id == "inc-7f3a"


async def test_a_whole_id_wins_over_a_longer_one_that_begins_like_it():
    made = await office(incident("inc-7f"), incident("inc-7f3a"))

    assert (await made.desk.incident("inc-7f")).id == "inc-7f"


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        pytest.param("7f", "'7f' fits 2 incidents (inc-7f3b, inc-7f3a): give one more character", id="ambiguous"),
        pytest.param("9", "there is no incident '9'; /faultline incidents lists them", id="unknown"),
        pytest.param(
            "inc-", "there is no incident 'inc-'; /faultline incidents lists them", id="nothing but the prefix"
        ),
        pytest.param("", "there is no incident ''; /faultline incidents lists them", id="nothing"),
    ],
)
async def test_an_id_that_fits_none_or_several_is_answered_with_what_to_do(asked, sentence):
    made = await office(incident("inc-7f3a"), incident("inc-7f3b", at=T0 + MINUTE), incident("inc-8000", at=T0 + HOUR))

    with pytest.raises(BadInputError) as answer:
        await made.desk.incident(asked)

    assert str(answer.value) == sentence


async def test_the_newest_incidents_come_first_and_not_all_of_them():
    made = await office(*(incident(f"inc-{number:02d}", at=T0 + number * MINUTE) for number in range(25)))

    assert [one.id for one in await made.desk.incidents()] == [f"inc-{number:02d}" for number in range(24, 4, -1)]


async def test_an_explanation_on_demand_is_of_the_incident_that_was_asked_for():
    made = await office(incident())

    answer = await made.desk.explain("7f3a")

    assert (answer.incident_id, len(made.explainer.packs)) == ("inc-7f3a", 1)


# ---------------------------------------------------------------- silences


@pytest.mark.parametrize(
    ("matchers", "lasts", "reason", "sentence"),
    [
        pytest.param((), HOUR, "noise", "a silence needs at least one matcher", id="no matcher"),
        pytest.param(
            (matcher(op=MatchOp.REGEX, value=".*"),),
            HOUR,
            "noise",
            "these matchers would mute everything",
            id="everything",
        ),
        pytest.param(
            (matcher(op=MatchOp.NOT_EQUAL, value="x"),),
            HOUR,
            "noise",
            "these matchers would mute everything",
            id="all but one",
        ),
        *(
            pytest.param(
                (matcher("entity", value, op=MatchOp.REGEX),),
                HOUR,
                "noise",
                "these matchers would mute everything",
                id=f"every name: {value}",
            )
            for value in (".+", "[^ ].*", "fraud|.+")
        ),
        pytest.param((matcher(),), HOUR, "  ", "say why", id="no reason"),
        pytest.param(
            (matcher(),), MAX_SILENCE + MINUTE, "noise", "a silence lasts between 1 minute and 7 days", id="too long"
        ),
        pytest.param((matcher(),), timedelta(seconds=59), "noise", "a silence lasts between", id="too short"),
        pytest.param((matcher(),), -HOUR, "noise", "a silence lasts between", id="backwards"),
    ],
)
async def test_a_silence_that_nobody_should_want_is_refused_with_a_sentence(matchers, lasts, reason, sentence):
    made = await office()
    before = len(made.store.commits)

    with pytest.raises(BadInputError) as refusal:
        await made.desk.silence(matchers, duration=lasts, reason=reason, by=ANNA)

    assert str(refusal.value).startswith(sentence)
    assert len(made.store.commits) == before


@pytest.mark.parametrize("lasts", [MINUTE, MAX_SILENCE], ids=["shortest", "longest"])
async def test_a_silence_is_remembered_with_who_why_and_until_when(lasts):
    made = await office()

    done = await made.desk.silence([matcher()], duration=lasts, reason=" retraining ", by=ANNA)

    assert await made.store.silences(active_at=T0 + 5 * MINUTE) == [done]
    assert (done.starts, done.ends - done.starts, done.reason, done.by) == (T0 + 5 * MINUTE, lasts, "retraining", ANNA)


async def test_a_silence_shows_at_once_on_the_headlines_it_mutes_and_on_no_other():
    made = await office(incident(), incident("inc-disk", findings=(disk_finding(),), verdict=FULL_DISK))

    done = await made.desk.silence([matcher()], duration=HOUR, reason="retraining", by=ANNA)

    assert (await made.headline()).silenced.id == done.id
    assert await made.headline("inc-disk") is None


async def test_a_silence_that_covers_only_a_part_of_an_incident_does_not_mark_it():
    made = await office(incident(findings=(finding(), finding(LATENCY))))

    await made.desk.silence([matcher("signal", "auc")], duration=HOUR, reason="retraining", by=ANNA)

    assert await made.headline() is None


async def test_what_was_not_told_is_silenced_without_a_message():
    made = await office(incident(), told=False)

    await made.desk.silence([matcher()], duration=HOUR, reason="retraining", by=ANNA)

    assert await made.headline() is None


async def test_a_silence_is_audited_with_what_it_matches():
    made = await office()

    done = await made.desk.silence([matcher()], duration=HOUR, reason="retraining", by=ANNA)

    (entry,) = await made.store.audit(limit=5)
    assert (entry.who, entry.what, entry.subject) == (ANNA, "silence.created", done.id)
    assert json.loads(entry.detail)["matchers"] == ['model="fraud"']


async def test_ending_a_silence_takes_it_from_the_headline_at_once():
    made = await office(incident())
    muted = await made.desk.silence([matcher()], duration=HOUR, reason="retraining", by=ANNA)

    done = await made.desk.unsilence(f"`{muted.id}`", by=BEN)

    assert (done.ends, done.ended_early_by) == (T0 + 5 * MINUTE, BEN)
    assert (await made.headline()).silenced is None
    assert await made.store.silences(active_at=T0 + 5 * MINUTE) == []


async def test_ending_one_of_two_silences_leaves_the_other_on_the_headline():
    made = await office(incident())
    first = await made.desk.silence([matcher()], duration=HOUR, reason="retraining", by=ANNA)
    second = await made.desk.silence([matcher("signal", "auc")], duration=HOUR, reason="labels", by=BEN)

    await made.desk.unsilence(first.id, by=ANNA)

    assert (await made.headline()).silenced.id == second.id


async def test_a_silence_that_is_over_cannot_be_ended_and_the_active_ones_are_named():
    made = await office()
    await made.store.commit(
        Changeset(silences=(silence(name="sil-old", lasts=MINUTE), silence(name="sil-new", lasts=HOUR)))
    )

    with pytest.raises(BadInputError, match="there is no active silence 'sil-old'; active are: sil-new"):
        await made.desk.unsilence("sil-old", by=ANNA)


async def test_a_silence_that_the_tick_overtakes_is_decided_again():
    made = await office(incident())
    await made.overtaken()

    done = await made.desk.silence([matcher()], duration=HOUR, reason="retraining", by=ANNA)

    assert (await made.headline()).silenced.id == done.id


# ---------------------------------------------------------------- previews


async def test_a_preview_counts_what_would_have_been_muted():
    made = await office(
        incident("inc-auc", findings=(finding(),)),
        incident("inc-both", findings=(finding(at=T0 + MINUTE), finding(LATENCY))),
        incident("inc-disk", findings=(disk_finding(),), verdict=FULL_DISK),
    )

    preview = await made.desk.preview_silence([matcher("signal", "auc")])

    assert (preview.days, preview.findings, preview.incidents) == (7, 2, 1)
    assert [one.detected for one in preview.examples] == [T0 + MINUTE, T0]


async def test_a_preview_shows_the_newest_examples_only():
    made = await office(*(incident(f"inc-{number}", at=T0 + number * MINUTE) for number in range(8)))

    preview = await made.desk.preview_silence([matcher()])

    assert [one.detected - T0 for one in preview.examples] == [number * MINUTE for number in (7, 6, 5, 4, 3)]


async def test_a_preview_looks_back_a_week():
    made = await office(incident(at=T0 - timedelta(days=7)), incident("inc-new", at=T0 - timedelta(days=6)))

    assert (await made.desk.preview_silence([matcher()])).incidents == 1


@pytest.mark.parametrize(
    ("name", "value", "muted"),
    [
        ("cause", "model", 1),
        ("cause", "infrastructure", 0),
        ("severity", "critical", 1),
        ("kind", "quality", 1),
        ("model", "fraud", 1),
        ("entity", "fraud", 1),
        ("incident", "inc-7f3a", 1),
    ],
)
async def test_matchers_see_what_we_make_of_a_finding(name, value, muted):
    made = await office(incident())

    assert (await made.desk.preview_silence([matcher(name, value)])).incidents == muted


# ---------------------------------------------------------------- which incident an action belongs to


def ill(name, *, key=AUC, at=T0, **changes):
    return incident(name, findings=(finding(key, at=at),), at=at, **changes)


@pytest.mark.parametrize(
    ("incidents", "about"),
    [
        pytest.param((), None, id="none"),
        pytest.param((ill("inc-old"), ill("inc-new", at=T0 + MINUTE)), "inc-new", id="the newest"),
        pytest.param(
            (ill("inc-blamed"), ill("inc-new", at=T0 + MINUTE, verdict=FULL_DISK)),
            "inc-blamed",
            id="the one that blames it",
        ),
        pytest.param((ill("inc-churn", key=CHURN),), None, id="not that of another model"),
        pytest.param((ill("inc-over", state=State.RESOLVED, resolved=T0),), None, id="not one that is over"),
    ],
)
async def test_a_rollback_belongs_to_the_incident_that_touches_the_model(incidents, about):
    made = await office(*incidents)
    await made.bench.remember()

    asked = await made.desk.propose_rollback("fraud", to_version=None, by=ANNA)

    assert asked.incident_id == about


async def test_an_action_does_not_go_to_a_thread_that_does_not_exist():
    made = await office(ill("inc-held"), told=False)
    await made.bench.remember()

    assert (await made.desk.propose_rollback("fraud", to_version=None, by=ANNA)).incident_id is None


async def test_an_action_asked_for_in_a_thread_belongs_to_it():
    made = await office(ill("inc-here"), ill("inc-newer", at=T0 + MINUTE))

    asked = await made.desk.propose_retrain("fraud", by=ANNA, incident_id="here")

    assert asked.incident_id == "inc-here"


async def test_a_decision_is_passed_on_with_everything_that_was_clicked():
    made = await office()
    await made.bench.remember()
    asked = await made.desk.propose_rollback("fraud", to_version="2", by=ANNA)

    done = await made.desk.decide(asked.id, nonce=asked.nonce, approve=True, by=BEN, comment="go")

    assert (done.state, done.approvals[0].comment) == (ProposalState.APPROVED, "go")


# ---------------------------------------------------------------- status


async def test_status_tells_for_each_model_what_serves_and_what_is_wrong():
    made = await office(
        ill("inc-minor", severity=Severity.WARNING),
        ill("inc-major"),
        ill("inc-over", state=State.RESOLVED, resolved=T0),
    )
    await made.bench.remember()

    status = await made.desk.status()

    fraud, churn = status.models
    assert (fraud.name, fraud.version, fraud.since, fraud.incident.id) == ("fraud", "4", T0 - HOUR, "inc-major")
    assert (churn.name, churn.version, churn.since, churn.incident) == ("churn", None, None, None)
    assert [one.id for one in status.incidents] == ["inc-major", "inc-minor"]


async def test_status_tells_what_is_muted_what_waits_and_how_we_are():
    made = await office()
    mark = TickMark(at=T0, seconds=0.1, series=3, findings=0)
    await made.store.commit(Changeset(tick=mark, silences=(silence(),)))
    waits = await made.bench.put_proposal()
    await made.bench.put_proposal(name="prop-0ld", state=ProposalState.DENIED)

    status = await made.desk.status()

    assert (status.now, status.last_tick, status.dry_run) == (T0 + 5 * MINUTE, mark, True)
    assert ([one.id for one in status.silences], list(status.pending)) == (["sil-1"], [waits])


async def test_status_never_calls_healthy_what_is_not_judged():
    made = await office()
    cold = await made.desk.status()
    await made.plant.tick.warm_up(T0)
    await made.plant.run()

    warm = await made.desk.status()

    assert [model.judged for model in cold.models] == [False, False]
    assert [model.judged for model in warm.models] == [True, False]
    assert (cold.series_judged, warm.series, warm.series_judged) == (0, 4, 4)


async def test_an_incident_of_a_part_of_a_model_touches_the_model():
    made = await office(
        incident(findings=(finding(replace(AUC, entity="churn/amount")), finding(DISK)), verdict=None),
    )

    _, churn = (await made.desk.status()).models

    assert churn.incident.id == "inc-7f3a"


async def test_members_that_had_ended_keep_their_time_when_a_person_resolves_the_rest():
    one, two = Member(finding=finding(), ended=T0), Member(finding=finding(LATENCY))
    made = await office(replace(incident(), members=(one, two)))

    done = await made.desk.resolve("inc-7f3a", by=ANNA)

    assert [member.ended for member in done.members] == [T0, T0 + 5 * MINUTE]
