"""The lines of a replay's report for a person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from bot.domain.change import Change
from bot.domain.incident import Incident
from bot.domain.notice import HeldBy
from bot.pipeline.words import verdict_text

REASONS = 5  # of an incident: the heaviest; the rest moves no verdict
HELD_WORDS: Mapping[HeldBy, str] = {
    HeldBy.DEBOUNCE: "over before it was worth a message",
    HeldBy.LOW_SEVERITY: "of low severity, which call nobody",
    HeldBy.SILENCE: "silenced",
}


def count(number: int, noun: str) -> str:
    """Say how many.

    >>> count(1, "message"), count(2000, "message")
    ('1 message', '2,000 messages')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def stretch(begin: datetime, end: datetime | None) -> str:
    """Say from when to when, the day once where it is the same."""
    if end is None:
        return f"{begin:%Y-%m-%d %H:%M} to the end"
    return f"{begin:%Y-%m-%d %H:%M} to {end:{'%H:%M' if end.date() == begin.date() else '%Y-%m-%d %H:%M'}}"


def days_text(days: Mapping[date, int], begin: datetime, end: datetime) -> str:
    """How many messages on which day, and on how many days none."""
    every = (end.date() - begin.date()) // timedelta(days=1) + 1
    told = ", ".join(f"{number} on {day}" for day, number in sorted(days.items()))
    silent = every - len(days)
    if not days:
        return f"none on {count(every, 'day')}"
    return told + (f", none on {count(silent, 'other day')}" if silent else "")


def incident_lines(number: int, incident: Incident, messages: int) -> list[str]:
    """What would have been told of one incident: when, which side and how sure, the root, why, and what to do."""
    verdict = incident.verdict
    sure = f" ({verdict.probability:.0%})" if verdict else ""
    when = stretch(incident.opened, incident.resolved)
    began = f"{incident.onset:{'%H:%M' if incident.onset.date() == incident.opened.date() else '%Y-%m-%d %H:%M'}}"
    lines = [
        f"{number}. {when}  {verdict_text(verdict) if verdict else 'no verdict'}{sure}",
        f"     {incident.id}, {incident.severity}, began {began}, {count(messages, 'message')}",
    ]
    if verdict is None:
        return lines
    if verdict.suspects:
        lines.append(f"     root: {verdict.suspects[0].key}")
    lines += [
        f"     {'for the model' if one.weight > 0 else 'for infrastructure':20s} {abs(one.weight):4.1f}  {one.text}"
        for one in verdict.reasoning[:REASONS]
    ]
    lines.append(f"     rollback {verdict.rollback.replace('_', ' ')}: {verdict.rollback_reason}")
    return lines


def held_text(held: Mapping[HeldBy, int]) -> str:
    told = ", ".join(f"{held[by]:,} {HELD_WORDS.get(by, str(by))}" for by in HeldBy if held.get(by))
    return f"Seen and not told: {told or 'nothing'}"


def changes_text(changes: Sequence[Change]) -> str:
    kinds = Counter(change.kind for change in changes)
    told = ", ".join(f"{number:,} {kind.replace('_', ' ')}" for kind, number in sorted(kinds.items()))
    return f"Changes known: {told or 'none'}"


def plain(text: str) -> str:
    """Names come from anywhere: nothing in them may steer a terminal or break a line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
