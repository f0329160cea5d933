"""What stands before the classifier: what moved, what was watched and stayed quiet, and what people changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from bot.domain.catalogue import Catalogue, Kind
from bot.domain.change import Change
from bot.domain.learning import NOTHING_LEARNT, Learnt
from bot.domain.series import SeriesIndex

Place = tuple[str, Kind]  # an entity and a kind of signal there


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """The circumstances of a tick, the same for every incident."""

    quiet: frozenset[Place]  # judged, and in its usual range
    unseen: frozenset[Place] = frozenset()  # judged once, and silent now
    changes: tuple[Change, ...]  # recent ones, oldest first
    healthy_before: Mapping[str, str | None]  # by model: the version one would roll back to, None when there is none
    serving: Mapping[str, str | None]  # by model: the version that holds the alias now, as far as we saw
    blind_signals: frozenset[str]
    now: datetime
    learnt: Learnt = NOTHING_LEARNT  # how often each cause is to blame here, against the usual


class Places:
    """Groups rows of the index by place once, so that a tick asks about all of them in two numpy calls."""

    def __init__(self, index: SeriesIndex, catalogue: Catalogue) -> None:
        self.size = len(index)
        numbers: dict[Place, int] = {}
        rows, groups = [], []
        for row, key in enumerate(index):
            signal = catalogue.signal.get(key.signal)
            if signal is not None:
                rows.append(row)
                groups.append(numbers.setdefault((key.entity, signal.kind), len(numbers)))
        self._places = list(numbers)
        self._rows = np.asarray(rows, dtype=np.int64)
        self._groups = np.asarray(groups, dtype=np.int64)

    def silent(self, judged: NDArray[np.bool_], gap: NDArray[np.bool_]) -> frozenset[Place]:
        """Places of which every series that was ever judged is silent now. Arguments as below."""
        size = len(self._places)
        had = np.bincount(self._groups, weights=judged[self._rows], minlength=size)
        gone = np.bincount(self._groups, weights=(judged & gap)[self._rows], minlength=size)
        return frozenset(self._places[i] for i in np.flatnonzero((had > 0) & (had == gone)))

    def quiet(self, judged: NDArray[np.bool_], moving: NDArray[np.bool_]) -> frozenset[Place]:
        """Places where at least one series is judged and none moves.

        judged, moving: (n,) one a row of the index.
        """
        size = len(self._places)
        seen = np.bincount(self._groups, weights=judged[self._rows], minlength=size)
        loud = np.bincount(self._groups, weights=moving[self._rows], minlength=size)
        return frozenset(self._places[i] for i in np.flatnonzero((seen > 0) & (loud == 0)))


def recent(changes: Iterable[Change], *, since: datetime, until: datetime) -> tuple[Change, ...]:
    """Changes that may still matter, each once, oldest first."""
    return tuple(sorted({change for change in changes if since <= change.time <= until}, key=_place_in_time))


def _place_in_time(change: Change) -> tuple[datetime, tuple[str, ...]]:
    """Order changes of one moment too, by all that they say: a set comes in another order in each process."""
    return change.time, (
        change.entity,
        change.kind,
        *(part or "" for part in (change.text, change.from_, change.to, change.by)),
    )
