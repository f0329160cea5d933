"""Statistics that somebody else computed, each with a time of its own: told once, when they are new."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.domain.series import BlindSpot, History, Samples, SeriesIndex, SeriesKey
from bot.errors import GiveUpError, RetryLaterError, SourceDownError, UnknownOutcomeError
from bot.http import HttpClient, HttpRefusedError
from bot.ports import Pull

EVERY = timedelta(minutes=5)  # such statistics come by the hour or the day: each tick would ask for nothing
RECENT = timedelta(days=7)  # an older point is no news, even to a bot that starts with it
MAX_SERIES = 2_000  # a table whose entity column holds ids must not fill the index


class Reply(BaseModel):
    """What another program answers: what we need must fit, the rest is ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


Form = TypeVar("Form", bound=Reply)


def understood(form: type[Form], told: Any, *, who: str) -> Form:
    """Read an answer. Raises SourceDownError that says where it does not fit; what it holds is not shown."""
    try:
        return form.model_validate(told)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        raise SourceDownError(f"{who} answered in another form: {where}: {fault['msg']}") from None


async def ask_by_post(client: HttpClient, path: str, payload: object) -> Any:
    """Ask a question that is a POST. It changes nothing there, so every doubt is a SourceDownError."""
    try:
        return await client.post_json(path, payload)
    except HttpRefusedError:
        raise
    except (RetryLaterError, UnknownOutcomeError, GiveUpError) as error:
        raise SourceDownError(str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """The points of one series."""

    key: SeriesKey
    points: Mapping[float, float]  # the value by its own time, in seconds since 1970; NaN measured nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """Why a signal brought nothing, or less than all."""

    signal: str
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    tracks: Sequence[Track] = ()
    missed: Sequence[Missed] = ()


class PointSource(ABC):
    """Implements ports.MetricSource over `_read`.

    every: how often it is asked at most; in between nothing is told, and what was blind stays so.
    """

    def __init__(self, name: str, signals: Iterable[str], *, every: timedelta = EVERY) -> None:
        self._name = name
        self._signals = tuple(dict.fromkeys(signals))
        self._every = every
        self._asked: datetime | None = None
        self._blind: tuple[BlindSpot, ...] = ()
        self._told: dict[SeriesKey, float] = {}  # the time of the newest point that was told

    @property
    def name(self) -> str:
        return self._name

    @property
    def signals(self) -> tuple[str, ...]:
        return self._signals

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def _read(self, *, start: datetime, end: datetime) -> Reading:
        """Bring the points between; more do no harm. Raises SourceDownError."""

    async def pull(self, index: SeriesIndex, *, at: datetime) -> Pull:
        """Tell the newest point of each series that was not told before. A point is told at `at`, when it is known."""
        if self._asked is not None and timedelta(0) <= at - self._asked < self._every:
            return Pull(samples=_samples({}), blind=self._blind)
        start = at - RECENT
        points, blind = self._usable(await self._read(start=start, end=at))
        news: dict[int, float] = {}
        for key, own in points.items():
            newest = max((time_s for time_s in own if start.timestamp() < time_s <= at.timestamp()), default=None)
            if newest is not None and newest > self._told.get(key, -np.inf):
                news[index.row(key)] = own[newest]
                self._told[key] = newest
        self._asked, self._blind = at, blind
        return Pull(samples=_samples(news), blind=blind)

    async def history(self, index: SeriesIndex, *, start: datetime, end: datetime, step_s: float) -> History:
        """Lay past points on the grid, each at the first column that could have known it; they are told then."""
        first_s, last_s = start.timestamp(), end.timestamp()
        times_s = first_s + step_s * np.arange(max(int((last_s - first_s) / step_s + 1e-9) + 1, 0), dtype=np.float64)
        if last_s < first_s:
            return History(times_s=np.empty(0), rows=np.empty(0, np.int64), values=np.empty((0, 0)))
        points, blind = self._usable(await self._read(start=min(start, end - RECENT), end=end))
        columns: dict[int, np.ndarray[Any, np.dtype[np.float64]]] = {}
        for key, own in points.items():
            past = sorted(time_s for time_s in own if time_s <= last_s)
            if not past:
                continue
            self._told[key] = max(past[-1], self._told.get(key, -np.inf))
            for time_s in past:
                slot = int(np.ceil((time_s - first_s) / step_s - 1e-9))
                if 0 <= slot < len(times_s):
                    column = columns.setdefault(index.row(key), np.full(len(times_s), np.nan))
                    column[slot] = own[time_s]
        return History(
            times_s=times_s,
            rows=np.fromiter(columns, np.int64, count=len(columns)),
            values=np.column_stack(list(columns.values())) if columns else np.empty((len(times_s), 0)),
            blind=blind,
        )

    def _usable(self, reading: Reading) -> tuple[dict[SeriesKey, dict[float, float]], tuple[BlindSpot, ...]]:
        """Merge tracks of one series, drop what measured nothing, and keep to the cap."""
        points: dict[SeriesKey, dict[float, float]] = {}
        missed = list(reading.missed)
        for track in reading.tracks:
            if track.key not in points and len(points) >= MAX_SERIES:
                missed.append(Missed(signal=track.key.signal, because=f"more than {MAX_SERIES:,} series; the rest is"
                                     " left out"))  # fmt: skip
                continue
            own = points.setdefault(track.key, {})
            own.update({time_s: value for time_s, value in track.points.items() if np.isfinite([time_s, value]).all()})
        reasons: dict[str, list[str]] = {}
        for one in missed:
            reasons.setdefault(one.because, []).append(one.signal)
        return points, tuple(
            BlindSpot(source=self._name, because=because, signals=tuple(dict.fromkeys(names)))
            for because, names in reasons.items()
        )


def _samples(told: Mapping[int, float]) -> Samples:
    return Samples(
        rows=np.fromiter(told.keys(), np.int64, count=len(told)),
        values=np.fromiter(told.values(), np.float64, count=len(told)),
    )
