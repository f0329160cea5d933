"""A step of a proposal and everything that shows it are one commit, whoever writes the same incident meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.cards import Cards
from bot.domain.message import OutcomeMessage, ProposalMessage, Slot
from bot.domain.proposal import LIVE, AuditEntry, ProposalState
from bot.ports import Changeset, ConcurrentChangeError, IncidentWrite, ProposalWrite
from tests.app.builders import ANNA, CATALOGUE, MINUTE, T0, incident, proposal, put, silence
from tests.app.fakes import WatchedStore
from tests.app.outbox import waiting

ENTRY = AuditEntry(at=T0, who=ANNA, what="rollback.proposed", subject="prop-1")
NOW = T0 + 5 * MINUTE


async def written(store, one, *, expected=None, **options):
    await Cards(store=store, catalogue=CATALOGUE).write(one, expected=expected, audit=ENTRY, now=NOW, **options)
    return store.commits[-1]


async def with_incident(*, told=True, **changes):
    store = WatchedStore()
    await put(store, incident(**changes), told=told)
    return store, proposal(incident_id="inc-7f3a")


async def test_without_an_incident_the_card_opens_a_thread_of_its_own():
    done = await written(WatchedStore(), proposal())

    assert [(item.thread, item.slot) for item in done.outbox] == [("prop-1", Slot.HEADLINE)]
    assert done.outbox[0].message == ProposalMessage(proposal=proposal())


async def test_with_an_incident_the_card_has_its_own_place_in_that_thread():
    store, one = await with_incident()

    done = await written(store, one)

    assert [(item.thread, item.slot) for item in done.outbox] == [
        ("inc-7f3a", "proposal:prop-1"),
        ("inc-7f3a", Slot.HEADLINE),
    ]


async def test_state_card_headline_and_audit_are_one_commit():
    store, one = await with_incident()
    before = len(store.commits)

    done = await written(store, one)

    assert len(store.commits) == before + 1
    assert (done.proposals, done.audit) == ((ProposalWrite(proposal=one, expected_state=None),), (ENTRY,))


async def test_an_outcome_is_a_reply_of_its_own_because_an_edited_card_calls_nobody():
    store, one = await with_incident()
    ended = replace(one, state=ProposalState.VERIFIED)

    done = await written(store, ended, tell=True)

    replies = [item.message for item in done.outbox if item.slot == "outcome:prop-1"]
    assert replies == [OutcomeMessage(proposal=ended)]


async def test_a_step_that_need_not_be_seen_edits_no_card():
    done = await written(WatchedStore(), proposal(), show=False)

    assert done.outbox == ()


@pytest.mark.parametrize("state", ProposalState)
async def test_the_headline_offers_a_rollback_only_while_none_is_under_way(state):
    store, one = await with_incident()

    await written(store, replace(one, state=state))

    headline = await waiting(store, Slot.HEADLINE)
    assert headline.can_roll_back == (None if state in LIVE else "fraud")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (ProposalState.PENDING, "rollback of fraud to version 3: waits for approval"),
        (ProposalState.MOVED, "rollback of fraud to version 3: the alias is moved, recovery is being watched"),
        (ProposalState.VERIFIED, "rollback of fraud to version 3: done and verified"),
        (ProposalState.DENIED, "rollback of fraud to version 3: denied"),
    ],
)
async def test_the_headline_says_what_is_being_done(state, words):
    store, one = await with_incident()

    await written(store, replace(one, state=state))

    assert (await waiting(store, Slot.HEADLINE)).incident.action == words
    assert (await store.incident("inc-7f3a")).action == words


async def test_a_headline_that_says_it_already_is_left_alone():
    store, one = await with_incident()
    await written(store, one)

    done = await written(store, replace(one, revision=2), expected=ProposalState.PENDING)

    assert (done.incidents, [item.slot for item in done.outbox]) == ((), ["proposal:prop-1"])


async def test_an_incident_that_nobody_heard_of_gets_no_headline_but_remembers_the_action():
    store, one = await with_incident(told=False)

    done = await written(store, one)

    assert [item.slot for item in done.outbox] == ["proposal:prop-1"]
    assert (await store.incident("inc-7f3a")).action_live


async def test_a_silence_stays_on_the_headline_that_an_action_edits():
    store, one = await with_incident()
    await store.commit(Changeset(silences=(silence(),)))

    await written(store, one)

    assert (await waiting(store, Slot.HEADLINE)).silenced.id == "sil-1"


async def test_a_tick_that_writes_the_same_incident_in_between_is_kept_and_the_step_written_after_it():
    store, one = await with_incident()

    async def tick():
        old = await store.incident("inc-7f3a")
        new = replace(old, reopened=7, revision=old.revision + 1)
        await store.commit(Changeset(incidents=(IncidentWrite(incident=new, expected_revision=old.revision),)))

    store.before_commit.append(tick)
    await written(store, one)

    found = await store.incident("inc-7f3a")
    assert (found.reopened, found.action_live, found.revision) == (7, True, 3)
    assert (await store.proposal("prop-1")).state is ProposalState.PENDING


async def test_a_proposal_that_somebody_else_moved_on_is_not_written_and_shows_nothing():
    store, one = await with_incident()
    await written(store, replace(one, state=ProposalState.DENIED))
    before = len(store.commits)

    with pytest.raises(ConcurrentChangeError):
        await written(store, replace(one, state=ProposalState.APPROVED), expected=ProposalState.PENDING)

    assert len(store.commits) == before
    assert (await store.proposal("prop-1")).state is ProposalState.DENIED


async def test_a_second_action_on_the_same_model_is_not_written():
    store = WatchedStore()
    await written(store, proposal())

    with pytest.raises(ConcurrentChangeError):
        await written(store, proposal("prop-2"))

    assert await store.proposal("prop-2") is None


async def test_being_overtaken_again_and_again_is_told_to_the_caller():
    store, one = await with_incident()

    async def overtaken():
        raise ConcurrentChangeError("changed")

    store.before_commit.extend([overtaken] * 5)

    with pytest.raises(ConcurrentChangeError):
        await written(store, one)


async def test_an_incident_that_is_not_known_any_more_does_not_stop_the_action():
    done = await written(WatchedStore(), proposal(incident_id="inc-gone"))

    assert [item.slot for item in done.outbox] == ["proposal:prop-1"]
