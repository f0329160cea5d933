"""A person's time-limited wish not to hear about what matches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

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
