"""Honest defaults for the application layer: a small catalogue, an incident in it, and what people were told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.catalogue import Catalogue, Kind, Model, Node, Service, Signal, Worse
from bot.domain.change import Change, ChangeKind, DeployEvent
from bot.domain.finding import Direction, Evidence, Finding, FindingKind
from bot.domain.incident import Incident, IncidentId, Member, Severity, State
from bot.domain.labels import Matcher, MatchOp
from bot.domain.notice import Told
from bot.domain.proposal import ActionKind, Proposal, ProposalId
from bot.domain.series import SeriesKey
from bot.domain.silence import Silence, SilenceId
from bot.domain.verdict import Candidate as Weighed
from bot.domain.verdict import Cause, RollbackAdvice, Subcause, Verdict
from bot.ports import Changeset, IncidentWrite

T0 = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ANNA, BEN, CARLA = "U0ANNA", "U0BEN", "U0CARLA"

AUC = SeriesKey("auc", "fraud")
LATENCY = SeriesKey("latency_p99", "scorer")
DISK = SeriesKey("node_disk_used_ratio", "n-04")
VERSION = SeriesKey("model_version", "fraud")

CATALOGUE = Catalogue(
    nodes=(Node(name="n-04"),),
    services=(Service(name="scorer", runs_on=("n-04",)),),
    models=(Model(name="fraud", served_by="scorer"),),
    signals=(
        Signal(name="auc", kind=Kind.QUALITY, unit="ratio", worse=Worse.DOWN),
        Signal(name="latency_p99", kind=Kind.LATENCY, unit="ms", worse=Worse.UP),
        Signal(name="node_disk_used_ratio", kind=Kind.DISK, unit="ratio", worse=Worse.UP),
        Signal(name="model_version", kind=Kind.VERSION),
    ),
)
TWO_MODELS = replace(CATALOGUE, models=(*CATALOGUE.models, Model(name="churn")))
# the same team, but nothing tells which version serves
CATALOGUE_WITHOUT_VERSIONS = replace(CATALOGUE, signals=CATALOGUE.signals[:-1])


def finding(key=AUC, *, now=0.71, usual=0.91, unit="ratio", at=T0, **changes):
    return replace(
        Finding(
            key=key,
            kind=FindingKind.LEVEL,
            direction=Direction.DOWN if now < usual else Direction.UP,
            worse=True,
            onset=at - 2 * MINUTE,
            detected=at,
            evidence=Evidence(
                observed=now, expected=usual, scale=0.01, z=(now - usual) / 0.01, peak_z=-22.0, unit=unit, window_s=600
            ),
        ),
        **changes,
    )


def disk_finding(**changes):
    return finding(DISK, now=0.98, usual=0.61, **changes)


BAD_VERSION = Verdict(
    cause=Cause.MODEL,
    subcauses=(Subcause.BAD_VERSION,),
    entity="fraud",
    model_probability=0.97,
    candidates=(Weighed(cause=Cause.MODEL, subcause=Subcause.BAD_VERSION, entity="fraud", probability=0.95),),
    rollback=RollbackAdvice.ADVISED,
    rollback_reason="the trouble began with the new version, and version 3 served well before it",
)
FULL_DISK = Verdict(
    cause=Cause.INFRASTRUCTURE,
    subcauses=(Subcause.DISK_SATURATION,),
    entity="n-04",
    model_probability=0.1,
    rollback=RollbackAdvice.NOT_ADVISED,
    rollback_reason="the cause is infrastructure",
)


def incident(name="inc-7f3a", *, findings=None, verdict=BAD_VERSION, at=T0, **changes):
    found = findings if findings is not None else (finding(at=at),)
    return replace(
        Incident(
            id=IncidentId(name),
            state=State.FIRING,
            opened=at,
            onset=at - 2 * MINUTE,
            updated=at,
            severity=Severity.CRITICAL,
            members=tuple(Member(finding=one) for one in found),
            verdict=verdict,
            verdict_since=at,
            revision=1,
        ),
        **changes,
    )


def told_of(about, **changes):
    """What people know once an incident stands in the channel."""
    return replace(
        Told(
            incident_id=about.id,
            revision=about.revision,
            state=about.state,
            firing=about.firing,
            severity=about.severity,
            cause=about.verdict.cause if about.verdict else Cause.UNDETERMINED,
            at=about.updated,
        ),
        **changes,
    )


async def put(store, *incidents, told=True):
    """Let incidents stand in the store, told or not."""
    await store.commit(
        Changeset(
            incidents=tuple(IncidentWrite(incident=one, expected_revision=None) for one in incidents),
            told=tuple(told_of(one) for one in incidents) if told else (),
        )
    )


def served(version, *, at, previous=None, model="fraud"):
    return DeployEvent(model=model, alias="champion", version=version, previous=previous, at=at, source="registry")


def change(entity="scorer", *, at=T0, kind=ChangeKind.CONFIG, **changes):
    return replace(Change(time=at, kind=kind, entity=entity), **changes)


def matcher(name="model", value="fraud", op=MatchOp.EQUAL):
    return Matcher(name, op, value)


def silence(*matchers, name="sil-1", starts=T0, lasts=HOUR):
    return Silence(
        id=SilenceId(name),
        matchers=matchers or (matcher(),),
        starts=starts,
        ends=starts + lasts,
        reason="retraining tonight",
        by=ANNA,
    )


def proposal(name="prop-1", *, at=T0, **changes):
    return replace(
        Proposal(
            id=ProposalId(name),
            kind=ActionKind.ROLLBACK,
            model="fraud",
            from_version="4",
            to_version="3",
            requested_by=ANNA,
            requested_at=at,
            expires_at=at + 30 * MINUTE,
            nonce="n0nce",
            advice=RollbackAdvice.ADVISED,
            advice_reason="version 3 served well before",
            dry_run=False,
        ),
        **changes,
    )
