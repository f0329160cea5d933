"""The ledger of a verdict: how the best hypothesis of each side came to its score, line by line, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log
from typing import Protocol

from bot.domain.verdict import Cause, Ledger, LedgerLine, Reasoning, Subcause
from bot.pipeline.phrasing import clean
from bot.pipeline.weigh import Hypothesis, Weigher
from bot.pipeline.weights import MIXED_PENALTY
from bot.pipeline.words import note_text, subcause_text, term_text

MAX_LINES = 60  # a hypothesis; the rest is summed, so that a row of the store stays small however much is watched
MAX_LINE = 200  # characters; names and labels come from outside and may be long


class Scored(Protocol):
    """A hypothesis with its score, as the classifier holds it."""

    @property
    def hypothesis(self) -> Hypothesis: ...
    @property
    def terms(self) -> Mapping[tuple[str, str], float]: ...
    @property
    def score(self) -> float: ...
    @property
    def cause(self) -> Cause: ...
    @property
    def subcause(self) -> Subcause: ...
    @property
    def entity(self) -> str: ...


def ledgers(
    scored: Sequence[Scored], shares: Sequence[float], pair: tuple[Scored, Scored] | None, weigher: Weigher
) -> tuple[Ledger, ...]:
    """Write down the best hypothesis of each side, the likelier first; of a mixed verdict, its two and both together.

    scored: all hypotheses, the best first.
    shares: their probabilities, in the same order.
    pair:   the two causes of a mixed verdict.
    """
    chosen = pair or tuple(
        best
        for side in (Cause.MODEL, Cause.INFRASTRUCTURE)
        if (best := next((s for s in scored if s.cause is side), None))
    )
    by_score = sorted(chosen, key=scored.index)
    found = [_ledger(one, scored, shares, weigher) for one in by_score]
    if pair is not None:
        found.append(_together(*pair, scored[0].score, weigher))
    return tuple(found)


def _ledger(one: Scored, scored: Sequence[Scored], shares: Sequence[float], weigher: Weigher) -> Ledger:
    side = [share for other, share in zip(scored, shares, strict=True) if other.cause is one.cause]
    signature = one.hypothesis.signature
    return Ledger(
        cause=one.cause,
        subcauses=(one.subcause,),
        entity=one.entity,
        shape=signature.name,
        prior=one.hypothesis.prior,
        lines=_bounded([_line(about, one, weigher) for about in one.terms]),
        score=round(one.score, 3),
        probability=round(shares[scored.index(one)], 4),
        side=round(sum(side), 4),
        weighed=len(side),
    )


def _line(about: tuple[str, str], one: Scored, weigher: Weigher) -> LedgerLine:
    weight, hypothesis = one.terms[about], one.hypothesis
    hops = weigher.reach(one.entity, hypothesis.signature).get(about[1].rpartition(":")[0], 0)
    text = term_text(about, hypothesis, weigher.places, weigher.foremost(hypothesis), weight=weight)
    return LedgerLine(
        kind=about[0],
        text=clean(text, limit=MAX_LINE),
        weight=round(weight, 3),
        note=note_text(about, hypothesis, weigher.places, weight=weight, hops=hops),
    )


def _bounded(lines: Sequence[LedgerLine]) -> tuple[LedgerLine, ...]:
    """Sort them, the heaviest first, and sum what is too much to keep."""
    ranked = sorted(lines, key=lambda line: (-abs(line.weight), line.text))
    if len(ranked) <= MAX_LINES:
        return tuple(ranked)
    kept, rest = ranked[: MAX_LINES - 1], ranked[MAX_LINES - 1 :]
    summed = LedgerLine(
        kind="rest", text=f"{len(rest)} smaller lines together", weight=round(sum(line.weight for line in rest), 3)
    )
    return (*kept, summed)


def _together(one: Scored, two: Scored, alone: float, weigher: Weigher) -> Ledger:
    """Two causes at once: what both explain is counted once, and that there are two costs something.

    alone: the score of the best single hypothesis.
    """
    both = {about for about in one.terms if about in two.terms and about[0] == "moved"}
    shared = sum(min(one.terms[about], two.terms[about]) for about in both)
    prior = one.hypothesis.prior * two.hypothesis.prior
    more = log(max(2, len(weigher.places)))
    lines = [
        LedgerLine(
            kind="alone",
            text=clean(f"what speaks for {subcause_text(s.subcause, s.entity)}", limit=MAX_LINE),
            weight=round(sum(s.terms.values()), 3),
        )
        for s in (one, two)
    ]
    if shared > 0.0:
        lines.append(LedgerLine(kind="shared", text="what either would explain counts once", weight=-round(shared, 3)))
    lines.append(
        LedgerLine(
            kind="mixed",
            text="two troubles at once are rare",
            weight=-MIXED_PENALTY,
            note=f"both are named only above {alone + more:.2f}, which is the best alone and {more:.2f}",
        )
    )
    return Ledger(
        cause=Cause.MIXED,
        subcauses=(one.subcause, two.subcause),
        entity=one.entity,
        shape="",
        prior=prior,
        lines=tuple(lines),
        score=round(log(prior) + sum(line.weight for line in lines), 3),
        probability=0.0,
        side=0.0,
        weighed=1,
    )


def heaviest(lines: Sequence[Reasoning], limit: int) -> tuple[Reasoning, ...]:
    """Keep the heaviest lines, and the heaviest of either side among them however light it is.

    limit: how many; at least 2.
    """
    ranked = sorted(lines, key=lambda line: (-abs(line.weight), line.text))
    kept, rest = ranked[:limit], ranked[limit:]
    lonely = bool(kept) and len({line.weight > 0 for line in kept}) == 1
    other = next((line for line in rest if (line.weight > 0) != (kept[0].weight > 0)), None) if lonely else None
    return tuple(kept if other is None else [*kept[:-1], other])
