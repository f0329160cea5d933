"""A person's time-limited wish not to hear about what matches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

from bot.domain.finding import Finding
from bot.domain.incident import IncidentId
from bot.domain.labels import Matcher, all_match

SilenceId = NewType("SilenceId", str)

MAX_SILENCE = timedelta(days=7)  # no "for ever": a forgotten silence hid a critical incident elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Matchers see a finding's labels, `signal`, `entity`, `kind` and its incident's `cause` and `severity`."""

    id: SilenceId
    matchers: tuple[Matcher, ...]
    starts: datetime
    ends: datetime
    reason: str
    by: str  # Slack user id
    ended_early_by: str | None = None

    def covers(self, labels: Mapping[str, str], *, now: datetime) -> bool:
        return self.starts <= now < self.ends and all_match(self.matchers, labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class SilencePreview:
    """What a silence would have muted."""

    days: int
    incidents: int  # incidents that would have gone unheard
    findings: int
    examples: tuple[Finding, ...]  # at most 5, the newest


@dataclass(frozen=True, slots=True, kw_only=True)
class Audible:
    """An open incident that a silence touches and does not mute."""

    incident_id: IncidentId
    covered: int  # active findings that are silenced
    active: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceEffect:
    """What a silence changes at this moment. It mutes an incident only when all that is active in it is silenced."""

    muted: tuple[IncidentId, ...]
    audible: tuple[Audible, ...]
