"""The ledger: it adds up to the score, stays small, and old verdicts load without one."""

from __future__ import annotations

import json
from dataclasses import replace
from math import log

import pytest

from bot.codec import decode, encode
from bot.domain.catalogue import Kind, Node
from bot.domain.verdict import Cause, Reasoning, Verdict
from bot.pipeline.classify import classify
from bot.pipeline.reasons import MAX_LINES, heaviest
from bot.pipeline.weights import RULES
from bot.pipeline.why import why_lines
from tests.pipeline import builders as b
from tests.pipeline.test_classify import CASES, FULL_DISK, judge

K = Kind
TWO_TROUBLES = (
    *(b.finding(kind, "churn") for kind in (K.PREDICTION, K.PREDICTION_DRIFT)),
    *(b.finding(kind, "churn", minutes=60) for kind in (K.QUALITY, K.CALIBRATION)),
    b.finding(K.DISK, "n-04", minutes=1),
    *(b.finding(kind, "feature-pipeline", minutes=2) for kind in (K.THROUGHPUT, K.BACKLOG, K.LATENCY, K.ERRORS)),
    *(b.finding(K.FRESHNESS, f"fraud/{name}", minutes=3) for name in ("velocity", "tenure")),
    *(b.finding(kind, "feature-store", minutes=3) for kind in (K.LATENCY, K.ERRORS)),
)


@pytest.mark.parametrize(("findings", "around", "subcause", "entity", "rollback"), CASES)
def test_a_ledger_adds_up_and_names_the_best_of_each_side(findings, around, subcause, entity, rollback):
    found = judge(findings, **around)

    assert len({one.cause for one in found.ledgers}) == len(found.ledgers)
    assert (found.ledgers[0].subcauses, found.ledgers[0].entity) == ((subcause,), entity)
    for one in found.ledgers:
        assert log(one.prior) + sum(line.weight for line in one.lines) == pytest.approx(one.score, abs=0.05)
        assert {line.kind for line in one.lines} <= {rule.kind for rule in RULES}
    assert sum(one.side for one in found.ledgers) == pytest.approx(1.0, abs=0.001)
    assert [one.score for one in found.ledgers] == sorted((one.score for one in found.ledgers), reverse=True)


def test_two_causes_at_once_have_a_ledger_each_and_one_together():
    found = judge(TWO_TROUBLES, changes=[b.promotion("churn")], minutes=70)
    assert found.cause is Cause.MIXED

    one, two, both = sorted(found.ledgers, key=lambda ledger: ledger.cause is Cause.MIXED)
    shared = -sum(line.weight for line in both.lines if line.kind == "shared")
    assert {one.subcauses[0], two.subcauses[0]} == set(found.subcauses) == set(both.subcauses)
    assert both.score == pytest.approx(one.score + two.score - shared - 5.0, abs=0.05)
    assert both.score > max(one.score, two.score)
    assert any("Both at once score" in line for line in why_lines(found))


def test_a_ledger_stays_small_however_much_is_watched():
    nodes = tuple(Node(name=f"w-{i}") for i in range(60))
    services = tuple(
        replace(s, runs_on=(*s.runs_on, *(n.name for n in nodes))) if s.name == "scoring" else s
        for s in b.CATALOGUE.services
    )
    catalogue = replace(b.CATALOGUE, nodes=(*b.CATALOGUE.nodes, *nodes), services=services)
    busy = [b.finding(K.CPU, node.name, minutes=1, labels=(("x", "y" * 500),)) for node in nodes]
    findings = (b.finding(K.TRAFFIC, "scoring"), *busy)
    quiet = b.watched(catalogue) - {(f.key.entity, Kind(f.key.signal)) for f in findings}
    found = classify(b.incident(*findings), catalogue, b.scene(*findings, quiet=quiet))

    ledger = max(found.ledgers, key=lambda one: len(one.lines))
    assert len(ledger.lines) == MAX_LINES
    assert ledger.lines[-1].kind == "rest"
    assert log(ledger.prior) + sum(line.weight for line in ledger.lines) == pytest.approx(ledger.score, abs=0.05)
    assert len(encode(found.ledgers)) < 45_000


def test_a_verdict_that_was_stored_without_a_ledger_still_loads():
    found = judge(FULL_DISK, minutes=70)
    old = json.loads(encode(found))
    del old["ledgers"]

    assert decode(Verdict, json.dumps(old)) == replace(found, ledgers=())
    assert decode(Verdict, encode(found)) == found


def test_the_strongest_reason_against_is_kept_however_light_it_is():
    lines = [*(Reasoning(text=str(i), weight=3.0) for i in range(5)), Reasoning(text="against", weight=-0.2)]

    assert [line.text for line in heaviest(lines, 3)] == ["0", "1", "against"]
    assert heaviest((), 3) == ()


def test_what_counts_less_says_so():
    weak = judge((b.finding(K.DISK, "n-04", z=4.0), b.finding(K.THROUGHPUT, "feature-pipeline", z=-4.0)))
    notes = " / ".join(line.note for one in weak.ledgers for line in one.lines)

    assert "counts 50%, being less than 8 sigma off" in notes
