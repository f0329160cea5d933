"""What each cause does to each kind of signal: the table the classifier weighs findings against.

The starting values come from the mechanism of each cause and are our judgement; they are probabilities that a
series of that kind leaves its usual range when the cause is at work. A later revision learns them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain.catalogue import EntityType, Kind
from bot.domain.change import ChangeKind
from bot.domain.verdict import Subcause

MUST, LIKELY, MAY = 0.9, 0.7, 0.4
K = Kind

# What stale or defaulted inputs do to a model, whatever made them stale.
STARVED = {K.PREDICTION: 0.35, K.PREDICTION_DRIFT: 0.45, K.QUALITY: 0.4, K.CALIBRATION: 0.3}
# What a caller of a sick service shows.
CALLERS = {
    K.LATENCY: LIKELY, K.INFERENCE_LATENCY: MAY, K.ERRORS: 0.5, K.AVAILABILITY: 0.35, K.FALLBACK: 0.5,
    K.FEATURE_NULL: 0.35, K.FRESHNESS: 0.5, K.THROUGHPUT: 0.5, K.BACKLOG: 0.5, K.TRAFFIC: 0.2,
    K.FEATURE_DRIFT: 0.45, K.FEATURE_VALUE: 0.4, K.RESTARTS: 0.1,
}  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)  # each is one of a kind: compared by identity
class Signature:
    """How one way of going wrong looks from outside."""

    name: str  # for tests and reasons
    subcause: Subcause
    prior: float  # share of all troubles, before anything is seen
    entities: frozenset[EntityType]  # what can be its root
    own: Mapping[Kind, float]  # at the root entity (for a source of features: at those features too)
    signs: frozenset[Kind]  # one of these must have moved at the root, or the cause was only inferred
    downstream: Mapping[Kind, float] = field(default_factory=dict)  # at what the root can reach, before decay
    change: frozenset[ChangeKind] = frozenset()  # a change that must have preceded it
    helps: frozenset[ChangeKind] = frozenset()  # a change that speaks for it, without being needed
    by_load: bool = False  # it makes work, which reaches what the root calls and runs on

    @property
    def about(self) -> frozenset[Kind]:
        """What this cause is about: of its signs, those that it cannot do without."""
        return frozenset(kind for kind in self.signs if self.own.get(kind, 0.0) >= MUST)


MODEL = frozenset({EntityType.MODEL})
INPUT = frozenset({EntityType.FEATURE, EntityType.SEGMENT, EntityType.SERVICE, EntityType.MODEL})
HOST = frozenset({EntityType.NODE, EntityType.SERVICE})
SERVICE = frozenset({EntityType.SERVICE})
DATA_CHANGES = frozenset({ChangeKind.DATA, ChangeKind.SCHEMA})
ROLLOUTS = frozenset({ChangeKind.DEPLOY, ChangeKind.CONFIG})

# Priors: published shares of what took services and ML pipelines down (SRE Workbook, appendix C; Papasian &
# Underwood, OpML 2020), as far as they can be mapped; data_quality and bad_version are split over their shapes.
SIGNATURES: tuple[Signature, ...] = (
    Signature(
        name="bad weights", subcause=Subcause.BAD_VERSION, prior=0.10, entities=MODEL,
        signs=frozenset({K.PREDICTION, K.PREDICTION_DRIFT, K.QUALITY, K.CALIBRATION}),
        own={K.PREDICTION: 0.85, K.PREDICTION_DRIFT: MUST, K.QUALITY: LIKELY, K.CALIBRATION: 0.6,
             K.INFERENCE_LATENCY: 0.2, K.FALLBACK: 0.1},
        downstream={K.LATENCY: 0.1, K.ERRORS: 0.05},
        change=frozenset({ChangeKind.MODEL_VERSION}),
    ),
    Signature(
        name="heavier version", subcause=Subcause.BAD_VERSION, prior=0.04, entities=MODEL,
        signs=frozenset({K.INFERENCE_LATENCY}),
        own={K.INFERENCE_LATENCY: 0.95, K.PREDICTION: 0.2, K.PREDICTION_DRIFT: 0.2, K.QUALITY: 0.15,
             K.CALIBRATION: 0.1, K.FALLBACK: 0.2},
        downstream={**CALLERS, **STARVED, K.LATENCY: 0.8, K.CPU: 0.8, K.MEMORY: 0.4, K.ERRORS: 0.5,
                    K.AVAILABILITY: 0.3, K.BACKLOG: 0.3,
                    K.THROUGHPUT: 0.2, K.INFERENCE_LATENCY: 0.5, K.TRAFFIC: 0.1},
        change=frozenset({ChangeKind.MODEL_VERSION}),
    ),
    Signature(
        name="nulls", subcause=Subcause.DATA_QUALITY, prior=0.10, entities=INPUT,
        signs=frozenset({K.FEATURE_NULL}),
        own={K.FEATURE_NULL: 0.95, K.FEATURE_DRIFT: 0.5, K.FEATURE_VALUE: 0.4, K.FRESHNESS: 0.15},
        downstream={K.PREDICTION: 0.6, K.PREDICTION_DRIFT: 0.65, K.QUALITY: 0.5, K.CALIBRATION: 0.4},
        helps=DATA_CHANGES | ROLLOUTS,
    ),
    Signature(
        name="wrong unit or encoding", subcause=Subcause.DATA_QUALITY, prior=0.08, entities=INPUT,
        signs=frozenset({K.FEATURE_VALUE, K.FEATURE_DRIFT}),
        own={K.FEATURE_VALUE: 0.95, K.FEATURE_DRIFT: MUST, K.FEATURE_NULL: 0.1},
        downstream={K.PREDICTION: 0.6, K.PREDICTION_DRIFT: 0.7, K.QUALITY: 0.6, K.CALIBRATION: 0.5},
        helps=DATA_CHANGES | ROLLOUTS,
    ),
    Signature(
        name="stale by a bug", subcause=Subcause.DATA_QUALITY, prior=0.04, entities=INPUT,
        signs=frozenset({K.FRESHNESS, K.THROUGHPUT}),
        own={K.FRESHNESS: 0.95, K.THROUGHPUT: LIKELY, K.BACKLOG: 0.3, K.FEATURE_DRIFT: 0.3, K.FEATURE_VALUE: 0.2},
        downstream={**STARVED},
        helps=DATA_CHANGES | ROLLOUTS,
    ),
    Signature(
        name="labels", subcause=Subcause.DATA_QUALITY, prior=0.03, entities=MODEL,
        signs=frozenset({K.LABEL_RATE, K.LABEL_VOLUME}),
        own={K.LABEL_RATE: 0.85, K.LABEL_VOLUME: 0.7, K.QUALITY: 0.8, K.CALIBRATION: 0.7},
        helps=DATA_CHANGES,
    ),
    Signature(
        name="population moved", subcause=Subcause.COVARIATE_DRIFT, prior=0.05, entities=MODEL,
        signs=frozenset({K.FEATURE_DRIFT, K.FEATURE_VALUE}),
        own={K.FEATURE_DRIFT: MUST, K.FEATURE_VALUE: 0.6, K.PREDICTION: 0.45, K.PREDICTION_DRIFT: 0.5,
             K.QUALITY: 0.4, K.CALIBRATION: 0.3, K.FEATURE_NULL: 0.02},
        downstream={K.TRAFFIC: 0.2, K.FEATURE_DRIFT: 0.55, K.FEATURE_VALUE: 0.45},
        helps=frozenset({ChangeKind.MARKETING, ChangeKind.CALENDAR}),
    ),
    Signature(
        name="the world moved", subcause=Subcause.CONCEPT_DRIFT, prior=0.05, entities=MODEL,
        signs=frozenset({K.QUALITY, K.CALIBRATION}),
        own={K.QUALITY: MUST, K.CALIBRATION: MUST, K.LABEL_RATE: 0.15, K.PREDICTION: 0.03, K.PREDICTION_DRIFT: 0.03},
    ),
    Signature(
        name="cpu", subcause=Subcause.CPU_SATURATION, prior=0.07, entities=HOST,
        signs=frozenset({K.CPU}),
        own={K.CPU: 0.95, K.LATENCY: LIKELY, K.INFERENCE_LATENCY: 0.5, K.ERRORS: 0.3, K.THROUGHPUT: MAY,
             K.BACKLOG: MAY},
        downstream={**CALLERS, **STARVED, K.LATENCY: 0.85, K.INFERENCE_LATENCY: 0.8, K.FALLBACK: 0.3, K.CPU: 0.3},
    ),
    Signature(
        name="memory", subcause=Subcause.MEMORY_SATURATION, prior=0.04, entities=HOST,
        signs=frozenset({K.MEMORY, K.RESTARTS}),
        own={K.MEMORY: 0.95, K.RESTARTS: LIKELY, K.LATENCY: 0.5, K.ERRORS: 0.5, K.AVAILABILITY: 0.5, K.CPU: 0.2,
             K.CACHE: 0.2, K.THROUGHPUT: 0.3},
        downstream={**CALLERS, **STARVED, K.RESTARTS: 0.6, K.MEMORY: 0.4},
        helps=ROLLOUTS,
    ),
    Signature(
        name="disk", subcause=Subcause.DISK_SATURATION, prior=0.04, entities=HOST,
        signs=frozenset({K.DISK}),
        own={K.DISK: 0.95, K.LATENCY: 0.3, K.ERRORS: 0.3, K.THROUGHPUT: 0.5, K.BACKLOG: MAY, K.CPU: 0.1},
        downstream={**CALLERS, **STARVED, K.THROUGHPUT: LIKELY, K.BACKLOG: 0.6, K.FRESHNESS: 0.75,
                    K.LATENCY: 0.45, K.FEATURE_DRIFT: MAY},
    ),
    Signature(
        name="network", subcause=Subcause.NETWORK, prior=0.03, entities=HOST,
        signs=frozenset({K.NETWORK}),
        own={K.NETWORK: 0.95, K.LATENCY: LIKELY, K.ERRORS: MAY},
        downstream={**CALLERS, **STARVED, K.NETWORK: MAY, K.LATENCY: 0.85, K.FALLBACK: 0.75, K.FEATURE_NULL: 0.6},
    ),
    Signature(
        name="dependency", subcause=Subcause.DEPENDENCY_FAILURE, prior=0.12, entities=SERVICE,
        signs=frozenset({K.ERRORS, K.LATENCY, K.AVAILABILITY, K.CACHE}),
        own={K.LATENCY: LIKELY, K.ERRORS: 0.8, K.AVAILABILITY: 0.5, K.CACHE: 0.5, K.RESTARTS: MAY,
             K.TRAFFIC: MAY, K.THROUGHPUT: MAY, K.BACKLOG: 0.3},
        downstream={**CALLERS, **STARVED, K.FALLBACK: 0.8, K.FEATURE_NULL: LIKELY, K.ERRORS: LIKELY, K.CPU: 0.1},
    ),
    Signature(
        name="bad deploy", subcause=Subcause.BAD_DEPLOY, prior=0.12, entities=SERVICE,
        signs=frozenset({K.ERRORS, K.LATENCY, K.AVAILABILITY, K.RESTARTS, K.CPU, K.MEMORY, K.THROUGHPUT,
                         K.INFERENCE_LATENCY}),
        own={K.LATENCY: LIKELY, K.ERRORS: 0.8, K.AVAILABILITY: MAY, K.RESTARTS: MAY, K.CPU: MAY, K.MEMORY: MAY,
             K.THROUGHPUT: MAY, K.BACKLOG: 0.3, K.CACHE: 0.3, K.INFERENCE_LATENCY: 0.3},
        downstream={**CALLERS, **STARVED},
        change=ROLLOUTS,
        by_load=True,
    ),
    Signature(
        name="replicas lost", subcause=Subcause.CAPACITY_LOSS, prior=0.07, entities=HOST,
        signs=frozenset({K.AVAILABILITY}),
        own={K.AVAILABILITY: MUST, K.LATENCY: 0.55, K.CPU: 0.45, K.ERRORS: 0.4, K.THROUGHPUT: MAY, K.BACKLOG: MAY,
             K.RESTARTS: 0.3},
        downstream={**CALLERS, **STARVED, K.CPU: 0.3},
        helps=frozenset({ChangeKind.AUTOSCALE}),
    ),
    Signature(
        name="surge", subcause=Subcause.TRAFFIC_SURGE, prior=0.04, entities=SERVICE,
        signs=frozenset({K.TRAFFIC}),
        own={K.TRAFFIC: 0.95, K.LATENCY: 0.6, K.CPU: LIKELY, K.ERRORS: MAY, K.BACKLOG: MAY, K.THROUGHPUT: MAY},
        downstream={**CALLERS, K.TRAFFIC: 0.8, K.CPU: LIKELY, K.THROUGHPUT: MAY, K.CACHE: 0.3, K.NETWORK: 0.3,
                    K.PREDICTION: 0.1, K.PREDICTION_DRIFT: 0.15},
        helps=frozenset({ChangeKind.MARKETING, ChangeKind.CALENDAR}),
        by_load=True,
    ),
)  # fmt: skip
