"""What came before what here, often enough to be told as an early warning."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.catalogue import Kind
from bot.domain.finding import Direction


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A kind of signal that leaves its usual range at an entity; what belongs to a model counts as the model's."""

    entity: str
    kind: Kind
    way: Direction  # NONE: not always to the same side


@dataclass(frozen=True, slots=True, kw_only=True)
class Precursor:
    """The second sign followed the first `followed` of `times` times; one is infrastructure's, the other a model's."""

    first: Sign
    second: Sign
    followed: int
    times: int
    lead_s: float  # seconds from the first to the second: the median,
    lead_low_s: float  # the lower quartile,
    lead_high_s: float  # the upper quartile,
    longest_s: float  # and the longest
    sure: float  # lower end of the 80 % interval of followed / times
    chance: float  # how likely the second begins in such a span anyway
