"""From scored recordings to the figures of docs/benchmarks.md, with intervals by resampling whole recordings. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from bot.bench.verdicts.matching import SIDES, Case, Guess, Trouble

BINS = 10
RESAMPLES = 400
FIRST_SUSPECTS = 5
Figure = Callable[[Sequence[Case]], float]


def troubles(cases: Iterable[Case]) -> list[Trouble]:
    return [trouble for case in cases for trouble in case.troubles]


def _share(hits: Sequence[bool]) -> float:
    return sum(hits) / len(hits) if hits else math.nan


def detected(cases: Sequence[Case]) -> float:
    return _share([one.guess is not None for one in troubles(cases)])


def side_right(trouble: Trouble, guess: Guess | None) -> bool:
    """Whether the side is named. `mixed` names the right side of a trouble that is one of two."""
    return guess is not None and guess.side in (trouble.side, "mixed")


def macro_f1(pairs: Sequence[tuple[Trouble, Guess | None]]) -> float:
    """F1 of model and of infrastructure, their mean; whoever abstains, or is not told, misses.

    NaN when there is no trouble of either side.
    """
    scores = []
    for side in SIDES:
        true = [(t, g) for t, g in pairs if t.side == side]
        hits = sum(side_right(t, g) for t, g in true)
        named = hits + sum(g is not None and g.side == side for t, g in pairs if t.side != side)
        if true:
            scores.append(2 * hits / (len(true) + named))
    return float(np.mean(scores)) if scores else math.nan


def f1(cases: Sequence[Case]) -> float:
    return macro_f1([(one, one.guess) for one in troubles(cases)])


def subcause(cases: Sequence[Case]) -> float:
    return _share([one.guess is not None and one.subcause in one.guess.subcauses for one in troubles(cases)])


def root_entity(cases: Sequence[Case]) -> float:
    return _share([one.guess is not None and one.guess.entity in one.entities for one in troubles(cases)])


def root_series(cases: Sequence[Case]) -> float:
    """Share of troubles with a root series among the first five suspects, of those whose root is watched."""
    return _share(
        [
            one.guess is not None and bool(set(one.guess.suspects[:FIRST_SUSPECTS]) & set(one.series))
            for one in troubles(cases)
            if one.series
        ]
    )


def calibration(cases: Sequence[Case]) -> float:
    """Expected calibration error of the side's probability, ten bins of equal width, over troubles that were told."""
    told = [(one, one.guess) for one in troubles(cases) if one.guess is not None]
    if not told:
        return math.nan
    sure = np.array([max(guess.model, 1 - guess.model) for _, guess in told])
    right = np.array([(guess.model > 0.5) == (one.side == "model") for one, guess in told])
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    apart = [
        np.sum(place == number) * abs(sure[place == number].mean() - right[place == number].mean())
        for number in range(BINS)
        if (place == number).any()
    ]
    return float(np.sum(apart) / len(told))


def incidents_a_trouble(cases: Sequence[Case]) -> float:
    counts = [float(one.incidents) for one in troubles(cases) if one.incidents]
    return float(np.mean(counts)) if counts else math.nan


def false_a_day(cases: Sequence[Case]) -> float:
    days = sum(case.days for case in cases)
    return sum(case.false for case in cases) / days if days else math.nan


def delay(cases: Sequence[Case]) -> float:
    late = [one.delay_ticks for one in troubles(cases) if one.delay_ticks is not None]
    return float(np.median(late)) if late else math.nan


def messages(cases: Sequence[Case]) -> float:
    counts = [count for case in cases for count in case.messages]
    return float(np.mean(counts)) if counts else math.nan


def most_messages(cases: Sequence[Case]) -> float:
    return float(max((count for case in cases for count in case.messages), default=0))


def speed(cases: Sequence[Case]) -> float:
    seconds = sum(case.seconds for case in cases)
    return sum(case.samples for case in cases) / seconds if seconds else math.nan


FIGURES: Mapping[str, Figure] = {
    "detected": detected,
    "macro-F1 of the side": f1,
    "subcause": subcause,
    "root entity": root_entity,
    "root series in the first five": root_series,
    "calibration error": calibration,
    "incidents a trouble": incidents_a_trouble,
    "false incidents a day": false_a_day,
    "median delay, ticks": delay,
    "messages an incident": messages,
}


def interval(cases: Sequence[Case], figure: Figure, *, seed: int = 0) -> list[float]:
    """2.5 and 97.5 centile of a figure over recordings drawn with replacement. Empty when it has no value."""
    rng = np.random.default_rng(seed)
    values = [figure([cases[int(i)] for i in rng.integers(len(cases), size=len(cases))]) for _ in range(RESAMPLES)]
    known = [value for value in values if math.isfinite(value)]
    return [_round(float(v)) for v in np.quantile(known, (0.025, 0.975))] if known else []


def _round(value: float) -> float:
    return round(value, 3)


def _number(value: float) -> float | None:
    return _round(value) if math.isfinite(value) else None


def shuffled(cases: Sequence[Case], *, seed: int = 0) -> float:
    """Macro-F1 of the side when the truths are dealt anew among the troubles: what knowing nothing earns."""
    rng = np.random.default_rng(seed)
    found = troubles(cases)
    scores = []
    for _ in range(RESAMPLES // 4):
        order = rng.permutation(len(found))
        scores.append(macro_f1([(found[int(i)], one.guess) for i, one in zip(order, found, strict=True)]))
    return float(np.mean(scores)) if scores else math.nan


def table(cases: Sequence[Case]) -> dict[str, Any]:
    """Every figure with its interval, the plain rules beside them, and each family alone."""
    found = troubles(cases)
    rules = sorted({name for one in found for name in one.others})
    families: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        families[case.family].append(case)
    return {
        "recordings": len(cases),
        "troubles": len(found),
        "days": round(sum(case.days for case in cases), 1),
        "series, median": float(np.median([case.series for case in cases])) if cases else None,
        **{name: {"is": _number(of(cases)), "95%": interval(cases, of)} for name, of in FIGURES.items()},
        "most messages of one incident": most_messages(cases),
        "samples a second": round(speed(cases)) if cases and math.isfinite(speed(cases)) else None,
        "macro-F1 of plain rules": {
            rule: _number(macro_f1([(one, one.others.get(rule)) for one in found])) for rule in rules
        },
        "subcause of plain rules": {
            rule: _number(_share([rule in t.others and t.subcause in t.others[rule].subcauses for t in found]))
            for rule in rules
        },
        "root entity of plain rules": {
            rule: _number(_share([rule in t.others and t.others[rule].entity in t.entities for t in found]))
            for rule in rules
        },
        "macro-F1 with the truths shuffled": _number(shuffled(cases)),
        "families": {name: _line(of) for name, of in sorted(families.items())},
    }


def _line(cases: Sequence[Case]) -> dict[str, Any]:
    found = troubles(cases)
    return {
        "recordings": len(cases),
        "troubles": len(found),
        "detected": sum(one.guess is not None for one in found),
        "side": sum(side_right(one, one.guess) for one in found),
        "subcause": sum(one.guess is not None and one.subcause in one.guess.subcauses for one in found),
        "root entity": sum(one.guess is not None and one.guess.entity in one.entities for one in found),
        "false": sum(case.false for case in cases),
    }
