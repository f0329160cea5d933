"""Incidents with honest defaults: a small production, a trouble in it, and a verdict about it."""

import random
from datetime import UTC, datetime, timedelta

from bot.domain.catalogue import Catalogue, Feature, Kind, Model, Node, Service, Signal, Worse
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import Direction, Evidence, Finding, FindingKind
from bot.domain.incident import Incident, IncidentId, Member, State
from bot.domain.series import SeriesKey
from bot.domain.verdict import (
    Candidate,
    Cause,
    Reasoning,
    RollbackAdvice,
    Subcause,
    Suspect,
    SuspectChange,
    Verdict,
)
from bot.pipeline.words import departure_text

ONSET = datetime(2026, 11, 23, 10, 31, 10, tzinfo=UTC)
UP, DOWN, NONE = Direction.UP, Direction.DOWN, Direction.NONE

SIGNALS = (
    Signal(name="node_disk_used", kind=Kind.DISK, unit="ratio", worse=Worse.UP),
    Signal(name="node_cpu", kind=Kind.CPU, unit="ratio", worse=Worse.UP),
    Signal(name="latency_p99", kind=Kind.LATENCY, unit="ms", worse=Worse.UP),
    Signal(name="error_rate", kind=Kind.ERRORS, unit="1/s", worse=Worse.UP),
    Signal(name="requests", kind=Kind.TRAFFIC, unit="1/s"),
    Signal(name="heap_used", kind=Kind.MEMORY, unit="bytes", worse=Worse.UP),
    Signal(name="feature_age", kind=Kind.FRESHNESS, unit="s", worse=Worse.UP),
    Signal(name="null_share", kind=Kind.FEATURE_NULL, unit="ratio", worse=Worse.UP),
    Signal(name="psi", kind=Kind.PREDICTION_DRIFT, unit="", worse=Worse.UP),
    Signal(name="mean_score", kind=Kind.PREDICTION, unit="score"),
    Signal(name="auc", kind=Kind.QUALITY, unit="", worse=Worse.DOWN),
    Signal(name="queue_rows", kind=Kind.BACKLOG, unit="rows", worse=Worse.UP),
)


def catalogue(*, more=()):
    return Catalogue(
        nodes=(Node(name="n-04"), Node(name="n-07")),
        services=(
            Service(name="feature-store", runs_on=("n-04",)),
            Service(name="scoring", runs_on=("n-07",), depends_on=("feature-store",)),
            Service(name="checkout", depends_on=("scoring",)),
        ),
        models=(
            Model(
                name="fraud",
                served_by="scoring",
                features=(Feature(name="velocity", source="feature-store"), Feature(name="amount", source="request")),
            ),
            Model(name="churn", served_by="scoring"),
        ),
        signals=(*SIGNALS, *more),
    )


def finding(
    signal, entity, before, after, *, minutes=0, kind=FindingKind.LEVEL, labels=(), because="", unit=None, course=None
):
    known = {s.name: s.unit for s in SIGNALS}
    gone = after is None
    up = not gone and after > before
    onset = ONSET + timedelta(minutes=minutes)
    return Finding(
        key=SeriesKey(signal, entity, labels),
        kind=FindingKind.GAP if gone and kind is FindingKind.LEVEL else kind,
        direction=NONE if gone else UP if up else DOWN,
        worse=True,
        onset=onset,
        detected=onset + timedelta(minutes=2),
        evidence=Evidence(
            observed=float("nan") if gone else after,
            expected=float("nan") if before is None else before,
            scale=0.01,
            z=0.0 if gone else (14.0 if up else -14.0),
            peak_z=0.0 if gone else (17.0 if up else -17.0),
            unit=known.get(signal, "") if unit is None else unit,
            window_s=600.0,
            course=course,
        ),
        because=because,
    )


def incident(findings, verdict, *, number="i-1"):
    return Incident(
        id=IncidentId(number),
        state=State.FIRING,
        opened=ONSET + timedelta(minutes=2),
        onset=ONSET,
        updated=ONSET + timedelta(minutes=12),
        members=tuple(Member(finding=f) for f in findings),
        verdict=verdict,
    )


def candidate(subcause, entity, probability):
    return Candidate(cause=subcause.cause, subcause=subcause, entity=entity, probability=probability)


def verdict(cause, subcauses, entity, model, *, candidates, findings, weights=None, changes=(), settle="", **more):
    weights = weights or [(-1.8 if model < 0.5 else 1.8)] * len(findings)
    return Verdict(
        cause=cause,
        subcauses=tuple(subcauses),
        entity=entity,
        model_probability=model,
        reasoning=tuple(
            Reasoning(text=departure_text(f), weight=weight, entity=f.key.entity)
            for f, weight in zip(findings, weights, strict=False)
        ),
        candidates=tuple(candidates),
        suspects=tuple(Suspect(key=f.key, onset=f.onset, score=1.0 - 0.1 * n) for n, f in enumerate(findings)),
        changes=tuple(changes),
        settle=settle,
        **more,
    )


def promotion(model="fraud", *, from_="41", to="42", minutes=-3, text="alias champion moved", weight=0.9):
    return SuspectChange(
        change=Change(
            time=ONSET + timedelta(minutes=minutes),
            kind=ChangeKind.MODEL_VERSION,
            entity=model,
            text=text,
            from_=from_,
            to=to,
        ),
        weight=weight,
    )


def disk_full(rng=None):
    r = rng or random.Random(1)
    findings = [
        finding("node_disk_used", "n-04", round(r.uniform(0.4, 0.6), 4), round(r.uniform(0.95, 0.999), 4)),
        finding("feature_age", "fraud/velocity", r.uniform(40, 90), r.uniform(900, 4000), minutes=r.randint(4, 12)),
        finding(
            "psi", "fraud", round(r.uniform(0.02, 0.06), 4), round(r.uniform(0.25, 0.6), 4), minutes=r.randint(14, 20)
        ),
    ]
    found = verdict(
        Cause.INFRASTRUCTURE,
        [Subcause.DISK_SATURATION],
        "n-04",
        0.06,
        candidates=[
            candidate(Subcause.DISK_SATURATION, "n-04", 0.84),
            candidate(Subcause.DEPENDENCY_FAILURE, "feature-store", 0.09),
            candidate(Subcause.DATA_QUALITY, "fraud/velocity", 0.05),
        ],
        findings=findings,
        weights=[-3.1, -0.9, 0.7],
        rollback=RollbackAdvice.NOT_ADVISED,
        rollback_reason="the cause is infrastructure (a full disk on n-04); an older model would suffer the same",
    )
    return incident(findings, found, number="i-disk")


def bad_version(rng=None, *, text="alias champion moved"):
    r = rng or random.Random(2)
    old = r.randint(3, 90)
    findings = [
        finding("psi", "fraud", round(r.uniform(0.02, 0.06), 4), round(r.uniform(0.4, 0.9), 4), minutes=1),
        finding("mean_score", "fraud", round(r.uniform(0.1, 0.2), 4), round(r.uniform(0.4, 0.7), 4), minutes=1),
        finding("auc", "fraud", round(r.uniform(0.9, 0.95), 4), round(r.uniform(0.6, 0.7), 4), minutes=40),
    ]
    found = verdict(
        Cause.MODEL,
        [Subcause.BAD_VERSION],
        "fraud",
        0.95,
        candidates=[
            candidate(Subcause.BAD_VERSION, "fraud", 0.9),
            candidate(Subcause.CONCEPT_DRIFT, "fraud", 0.05),
            candidate(Subcause.DEPENDENCY_FAILURE, "feature-store", 0.04),
        ],
        findings=findings,
        changes=[promotion(from_=str(old), to=str(old + 1), text=text)],
        rollback=RollbackAdvice.ADVISED,
        rollback_reason=f"the trouble began with the new version, and version {old} served well before it",
    )
    return incident(findings, found, number="i-version")


def surge(rng=None):
    r = rng or random.Random(3)
    findings = [
        finding("requests", "checkout", r.uniform(400, 900), r.uniform(3000, 9000)),
        finding("latency_p99", "scoring", r.uniform(80, 160), r.uniform(700, 1900), minutes=2),
        finding("node_cpu", "n-07", round(r.uniform(0.3, 0.5), 4), round(r.uniform(0.9, 0.99), 4), minutes=1),
        finding("heap_used", "scoring", r.uniform(2e9, 3e9), r.uniform(5e9, 8e9), minutes=5),
    ]
    found = verdict(
        Cause.INFRASTRUCTURE,
        [Subcause.TRAFFIC_SURGE],
        "checkout",
        0.03,
        candidates=[
            candidate(Subcause.TRAFFIC_SURGE, "checkout", 0.71),
            candidate(Subcause.CPU_SATURATION, "n-07", 0.22),
            candidate(Subcause.BAD_VERSION, "fraud", 0.03),
        ],
        findings=findings,
        rollback=RollbackAdvice.NOT_ADVISED,
        rollback_reason="the cause is infrastructure (a traffic surge at checkout); an older model would suffer the same",
    )
    return incident(findings, found, number="i-surge")


def mixed(rng=None):
    r = rng or random.Random(4)
    findings = [
        finding("node_disk_used", "n-04", round(r.uniform(0.4, 0.6), 4), round(r.uniform(0.95, 0.999), 4)),
        finding("feature_age", "fraud/velocity", r.uniform(40, 90), r.uniform(900, 4000), minutes=6),
        finding("psi", "churn", round(r.uniform(0.02, 0.06), 4), round(r.uniform(0.4, 0.9), 4), minutes=3),
    ]
    found = verdict(
        Cause.MIXED,
        [Subcause.BAD_VERSION, Subcause.DISK_SATURATION],
        "churn",
        0.5,
        candidates=[
            candidate(Subcause.DISK_SATURATION, "n-04", 0.93),
            candidate(Subcause.BAD_VERSION, "churn", 0.02),
        ],
        findings=findings,
        weights=[-2.0, -1.0, 2.0],
        changes=[promotion("churn", from_="7", to="8")],
        rollback_reason="a new version is one of two candidates; settle that first",
    )
    return incident(findings, found, number="i-mixed")


def unsettled(rng=None):
    r = rng or random.Random(5)
    findings = [
        finding("null_share", "fraud/velocity", round(r.uniform(0.01, 0.02), 4), round(r.uniform(0.3, 0.5), 4)),
        finding("queue_rows", "feature-store", r.uniform(100, 300), r.uniform(2000, 9000), minutes=1),
    ]
    found = verdict(
        Cause.UNDETERMINED,
        [Subcause.DATA_QUALITY, Subcause.DEPENDENCY_FAILURE],
        "",
        0.55,
        candidates=[
            candidate(Subcause.DATA_QUALITY, "fraud/velocity", 0.5),
            candidate(Subcause.DEPENDENCY_FAILURE, "feature-store", 0.4),
        ],
        findings=findings,
        weights=[1.2, -1.0],
        settle="errors near feature-store: a departure there would speak for failure of feature-store",
        rollback=RollbackAdvice.NOT_ADVISED,
        rollback_reason="the data is at fault; an older model would read the same data",
    )
    return incident(findings, found, number="i-open")


def silent(rng=None):
    r = rng or random.Random(6)
    findings = [
        finding("latency_p99", "scoring", r.uniform(80, 160), None),
        finding("requests", "scoring", r.uniform(400, 900), None),
        finding("up", "prometheus", None, None, kind=FindingKind.BLIND, because="gave no whole answer within 10 s"),
    ]
    found = Verdict(
        cause=Cause.INFRASTRUCTURE,
        subcauses=(Subcause.TELEMETRY_LOSS,),
        entity="scoring",
        model_probability=0.05,
        reasoning=(
            Reasoning(
                text="3 series or sources fell silent and nothing else moved: timeout", weight=-3.0, entity="scoring"
            ),
        ),
        candidates=(candidate(Subcause.TELEMETRY_LOSS, "scoring", 0.95),),
        suspects=(),
        rollback=RollbackAdvice.NOT_ADVISED,
        rollback_reason="data is missing; nothing says that a model is at fault",
    )
    return incident(findings, found, number="i-silent")


STORIES = {
    "disk": disk_full,
    "version": bad_version,
    "surge": surge,
    "mixed": mixed,
    "open": unsettled,
    "silent": silent,
}
