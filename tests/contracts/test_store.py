"""What every store promises, asked of the one in memory and of the one in SQL on both databases."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.codec import encode
from bot.domain.incident import IncidentId, Severity, State
from bot.domain.learning import LessonSource
from bot.domain.message import EvidenceMessage, ExplanationMessage, PlotSeries, ProposalMessage
from bot.domain.notice import Held, HeldBy, Notice, Reason
from bot.domain.proposal import ProposalId, ProposalState
from bot.domain.silence import SilenceId
from bot.ports import Changeset, ConcurrentChangeError, IncidentWrite, ProposalWrite, TickMark
from tests.contracts import values as v

NEW = None  # no revision or state expected: must not exist yet


def new(incident) -> IncidentWrite:
    return IncidentWrite(incident=incident, expected_revision=NEW)


def propose(proposal, *, expected=NEW) -> ProposalWrite:
    return ProposalWrite(proposal=proposal, expected_state=expected)


def same(found, expected) -> bool:
    """NaN differs from itself; its JSON does not."""
    return type(found) is type(expected) and encode(found) == encode(expected)


async def test_an_incident_comes_back_as_it_went_in(store):
    await store.commit(Changeset(incidents=(new(v.incident()),)))

    found = await store.incident(IncidentId("i-1"))

    assert same(found, v.incident())
    assert found.opened.utcoffset() == timedelta(0)
    assert found.firing == v.incident().firing


async def test_what_nobody_wrote_is_absent(store):
    assert await store.incident(IncidentId("i-1")) is None
    assert await store.silence(SilenceId("s-1")) is None
    assert await store.proposal(ProposalId("p-1")) is None
    assert await store.posted("i-1", "headline") is None
    assert await store.last_tick() is None
    assert await store.snapshot() is None
    assert await store.told([IncidentId("i-1")]) == {}


async def test_everything_of_a_changeset_comes_back(store):
    tick = TickMark(at=v.T0, seconds=1.5, series=100, findings=3, blind=("prometheus",))
    decisions = (
        Notice(incident_id=IncidentId("i-1"), revision=0, reason=Reason.FIRST),
        Held(incident_id=IncidentId("i-1"), revision=0, by=HeldBy.SILENCE, silence_id=SilenceId("s-1")),
    )
    await store.commit(
        Changeset(
            incidents=(new(v.incident()),),
            decisions=decisions,
            told=(v.told(),),
            outbox=(v.item(),),
            silences=(v.silence(),),
            proposals=(propose(v.approved(v.proposal())),),
            deploys=(v.deploy("8", at=v.T0),),
            changes=(v.change(),),
            audit=(v.audit(),),
            lessons=(v.lesson(),),
            tick=tick,
            snapshot=b"\x00state\xff",
        )
    )

    assert await store.told([IncidentId("i-1"), IncidentId("i-2")]) == {"i-1": v.told()}
    assert await store.silence(SilenceId("s-1")) == v.silence()
    assert await store.proposal(ProposalId("p-1")) == v.approved(v.proposal())
    assert await store.deploys() == [v.deploy("8", at=v.T0)]
    assert await store.changes(since=v.T0 - v.MINUTE) == [v.change()]
    assert await store.audit(limit=5) == [v.audit()]
    assert await store.lessons(since=v.T0 - v.MINUTE) == [v.lesson()]
    assert await store.last_tick() == tick
    assert await store.snapshot() == b"\x00state\xff"
    assert (await store.outbox_depth()).waiting == 1


# ---------------------------------------------------------------- compare and set


async def test_an_update_needs_the_revision_it_was_made_from(store):
    await store.commit(Changeset(incidents=(new(v.incident(revision=4)),)))
    later = replace(v.incident(revision=5), severity=Severity.INFO)

    with pytest.raises(ConcurrentChangeError):
        await store.commit(Changeset(incidents=(IncidentWrite(incident=later, expected_revision=3),)))
    await store.commit(Changeset(incidents=(IncidentWrite(incident=later, expected_revision=4),)))

    assert (await store.incident(IncidentId("i-1"))).severity is Severity.INFO


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param(Changeset(incidents=(new(v.incident("i-1")),)), id="incident exists"),
        pytest.param(
            Changeset(incidents=(IncidentWrite(incident=v.incident("i-1", revision=9), expected_revision=8),)),
            id="other revision",
        ),
        pytest.param(
            Changeset(incidents=(IncidentWrite(incident=v.incident("i-7", revision=2), expected_revision=1),)),
            id="incident unknown",
        ),
        pytest.param(Changeset(proposals=(propose(v.proposal("p-1")),)), id="proposal exists"),
        pytest.param(
            Changeset(proposals=(propose(v.proposal("p-1"), expected=ProposalState.MOVED),)), id="other state"
        ),
        pytest.param(
            Changeset(proposals=(propose(v.proposal("p-7"), expected=ProposalState.PENDING),)), id="proposal unknown"
        ),
        pytest.param(Changeset(proposals=(propose(v.proposal("p-2")),)), id="second live proposal of a model"),
    ],
)
async def test_a_lost_race_writes_nothing_at_all(store, lost):
    await store.commit(Changeset(incidents=(new(v.incident("i-1")),), proposals=(propose(v.proposal("p-1")),)))
    rest = Changeset(
        incidents=(new(v.incident("a-first")), *lost.incidents, new(v.incident("z-last"))),
        told=(v.told(),),
        outbox=(v.item(),),
        silences=(v.silence(),),
        proposals=(propose(v.proposal("p-other", model="ads")), *lost.proposals),
        deploys=(v.deploy("8", at=v.T0),),
        changes=(v.change(),),
        audit=(v.audit(),),
        lessons=(v.lesson(),),
        tick=TickMark(at=v.T0, seconds=1.0, series=1, findings=0),
        snapshot=b"x",
    )

    with pytest.raises(ConcurrentChangeError):
        await store.commit(rest)

    assert [found.id for found in await store.incidents(limit=9)] == ["i-1"]
    assert [found.id for found in await store.proposals()] == ["p-1"]
    assert await store.told([IncidentId("i-1")]) == {}
    assert (await store.outbox_depth()).waiting == 0
    assert await store.silence(SilenceId("s-1")) is None
    assert await store.deploys() == []
    assert await store.changes(since=v.T0 - v.MINUTE) == []
    assert await store.audit(limit=9) == []
    assert await store.last_tick() is None
    assert await store.snapshot() is None


async def test_of_many_who_write_at_once_one_wins(store):
    await store.commit(Changeset(incidents=(new(v.incident(revision=0)),)))

    async def attempt(number: int) -> bool:
        write = IncidentWrite(incident=v.incident(revision=1), expected_revision=0)
        try:
            await store.commit(Changeset(incidents=(write,), audit=(v.audit(f"try.{number}"),)))
        except ConcurrentChangeError:
            return False
        return True

    won = await asyncio.gather(*(attempt(number) for number in range(6)))

    assert sum(won) == 1
    assert [entry.what for entry in await store.audit(limit=9)] == [f"try.{won.index(True)}"]


async def test_a_click_decides_a_proposal_once(store):
    await store.commit(Changeset(proposals=(propose(v.proposal()),)))
    approval = propose(v.approved(v.proposal()), expected=ProposalState.PENDING)

    async def click() -> bool:
        try:
            await store.commit(Changeset(proposals=(approval,)))
        except ConcurrentChangeError:
            return False
        return True

    assert sorted(await asyncio.gather(click(), click(), click())) == [False, False, True]


@pytest.mark.parametrize("ended", [state for state in ProposalState if state.final])
async def test_a_model_may_be_proposed_again_once_it_is_over(store, ended):
    await store.commit(Changeset(proposals=(propose(v.proposal("p-1")),)))
    over = propose(v.proposal("p-1", state=ended), expected=ProposalState.PENDING)

    await store.commit(Changeset(proposals=(propose(v.proposal("p-2")), over)))

    assert [found.id for found in await store.proposals(states=[ProposalState.PENDING])] == ["p-2"]


# ---------------------------------------------------------------- queries


async def test_live_incidents_are_the_open_and_the_lately_resolved(store):
    hour = timedelta(hours=1)
    written = (
        v.incident("open-late", at=v.T0 + hour),
        v.incident("open-early", at=v.T0, state=State.PENDING),
        v.incident("over-lately", at=v.T0 + 2 * hour, state=State.RESOLVED),
        v.incident("over-long-ago", at=v.T0 - 2 * hour, state=State.RESOLVED),
    )
    await store.commit(Changeset(incidents=tuple(map(new, written))))

    live = await store.live_incidents(resolved_since=v.T0 + hour)

    assert [found.id for found in live] == ["open-early", "open-late", "over-lately"]


async def test_the_newest_incidents_come_first(store):
    written = [v.incident(f"i-{n}", at=v.T0 + n * v.MINUTE) for n in (2, 0, 3, 1)]
    await store.commit(Changeset(incidents=tuple(map(new, written))))

    assert [found.id for found in await store.incidents(limit=3)] == ["i-3", "i-2", "i-1"]


async def test_findings_are_kept_for_previews_as_last_seen(store):
    before = v.incident(at=v.T0)
    first = before.members[0]
    seen_again = replace(
        before,
        revision=1,
        members=(
            replace(first, finding=replace(first.finding, evidence=replace(first.finding.evidence, observed=0.5))),
            replace(first, finding=v.finding("late", at=v.T0 + v.MINUTE)),
        ),
    )
    await store.commit(Changeset(incidents=(new(before),)))
    await store.commit(Changeset(incidents=(IncidentWrite(incident=seen_again, expected_revision=0),)))

    everything = await store.findings(since=v.T0 - v.MINUTE)
    late = await store.findings(since=v.T0)

    assert sorted(found.key.signal for _, found in everything) == ["auc", "freshness", "late", "scored"]
    assert [found.evidence.observed for _, found in everything if found.key.signal == "auc"] == [0.5]
    assert [(incident_id, found.key.signal) for incident_id, found in late] == [("i-1", "late")]
    assert same(next(found for _, found in everything if found.key.signal == "freshness"), before.members[1].finding)


async def test_silences_are_found_while_they_last(store):
    await store.commit(Changeset(silences=(v.silence("s-1"), v.silence("s-2", starts=v.T0 + v.MINUTE))))

    async def active(after: timedelta) -> list[str]:
        return [found.id for found in await store.silences(active_at=v.T0 + after)]

    assert await active(timedelta(seconds=-1)) == []
    assert await active(timedelta(0)) == ["s-1"]
    assert await active(timedelta(hours=1)) == ["s-1", "s-2"]
    assert await active(timedelta(hours=4)) == ["s-2"]


async def test_a_silence_is_ended_by_writing_it_again(store):
    await store.commit(Changeset(silences=(v.silence(),)))
    ended = replace(v.silence(), ends=v.T0 + v.MINUTE, ended_early_by="U9")

    await store.commit(Changeset(silences=(ended,)))

    assert await store.silence(SilenceId("s-1")) == ended
    assert await store.silences(active_at=v.T0 + v.MINUTE) == []


async def test_proposals_are_found_by_state_and_model_newest_first(store):
    written = (
        v.proposal("p-1", state=ProposalState.DENIED),
        v.proposal("p-2", at=v.T0 + v.MINUTE),
        v.proposal("p-3", model="ads", at=v.T0 + 2 * v.MINUTE),
    )
    await store.commit(Changeset(proposals=tuple(map(propose, written))))

    assert [found.id for found in await store.proposals()] == ["p-3", "p-2", "p-1"]
    assert [found.id for found in await store.proposals(model="fraud")] == ["p-2", "p-1"]
    assert [found.id for found in await store.proposals(states=[ProposalState.DENIED])] == ["p-1"]
    assert await store.proposals(states=[]) == []


async def test_the_ledger_is_in_order_of_time_then_of_arrival(store):
    early, late = v.deploy("8", at=v.T0), v.deploy("9", at=v.T0 + v.MINUTE)
    twin, other = v.deploy("8b", at=v.T0), v.deploy("3", at=v.T0, model="ads")
    await store.commit(Changeset(deploys=(late, early)))
    await store.commit(Changeset(deploys=(twin, other)))

    assert await store.deploys("fraud") == [early, twin, late]
    assert [event.version for event in await store.deploys()] == ["8", "8b", "3", "9"]


async def test_a_change_told_twice_is_kept_once(store):
    other = v.change("a different text", at=v.T0 + v.MINUTE)
    await store.commit(Changeset(changes=(v.change(), v.change())))
    await store.commit(Changeset(changes=(v.change(), other)))

    assert await store.changes(since=v.T0 - v.MINUTE) == [v.change(), other]
    assert await store.changes(since=v.T0) == [other]


async def test_audit_shows_the_newest_first(store):
    for name in ("one", "two", "three"):
        await store.commit(Changeset(audit=(v.audit(name, at=v.T0), v.audit(f"{name}.b", at=v.T0))))

    assert [entry.what for entry in await store.audit(limit=3)] == ["three.b", "three", "two.b"]


async def test_a_profile_comes_back_as_it_went_in(store):
    await store.commit(Changeset(profiles=(v.profile(),)))

    assert await store.profile("fraud", "9") == v.profile()


async def test_a_profile_that_nobody_made_is_absent(store):
    await store.commit(Changeset(profiles=(v.profile("9"), v.profile("8", model="ranking"))))

    assert await store.profile("fraud", "8") is None
    assert await store.profiles("churn") == []


async def test_the_same_profile_again_is_ignored(store):
    await store.commit(Changeset(profiles=(v.profile(),)))
    again = replace(v.profile(made=v.T0 + v.MINUTE), origin="command", body="{}")
    await store.commit(Changeset(profiles=(again, again), audit=(v.audit(),)))

    assert await store.profile("fraud", "9") == v.profile()
    assert await store.audit(limit=9) == [v.audit()]


async def test_of_each_version_the_newest_profile_counts_whenever_it_was_written(store):
    newest = v.profile("9", "a", made=v.T0 + 2 * v.MINUTE)
    other = v.profile("10", "b", made=v.T0 + v.MINUTE)
    elsewhere = v.profile("9", "c", model="ranking", made=v.T0 + 3 * v.MINUTE)
    await store.commit(Changeset(profiles=(newest, other)))
    await store.commit(Changeset(profiles=(v.profile("9", "z", made=v.T0), elsewhere)))

    assert await store.profile("fraud", "9") == newest
    assert await store.profiles("fraud") == [newest, other]


async def test_profiles_of_other_models_with_the_same_id_are_others(store):
    await store.commit(Changeset(profiles=(v.profile(), v.profile("8"), v.profile(model="ranking"))))

    assert {one.version for one in await store.profiles("fraud")} == {"8", "9"}
    assert await store.profiles("ranking") == [v.profile(model="ranking")]


async def test_of_an_incident_each_source_holds_its_newest_lesson(store):
    ended, helped = LessonSource.RESOLVED, LessonSource.ROLLBACK_HELPED
    await store.commit(Changeset(lessons=(v.lesson(), v.lesson(source=ended))))
    later = v.T0 + 2 * v.MINUTE

    await store.commit(Changeset(lessons=(v.lesson(at=later, void=later), v.lesson("i-0", helped, at=later))))

    assert await store.lessons(since=v.T0 - v.MINUTE) == [
        v.lesson(source=ended),
        v.lesson("i-0", helped, at=later),
        v.lesson(at=later, void=later),
    ]


async def test_lessons_taught_at_a_moment_are_not_after_it(store):
    await store.commit(Changeset(lessons=(v.lesson(), v.lesson("i-2", at=v.T0 + v.MINUTE))))

    assert await store.lessons(since=v.T0) == [v.lesson("i-2", at=v.T0 + v.MINUTE)]


async def test_the_last_tick_is_the_newest_and_the_snapshot_the_last(store):
    for minutes, state in ((2, b"a"), (3, b"b"), (1, b"c")):
        tick = TickMark(at=v.T0 + minutes * v.MINUTE, seconds=0.5, series=minutes, findings=0)
        await store.commit(Changeset(tick=tick, snapshot=state))
    await store.commit(Changeset(told=(v.told(),)))

    assert (await store.last_tick()).series == 3
    assert await store.snapshot() == b"c"


async def test_an_inbound_event_is_new_once_a_day(store):
    assert await store.first_time("Ev1", now=v.T0)
    assert not await store.first_time("Ev1", now=v.T0)
    assert not await store.first_time("Ev1", now=v.T0 + timedelta(hours=23))
    assert await store.first_time("Ev2", now=v.T0 + timedelta(hours=23))
    assert await store.first_time("Ev1", now=v.T0 + timedelta(hours=25))


async def test_of_many_deliveries_of_one_event_one_is_the_first(store):
    answers = await asyncio.gather(*(store.first_time("Ev1", now=v.T0) for _ in range(5)))

    assert sorted(answers) == [False] * 4 + [True]


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(
            EvidenceMessage(
                incident=v.incident(),
                plot=(
                    PlotSeries(
                        title="auc",
                        unit="ratio",
                        times_s=(1.0, 2.0),
                        values=(None, 0.5),
                        expected=0.9,
                        band=0.1,
                        onset_s=1.5,
                    ),
                ),
            ),
            id="evidence with a gap in the plot",
        ),
        pytest.param(ProposalMessage(proposal=v.approved(v.proposal())), id="card"),
        pytest.param(v.item(text="a <!channel> \u2028 line").message, id="text"),
    ],
)
async def test_a_message_leaves_the_outbox_as_it_went_in(store, message):
    await store.commit(Changeset(outbox=(replace(v.item(), message=message),)))

    (claimed,) = await store.claim(owner="a", now=v.T0, lease=v.LEASE, limit=1)

    assert same(claimed.item.message, message)
    assert not isinstance(claimed.item.message, ExplanationMessage)
