"""Samples from anything that speaks Prometheus' HTTP API: one range query to warm up, then one instant query a signal.

A signal that cannot be read is a blind spot of its own; only when none can be read is the source down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from bot.domain.catalogue import Signal
from bot.domain.series import BlindSpot, Floats, History, Rows, Samples, SeriesIndex
from bot.errors import GiveUpError, SourceDownError
from bot.http import HttpClient, HttpRefusedError, TooBigError
from bot.ports import Pull
from bot.sources.label_rows import UNUSABLE, LabelRows
from bot.sources.prometheus_answer import Answer, NotUnderstoodError, instant, matrix
from bot.sources.vector_scan import scan

MAX_POINTS = 11_000  # Prometheus refuses more a series and answer
MIN_POINTS = 30  # below this an answer that is too big will not become small enough


@dataclass(frozen=True, slots=True)
class _Failed:
    """Why a signal brought nothing, or less than all."""

    because: str
    whole_source: bool = False  # the server, not the query: every signal will meet it


@dataclass(frozen=True, slots=True)
class _Brought:
    rows: Rows
    values: Floats  # (k,) for one moment, (t, k) for a range
    flaw: str = ""  # why what was brought may not be all


class PrometheusSource:
    """Implements ports.MetricSource.

    signals:     catalogued signals with a query; others are ignored.
    max_series:  rows that this source may claim in the index, all signals together.
    deadline_s:  real time for one pull; what is not there by then is blind.
    whole:       a history that the server's own state cuts short is none: SourceDownError instead of a part.
    concurrency: queries at a time, so that we never are the load that we complain about.
    """

    def __init__(
        self,
        name: str,
        client: HttpClient,
        signals: Sequence[Signal],
        *,
        max_series: int = 20_000,
        deadline_s: float = 8.0,
        history_deadline_s: float = 60.0,
        concurrency: int = 4,
        whole: bool = False,
    ) -> None:
        self._name = name
        self._client = client
        self._signals = tuple(signal for signal in signals if signal.query)
        self._rows = LabelRows(self._signals, max_series=max_series)
        self._deadline_s = deadline_s
        self._history_deadline_s = history_deadline_s
        self._concurrency = concurrency
        self._whole = whole
        self._sizes: dict[str, int] = {}  # by signal: points a series that an answer has room for

    @property
    def name(self) -> str:
        return self._name

    @property
    def signals(self) -> tuple[str, ...]:
        return tuple(signal.name for signal in self._signals)

    async def close(self) -> None:
        await self._client.close()

    async def pull(self, index: SeriesIndex, *, at: datetime) -> Pull:
        """Ask every signal for its value at `at`."""
        self._rows.attach(index)
        params = {"time": f"{at.timestamp():.3f}"}
        answers = await self._all(
            {signal: self._instant(signal, params) for signal in self._signals}, deadline_s=self._deadline_s
        )
        brought = [answer for answer in answers.values() if isinstance(answer, _Brought)]
        return Pull(
            samples=Samples(
                rows=np.concatenate([one.rows for one in brought]) if brought else np.empty(0, np.int64),
                values=np.concatenate([one.values for one in brought]) if brought else np.empty(0, np.float64),
            ),
            blind=self._blind(answers),
        )

    async def history(self, index: SeriesIndex, *, start: datetime, end: datetime, step_s: float) -> History:
        """Fetch past columns by range queries; a signal that fails is left out and told as blind."""
        self._rows.attach(index)
        first_s, last_s = start.timestamp(), end.timestamp()
        times_s = first_s + step_s * np.arange(max(int((last_s - first_s) / step_s + 1e-9) + 1, 0), dtype=np.float64)
        if last_s < first_s or not len(times_s):
            return History(times_s=np.empty(0), rows=np.empty(0, np.int64), values=np.empty((0, 0)))
        answers = await self._all(
            {signal: self._range(signal, times_s, step_s) for signal in self._signals},
            deadline_s=self._history_deadline_s,
        )
        spoilt = [one for one in answers.values() if isinstance(one, _Failed) and one.whole_source]
        if self._whole and spoilt:
            raise SourceDownError(spoilt[0].because)
        brought = [answer for answer in answers.values() if isinstance(answer, _Brought)]
        return History(
            times_s=times_s,
            rows=np.concatenate([one.rows for one in brought]) if brought else np.empty(0, np.int64),
            values=np.hstack([one.values for one in brought]) if brought else np.empty((len(times_s), 0)),
            blind=self._blind(answers),
        )

    async def _all(
        self, asked: Mapping[Signal, Coroutine[Any, Any, _Brought]], *, deadline_s: float
    ) -> dict[Signal, _Brought | _Failed]:
        """Run the queries, a few at a time, until all answered or the deadline came; keeps what came before it.

        Raises SourceDownError when the server itself is the reason that none was answered.
        """
        turns = asyncio.Semaphore(self._concurrency)

        async def one(question: Coroutine[Any, Any, _Brought]) -> _Brought | _Failed:
            try:
                async with turns:
                    return await question
            except HttpRefusedError as error:
                return _Failed(str(error), whole_source=error.code.startswith("http_"))
            except NotUnderstoodError as error:
                return _Failed(f"{self._client.where}: {error}")
            except (SourceDownError, GiveUpError) as error:
                return _Failed(str(error), whole_source=True)
            finally:
                question.close()

        tasks = {signal: asyncio.create_task(one(question)) for signal, question in asked.items()}
        try:
            if tasks:
                await asyncio.wait(tasks.values(), timeout=deadline_s)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
            for question in asked.values():
                question.close()  # one whose turn never came
        late = _Failed(f"{self._client.where} gave no whole answer within {deadline_s:g} s", whole_source=True)
        answers = {signal: late if task.cancelled() else task.result() for signal, task in tasks.items()}
        failed = [answer for answer in answers.values() if isinstance(answer, _Failed)]
        if answers and len(failed) == len(answers) and all(answer.whole_source for answer in failed):
            raise SourceDownError(failed[0].because)
        return answers

    async def _instant(self, signal: Signal, params: Mapping[str, str]) -> _Brought:
        body = await self._client.get_bytes(
            "api/v1/query", {"query": signal.query or "", **params}, deadline_s=self._deadline_s
        )
        return self._read(signal, body)

    def _read(self, signal: Signal, body: bytes) -> _Brought:
        """Read an instant answer: by its bytes where it has the usual form, else parsed whole, with the same result."""
        scanned = scan(body, self._rows.by_text(signal))
        if scanned is not None:
            rows, flaw = self._rows.of_texts(signal, scanned.rows, scanned.unseen)
            values, warned = scanned.values, scanned.flaw
        else:
            answer = instant(self._client.parsed(body))
            rows, flaw = self._keyed(signal, answer)
            values, warned = answer.values, answer.flaw
        kept = rows != UNUSABLE
        return _Brought(rows if kept.all() else rows[kept], values if kept.all() else values[kept], flaw=warned or flaw)

    async def _range(self, signal: Signal, times_s: Floats, step_s: float) -> _Brought:
        """Fetch in pieces that the server will answer; smaller ones where its answer exceeds our cap."""
        pieces: list[tuple[int, Answer]] = []
        begin, size = 0, self._sizes.get(signal.name, MAX_POINTS - 1)
        while begin < len(times_s):
            piece = times_s[begin : begin + size]
            params = {
                "query": signal.query or "",
                "start": f"{piece[0]:.3f}",
                "end": f"{piece[-1]:.3f}",
                "step": f"{step_s:g}",
            }
            try:
                told = await self._client.get_json("api/v1/query_range", params, deadline_s=self._history_deadline_s)
            except TooBigError:
                size = len(piece) // 2
                if size < MIN_POINTS:
                    raise
                self._sizes[signal.name] = size  # the next history does not have to find it out again
                continue
            pieces.append((begin, matrix(told, piece, step_s)))
            begin += len(piece)
        flaw = next((answer.flaw for _, answer in pieces if answer.flaw), "")
        columns: dict[int, Floats] = {}
        for begin, answer in pieces:
            rows, unusable = self._keyed(signal, answer)
            flaw = flaw or unusable
            for place, row in enumerate(rows.tolist()):
                if row == UNUSABLE:
                    continue
                column = columns.setdefault(row, np.full(len(times_s), np.nan))
                part = answer.values[:, place]
                np.copyto(column[begin : begin + len(part)], part, where=np.isfinite(part))
        return _Brought(
            np.fromiter(columns, np.int64, count=len(columns)),
            np.column_stack(list(columns.values())) if columns else np.empty((len(times_s), 0)),
            flaw=flaw,
        )

    def _keyed(self, signal: Signal, answer: Answer) -> tuple[Rows, str]:
        try:
            return self._rows.of(signal, answer.metrics)
        except TypeError as error:
            raise NotUnderstoodError("the answer holds a label that is not text") from error

    def _blind(self, answers: Mapping[Signal, _Brought | _Failed]) -> tuple[BlindSpot, ...]:
        """One blind spot a reason, with every signal that met it."""
        reasons: dict[str, list[str]] = {}
        for signal, answer in answers.items():
            because = answer.because if isinstance(answer, _Failed) else answer.flaw
            if because:
                reasons.setdefault(because, []).append(signal.name)
        return tuple(
            BlindSpot(source=self._name, because=because, signals=tuple(names)) for because, names in reasons.items()
        )
