"""A detector's complaint about one series, with the numbers a person needs to agree or disagree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType

from bot.domain.model_quality import Attribution
from bot.domain.series import SeriesKey

Fingerprint = NewType("Fingerprint", str)


class FindingKind(StrEnum):
    """How a series misbehaves."""

    LEVEL = "level"  # away from where it should be, at this time of day
    SHIFT = "shift"  # a smaller move that lasts
    NOVEL = "novel"  # where it was never seen at this time of day
    SPREAD = "spread"  # as often above as below, but wilder than it used to be
    GAP = "gap"  # used to report, and is silent
    BLIND = "blind"  # a whole source is silent
    LOG = "log"  # a window of the prediction log, judged as a whole


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"
    NONE = "none"  # gaps and blind spots


class Shape(StrEnum):
    """What a departure looks like since its onset."""

    STEP = "step"
    RAMP = "ramp"  # it still grows
    SPIKE = "spike"  # a sample or two
    SPREAD = "spread"  # to both sides


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What a closer look at the series of a finding tells, as of the last look; the interval only narrows."""

    at: datetime  # of the last look
    shape: Shape
    earliest: datetime | None = None  # 95 % interval of the onset, which holds it; None: not known
    latest: datetime | None = None
    pace: float | None = None  # of a ramp, in `unit` an hour, signed
    limit_at: datetime | None = None  # when a ramp reaches what it cannot pass, at that pace; None: not soon, or never
    alike: datetime | None = None  # when an earlier episode of the series that looked alike was opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """How the prediction log came to say so: what people ask before they believe it."""

    path: str  # which of the ways to see trouble spoke, as in `QualityPath`
    what: str  # one sentence; holds names from outside
    rule: str  # with its numbers, so that it can be done again
    profile: str  # id of the reference it was compared with
    version: str  # empty: the log does not tell
    n: int  # rows, or labels, it rests on
    until: datetime | None  # end of the window that was judged
    labels: str = ""  # how many there are and how old they are; empty where the path needs none
    blind: str = ""  # what this path cannot see
    split: tuple[Attribution, ...] = ()  # of a drop: who is asking changed, or the model did


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The numbers a person needs to agree or disagree with a finding."""

    observed: float  # in `unit`; NaN for a gap
    expected: float  # in `unit`, the centre of the baseline before the trouble
    scale: float  # in `unit`, one robust sigma of the baseline
    z: float  # signed departure in sigmas, now
    peak_z: float  # signed, the largest since the onset
    unit: str  # "ms", "1/s", "ratio"
    window_s: float  # seconds of data judged
    course: Course | None = None  # of gaps and blind spots there is none, nor in what earlier versions stored
    account: Account | None = None  # only of what a prediction log tells


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    key: SeriesKey
    kind: FindingKind
    direction: Direction
    worse: bool  # the catalogue calls this direction worse, or does not say
    onset: datetime  # when the change began, as estimated
    detected: datetime  # the tick that saw it first
    evidence: Evidence
    because: str = ""  # only for blind spots: what the source said

    @property
    def fingerprint(self) -> Fingerprint:
        return fingerprint_of(self.key, gap=self.kind in (FindingKind.GAP, FindingKind.BLIND))


def fingerprint_of(key: SeriesKey, *, gap: bool) -> Fingerprint:
    """Hash what is wrong with what: the series and whether it deviates or is silent.

    Numbers, times and generated text stay out, so that the same trouble has the same name tomorrow.
    """
    return Fingerprint(_digest((key.signal, key.entity, *(f"{k}={v}" for k, v in key.labels), "gap" if gap else "off")))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
