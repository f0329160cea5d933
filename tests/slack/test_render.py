"""What people read, as text: the wording is the product, so it is kept as snapshots."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.catalogue import Kind
from bot.domain.finding import Course, Direction, FindingKind, Shape
from bot.domain.incident import Feedback, Member, Severity, State
from bot.domain.message import (
    ChangeMessage,
    DigestEntry,
    DigestMessage,
    EvidenceMessage,
    ExplanationMessage,
    HeadlineMessage,
    OutcomeMessage,
    ProposalMessage,
    SilenceMark,
    TextMessage,
)
from bot.domain.notice import Reason
from bot.domain.precursor import Precursor, Sign
from bot.domain.proposal import Approval, Check, ProposalState
from bot.domain.silence import SilencePreview
from bot.domain.verdict import Cause, Reasoning
from bot.emulator.blocks import check_attachments, check_message_blocks, check_view
from bot.slack.render.answers import render_explained, render_help, render_incidents, render_silenced, render_status
from bot.slack.render.home import render_home
from bot.slack.render.message import render
from bot.slack.render.modals import deny_form, loading, silence_form, silence_preview
from bot.slack.render.numbers import quantity
from bot.slack.render.validate import Level, degrade, faults, fit, view_faults
from tests.slack.builders import (
    ANNA,
    BEN,
    CATALOGUE,
    INFRA_VERDICT,
    T0,
    UNSURE_VERDICT,
    disk_finding,
    explanation,
    finding,
    incident,
    plot,
    proposal,
    silence,
    status,
)


def words(rendered) -> str:
    """A rendering as a reader meets it: spoken text, then blocks, buttons in brackets."""
    out = [f"({rendered.text})"]
    for block in rendered.blocks:
        out += _block(block)
    if rendered.coloured:
        out.append(f"| {rendered.color}")
    for block in rendered.coloured:
        out += [f"| {line}" for part in _block(block) for line in part.split("\n")]
    return "\n".join(out)


def _block(block):
    kind = block["type"]
    if kind == "actions":
        return [" ".join(_element(element) for element in block["elements"])]
    if kind == "context":
        return ["~ " + element["text"] for element in block["elements"]]
    if "fields" in block:
        return [" / ".join(field["text"].replace("\n", ": ") for field in block["fields"])]
    text = block["text"]["text"]
    return [f"# {text}"] if kind == "header" else [text]


def _element(element):
    if element["type"] == "overflow":
        return "[…: " + ", ".join(option["text"]["text"] for option in element["options"]) + "]"
    return f"[{element['text']['text']}{' ' + element['style'] if 'style' in element else ''}]"


def change(reason, **more):
    base = {
        "incident_id": incident().id,
        "reason": reason,
        "at": T0 + timedelta(minutes=95),
        "onset": T0,
        "severity": Severity.CRITICAL,
        "cause": Cause.MODEL,
        "headline": "Likely model: bad version 4 of fraud",
    }
    return ChangeMessage(**(base | more))


APPROVED = Approval(proposal_id=proposal().id, user_id=BEN, approve=True, at=T0 + timedelta(minutes=12))
DENIED = replace(APPROVED, approve=False, comment="not during the sale")
MARK = SilenceMark(id="sil-1", by=ANNA, ends=T0 + timedelta(hours=4), reason="retraining")
INFRA = incident(
    INFRA_VERDICT,
    findings=(disk_finding(), finding("feature_age_seconds", "fraud/velocity", now=5400, usual=120, unit="s")),
)
CLOSED = incident(state=State.RESOLVED, resolved=T0 + timedelta(minutes=95), feedback=Feedback.MODEL, feedback_by=ANNA)

FULL_DISK = disk_finding()
FILLING = (
    Member(
        finding=replace(
            FULL_DISK,
            evidence=replace(
                FULL_DISK.evidence,
                course=Course(
                    at=T0 + timedelta(hours=1),
                    shape=Shape.RAMP,
                    earliest=T0 - timedelta(minutes=20),
                    latest=T0,
                    pace=0.032,
                    limit_at=T0 + timedelta(hours=3, minutes=11),
                    alike=T0 - timedelta(days=2),
                ),
            ),
        )
    ),
)

WARNING = Precursor(
    first=Sign(entity="<n-04> *x*", kind=Kind.DISK, way=Direction.UP),
    second=Sign(entity="fraud", kind=Kind.QUALITY, way=Direction.DOWN),
    followed=5,
    times=6,
    lead_s=720.0,
    lead_low_s=480.0,
    lead_high_s=1200.0,
    longest_s=1500.0,
    sure=0.575,
    chance=0.02,
)

DIGEST = DigestMessage(
    since=T0 - timedelta(days=1),
    until=T0,
    at=T0,
    told=(
        DigestEntry(
            incident_id=incident().id,
            severity=Severity.CRITICAL,
            verdict=incident().verdict,
            onset=T0 - timedelta(hours=5),
            resolved=T0 - timedelta(hours=5) + timedelta(minutes=35),
        ),
        DigestEntry(
            incident_id=incident(id="inc-9c01").id,
            severity=Severity.WARNING,
            verdict=UNSURE_VERDICT,
            onset=T0 - timedelta(hours=30),
        ),
    ),
    quiet=(
        "inputs of fraud moved: amount (PSI 0.31), country (PSI 0.12)",
        "CPU use moved: <!channel> *n-04* (92 %, usual 40 %)",
    ),
    quiet_more=3,
    blind=("prom_eu",),
    pending=("rollback of fraud to version 3: waits for approval until 10:50 UTC",),
)

MESSAGES = {
    "model": HeadlineMessage(incident=incident(), can_roll_back="fraud"),
    "infrastructure": HeadlineMessage(incident=INFRA, can_roll_back="fraud"),
    "undetermined": HeadlineMessage(incident=incident(UNSURE_VERDICT)),
    "not judged yet": HeadlineMessage(incident=incident(None)),
    "acknowledged": HeadlineMessage(
        incident=incident(
            acknowledged_by=ANNA,
            acknowledged_at=T0,
            action="rollback of fraud to version 3: waits for approval",
            action_live=True,
        )
    ),
    "silenced": HeadlineMessage(incident=incident(), silenced=MARK, flapping=True),
    "closed": HeadlineMessage(incident=replace(CLOSED, action="rollback of fraud to version 3: done and verified")),
    "evidence": EvidenceMessage(incident=INFRA, plot=(plot(),)),
    "evidence, model": EvidenceMessage(incident=incident()),
    "evidence, silent series": EvidenceMessage(incident=incident(None, findings=(finding(kind=FindingKind.GAP),))),
    "evidence, fills": EvidenceMessage(incident=replace(INFRA, members=FILLING)),
    "evidence, fills no more": EvidenceMessage(
        incident=replace(INFRA, members=tuple(replace(one, ended=T0 + timedelta(hours=1)) for one in FILLING))
    ),
    "evidence, novel and wild": EvidenceMessage(
        incident=incident(None, findings=tuple(finding(kind=kind) for kind in (FindingKind.NOVEL, FindingKind.SPREAD)))
    ),
    "evidence, warned and learnt": EvidenceMessage(
        incident=incident(
            replace(
                incident().verdict,
                reasoning=(
                    *(Reasoning(text=f"sign {n}", weight=2.0 + n) for n in range(5)),
                    Reasoning(text="in 7 of 9 confirmed incidents here it was the model", weight=0.3, kind="learnt"),
                ),
            ),
            ahead=(WARNING,),
        )
    ),
    "evidence, no warning once it is over": EvidenceMessage(incident=replace(CLOSED, ahead=(WARNING,))),
    "headline, wild": HeadlineMessage(incident=incident(None, findings=(finding(kind=FindingKind.SPREAD),))),
    "verdict changed": change(Reason.VERDICT, previous_cause=Cause.UNDETERMINED),
    "worse": change(Reason.SEVERITY, previous_severity=Severity.WARNING, broadcast=True),
    "resolved": change(Reason.RESOLVED, by=ANNA),
    "reopened": change(Reason.REOPENED),
    "flapping": change(Reason.FLAPPING),
    "explanation": ExplanationMessage(
        explanation=explanation(author="openai:gpt", checked=4, note="It prefers another hypothesis.")
    ),
    "abstained": ExplanationMessage(explanation=explanation(claims=(), facts=(), next_checks=())),
    "proposal": ProposalMessage(proposal=proposal(four_eyes=True)),
    "proposal, dry run": ProposalMessage(proposal=proposal(dry_run=True)),
    "denied": ProposalMessage(proposal=proposal(state=ProposalState.DENIED, approvals=(DENIED,), ended_at=T0)),
    "expired": ProposalMessage(proposal=proposal(state=ProposalState.EXPIRED)),
    "moved": ProposalMessage(proposal=proposal(state=ProposalState.MOVED, approvals=(APPROVED,), moved_at=T0)),
    "verified": OutcomeMessage(
        proposal=proposal(
            state=ProposalState.VERIFIED,
            moved_at=T0,
            ended_at=T0 + timedelta(minutes=15),
            outcome="Quality of fraud is back in its usual range.",
            outcome_checks=(Check(name="serving version", passed=True, detail="3"),),
        )
    ),
    "failed": OutcomeMessage(proposal=proposal(state=ProposalState.FAILED, outcome="The registry refused.")),
    "not confirmed": OutcomeMessage(proposal=proposal(state=ProposalState.UNCONFIRMED)),
    "digest": DIGEST,
    "digest, nothing told": DigestMessage(since=DIGEST.since, until=T0, at=T0, quiet=DIGEST.quiet[:1]),
    "text": TextMessage(text="The silence of fraud ended."),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_messages_read_well(name, snapshot):
    assert words(render(MESSAGES[name], catalogue=CATALOGUE)) == snapshot


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("level", Level)
def test_every_message_is_accepted_at_every_level(name, level):
    payload = degrade(render(MESSAGES[name]), level).payload(stamp="s")

    assert faults(degrade(render(MESSAGES[name]), level)) == []
    check_message_blocks(payload["blocks"], ready_files=frozenset())
    check_attachments(payload["attachments"], ready_files=frozenset())


@pytest.mark.parametrize("level", Level)
def test_a_digest_at_its_longest_is_accepted_as_it_is(level):
    longest = replace(
        DIGEST,
        told=tuple(replace(DIGEST.told[0], incident_id=incident(id="i" * 60).id) for _ in range(10)),
        quiet=("&" * 400,) * 10,
        blind=("<" * 400,) * 10,
        pending=("&" * 400,) * 10,
    )

    assert faults(degrade(render(longest), level)) == []


def test_answers_read_well(snapshot):
    answers = [
        render_status(status()),
        render_incidents([incident(), CLOSED], now=T0 + timedelta(hours=1)),
        render_explained(incident(), explanation()),
        render_silenced(silence()),
        render_help(),
        render_help("a silence needs a reason", "silence"),
    ]

    assert "\n\n".join(words(one) for one in answers) == snapshot


PREVIEW = SilencePreview(days=7, incidents=2, findings=37, examples=(finding(), disk_finding()))
VIEWS = {
    "loading": loading("Silence"),
    "form": silence_form(incident_id="inc-7f3a", matchers='entity="fraud"', channel="C1"),
    "preview": silence_preview(PREVIEW, matchers='entity="fraud"', duration_text="4 h", reason="why", meta={}),
    "deny": deny_form(proposal_id="prop-1", nonce="n", channel="C1", root="1.1"),
    "home": render_home(status()),
    "empty home": render_home(status(models=(), incidents=(), silences=(), pending=())),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_are_accepted_and_read_well(name, snapshot):
    view = VIEWS[name]

    assert view_faults(view) == []
    check_view(view, surface=view["type"], ready_files=frozenset())
    assert view == snapshot


def test_an_infrastructure_verdict_says_that_a_rollback_would_not_help_and_has_no_red_button():
    rendered = render(MESSAGES["infrastructure"])

    assert "would not help" in words(rendered)
    assert "danger" not in words(rendered)


def test_a_closed_incident_has_no_button_but_the_question_whether_we_were_right():
    elements = [
        one
        for block in render(MESSAGES["closed"]).all_blocks()
        if block["type"] == "actions"
        for one in block["elements"]
    ]

    assert [one["type"] for one in elements] == ["overflow"]


@pytest.mark.parametrize("state", [state for state in ProposalState if state is not ProposalState.PENDING])
def test_a_decided_proposal_keeps_its_evidence_and_loses_its_buttons(state):
    said = words(render(ProposalMessage(proposal=proposal(state=state, approvals=(APPROVED,)))))

    assert "Approve]" not in said
    assert "Checked beforehand" in said
    assert f"<@{BEN}>" in said


def test_the_summary_of_a_long_verdict_stays_short():
    long = replace(
        incident().verdict,
        reasoning=tuple(replace(r, text=r.text * 20) for r in incident().verdict.reasoning),
        rollback_reason="x" * 900,
    )
    sections = [
        block["text"]["text"]
        for block in render(HeadlineMessage(incident=incident(long))).coloured
        if block["type"] == "section" and "text" in block
    ]

    assert all(len(text) <= 600 for text in sections)


def test_hundreds_of_series_still_fit():
    many = tuple(finding(entity=f"fraud/segment-{i}") for i in range(500))
    _, level = fit(render(EvidenceMessage(incident=incident(findings=many))))

    assert level is Level.FULL


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (float("nan"), "ms", "no data"),
        (None, "ratio", "no data"),
        (0.0005, "ratio", "0.05 %"),
        (1.0, "ratio", "100 %"),
        (42.0, "ms", "42 ms"),
        (5400.0, "s", "90 min"),
        (12.5, "1/s", "12.5 1/s"),
        (-0.25, "", "-0.25"),
        (1536.0, "bytes", "1.54 kB"),
        (0.0, "s", "0 s"),
        (85.0, "%", "85 %"),
    ],
)
def test_numbers_carry_their_unit(value, unit, said):
    assert quantity(value, unit) == said
