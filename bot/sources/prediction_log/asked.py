"""What is to be counted of a log, and what each row says as expressions: the score, the answer, its slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from bot.domain.prediction_log import (
    BESIDE,
    Grid,
    Problem,
    Profile,
    Stretch,
)
from bot.sources.prediction_log.encode import (
    UNSEEN,
    Expression,
    class_text,
    code,
    number,
)
from bot.sources.prediction_log.rows import Place, numbered
from bot.sources.warehouse import Type

SPREAD = 4_000  # codes of one column lie within this of each other: categories are capped far below
OFFSET = 10  # makes the negative codes of a column positive
MOST_IDS = 5_000_000  # rows of one answer above which ids are not compared: that alone would cost more than the rest
NO_CLASS = -1

Key = tuple[int, str]  # number of the stretch, version


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be counted, and of which rows."""

    place: Place
    profile: Profile
    stretch: Stretch
    start: datetime | None
    end: datetime | None
    version: str | None
    now: datetime

    def rows(self) -> sa.Subquery:
        return numbered(self.place, stretch=self.stretch, start=self.start, end=self.end, version=self.version)

    @property
    def regression(self) -> bool:
        return self.profile.problem is Problem.REGRESSION


def no_joint(profile: Profile) -> NDArray[np.int64]:
    classes = len(profile.classes)
    bins = profile.score.bins if profile.score is not None else 1
    return np.zeros((0, 0, 1) if profile.problem is Problem.REGRESSION else (bins, classes, classes + 1), np.int64)


def answer_of(asked: Asked, source: sa.Subquery) -> Expression:
    """Text of the class that was answered."""
    place, name = asked.place, asked.place.columns.prediction
    return class_text(source.c[name], place.types[name], place.dialect)


def score_value(asked: Asked, source: sa.Subquery) -> Expression:
    """The probability that is binned: of the positive class, or of the class that was answered."""
    place, profile = asked.place, asked.profile
    values = [number(source.c[name], place.types[name], place.dialect) for name in place.columns.scores]
    if profile.problem is Problem.BINARY:
        return values[0]
    answer = answer_of(asked, source)
    steps = [(answer == name, value) for name, value in zip(profile.classes, values, strict=True)]
    return sa.case(*steps, else_=sa.null())


def score_code(asked: Asked, source: sa.Subquery) -> Expression:
    profile, place = asked.profile, asked.place
    assert profile.score is not None
    if profile.problem is Problem.BINARY:
        name = place.columns.scores[0]
        return code(profile.score, source.c[name], place.types[name], place.dialect)
    return code(profile.score, score_value(asked, source), Type.NUMBER, place.dialect)


def slice_place(told: int, grid: Grid) -> int:
    """The row of a slice: a listed category, or one of those beside."""
    last = len(grid.categories)
    if told >= 0:
        return min(told, last)
    return last + BESIDE.index("unseen" if told == UNSEEN else "missing")


def filled(
    found: dict[Key, dict[str, NDArray[np.float64]]], grids: Sequence[Grid], shape: tuple[int, ...]
) -> dict[Key, dict[str, NDArray[np.float64]]]:
    for mine in found.values():
        for grid in grids:
            mine.setdefault(grid.name, np.zeros((len(grid.categories) + len(BESIDE), *shape)))
    return found
