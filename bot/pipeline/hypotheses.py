"""The closed list of causes that an explanation may choose from, each with the facts for and against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.domain.catalogue import Catalogue
from bot.domain.explanation import Fact, Hypothesis
from bot.domain.verdict import Candidate, Cause, Subcause, Verdict
from bot.pipeline.phrasing import MAX_NAME, clean
from bot.pipeline.signatures import SIGNATURES
from bot.pipeline.words import subcause_text

MAX_HYPOTHESES = 6  # "none of these" included
EXPLAINS = 0.3  # of a signature: below this a movement is no sign of the cause


def hypotheses_of(verdict: Verdict | None, facts: Sequence[Fact], catalogue: Catalogue) -> tuple[Hypothesis, ...]:
    """The verdict's candidates, those it names first, and "none of these". The list is closed."""
    candidates = list(verdict.candidates) if verdict is not None else []
    named = list(verdict.subcauses) if verdict is not None else []
    chosen: list[Candidate] = []
    for subcause in named:  # a mixed verdict names two, of which one may rank low alone
        chosen += [next(iter(_matching(candidates, subcause, verdict, chosen)), _missing(subcause, verdict))]
    rest = [candidate for candidate in candidates if candidate not in chosen]
    found = []
    for number, candidate in enumerate([*chosen, *rest][: MAX_HYPOTHESES - 1], start=1):
        entity = clean(candidate.entity, limit=MAX_NAME)
        mixed = verdict is not None and verdict.cause is Cause.MIXED and number <= len(chosen)
        supporting, contradicting = _bearing(candidate, facts, catalogue)
        found.append(
            Hypothesis(
                id=f"H{number}",
                subcause=candidate.subcause,
                entity=entity,
                text=subcause_text(candidate.subcause, entity),
                supporting=supporting,
                contradicting=contradicting,
                # both causes of a mixed verdict hold at once, though only one could hold alone
                score=max(candidate.probability, 0.5) if mixed else candidate.probability,
            )
        )
    left = round(max(0.0, 1.0 - sum(candidate.probability for candidate in candidates)), 4)
    none = Hypothesis(
        id=f"H{len(found) + 1}",
        subcause=None,
        entity="",
        text="none of these",
        supporting=(),
        contradicting=(),
        score=left,
    )
    return (*found, none)


def _matching(
    candidates: Iterable[Candidate], subcause: Subcause, verdict: Verdict | None, taken: Sequence[Candidate]
) -> list[Candidate]:
    fitting = [c for c in candidates if c.subcause is subcause and c not in taken]
    root = verdict.entity if verdict is not None else ""
    return sorted(fitting, key=lambda c: c.entity != root)


def _missing(subcause: Subcause, verdict: Verdict | None) -> Candidate:
    entity = verdict.entity if verdict is not None and verdict.cause is not Cause.MIXED else ""
    return Candidate(cause=subcause.cause, subcause=subcause, entity=entity, probability=0.0)


def _bearing(
    candidate: Candidate, facts: Sequence[Fact], catalogue: Catalogue
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which facts speak for a candidate, and which against it."""
    reach = catalogue.downstream(candidate.entity) if candidate.entity else {}
    supporting, contradicting = [], []
    for fact in facts:
        match _bears(fact, candidate, reach.get(fact.entity), catalogue):
            case True:
                supporting.append(fact.id)
            case False:
                contradicting.append(fact.id)
            case _:
                pass
    return tuple(supporting), tuple(contradicting)


def _bears(fact: Fact, candidate: Candidate, hops: int | None, catalogue: Catalogue) -> bool | None:
    """True: speaks for it. False: against it. None: neither."""
    own_side = "the model" if candidate.cause is Cause.MODEL else "infrastructure"
    if fact.text.startswith("Speaks for "):
        if hops is None and fact.entity != candidate.entity:
            return None
        return fact.text.startswith(f"Speaks for {own_side}")
    if fact.source in ("changes", "registry"):
        wanted = {kind for s in SIGNATURES if s.subcause is candidate.subcause for kind in (s.change | s.helps)}
        said = any(fact.text.startswith(kind.replace("_", " ")) for kind in wanted)
        return True if said and fact.entity == candidate.entity else None
    signal = catalogue.signal.get(fact.signal)
    if fact.source != "telemetry" or signal is None or hops is None:
        return None
    if candidate.subcause is Subcause.TELEMETRY_LOSS:
        return True if fact.after is None else None
    shapes = [s for s in SIGNATURES if s.subcause is candidate.subcause]
    chances = [(s.own if hops == 0 else s.downstream).get(signal.kind, 0.0) for s in shapes]
    return True if max(chances, default=0.0) >= EXPLAINS else None
