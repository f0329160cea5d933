"""The explanation that needs no language model: the same facts, told in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from bot.domain.explanation import Claim, EvidencePack, Explanation, Fact, Hypothesis
from bot.domain.verdict import Cause
from bot.llm.checks import checks_for, sentences
from bot.llm.verifier import MAX_CLAIM, labelled
from bot.pipeline.evidence import cause_of
from bot.pipeline.phrasing import QUOTE, own_text

AUTHOR = "template"
MAX_CLAIMS = 5


def explain(pack: EvidencePack, *, note: str = "") -> Explanation:
    """Say what is going on, what most likely caused it, what speaks against that, and what to look at next.

    The same pack gives the same words, and every claim passes the verifier.
    """
    cause = cause_of(pack)
    named = settled(pack)
    chosen = next((hypothesis for hypothesis in pack.hypotheses if named and hypothesis.id == named[0]), None)
    claims = tuple(labelled(claim, pack) for claim in _claims(pack, cause, chosen))[:MAX_CLAIMS]
    return Explanation(
        incident_id=pack.incident_id,
        hypothesis_id=chosen.id if chosen is not None else None,
        claims=claims,
        facts=cited_facts(pack, claims),
        next_checks=sentences(checks_for(pack)),
        author=AUTHOR,
        note=note,
    )


def cited_facts(pack: EvidencePack, claims: Iterable[Claim]) -> tuple[Fact, ...]:
    """The facts a reader needs to follow the claims, without what somebody typed: the evidence quotes that."""
    cited = {cite for claim in claims for cite in claim.cites}
    return tuple(_without_quote(fact) for fact in pack.facts if fact.id in cited)


def settled(pack: EvidencePack) -> tuple[str, ...]:
    """Ids of the hypotheses that the verdict settled on: one, two when mixed, none when undetermined."""
    named = {Cause.MIXED: 2, Cause.UNDETERMINED: 0}.get(cause_of(pack), 1)
    return tuple(h.id for h in pack.hypotheses[:named] if h.subcause is not None)


def _without_quote(fact: Fact) -> Fact:
    if QUOTE not in fact.text:
        return fact
    return replace(fact, text=own_text(fact))


def _claims(pack: EvidencePack, cause: Cause, chosen: Hypothesis | None) -> Iterator[Claim]:
    measured = [f for f in pack.facts if f.source == "telemetry" and f.signal]
    yield from _seen(measured, chosen)
    yield from _likely(pack, cause, chosen)
    if cause is not Cause.MIXED:  # there, what speaks against the one speaks for the other
        yield from _against(pack, chosen)
    yield from _advice(pack)


def _claim(text: str, cites: Sequence[str]) -> Iterator[Claim]:
    """One claim, or none when names make it too long to be read."""
    if len(text) + 1 <= MAX_CLAIM:
        yield Claim(text=text if text.endswith(".") else f"{text}.", cites=tuple(dict.fromkeys(cites)))


def _seen(measured: Sequence[Fact], chosen: Hypothesis | None) -> Iterator[Claim]:
    """The root's own sign, and the first sign elsewhere."""
    if not measured:
        return
    root = next((f for f in measured if chosen is not None and f.entity == chosen.entity), measured[0])
    yield from _claim(own_text(root), [root.id])
    other = next((f for f in measured if f.entity != root.entity), None)
    if other is not None:
        yield from _claim(own_text(other), [other.id])


def _first(pack: EvidencePack, fits: Callable[[Fact], bool]) -> Fact | None:
    return next((fact for fact in pack.facts if fits(fact)), None)


def _likely(pack: EvidencePack, cause: Cause, chosen: Hypothesis | None) -> Iterator[Claim]:
    weighed = _first(pack, lambda f: f.text.startswith("The evidence weighs "))
    if weighed is None:
        return
    if chosen is None:
        settle = _first(pack, lambda f: f.text.startswith("What would settle it: "))
        yield from _claim("The evidence does not settle the cause", [weighed.id])
        if settle is not None:
            yield from _claim(own_text(settle), [settle.id])
        return
    roots = [f.id for f in pack.facts if f.id in chosen.supporting and f.source != "verdict"][:2]
    if cause is Cause.MIXED and len(pack.hypotheses) > 1:
        second = pack.hypotheses[1]
        other = [f.id for f in pack.facts if f.id in second.supporting and f.source != "verdict"][:2]
        text = f"Two causes are likely at once: {chosen.text} and {second.text}"
        yield from _claim(text, _bearing(pack, (chosen, second), [*roots, *other, weighed.id]))
        return
    told = own_text(weighed)[0].lower() + own_text(weighed)[1:]
    yield from _claim(f"The likely cause is {chosen.text}; {told}", _bearing(pack, (chosen,), [*roots, weighed.id]))
    change = _first(pack, lambda f: f.id in chosen.supporting and f.source in ("changes", "registry"))
    order = _first(pack, lambda f: " began " in f.text and f.source == "telemetry")
    support = change or order
    if support is not None:
        said = f"Shortly before the onset: {own_text(support)}" if change else own_text(support)
        yield from _claim(said, [support.id])


def _bearing(pack: EvidencePack, causes: Iterable[Hypothesis], cites: Sequence[str]) -> list[str]:
    """Citations that name every entity of the causes: a root that shows no sign itself is named by its relations."""
    found = list(cites)
    texts = {fact.id: f"{fact.entity} {own_text(fact)}" for fact in pack.facts}
    for cause in causes:
        if cause.entity and not any(cause.entity in texts[cite] for cite in found):
            found += [fact.id for fact in pack.facts if cause.entity in texts[fact.id]][:1]
    return found


def _against(pack: EvidencePack, chosen: Hypothesis | None) -> Iterator[Claim]:
    if chosen is None:
        return
    fact = _first(pack, lambda f: f.id in chosen.contradicting and not f.user_controlled)
    if fact is not None:
        said = own_text(fact)
        yield from _claim(f"Against it: {said.partition(': ')[2] or said}", [fact.id])


def _advice(pack: EvidencePack) -> Iterator[Claim]:
    fact = _first(pack, lambda f: f.source == "verdict" and "rollback" in f.text.lower().partition(":")[0])
    if fact is not None:
        yield from _claim(own_text(fact), [fact.id])
