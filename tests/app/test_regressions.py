"""What once went wrong between a failed commit, a restart and a click; each test is one fault that was found."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.incident import State
from bot.domain.notice import Reason
from bot.domain.policy import ApproverPolicy
from bot.domain.proposal import ProposalState
from bot.domain.series import SeriesKey
from bot.domain.verdict import Cause
from bot.errors import RefusedError, StoreDownError
from bot.ports import Changeset, ConcurrentChangeError
from bot.service import Service
from bot.watch import Watch
from tests.app.bench import POLICY, Bench
from tests.app.builders import (
    ANNA,
    AUC,
    BEN,
    CARLA,
    CATALOGUE,
    DISK,
    HOUR,
    LATENCY,
    MINUTE,
    T0,
    TWO_MODELS,
    VERSION,
    change,
    finding,
    matcher,
)
from tests.app.fakes import FakeExplainer, ScriptedChanges, ScriptedSource
from tests.app.outbox import deliver
from tests.app.plant import Plant, stepped, usual
from tests.app.test_lookout import moved as version_moved
from tests.app.test_lookout import some
from tests.app.test_proposing import pending
from tests.app.test_tick import full, ill, only_incident
from tests.app.test_tick import wrong as worse
from tests.app.test_watch import learnt


async def once_without_a_store(plant):
    plant.store.down = True
    with pytest.raises(StoreDownError):
        await plant.run()
    plant.store.down = False
    await plant.clock.advance(MINUTE)


async def test_a_model_without_a_ledger_stops_no_tick():
    plant = await Plant.warm(ScriptedSource({**usual(), AUC: worse()}), catalogue=TWO_MODELS)

    assert (await plant.run(5))[:2] == ["headline", "evidence"]


async def test_a_change_told_to_a_tick_that_could_not_be_written_is_not_lost():
    told = change("scorer", at=T0 + MINUTE / 2)
    plant = await Plant.warm(changes=(ScriptedChanges(told),))
    await plant.run()

    await once_without_a_store(plant)
    await plant.run()

    assert await plant.store.changes(since=T0 - HOUR) == [told]


async def test_a_version_seen_by_a_tick_that_could_not_be_written_reaches_the_ledger():
    plant = await Plant.warm()
    plant.source.series[VERSION] = version_moved(T0 + MINUTE)
    await plant.run()

    await once_without_a_store(plant)
    await plant.run(2)

    assert [one.version for one in await plant.store.deploys("fraud")] == ["3", "4"]


async def test_a_version_that_moved_while_the_bot_was_down_reaches_the_ledger():
    plant = await Plant.warm()
    await plant.run(2)
    plant.source.series[VERSION] = version_moved(T0 + 5 * MINUTE)
    await plant.clock.advance(10 * MINUTE)

    await plant.restart(saved=False)
    await plant.run(2)

    assert [one.version for one in await plant.store.deploys("fraud")] == ["3", "4"]


def flipped(blob):
    damaged = bytearray(blob)
    damaged[len(damaged) // 2] ^= 0xFF
    return bytes(damaged)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda _: b"", id="empty"),
        pytest.param(lambda blob: blob[:20], id="cut off early"),
        pytest.param(lambda blob: blob[:-100], id="cut off late"),
        pytest.param(flipped, id="a flipped byte"),
    ],
)
def test_a_damaged_snapshot_is_refused_by_name(damage):
    with pytest.raises((ValueError, KeyError)):
        Watch(CATALOGUE).restore(damage(learnt().save()))


async def test_with_a_damaged_snapshot_the_bot_warms_up_afresh():
    plant = await Plant.warm()
    await plant.store.commit(Changeset(snapshot=plant.watch.save()[:-100]))

    await plant.restart(saved=False)

    assert len(plant.watch.index) == 4


async def test_a_model_that_vanished_from_the_registry_does_not_stop_other_actions():
    made = Bench()
    await made.approved(name="prop-2", model="churn", from_version="1", to_version="0", at=T0 + MINUTE)
    await made.approved()
    del made.registry.holders["churn"]

    await made.step()

    assert await made.state("prop-1") is ProposalState.MOVED
    assert await made.state("prop-2") is ProposalState.FAILED


async def test_an_expired_request_makes_room_at_once():
    made, _ = await pending()
    await made.clock.advance(timedelta(minutes=30))

    assert (await made.rollback()).state is ProposalState.PENDING


async def test_a_click_that_lost_the_race_is_audited_too():
    made, asked = await pending(replace(POLICY, approvers={"*": ApproverPolicy(users=frozenset({BEN, CARLA}))}))
    made.store.before_commit.append(lambda: made.decide(asked, by=CARLA, approve=False))

    with pytest.raises(RefusedError):
        await made.decide(asked, by=BEN)

    assert (await made.audited())[-1] == (BEN, "rollback.refused")


async def test_people_are_called_when_trouble_they_were_told_is_over_is_back():
    plant = await ill(until=T0 + 5 * MINUTE)
    await plant.run(20)
    plant.source.series[DISK] = full(at=plant.clock.now())

    assert await plant.run(6) == ["reopened"]


async def test_a_plot_shows_the_history_of_its_series_whatever_other_sources_there_are():
    infra = ScriptedSource(some(DISK, LATENCY), name="infra")
    plant = await Plant.warm(ScriptedSource(some(AUC, VERSION), name="ml"), infra, warm_up=3 * HOUR)
    await plant.run(1)

    plot = plant.watch.plot(finding())

    assert list(plot.times_s) == sorted(set(plot.times_s))
    assert None not in plot.values


async def test_an_incident_that_was_not_written_this_tick_still_counts_as_open():
    full_disk = stepped(0.61, 0.004, to=0.97, at=T0 + 20 * MINUTE)
    plant = await Plant.warm(ScriptedSource({**usual(), AUC: worse(until=T0 + 30 * MINUTE), DISK: full_disk}))
    await plant.run(37)

    live = [one for one in await plant.store.live_incidents(resolved_since=plant.clock.now()) if one.open]
    counted = [
        plant.metrics.registry.get_sample_value("faultline_incidents", {"cause": cause.value}) for cause in Cause
    ]

    assert sum(counted) == len(live)


async def test_a_commit_that_was_overtaken_still_leaves_a_snapshot():
    plant = await ill()

    async def overtaken():
        raise ConcurrentChangeError("somebody clicked")

    plant.store.before_commit.append(overtaken)
    await plant.run(1)

    assert await plant.store.snapshot() is not None


async def test_a_restart_does_not_change_since_when_a_source_is_silent():
    plant = await Plant.warm()
    plant.source.down = "connection refused"
    await plant.run(6)

    await plant.restart()
    await plant.run(4)

    assert (await only_incident(plant.store)).onset == T0


async def test_an_incident_says_when_it_was_last_looked_at():
    plant = await ill()

    await plant.run(6)

    assert (await only_incident(plant.store)).updated == T0 + 5 * MINUTE


async def test_a_nonce_of_any_text_is_refused_in_words():
    made, asked = await pending()

    with pytest.raises(RefusedError):
        await made.decide(asked, nonce="ü")


def desk_of(plant):
    return Service(
        store=plant.store,
        tick=plant.tick,
        proposals=Bench().proposals,
        explainer=FakeExplainer(),
        catalogue=CATALOGUE,
        clock=plant.clock,
        dry_run=True,
    )


async def test_a_silence_that_ends_by_itself_leaves_the_headline():
    plant = await ill()
    await plant.run(4)
    desk = desk_of(plant)
    await desk.silence([matcher("entity", "n-04")], duration=5 * MINUTE, reason="freeing it", by=ANNA)

    shown = []
    for _ in range(10):
        await plant.tick.run(plant.clock.now())
        sent = await deliver(plant.store, plant.clock.now())
        shown += [one.item.message.silenced is not None for one in sent if one.item.slot == "headline"]
        await plant.clock.advance(MINUTE)

    assert (shown[0], shown[-1]) == (True, False)


async def test_a_silence_made_while_a_tick_is_at_work_stays_in_the_headline():
    spread = stepped(80.0, 2.0, to=300.0, at=T0 + 6 * MINUTE)  # told in the eighth tick
    plant = await Plant.warm(ScriptedSource({**usual(), DISK: full(), LATENCY: spread}))
    await plant.run(7)
    began = plant.clock.now()
    await plant.clock.advance(timedelta(seconds=10))
    told = await only_incident(plant.store)
    await desk_of(plant).silence([matcher("incident", told.id)], duration=HOUR, reason="freeing it", by=ANNA)

    result = await plant.tick.run(began)
    shown = []
    for minute in range(1, 6):
        await plant.tick.run(began + minute * MINUTE)
        sent = await deliver(plant.store, began + minute * MINUTE)
        shown += [one.item.message.silenced is not None for one in sent if one.item.slot == "headline"]

    assert [one.reason for one in result.decisions] == [Reason.SPREAD]
    assert shown[-1]
    assert len(shown) == 1  # and it is said once


async def test_a_source_that_dies_under_a_firing_incident_resolves_nothing():
    model = ScriptedSource({AUC: stepped(0.91, 0.003, to=0.70, at=T0), VERSION: usual()[VERSION]}, name="ml")
    plant = await Plant.warm(ScriptedSource(some(DISK, LATENCY), name="infra"), model)
    await plant.run(15)
    [before] = await plant.store.incidents(limit=9)
    assert before.state is State.FIRING

    model.down = "connection refused"
    await plant.run(45)

    after = await plant.store.incident(before.id)
    assert after is not None
    assert (after.state, after.resolved) == (State.FIRING, None)
    assert all(member.ended is None for member in after.members if member.finding.key == AUC)


async def test_one_replica_of_three_that_serves_a_new_version_moves_no_ledger():
    rollout = T0 + 5 * MINUTE
    pods = {SeriesKey("model_version", "fraud", (("pod", pod),)): pod for pod in ("a", "b", "c")}

    def telling(pod, done):
        return lambda at: 4.0 if at >= (rollout if pod == "c" else done) else 3.0

    done = T0 + 20 * MINUTE
    series = {key: value for key, value in usual().items() if key != VERSION}
    plant = await Plant.warm(ScriptedSource({**series, **{key: telling(pod, done) for key, pod in pods.items()}}))

    await plant.run(15)
    assert [one.version for one in await plant.store.deploys("fraud")] == ["3"]

    await plant.run(15)
    assert [(one.previous, one.version) for one in await plant.store.deploys("fraud")] == [(None, "3"), ("3", "4")]
