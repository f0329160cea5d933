"""A prediction log as we keep it: how each column is counted, the counts of a window, and the profile of a version.

Rows never leave the database. Everything that is judged, shown or stored about a log is made of the counts below.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]


class Problem(StrEnum):
    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class ColumnKind(StrEnum):
    NUMERIC = "numeric"
    CATEGORICAL = "categorical"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogColumns:
    """Which column of a log is what. Names are the log's own."""

    prediction: str  # the class that was answered, or the number
    scores: tuple[str, ...] = ()  # binary: of the positive class; multiclass: one a class; regression: none
    target: str | None = None  # in the label table, else in the log itself; None: no labels
    time: str | None = None  # when it was predicted
    id: str | None = None  # joins labels to predictions
    version: str | None = None
    features: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()  # columns whose values are groups of people, judged one by one
    label_time: str | None = None  # in the label table: when the label became known


@dataclass(frozen=True, slots=True)
class Rows:
    """Stretches of so many rows, in the order of time, else of the file."""

    n: int


@dataclass(frozen=True, slots=True)
class Every:
    """Stretches of time that begin at whole multiples of it since 1970."""

    seconds: float


Stretch = Rows | Every


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when a version made predictions, as far as the log was read."""

    version: str
    n: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """How one column is counted. Frozen with the profile, so that counts of different days can be compared."""

    name: str
    kind: ColumnKind
    edges: tuple[float, ...] = ()  # numeric, ascending: bin k holds edges[k - 1] <= x < edges[k]; the ends are open
    low: float = float("-inf")  # a value below is out of range
    high: float = float("inf")  # a value above is out of range
    categories: tuple[str, ...] = ()  # a bin each, the most frequent first, written as text
    others: tuple[str, ...] = ()  # seen in the reference, too rare for a bin of their own: the last bin
    listed: bool = True  # False: too many categories to list, so that whatever is not listed counts as other

    @property
    def bins(self) -> int:
        return (len(self.edges) if self.kind is ColumnKind.NUMERIC else len(self.categories)) + 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays cannot be compared as one
class Tally:
    """The counts of one column in one window. The bins hold every value that could be read and was known."""

    bins: Counts  # (grid.bins,) readable values; out of range ones are in the first and the last bin, too
    missing: int = 0  # NULL, NaN, or an empty text
    unreadable: int = 0  # a text where a number belongs
    unseen: int = 0  # a category that the reference does not know; in no bin
    below: int = 0  # out of range, -inf included
    above: int = 0  # out of range, +inf included
    distinct: int = -1  # 0, 1, or 2 for "two or more"; -1 when it was not counted

    @property
    def known(self) -> int:
        """Values that fell into a bin."""
        return int(self.bins.sum())

    @property
    def rows(self) -> int:
        return self.known + self.missing + self.unreadable + self.unseen


# What is summed over the labelled rows of a window: p is the score of the positive class (multiclass: of the class
# answered), y whether it came true. Order of the last axis of `Window.sums`.
SUMS = ("labelled", "p", "y", "p_var")  # p_var: sum of p (1 - p)
# The same for regression, of e = prediction - target. `clipped` is min(|e|, profile.clip).
RESIDUALS = ("predicted", "labelled", "e", "abs", "sq", "clipped", "clipped_sq")
BESIDE = ("other", "unseen", "missing")  # the rows of a slice after those of its listed categories


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What is known of the labels of a window's predictions at the moment it was read."""

    labelled: int  # rows whose label is there and readable
    strange: int = 0  # labels that are no class of the profile, or no number
    conflicting: int = 0  # ids with several labels that differ: left out
    early: int = 0  # labels that came before their predictions
    lag_p50_s: float = float("nan")  # age of labels when they came; NaN when the table does not tell
    lag_p95_s: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays cannot be compared as one
class Window:
    """All that is known of the predictions of one version in one stretch of the log."""

    number: int  # of the stretch: ascending in time, the same for the versions that share one
    version: str = ""  # empty: the log does not tell
    start: datetime | None = None  # of its first and last prediction; None: the log tells no time
    end: datetime | None = None
    n: int = 0  # rows
    duplicates: int = -1  # rows whose id came before in the window; -1: not counted
    future: int = 0  # rows whose time lies after the moment of reading
    columns: Mapping[str, Tally] = field(default_factory=dict)  # by feature
    score: Tally | None = None  # binary and multiclass, by `Profile.score`
    predicted: Tally | None = None  # by `Profile.predicted`
    joint: Counts  # (score bins, classes, classes + 1): by score, class answered, true class; last: label not known
    sums: Floats  # (4,) see SUMS; zeros for regression
    residuals: Floats  # (7,) see RESIDUALS; zeros for the others
    # by column: (categories + BESIDE, score bins, classes, classes + 1) as `joint`; regression: (…, 7) as `residuals`
    slices: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    labels: Labels | None = None  # None: no labels were asked for


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)  # arrays cannot be compared as one
class Profile:
    """What a version is compared with: how its columns are counted, and what they held while all was well."""

    id: str  # hash of everything below except `made`
    model: str
    version: str
    made: datetime
    problem: Problem
    columns: LogColumns
    classes: tuple[str, ...] = ()  # as text; binary: the negative one, then the positive one; regression: none
    features: tuple[Grid, ...] = ()
    score: Grid | None = None
    predicted: Grid
    slices: tuple[Grid, ...] = ()  # segments, and categorical features: by these a drop is taken apart
    clip: float = float("inf")  # regression: the size from which on a residual counts no more
    total: Window  # the counts of the whole reference
    history: tuple[Window, ...] = ()  # the reference, cut into stretches as long as those that are judged
