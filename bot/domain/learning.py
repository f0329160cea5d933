"""What this installation has taught us: lessons from single incidents, and what they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.domain.incident import IncidentId
from bot.domain.verdict import Cause, Subcause


class LessonSource(StrEnum):
    """What taught it. Of one incident each source holds one lesson, the newest."""

    FEEDBACK = "feedback"  # a person's answer to "Right?"
    ROLLBACK_HELPED = "rollback_helped"  # the older version serves, and the trouble is over
    ROLLBACK_NO_HELP = "rollback_no_help"  # the older version serves, and the trouble went on
    RESOLVED = "resolved"  # people were told of a verdict, and it ended without a word from them


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A part of a lesson: for which cause it speaks, and how loudly."""

    subcause: Subcause
    weight: float  # incidents, 0 to 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What one incident teaches about how often each cause is to blame here."""

    incident_id: IncidentId
    source: LessonSource
    at: datetime  # from then on it fades
    side: Cause | None  # model or infrastructure; None: it names no side
    shares: tuple[Share, ...]  # none: it changes nothing, and is shown
    by: str = ""  # Slack user id of who said so
    void_since: datetime | None = None  # set aside by a reset; restored by taking this away

    @property
    def weight(self) -> float:
        """In incidents: 1 for what a person or a rollback said, less for silence, 0 for "neither"."""
        return sum(share.weight for share in self.shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Incidents by the side that they lay on."""

    model: int = 0
    infrastructure: int = 0

    @property
    def total(self) -> int:
        return self.model + self.infrastructure


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """The sum of the lessons: what each cause's log prior is moved by, and the counts for a person to see why."""

    nats: Mapping[Subcause, float] = field(default_factory=dict)  # of log-odds, bounded; absent: 0
    side_nats: float = 0.0  # of log-odds, what that does to the two sides; positive is for the model
    confirmed: Tally = Tally()  # by a person, or by a rollback that helped
    uncorrected: Tally = Tally()  # ended without a word

    def nats_of(self, subcause: Subcause) -> float:
        return self.nats.get(subcause, 0.0)


NOTHING_LEARNT = Learnt()
