"""Words come once per verdict, after the numbers stand, and again only when what they are about has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.clock import ManualClock
from bot.domain.incident import Member, Severity, State
from bot.domain.message import ExplanationMessage, Slot
from bot.domain.verdict import Cause, Subcause
from bot.explaining import Explaining
from bot.ports import Changeset, IncidentWrite
from tests.app.builders import (
    BAD_VERSION,
    BEN,
    FULL_DISK,
    LATENCY,
    MINUTE,
    T0,
    TWO_MODELS,
    disk_finding,
    finding,
    incident,
    put,
)
from tests.app.fakes import FakeExplainer, WatchedStore
from tests.app.outbox import deliver, waiting


class Study:
    """Explaining over a store; `restart` begins a new process."""

    def __init__(self, store=None):
        self.store = store or WatchedStore()
        self.clock = ManualClock(T0 + 5 * MINUTE)
        self.explainer = FakeExplainer()
        self.restart()

    def restart(self):
        self.explaining = Explaining(store=self.store, explainer=self.explainer, catalogue=TWO_MODELS, clock=self.clock)

    async def catch_up(self):
        written = await self.explaining.catch_up()
        await deliver(self.store, self.clock.now())
        return written

    async def change(self, **changes):
        old = await self.store.incident("inc-7f3a")
        new = replace(old, **changes, revision=old.revision + 1)
        await self.store.commit(Changeset(incidents=(IncidentWrite(incident=new, expected_revision=old.revision),)))


async def explained(**changes):
    """A study in which one incident was told and explained."""
    study = Study()
    await put(study.store, incident(**changes))
    await study.catch_up()
    return study


async def test_what_people_were_told_of_is_explained_in_its_thread():
    study = Study()
    await put(study.store, incident())

    written = await study.explaining.catch_up()

    message = await waiting(study.store, Slot.EXPLANATION, "inc-7f3a")
    assert (written, type(message)) == (1, ExplanationMessage)
    assert study.explainer.packs[0].headline == "model: a bad version of fraud"


async def test_a_verdict_is_explained_once():
    study = await explained()

    assert await study.catch_up() == 0


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"verdict": FULL_DISK}, id="another verdict"),
        pytest.param({"verdict": replace(BAD_VERSION, cause=Cause.UNDETERMINED)}, id="doubt"),
        pytest.param({"verdict": replace(BAD_VERSION, subcauses=(Subcause.CONCEPT_DRIFT,))}, id="another subcause"),
        pytest.param({"verdict": replace(BAD_VERSION, entity="churn")}, id="another root"),
        pytest.param({"severity": Severity.WARNING}, id="another severity"),
        pytest.param(
            {"members": (Member(finding=finding()), Member(finding=finding(replace(finding().key, entity="churn"))))},
            id="another model feels it",
        ),
    ],
)
async def test_what_changes_the_story_is_explained_anew(changes):
    study = await explained()
    await study.change(**changes)

    assert await study.catch_up() == 1


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"members": (Member(finding=finding(now=0.65)),)}, id="another number"),
        pytest.param({"members": (Member(finding=finding()), Member(finding=finding(LATENCY)))}, id="another symptom"),
        pytest.param({"verdict": replace(BAD_VERSION, model_probability=0.91)}, id="another probability"),
        pytest.param({"acknowledged_by": BEN}, id="a click"),
    ],
)
async def test_what_does_not_change_the_story_costs_nothing(changes):
    study = await explained()
    await study.change(**changes)

    assert await study.catch_up() == 0


async def test_the_new_words_take_the_place_of_the_old():
    study = await explained()
    old = await study.store.posted("inc-7f3a", Slot.EXPLANATION)
    await study.change(verdict=FULL_DISK)

    await study.catch_up()

    new = await study.store.posted("inc-7f3a", Slot.EXPLANATION)
    assert (new.ts, new.revision) == (old.ts, 2)


async def test_a_restart_explains_nothing_twice():
    study = await explained()

    study.restart()

    assert (await study.catch_up(), len(study.explainer.packs)) == (0, 1)


async def test_after_a_restart_a_new_verdict_is_explained_all_the_same():
    study = await explained()
    study.restart()
    await study.catch_up()
    await study.change(verdict=FULL_DISK)

    assert await study.catch_up() == 1


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        pytest.param(False, {}, id="not told"),
        pytest.param(True, {"state": State.RESOLVED, "resolved": T0}, id="over"),
    ],
)
async def test_what_is_not_before_people_is_not_explained(told, changes):
    study = Study()
    await put(study.store, incident(**changes), told=told)

    assert (await study.catch_up(), study.explainer.packs) == (0, [])


async def test_the_worst_is_explained_first_and_the_older_before_the_younger():
    study = Study()
    await put(
        study.store,
        incident("inc-minor", severity=Severity.WARNING, findings=(disk_finding(),), at=T0),
        incident("inc-late", at=T0 + MINUTE),
        incident("inc-early", at=T0),
    )

    assert [await study.catch_up() for _ in range(4)] == [1, 1, 1, 0]  # one a call: a slow answer holds up no other

    assert [pack.incident_id for pack in study.explainer.packs] == ["inc-early", "inc-late", "inc-minor"]


async def test_an_incident_told_without_a_verdict_gets_words_when_it_has_one():
    study = await explained(verdict=None)
    await study.change(verdict=BAD_VERSION)

    assert await study.catch_up() == 1
