"""`faultline explain`: a stored incident, its verdict and its ledger, as a person or a program reads them."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from math import log

import pytest

from bot.codec import encode
from bot.domain.incident import IncidentId, State
from bot.pipeline.classify import classify
from bot.ports import Changeset, IncidentWrite
from bot.store.sql import open_store
from tests.pipeline import builders as b
from tests.pipeline.test_classify import FULL_DISK


def judged(name="inc-7f3a", findings=FULL_DISK, **changes):
    made = b.incident(*findings, id=IncidentId(name), state=State.RESOLVED, resolved=b.ONSET + 2 * b.HOUR)
    verdict = classify(made, b.CATALOGUE, b.scene(*findings, minutes=70))
    return replace(made, **{"verdict": verdict, **changes})


@pytest.fixture
def stored(config, tmp_path):
    """Keep incidents in a store; return the configuration that names it."""

    def keep(*incidents):
        url = f"sqlite:///{tmp_path / 'faultline.db'}"

        async def write():
            store = await open_store(url, create=True)
            writes = tuple(IncidentWrite(incident=one, expected_revision=None) for one in incidents)
            await store.commit(Changeset(incidents=writes))
            await store.close()

        asyncio.run(write())
        return config({"store": {"url": url}})

    return keep


def test_an_incident_is_shown_as_its_thread_shows_it(faultline, stored):
    done = faultline("explain", "inc-7f3a", "--config", stored(judged()))

    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == "Resolved · Very likely infrastructure: a full disk on n-04"
    assert "Verdict: infrastructure; model 0.3%, infrastructure 99.7%" in done.stdout
    assert "Rollback: would not help. The cause is infrastructure" in done.stdout
    assert "What we see" in done.stdout
    assert "Speaks for the infrastructure\n• " in done.stdout
    assert "The ledger" not in done.stdout


def test_the_ledger_begins_with_the_prior_ends_with_the_score_and_says_what_was_capped(faultline, stored):
    incident = judged()
    done = faultline("explain", "7f", "--why", "--config", stored(incident))

    best = incident.verdict.ledgers[0]
    assert done.exit_code == 0, done.output
    assert "For the infrastructure: a full disk on n-04 (disk)" in done.stdout
    assert f"{log(best.prior):+7.2f} {log(best.prior):+7.2f}  prior: {best.prior:.1%} of all troubles" in done.stdout
    assert f"{best.score:+7.2f}  {best.lines[-1].kind}: {best.lines[-1].text}" in done.stdout
    assert "n-04 moved before what it can reach [no more than 2, because onsets are estimates]" in done.stdout
    assert "odds of 539 to 1 for the infrastructure" in done.stdout
    assert "A side is named from 75%: it is the infrastructure, at 99.7%" in done.stdout
    assert "What would settle it: nothing more is needed" in done.stdout


def test_a_program_gets_the_same_as_values(faultline, stored):
    incident = judged()
    done = faultline("explain", "inc-7f3a", "--why", "--json", "--config", stored(incident))

    found = json.loads(done.stdout)
    ledger = found["why"]["ledgers"][0]
    assert (found["incident"], found["verdict"]["cause"]) == ("inc-7f3a", "infrastructure")
    assert found["verdict"]["rollback"] == "not_advised"
    assert ledger["prior_nats"] + sum(line["nats"] for line in ledger["lines"]) == pytest.approx(
        ledger["score"], abs=0.02
    )
    assert ledger["lines"][-1]["sum"] == pytest.approx(ledger["score"], abs=0.02)
    assert any("What we see" in part[0] for part in found["facts"])


def test_a_verdict_that_an_earlier_version_stored_shows_what_it_kept(faultline, stored):
    incident = judged()
    old = replace(incident, verdict=replace(incident.verdict, ledgers=()))
    done = faultline("explain", "inc-7f3a", "--why", "--config", stored(old))

    assert "ledgers" in encode(incident)
    assert done.exit_code == 0, done.output
    assert "kept no ledger" in done.stdout
    assert "for the infrastructure, strongly: " in done.stdout


def test_an_incident_that_was_not_judged_is_shown_all_the_same(faultline, stored):
    done = faultline("explain", "inc-7f3a", "--why", "--config", stored(judged(verdict=None)))

    assert done.exit_code == 0, done.output
    assert "Cause not judged yet" in done.stdout
    assert "never judged" in done.stdout


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        pytest.param("inc-7e3a", "INCIDENT: 'inc-7e3a' is not there; the nearest ids are inc-7f3a, ", id="unknown"),
        pytest.param("inc-7f", "INCIDENT: inc-7f3b, inc-7f3a begin so: give one more character", id="ambiguous"),
    ],
)
def test_an_id_that_names_none_or_several_is_answered_in_one_line_with_what_there_is(faultline, stored, asked, said):
    path = stored(judged(), judged("inc-7f3b", opened=b.ONSET + b.HOUR), judged("inc-8000"))
    done = faultline("explain", asked, "--config", path)

    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_an_empty_store_and_no_store_at_all_are_told_apart(faultline, stored, config):
    empty = faultline("explain", "inc-1", "--config", stored())
    absent = faultline("explain", "inc-1", "--config", config({"store": {"url": "sqlite:///nowhere.db"}}))

    assert (empty.exit_code, absent.exit_code) == (2, 2)
    assert "the store holds no incident yet" in empty.stderr
    assert "faultline migrate" in absent.stderr


def test_what_a_name_hides_cannot_reach_the_terminal(faultline, stored):
    evil = tuple(replace(f, key=replace(f.key, labels=(("x", "\x1b[2J\x07"),))) for f in FULL_DISK)
    done = faultline("explain", "inc-7f3a", "--why", "--config", stored(judged(findings=evil)))

    assert done.exit_code == 0, done.output
    assert not {"\x1b", "\x07"} & set(done.stdout)
