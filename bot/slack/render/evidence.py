"""The first reply: the numbers, the argument for and against, the changes just before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.catalogue import Catalogue, Side
from bot.domain.finding import Account, FindingKind
from bot.domain.incident import Incident, Member
from bot.domain.message import EvidenceMessage
from bot.domain.verdict import Cause, Reasoning, Verdict
from bot.pipeline.course import limit_text, pace_text, unsure
from bot.pipeline.precursors import precursor_text
from bot.pipeline.quality.attribution import in_words
from bot.pipeline.quality.words import PATH_WORDS
from bot.pipeline.words import strength_word
from bot.slack.render import blocks as b
from bot.slack.render.escape import esc
from bot.slack.render.numbers import clock_text, date_markup, quantity, time_markup
from bot.slack.render.words import change_words, finding_verb, signal_words, verdict_phrase

LEADING = 8  # rows; more is a wall, and the picture shows the same few
FIRST = 3  # rows for what moved first; then come predictions and quality, which people ask about
LOOKED = 3  # rows with a line on their course; the rest is for those who ask
ROOM = 2_900  # characters of a section, with some to spare for its title
BACKING, AGAINST, EITHER = 3, 1, 2  # reasons for the side named, against it, and for each when none is named
CHANGES = 3


def leading(members: Sequence[Member], catalogue: Catalogue | None) -> list[Member]:
    """What moved first, then what a model's users feel, then the rest by onset."""

    def early(member: Member) -> tuple[bool, datetime, float]:
        found = member.finding
        return not found.worse, found.onset, -abs(found.evidence.peak_z)

    def felt(member: Member) -> bool:
        signal = catalogue.signal.get(member.finding.key.signal) if catalogue else None
        whole = "/" not in member.finding.key.entity  # its segments say the same again
        return signal is not None and signal.kind.side is Side.QUALITY and whole

    rows = sorted(members, key=early)
    return [*rows[:FIRST], *sorted(rows[FIRST:], key=lambda member: not felt(member))]


def _row(member: Member, catalogue: Catalogue | None) -> str:
    found = member.finding
    evidence = found.evidence
    name = f"*{signal_words(found.key, catalogue)}* of {esc(found.key.entity, limit=60)}"
    labels = " ".join(f"{esc(k, limit=30)}={esc(v, limit=40)}" for k, v in found.key.labels[:3])
    where = f"{name} {labels}".rstrip()
    since = f"since {time_markup(found.onset)}"
    if found.kind is FindingKind.BLIND:
        because = f": {esc(found.because, limit=160)}" if found.because else ""
        return f"• {where} cannot be read {since}{because}"
    if found.kind is FindingKind.GAP:
        return f"• {where} went silent {since}, usually {quantity(evidence.expected, evidence.unit)}"
    if found.kind is FindingKind.LOG and evidence.account is not None and member.ended is None:
        return f"• {where}: {esc(evidence.account.what, limit=200)}, {since}"
    if member.ended is not None:
        usual = quantity(evidence.expected, evidence.unit)
        span = f"from {time_markup(found.onset)} until {time_markup(member.ended)}"
        return f"• {where} was {finding_verb(found)} {span}, usually {usual}"
    return (
        f"• {where} {finding_verb(found)}: now *{quantity(evidence.observed, evidence.unit)}*, "
        f"usually {quantity(evidence.expected, evidence.unit)}, {since}"
    )


def _course(member: Member, catalogue: Catalogue | None) -> str:
    """A line on where a series runs to and whether it came before; nothing where that says nothing."""
    found, course = member.finding, member.finding.evidence.course
    if found.evidence.account is not None and member.ended is None:
        return _account(found.evidence.account, found.evidence.unit)
    if course is None or member.ended is not None or found.kind in (FindingKind.GAP, FindingKind.BLIND):
        return ""
    signal = catalogue.signal.get(found.key.signal) if catalogue else None
    kind = signal.kind if signal else None
    said = []
    if pace := pace_text(found, kind):
        limit = limit_text(found, kind)
        ahead = f"; {limit}, about {time_markup(course.limit_at)}" if limit and course.limit_at else ""
        said.append(f"{esc(pace, limit=80)}{ahead}")
    if unsure(found) and course.earliest is not None and course.latest is not None:
        said.append(f"began between {time_markup(course.earliest)} and {time_markup(course.latest)}")
    if course.alike is not None:
        said.append(f"looked like this on {date_markup(course.alike)}")
    return f"      {'; '.join(said)}" if said else ""


def _account(account: Account, unit: str) -> str:
    """By which way the log says so, how old its labels are, what that way cannot see, and what a drop is made of."""
    parts = [f"Told by {PATH_WORDS[account.path]}", account.labels, f"it cannot see all: {account.blind}"]
    said = [f"      _{esc('; '.join(part for part in parts if part), limit=420)}_"]
    if made := in_words(account.split, shares=unit in ("accuracy", "auc")):
        said.append(f"      {esc(made, limit=300)}")
    return "\n".join(said)


def _seen(rows: Sequence[Member], catalogue: Catalogue | None) -> list[str]:
    """A line a row, and behind the first few that have a course a line on it, as far as there is room."""
    lines = [[_row(member, catalogue)] for member in rows]
    room, left = ROOM - sum(len(line[0]) + 1 for line in lines), LOOKED
    for member, line in zip(rows, lines, strict=True):
        course = _course(member, catalogue)
        if course and left and len(course) < room:
            line.append(course)
            room, left = room - len(course) - 1, left - 1
    return [text for line in lines for text in line]


def _reasons(verdict: Verdict) -> list[str]:
    """The strongest reasons, each with its weight in a word: the named side's, and the strongest against it."""
    heavy = sorted(verdict.reasoning, key=lambda reason: -abs(reason.weight))
    model = [reason for reason in heavy if reason.weight > 0]
    infra = [reason for reason in heavy if reason.weight < 0]
    ours, theirs = (model, infra) if verdict.cause is Cause.MODEL else (infra, model)
    if verdict.cause in (Cause.MODEL, Cause.INFRASTRUCTURE):
        name = "the model" if verdict.cause is Cause.MODEL else "the infrastructure"
        shown = [(f"Speaks for {name}", _top(ours, BACKING)), ("Speaks against it", _top(theirs, AGAINST))]
    else:
        shown = [
            ("Speaks for the model", _top(model, EITHER)),
            ("Speaks for the infrastructure", _top(infra, EITHER)),
        ]
    return ["\n".join([f"*{title}*", *map(_reason, reasons)]) for title, reasons in shown if reasons]


def _reason(reason: Reasoning) -> str:
    return f"• {esc(reason.text, limit=200)} · {strength_word(reason.weight)}"


def _top(side: Sequence[Reasoning], count: int) -> list[Reasoning]:
    """The heaviest, and what was learnt here however little it weighs: nobody shall be moved by it unseen."""
    return [*side[:count], *(reason for reason in side[count:] if reason.kind == "learnt")]


def _ahead(incident: Incident) -> str:
    return "\n".join(["*Early warning*", *(f"• {esc(precursor_text(one), limit=260)}" for one in incident.ahead)])


def render_evidence(message: EvidenceMessage, *, catalogue: Catalogue | None = None) -> b.Rendered:
    incident, verdict = message.incident, message.incident.verdict
    rows = leading(incident.members, catalogue)
    shown = _seen(rows[:LEADING], catalogue)
    if len(rows) > LEADING:
        shown.append(f"_and {len(rows) - LEADING} more series_")
    parts = [b.section("\n".join(["*What we see*", *(shown or ["No series is off its usual range."])]))]
    if incident.open and incident.ahead:
        parts.append(b.section(_ahead(incident)))
    if verdict is not None:
        parts += [b.section(text) for text in _reasons(verdict)]
        changes = [
            f"• {time_markup(suspect.change.time)} {change_words(suspect.change)}"
            for suspect in verdict.changes[:CHANGES]
        ]
        none = "nothing that we know of"
        parts.append(b.section("\n".join(["*Changes just before*", *(changes or [none])])))
        if verdict.settle:
            parts.append(b.section(f"*What would settle it*\n{esc(verdict.settle, limit=300)}"))
    text = f"Evidence: {verdict_phrase(verdict, plain=True)}. {len(rows)} series, since {clock_text(incident.onset)}"
    return b.Rendered(text=text, blocks=tuple(parts))
