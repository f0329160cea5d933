"""What an approval leads to. Every step is taken by a process that knows nothing but the store and the registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.finding import FindingKind
from bot.domain.learning import LessonSource
from bot.domain.message import OutcomeMessage, Slot
from bot.domain.policy import RollbackPolicy
from bot.domain.proposal import ActionKind, ProposalState
from bot.domain.verdict import Subcause
from bot.errors import StoreDownError
from tests.app.bench import POLICY, SETTLE, Bench
from tests.app.builders import (
    AUC,
    BAD_VERSION,
    CATALOGUE_WITHOUT_VERSIONS,
    LATENCY,
    MINUTE,
    T0,
    finding,
    incident,
    put,
)
from tests.app.fakes import CRASH, CRASH_APPLIED, LATER, LOST, LOST_APPLIED, OK, REFUSED, THEN_BLIND, Crash
from tests.app.outbox import waiting

WATCH, PATIENCE = RollbackPolicy().watch, RollbackPolicy().serving_timeout


async def approved(*outcomes, about=None, **options):
    """A bench with an approved rollback of fraud from version 4 to 3; with an incident it stands in its thread."""
    made = Bench(*outcomes, **options)
    if about is not None:
        await put(made.store, about)
    await made.approved(incident_id=about.id if about else None)
    return made


async def moved(about=None, **options):
    """A bench on which the alias has just been moved; version 4 still serves."""
    made = await approved(about=about, **options)
    await made.step()
    return made


async def serving(about=None, **options):
    """A bench on which version 3 serves again."""
    made = await moved(about, **options)
    made.serving["fraud"] = "3"
    await made.step()
    return made


# ---------------------------------------------------------------- what a log told of


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        pytest.param(FindingKind.LEVEL, ProposalState.FAILED, id="samples tell at once"),
        pytest.param(FindingKind.LOG, ProposalState.MOVED, id="a log tells when its windows close"),
    ],
)
async def test_what_a_log_told_of_has_as_much_longer_to_recover_as_its_windows_take(kind, state):
    about = incident(findings=(finding(kind=kind),))
    made = await serving(about, log_settles={"fraud": timedelta(minutes=32)})

    await made.clock.advance(WATCH)
    await made.step()
    assert await made.state() is state

    await made.clock.advance(timedelta(minutes=32))
    await made.step()
    assert await made.state() is ProposalState.FAILED


# ---------------------------------------------------------------- what it teaches


async def test_a_rollback_that_helped_is_a_lesson_for_the_version():
    made = await serving(incident())
    await made.recovered()
    await made.clock.advance(SETTLE)

    await made.step()

    assert await made.state() is ProposalState.VERIFIED
    [lesson] = await made.store.lessons(since=T0 - MINUTE)
    assert (lesson.source, lesson.incident_id) == (LessonSource.ROLLBACK_HELPED, "inc-7f3a")
    assert [share.subcause for share in lesson.shares] == [Subcause.BAD_VERSION]


async def test_a_rollback_that_did_not_help_is_a_lesson_against_it():
    made = await serving(incident())
    await made.clock.advance(WATCH)

    await made.step()

    assert await made.state() is ProposalState.FAILED
    [lesson] = await made.store.lessons(since=T0 - MINUTE)
    assert lesson.source is LessonSource.ROLLBACK_NO_HELP
    assert Subcause.BAD_VERSION not in {share.subcause for share in lesson.shares}


@pytest.mark.parametrize(
    "about", [pytest.param(None, id="of no incident"), pytest.param(incident(), id="never seen to serve")]
)
async def test_a_move_of_which_nothing_is_known_teaches_nothing(about):
    made = await moved(about)
    if about is None:
        made.serving["fraud"] = "3"
    await made.step()
    await made.clock.advance(max(WATCH, PATIENCE))

    await made.step()

    assert (await made.state()).final
    assert await made.store.lessons(since=T0 - MINUTE) == []


# ---------------------------------------------------------------- nothing without an approval


async def test_what_nobody_approved_is_not_acted_on():
    made = Bench()
    await made.put_proposal()

    await made.step(3, apart=MINUTE)

    assert (await made.state(), made.mover.sent) == (ProposalState.PENDING, [])


async def test_what_nobody_decides_expires():
    made = Bench()
    await made.put_proposal()
    await made.clock.advance(timedelta(minutes=30))

    await made.step()

    assert (await made.state(), await made.outcome()) == (ProposalState.EXPIRED, "nobody decided in time")


@pytest.mark.parametrize("state", [state for state in ProposalState if state.final])
async def test_what_is_over_is_left_alone(state):
    made = Bench()
    one = await made.put_proposal(state=state)
    await made.clock.advance(timedelta(hours=5))

    assert await made.actor.advance() == 0
    assert (await made.store.proposal(one.id), made.mover.sent) == (one, [])


async def test_an_approval_that_is_too_old_moves_nothing():
    made = await approved()
    await made.clock.advance(timedelta(minutes=30))

    await made.step()

    assert (await made.state(), made.mover.sent) == (ProposalState.EXPIRED, [])


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        (ActionKind.ROLLBACK, "Dry run: would have moved fraud from version 4 to 3; nothing was touched"),
        (ActionKind.RETRAIN, "Dry run: would have asked for a retraining of fraud; nothing was touched"),
    ],
)
async def test_a_dry_run_touches_nothing_and_says_what_it_would_have_done(kind, outcome):
    made = Bench()
    await made.approved(kind=kind, dry_run=True)

    await made.step(2)

    assert (await made.state(), await made.outcome()) == (ProposalState.DRY_RUN, outcome)
    assert (made.mover.sent, made.retrainer.asked, made.registry.holders["fraud"]) == ([], [], "4")


# ---------------------------------------------------------------- the move


async def test_an_approved_rollback_moves_the_alias_and_reads_it_back():
    made = await approved()

    await made.step()

    one = await made.store.proposal("prop-1")
    assert (one.state, one.moved_at, one.sends) == (ProposalState.MOVED, T0, 1)
    assert made.mover.moves == [("fraud", "3")]


async def test_every_step_is_audited_before_the_next_begins():
    made = await approved()

    await made.step()

    assert await made.audited() == [
        ("faultline", "rollback.executing"),
        ("faultline", "rollback.sent"),
        ("faultline", "rollback.moved"),
    ]


@pytest.mark.parametrize(
    ("outcomes", "state", "sends", "moves"),
    [
        pytest.param([OK], ProposalState.MOVED, 1, 1, id="at once"),
        pytest.param([LOST_APPLIED], ProposalState.MOVED, 1, 1, id="answer lost, applied"),
        pytest.param([LOST, OK], ProposalState.MOVED, 2, 1, id="answer lost, not applied"),
        pytest.param([LOST, LOST_APPLIED], ProposalState.MOVED, 2, 1, id="lost twice, then applied"),
        pytest.param([LOST, LOST, OK], ProposalState.UNCONFIRMED, 2, 0, id="lost twice: a person must look"),
        pytest.param([LATER, OK], ProposalState.MOVED, 2, 1, id="later"),
        pytest.param([REFUSED, OK], ProposalState.FAILED, 1, 0, id="refused"),
        pytest.param([LOST, REFUSED], ProposalState.FAILED, 2, 0, id="lost, then refused"),
    ],
)
async def test_the_alias_is_read_before_anything_is_sent_again(outcomes, state, sends, moves):
    made = await approved(*outcomes)

    await made.step(5)

    assert (await made.state(), len(made.mover.sent), len(made.mover.moves)) == (state, sends, moves)


@pytest.mark.parametrize(
    ("outcomes", "sentence"),
    [
        ([REFUSED], "the registry refused: permission denied"),
        ([LOST, LOST], "the registry was asked 2 times and still holds version 4; please look"),
    ],
    ids=["refused", "unconfirmed"],
)
async def test_a_move_that_did_not_happen_is_told_with_its_reason(outcomes, sentence):
    made = await approved(*outcomes)

    await made.step(4)

    told = await waiting(made.store, f"{Slot.OUTCOME}:prop-1")
    assert isinstance(told, OutcomeMessage)
    assert told.proposal.outcome == sentence


async def test_an_alias_that_somebody_moved_elsewhere_is_left_where_it_is():
    made = await approved()
    made.registry.holders["fraud"] = "2"

    await made.step()

    assert (await made.state(), made.mover.sent) == (ProposalState.CONFLICT, [])
    assert await made.outcome() == "version 2 holds the alias of fraud, neither 4 nor 3; nothing was moved"


async def test_an_alias_that_somebody_moved_to_the_target_is_not_moved_again():
    made = await approved()
    made.registry.holders["fraud"] = "3"

    await made.step()

    assert (await made.state(), made.mover.sent) == (ProposalState.MOVED, [])


async def test_an_operator_who_moves_it_back_in_between_is_overruled_once_at_most():
    made = await approved(LOST_APPLIED, LOST_APPLIED, OK)

    for _ in range(5):
        await made.step()
        if await made.state() is ProposalState.EXECUTING:
            made.registry.holders["fraud"] = "4"

    assert (await made.state(), len(made.mover.sent)) == (ProposalState.UNCONFIRMED, 2)


async def test_an_approval_that_expires_before_the_move_succeeded_moves_nothing():
    made = await approved(LATER)
    await made.step()
    await made.clock.advance(timedelta(minutes=30))

    await made.step(2)

    assert (await made.state(), made.mover.moves) == (ProposalState.EXPIRED, [])
    assert await made.outcome() == "the approval expired before the move succeeded"


async def test_a_registry_that_cannot_be_read_is_waited_for():
    made = await approved()
    made.registry.down = "timeout"
    await made.step(3)
    waited = (await made.state(), len(made.mover.sent))
    made.registry.down = None

    await made.step()

    assert waited == (ProposalState.EXECUTING, 0)
    assert await made.state() is ProposalState.MOVED


async def test_a_move_that_cannot_be_read_back_is_read_again_and_not_asked_for_again():
    made = await approved(THEN_BLIND)
    await made.step(3)
    waited = await made.state()
    made.registry.down = None

    await made.step()

    assert (waited, await made.state()) == (ProposalState.EXECUTING, ProposalState.MOVED)
    assert len(made.mover.sent) == 1


async def test_without_a_registry_an_approval_of_yesterday_fails_in_words():
    made = await approved()
    made.registry = None

    await made.step()

    assert (await made.state(), await made.outcome()) == (
        ProposalState.FAILED,
        "no registry is configured any more",
    )


async def test_one_action_in_trouble_does_not_stop_another():
    made = await approved(LATER, OK)
    made.registry.holders["churn"] = "1"
    await made.approved(name="prop-2", model="churn", from_version="1", to_version="0", at=T0 + MINUTE)

    await made.step()

    assert [await made.state(name) for name in ("prop-1", "prop-2")] == [ProposalState.MOVED, ProposalState.EXECUTING]


async def test_nothing_is_moved_while_the_store_is_down():
    made = await approved()
    made.store.down = True

    with pytest.raises(StoreDownError):
        await made.step()

    assert made.mover.sent == []


# ---------------------------------------------------------------- does it help


async def test_a_rollback_is_verified_only_once_it_serves_and_the_same_detectors_are_quiet_for_a_while():
    made = await moved(incident())
    seen = []

    async def step():
        await made.step()
        seen.append((await made.state(), (await made.store.proposal("prop-1")).serving_confirmed_at))

    await step()  # version 4 still serves
    made.serving["fraud"] = "3"
    await step()
    await made.clock.advance(MINUTE)
    await step()  # still ill
    await made.recovered()
    await step()  # quiet, but only just
    await made.clock.advance(SETTLE)
    await step()

    assert seen == [
        (ProposalState.MOVED, None),
        (ProposalState.MOVED, T0),
        (ProposalState.MOVED, T0),
        (ProposalState.MOVED, T0),
        (ProposalState.VERIFIED, T0),
    ]


async def test_being_quiet_proves_nothing_while_the_old_version_serves():
    made = await moved(incident())
    await made.recovered()

    await made.step(9, apart=MINUTE)

    assert await made.state() is ProposalState.MOVED


async def test_a_verified_rollback_says_what_was_checked():
    made = await serving(incident())
    await made.recovered()
    await made.clock.advance(4 * MINUTE)

    await made.step()

    one = await made.store.proposal("prop-1")
    assert one.outcome == "version 3 serves and fraud is back to usual, 4 min after the move"
    assert [(check.name, check.passed, check.detail) for check in one.outcome_checks] == [
        ("alias moved", True, "version 3 holds it"),
        ("serving", True, "version 3 serves"),
        ("recovered", True, "the same detectors are quiet"),
    ]


async def test_a_rollback_that_did_not_help_failed_once_the_watch_is_over():
    made = await serving(incident())
    await made.clock.advance(WATCH - MINUTE)
    await made.step()
    before = await made.state()
    await made.clock.advance(MINUTE)

    await made.step()

    assert (before, await made.state()) == (ProposalState.MOVED, ProposalState.FAILED)
    assert await made.outcome() == f"version 3 serves, but {AUC} is not back to usual, 15 min after the move"


async def test_a_series_that_came_back_at_the_last_moment_does_not_count_as_recovered():
    made = await serving(incident())
    await made.clock.advance(WATCH - MINUTE)
    await made.recovered()
    await made.clock.advance(MINUTE)

    await made.step()

    assert await made.state() is ProposalState.FAILED
    assert "is back, but only since 10:44" in await made.outcome()


@pytest.mark.parametrize("other", [LATENCY, replace(AUC, entity="churn")], ids=["of a service", "of another model"])
async def test_only_series_of_the_model_itself_must_recover(other):
    made = await serving(incident(findings=(finding(other),)))

    await made.step()

    assert await made.state() is ProposalState.VERIFIED


async def test_every_series_of_the_model_must_recover():
    about = incident(findings=(finding(), finding(replace(AUC, entity="fraud/amount"))))
    made = await serving(about)
    await made.recovered(only=AUC)
    await made.clock.advance(WATCH)

    await made.step()

    assert await made.state() is ProposalState.FAILED
    assert "fraud/amount is not back to usual" in await made.outcome()


async def test_without_an_incident_it_is_watched_to_the_end_and_then_verified():
    made = await serving()
    await made.clock.advance(WATCH - MINUTE)
    await made.step()
    before = await made.state()
    await made.clock.advance(MINUTE)

    await made.step()

    assert (before, await made.state()) == (ProposalState.MOVED, ProposalState.VERIFIED)


async def test_an_alias_that_moved_but_is_not_served_is_unconfirmed_after_a_while():
    made = await moved(incident())
    await made.clock.advance(PATIENCE - MINUTE)
    await made.step()
    before = await made.state()
    await made.clock.advance(MINUTE)

    await made.step()

    assert (before, await made.state()) == (ProposalState.MOVED, ProposalState.UNCONFIRMED)
    assert await made.outcome() == "the alias holds version 3, but version 4 still serves, 10 min after the move"


async def test_an_alias_that_somebody_moves_on_during_the_watch_ends_it():
    made = await serving(incident())
    made.registry.holders["fraud"] = "4"

    await made.step()

    assert (await made.state(), len(made.mover.sent)) == (ProposalState.CONFLICT, 1)
    assert await made.outcome() == "somebody moved fraud on to version 4 while its recovery was watched"


async def test_a_version_that_served_and_does_not_any_more_verifies_nothing():
    made = await serving(incident())
    made.serving["fraud"] = "4"
    await made.recovered()
    await made.clock.advance(SETTLE)

    await made.step()

    assert await made.state() is ProposalState.MOVED


async def test_where_nothing_tells_what_serves_it_is_watched_to_the_end_and_called_unconfirmed():
    made = await moved(incident(), catalogue=CATALOGUE_WITHOUT_VERSIONS)
    made.serving.clear()
    await made.recovered()
    await made.clock.advance(WATCH - MINUTE)
    await made.step()
    before = await made.state()
    await made.clock.advance(MINUTE)

    await made.step()

    assert (before, await made.state()) == (ProposalState.MOVED, ProposalState.UNCONFIRMED)
    assert await made.outcome() == (
        "the alias holds version 3, but nothing tells which version serves, 15 min after the move"
    )


async def test_a_version_signal_that_is_silent_confirms_nothing():
    made = await moved(incident())
    made.serving.clear()
    await made.clock.advance(PATIENCE)

    await made.step()

    assert await made.state() is ProposalState.UNCONFIRMED
    assert "nothing tells which version serves" in await made.outcome()


async def test_the_outcome_is_a_reply_and_its_card_is_brought_up_to_date():
    made = await serving(incident())
    await made.recovered()
    await made.clock.advance(SETTLE)

    await made.step()

    one = await made.store.proposal("prop-1")
    assert (await waiting(made.store, "outcome:prop-1")).proposal == one
    assert (await waiting(made.store, "proposal:prop-1")).proposal == one


async def test_outcomes_are_counted():
    made = await approved(REFUSED)

    await made.step()

    assert made.metrics.registry.get_sample_value("faultline_actions_total", {"outcome": "failed"}) == 1


# ---------------------------------------------------------------- the headline


async def test_the_headline_follows_the_action_and_offers_no_second_one_meanwhile():
    made = await approved(about=incident())
    seen = []

    async def look():
        await made.step()
        headline = await waiting(made.store, Slot.HEADLINE, "inc-7f3a")
        seen.append((headline.incident.action.partition(": ")[2], headline.can_roll_back))

    await look()
    made.serving["fraud"] = "3"
    await look()
    await made.clock.advance(WATCH)
    await look()

    assert seen == [
        ("the alias is moved, recovery is being watched", None),
        ("the alias is moved, recovery is being watched", None),
        ("failed, see the thread", "fraud"),
    ]


# ---------------------------------------------------------------- crashes


async def through(made):
    """Drive a rollback to its end, whatever process does it; returns how many died on the way.

    Version 3 serves from the second minute after the move, and all is well from the fourth on.
    """
    died = 0
    for minute in range(12):
        try:
            await made.actor.advance()
        except Crash:
            died += 1
        if made.registry.holders["fraud"] == "3" and minute >= 2:
            made.serving["fraud"] = "3"
        if minute == 4:
            await made.recovered()
        await made.clock.advance(MINUTE)
    return died


@pytest.mark.parametrize("written", [False, True], ids=["before it is written", "just after"])
@pytest.mark.parametrize("step", [1, 2, 3, 4, 5], ids=["executing", "sent", "moved", "serving", "verified"])
async def test_a_crash_at_any_step_ends_in_the_same_state_and_moves_the_alias_once(step, written):
    made = await approved(about=incident())
    made.store.die(step=step, written=written)

    died = await through(made)

    assert (died, await made.state(), made.mover.moves) == (1, ProposalState.VERIFIED, [("fraud", "3")])


@pytest.mark.parametrize("outcome", [CRASH, CRASH_APPLIED], ids=["not done", "done"])
async def test_a_crash_during_the_request_moves_the_alias_once(outcome):
    made = await approved(outcome, about=incident())

    died = await through(made)

    assert (died, await made.state(), made.mover.moves) == (1, ProposalState.VERIFIED, [("fraud", "3")])


# ---------------------------------------------------------------- retraining


async def retraining(*outcomes, **changes):
    made = Bench(*outcomes)
    await made.approved(kind=ActionKind.RETRAIN, to_version="", **changes)
    return made


async def test_an_approved_retraining_is_asked_for_with_its_reason_and_told_with_its_reference():
    made = await retraining(advice_reason=BAD_VERSION.rollback_reason)

    await made.step()

    assert made.retrainer.asked == [("fraud", "prop-1", BAD_VERSION.rollback_reason)]
    assert (await made.state(), await made.outcome()) == (
        ProposalState.VERIFIED,
        "retraining was accepted as run-1",
    )


async def test_a_retraining_that_is_refused_failed():
    made = await retraining(REFUSED)

    await made.step(3)

    assert (await made.state(), await made.outcome()) == (
        ProposalState.FAILED,
        "retraining was refused: permission denied",
    )
    assert len(made.retrainer.asked) == 1


@pytest.mark.parametrize("outcome", [LOST, LOST_APPLIED, LATER], ids=["not begun", "begun", "busy"])
async def test_a_retraining_of_unknown_outcome_is_asked_for_again_with_the_same_key(outcome):
    made = await retraining(outcome)

    await made.step(3)

    assert [key for _, key, _ in made.retrainer.asked] == ["prop-1", "prop-1"]
    assert (await made.state(), made.retrainer.runs) == (ProposalState.VERIFIED, {"prop-1": "run-1"})


async def test_a_retraining_that_is_not_configured_any_more_fails_in_words():
    made = await retraining()
    made._can_retrain = False

    await made.step()

    assert await made.outcome() == "retraining is not configured any more"


async def test_a_live_policy_of_today_does_not_make_a_dry_run_of_yesterday_live():
    made = Bench(policy=POLICY)
    await made.approved(dry_run=True)

    await made.step(3)

    assert made.mover.sent == []
