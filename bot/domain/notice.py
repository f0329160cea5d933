"""What people were told, what they should be told now, and why; or why not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.domain.finding import Fingerprint
from bot.domain.incident import IncidentId, Severity, State
from bot.domain.silence import SilenceId
from bot.domain.verdict import Cause


class Reason(StrEnum):
    """Why we speak. Stored, counted and shown."""

    FIRST = "first"
    VERDICT = "verdict"  # the cause changed
    SEVERITY = "severity"  # it got worse
    SPREAD = "spread"  # new findings: the headline's numbers change, nobody is called
    RESOLVED = "resolved"
    REOPENED = "reopened"
    FLAPPING = "flapping"
    PERSON = "person"  # somebody acknowledged, silenced, decided
    UNCHANGED = "unchanged"


class HeldBy(StrEnum):
    """Why something true is not told."""

    DEBOUNCE = "debounce"  # not long enough yet
    SILENCE = "silence"
    LOW_SEVERITY = "low_severity"  # evidence and digest only: feature drift alone never pages
    NOTHING_NEW = "nothing_new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What people were last told about one incident."""

    incident_id: IncidentId
    revision: int
    state: State
    firing: frozenset[Fingerprint]
    severity: Severity
    cause: Cause
    at: datetime
    replies: int = 0  # thread messages spent, against the budget
    flapping_said: bool = False  # said once, then only edited


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Say this incident, for this reason."""

    incident_id: IncidentId
    revision: int
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Do not say this incident, for this reason."""

    incident_id: IncidentId
    revision: int
    by: HeldBy
    silence_id: SilenceId | None = None


Decision = Notice | Held
