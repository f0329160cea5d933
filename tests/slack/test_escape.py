"""Nothing from outside can ping, disguise a link, hide text or break a block."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.change import Change, ChangeKind
from bot.domain.explanation import Claim
from bot.domain.message import (
    ChangeMessage,
    EvidenceMessage,
    ExplanationMessage,
    HeadlineMessage,
    ProposalMessage,
    TextMessage,
)
from bot.domain.notice import Reason
from bot.domain.verdict import Cause, Reasoning, SuspectChange
from bot.slack.render.answers import answer
from bot.slack.render.blocks import texts_of
from bot.slack.render.escape import CUT_NOTE, esc
from bot.slack.render.message import render
from bot.slack.render.validate import faults
from tests.slack.builders import MODEL_VERDICT, T0, explanation, finding, incident, proposal

INJECTIONS = Path(__file__).parents[3] / "shared" / "data" / "injections"
OUR_MARKUP = re.compile(r"<@U0[A-Z]+>|<!date\^\d+\^[^<>]*\|[^<>]*>")
NASTY = st.text(
    alphabet=st.one_of(st.characters(), st.sampled_from("<>&|@!#*_~`:/\u202e\u200b\U000e0041 ")), max_size=400
)


def is_inert(text: str) -> bool:
    """No mention, link or hidden character, in mrkdwn's own terms."""
    rest = OUR_MARKUP.sub("", text)
    hidden = [c for c in rest if unicodedata.category(c) in ("Cc", "Cf", "Co") and c != "\n"]
    return not hidden and "<" not in rest and "://" not in rest and "@channel" not in rest and "@here" not in rest


@given(NASTY)
def test_escaped_text_holds_no_markup(text):
    found = esc(text, limit=500)

    assert is_inert(found)
    assert not set(found) & set("<>*`~")


@given(NASTY)
def test_plain_text_holds_no_brackets(text):
    found = esc(text, limit=500, plain=True)

    assert is_inert(found)
    assert ">" not in found


@given(NASTY, st.integers(20, 60))
def test_a_cut_is_visible_and_never_splits_an_entity(text, limit):
    found = esc(text, limit=limit)

    assert len(esc(text, limit=limit, plain=True)) <= limit
    assert not re.search(r"&(?!amp;|lt;|gt;)", found)
    if len(esc(text, limit=10_000, plain=True)) > limit:
        assert found.endswith(CUT_NOTE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("null_rate", "null_rate", id="names of signals stay readable"),
        pytest.param("10:31:00", "10:31:00", id="times stay readable"),
        pytest.param("a & b", "a &amp; b", id="ampersand"),
        pytest.param("<!channel>", "&lt;!channel&gt;", id="broadcast"),
        pytest.param("@here", "\uff20here", id="bare broadcast"),
        pytest.param(":white_check_mark:", "\u2236white_check_mark:", id="a forged tick"),
        pytest.param("http://evil", "http[:]//evil", id="bare link"),
        pytest.param("a\u202egpj.exe", "agpj.exe", id="reordered"),
        pytest.param("line\nbreak", "line break", id="one line"),
    ],
)
def test_known_tricks(text, expected):
    assert esc(text) == expected


def messages_with(text: str):
    """The same outside text in every place that it can reach."""
    verdict = replace(
        MODEL_VERDICT,
        entity=text,
        reasoning=(Reasoning(text=text, weight=2.0),),
        changes=(
            SuspectChange(
                change=Change(time=T0, kind=ChangeKind.DEPLOY, entity=text, text=text, from_=text, to=text, by=text),
                weight=0.5,
            ),
        ),
        rollback_reason=text,
        settle=text,
    )
    one = finding(signal=text, entity=text, unit=text)
    about = incident(verdict, findings=(one,), action=text)
    yield HeadlineMessage(incident=about, can_roll_back=text[:200])
    yield HeadlineMessage(incident=replace(about, verdict=None))
    yield EvidenceMessage(incident=about)
    yield ChangeMessage(
        incident_id=about.id,
        reason=Reason.VERDICT,
        at=T0,
        onset=T0,
        severity=about.severity,
        cause=Cause.MODEL,
        headline=text,
        by=text,
    )
    yield ExplanationMessage(
        explanation=explanation(claims=(Claim(text=text, cites=(text,)),), next_checks=(text,), author=text, note=text)
    )
    yield ProposalMessage(proposal=proposal(model=text, to_version=text, outcome=text, advice_reason=text))
    yield TextMessage(text=f"Somebody wrote: {text}")


def check_all(text: str) -> None:
    for message in messages_with(text):
        found = render(message)
        assert faults(found) == [], message.kind
        for said in (found.text, *texts_of(found.all_blocks())):
            assert is_inert(said), (message.kind, said)


@given(NASTY)
def test_outside_text_is_inert_in_every_message(text):
    check_all(text)


@pytest.mark.skipif(not INJECTIONS.is_dir(), reason="the collected injections are not beside this checkout")
def test_collected_injections_are_inert_in_every_message():
    payloads = [
        json.loads(line)["payload"]
        for file in sorted(INJECTIONS.glob("*.jsonl"))
        for line in file.read_text(encoding="utf-8").splitlines()
    ]

    assert len(payloads) > 400
    for payload in payloads:
        check_all(payload)


def test_a_person_named_by_id_survives_in_a_private_answer():
    found = answer("Already approved by <@U0ANNA>: <!here> *deploy*")

    assert "<@U0ANNA>" in found.blocks[0]["text"]["text"]
    assert "<!here>" not in found.blocks[0]["text"]["text"]
