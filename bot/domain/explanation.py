"""Numbered facts, a closed list of hypotheses, and words about them that code has checked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.incident import IncidentId
from bot.domain.verdict import Subcause


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One numbered fact. All that words may rest on."""

    id: str  # "E1"
    text: str  # a plain sentence made by code
    source: str  # "telemetry", "look" (a closer one at telemetry), "registry", "changes", "verdict", "catalogue"
    entity: str
    signal: str = ""
    unit: str = ""
    before: float | None = None
    after: float | None = None
    time: datetime | None = None
    versions: tuple[str, ...] = ()
    user_controlled: bool = False  # an outsider may have written part of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    id: str  # "H1"
    subcause: Subcause | None  # None: none of these
    entity: str
    text: str
    supporting: tuple[str, ...]  # fact ids
    contradicting: tuple[str, ...]
    score: float  # 0-1, the classifier's probability


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePack:
    """Everything an explanation may see. `digest` names it, whatever the order of arrival."""

    incident_id: IncidentId
    headline: str  # the verdict in words, made by code
    facts: tuple[Fact, ...]
    hypotheses: tuple[Hypothesis, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    text: str
    cites: tuple[str, ...]  # fact ids


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppedClaim:
    claim: Claim
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    incident_id: IncidentId
    hypothesis_id: str | None  # None: abstained
    claims: tuple[Claim, ...]
    facts: tuple[Fact, ...]  # those cited, so that a reader can follow
    next_checks: tuple[str, ...]
    author: str  # "template", or provider and model
    prompt: str = ""  # prompt id and version
    checked: int = 0  # statements that were checked
    dropped: tuple[DroppedClaim, ...] = ()
    note: str = ""  # e.g. that the model chose another hypothesis than the verdict
