"""Which entities, signals and versions a sentence names, and whether the facts it cites name them too."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.explanation import EvidencePack, Fact
from bot.llm import vocabulary
from bot.pipeline.phrasing import own_text

FACT_ID = re.compile(r"\[?\b[EH]\d{1,3}\b\]?(?:\s*,\s*(?=\[?E\d))?")
VERSION = re.compile(
    r"\b(?:versions?|release|revision|build|alias)\s+(?:of\s+)?(v?\d[\w.+\-]*)|\b(v\d[\w.+\-]*)", re.IGNORECASE
)
VERSION_MOVE = re.compile(
    r"\bfrom\s+(?:version\s+)?(v?\d[\w.+\-]*)\s+to\s+(?:version\s+)?(v?\d[\w.+\-]*)", re.IGNORECASE
)
# A word with a digit, an inner dash, slash, dot or underscore: how machines, features and metrics are named.
IDENTIFIER = re.compile(r"(?<![\w.,:/\-])[A-Za-z_][\w]*(?:[./:\-_][\w]+)*|(?<![\w.,:/\-])\d+(?:[\-_/][A-Za-z]\w*)+")
ORDINARY_DASHED = re.compile(
    r"(?:[a-z]+ly-[a-z]+|(?:well|long|short|high|low|up|down|non|over|under|pre|post|re|co|in|on|off|follow|one|two|ten"
    r"|multi|cross|real|so|end|day|week|year|minute|hour|five|ten|early|late|root|time|knock|model|data|user|infrastructure"
    r"|read|run|warm|cool|back)-[a-z]+(?:-[a-z]+)?"
    r"|and/or|either/or|e\.g|i\.e|read/write|input/output|client/server)",
    re.IGNORECASE,
)
OWNER = re.compile(r"\u00b7\s+(?:of|for|on|at|in|from|by)\s+(?:the\s+)?([A-Za-z]\w+)")  # after a blanked name
OWNER_FREE = vocabulary.words_of("""
    about a an its our their this that these those both each all any one roughly nearly almost around over under up more
    less usual least most late model service node feature which now first second version infrastructure only some just
    well average turn parallel line normal then there
""")
QUOTED = re.compile(r"[\"\u201c'\u2018]([^\"\u201c\u201d'\u2018\u2019]{2,60})[\"\u201d'\u2019](?!\w)")


def known_names(pack: EvidencePack) -> frozenset[str]:
    """Every entity and signal of a pack, longest first matters to callers that blank them."""
    names = {name for fact in pack.facts for name in (fact.entity, fact.signal) if name}
    return frozenset(names | {hypothesis.entity for hypothesis in pack.hypotheses if hypothesis.entity})


def mentions(text: str, name: str) -> bool:
    """Whether a sentence has a name as a whole word; `fraud` is not in `fraud/amount` or `fraud-api`."""
    return re.search(_whole(name), text, re.IGNORECASE) is not None


def _whole(name: str) -> str:
    return rf"(?<![\w/.\-]){re.escape(name)}(?![\w/\-]|\.\w)"


def blank_names(text: str, names: Iterable[str]) -> str:
    """Take names out, so that their digits are not read as numbers."""
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(_whole(name), " \u00b7 ", text, flags=re.IGNORECASE)
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """What the cited facts name, taken from their fields and from what code wrote of them."""

    facts: tuple[Fact, ...]
    text: str  # trusted sentences only
    words: frozenset[str]

    def bears(self, name: str) -> bool:
        """Whether one of the facts names this."""
        return mentions(self.text, name)


def cited_of(facts: Sequence[Fact]) -> Cited:
    fields = [part for fact in facts for part in (fact.entity, fact.signal, *fact.versions) if part]
    trusted = [
        own_text(fact)
        for fact in facts
        if not fact.user_controlled or fact.source in ("telemetry", "registry", "changes")
    ]
    text = " ; ".join([*fields, *trusted])
    return Cited(facts=tuple(facts), text=text, words=frozenset(re.findall(r"[a-z0-9_]+", text.lower())))


def naming_fault(text: str, cited: Cited, names: frozenset[str]) -> str | None:
    """Why a sentence names something that its citations do not; None when it does not.

    names: every name of the pack. A name of the pack must be in a cited fact; anything else that looks like a name
    must be too.
    """
    for name in sorted(names, key=len, reverse=True):
        if mentions(text, name) and not cited.bears(name):
            return "names an entity or signal that the cited facts do not"
    rest = blank_names(text, names)
    if _strange_identifier(rest, cited):
        return "names something that is in no cited fact"
    for version in versions_in(rest):
        rest = rest.replace(version, " \u00b7 ")
    owners = {match[1].lower() for match in OWNER.finditer(rest)}
    if owners - OWNER_FREE - cited.words:
        return "names something that is in no cited fact"
    for match in QUOTED.finditer(text):
        if match[1].lower() not in cited.text.lower():
            return "quotes something that is in no cited fact"
    return None


def _strange_identifier(rest: str, cited: Cited) -> bool:
    for match in IDENTIFIER.finditer(rest):
        token = match[0].rstrip(".:/-_")
        plain = token.isalpha()
        if plain or ORDINARY_DASHED.fullmatch(token) or VERSION.fullmatch(token):
            continue
        if not cited.bears(token):
            return True
    return False


def versions_in(text: str) -> list[str]:
    """Versions that a sentence calls so: "version 42", "v42"."""
    return [(match[1] or match[2]).rstrip(".,") for match in VERSION.finditer(text)]


def versions_hold(text: str, facts: Iterable[Fact]) -> bool:
    """Whether each version is a cited fact's, and moves go the right way."""
    facts = list(facts)
    known = {bare(version) for fact in facts for version in fact.versions}
    for fact in facts:
        if not fact.user_controlled:
            known |= {bare(version) for version in versions_in(own_text(fact))}
    if not {bare(version) for version in versions_in(text)} <= known:
        return False
    pairs = {(bare(fact.versions[0]), bare(fact.versions[1])) for fact in facts if len(fact.versions) == 2}
    flipped = {(to, from_) for from_, to in pairs} - pairs
    moves = {(bare(match[1].rstrip(".,")), bare(match[2].rstrip(".,"))) for match in VERSION_MOVE.finditer(text)}
    return not moves & flipped


def bare(version: str) -> str:
    """`v42` and `42` are one version."""
    lowered = version.lower()
    return lowered[1:] if re.match(r"v\d", lowered) else lowered
