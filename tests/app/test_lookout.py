"""Looking outside: no source holds up another, what cannot be seen is told, and the ledger follows what serves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.change import Change, ChangeKind, DeployEvent
from bot.domain.finding import FindingKind, Shape
from bot.domain.series import BlindSpot
from bot.domain.verdict import Cause, Subcause
from bot.lookout import CHANGES_REMEMBERED
from bot.ports import Changeset
from tests.app.builders import (
    AUC,
    CATALOGUE,
    DISK,
    HOUR,
    LATENCY,
    MINUTE,
    T0,
    VERSION,
    change,
    served,
)
from tests.app.fakes import FakeRegistry, ScriptedChanges, ScriptedSource
from tests.app.plant import Plant, noise, stepped, usual


def some(*keys):
    everything = usual()
    return {key: everything[key] for key in keys}


async def two_sources(**options):
    """Infrastructure and model telemetry in two servers."""
    infra = ScriptedSource(some(DISK, LATENCY), name="infra")
    model = ScriptedSource(some(AUC, VERSION), name="ml")
    return await Plant.warm(infra, model, **options), infra, model


# ---------------------------------------------------------------- blind spots


@pytest.mark.parametrize(
    ("trouble", "because"),
    [
        pytest.param({"down": "connection refused"}, "connection refused", id="refuses"),
        pytest.param({"hangs": True}, "no answer within 0.05 s", id="hangs"),
    ],
)
async def test_a_source_that_cannot_answer_is_a_blind_spot_and_the_others_go_on(trouble, because):
    plant, infra, model = await two_sources()
    for name, value in trouble.items():
        setattr(infra, name, value)
    model.series[AUC] = stepped(0.91, 0.003, to=0.70, at=T0)
    await plant.lookout.look(T0)

    seen = await plant.lookout.look(T0 + MINUTE)

    (spot,) = seen.blind
    assert (spot.source, spot.because, spot.signals) == ("infra", because, ("latency_p99", "node_disk_used_ratio"))
    assert [one.key for one in seen.findings] == [AUC]


@pytest.mark.parametrize("part", ["changes", "registry"])
async def test_a_feed_that_brings_no_samples_is_a_blind_spot_too(part):
    feed, registry = ScriptedChanges(), FakeRegistry({"fraud": "3"})
    plant = await Plant.warm(changes=(feed,), registry=registry)
    {"changes": feed, "registry": registry}[part].down = "502 Bad Gateway"

    seen = await plant.lookout.look(T0)

    assert [(spot.source, spot.because, spot.signals) for spot in seen.blind] == [(part, "502 Bad Gateway", ())]


async def test_a_model_that_the_registry_does_not_know_is_no_blind_spot():
    plant = await Plant.warm(registry=FakeRegistry({}))

    seen = await plant.lookout.look(T0)

    assert (seen.blind, seen.deploys) == ((), ())


async def test_failed_pulls_are_counted_by_source():
    plant = await Plant.warm()
    plant.source.down = "connection refused"

    await plant.lookout.look(T0)

    assert plant.metrics.registry.get_sample_value("faultline_source_errors_total", {"source": "prometheus"}) == 1


async def test_a_source_must_be_silent_for_three_ticks_before_it_is_a_finding():
    plant = await Plant.warm()
    plant.source.down = "connection refused"

    seen = [await plant.lookout.look(T0 + minute * MINUTE) for minute in range(4)]

    assert [[one.kind for one in look.findings] for look in seen] == [[], [], [FindingKind.BLIND], [FindingKind.BLIND]]


async def test_a_source_that_answers_in_between_starts_the_count_anew():
    plant = await Plant.warm()

    found = []
    for minute, down in enumerate([True, True, False, True, True]):
        plant.source.down = "connection refused" if down else None
        found += (await plant.lookout.look(T0 + minute * MINUTE)).findings

    assert found == []


async def test_a_silent_source_is_one_finding_whatever_number_of_series_it_would_have_brought():
    plant = await Plant.warm()
    plant.source.down = "connection refused"

    for minute in range(10):
        seen = await plant.lookout.look(T0 + minute * MINUTE)

    (found,) = seen.findings
    assert (found.key.entity, found.because) == ("prometheus", "connection refused (no data for 4 signals)")
    assert (found.onset, found.evidence.window_s) == (T0, 540.0)


async def test_a_series_that_falls_silent_alone_is_a_gap_of_its_own():
    plant = await Plant.warm()
    plant.source.series[AUC] = lambda _: None

    for minute in range(5):
        seen = await plant.lookout.look(T0 + minute * MINUTE)

    assert [(one.key, one.kind) for one in seen.findings] == [(AUC, FindingKind.GAP)]


async def test_a_source_that_answers_in_part_brings_what_it_has_and_tells_the_rest():
    plant = await Plant.warm()
    spot = BlindSpot(source="prometheus", because="auc: query too large", signals=("auc",))
    plant.source.blind = (spot,)
    plant.source.series[AUC] = lambda _: None
    plant.source.series[LATENCY] = stepped(80.0, 2.0, to=300.0, at=T0)

    for minute in range(6):
        seen = await plant.lookout.look(T0 + minute * MINUTE)

    assert seen.blind == (spot,)
    assert [(one.key.signal, one.kind) for one in seen.findings] == [
        ("latency_p99", FindingKind.LEVEL),
        ("telemetry", FindingKind.BLIND),
    ]


async def test_blindness_is_told_as_lost_telemetry_and_its_end_is_told_too():
    plant = await Plant.warm()
    plant.source.down = "connection refused"
    quiet = await plant.run(4)
    heard = await plant.run(4)
    plant.source.down = None

    after = await plant.run(10)

    (found,) = await plant.store.incidents(limit=5)
    assert (quiet, heard, after) == ([], ["headline", "evidence"], ["resolved"])
    assert (found.verdict.cause, found.verdict.subcauses) == (Cause.INFRASTRUCTURE, (Subcause.TELEMETRY_LOSS,))


async def test_the_tick_mark_names_the_sources_that_could_not_be_read():
    plant, infra, _ = await two_sources(registry=FakeRegistry({"fraud": "3"}))
    infra.down = "connection refused"

    await plant.run()

    assert (await plant.store.last_tick()).blind == ("infra",)


async def test_a_verdict_that_rests_on_what_can_no_longer_be_seen_becomes_undetermined():
    plant, _, model = await two_sources()
    model.series[AUC] = stepped(0.91, 0.003, to=0.70, at=T0)
    await plant.run(4)
    model.down = "connection refused"

    await plant.run(1)

    (found,) = await plant.store.incidents(limit=5)
    assert (found.verdict.cause, found.verdict.settle[:21]) == (Cause.UNDETERMINED, "auc cannot be read no")


# ---------------------------------------------------------------- changes


async def test_the_first_look_asks_for_the_changes_that_may_still_matter_and_the_next_where_it_ended():
    feed = ScriptedChanges()
    plant = await Plant.warm(changes=(feed,))

    await plant.run(3)

    assert feed.asked == [
        (T0 - CHANGES_REMEMBERED, T0),
        (T0, T0 + MINUTE),
        (T0 + MINUTE, T0 + 2 * MINUTE),
    ]


async def test_after_a_failure_changes_are_asked_from_where_the_last_good_look_ended():
    feed = ScriptedChanges()
    plant = await Plant.warm(changes=(feed,))
    await plant.run()
    feed.down = "timeout"
    await plant.run()
    feed.down = None

    await plant.run()

    assert feed.asked[-1] == (T0, T0 + 2 * MINUTE)


async def test_a_feed_that_fails_costs_only_its_own_place():
    good = ScriptedChanges(change("scorer", at=T0 - MINUTE), name="good")
    bad = ScriptedChanges(name="bad")
    bad.down = "timeout"
    plant = await Plant.warm(changes=(bad, good))

    seen = await plant.lookout.look(T0)

    assert ([one.entity for one in seen.changes], [spot.source for spot in seen.blind]) == (["scorer"], ["bad"])


async def test_a_change_told_again_after_a_restart_is_remembered_once():
    told = change("scorer", at=T0 - MINUTE)
    plant = await Plant.warm(changes=(ScriptedChanges(told),))
    await plant.run(2)

    await plant.restart()
    await plant.run(2)

    assert await plant.store.changes(since=T0 - HOUR) == [told]


# ---------------------------------------------------------------- which version serves


def moved(at, *, before=3.0, after=4.0):
    return lambda now: after if now >= at else before


async def test_an_alias_that_moved_is_a_line_in_the_ledger_and_a_change():
    registry = FakeRegistry({"fraud": "3"})
    plant = await Plant.warm(registry=registry)
    await plant.run()
    registry.holders["fraud"] = "4"

    seen = await plant.lookout.look(T0 + MINUTE)

    at = T0 + MINUTE
    assert seen.deploys == (served("4", previous="3", at=at),)
    assert seen.changes == (
        Change(
            time=at,
            kind=ChangeKind.MODEL_VERSION,
            entity="fraud",
            text="alias champion moved",
            from_="3",
            to="4",
        ),
    )


async def test_the_first_look_at_the_registry_begins_the_ledger_and_is_no_change():
    plant = await Plant.warm(ScriptedSource(some(AUC)), registry=FakeRegistry({"fraud": "7"}))

    seen = await plant.lookout.look(T0)

    assert (seen.deploys, seen.changes) == ((served("7", at=T0),), ())


async def test_a_registry_that_cannot_be_read_moves_nothing_in_the_ledger():
    registry = FakeRegistry({"fraud": "3"})
    plant = await Plant.warm(registry=registry)
    await plant.run()
    registry.down = "timeout"

    seen = await plant.lookout.look(T0 + MINUTE)

    assert (seen.deploys, seen.changes) == ((), ())


async def test_an_alias_that_vanished_is_a_line_in_the_ledger():
    registry = FakeRegistry({"fraud": "3"})
    plant = await Plant.warm(registry=registry)
    await plant.run()
    registry.holders["fraud"] = None

    seen = await plant.lookout.look(T0 + MINUTE)

    assert [(one.version, one.previous) for one in seen.deploys] == [(None, "3")]


async def test_a_promotion_that_registry_and_telemetry_both_tell_is_remembered_once():
    registry = FakeRegistry({"fraud": "3"})
    plant = await Plant.warm(registry=registry)
    await plant.run()
    registry.holders["fraud"] = "4"
    plant.source.series[VERSION] = moved(T0 + 3 * MINUTE)  # the rollout takes two minutes

    await plant.run(5)

    assert [one.to for one in await plant.store.changes(since=T0 - HOUR)] == ["4"]
    assert [one.version for one in await plant.store.deploys("fraud")] == ["3", "4"]


async def test_without_a_registry_telemetry_keeps_the_ledger():
    plant = await Plant.warm()
    plant.source.series[VERSION] = moved(T0 + 2 * MINUTE)

    await plant.run(4)

    last = (await plant.store.deploys("fraud"))[-1]
    assert last == DeployEvent(
        model="fraud", alias="serving", version="4", previous="3", at=T0 + 2 * MINUTE, source="telemetry"
    )


async def test_where_a_registry_knows_the_model_telemetry_writes_no_ledger():
    plant = await Plant.warm(registry=FakeRegistry({"fraud": "3"}))
    plant.source.series[VERSION] = moved(T0 + MINUTE)  # a canary, or a rollout by hand

    await plant.run(3)

    assert [one.version for one in await plant.store.deploys("fraud")] == ["3"]
    assert [(one.to, one.text) for one in await plant.store.changes(since=T0)] == [("4", "seen in telemetry")]


async def test_versions_seen_while_learning_begin_the_ledger_and_a_recent_move_is_a_change():
    source = ScriptedSource({**usual(), VERSION: moved(T0 - 30 * MINUTE)})

    plant = await Plant.warm(source, warm_up=2 * HOUR)

    ledger = [(one.version, one.previous, one.at) for one in await plant.store.deploys("fraud")]
    assert ledger == [("3", None, T0 - 2 * HOUR), ("4", "3", T0 - 30 * MINUTE)]
    assert [(one.from_, one.to, one.time) for one in await plant.store.changes(since=T0 - HOUR)] == [
        ("3", "4", T0 - 30 * MINUTE)
    ]


async def test_a_move_of_long_ago_is_in_the_ledger_but_explains_nothing_now():
    source = ScriptedSource({**usual(), VERSION: moved(T0 - 7 * HOUR)})

    plant = await Plant.warm(source, warm_up=8 * HOUR)

    assert [one.version for one in await plant.store.deploys("fraud")] == ["3", "4"]
    assert await plant.store.changes(since=T0 - 9 * HOUR) == []


async def test_the_registry_agreeing_with_the_warm_up_adds_no_line():
    source = ScriptedSource({**usual(), VERSION: moved(T0 - 30 * MINUTE)})
    plant = await Plant.warm(source, registry=FakeRegistry({"fraud": "4"}))

    seen = await plant.lookout.look(T0)

    assert (seen.deploys, seen.changes) == ((), ())


async def test_a_known_ledger_is_not_begun_again_after_a_restart():
    plant = await Plant.warm()
    await plant.run(2)
    await plant.store.commit(Changeset(snapshot=b"not one of ours"))  # so that all of the history is read again

    await plant.restart(saved=False)
    await plant.run(2)

    assert [one.version for one in await plant.store.deploys("fraud")] == ["3"]


async def test_what_serves_now_is_live_for_others():
    plant = await Plant.warm()
    plant.source.series[VERSION] = moved(T0 + MINUTE)

    await plant.run(2)

    assert plant.watch.versions == {"fraud": "4"}


# ---------------------------------------------------------------- warming up


async def test_a_source_without_history_only_starts_colder():
    infra = ScriptedSource(some(DISK, LATENCY), name="infra")
    model = ScriptedSource(some(AUC, VERSION), name="ml")
    infra.down = "connection refused"

    plant = await Plant.warm(infra, model)
    infra.down = None
    await plant.run()

    assert len(plant.watch.index) == 4
    assert plant.watch.judged == 2


async def test_what_a_history_could_not_read_is_logged_by_source(caplog):
    source = ScriptedSource(some(AUC), name="ml")
    source.blind = (BlindSpot(source="ml", because="parse error", signals=("latency",)),)

    await Plant.warm(source)

    [record] = [record for record in caplog.records if record.message == "history not complete"]
    assert (record.source, record.signals, record.because) == ("ml", ("latency",), "parse error")


async def test_a_saved_state_that_cannot_be_used_is_learnt_afresh():
    plant = Plant()
    await plant.store.commit(Changeset(snapshot=b"not one of ours"))

    await plant.tick.warm_up(T0)
    await plant.run()

    assert plant.watch.judged == 4


async def test_after_a_restart_only_what_happened_since_is_read():
    asked = []

    class Remembering(ScriptedSource):
        async def history(self, index, *, start, end, step_s):
            asked.append((start, end))
            return await super().history(index, start=start, end=end, step_s=step_s)

    plant = await Plant.warm(Remembering(usual()), warm_up=2 * HOUR)
    await plant.run(1)  # saved at T0
    await plant.clock.advance(9 * MINUTE)

    await plant.restart(saved=False)

    assert asked == [(T0 - 2 * HOUR, T0 - MINUTE), (T0 + MINUTE, T0 + 9 * MINUTE)]


async def test_a_restart_within_the_same_minute_reads_nothing():
    plant = await Plant.warm()
    await plant.run()
    plant.source.hangs = True  # asking would never end

    await plant.restart()

    assert plant.watch.last_time_s == T0.timestamp()


async def test_thousands_of_series_are_judged_like_a_few():
    many = {replace(LATENCY, entity=f"svc-{number:04d}"): lambda _: 80.0 for number in range(2001)}
    plant = Plant(ScriptedSource({**many, AUC: stepped(0.91, 0.003, to=0.70, at=T0)}), catalogue=CATALOGUE)
    await plant.tick.warm_up(T0)
    await plant.lookout.look(T0)

    seen = await plant.lookout.look(T0 + MINUTE)

    assert [one.key for one in seen.findings] == [AUC]


# ---------------------------------------------------------------- the closer look


def filling(at):
    """A disk that begins to fill at T0 by 60 points an hour."""
    return 0.61 + 0.60 * max(0.0, (at - T0) / HOUR) + noise(at, 0.004)


async def test_a_disk_that_fills_is_found_with_its_pace_and_the_time_it_is_full():
    plant = await Plant.warm()
    plant.source.series[DISK] = filling

    for minute in range(21):
        seen = await plant.lookout.look(T0 + minute * MINUTE)

    [found] = [one for one in seen.findings if one.key == DISK]
    course = found.evidence.course
    assert (course.at, course.shape) == (T0 + 20 * MINUTE, Shape.RAMP)
    assert course.pace == pytest.approx(0.60, rel=0.1)
    assert abs(course.limit_at - T0 - 39 * MINUTE) < 3 * MINUTE
