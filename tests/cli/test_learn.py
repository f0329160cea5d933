"""`faultline learn`: what was learnt is shown, set aside only when that is meant, and taken back."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.catalogue import Kind
from bot.domain.learning import LessonSource
from bot.ports import Changeset, IncidentWrite
from bot.store.sql import open_store
from tests.contracts import values as v
from tests.pipeline.builders import finding
from tests.pipeline.test_precursors import past

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
LESSONS = (
    v.lesson("inc-aaaaaaa", at=NOW - 40 * DAY),
    v.lesson("inc-bbbbbbb", at=NOW - 2 * DAY),
    v.lesson("inc-bbbbbbb", LessonSource.RESOLVED, at=NOW - 3 * DAY),
)


@pytest.fixture
def house(config, tmp_path):
    """A configuration and its database; `keep` writes to it, `kept` reads it."""
    url = f"sqlite:///{tmp_path / 'faultline.db'}"

    class House:
        path = config({"store": {"url": url}})

        def keep(self, **changes):
            async def write():
                store = await open_store(url, create=True)
                await store.commit(Changeset(**changes))
                await store.close()

            asyncio.run(write())

        def kept(self):
            async def read():
                store = await open_store(url, read_only=True)
                found = await store.lessons(since=NOW - 365 * DAY), await store.audit(limit=50)
                await store.close()
                return found

            return asyncio.run(read())

        def void(self):
            return {(one.incident_id, one.source.value) for one in self.kept()[0] if one.void_since}

    return House()


def test_what_was_learnt_is_shown_with_where_it_came_from(house, faultline):
    house.keep(lessons=LESSONS)

    shown = faultline("learn", "show", "-c", house.path)

    assert shown.exit_code == 0, shown.output
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("2 incidents taught something")
    [disk] = [line for line in lines if line.startswith("disk_saturation")]
    assert disk.split()[3].startswith("+")
    assert disk.split()[4] == "2"
    assert any("inc-aaaaaaa  Right?: infrastructure, disk_saturation 0.67, network 0.33" in line for line in lines)
    assert "No pattern yet" in shown.stdout


def test_the_same_as_json(house, faultline):
    house.keep(lessons=LESSONS)

    shown = json.loads(faultline("learn", "show", "--json", "-c", house.path).stdout)

    assert shown["confirmed"] == {"model": 0, "infrastructure": 2}
    assert shown["model_nats"] < 0
    assert sum(row["start"] for row in shown["causes"]) == pytest.approx(1.0, abs=0.001)
    assert [one["incident"] for one in shown["lessons"]] == ["inc-bbbbbbb", "inc-bbbbbbb", "inc-aaaaaaa"]
    assert shown["patterns"] == []


def test_an_empty_house_says_how_to_teach_it(house, faultline):
    house.keep()

    shown = faultline("learn", "show", "-c", house.path)

    assert "0 incidents taught something" in shown.stdout
    assert 'No lessons yet: answer "Right?" below an incident.' in shown.stdout


def test_patterns_of_the_past_are_listed(config, house, faultline):
    sections = {
        "store": {"url": f"sqlite:///{house.path.parent / 'faultline.db'}"},
        "catalog": {
            "nodes": [{"name": "n-04"}],
            "services": [{"name": "scoring"}],
            "models": [{"name": "fraud", "served_by": "scoring"}],
            "signals": [
                {"name": "disk", "kind": "disk", "query": "up", "entity": "node"},
                {"name": "prediction_drift", "kind": "prediction_drift", "query": "up", "entity": "model"},
            ],
        },
    }
    path = config(sections)
    disk, drift = finding(Kind.DISK, "n-04"), finding(Kind.PREDICTION_DRIFT, "fraud", minutes=12)
    whole = timedelta(days=(NOW - disk.onset).days)  # to about now: what is too old is no pattern
    incidents = [
        past(*(replace(one, onset=one.onset + whole) for one in (disk, drift)), number=n, days=7 * n)
        for n in range(1, 6)
    ]
    incidents = [replace(one, resolved=one.resolved + whole) for one in incidents]
    house.keep(incidents=tuple(IncidentWrite(incident=one, expected_revision=None) for one in incidents))

    shown = faultline("learn", "show", "-c", path)

    assert "5 of 5 times, prediction drift of fraud rose 12 min after disk use of n-04 rose" in shown.stdout


@pytest.mark.parametrize(
    ("flags", "void"),
    [
        pytest.param(
            ("--incident", "inc-bbbbbbb"), {("inc-bbbbbbb", "feedback"), ("inc-bbbbbbb", "resolved")}, id="incident"
        ),
        pytest.param(("--before", f"{NOW - 10 * DAY:%Y-%m-%d}"), {("inc-aaaaaaa", "feedback")}, id="before"),
        pytest.param(
            ("--all",),
            {("inc-aaaaaaa", "feedback"), ("inc-bbbbbbb", "feedback"), ("inc-bbbbbbb", "resolved")},
            id="all",
        ),
    ],
)
def test_lessons_are_set_aside_audited_and_taken_back(house, faultline, flags, void):
    house.keep(lessons=LESSONS)

    done = faultline("learn", "reset", *flags, "--yes", "-c", house.path)

    assert (done.exit_code, done.stdout) == (0, f"{len(void)} set aside; `faultline learn restore` takes them back.\n")
    assert house.void() == void
    audit = house.kept()[1]
    assert {(one.what, one.subject) for one in audit} == {("learn.reset", name) for name, _ in void}
    assert all(one.who.startswith("cli") for one in audit)

    back = faultline("learn", "restore", "-c", house.path)

    assert back.stdout == f"{len(void)} count again.\n"
    assert house.void() == set()


@pytest.mark.parametrize(("typed", "left"), [("n\n", 0), ("\n", 0), ("y\n", 3)])
def test_without_yes_it_asks_and_no_is_the_default(house, monkeypatch, typed, left):
    from typer.testing import CliRunner

    from bot.cli import app

    house.keep(lessons=LESSONS)

    done = CliRunner().invoke(app, ["learn", "reset", "--all", "-c", str(house.path)], input=typed)

    assert "Set 3 lessons aside? [y/N]" in done.output
    assert len(house.void()) == left
    assert ("Nothing was changed." in done.output) == (left == 0)


def test_it_works_beside_a_running_bot(house, faultline):
    house.keep(lessons=LESSONS)

    async def beside():
        running = await open_store(f"sqlite:///{house.path.parent / 'faultline.db'}")
        try:
            return await asyncio.to_thread(faultline, "learn", "reset", "--all", "--yes", "-c", house.path)
        finally:
            await running.close()

    assert asyncio.run(beside()).exit_code == 0
    assert len(house.void()) == 3


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param((), "say which lessons, by one of: --incident ID, --before DATE, --all", id="none"),
        pytest.param(("--all", "--incident", "inc-1"), "say which lessons, by one of", id="two"),
        pytest.param(
            ("--incident", "inc-zzz"), "--incident: 'inc-zzz' taught nothing; `faultline learn show`", id="id"
        ),
    ],
)
def test_what_is_not_clear_changes_nothing(house, faultline, flags, said):
    house.keep(lessons=LESSONS)

    done = faultline("learn", "reset", *flags, "--yes", "-c", house.path)

    assert done.exit_code == 2
    assert said in done.stderr
    assert house.void() == set()


def test_without_a_database_it_says_what_to_do(config, tmp_path, faultline):
    path = config({"store": {"url": f"sqlite:///{tmp_path / 'none.db'}"}})

    done = faultline("learn", "show", "-c", path)

    assert done.exit_code == 2
    assert "run `faultline migrate`" in done.stderr
