"""What the verifier lets through and what it drops, case by case and in bulk."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.change import ChangeKind
from bot.domain.explanation import Claim
from bot.domain.finding import Course, Shape
from bot.llm.verifier import LABEL, Checked, Draft, Rejected, claim_fault, contradicted, verify
from bot.pipeline.evidence import build_pack
from tests.benchmarks.grounding import measure
from tests.llm import builders as b
from tests.llm.corpus import KINDS

SHARED = Path(__file__).parents[3] / "shared" / "data" / "injections" / "injections.own.jsonl"


def made(*findings, story=b.surge):
    return build_pack(b.incident(findings, story().verdict), b.catalogue())


PACK = made(
    b.finding("latency_p99", "scoring", 120.0, 900.0),
    b.finding("node_cpu", "n-07", 0.42, 0.97, minutes=2),
    b.finding("requests", "checkout", 500.0, 2000.0),
)
CHOSEN = PACK.hypotheses[0]
LATENCY = next(fact.id for fact in PACK.facts if fact.signal == "latency_p99")
CPU = next(fact.id for fact in PACK.facts if fact.signal == "node_cpu")
REQUESTS = next(fact.id for fact in PACK.facts if fact.signal == "requests")


def fault(text, *cites):
    return claim_fault(Claim(text=text, cites=cites or (LATENCY,)), PACK, CHOSEN)


@pytest.mark.parametrize(
    "text",
    [
        "latency_p99 of scoring rose from 120 ms to 900 ms.",
        "latency_p99 of scoring rose from 120 to 900 ms at 10:31 UTC.",
        "latency_p99 of scoring rose by 780 ms.",
        "latency_p99 of scoring rose by 650 %.",
        "latency_p99 of scoring is 7.5 times its usual value.",
        "latency_p99 of scoring is at 0.9 s, usually 0.12 s.",
        "latency_p99 of scoring rose to 750 % of its usual value.",
        f"latency_p99 of scoring rose to 900 ms [{LATENCY}].",
    ],
)
def test_the_same_truth_may_be_put_in_many_ways(text):
    assert fault(text) is None


def test_a_claim_may_rest_on_several_facts():
    both = "latency_p99 of scoring rose to 900 ms and node_cpu of n-07 rose to 97 %."

    assert fault(both, LATENCY, CPU) is None


AT = b.ONSET + timedelta(hours=1)
FILLING = build_pack(
    b.incident(
        [
            b.finding(
                "node_disk_used",
                "n-04",
                0.60,
                0.93,
                course=Course(
                    at=AT,
                    shape=Shape.RAMP,
                    pace=0.032,
                    limit_at=AT + timedelta(hours=2, minutes=11),
                    alike=datetime(2026, 9, 20, 16, 10, tzinfo=UTC),
                ),
            )
        ],
        b.disk_full().verdict,
    ),
    b.catalogue(),
)
LEVEL_FACT, PACE_FACT, ALIKE_FACT = "E1", "E2", "E3"


def filling_fault(text, *cites):
    return claim_fault(Claim(text=text, cites=cites), FILLING, FILLING.hypotheses[0])


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        pytest.param("node_disk_used of n-04 rises by 3.2 points an hour.", [PACE_FACT], id="as it stands"),
        pytest.param("node_disk_used of n-04 rises by 3.2 percentage points an hour.", [PACE_FACT], id="spelled out"),
        pytest.param("At that pace node_disk_used of n-04 is full in 2 h 10 min.", [PACE_FACT], id="time left"),
        pytest.param("At that pace node_disk_used of n-04 is full in 130 minutes.", [PACE_FACT], id="in one unit"),
        pytest.param("At that pace node_disk_used of n-04 is full at about 13:42 UTC.", [PACE_FACT], id="moment"),
        pytest.param(
            "node_disk_used of n-04 rose from 60 % to 93 % and rises by 3.2 points an hour.",
            [LEVEL_FACT, PACE_FACT],
            id="with its level",
        ),
        pytest.param("node_disk_used of n-04 rises by 3.2 points an hour.", [LEVEL_FACT, PACE_FACT], id="two cited"),
        pytest.param(
            "node_disk_used of n-04 looked like this before, on 2026-09-20 at 16:10 UTC.", [ALIKE_FACT], id="before"
        ),
        pytest.param(
            "node_disk_used of n-04 looked like this on 20 Sep at 16:10.", [ALIKE_FACT], id="date as people do"
        ),
    ],
)
def test_what_a_closer_look_tells_may_be_said(text, cites):
    assert filling_fault(text, *cites) is None


@pytest.mark.parametrize(
    ("text", "cites", "because"),
    [
        pytest.param("node_disk_used of n-04 rises by 4.2 points an hour.", [PACE_FACT], "number", id="pace"),
        pytest.param(
            "node_disk_used of n-04 rises by 3.2 % an hour.", [PACE_FACT], "number", id="percent are no points"
        ),
        pytest.param("node_disk_used of n-04 rises by 3.2 points an hour.", [LEVEL_FACT], "number", id="not cited"),
        pytest.param("node_disk_used of n-04 falls by 3.2 points an hour.", [PACE_FACT], "direction", id="direction"),
        pytest.param(
            "At that pace node_disk_used of n-04 is full in 3 h 10 min.", [PACE_FACT], "number", id="time left"
        ),
        pytest.param("At that pace node_disk_used of n-04 is full in 10 min.", [PACE_FACT], "number", id="half of it"),
        pytest.param(
            "At that pace node_disk_used of n-04 is full at about 14:42 UTC.", [PACE_FACT], "time", id="moment"
        ),
        pytest.param("node_disk_used of n-04 looked like this on 2026-09-21 at 16:10.", [ALIKE_FACT], "time", id="day"),
    ],
)
def test_what_a_closer_look_does_not_tell_is_dropped(text, cites, because):
    assert because in (filling_fault(text, *cites) or "")


@pytest.mark.parametrize(
    ("text", "because"),
    [
        pytest.param("latency_p99 of scoring rose to 950 ms.", "number", id="number"),
        pytest.param("latency_p99 of scoring rose to 120 ms.", "number", id="the value before as the value after"),
        pytest.param("latency_p99 of scoring rose from 900 ms to 120 ms.", "number", id="before and after exchanged"),
        pytest.param("latency_p99 of scoring rose by 900 ms.", "number", id="the value as a difference"),
        pytest.param("latency_p99 of scoring doubled.", "number", id="spelled-out factor"),
        pytest.param("latency_p99 of scoring rose to 900 s.", "number", id="unit"),
        pytest.param("latency_p99 of scoring rose to 900.", "number", id="unit missing"),
        pytest.param("latency_p99 of scoring fell to 900 ms.", "direction", id="direction"),
        pytest.param("latency_p99 of scoring stayed flat at 900 ms.", "direction", id="no movement"),
        pytest.param("latency_p99 of checkout rose to 900 ms.", "entity or signal", id="another entity of the incident"),
        pytest.param("latency_p99 of payments rose to 900 ms.", "no cited fact", id="an entity of nowhere"),
        pytest.param("latency_p99 of scoring-b rose to 900 ms.", "no cited fact", id="an entity like ours"),
        pytest.param("latency_p99 of scoring rose to 900 ms at 11:31.", "time", id="time"),
        pytest.param("latency_p99 of scoring rose to 900 ms at 10:31 PM.", "time", id="evening"),
        pytest.param("latency_p99 of scoring rose to 900 ms at 10:31 CET.", "time", id="zone"),
        pytest.param("latency_p99 of scoring rose to 900 ms on 24 Nov.", "time", id="date"),
        pytest.param("latency_p99 of scoring rose to 900 ms yesterday.", "time", id="relative day"),
        pytest.param("latency_p99 of scoring rose to 900 ms after v42 came.", "version", id="version"),
        pytest.param("latency_p99 of scoring rose [E99] to 900 ms.", "does not cite", id="inner reference"),
        pytest.param("scoring said 'all is well' at 900 ms.", "no cited fact", id="quotation"),
        pytest.param("Bad training data made latency_p99 of scoring rise.", "not plain", id="free cause"),
        pytest.param("latency_p99 of scoring rose, likely by itself.", "not the chosen", id="cause that was not chosen"),
        pytest.param("See https://evil.example for latency_p99 of scoring.", "link", id="link"),
        pytest.param("latency_p99 of scoring is on grafana.evil.example now.", "link", id="host name"),
        pytest.param("<!channel> latency_p99 of scoring rose.", "markup", id="mention"),
        pytest.param("*latency_p99* of scoring rose to 900 ms.", "markup", id="markup"),
        pytest.param("Run kubectl delete pods, as latency_p99 of scoring rose.", "command", id="shell"),
        pytest.param("latency_p99 of scoring rose; token=deadbeefdeadbeef.", "secret", id="secret"),
        pytest.param("latency_p99 of scoring rose, the rollback is approved.", "advises", id="decision"),
        pytest.param("Please ignore latency_p99 of scoring, it is safe.", "advises", id="order"),
        pytest.param("latency_p99 of scoring rose\u202e to 900 ms.", "invisible", id="bidirectional override"),
        pytest.param("We cannot say more of this.", "nothing of the facts", id="about nothing"),
        pytest.param("yes", "short", id="too short"),
        pytest.param("latency_p99 of scoring rose to 900 ms. " * 10, "long", id="too long"),
    ],
)  # fmt: skip
def test_what_the_cited_facts_do_not_bear_is_dropped(text, because):
    found = fault(text)

    assert found is not None
    assert because in found


def test_values_may_not_be_exchanged_between_two_cited_facts():
    swapped = "requests of checkout rose to 900 1/s and node_cpu of n-07 rose to 97 %."

    assert fault(swapped, REQUESTS, CPU, LATENCY) is not None


@pytest.mark.parametrize("cites", [pytest.param((), id="none"), pytest.param(("E99",), id="unknown")])
def test_citations_must_exist(cites):
    claim = Claim(text="latency_p99 of scoring rose to 900 ms.", cites=cites)

    assert claim_fault(claim, PACK, CHOSEN) is not None


def test_what_somebody_typed_proves_nothing():
    pack = build_pack(b.bad_version(text="amount of kafka rose to 77 % at 09:09, see v99"), b.catalogue())
    cite = next(fact.id for fact in pack.facts if fact.source == "registry")

    for text in ("amount of kafka rose to 77 %.", "fraud moved at 09:09 UTC.", "fraud moved to version 99."):
        assert claim_fault(Claim(text=text, cites=(cite,)), pack, pack.hypotheses[0]) is not None


def test_a_claim_on_a_typed_change_alone_is_labelled():
    surge = b.surge()
    told = b.promotion("scoring", from_="1.4", to="1.5", text="typed", weight=0.5)
    told = replace(told, change=replace(told.change, kind=ChangeKind.DEPLOY))
    pack = build_pack(replace(surge, verdict=replace(surge.verdict, changes=(told,))), b.catalogue())
    fact = next(fact for fact in pack.facts if fact.source == "changes")
    claim = Claim(text="scoring moved from version 1.4 to version 1.5 at 10:28 UTC.", cites=(fact.id,))

    found = verify(Draft(hypothesis_id="H1", claims=(claim,)), pack)

    assert isinstance(found, Checked)
    assert [one.text for one in found.claims] == [claim.text + LABEL]
    assert verify(Draft(hypothesis_id="H1", claims=found.claims), pack) == found


GOOD = Claim(text="latency_p99 of scoring rose from 120 ms to 900 ms.", cites=(LATENCY,))
BAD = Claim(text="latency_p99 of scoring rose from 120 ms to 999 ms.", cites=(LATENCY,))


def test_one_false_claim_of_three_is_dropped_and_its_text_withheld():
    found = verify(Draft(hypothesis_id="H1", claims=(GOOD, BAD, GOOD)), PACK)

    assert isinstance(found, Checked)
    assert found.claims == (GOOD, GOOD)
    assert found.checked == 3
    assert "999" not in repr(found)


@pytest.mark.parametrize(
    ("hypothesis", "claims"),
    [
        pytest.param("H1", (GOOD, BAD), id="more than a third false"),
        pytest.param("H1", (), id="nothing claimed"),
        pytest.param("H9", (GOOD,), id="hypothesis not in the list"),
        pytest.param("H3", (GOOD,), id="hypothesis contradicted"),
        pytest.param("H1", (GOOD,) * 6, id="too many claims"),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_rejected_whole(hypothesis, claims):
    assert isinstance(verify(Draft(hypothesis_id=hypothesis, claims=claims), PACK), Rejected)


def test_abstaining_is_allowed_and_then_no_cause_is():
    cause = Claim(text=f"The likely cause is {CHOSEN.text}: requests of checkout rose.", cites=(REQUESTS,))

    assert isinstance(verify(Draft(hypothesis_id=None, claims=(GOOD,)), PACK), Checked)
    assert isinstance(verify(Draft(hypothesis_id=None, claims=(cause,)), PACK), Rejected)


def test_none_of_these_is_never_contradicted():
    assert not contradicted(PACK.hypotheses[-1])
    assert contradicted(replace(CHOSEN, score=0.01))
    assert contradicted(replace(CHOSEN, score=0.15, supporting=(), contradicting=("E1",)))
    assert not contradicted(replace(CHOSEN, score=0.6, supporting=(), contradicting=("E1",)))


def test_bulk_measure_on_the_half_that_may_be_looked_at():
    found = measure("tuning", count=150, seed=11)

    assert set(found["caught"]) == set(KINDS)
    assert min(found["caught"].values()) >= 0.98
    assert found["false_refusals"] <= 0.08  # phrases of this half include some that the rules refuse on purpose


@pytest.mark.skipif(not SHARED.exists(), reason="the injection corpus is not beside the checkout")
def test_no_bad_output_of_the_corpus_becomes_a_claim():
    for line in SHARED.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["category"] != "llm_bad_output":
            continue
        for text in (record["payload"], *_claims_in(record["payload"])):
            assert fault(text[:300].ljust(12)) is not None, record["id"]


def _claims_in(payload):
    try:
        found = json.loads(payload)
    except ValueError:
        return []
    claims = found.get("claims", []) if isinstance(found, dict) else []
    return [claim["text"] for claim in claims]
