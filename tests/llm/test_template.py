"""The explanation that always exists must be good prose, repeatable, and as true as we ask of anybody."""

import random

import pytest

from bot.domain.verdict import Subcause
from bot.llm import template
from bot.llm.checks import BY_SUBCAUSE, SENTENCES
from bot.llm.verifier import Checked, Draft, verify
from bot.pipeline.evidence import build_pack
from tests.llm import builders as b

CATALOGUE = b.catalogue()


@pytest.mark.parametrize("story", b.STORIES)
@pytest.mark.parametrize("seed", range(12))
def test_every_claim_passes_the_verifier(story, seed):
    pack = build_pack(b.STORIES[story](random.Random(seed)), CATALOGUE)

    told = template.explain(pack)
    checked = verify(Draft(hypothesis_id=told.hypothesis_id, claims=told.claims), pack)

    assert isinstance(checked, Checked)
    assert checked.dropped == ()
    assert checked.claims == told.claims


@pytest.mark.parametrize("story", b.STORIES)
def test_two_to_five_claims_each_citing_facts_that_are_handed_over(story):
    told = template.explain(build_pack(b.STORIES[story](), CATALOGUE))

    assert 2 <= len(told.claims) <= 5
    assert all(claim.cites for claim in told.claims)
    assert {cite for claim in told.claims for cite in claim.cites} == {fact.id for fact in told.facts}


def test_the_words_for_a_full_disk():
    told = template.explain(build_pack(b.disk_full(), CATALOGUE))

    assert [claim.text for claim in told.claims] == [
        "node_disk_used of n-04 rose from 42.69 % to 99.15 % since 10:31 UTC.",
        "feature_age of fraud/velocity rose from 78.19 s to 1,691 s since 10:42 UTC.",
        "The likely cause is a full disk on n-04; the evidence weighs 6 % for the model and 94 % for infrastructure.",
        "feature_age of fraud/velocity began 11 min after node_disk_used of n-04, which began at 10:31 UTC.",
        "Against it: psi of fraud went 17 sigma above usual (now 0.4153, usual 0.0504).",
    ]
    assert told.next_checks[0] == "Look at what fills the disk, and free or extend it"
    assert told.author == "template"


def test_an_undetermined_verdict_is_not_explained_away():
    told = template.explain(build_pack(b.unsettled(), CATALOGUE))

    assert told.hypothesis_id is None
    assert any(claim.text == "The evidence does not settle the cause." for claim in told.claims)
    assert not any("likely" in claim.text for claim in told.claims)


def test_both_causes_of_a_mixed_verdict_are_named():
    told = template.explain(build_pack(b.mixed(), CATALOGUE))

    assert any("a bad version of churn and a full disk on n-04" in claim.text for claim in told.claims)


def test_facts_handed_over_hold_nothing_that_somebody_typed():
    told = template.explain(build_pack(b.bad_version(text="typed by a stranger"), CATALOGUE))

    assert "stranger" not in repr(told)
    assert any(fact.versions for fact in told.facts)


def test_every_subcause_has_checks_and_every_check_a_sentence():
    assert set(BY_SUBCAUSE) == set(Subcause)
    assert {check for checks in BY_SUBCAUSE.values() for check in checks} <= set(SENTENCES)
