"""An incident: findings that are probably one trouble, and what people and we made of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from bot.domain.finding import Finding, Fingerprint
from bot.domain.precursor import Precursor
from bot.domain.verdict import Verdict

IncidentId = NewType("IncidentId", str)


class State(StrEnum):
    """What is true. What people were told is another record (`notice.Told`)."""

    PENDING = "pending"  # seen, not yet long enough to speak
    FIRING = "firing"
    RESOLVED = "resolved"


class Severity(StrEnum):
    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Higher is worse."""
        return {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}[self]


class Feedback(StrEnum):
    """The answer of a person to "Right?"."""

    MODEL = "model"
    INFRASTRUCTURE = "infrastructure"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A finding of an incident, and when its series came back."""

    finding: Finding  # as last seen while active
    ended: datetime | None = None  # None: still active

    @property
    def active(self) -> bool:
        return self.ended is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    id: IncidentId
    state: State
    opened: datetime
    onset: datetime  # the earliest onset of its findings
    updated: datetime  # last tick that changed it
    resolved: datetime | None = None
    severity: Severity = Severity.WARNING
    members: tuple[Member, ...] = ()
    verdict: Verdict | None = None
    verdict_since: datetime | None = None  # since when the cause has been what it is
    clean_since: datetime | None = None  # no active finding since; resolves after a while
    reopened: int = 0
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    resolved_by: str | None = None  # a person, or None for the detectors
    feedback: Feedback | None = None
    feedback_by: str | None = None
    action: str = ""  # the newest action on it in words, for the headline
    action_live: bool = False  # that action is still under way
    ahead: tuple[Precursor, ...] = ()  # what followed such signs before and is not seen yet, the surest first
    revision: int = 0

    @property
    def firing(self) -> frozenset[Fingerprint]:
        return frozenset(member.finding.fingerprint for member in self.members if member.active)

    @property
    def active_findings(self) -> tuple[Finding, ...]:
        return tuple(member.finding for member in self.members if member.active)

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(member.finding for member in self.members)

    @property
    def open(self) -> bool:
        return self.state is not State.RESOLVED

    @property
    def entities(self) -> frozenset[str]:
        return frozenset(member.finding.key.entity for member in self.members)
