"""Who may ask for which rollback, what it would go back to, and who may say yes. Every refusal is a sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.incident import State
from bot.domain.message import OutcomeMessage, Slot
from bot.domain.policy import ApproverPolicy, RollbackPolicy
from bot.domain.proposal import LIVE, ActionKind, ProposalState
from bot.domain.verdict import RollbackAdvice
from bot.errors import GiveUpError, RefusedError, RetryLaterError
from tests.app.bench import POLICY, Bench
from tests.app.builders import (
    ANNA,
    BAD_VERSION,
    BEN,
    CARLA,
    FULL_DISK,
    HOUR,
    MINUTE,
    T0,
    finding,
    incident,
    proposal,
    put,
    served,
)
from tests.app.fakes import registered
from tests.app.outbox import waiting


def approvers(*users, groups=(), four_eyes=False, model="*"):
    return replace(
        POLICY,
        approvers={model: ApproverPolicy(users=frozenset(users), groups=frozenset(groups), four_eyes=four_eyes)},
    )


async def bench(**options):
    made = Bench(**options)
    await made.remember()
    return made


async def pending(policy=POLICY, **options):
    """A bench with a pending rollback, asked for by Anna."""
    made = await bench(policy=policy)
    return made, await made.rollback(**options)


def blamed(version_since, *, lasted):
    """An incident that was blamed on a bad version of fraud."""
    return incident(
        f"inc-{version_since.timestamp():.0f}",
        findings=(finding(at=version_since),),
        at=version_since,
        state=State.RESOLVED,
        resolved=version_since + lasted,
    )


# ---------------------------------------------------------------- the target

TO_2 = (served("2", at=T0 - 48 * HOUR), served("3", at=T0 - 25 * HOUR), served("4", at=T0 - HOUR))


@pytest.mark.parametrize(
    ("ledger", "incidents", "target"),
    [
        pytest.param(TO_2, (), "3", id="the one before"),
        pytest.param(
            (served("2", at=T0 - 48 * HOUR), served("3", at=T0 - HOUR * 1.5), served("4", at=T0 - HOUR)),
            (),
            "2",
            id="one that served for half an hour proved nothing",
        ),
        pytest.param(TO_2, (blamed(T0 - 20 * HOUR, lasted=HOUR),), "2", id="one that was blamed is passed over"),
        pytest.param(
            TO_2,
            (replace(blamed(T0 - 20 * HOUR, lasted=HOUR), verdict=FULL_DISK),),
            "3",
            id="a full disk was not its fault",
        ),
        pytest.param(
            (*TO_2[:2], served("4", at=T0 - 6 * HOUR), served("3", at=T0 - 4 * HOUR), served("4", at=T0 - HOUR)),
            (),
            "3",
            id="there and back",
        ),
        pytest.param(
            (served("5", at=T0 - 48 * HOUR), served("4", at=T0 - HOUR)), (), "5", id="not always the smaller number"
        ),
        pytest.param(
            (served("3", at=T0 - 48 * HOUR), served(None, at=T0 - 2 * HOUR), served("4", at=T0 - HOUR)),
            (),
            "3",
            id="across a time without a holder",
        ),
    ],
)
async def test_a_rollback_goes_to_the_last_version_that_held_the_alias_in_health(ledger, incidents, target):
    made = Bench()
    made.registry.known = {(one.model, one.version): one for one in registered("2", "3", "4", "5")}
    await made.remember(*ledger)
    await put(made.store, *incidents)

    asked = await made.rollback()

    assert (asked.from_version, asked.to_version) == ("4", target)


async def test_a_person_may_name_another_version():
    made = await bench()

    asked = await made.rollback(to_version="2")

    assert asked.to_version == "2"


# ---------------------------------------------------------------- refused


async def unknown_model(made):
    await made.rollback("fraudd")


async def nobody_holds_it(made):
    made.registry.holders["fraud"] = None
    await made.rollback()


async def registry_without_it(made):
    del made.registry.holders["fraud"]
    await made.rollback()


async def no_earlier_version(made):
    made.registry.holders["churn"] = "1"  # of which the ledger knows nothing
    await made.rollback("churn")


async def same_version(made):
    await made.rollback(to_version="4")


async def no_such_version(made):
    await made.rollback(to_version="9")


async def not_ready(made):
    made.registry.known["fraud", "3"] = registered("3", ready=False)[0]
    await made.rollback()


async def no_registry(made):
    made.registry = None
    await made.rollback()


async def retraining_not_configured(made):
    made._can_retrain = False
    await made.proposals.propose_retrain("fraud", by=ANNA, incident=None)


async def retraining_of_an_unknown_model(made):
    await made.proposals.propose_retrain("fraudd", by=ANNA, incident=None)


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        pytest.param(*case, id=case[0].__name__.replace("_", " "))
        for case in (
            (unknown_model, "there is no model 'fraudd' in the catalogue; known are: churn, fraud"),
            (nobody_holds_it, "nothing holds the alias champion of fraud; there is no version to leave"),
            (registry_without_it, "the registry does not know fraud: no registered model fraud"),
            (no_earlier_version, "no earlier version of churn is known to have served well for 1.0 h; name one: "),
            (same_version, "version 4 of fraud already holds the alias champion"),
            (no_such_version, "version 9 of fraud is not in the registry; there are: 2, 3, 4"),
            (not_ready, "version 3 of fraud is registered but not ready to serve"),
            (no_registry, "no model registry is configured, so there is nothing to roll back"),
            (retraining_not_configured, "retraining is not configured"),
            (retraining_of_an_unknown_model, "there is no model 'fraudd' in the catalogue"),
        )
    ],
)
async def test_what_cannot_work_is_refused_with_a_sentence_and_leaves_no_trace(ask, sentence):
    made = await bench()
    before = len(made.store.commits)

    with pytest.raises(RefusedError) as refusal:
        await ask(made)

    assert str(refusal.value).startswith(sentence)
    assert len(made.store.commits) == before


async def test_a_registry_that_cannot_be_read_is_tried_again_later():
    made = await bench()
    made.registry.down = "timeout"

    with pytest.raises(RetryLaterError, match="try again in a minute"):
        await made.rollback()


@pytest.mark.parametrize("state", LIVE)
async def test_while_an_action_is_under_way_no_other_begins_on_that_model(state):
    made = await bench()
    await made.put_proposal(state=state)

    with pytest.raises(RefusedError, match=f"an action on fraud is already {state}"):
        await made.rollback()


@pytest.mark.parametrize("state", [state for state in ProposalState if state.final])
async def test_an_action_that_is_over_makes_room_for_the_next(state):
    made = await bench()
    await made.put_proposal(state=state)

    assert (await made.rollback()).state is ProposalState.PENDING


async def test_an_action_on_another_model_is_no_obstacle():
    made = await bench()
    await made.put_proposal(model="churn", state=ProposalState.MOVED)

    assert (await made.rollback()).model == "fraud"


async def test_of_two_who_ask_at_once_one_is_told_that_the_other_was_first():
    made = await bench()
    made.store.before_commit.append(lambda: made.rollback(by=CARLA))

    with pytest.raises(RefusedError, match="somebody else has just opened an action on fraud"):
        await made.rollback(by=ANNA)

    assert [one.requested_by for one in await made.store.proposals()] == [CARLA]


# ---------------------------------------------------------------- the card


async def test_a_proposal_says_who_asked_what_it_rests_on_and_until_when_it_may_be_decided():
    _, asked = await pending()

    assert (asked.kind, asked.requested_by, asked.requested_at) == (ActionKind.ROLLBACK, ANNA, T0)
    assert (asked.expires_at, asked.dry_run) == (T0 + 30 * MINUTE, False)
    assert [(check.name, check.passed, check.detail) for check in asked.checks] == [
        ("target exists", True, "version 3 is in the registry and ready"),
        ("served before", True, "held the alias for 24.0 h as far as we saw"),
    ]


@pytest.mark.parametrize(
    ("ledger", "passed", "detail"),
    [
        pytest.param((served("4", at=T0 - HOUR),), False, "we never saw it hold the alias", id="never"),
        pytest.param(
            (served("3", at=T0 - 2 * HOUR), served("4", at=T0 - HOUR * 1.5)),
            False,
            "held the alias for 30 min as far as we saw",
            id="too briefly",
        ),
        pytest.param(
            (served("3", at=T0 - 3 * HOUR), served("4", at=T0 - HOUR)),
            True,
            "held the alias for 2.0 h as far as we saw",
            id="long enough",
        ),
    ],
)
async def test_how_long_a_named_version_served_is_shown(ledger, passed, detail):
    made = Bench()
    await made.remember(*ledger)

    asked = await made.rollback(to_version="3")

    assert [(check.passed, check.detail) for check in asked.checks if check.name == "served before"] == [
        (passed, detail)
    ]


@pytest.mark.parametrize(
    ("active", "shown"),
    [
        pytest.param(True, [(True, "run r1 is there")], id="kept"),
        pytest.param(False, [(False, "run r1 is deleted")], id="deleted"),
        pytest.param(None, [], id="not looked up"),
    ],
)
async def test_whether_the_training_run_is_still_there_is_shown(active, shown):
    made = await bench()
    made.registry.known["fraud", "3"] = registered("3", run_id="r1", run_active=active)[0]

    asked = await made.rollback()

    assert [(check.passed, check.detail) for check in asked.checks if check.name == "training run"] == shown


@pytest.mark.parametrize(
    ("about", "advice", "reason"),
    [
        pytest.param(incident(), RollbackAdvice.ADVISED, BAD_VERSION.rollback_reason, id="advised"),
        pytest.param(
            incident(verdict=FULL_DISK), RollbackAdvice.NOT_ADVISED, "the cause is infrastructure", id="against"
        ),
        pytest.param(None, RollbackAdvice.UNKNOWN, "no open incident speaks for or against it", id="no incident"),
    ],
)
async def test_the_card_repeats_what_the_incident_advises(about, advice, reason):
    made = await bench()
    if about is not None:
        await put(made.store, about)

    asked = await made.rollback(incident=about)

    assert (asked.advice, asked.advice_reason) == (advice, reason)


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        pytest.param(approvers(BEN, ANNA), "<@U0ANNA> or <@U0BEN>", id="people"),
        pytest.param(approvers(BEN, groups=("S0ML",)), "<@U0BEN> or <!subteam^S0ML>", id="people and a group"),
        pytest.param(approvers(), "nobody (approvers are not configured)", id="nobody"),
    ],
)
async def test_the_card_says_who_may_approve(policy, text):
    _, asked = await pending(policy)

    assert asked.approvers_text == text


async def test_the_request_is_audited_with_its_versions():
    made, asked = await pending()

    (entry,) = await made.store.audit(limit=10)
    assert (entry.who, entry.what, entry.subject) == (ANNA, "rollback.proposed", asked.id)
    assert json.loads(entry.detail) == {"model": "fraud", "from": "4", "to": "3", "dry_run": False}


async def test_every_card_has_a_nonce_of_its_own():
    made, first = await pending()
    await made.decide(first, approve=False)

    second = await made.rollback()

    assert first.nonce != second.nonce
    assert first.id != second.id


async def test_a_retraining_needs_no_registry():
    made = await bench(registry=False)

    asked = await made.proposals.propose_retrain("fraud", by=ANNA, incident=None)

    assert (asked.kind, asked.from_version, asked.advice_reason) == (ActionKind.RETRAIN, "", "asked for by a person")


async def test_a_retraining_asks_for_what_the_verdict_says():
    made = await bench()
    await put(made.store, incident())

    asked = await made.proposals.propose_retrain("fraud", by=ANNA, incident=incident())

    assert (asked.from_version, asked.advice_reason) == ("4", "model: a bad version of fraud")


# ---------------------------------------------------------------- who may decide


@pytest.mark.parametrize(
    ("policy", "by", "may"),
    [
        pytest.param(approvers(BEN), BEN, True, id="named"),
        pytest.param(approvers(BEN), CARLA, False, id="not named"),
        pytest.param(approvers(groups=("S0ML",)), BEN, True, id="in the group"),
        pytest.param(approvers(groups=("S0ML",)), CARLA, False, id="not in the group"),
        pytest.param(approvers(groups=("S0GONE", "S0ML")), BEN, True, id="in one of two groups"),
        pytest.param(approvers(), BEN, False, id="an empty list is nobody"),
        pytest.param(replace(POLICY, approvers={}), BEN, False, id="no list is nobody"),
        pytest.param(approvers(BEN, model="churn"), BEN, False, id="named for another model"),
        pytest.param(approvers(ANNA), ANNA, True, id="the requester, where four-eyes is not asked for"),
        pytest.param(approvers(ANNA, BEN, four_eyes=True), ANNA, False, id="four-eyes: not the requester"),
        pytest.param(approvers(ANNA, BEN, four_eyes=True), BEN, True, id="four-eyes: somebody else"),
    ],
)
async def test_only_those_who_may_can_approve(policy, by, may):
    made, asked = await pending(policy)

    try:
        await made.decide(asked, by=by)
        approved = True
    except RefusedError:
        approved = False

    assert approved is may
    assert await made.state(asked.id) is (ProposalState.APPROVED if may else ProposalState.PENDING)


async def test_a_model_with_approvers_of_its_own_does_not_listen_to_those_of_the_others():
    policy = RollbackPolicy(
        approvers={"*": ApproverPolicy(users=frozenset({BEN})), "fraud": ApproverPolicy(users=frozenset({CARLA}))}
    )
    made, asked = await pending(policy)

    with pytest.raises(RefusedError, match=f"you may not decide about fraud; <@{CARLA}> may"):
        await made.decide(asked, by=BEN)


async def test_a_group_is_read_anew_at_each_click():
    made, asked = await pending(approvers(groups=("S0ML",)))
    made.directory.groups["S0ML"] = {CARLA}  # Ben left the group after the card was posted

    with pytest.raises(RefusedError):
        await made.decide(asked, by=BEN)
    approved = await made.decide(asked, by=CARLA)

    assert [one.user_id for one in approved.approvals] == [CARLA]


@pytest.mark.parametrize("error", [RetryLaterError("ratelimited"), GiveUpError("missing_scope")], ids=["now", "ever"])
async def test_a_group_that_cannot_be_read_lets_nobody_through(error):
    made, asked = await pending(approvers(groups=("S0ML",)))
    made.directory.error = error

    with pytest.raises(RefusedError, match="the user group S0ML cannot be read now, so nobody is let through"):
        await made.decide(asked)

    assert await made.state(asked.id) is ProposalState.PENDING


async def test_those_named_one_by_one_need_no_group():
    made, asked = await pending(approvers(BEN, groups=("S0ML",)))
    made.directory.error = RetryLaterError("ratelimited")

    assert (await made.decide(asked)).state is ProposalState.APPROVED


# ---------------------------------------------------------------- deciding


async def test_an_approval_records_who_when_and_what_they_said():
    made, asked = await pending()
    await made.clock.advance(MINUTE)

    done = await made.decide(asked, comment="version 4 is broken")

    (yes,) = done.approvals
    assert (yes.user_id, yes.approve, yes.at, yes.comment) == (BEN, True, T0 + MINUTE, "version 4 is broken")
    assert await made.store.proposal(asked.id) == done
    assert (await made.audited())[-1] == (BEN, "rollback.approved")


async def test_an_approval_moves_nothing_by_itself():
    made, asked = await pending()

    await made.decide(asked)

    assert (made.mover.sent, made.registry.holders["fraud"]) == ([], "4")


@pytest.mark.parametrize("by", [ANNA, BEN], ids=["who asked", "who may approve"])
async def test_a_request_can_be_denied(by):
    made, asked = await pending(approvers(BEN, four_eyes=True))

    done = await made.decide(asked, approve=False, by=by)

    assert (done.state, done.ended_at, await made.state(asked.id)) == (ProposalState.DENIED, T0, ProposalState.DENIED)
    assert (await made.audited())[-1] == (by, "rollback.denied")


async def late(made, asked):
    await made.clock.advance(timedelta(minutes=30))
    await made.decide(asked)


async def twice(made, asked):
    await made.decide(asked, by=BEN)
    await made.decide(asked, by=BEN)


async def after_a_denial(made, asked):
    await made.decide(asked, approve=False, by=ANNA)
    await made.decide(asked)


async def from_an_older_card(made, asked):
    await made.decide(asked, nonce="0lder")


async def by_a_stranger(made, asked):
    await made.decide(asked, by=CARLA)


async def denied_by_a_stranger(made, asked):
    await made.decide(asked, approve=False, by=CARLA)


async def moved_meanwhile(made, asked):
    made.registry.holders["fraud"] = "2"
    await made.decide(asked)


async def registry_down(made, asked):
    made.registry.down = "timeout"
    await made.decide(asked)


async def registry_lost_it(made, asked):
    del made.registry.holders["fraud"]
    await made.decide(asked)


@pytest.mark.parametrize(
    ("click", "sentence", "left"),
    [
        pytest.param(*case, id=case[0].__name__.replace("_", " "))
        for case in (
            (late, "this proposal has expired; open a new one", ProposalState.EXPIRED),
            (twice, f"already approved by <@{BEN}>", ProposalState.APPROVED),
            (after_a_denial, f"already denied by <@{ANNA}>", ProposalState.DENIED),
            (from_an_older_card, "this button belongs to an older card; use the newest one", ProposalState.PENDING),
            (by_a_stranger, f"you may not decide about fraud; <@{BEN}> may", ProposalState.PENDING),
            (denied_by_a_stranger, f"you may not decide about fraud; <@{BEN}> may", ProposalState.PENDING),
            (moved_meanwhile, "version 2 of fraud holds the alias by now; open a new proposal", ProposalState.CONFLICT),
            (registry_down, "the registry cannot be read now (timeout); nothing was approved", ProposalState.PENDING),
            (registry_lost_it, "the registry cannot be read now (no registered model fraud)", ProposalState.PENDING),
        )
    ],
)
async def test_a_click_that_does_not_count_is_refused_in_words_and_audited(click, sentence, left):
    made, asked = await pending()

    with pytest.raises(RefusedError) as refusal:
        await click(made, asked)

    entry = (await made.store.audit(limit=1))[0]
    assert str(refusal.value).startswith(sentence)
    assert (entry.what, entry.subject) == ("rollback.refused", asked.id)
    assert json.loads(entry.detail)["because"] == str(refusal.value)
    assert await made.state(asked.id) is left


async def test_an_alias_that_moved_meanwhile_ends_the_proposal_and_that_is_told():
    made, asked = await pending()

    with pytest.raises(RefusedError):
        await moved_meanwhile(made, asked)

    told = await waiting(made.store, f"{Slot.OUTCOME}:{asked.id}")
    assert isinstance(told, OutcomeMessage)
    assert told.proposal.outcome == "version 2 of fraud took the alias from 4 meanwhile"
    assert made.mover.sent == []


async def test_a_proposal_that_is_not_known_is_refused():
    made = await bench()

    with pytest.raises(RefusedError, match="this proposal is not known here"):
        await made.decide(proposal())


async def test_of_two_clicks_at_once_one_counts():
    made, asked = await pending(approvers(BEN, CARLA))
    made.store.before_commit.append(lambda: made.decide(asked, by=CARLA, approve=False))

    with pytest.raises(RefusedError, match="somebody else decided a moment ago"):
        await made.decide(asked, by=BEN)

    done = await made.store.proposal(asked.id)
    assert [(one.user_id, one.approve) for one in done.approvals] == [(CARLA, False)]


async def test_a_retraining_is_approved_without_asking_the_registry():
    made = await bench()
    asked = await made.proposals.propose_retrain("fraud", by=ANNA, incident=None)
    made.registry.down = "timeout"

    assert (await made.decide(asked)).state is ProposalState.APPROVED


async def test_the_card_is_brought_up_to_date_by_each_decision():
    made, asked = await pending()

    done = await made.decide(asked)

    assert (await waiting(made.store, Slot.HEADLINE, asked.id)).proposal == done
    assert done.revision == asked.revision + 1


async def test_the_headline_says_that_a_decision_is_awaited_and_what_was_decided():
    made = await bench()
    await put(made.store, incident())
    asked = await made.rollback(incident=incident())
    before = await made.store.incident("inc-7f3a")

    await made.decide(asked, approve=False, by=ANNA)

    after = await made.store.incident("inc-7f3a")
    assert (before.action, before.action_live) == ("rollback of fraud to version 3: waits for approval", True)
    assert (after.action, after.action_live) == ("rollback of fraud to version 3: denied", False)
