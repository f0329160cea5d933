"""Read quantities out of a sentence and hold them against the numbers of facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from math import inf, isfinite

from bot.domain.explanation import Fact
from bot.llm import vocabulary
from bot.llm.times import read_times
from bot.pipeline.phrasing import own_text

TOLERANCE = 0.02  # of the true value; writers round
ROUNDED = 0.035  # of the printed value: two digits of an integer, no fewer
BARE = ""  # the dimension of a number without a unit
RATIO, FACTOR, SIGMA, POINTS = "ratio", "factor", "sigma", "points"


def _units() -> dict[str, tuple[str, float]]:
    found: dict[str, tuple[str, float]] = {}
    groups: tuple[tuple[str, float, str], ...] = (
        ("s", 1e-9, "ns nanosecond nanoseconds"),
        ("s", 1e-6, "us \u00b5s microsecond microseconds"),
        ("s", 1e-3, "ms msec millisecond milliseconds"),
        ("s", 1.0, "s sec secs second seconds"),
        ("s", 60.0, "min mins minute minutes"),
        ("s", 3600.0, "h hr hrs hour hours"),
        ("s", 86400.0, "d day days"),
        (RATIO, 0.01, "% percent"),
        (RATIO, 1.0, "ratio fraction"),
        (POINTS, 0.01, "pp percentage-points point points"),
        (FACTOR, 1.0, "x \u00d7 times fold -fold"),
        (SIGMA, 1.0, "sigma sigmas \u03c3"),
        ("1/s", 1.0, "1/s /s req/s requests/s rps qps"),
        ("1/s", 1.0 / 60.0, "1/min /min req/min requests/min"),
    )
    for dimension, factor, words in groups:
        found.update(dict.fromkeys(words.split(), (dimension, factor)))
    for power, prefix in enumerate(("", "k", "m", "g", "t", "p")):
        for word in (f"{prefix}b", f"{prefix}bytes" if not prefix else ""):
            if word:
                found[word] = ("bytes", 1000.0**power)
                found[f"{word}/s"] = ("bytes/s", 1000.0**power)
        if prefix:
            found[f"{prefix}ib"] = ("bytes", 1024.0**power)
            found[f"{prefix}ib/s"] = ("bytes/s", 1024.0**power)
    found["byte"] = found["bytes"]
    return found


UNITS = _units()
SPELLED = (
    (re.compile(r"\bpercentage\s+points?\b", re.IGNORECASE), "pp"),
    (re.compile(r"\bpercent\b", re.IGNORECASE), "%"),
    (re.compile(r"\b(?:requests?|queries|calls|samples|messages|rows)?\s*per\s+second\b", re.IGNORECASE), "1/s"),
    (re.compile(r"\b(?:requests?|queries|calls|samples|messages|rows)?\s*per\s+minute\b", re.IGNORECASE), "1/min"),
    (re.compile(r"\bstandard\s+deviations?\b", re.IGNORECASE), "sigma"),
    (re.compile(r"\b(?:a\s+)?factor\s+of\s+(\d[\d.]*)", re.IGNORECASE), r"\1x"),
)
NUMBER = re.compile(
    r"(?<![\w.,])(?P<value>[+\-\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+\-]?\d+)?)(?![\d])"
    r"(?:(?P<gap>\s?)(?P<unit>1/(?:s|min)|[%\u00d7]|-?[A-Za-z\u00b5\u03c3/][A-Za-z0-9_/]*))?"
)
JOINS = re.compile(r"\s*(?:to|and|or|vs\.?|versus|\u2192|->|-|\u2013|from)\s*", re.IGNORECASE)
NAMELIKE = re.compile(r"\b[A-Za-z]\w*(?:[-./]\w+)*\d\w*(?:[-./]\w+)*")  # n-04 and p99 hold digits and no number
MOVEMENT = r"increase|decrease|drop|rise|fall|jump|growth|decline|difference|change|gain|loss|surge"
CHANGE_LEAD = re.compile(rf"\b(?:by|up|down|(?:{MOVEMENT}) of)\s+(?:about\s+|some\s+|roughly\s+|a\s+)?$", re.IGNORECASE)
CHANGE_TAIL = re.compile(rf"\s*(?:above|below|higher|lower|more|less|over|under|{MOVEMENT})\b", re.IGNORECASE)
SHARE_TAIL = re.compile(r"\s*of\b", re.IGNORECASE)
AFTER_LEAD = re.compile(
    r"\b(?:to|reach\w*|now|at|hitting|hit|present)\s+(?:about\s+|some\s+|roughly\s+)?$", re.IGNORECASE
)
BEFORE_LEAD = re.compile(
    r"\b(?:from|compared (?:to|with)|instead of|usually|usual|baseline|normally|against|versus|vs\.?|was|before)"
    r"[:\s]+(?:of\s+|its\s+|an?\s+|the\s+|about\s+|usual\s+|baseline\s+|at\s+)*$",
    re.IGNORECASE,
)
WORD_FACTORS = {
    "doubled": 2.0, "doubling": 2.0, "twice": 2.0, "twofold": 2.0, "tripled": 3.0, "threefold": 3.0,
    "quadrupled": 4.0, "fourfold": 4.0, "fivefold": 5.0, "tenfold": 10.0, "halved": 0.5, "halving": 0.5,
}  # fmt: skip
WORD_FACTOR = re.compile(r"\b(" + "|".join(WORD_FACTORS) + r")\b", re.IGNORECASE)
WORD_TOLERANCE = 0.1  # "doubled" is said of 1.9 and of 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number as a sentence states it."""

    value: float  # in the dimension's base unit: s, bytes, 1/s, plain ratio
    dimension: str  # "" when no unit was written; the unit itself when it is not a known one
    slack: float  # half of the last printed digit, in the base unit
    printed: str
    start: int
    end: int

    def close_to(self, truth: float) -> bool:
        """Within 2 % of the truth, or what printing the truth with so many digits gives."""
        return isfinite(truth) and abs(self.value - truth) <= max(TOLERANCE * abs(truth), self.slack * 1.0001)


def dimension_of(unit: str) -> tuple[str, float]:
    """The dimension of a fact's unit and its factor to the base unit; an unknown unit is its own dimension."""
    word = unit.strip().lower()
    return UNITS.get(word, (word, 1.0))


def spelled(text: str) -> str:
    """Write spelled-out units as symbols, so that one grammar reads both."""
    for pattern, symbol in SPELLED:
        text = pattern.sub(symbol, text)
    return text


def quantities(text: str, *, own_units: Iterable[str] = ()) -> list[Quantity]:
    """Every number of a sentence (already `spelled`, names and times blanked out), in order.

    own_units: units of facts that are not in the table, "req" or "rows", lower case.

    >>> [(round(q.value, 6), q.dimension) for q in quantities("rose from 120 to 900 ms, by 650 %")]
    [(0.12, 's'), (0.9, 's'), (6.5, 'ratio')]
    >>> [(q.value, q.dimension) for q in quantities("is full in 2 h 10 min")]
    [(7800.0, 's')]
    """
    own = set(own_units)
    found = [_quantity(match, own) for match in NUMBER.finditer(text)]
    for number in range(len(found) - 2, -1, -1):  # "from 120 to 900 ms": the first borrows the unit of the second
        here, there = found[number], found[number + 1]
        if here.dimension == BARE and there.dimension and JOINS.fullmatch(text[here.end : there.start]):
            factor = _factor(there)
            found[number] = Quantity(
                value=here.value * factor,
                dimension=there.dimension,
                slack=here.slack * factor,
                printed=here.printed,
                start=here.start,
                end=here.end,
            )
    return _spans(found, text)


def _spans(found: list[Quantity], text: str) -> list[Quantity]:
    """Join "2 h 10 min" into one quantity: a number of a smaller unit of time right behind one of a larger."""
    joined: list[Quantity] = []
    for here in found:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before.dimension == here.dimension == "s"
            and _factor(before) > _factor(here)
            and here.value < _factor(before)
            and not text[before.end : here.start].strip()
        ):
            joined[-1] = replace(
                before, value=before.value + here.value, slack=here.slack, printed=here.printed, end=here.end
            )
        else:
            joined.append(here)
    return joined


def _factor(quantity: Quantity) -> float:
    printed = float(quantity.printed)
    return quantity.value / printed if printed else 1.0


def _quantity(match: re.Match[str], own: set[str]) -> Quantity:
    printed = match["value"].replace(",", "").replace("\u2212", "-")
    unit = (match["unit"] or "").strip("-").lower()
    dimension, factor = UNITS.get(unit, (unit, 1.0) if unit in own else (BARE, 1.0))
    mantissa, _, exponent = printed.lower().partition("e")
    digits = len(mantissa.partition(".")[2])
    slack = 0.5 * 10.0 ** (int(exponent or 0) - digits)
    if not digits and not exponent:  # 1,461 is also written as 1,500
        zeros = len(mantissa) - len(mantissa.rstrip("0"))
        slack = max(slack, min(0.5 * 10.0**zeros, ROUNDED * abs(float(printed))))
    end = match.end() if dimension else match.end("value")
    return Quantity(
        value=float(printed) * factor,
        dimension=dimension,
        slack=slack * factor,
        printed=printed,
        start=match.start(),
        end=end,
    )


class Role(StrEnum):
    """What a sentence says that a number is."""

    LEVEL = "level"  # a value, usual or present
    BEFORE = "before"
    AFTER = "after"
    CHANGE = "change"  # "by 300 ms", "650 % above"
    SHARE = "share"  # "650 % of"


def role_of(quantity: Quantity, text: str) -> Role:
    """Read a number's role from the words around it."""
    lead, tail = text[: quantity.start], text[quantity.end :]
    if CHANGE_TAIL.match(tail) or CHANGE_LEAD.search(lead) or _after_movement(lead):
        return Role.CHANGE
    if quantity.dimension == RATIO and SHARE_TAIL.match(tail):
        return Role.SHARE
    if BEFORE_LEAD.search(lead):  # first: "usually at"
        return Role.BEFORE
    return Role.AFTER if AFTER_LEAD.search(lead) else Role.LEVEL


def _after_movement(lead: str) -> bool:
    """Whether a number follows a word of movement at once: "rose 300 ms"."""
    words = vocabulary.WORD.findall(lead[-30:])
    closed = lead.rstrip()[-1:].isalpha()
    return bool(words) and closed and words[-1].lower() in (vocabulary.UP | vocabulary.DOWN) - vocabulary.WEAK


def supported(quantity: Quantity, role: Role, fact: Fact) -> bool:
    """Whether a fact bears a number in its role: usual or present value, difference, ratio, percent change.

    A fact that measures nothing bears the numbers that code wrote into its sentence.
    """
    if fact.before is None or fact.after is None:
        known = [*_levels(fact, Role.LEVEL), *_told(fact)]
    elif quantity.dimension == FACTOR:
        known = list(_factors(fact.before, fact.after))
    elif role is Role.CHANGE:
        known = list(_changes(fact.before, fact.after, fact.unit))
    elif role is Role.SHARE:
        known = [*_levels(fact, Role.LEVEL), (RATIO, fact.after / fact.before if fact.before else inf)]
    else:
        known = list(_levels(fact, role))
    return any(dimension == quantity.dimension and quantity.close_to(value) for dimension, value in known)


def _levels(fact: Fact, role: Role) -> Iterator[tuple[str, float]]:
    dimension, factor = dimension_of(fact.unit)
    for value, asked in ((fact.before, Role.BEFORE), (fact.after, Role.AFTER)):
        if value is not None and role in (Role.LEVEL, asked):
            yield dimension, value * factor
            if _plain(dimension):
                yield BARE, value * factor


def _changes(before: float, after: float, unit: str) -> Iterator[tuple[str, float]]:
    dimension, factor = dimension_of(unit)
    difference = abs(after - before)
    yield dimension, difference * factor
    if _plain(dimension):
        yield BARE, difference * factor
    if dimension == RATIO:
        yield POINTS, difference
    if before:
        yield RATIO, difference / abs(before)


def _factors(before: float, after: float) -> Iterator[tuple[str, float]]:
    if before:
        yield FACTOR, after / before
    if after and after < before:
        yield FACTOR, before / after  # "fell by a factor of 3"


def _told(fact: Fact) -> Iterator[tuple[str, float]]:
    if fact.user_controlled:  # numbers that an outsider typed prove nothing
        return
    for quantity in quantities(NAMELIKE.sub(" ", spelled(read_times(own_text(fact)).rest))):
        yield quantity.dimension, quantity.value


def _plain(dimension: str) -> bool:
    """Whether people write the unit's values without a unit: ratios, scores, counts, and units of our own."""
    return dimension == RATIO or dimension not in {known for known, _ in UNITS.values()}


def moves(text: str, found: Iterable[Quantity]) -> Iterator[tuple[Quantity, Quantity]]:
    """Pairs that a sentence gives as "from A to B"."""
    listed = list(found)
    for one, two in pairwise(listed):
        lead = text[: one.start].rstrip().lower()
        if lead.endswith("from") and re.fullmatch(r"\s*(?:to|\u2192|->)\s*", text[one.end : two.start]):
            yield one, two


def move_holds(one: Quantity, two: Quantity, fact: Fact) -> bool:
    """Whether "from A to B" is this fact's usual value and present value, in that order."""
    if fact.before is None or fact.after is None:
        return False
    dimension, factor = dimension_of(fact.unit)
    fits = {one.dimension, two.dimension} <= ({dimension, BARE} if _plain(dimension) else {dimension})
    return fits and one.close_to(fact.before * factor) and two.close_to(fact.after * factor)


def word_factors(text: str) -> list[float]:
    return [WORD_FACTORS[match[1].lower()] for match in WORD_FACTOR.finditer(text)]


def word_factor_holds(factor: float, fact: Fact) -> bool:
    """Whether "doubled" is true of a fact."""
    if not fact.before or fact.after is None:
        return False
    return abs(fact.after / fact.before - factor) <= WORD_TOLERANCE * factor
