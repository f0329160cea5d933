"""The ledger of a stored verdict for a terminal: each line with its weight and the running sum, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import exp, log
from typing import Any

from bot.domain.verdict import Cause, Ledger, Reasoning, Verdict
from bot.pipeline.phrasing import MAX_NAME, MAX_TEXT, clean
from bot.pipeline.weights import RULES, SETTLED
from bot.pipeline.words import strength_word, subcause_text

MAX_ODDS = 1e6  # beyond, the number says no more than "far"
SIDES = {Cause.MODEL: "the model", Cause.INFRASTRUCTURE: "the infrastructure", Cause.MIXED: "both at once"}


def why_lines(verdict: Verdict) -> Iterator[str]:
    """Say how the verdict came about, for a person. Nothing in it can move a terminal's cursor."""
    if verdict.ledgers:
        yield "The ledger, in nats: 0.7 doubles the odds, 2.3 makes them tenfold."
        for ledger in verdict.ledgers:
            yield ""
            yield from _ledger_lines(ledger)
        yield ""
        yield from outcome_lines(verdict)
        yield ""
        yield from _rule_lines(verdict.ledgers)
    elif verdict.candidates:
        yield "The version that judged this kept no ledger, only what separates the two sides:"
        yield from (f"  {_reason(line)}" for line in verdict.reasoning)
    else:
        yield "No hypothesis was weighed."
    if verdict.candidates:
        yield ""
        yield "Candidates, of all that were weighed:"
        for one in verdict.candidates:
            yield f"  {one.probability:7.1%}  {clean(subcause_text(one.subcause, one.entity), limit=MAX_TEXT)}"
    yield ""
    yield f"What would settle it: {clean(verdict.settle, limit=MAX_TEXT) or 'nothing more is needed'}"


def _ledger_lines(ledger: Ledger) -> Iterator[str]:
    shape = f" ({ledger.shape})" if ledger.shape else ""
    yield f"For {SIDES[ledger.cause]}: {hypothesis_text(ledger)}{shape}"
    yield f"  {'weight':>7} {'sum':>7}"
    start = log(ledger.prior)
    yield f"  {start:+7.2f} {start:+7.2f}  prior: {ledger.prior:.1%} of all troubles"
    for line, total in zip(ledger.lines, _sums(ledger), strict=True):
        note = f" [{line.note}]" if line.note else ""
        yield f"  {line.weight:+7.2f} {total:+7.2f}  {line.kind}: {clean(line.text, limit=MAX_TEXT)}{note}"


def hypothesis_text(ledger: Ledger) -> str:
    """Name what a ledger is about."""
    if len(ledger.subcauses) > 1:
        return " and ".join(one.replace("_", " ") for one in ledger.subcauses)
    return clean(subcause_text(ledger.subcauses[0], ledger.entity), limit=MAX_NAME * 2)


def _sums(ledger: Ledger) -> list[float]:
    """Return the running sum after each line, in nats."""
    return list(accumulate((line.weight for line in ledger.lines), initial=log(ledger.prior)))[1:]


def outcome_lines(verdict: Verdict) -> Iterator[str]:
    """From scores to a side: best against best, then all hypotheses of each side together."""
    single = {one.cause: one for one in verdict.ledgers if one.cause is not Cause.MIXED}
    both = next((one for one in verdict.ledgers if one.cause is Cause.MIXED), None)
    if len(single) == 2:
        first, second = single.values()
        odds = odds_text(first.score - second.score)
        yield f"Best against best: {first.score:+.2f} to {second.score:+.2f}, odds of {odds} for {SIDES[first.cause]}"
    for cause, one in single.items():
        several = f"{one.weighed} hypotheses" if one.weighed > 1 else "1 hypothesis"
        yield f"All {several} for {SIDES[cause]}: {one.side:.1%}, of which this one has {one.probability:.1%}"
    if both is not None:
        yield f"Both at once score {both.score:+.2f}: they explain so much more together that both are named"
    elif verdict.cause is Cause.UNDETERMINED:
        yield f"No side is named: it takes {SETTLED:.0%}, and all signals that the verdict rests on must be readable"
    else:
        yield f"A side is named from {SETTLED:.0%}: it is {SIDES[verdict.cause]}, at {verdict.probability:.1%}"


def odds_text(nats: float) -> str:
    """Write the odds that a difference of scores makes.

    >>> odds_text(2.3), odds_text(0.1), odds_text(-2.3), odds_text(40.0)
    ('10 to 1', '1.1 to 1', '1 to 10', 'more than 1,000,000 to 1')
    """
    if abs(nats) > log(MAX_ODDS):
        far = f"more than {MAX_ODDS:,.0f}"
    else:
        ratio = exp(abs(nats))
        far = f"{ratio:,.0f}" if ratio >= 9.5 else f"{ratio:.1f}".removesuffix(".0")
    return f"{far} to 1" if nats >= 0 else f"1 to {far}"


def _rule_lines(ledgers: Sequence[Ledger]) -> Iterator[str]:
    """What each kind of line in these ledgers is worth by rule, and why."""
    used = {line.kind for ledger in ledgers for line in ledger.lines}
    yield "The rules used:"
    for rule in RULES:
        if rule.kind in used:
            yield f"  {rule.kind}: {rule.evidence}: {rule.worth.replace('`', '')}. Why: {rule.reason}"


def _reason(line: Reasoning) -> str:
    side = SIDES[Cause.MODEL if line.weight > 0 else Cause.INFRASTRUCTURE]
    return f"{abs(line.weight):.2f} for {side}, {strength_word(line.weight)}: {clean(line.text, limit=MAX_TEXT)}"


def why_json(verdict: Verdict) -> dict[str, Any]:
    """Give the same as plain values for a program. Nats and probabilities are numbers, nothing is rounded further."""
    return {
        "ledgers": [
            {
                "side": ledger.cause.value,
                "hypothesis": hypothesis_text(ledger),
                "subcauses": [one.value for one in ledger.subcauses],
                "entity": ledger.entity,
                "shape": ledger.shape,
                "prior": ledger.prior,
                "prior_nats": round(log(ledger.prior), 3),
                "lines": [
                    {
                        "kind": line.kind,
                        "text": line.text,
                        "nats": line.weight,
                        "sum": round(total, 3),
                        "note": line.note,
                    }
                    for line, total in zip(ledger.lines, _sums(ledger), strict=True)
                ],
                "score": ledger.score,
                "probability": ledger.probability,
                "side_probability": ledger.side,
                "weighed": ledger.weighed,
            }
            for ledger in verdict.ledgers
        ],
        "rules": [
            {"kind": rule.kind, "evidence": rule.evidence, "worth": rule.worth, "reason": rule.reason} for rule in RULES
        ],
    }
