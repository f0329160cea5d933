"""Honest defaults for the values that the Slack side renders."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.catalogue import Catalogue, Kind, Model, Node, Signal, Worse
from bot.domain.change import Change, ChangeKind
from bot.domain.explanation import Claim, Explanation, Fact
from bot.domain.finding import Direction, Evidence, Finding, FindingKind
from bot.domain.incident import Incident, IncidentId, Member, Severity, State
from bot.domain.labels import Matcher, MatchOp, labels_of
from bot.domain.message import Message, OutboxItem, PlotSeries
from bot.domain.proposal import ActionKind, Check, Proposal, ProposalId
from bot.domain.series import SeriesKey
from bot.domain.silence import Silence, SilenceId
from bot.domain.verdict import Cause, Reasoning, RollbackAdvice, Subcause, SuspectChange, Verdict
from bot.ports import ModelStatus, Status, TickMark

T0 = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
CHANNEL = "C0INCIDENTS"
ANNA, BEN = "U0ANNA", "U0BEN"

CATALOGUE = Catalogue(
    nodes=(Node(name="n-04"),),
    models=(Model(name="fraud"),),
    signals=(
        Signal(name="node_disk_used_ratio", kind=Kind.DISK, unit="ratio", worse=Worse.UP),
        Signal(name="feature_age_seconds", kind=Kind.FRESHNESS, unit="s", worse=Worse.UP),
        Signal(name="auc", kind=Kind.QUALITY, unit="ratio", worse=Worse.DOWN),
        Signal(name="latency_p99", kind=Kind.LATENCY, unit="ms", worse=Worse.UP),
    ),
)


def finding(signal="auc", entity="fraud", *, now=0.71, usual=0.91, unit="ratio", at=T0, **changes):
    return replace(
        Finding(
            key=SeriesKey(signal, entity, labels_of({"alias": "champion"})),
            kind=FindingKind.LEVEL,
            direction=Direction.DOWN if now < usual else Direction.UP,
            worse=True,
            onset=at,
            detected=at + timedelta(minutes=2),
            evidence=Evidence(
                observed=now, expected=usual, scale=0.01, z=(now - usual) / 0.01, peak_z=-22.0, unit=unit, window_s=600
            ),
        ),
        **changes,
    )


def disk_finding(**changes):
    return finding("node_disk_used_ratio", "n-04", now=0.98, usual=0.61, at=T0 - timedelta(minutes=6), **changes)


MODEL_VERDICT = Verdict(
    cause=Cause.MODEL,
    subcauses=(Subcause.BAD_VERSION,),
    entity="fraud",
    model_probability=0.97,
    reasoning=(
        Reasoning(text="version 4 of fraud went live 2 min before its quality fell", weight=3.2, entity="fraud"),
        Reasoning(text="nodes and services under fraud stayed in their usual range", weight=1.4),
        Reasoning(text="latency of scorer rose a little", weight=-0.4, entity="scorer"),
    ),
    changes=(
        SuspectChange(
            change=Change(
                time=T0 - timedelta(minutes=2),
                kind=ChangeKind.MODEL_VERSION,
                entity="fraud",
                from_="3",
                to="4",
                by="ci",
            ),
            weight=0.9,
        ),
    ),
    rollback=RollbackAdvice.ADVISED,
    rollback_reason="Version 3 held its quality for 9 days.",
)

INFRA_VERDICT = Verdict(
    cause=Cause.INFRASTRUCTURE,
    subcauses=(Subcause.DISK_SATURATION,),
    entity="n-04",
    model_probability=0.2,
    reasoning=(
        Reasoning(text="disk of n-04 left its usual range 6 min before freshness of fraud/velocity", weight=-2.8),
        Reasoning(text="no version of fraud changed", weight=-1.0),
    ),
    rollback=RollbackAdvice.NOT_ADVISED,
    rollback_reason="The features are stale for every version.",
)

UNSURE_VERDICT = Verdict(
    cause=Cause.UNDETERMINED,
    subcauses=(Subcause.CONCEPT_DRIFT, Subcause.NETWORK),
    entity="",
    model_probability=0.52,
    settle="labels of the last hour",
)


def incident(verdict=MODEL_VERDICT, *, findings=None, **changes):
    found = findings if findings is not None else (finding(),)
    return replace(
        Incident(
            id=IncidentId("inc-7f3a"),
            state=State.FIRING,
            opened=T0 + timedelta(minutes=3),
            onset=T0,
            updated=T0 + timedelta(minutes=5),
            severity=Severity.CRITICAL,
            members=tuple(Member(finding=one) for one in found),
            verdict=verdict,
            revision=3,
        ),
        **changes,
    )


def proposal(**changes):
    return replace(
        Proposal(
            id=ProposalId("prop-1"),
            kind=ActionKind.ROLLBACK,
            model="fraud",
            from_version="4",
            to_version="3",
            requested_by=ANNA,
            requested_at=T0 + timedelta(minutes=10),
            expires_at=T0 + timedelta(minutes=40),
            nonce="n0nce",
            incident_id=IncidentId("inc-7f3a"),
            advice=RollbackAdvice.ADVISED,
            advice_reason="Quality fell two minutes after version 4 went live.",
            checks=(
                Check(name="target exists", passed=True, detail="version 3, ready"),
                Check(name="artefact readable", passed=False, detail="no answer"),
            ),
            approvers_text="Ben, Carla",
            dry_run=False,
        ),
        **changes,
    )


def explanation(**changes):
    return replace(
        Explanation(
            incident_id=IncidentId("inc-7f3a"),
            hypothesis_id="H1",
            claims=(
                Claim(text="Quality of fraud fell from 91 % to 71 % after version 4 went live.", cites=("E1", "E2")),
            ),
            facts=(
                Fact(id="E1", text="auc of fraud is 0.71, usually 0.91", source="telemetry", entity="fraud"),
                Fact(id="E2", text="version 4 went live at 10:28", source="registry", entity="fraud"),
            ),
            next_checks=("Compare the inputs of version 3 and 4.",),
            author="template",
        ),
        **changes,
    )


def silence(**changes):
    return replace(
        Silence(
            id=SilenceId("sil-1"),
            matchers=(Matcher("entity", MatchOp.EQUAL, "fraud"),),
            starts=T0,
            ends=T0 + timedelta(hours=4),
            reason="retraining tonight",
            by=ANNA,
        ),
        **changes,
    )


def status(**changes):
    return replace(
        Status(
            now=T0 + timedelta(minutes=20),
            models=(
                ModelStatus(name="fraud", version="4", since=T0, incident=incident(), judged=True),
                ModelStatus(name="churn", version=None, since=None, incident=None, judged=False),
            ),
            incidents=(incident(),),
            silences=(silence(),),
            silenced=frozenset(),
            pending=(proposal(),),
            last_tick=TickMark(at=T0, seconds=0.2, series=120, findings=1, blind=("prometheus",)),
            series=120,
            series_judged=100,
            dry_run=True,
        ),
        **changes,
    )


def plot(**changes):
    start = T0.timestamp()
    return replace(
        PlotSeries(
            title="auc of fraud",
            unit="ratio",
            times_s=tuple(start + 60 * i for i in range(60)),
            values=tuple(None if i == 10 else 0.91 - (0.2 if i > 40 else 0.0) for i in range(60)),
            expected=0.91,
            band=0.02,
            onset_s=start + 60 * 41,
        ),
        **changes,
    )


def item(message: Message, *, slot="headline", revision=1, thread="inc-7f3a", op=None, not_before=T0):
    return OutboxItem(
        op=op or f"{thread}:{slot}:{revision}",
        thread=thread,
        slot=slot,
        revision=revision,
        message=message,
        not_before=not_before,
        created=T0,
    )
