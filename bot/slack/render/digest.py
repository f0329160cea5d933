"""The day in one message."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.message import DigestEntry, DigestMessage
from bot.slack.render import blocks as b
from bot.slack.render.escape import esc
from bot.slack.render.numbers import date_markup, duration
from bot.slack.render.words import SEVERITY_WORDS, verdict_phrase

LINE = 200  # characters of one line that came from outside; ten of them fit a section


def _told_line(entry: DigestEntry, message: DigestMessage) -> str:
    lasted = duration((entry.resolved or message.at) - entry.onset)
    how_long = f"lasted {lasted}" if entry.resolved else f"still open after {lasted}"
    severity = SEVERITY_WORDS[entry.severity].lower()
    return f"{verdict_phrase(entry.verdict)} ({severity}, {how_long}) · `{esc(entry.incident_id, limit=60)}`"


def _ours(line: str) -> str:
    """A line of the pipeline: the names in it came from outside."""
    said = esc(line, limit=LINE)
    return said[:1].upper() + said[1:]


def _part(title: str, lines: Iterable[str], more: int) -> tuple[b.Block, ...]:
    listed = [f"• {line}" for line in lines]
    if not listed:
        return ()
    return (b.lines(f"*{title}*", *listed, f"and {more} more" if more else ""),)


def render_digest(message: DigestMessage) -> b.Rendered:
    count, quiet = len(message.told) + message.told_more, len(message.quiet) + message.quiet_more
    incidents = f"{count or 'no'} incident{'' if count == 1 else 's'} told"
    said = f"The day in brief: {incidents}"
    moved = f", {quiet} thing{'' if quiet == 1 else 's'} seen that called nobody" if quiet else ""
    blind = len(message.blind) + message.blind_more
    unseen = f", {blind} source{'' if blind == 1 else 's'} cannot be read" if blind else ""
    return b.Rendered(
        text=f"{said}{moved}{unseen}",
        blocks=(
            b.section(f"*{said}* since {date_markup(message.since)}"),
            *_part("Told", (_told_line(entry, message) for entry in message.told), message.told_more),
            *_part("Seen, and called nobody", map(_ours, message.quiet), message.quiet_more),
            *_part("Cannot be read now", map(_ours, message.blind), message.blind_more),
            *_part("Waiting for an answer", map(_ours, message.pending), message.pending_more),
        ),
    )
