"""What a replay found: as the JSON of docs/recordings.md, and everything that a person is shown besides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from bot.domain.change import Change
from bot.domain.incident import Incident, IncidentId
from bot.domain.notice import HeldBy
from bot.replay.words import changes_text, count, days_text, held_text, incident_lines, plain, stretch


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSpell:
    """A stretch in which one source could not be read, or some of its signals."""

    source: str
    because: str  # as it was told first
    signals: tuple[str, ...]
    start: datetime
    end: datetime  # the last tick at which it could not


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlike:
    """How a replay differs from the bot that would have run."""

    sources: tuple[str, ...] = ()  # one line each: what is configured and cannot be replayed, and why
    learnt_little: str = ""  # why the baselines are thinner than they would have been; empty: they are not


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    recording: str
    ticks: int  # those learnt from included
    series: int
    seconds: float  # of real time
    incidents: tuple[Incident, ...]  # those that people would have heard of
    messages: Mapping[IncidentId, int]  # posts a thread; edits notify nobody and are not counted
    begin: datetime | None = None  # first tick that was judged; None: there was none
    end: datetime | None = None  # last tick
    days: Mapping[date, int] = field(default_factory=dict)  # posts a day, UTC; days without are absent
    held: Mapping[HeldBy, int] = field(default_factory=dict)  # incidents that nobody would have heard of, and why
    blind: tuple[BlindSpell, ...] = ()
    changes: tuple[Change, ...] = ()  # between begin and end, oldest first
    unlike: Unlike = Unlike()

    def as_json(self) -> dict[str, Any]:
        """Exactly the object that docs/recordings.md asks for."""
        return {
            "recording": self.recording,
            "ticks": self.ticks,
            "series": self.series,
            "seconds": round(self.seconds, 2),
            "messages": sum(self.messages.values()),
            "incidents": [_incident_json(i, self.messages.get(i.id, 0)) for i in self.incidents],
        }

    def text(self) -> str:
        """For a person: what they would have heard, what not, and what nobody could have seen."""
        ticks = f"{count(self.ticks, 'tick')}, {self.series:,} series, {self.seconds:.1f} s"
        lines = [f"{self.recording}: {ticks}"]
        if self.begin is not None and self.end is not None:
            lines.append(f"Judged: {stretch(self.begin, self.end)} UTC; what came before was learnt from")
            told = count(sum(self.messages.values()), "message")
            days = days_text(self.days, self.begin, self.end)
            lines.append(f"Told: {count(len(self.incidents), 'incident')}, {told}: {days}")
        for number, incident in enumerate(self.incidents, start=1):
            lines += ["", *incident_lines(number, incident, self.messages.get(incident.id, 0))]
        lines += ["", held_text(self.held), changes_text(self.changes)]
        lines += [f"Not to be seen: {_blind_text(one)}" for one in self.blind]
        lines += [f"Not replayed: {one}" for one in self.unlike.sources]
        lines += [f"Learnt little: {self.unlike.learnt_little}"] if self.unlike.learnt_little else []
        return "\n".join(plain(line) for line in lines)


def _blind_text(spell: BlindSpell) -> str:
    signals = f" ({', '.join(spell.signals)})" if spell.signals else ""
    return f"{stretch(spell.start, spell.end)}  {spell.source}{signals}: {spell.because}"


def held_of(reasons: Mapping[IncidentId, HeldBy]) -> dict[HeldBy, int]:
    """Count incidents by what kept them from people.

    >>> held_of({IncidentId("a"): HeldBy.DEBOUNCE, IncidentId("b"): HeldBy.DEBOUNCE})
    {<HeldBy.DEBOUNCE: 'debounce'>: 2}
    """
    counts = Counter(reasons.values())
    return {by: counts[by] for by in HeldBy if counts[by]}


def _incident_json(incident: Incident, messages: int) -> dict[str, Any]:
    verdict = incident.verdict
    return {
        "id": incident.id,
        "opened": _seconds(incident.opened.timestamp()),
        "resolved": _seconds(incident.resolved.timestamp()) if incident.resolved else None,
        "onset": _seconds(incident.onset.timestamp()),
        "severity": incident.severity.value,
        "cause": verdict.cause.value if verdict else "undetermined",
        "subcause": verdict.subcause_words if verdict else "",
        "entity": verdict.entity if verdict else "",
        "probability": {
            "model": round(verdict.model_probability, 4) if verdict else 0.5,
            "infrastructure": round(1.0 - verdict.model_probability, 4) if verdict else 0.5,
        },
        "suspects": [
            {
                "signal": s.key.signal,
                "entity": s.key.entity,
                "labels": dict(s.key.labels),
                "onset": _seconds(s.onset.timestamp()),
                "score": s.score,
            }
            for s in (verdict.suspects if verdict else ())
        ],
        "changes": [
            {
                "time": _seconds(c.change.time.timestamp()),
                "kind": c.change.kind.value,
                "entity": c.change.entity,
                "weight": c.weight,
            }
            for c in (verdict.changes if verdict else ())
        ],
        "rollback": verdict.rollback.value if verdict else "unknown",
        "findings": len(incident.members),
        "messages": messages,
    }


def _seconds(value: float) -> int | float:
    return int(value) if value == int(value) else round(value, 3)
