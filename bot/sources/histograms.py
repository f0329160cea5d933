"""Prometheus histograms of scores or features: how far each window's shape is from its version's first ones.

Windows end at multiples of their length and are asked for once. What made a reference is asked for again at each start,
as far back as `past`: the server's samples are its memory, not ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from bot.domain.series import BlindSpot, Floats, History, Samples, SeriesIndex, SeriesKey
from bot.errors import GiveUpError, SourceDownError
from bot.http import HttpClient, HttpRefusedError, TooBigError
from bot.ports import Pull
from bot.sources.bucket_shapes import ShapeRule, Shapes
from bot.sources.prometheus_answer import NotUnderstoodError, matrix

PIECE = 500  # windows a question; what came before a deadline stays learnt
MOST = 10_000  # windows that a start looks back at most
HISTORY_S = 60.0  # a start may wait longer than a tick


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramQuery:
    """query: increases of cumulative buckets over `window`. past: how far back a start looks for references."""

    query: str
    rule: ShapeRule
    window: timedelta
    past: timedelta


class _Watched:
    """One query, what it taught, and until when."""

    def __init__(self, asked: HistogramQuery) -> None:
        self.asked = asked
        self.shapes = Shapes(asked.rule)
        self.until_s: float | None = None  # the end of the newest window that was taken in
        self.flaw = ""
        self.failed: SourceDownError | None = None  # the server, not the query

    def due(self, at: datetime) -> Floats:
        """Ends of the windows that are over and not taken in."""
        length_s = self.asked.window.total_seconds()
        last = int(at.timestamp() // length_s)
        if self.until_s is None:
            first = last - min(int(self.asked.past.total_seconds() // length_s), MOST)
        else:
            first = max(round(self.until_s / length_s) + 1, last - MOST)
        return np.arange(first, last + 1, dtype=np.float64) * length_s


class HistogramDrift:
    """Implements ports.MetricSource."""

    def __init__(self, name: str, client: HttpClient, queries: Sequence[HistogramQuery]) -> None:
        self._name = name
        self._client = client
        self._watched = [_Watched(one) for one in queries]

    @property
    def name(self) -> str:
        return self._name

    @property
    def signals(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.asked.rule.signal for one in self._watched))

    async def close(self) -> None:
        await self._client.close()

    async def pull(self, index: SeriesIndex, *, at: datetime) -> Pull:
        """Tell the newest window, once, when it is over."""
        news: dict[int, float] = {}
        for one in self._watched:
            due = one.due(at)
            found = await self._catch_up(one, due)
            if len(due) and due[-1] in found:
                news |= {index.row(key): value for key, value in found[due[-1]].items()}
        return Pull(
            samples=Samples(
                rows=np.fromiter(news.keys(), np.int64, count=len(news)),
                values=np.fromiter(news.values(), np.float64, count=len(news)),
            ),
            blind=self._blind(),
        )

    async def history(self, index: SeriesIndex, *, start: datetime, end: datetime, step_s: float) -> History:
        """Learn the references, and lay what came after them on the grid, each window at the first column after it."""
        first_s, last_s = start.timestamp(), end.timestamp()
        times_s = first_s + step_s * np.arange(max(int((last_s - first_s) / step_s + 1e-9) + 1, 0), dtype=np.float64)
        if last_s < first_s:
            return History(times_s=np.empty(0), rows=np.empty(0, np.int64), values=np.empty((0, 0)))
        columns: dict[int, Floats] = {}
        for one in self._watched:
            for time_s, values in (await self._catch_up(one, one.due(end), deadline_s=HISTORY_S)).items():
                slot = int(np.ceil((time_s - first_s) / step_s - 1e-9))
                if not 0 <= slot < len(times_s):
                    continue
                for key, value in values.items():
                    columns.setdefault(index.row(key), np.full(len(times_s), np.nan))[slot] = value
        return History(
            times_s=times_s,
            rows=np.fromiter(columns, np.int64, count=len(columns)),
            values=np.column_stack(list(columns.values())) if columns else np.empty((len(times_s), 0)),
            blind=self._blind(),
        )

    async def _catch_up(
        self, one: _Watched, due: Floats, *, deadline_s: float | None = None
    ) -> dict[float, dict[SeriesKey, float]]:
        """Take in the windows that end at `due`, oldest first; what fails is asked for again the next time."""
        found: dict[float, dict[SeriesKey, float]] = {}
        size = PIECE
        while len(due):
            piece, step_s = due[:size], one.asked.window.total_seconds()
            params = {
                "query": one.asked.query,
                "start": f"{piece[0]:.3f}",
                "end": f"{piece[-1]:.3f}",
                "step": f"{step_s:g}",
            }
            try:
                told = await self._client.get_json("api/v1/query_range", params, deadline_s=deadline_s)
                answer = matrix(told, piece, step_s)
            except TooBigError as error:
                if len(piece) > 1:
                    size = len(piece) // 2
                    continue
                one.flaw, one.failed = str(error), None
                return found
            except (HttpRefusedError, NotUnderstoodError, SourceDownError, GiveUpError) as error:
                whole = isinstance(error, SourceDownError) or getattr(error, "code", "").startswith("http_")
                one.flaw = str(error) if isinstance(error, SourceDownError | GiveUpError) else (
                    f"{self._client.where}: {error}"
                )  # fmt: skip
                one.failed = SourceDownError(one.flaw) if whole else None
                return found
            taken = one.shapes.take(answer.metrics, answer.values, learn=not answer.flaw)
            found |= dict(zip(piece.tolist(), taken, strict=True))
            one.flaw, one.failed = answer.flaw or one.shapes.flaw, None
            one.until_s = float(piece[-1])
            due = due[len(piece) :]
        return found

    def _blind(self) -> tuple[BlindSpot, ...]:
        """Raises SourceDownError when no query could be answered because of the server itself."""
        failed = [one.failed for one in self._watched if one.failed is not None]
        if failed and len(failed) == len(self._watched):
            raise failed[0]
        reasons: dict[str, list[str]] = {}
        for one in self._watched:
            if one.flaw:
                reasons.setdefault(one.flaw, []).append(one.asked.rule.signal)
        return tuple(
            BlindSpot(source=self._name, because=because, signals=tuple(dict.fromkeys(names)))
            for because, names in reasons.items()
        )
