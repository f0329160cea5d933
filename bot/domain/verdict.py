"""On which side of the fault line a trouble lies, how sure we are, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.change import Change
from bot.domain.series import SeriesKey


class Cause(StrEnum):
    MODEL = "model"
    INFRASTRUCTURE = "infrastructure"
    MIXED = "mixed"
    UNDETERMINED = "undetermined"


class Subcause(StrEnum):
    """The subcauses of docs/recordings.md; the first four are the model's."""

    BAD_VERSION = "bad_version"
    DATA_QUALITY = "data_quality"
    COVARIATE_DRIFT = "covariate_drift"
    CONCEPT_DRIFT = "concept_drift"
    CPU_SATURATION = "cpu_saturation"
    MEMORY_SATURATION = "memory_saturation"
    DISK_SATURATION = "disk_saturation"
    NETWORK = "network"
    DEPENDENCY_FAILURE = "dependency_failure"
    BAD_DEPLOY = "bad_deploy"
    CAPACITY_LOSS = "capacity_loss"
    TRAFFIC_SURGE = "traffic_surge"
    TELEMETRY_LOSS = "telemetry_loss"

    @property
    def cause(self) -> Cause:
        return Cause.MODEL if self in MODEL_SUBCAUSES else Cause.INFRASTRUCTURE


MODEL_SUBCAUSES = frozenset(
    {Subcause.BAD_VERSION, Subcause.DATA_QUALITY, Subcause.COVARIATE_DRIFT, Subcause.CONCEPT_DRIFT}
)


class RollbackAdvice(StrEnum):
    ADVISED = "advised"
    NOT_ADVISED = "not_advised"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasoning:
    """One line of the argument: what was seen, and how far it moves the scales."""

    text: str  # "disk of n-04 left its usual range 6 min before freshness of fraud/velocity"
    weight: float  # nats of log-odds; positive speaks for the model, negative for infrastructure
    entity: str = ""
    kind: str = ""  # "moved", "quiet", "unseen", "order", "upstream", "change": what it rests on


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A series that may be the root, the likeliest first."""

    key: SeriesKey
    onset: datetime
    score: float  # 0-1, comparable within one incident only


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspectChange:
    change: Change
    weight: float  # 0-1


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One hypothesis that was weighed."""

    cause: Cause
    subcause: Subcause
    entity: str
    probability: float  # of all hypotheses, given that something is wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One line of a score."""

    kind: str  # as Reasoning.kind; "rest" of what is too small; of two causes: "alone", "shared", "mixed"
    text: str
    weight: float  # nats; positive speaks for the hypothesis
    note: str = ""  # what was capped or counted less, and why


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """How one hypothesis came to its score: logarithm of the prior plus all lines."""

    cause: Cause
    subcauses: tuple[Subcause, ...]  # one; two when two causes were weighed together
    entity: str
    shape: str  # which way of going wrong, by its name in signatures.py; "" of two causes
    prior: float  # share of all troubles, before anything is seen; 0 < prior < 1
    lines: tuple[LedgerLine, ...]  # heaviest first
    score: float  # nats
    probability: float  # of this hypothesis among all that were weighed; of two causes 0, they are not among them
    side: float  # probability of all hypotheses on its side together
    weighed: int  # how many those are


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    cause: Cause
    subcauses: tuple[Subcause, ...]  # one; two when mixed; the best two candidates' when undetermined
    entity: str  # the root entity, or "" when undetermined
    model_probability: float  # infrastructure's is the rest
    reasoning: tuple[Reasoning, ...] = ()  # heaviest first
    candidates: tuple[Candidate, ...] = ()  # likeliest first
    suspects: tuple[Suspect, ...] = ()
    changes: tuple[SuspectChange, ...] = ()
    rollback: RollbackAdvice = RollbackAdvice.UNKNOWN
    rollback_reason: str = ""
    rolled_back: bool = False  # the version at fault serves no more
    settle: str = ""  # which observation would settle it, when it is not settled
    # of the best hypothesis of each side, the likelier first; empty when none was weighed and in what earlier versions
    # stored
    ledgers: tuple[Ledger, ...] = ()

    @property
    def probability(self) -> float:
        """How sure we are of `cause`, for the word beside it."""
        match self.cause:
            case Cause.MODEL:
                return self.model_probability
            case Cause.INFRASTRUCTURE:
                return 1.0 - self.model_probability
            case _:
                return max(self.model_probability, 1.0 - self.model_probability)

    @property
    def subcause_words(self) -> str:
        """As replay prints it: one word, or two joined by a comma."""
        return ",".join(self.subcauses)
