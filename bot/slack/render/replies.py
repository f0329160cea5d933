"""Short replies in the thread: a change, an explanation, a sentence."""

from __future__ import annotations

import re

from bot.domain.explanation import Explanation
from bot.domain.message import ChangeMessage, ExplanationMessage, TextMessage
from bot.domain.notice import Reason
from bot.slack.render import blocks as b
from bot.slack.render.escape import CUT_NOTE, esc
from bot.slack.render.numbers import duration
from bot.slack.render.words import CAUSE_WORDS, SEVERITY_WORDS, person, sentence

CLAIMS = 5  # two to five sentences; longer answers are not read during an incident
MENTION = re.compile(r"<@([UW][A-Z0-9]{2,30})>")
DATE = re.compile(r"<!date\^\d{1,12}\^[^<>|^]{1,60}\|[^<>|]{1,60}>")


def _who(message: ChangeMessage) -> str:
    return f" by {person(message.by)}" if message.by else ""


def change_sentence(message: ChangeMessage) -> str:
    """What changed, in one sentence; edits notify nobody, so this does."""
    cause, headline = CAUSE_WORDS[message.cause], sentence(message.headline, limit=200)
    match message.reason:
        case Reason.VERDICT:
            before = f", was {CAUSE_WORDS[message.previous_cause]}" if message.previous_cause else ""
            first = f"*Verdict changed to {cause}*{before}."
        case Reason.SEVERITY:
            before = f", was {SEVERITY_WORDS[message.previous_severity].lower()}" if message.previous_severity else ""
            first = f"*Severity is now {SEVERITY_WORDS[message.severity].lower()}*{before}."
        case Reason.RESOLVED:
            first = f"*Resolved*{_who(message)} after {duration(message.at - message.onset)}."
        case Reason.REOPENED:
            first = f"*Reopened*{_who(message)}: the same trouble is back."
        case Reason.FLAPPING:
            first = "*Comes and goes.* From now on only the headline is updated."
        case Reason.PERSON:
            first = f"*Changed*{_who(message)}."
        case _:
            first = f"Update: {cause}."
    return f"{first} {headline}".strip()


def plainly(text: str) -> str:
    """Our own markup to words, for notifications and screen readers."""
    said = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
    said = re.sub(r"<@[A-Z0-9]+>", "somebody", said)
    said = re.sub(r"<[^|>]*\|([^>]*)>", r"\1", said).replace("*", "")
    return said.replace("&lt;", "\u2039").replace("&gt;", "\u203a").replace("&amp;", "&").strip()


def render_change(message: ChangeMessage) -> b.Rendered:
    sentence = change_sentence(message).strip()
    return b.Rendered(text=plainly(sentence), blocks=(b.section(sentence),), broadcast=message.broadcast)


def explanation_lines(explanation: Explanation) -> list[str]:
    """Claims with the numbers of the facts they rest on."""
    found = [
        f"• {esc(claim.text, limit=300)}"
        + (f" [{', '.join(esc(cite, limit=10) for cite in claim.cites[:4])}]" if claim.cites else "")
        for claim in explanation.claims[:CLAIMS]
    ]
    if not found:
        found = ["The evidence at hand does not settle it."]
    return found


def explanation_blocks(explanation: Explanation) -> tuple[b.Block, ...]:
    parts = [b.section("\n".join(["*What is going on*", *explanation_lines(explanation)]))]
    if explanation.next_checks:
        checks = [f"• {esc(check, limit=200)}" for check in explanation.next_checks[:3]]
        parts.append(b.section("\n".join(["*To check next*", *checks])))
    said = " ".join(claim.text for claim in explanation.claims)  # what a claim says word for word needs no footnote
    facts = [
        f"{esc(fact.id, limit=10)}: {esc(fact.text, limit=160)}"
        for fact in explanation.facts[:6]
        if fact.text.rstrip(".") not in said
    ]
    if facts:
        parts.append(b.context("\n".join(facts)))
    author = "from a template" if explanation.author == "template" else f"by {esc(explanation.author, limit=60)} (AI)"
    checked = f", {explanation.checked} statements checked" if explanation.checked else ""
    dropped = f", {len(explanation.dropped)} dropped" if explanation.dropped else ""
    note = f" · {esc(explanation.note, limit=200)}" if explanation.note else ""
    parts.append(b.context(f"Written {author}{checked}{dropped}{note}"))
    return tuple(parts)


def render_explanation(message: ExplanationMessage) -> b.Rendered:
    found = message.explanation
    first = found.claims[0].text if found.claims else "the evidence at hand does not settle it"
    return b.Rendered(
        text=f"Explanation: {esc(first, limit=300, plain=True)}",
        blocks=explanation_blocks(found),
    )


def own_words(text: str, *, people: bool) -> str:
    """A sentence of ours with outside text inside: escape all of it but dates and, if wished, people by id.

    people: only where a mention calls nobody who should not be called: private answers, and words without
    outside text. In a thread, a reason typed by a stranger must not ring the boss.
    """
    kept: list[str] = []
    at = 0
    marks = [*DATE.finditer(text), *(MENTION.finditer(text) if people else ())]
    for found in sorted(marks, key=lambda match: match.start()):
        kept += [esc_lines(text[at : found.start()]), found.group()]
        at = found.end()
    return "".join([*kept, esc_lines(text[at:])])


def esc_lines(text: str) -> str:
    """Escape line by line, keeping the blanks at the edges, which `esc` would take."""
    found = []
    for line in text.split("\n"):
        body = esc(line, limit=2500)
        lead = " " if body and line[:1] == " " else ""
        tail = " " if body and line[-1:] == " " else ""
        found.append(f"{lead}{body}{tail}" if body else (" " if line else ""))
    return "\n".join(found)


def cut_markup(text: str, limit: int) -> str:
    """Cut escaped text, never inside an entity or one of our own `<...>`."""
    if len(text) <= limit:
        return text
    kept = text[: limit - len(CUT_NOTE)]
    return re.sub(r"<[^>]*$", "", re.sub(r"&[a-z]*$", "", kept)) + CUT_NOTE


def render_text(message: TextMessage) -> b.Rendered:
    said = cut_markup(own_words(message.text, people=False), 2900).strip() or "(empty)"
    return b.Rendered(text=plainly(said), blocks=(b.section(said),))
