"""How facts are written: outside text made plain and marked, numbers with their unit."""

from __future__ import annotations

import unicodedata
from math import isfinite

from bot.domain.explanation import Fact

# 30 facts of 260 characters and their fields stay below 6,000 tokens at 3 characters a token.
MAX_TEXT = 260
MAX_NAME = 80
MAX_QUOTE = 120
QUOTE = "; written there: \u201c"  # what follows was typed by somebody; readers of a pack may cut it off here
BYTES = frozenset({"b", "byte", "bytes"})
STEPS = ((1.0, "B"), (1e3, "kB"), (1e6, "MB"), (1e9, "GB"), (1e12, "TB"))  # as disks are sold
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def clean(text: str, *, limit: int) -> str:
    """Keep what a reader would see, on one line; a cut is visible."""
    spaced = " ".join("".join(" " if unicodedata.category(c) in UNSEEN else c for c in text).split())
    return spaced if len(spaced) <= limit else spaced[: limit - 1] + "\u2026"


def own_text(fact: Fact) -> str:
    """The part of a fact's sentence that code wrote, without what somebody typed.

    >>> own_text(Fact(id="E1", text="deploy of a; written there: “x”", source="changes", entity="a"))
    'deploy of a'
    """
    return fact.text.partition(QUOTE)[0]


def amount(value: float, unit: str) -> str:
    """Write a measured value with four significant digits.

    >>> amount(0.34, "ratio"), amount(900.0, "ms"), amount(48211.0, "1/s"), amount(3.2e9, "bytes")
    ('34 %', '900 ms', '48,210 1/s', '3.2 GB')
    """
    if unit == "ratio":
        return f"{_digits(value * 100)} %"
    if unit.lower() in BYTES:
        step = next((s for s in reversed(STEPS) if abs(value) >= s[0]), STEPS[0])
        return f"{_digits(value / step[0])} {step[1]}"
    return f"{_digits(value)} {clean(unit, limit=20)}".rstrip()


def with_quote(said: str, quoted: str) -> str:
    said = clean(said, limit=MAX_TEXT)
    words = clean(quoted, limit=MAX_QUOTE).replace("\u201c", '"').replace("\u201d", '"')
    return f"{said}{QUOTE}{words}\u201d" if words else said


def _digits(value: float) -> str:
    if value == 0 or not isfinite(value):
        return "0" if value == 0 else "no value"
    rounded = float(f"{value:.4g}")
    if abs(rounded) < 1e-4 or abs(rounded) >= 1e15:
        return f"{rounded:.3e}"
    text = f"{rounded:,.8f}".rstrip("0").rstrip(".")
    return text or "0"
