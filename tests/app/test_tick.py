"""One tick after another: what is written, what is said, and what a lost tick or a lost process costs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.incident import Feedback, State
from bot.domain.learning import LessonSource
from bot.domain.message import EvidenceMessage, HeadlineMessage, Slot
from bot.domain.notice import Held, HeldBy, Notice, Reason
from bot.domain.policy import SpeakingPolicy
from bot.domain.verdict import Cause, RollbackAdvice, Subcause
from bot.errors import StoreDownError
from bot.pipeline.learning import from_feedback
from bot.ports import Changeset, ConcurrentChangeError, IncidentWrite
from tests.app.builders import (
    ANNA,
    AUC,
    BEN,
    DISK,
    HOUR,
    LATENCY,
    MINUTE,
    T0,
    TWO_MODELS,
    change,
    finding,
    incident,
    matcher,
    put,
    served,
    silence,
)
from tests.app.fakes import FakeRegistry, ScriptedChanges, ScriptedSource
from tests.app.outbox import deliver, waiting
from tests.app.plant import Plant, stepped, usual

TOLD = 4  # ticks from the first bad sample to the message: two to be sure, then two minutes of patience


def full(*, at=T0, until=None):
    """The disk of n-04 fills up at `at`, and is emptied at `until`."""
    return stepped(0.61, 0.004, to=0.97, at=at, until=until)


def wrong(*, at=T0, until=None):
    """The model's answers get worse at `at`, and well again at `until`."""
    return stepped(0.91, 0.003, to=0.70, at=at, until=until)


async def ill(*, until=None, **options):
    """A plant with a full disk since T0, told three minutes later."""
    return await Plant.warm(ScriptedSource({**usual(), DISK: full(until=until)}), **options)


async def only_incident(store):
    (found,) = await store.incidents(limit=10)
    return found


# ---------------------------------------------------------------- what is written


async def test_a_quiet_tick_writes_a_tick_mark_and_nothing_else():
    plant = await Plant.warm()
    await plant.run()

    await plant.run()

    written = plant.store.commits[-1]
    assert written == Changeset(tick=written.tick)
    assert (written.tick.at, written.tick.series, written.tick.findings, written.tick.blind) == (T0 + MINUTE, 4, 0, ())


@pytest.mark.parametrize(
    "broken",
    [pytest.param({}, id="quiet"), pytest.param({AUC: wrong(), DISK: full()}, id="ill")],
)
async def test_a_tick_is_one_commit(broken):
    plant = await Plant.warm(ScriptedSource({**usual(), **broken}))
    before = len(plant.store.commits)

    await plant.run(12)

    assert [one.tick.at for one in plant.store.commits[before:]] == [T0 + minute * MINUTE for minute in range(12)]


async def test_what_was_found_decided_and_will_be_said_is_in_the_same_commit():
    plant = await ill()

    await plant.run(TOLD)

    written = next(one for one in plant.store.commits if one.told)
    (about,) = [write.incident.id for write in written.incidents]
    assert [told.incident_id for told in written.told] == [about]
    assert [(one.incident_id, one.reason) for one in written.decisions] == [(about, Reason.FIRST)]
    assert [(item.thread, item.slot) for item in written.outbox] == [(about, Slot.HEADLINE), (about, Slot.EVIDENCE)]


async def test_the_detectors_memory_is_saved_at_the_first_tick_and_then_every_few_minutes():
    plant = await Plant.warm(snapshot_every=5 * MINUTE)

    await plant.run(11)

    saved = [one.tick.at for one in plant.store.commits if one.tick and one.snapshot is not None]
    assert saved == [T0, T0 + 5 * MINUTE, T0 + 10 * MINUTE]


async def test_saving_writes_the_detectors_memory_and_nothing_else():
    plant = await Plant.warm()

    await plant.tick.save()

    assert plant.store.commits[-1] == Changeset(snapshot=plant.watch.save())


# ---------------------------------------------------------------- what is said


async def test_a_departure_is_told_once_and_its_end_once():
    plant = await ill(until=T0 + 10 * MINUTE)

    heard = await plant.run(30)

    assert heard == ["headline", "evidence", "resolved"]


async def test_a_departure_becomes_an_incident_with_a_verdict_its_numbers_and_its_onset():
    plant = await ill()

    await plant.run(5)

    found = await only_incident(plant.store)
    (member,) = found.members
    assert (found.state, found.verdict.cause, found.onset) == (State.FIRING, Cause.INFRASTRUCTURE, T0)
    assert (member.finding.key, member.finding.evidence.unit) == (DISK, "ratio")
    assert member.finding.evidence.expected == pytest.approx(0.61, abs=0.01)
    assert member.finding.evidence.observed == pytest.approx(0.97, abs=0.01)


async def test_the_first_message_brings_the_picture_of_the_leading_series():
    plant = await ill()

    for _ in range(TOLD):
        await plant.tick.run(plant.clock.now())
        await plant.clock.advance(MINUTE)

    evidence = await waiting(plant.store, Slot.EVIDENCE)
    assert isinstance(evidence, EvidenceMessage)
    assert [one.title for one in evidence.plot] == [str(DISK)]


async def test_a_blip_is_recorded_but_never_told():
    blip = stepped(80.0, 2.0, to=200.0, at=T0, until=T0 + 3 * MINUTE)
    patient = SpeakingPolicy(debounce=15 * MINUTE)
    plant = await Plant.warm(ScriptedSource({**usual(), LATENCY: blip}), speaking=patient)

    heard = await plant.run(20)

    found = await only_incident(plant.store)
    assert (heard, found.state) == ([], State.RESOLVED)
    assert {one.by for one in plant.store.decisions} == {HeldBy.DEBOUNCE, HeldBy.NOTHING_NEW}


async def test_the_same_trouble_back_within_the_hour_keeps_its_thread():
    plant = await ill(until=T0 + 5 * MINUTE)
    await plant.run(20)
    plant.source.series[DISK] = full(at=plant.clock.now())

    heard = await plant.run(6)

    found = await only_incident(plant.store)
    assert heard == ["reopened"]
    assert (found.state, found.reopened) == (State.FIRING, 1)


async def test_what_nothing_connects_is_two_incidents():
    later = full(at=T0 + 20 * MINUTE)
    plant = await Plant.warm(ScriptedSource({**usual(), AUC: wrong(), DISK: later}))

    await plant.run(28)

    found = await plant.store.incidents(limit=10)
    assert [one.entities for one in found] == [{"n-04"}, {"fraud"}]


async def test_a_version_that_came_just_before_is_blamed_and_the_one_before_it_advised():
    registry = FakeRegistry({"fraud": "3"})
    plant = await Plant.warm(registry=registry)
    await plant.store.commit(Changeset(deploys=(served("3", at=T0 - 20 * HOUR),)))
    await plant.run(5)
    registry.holders["fraud"] = "4"
    plant.source.series[AUC] = wrong(at=plant.clock.now())

    await plant.run(5)

    verdict = (await only_incident(plant.store)).verdict
    assert (verdict.cause, verdict.subcauses, verdict.entity) == (Cause.MODEL, (Subcause.BAD_VERSION,), "fraud")
    assert (verdict.rollback, "version 3" in verdict.rollback_reason) == (RollbackAdvice.ADVISED, True)


async def test_a_model_of_which_no_version_is_known_stops_no_tick():
    plant = await ill(catalogue=TWO_MODELS)

    assert await plant.run(TOLD) == ["headline", "evidence"]


# ---------------------------------------------------------------- restarts and lost ticks


@pytest.mark.parametrize("saved", [pytest.param(True, id="stopped in order"), pytest.param(False, id="killed")])
@pytest.mark.parametrize("after", [1, 2, 3, 5, 12])
async def test_a_restart_at_any_minute_says_nothing_twice_and_forgets_nothing(after, saved):
    plant = await ill(until=T0 + 10 * MINUTE)
    heard = await plant.run(after)

    await plant.restart(saved=saved)
    heard += await plant.run(22 - after)

    assert heard == ["headline", "evidence", "resolved"]
    assert (await only_incident(plant.store)).reopened == 0


async def test_a_restart_between_commit_and_sending_loses_no_message():
    plant = await ill()
    for _ in range(TOLD):
        await plant.tick.run(plant.clock.now())
        await plant.clock.advance(MINUTE)
    await plant.restart()

    heard = await plant.run(3)

    assert heard == ["headline", "evidence"]


async def test_a_new_process_keeps_the_baseline_of_the_old_one():
    plant = await ill()
    await plant.run(10)
    plant.source.down = "connection refused"  # no history to learn from again

    await plant.restart()
    plant.source.down = None
    await plant.run()

    (member,) = (await only_incident(plant.store)).members
    assert member.active
    assert member.finding.evidence.expected == pytest.approx(0.61, abs=0.01)


@pytest.mark.parametrize("lost", [pytest.param({2}, id="one"), pytest.param({1, 2, 3, 12, 13}, id="several")])
async def test_a_lost_tick_costs_a_minute_not_an_incident(lost):
    plant = await ill(until=T0 + 10 * MINUTE)
    heard = []

    for minute in range(40):
        if minute in lost:
            await plant.clock.advance(MINUTE)
        else:
            heard += await plant.run()

    assert heard == ["headline", "evidence", "resolved"]


async def test_nothing_is_said_while_the_store_is_down_and_the_next_tick_tells_it():
    plant = await ill()
    await plant.run(TOLD - 1)
    plant.store.down = True

    with pytest.raises(StoreDownError):
        await plant.run()
    in_between = await deliver(plant.store, plant.clock.now())
    plant.store.down = False
    await plant.clock.advance(MINUTE)

    assert in_between == []
    assert await plant.run() == ["headline", "evidence"]


async def test_the_last_result_is_of_the_last_tick_that_was_committed():
    plant = await Plant.warm()
    await plant.run()
    plant.store.down = True

    with pytest.raises(StoreDownError):
        await plant.run()

    assert plant.tick.last.at == T0


# ---------------------------------------------------------------- somebody in between


async def test_a_click_between_reading_and_writing_is_kept_and_the_tick_decides_again():
    plant = await ill()
    await plant.run(5)

    async def click():
        old = await only_incident(plant.store)
        new = replace(old, acknowledged_by=ANNA, revision=old.revision + 1)
        await plant.store.commit(Changeset(incidents=(IncidentWrite(incident=new, expected_revision=old.revision),)))

    before = await only_incident(plant.store)
    plant.store.before_commit.append(click)
    await plant.run()

    found = await only_incident(plant.store)
    assert (found.acknowledged_by, found.revision) == (ANNA, before.revision + 2)
    assert (await plant.store.last_tick()).at == T0 + 5 * MINUTE


async def test_a_tick_that_is_overtaken_again_and_again_gives_up_and_says_nothing():
    plant = await ill()
    await plant.run(TOLD - 1)

    async def overtaken():
        raise ConcurrentChangeError("changed")

    plant.store.before_commit.extend([overtaken] * 4)
    with pytest.raises(ConcurrentChangeError):
        await plant.run()

    assert await deliver(plant.store, plant.clock.now()) == []


# ---------------------------------------------------------------- silences


async def test_a_silenced_incident_is_held_with_the_silence_that_holds_it():
    plant = await ill()
    await plant.store.commit(Changeset(silences=(silence(matcher("entity", "n-04")),)))

    heard = await plant.run(10)

    held = [one for one in plant.store.decisions if isinstance(one, Held) and one.by is HeldBy.SILENCE]
    assert heard == []
    assert {one.silence_id for one in held} == {"sil-1"}


async def test_what_still_lasts_when_its_silence_ends_is_told_then():
    plant = await ill()
    await plant.store.commit(Changeset(silences=(silence(matcher("entity", "n-04"), lasts=10 * MINUTE),)))

    muted = await plant.run(10)
    heard = await plant.run(1)

    assert (muted, heard) == ([], ["headline", "evidence"])


async def test_a_silence_that_ends_while_the_trouble_dies_down_lets_it_be_told():
    plant = await ill(until=T0 + 8 * MINUTE)
    await plant.store.commit(Changeset(silences=(silence(matcher("entity", "n-04"), lasts=15 * MINUTE),)))
    muted = await plant.run(15)

    heard = await plant.run(10)

    assert (muted, heard) == ([], ["headline", "evidence", "resolved"])


async def test_what_ended_under_a_silence_is_never_told():
    plant = await ill(until=T0 + 8 * MINUTE)
    await plant.store.commit(Changeset(silences=(silence(matcher("entity", "n-04"), lasts=HOUR),)))

    assert await plant.run(90) == []


async def test_the_end_of_what_people_know_of_is_told_in_spite_of_a_silence():
    plant = await ill(until=T0 + 8 * MINUTE)
    await plant.run(5)
    await plant.store.commit(Changeset(silences=(silence(matcher("entity", "n-04"), starts=T0, lasts=HOUR),)))

    assert await plant.run(20) == ["resolved"]


async def test_a_silence_that_covers_only_a_part_mutes_nothing():
    plant = await Plant.warm(ScriptedSource({**usual(), DISK: full(), LATENCY: stepped(80.0, 2.0, to=300.0, at=T0)}))
    await plant.store.commit(Changeset(silences=(silence(matcher("signal", "node_disk_used_ratio")),)))

    heard = await plant.run(6)

    assert heard[:2] == ["headline", "evidence"]


# ---------------------------------------------------------------- numbers about itself


async def test_the_tick_counts_what_it_did():
    plant = await ill()

    await plant.run(TOLD)

    read = plant.metrics.registry.get_sample_value
    assert read("faultline_ticks_total", {"outcome": "done"}) == TOLD
    assert read("faultline_last_tick_timestamp_seconds") == (T0 + (TOLD - 1) * MINUTE).timestamp()
    assert read("faultline_series", {"state": "known"}) == 4
    assert read("faultline_incidents", {"cause": "infrastructure"}) == 1
    assert read("faultline_decisions_total", {"reason": "first"}) == 1


async def test_an_incident_of_long_ago_is_left_alone():
    plant = await Plant.warm()
    old = incident("inc-0ld", at=T0 - 30 * HOUR, state=State.RESOLVED, resolved=T0 - 29 * HOUR, acknowledged_by=BEN)
    await put(plant.store, old)

    await plant.run(3)

    assert await only_incident(plant.store) == old


async def test_an_open_incident_whose_series_is_quiet_is_closed_after_the_usual_wait():
    plant = await Plant.warm()
    await put(plant.store, incident(findings=(finding(at=T0 - 10 * MINUTE),), at=T0 - 10 * MINUTE))

    heard = await plant.run(6)

    assert heard == ["headline", "evidence", "resolved"]
    assert [type(one) for one in plant.store.decisions][-1] is Notice


async def test_changes_are_written_with_the_tick_that_learnt_of_them():
    moved = change("scorer", at=T0 - 30 * MINUTE, text="replicas 3 → 2")
    plant = await Plant.warm(changes=(ScriptedChanges(moved),))

    await plant.run(3)

    assert [one.changes for one in plant.store.commits if one.changes] == [(moved,)]


async def test_a_headline_edited_by_a_tick_stays_in_its_place():
    plant = await ill(until=T0 + 8 * MINUTE)

    await plant.run(20)

    found = await only_incident(plant.store)
    stands = await plant.store.posted(found.id, Slot.HEADLINE)
    assert stands.revision == found.revision


async def test_the_headline_carries_the_incident_as_it_is_stored():
    plant = await ill()
    for _ in range(TOLD):
        await plant.tick.run(plant.clock.now())
        await plant.clock.advance(MINUTE)

    headline = await waiting(plant.store, Slot.HEADLINE)

    assert headline == HeadlineMessage(incident=await only_incident(plant.store))


# ---------------------------------------------------------------- what is learnt, and what is remembered


async def test_the_end_of_what_people_were_told_of_is_a_lesson_once():
    plant = await ill(until=T0 + 10 * MINUTE)

    await plant.run(30)

    assert (await only_incident(plant.store)).state is State.RESOLVED
    [lesson] = await plant.store.lessons(since=T0)
    assert (lesson.source, lesson.side) == (LessonSource.RESOLVED, Cause.INFRASTRUCTURE)
    assert sum(bool(one.lessons) for one in plant.store.commits) == 1


async def test_what_nobody_heard_of_teaches_nothing():
    plant = await ill(until=T0 + 2 * MINUTE, speaking=SpeakingPolicy(debounce=HOUR))

    await plant.run(15)

    assert await plant.store.lessons(since=T0) == []


async def test_a_lesson_is_weighed_from_the_next_tick_on_and_a_void_one_is_not():
    plant = await Plant.warm(ScriptedSource({**usual(), AUC: wrong(), LATENCY: stepped(80.0, 2.0, to=400.0, at=T0)}))
    await plant.run(TOLD)
    about = await only_incident(plant.store)
    lesson = from_feedback(replace(about, feedback=Feedback.INFRASTRUCTURE), now=T0)
    untaught = about.verdict.model_probability

    await plant.store.commit(Changeset(lessons=(lesson,)))
    await plant.run()
    taught = (await only_incident(plant.store)).verdict
    await plant.store.commit(Changeset(lessons=(replace(lesson, void_since=T0),)))
    await plant.run()
    reset = (await only_incident(plant.store)).verdict

    assert 0.0 < taught.model_probability < untaught
    assert "learnt" in {reason.kind for reason in taught.reasoning}
    assert reset.model_probability > taught.model_probability
    assert "learnt" not in {reason.kind for reason in reset.reasoning}


async def test_lessons_and_the_past_are_not_read_while_nothing_is_open():
    plant = await Plant.warm()
    asked = []
    lessons, incidents = plant.store.lessons, plant.store.incidents

    async def watched_lessons(**since):
        asked.append("lessons")
        return await lessons(**since)

    async def watched_incidents(**limit):
        asked.append("incidents")
        return await incidents(**limit)

    plant.store.lessons, plant.store.incidents = watched_lessons, watched_incidents
    await plant.run(3)
    assert asked == []

    plant.source.series[DISK] = full()
    await plant.run(4)

    assert asked.count("incidents") == 1  # once a process
    assert asked.count("lessons") >= 1
