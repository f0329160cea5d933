"""A small production with honest defaults, findings in it, and what was quiet around them.

n-03 ── checkout ─▶ scoring (n-01) ─▶ feature-store (n-02) ─▶ feature-pipeline (n-04)
                      serves fraud: amount (request), velocity and tenure (feature-pipeline)
                      serves ranking: basket (request)
n-09 ── billing, serves churn: visits (request)          shares nothing with the above
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bot.domain.catalogue import REQUEST, Catalogue, Feature, Kind, Model, Node, Service, Signal, Worse
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import Direction, Evidence, Finding, FindingKind
from bot.domain.incident import Incident, IncidentId, Member, Severity, State
from bot.domain.labels import parse_matchers
from bot.domain.notice import Told
from bot.domain.policy import SpeakingPolicy
from bot.domain.series import SeriesKey
from bot.domain.silence import Silence, SilenceId
from bot.domain.verdict import Candidate, Cause, RollbackAdvice, Subcause, Verdict
from bot.pipeline.correlate import correlate
from bot.pipeline.observe import Place, Scene
from bot.tick import incident_id

ONSET = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
POLICY = SpeakingPolicy()
LABEL_DELAY_S = 3600.0  # true labels arrive an hour late

UNITS = {
    Kind.CPU: "ratio", Kind.MEMORY: "ratio", Kind.DISK: "ratio", Kind.NETWORK: "ratio", Kind.LATENCY: "ms",
    Kind.ERRORS: "ratio", Kind.TRAFFIC: "1/s", Kind.AVAILABILITY: "ratio", Kind.RESTARTS: "count",
    Kind.CACHE: "ratio", Kind.BACKLOG: "rows", Kind.THROUGHPUT: "1/s", Kind.INFERENCE_LATENCY: "ms",
    Kind.FALLBACK: "ratio", Kind.VERSION: "", Kind.FEATURE_NULL: "ratio", Kind.FEATURE_VALUE: "EUR",
    Kind.FEATURE_DRIFT: "psi", Kind.FRESHNESS: "s", Kind.PREDICTION: "probability", Kind.PREDICTION_DRIFT: "psi",
    Kind.QUALITY: "auc", Kind.CALIBRATION: "ratio", Kind.LABEL_RATE: "ratio", Kind.LABEL_VOLUME: "1/s",
}  # fmt: skip
FALLS = frozenset({Kind.AVAILABILITY, Kind.CACHE, Kind.THROUGHPUT, Kind.QUALITY})
EITHER = frozenset({Kind.TRAFFIC, Kind.FEATURE_VALUE, Kind.PREDICTION, Kind.LABEL_RATE, Kind.LABEL_VOLUME})

OF_NODE = (Kind.CPU, Kind.MEMORY, Kind.DISK, Kind.NETWORK)
OF_SERVICE = (Kind.LATENCY, Kind.ERRORS, Kind.TRAFFIC, Kind.AVAILABILITY, Kind.RESTARTS)
OF_PIPELINE = (*OF_SERVICE, Kind.THROUGHPUT, Kind.BACKLOG)
OF_MODEL = (
    Kind.INFERENCE_LATENCY, Kind.FALLBACK, Kind.PREDICTION, Kind.PREDICTION_DRIFT, Kind.QUALITY, Kind.CALIBRATION,
)  # fmt: skip
OF_FEATURE = (Kind.FEATURE_NULL, Kind.FEATURE_VALUE, Kind.FEATURE_DRIFT)
OF_FILLED_FEATURE = (*OF_FEATURE, Kind.FRESHNESS)


def signal(kind):
    """One signal a kind, called as the kind is."""
    worse = Worse.DOWN if kind in FALLS else Worse.BOTH if kind in EITHER else Worse.UP
    return Signal(name=str(kind), kind=kind, unit=UNITS[kind], worse=worse)


CATALOGUE = Catalogue(
    nodes=tuple(Node(name=name) for name in ("n-01", "n-02", "n-03", "n-04", "n-09")),
    services=(
        Service(name="checkout", depends_on=("scoring",), runs_on=("n-03",)),
        Service(name="scoring", depends_on=("feature-store",), runs_on=("n-01",)),
        Service(name="feature-store", depends_on=("feature-pipeline",), runs_on=("n-02",)),
        Service(name="feature-pipeline", runs_on=("n-04",)),
        Service(name="billing", runs_on=("n-09",)),
    ),
    models=(
        Model(
            name="fraud",
            served_by="scoring",
            label_delay_s=LABEL_DELAY_S,
            features=(
                Feature(name="amount", source=REQUEST),
                Feature(name="velocity", source="feature-pipeline"),
                Feature(name="tenure", source="feature-pipeline"),
            ),
        ),
        Model(
            name="ranking",
            served_by="scoring",
            label_delay_s=LABEL_DELAY_S,
            features=(Feature(name="basket", source=REQUEST),),
        ),
        Model(
            name="churn",
            served_by="billing",
            label_delay_s=LABEL_DELAY_S,
            features=(Feature(name="visits", source=REQUEST),),
        ),
    ),
    signals=tuple(signal(kind) for kind in Kind),
)


def watched(catalogue: Catalogue = CATALOGUE) -> frozenset[Place]:
    """Every place that a well-instrumented team would watch."""
    places: set[Place] = set()
    for node in catalogue.nodes:
        places |= {(node.name, kind) for kind in OF_NODE}
    for service in catalogue.services:
        kinds = OF_PIPELINE if service.name == "feature-pipeline" else OF_SERVICE
        places |= {(service.name, kind) for kind in kinds}
    for model in catalogue.models:
        places |= {(model.name, kind) for kind in OF_MODEL}
        for feature in model.features:
            kinds = OF_FEATURE if feature.source == REQUEST else OF_FILLED_FEATURE
            places |= {(f"{model.name}/{feature.name}", kind) for kind in kinds}
    return frozenset(places)


def finding(kind, entity, *, minutes=0.0, z=None, found=None, labels=(), shape=FindingKind.LEVEL):
    """A departure in the direction that is worse, seen two minutes after it began.

    minutes: its onset after ONSET. z: sigmas, signed. found: minutes after ONSET when it was first seen.
    """
    far = z if z is not None else (-12.0 if kind in FALLS else 12.0)
    onset = ONSET + minutes * MINUTE
    return Finding(
        key=SeriesKey(str(kind), entity, labels),
        kind=shape,
        direction=Direction.UP if far > 0 else Direction.DOWN,
        worse=kind in EITHER or (far < 0) == (kind in FALLS),
        onset=onset,
        detected=onset + 2 * MINUTE if found is None else ONSET + found * MINUTE,
        evidence=Evidence(
            observed=100.0 + far, expected=100.0, scale=1.0, z=far, peak_z=far, unit=UNITS[kind], window_s=600.0
        ),
    )


def gap(kind, entity, *, minutes=0.0):
    """A series that fell silent."""
    one = finding(kind, entity, minutes=minutes, shape=FindingKind.GAP)
    silent = replace(one.evidence, observed=float("nan"), z=0.0, peak_z=0.0)
    return replace(one, direction=Direction.NONE, worse=True, evidence=silent)


def blind(source="prometheus", *, minutes=0.0, because="connection refused"):
    """A source that cannot be read."""
    one = gap(Kind.CPU, source, minutes=minutes)
    return replace(one, key=SeriesKey("telemetry", source), kind=FindingKind.BLIND, because=because)


def incident(*findings, state=State.FIRING, **fields):
    """An incident about these findings, opened when the first was seen."""
    return replace(
        Incident(
            id=IncidentId("inc-1"),
            state=state,
            opened=min((one.detected for one in findings), default=ONSET),
            onset=min((one.onset for one in findings), default=ONSET),
            updated=max((one.detected for one in findings), default=ONSET),
            members=tuple(Member(finding=one) for one in findings),
            revision=1,
        ),
        **fields,
    )


def scene(*findings, minutes=10.0, changes=(), healthy=None, serving=None, blind_signals=(), quiet=None):
    """What stands before the classifier so many minutes after ONSET; whatever is watched and did not move is quiet."""
    moved = {(one.key.entity, Kind(one.key.signal)) for one in findings if one.key.signal != "telemetry"}
    return Scene(
        quiet=watched() - moved if quiet is None else frozenset(quiet),
        changes=tuple(changes),
        healthy_before={**dict.fromkeys(CATALOGUE.model), **(healthy or {})},
        serving={**dict.fromkeys(CATALOGUE.model), **(serving or {})},
        blind_signals=frozenset(blind_signals),
        now=ONSET + minutes * MINUTE,
    )


def change(kind, entity, *, minutes=-3.0, from_=None, to=None, text=""):
    return Change(time=ONSET + minutes * MINUTE, kind=kind, entity=entity, from_=from_, to=to, text=text)


def promotion(model="fraud", *, minutes=-3.0, from_="41", to="42"):
    return change(ChangeKind.MODEL_VERSION, model, minutes=minutes, from_=from_, to=to)


def verdict(subcause=Subcause.BAD_VERSION, entity="fraud", *, probability=0.95, **fields):
    """A settled verdict with one candidate."""
    cause = subcause.cause
    rollback = RollbackAdvice.ADVISED if subcause is Subcause.BAD_VERSION else RollbackAdvice.NOT_ADVISED
    return replace(
        Verdict(
            cause=cause,
            subcauses=(subcause,),
            entity=entity,
            model_probability=probability if cause is Cause.MODEL else 1.0 - probability,
            candidates=(Candidate(cause=cause, subcause=subcause, entity=entity, probability=probability),),
            rollback=rollback,
        ),
        **fields,
    )


def silence(matchers, *, starts=-HOUR, ends=HOUR, number="sil-1"):
    """A silence around ONSET, written as a person writes it."""
    return Silence(
        id=SilenceId(number),
        matchers=parse_matchers(matchers),
        starts=ONSET + starts,
        ends=ONSET + ends,
        reason="planned work",
        by="U0ANNA",
    )


def told(about: Incident, **fields):
    """People know all of an incident as it is."""
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
        **fields,
    )


def group(findings: Iterable[Finding], before: Sequence[Incident] = (), *, minutes: float = 10.0, catalogue=CATALOGUE):
    """One pass of correlate, so many minutes after ONSET."""
    return correlate(
        tuple(findings), before, catalogue, now=ONSET + minutes * MINUTE, policy=POLICY, new_id=incident_id
    )


def parts(incidents: Iterable[Incident]) -> set[frozenset[tuple[str, str]]]:
    """Which findings stand together, whatever the incidents are called: (signal, entity) by incident."""
    return {frozenset((one.key.signal, one.key.entity) for one in found.findings) for found in incidents}


CRITICAL, WARNING, INFO = Severity.CRITICAL, Severity.WARNING, Severity.INFO
