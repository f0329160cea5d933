"""Hold what a language model wrote against the facts it cites, and drop what they do not bear out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.explanation import Claim, DroppedClaim, EvidencePack, Fact, Hypothesis
from bot.domain.verdict import Cause
from bot.llm import numbers
from bot.llm.names import (
    FACT_ID,
    IDENTIFIER,
    Cited,
    bare,
    blank_names,
    cited_of,
    known_names,
    mentions,
    naming_fault,
    versions_hold,
    versions_in,
)
from bot.llm.times import read_times, times_hold
from bot.llm.wording import (
    DIRECTION,
    DOWN,
    NO_DIRECTION,
    UP,
    causal_fault,
    direction_of,
    directions_in,
    forbidden,
    strange_fault,
)
from bot.pipeline.evidence import cause_of

MAX_CLAIM = 300  # what a thread shows of one
MAX_CLAIMS = 5
MAX_CITES = 6  # a claim that cites everything is checked against nothing
MIN_CLAIM = 12  # "yes" and "ok" are no claims
TOLERATED = 1 / 3  # more dropped than this: the writer is not to be trusted with the rest
IMPLAUSIBLE = 0.05  # a hypothesis that everything weighed leaves less than this is contradicted
WEAK = 0.2  # and one below this is, when more speaks against it than for it
LABEL = " (rests on text that people can write)"
CLAUSES = re.compile(r";|,?\s+(?:and|while|whereas|but|then|although|though)\s+|,\s+(?=which\b|after\b|before\b)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a language model answered: outside text until it is checked."""

    hypothesis_id: str | None  # None: abstained
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Claims that hold."""

    hypothesis_id: str | None
    claims: tuple[Claim, ...]
    dropped: tuple[DroppedClaim, ...]
    checked: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Not one word of it may be used."""

    because: str


def verify(draft: Draft, pack: EvidencePack) -> Checked | Rejected:
    """Check a whole answer. Rejected when it cannot be trusted with the claims that hold by themselves either."""
    chosen = next((h for h in pack.hypotheses if h.id == draft.hypothesis_id), None)
    if draft.hypothesis_id is not None and chosen is None:
        return Rejected(because="it chose a hypothesis that is not in the list")
    if chosen is not None and contradicted(chosen):
        return Rejected(because="it chose a hypothesis that the facts contradict")
    if not draft.claims:
        return Rejected(because="it claimed nothing")
    if len(draft.claims) > MAX_CLAIMS:
        return Rejected(because="it claimed too much")
    known = {fact.id for fact in pack.facts}
    kept, dropped = [], []
    for claim in draft.claims:
        fault = claim_fault(claim, pack, chosen)
        if fault is None:
            kept.append(labelled(claim, pack))
        else:  # the text itself is withheld: what failed its check is not carried further
            withheld = Claim(text="(withheld)", cites=tuple(cite for cite in claim.cites[:MAX_CITES] if cite in known))
            dropped.append(DroppedClaim(claim=withheld, because=fault))
    if not kept or len(dropped) > TOLERATED * len(draft.claims):
        return Rejected(because=f"{len(dropped)} of {len(draft.claims)} statements failed their check")
    return Checked(
        hypothesis_id=draft.hypothesis_id, claims=tuple(kept), dropped=tuple(dropped), checked=len(draft.claims)
    )


def contradicted(hypothesis: Hypothesis) -> bool:
    """Whether the facts speak against a hypothesis clearly; "none of these" never is."""
    if hypothesis.subcause is None:
        return False
    against = len(hypothesis.contradicting) > len(hypothesis.supporting)
    return hypothesis.score < IMPLAUSIBLE or (against and hypothesis.score < WEAK)


def allowed_causes(pack: EvidencePack, chosen: Hypothesis | None) -> tuple[Hypothesis, ...]:
    """Causes that claims may argue for: the chosen one, and its companion when the verdict is mixed."""
    if chosen is None:
        return ()
    pair = pack.hypotheses[:2]
    return pair if cause_of(pack) is Cause.MIXED and chosen in pair else (chosen,)


def claim_fault(claim: Claim, pack: EvidencePack, chosen: Hypothesis | None) -> str | None:
    """Why a claim does not hold, in words without any of its own; None when it holds."""
    by_id = {fact.id: fact for fact in pack.facts}
    text = claim.text.removesuffix(LABEL).strip()
    if not MIN_CLAIM <= len(text) <= MAX_CLAIM:
        return "is too short or too long"
    if not claim.cites:
        return "cites nothing"
    if len(claim.cites) > MAX_CITES:
        return "cites too much to be checked"
    if any(cite not in by_id for cite in claim.cites):
        return "cites a fact that does not exist"
    cited = cited_of([by_id[cite] for cite in claim.cites])
    inner = {match.strip("[], ") for match in FACT_ID.findall(text)}
    if not {name for name in inner if name.startswith("E")} <= set(claim.cites):
        return "refers to a fact that it does not cite"
    text = FACT_ID.sub(" ", text)
    allowed = allowed_causes(pack, chosen)
    return (
        forbidden(text, cited.text)
        or _emptiness(text, cited)
        or naming_fault(text, cited, known_names(pack))
        or _time_and_version_fault(text, cited)
        or _number_fault(text, cited, known_names(pack))
        or _direction_fault(text, cited)
        or strange_fault(_plain_part(text, cited, known_names(pack)), cited.text, allowed)
        or causal_fault(text, cited.facts, allowed)
    )


def _emptiness(text: str, cited: Cited) -> str | None:
    """A claim is about something: a name or version of a cited fact, or a conclusion that it cites."""
    names = [name for fact in cited.facts for name in (fact.entity, fact.signal, *fact.versions) if name]
    about = any(mentions(text, name) for name in names) or any(fact.source == "verdict" for fact in cited.facts)
    return None if about else "says nothing of the facts it cites"


def _plain_part(text: str, cited: Cited, names: frozenset[str]) -> str:
    """A sentence without names, times, versions and identifiers: those are held against the facts by themselves."""
    rest = blank_names(read_times(text).rest, names)
    for version in versions_in(rest):
        rest = rest.replace(version, " ")
    return IDENTIFIER.sub(lambda match: match[0] if match[0].isalpha() or not cited.bears(match[0]) else " ", rest)


def labelled(claim: Claim, pack: EvidencePack) -> Claim:
    """Say it when nothing measured and no registry stands behind a claim."""
    cited = [fact for fact in pack.facts if fact.id in claim.cites]
    if claim.text.endswith(LABEL) or any(not f.user_controlled or f.source in ("telemetry", "registry") for f in cited):
        return claim
    return Claim(text=claim.text + LABEL, cites=claim.cites)


def _time_and_version_fault(text: str, cited: Cited) -> str | None:
    if not times_hold(read_times(text), cited.facts):
        return "gives a time that the cited facts do not"
    if not versions_hold(text, cited.facts):
        return "gives a version that the cited facts do not"
    return None


def _focus(clause: str, facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """The facts that a clause is about: those whose signal and entity it names best; all of them when it names none."""
    scores = [
        2 * bool(fact.signal and mentions(clause, fact.signal)) + bool(fact.entity and mentions(clause, fact.entity))
        for fact in facts
    ]
    best = max(scores, default=0)
    return tuple(f for f, score in zip(facts, scores, strict=True) if score == best) if best else tuple(facts)


def _clauses(text: str) -> list[str]:
    return [part for part in CLAUSES.split(text) if part and part.strip()]


def _number_fault(text: str, cited: Cited, names: frozenset[str]) -> str | None:
    versions = {bare(version) for fact in cited.facts for version in fact.versions}
    own_units = {numbers.dimension_of(fact.unit)[0] for fact in cited.facts if fact.unit}
    for clause in _clauses(text):
        facts = _focus(clause, cited.facts)
        rest = read_times(clause).rest
        for version in versions_in(rest):
            rest = rest.replace(version, " ")
        rest = numbers.spelled(blank_names(rest, names))
        found = numbers.quantities(rest, own_units=own_units)
        for quantity in found:
            if quantity.dimension == numbers.BARE and quantity.printed in versions:
                continue
            role = numbers.role_of(quantity, rest)
            if not any(numbers.supported(quantity, role, fact) for fact in facts):
                return "gives a number that the cited facts do not bear"
        for one, two in numbers.moves(rest, found):
            if {one.printed, two.printed} <= versions:
                continue
            if not any(numbers.move_holds(one, two, fact) for fact in facts):
                return "gives a movement that the cited facts do not bear"
        for factor in numbers.word_factors(rest):
            if not any(numbers.word_factor_holds(factor, fact) for fact in facts):
                return "gives a number that the cited facts do not bear"
    return None


def _direction_fault(text: str, cited: Cited) -> str | None:
    trusted = cited.text.lower()
    for clause in _clauses(text):
        facts = _focus(clause, cited.facts)
        known = frozenset[str]().union(*(direction_of(fact) for fact in facts))
        ways = directions_in(clause)
        if not ways <= known and not _repeats(clause, trusted, ways):
            return "gives a direction that the cited facts do not bear"
        if UP in ways and DOWN in ways and len(facts) == 1 and not _repeats(clause, trusted, ways):
            return "gives two directions for one value"
    return None


def _repeats(clause: str, trusted: str, ways: frozenset[str]) -> bool:
    """Whether the direction words stand in the cited facts just so, next to the same word: "a full disk went up"."""
    plain = NO_DIRECTION.sub(" ", clause.lower())
    for way in ways:
        for match in DIRECTION[way].finditer(plain):
            around = plain[max(0, match.start() - 14) : match.end()].split()[-2:]
            if " ".join(around) not in trusted:
                return False
    return True
