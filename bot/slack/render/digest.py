"""The day in one message."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.message import DigestEntry, DigestMessage
from bot.slack.render import blocks as b
from bot.slack.render.escape import esc
from bot.slack.render.numbers import date_markup, duration
from bot.slack.render.replies import cut_markup
from bot.slack.render.words import SEVERITY_WORDS, verdict_phrase

LINE = 200  # characters of a line, entities counted: ten of them fit a section, and four sections a message
PHRASE = 120  # of it for the verdict


def _told_line(entry: DigestEntry, message: DigestMessage) -> str:
    lasted = duration((entry.resolved or message.at) - entry.onset)
    how_long = f"lasted {lasted}" if entry.resolved else f"still open after {lasted}"
    severity = SEVERITY_WORDS[entry.severity].lower()
    phrase = cut_markup(verdict_phrase(entry.verdict), PHRASE)
    return f"{phrase} ({severity}, {how_long}) · `{esc(entry.incident_id, limit=40)}`"


def _ours(line: str) -> str:
    """A line of the pipeline: the names in it came from outside."""
    return cut_markup(esc(line, limit=LINE), LINE)


def _sentence(line: str) -> str:
    return _ours(line[:1].upper() + line[1:])


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
            *_part("Seen, and called nobody", map(_sentence, message.quiet), message.quiet_more),
            *_part("Cannot be read now", map(_ours, message.blind), message.blind_more),
            *_part("Waiting for an answer", map(_sentence, message.pending), message.pending_more),
        ),
    )
