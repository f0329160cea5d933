"""A span of the past, read page by page from live sources and then told tick by tick, as if it were happening.

For `faultline replay --from`. A page is read before its first tick is due, so that a tick never waits for a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import numpy as np

from bot.clock import from_epoch
from bot.domain.change import Change
from bot.domain.series import Floats, History, Rows, Samples, SeriesIndex
from bot.errors import SourceDownError
from bot.ports import MetricSource, Pull
from bot.sources.prometheus_changes import PrometheusChanges, UnansweredError

LONGEST = timedelta(hours=6)  # of a page: a week is 28 requests a signal, a day of warm-up four
SHORTEST = 30  # ticks of a page: with less, a large team's week would be ten thousands of requests
CELLS = 4_000_000  # of a page, 32 MB of float64; beyond some 10,000 series pages become shorter
TRIES = 3  # of a page; a server that restarts is back by then
WAIT = timedelta(seconds=5)  # before the second try; twice that before the third, unless the server asks for more
LONGEST_WAIT_S = 60.0  # whatever a server asks for: somebody sits before the screen


async def read_again(read: Callable[[], Awaitable[None]], *, wait: timedelta = WAIT) -> None:
    """Read, and again after a while when the source is down. Raises SourceDownError when it stays so."""
    for attempt in range(1, TRIES + 1):
        try:
            await read()
        except UnansweredError:
            raise
        except SourceDownError as error:
            if attempt == TRIES:
                raise
            pause_s = max(attempt * wait.total_seconds(), min(error.after_s or 0.0, LONGEST_WAIT_S))
            await asyncio.sleep(pause_s)
        else:
            return


class PastSamples:
    """Implements ports.MetricSource over a span of another source's past.

    start, end: first and last tick of the span.
    A series gets a row in the caller's index at its first sample, not before: nobody knew of it earlier.
    """

    def __init__(
        self, source: MetricSource, *, start: datetime, end: datetime, step_s: float, wait: timedelta = WAIT
    ) -> None:
        self._source = source
        self._first_s, self._step_s = start.timestamp(), step_s
        self._ticks = int((end.timestamp() - self._first_s) / step_s + 1e-6) + 1
        self._wait = wait
        self._read = 0  # ticks that were read so far
        self.first_sample: datetime | None = None  # the oldest of the span so far
        self._keys = SeriesIndex()  # every series of the span so far, as answers came
        self._pages: list[tuple[int, History]] = []  # with the number of the first tick; those that are not over
        self._index: SeriesIndex | None = None
        self._rows: Rows = np.empty(0, np.int64)  # by series of `_keys`: its row in the caller's index, -1 for none

    @property
    def name(self) -> str:
        return self._source.name

    @property
    def signals(self) -> tuple[str, ...]:
        return self._source.signals

    async def close(self) -> None:
        await self._source.close()

    async def reach(self, at: datetime) -> None:
        """Read until `at` is there. Raises SourceDownError when the source stays down."""
        while self._read < self._ticks and self._read <= self._tick(at):
            await read_again(self._next_page, wait=self._wait)

    async def history(self, index: SeriesIndex, *, start: datetime, end: datetime, step_s: float) -> History:
        """What was read of the span between; NaN where nothing was. `step_s` is the span's own."""
        first, last = self._tick(start), self._tick(end)
        block = np.full((max(last - first + 1, 0), len(self._keys)), np.nan)
        for begin, page in self._pages:
            stop = begin + len(page.times_s)
            low, high = max(first, begin), min(last + 1, stop)
            if low < high:
                block[low - first : high - first, page.rows] = page.values[low - begin : high - begin]
        self._forget(last + 1)  # before the copy below: a day of a large team is 200 MB
        seen = np.flatnonzero(~np.isnan(block).all(axis=0)) if len(block) else np.empty(0, np.int64)
        return History(
            times_s=self._first_s + step_s * np.arange(first, first + len(block), dtype=np.float64),
            rows=self._rows_of(index, seen),
            values=block if len(seen) == block.shape[1] else block[:, seen],
        )

    async def pull(self, index: SeriesIndex, *, at: datetime) -> Pull:
        tick = self._tick(at)
        self._forget(tick)
        if not self._pages or not self._pages[0][0] <= tick:
            return Pull(samples=Samples(rows=np.empty(0, np.int64), values=np.empty(0)))
        begin, page = self._pages[0]
        column: Floats = page.values[tick - begin]
        seen = np.flatnonzero(~np.isnan(column))
        rows = self._rows_of(index, page.rows[seen])
        return Pull(samples=Samples(rows=rows, values=column[seen]), blind=page.blind)

    def _tick(self, at: datetime) -> int:
        """The number of the newest tick not after a moment."""
        return int(np.floor((at.timestamp() - self._first_s) / self._step_s + 1e-6))

    def _forget(self, tick: int) -> None:
        """Let go of pages that ended before a tick."""
        self._pages = [(begin, page) for begin, page in self._pages if begin + len(page.times_s) > tick]

    async def _next_page(self) -> None:
        longest = int(LONGEST.total_seconds() / self._step_s)
        size = min(max(min(longest, CELLS // max(len(self._keys), 1)), SHORTEST), self._ticks - self._read)
        start_s = self._first_s + self._read * self._step_s
        end_s = start_s + (size - 1) * self._step_s
        page = await self._source.history(
            self._keys, start=from_epoch(start_s), end=from_epoch(end_s), step_s=self._step_s
        )
        if self.first_sample is None and (there := ~np.isnan(page.values).all(axis=1)).any():
            self.first_sample = from_epoch(float(page.times_s[int(np.argmax(there))]))
        self._pages.append((self._read, page))
        self._read += size

    def _rows_of(self, index: SeriesIndex, seen: Rows) -> Rows:
        if index is not self._index:
            self._index, self._rows = index, np.empty(0, np.int64)
        if len(self._rows) < len(self._keys):
            new = np.full(len(self._keys) - len(self._rows), -1, np.int64)
            self._rows = np.concatenate([self._rows, new])
        # by name: which answer came first is chance, and a replay must say the same every time
        for series in sorted(seen[self._rows[seen] < 0].tolist(), key=self._keys.__getitem__):
            self._rows[series] = index.row(self._keys[series])
        rows: Rows = self._rows[seen]
        return rows


class PastChanges:
    """Implements ports.ChangeSource over a span of the past; a change is told when it could first be seen."""

    def __init__(self, source: PrometheusChanges, *, start: datetime, end: datetime, wait: timedelta = WAIT) -> None:
        self._source = source
        self._start, self._end = start, end
        self._wait = wait
        self._until = start
        self._noticed: list[tuple[datetime, Change]] = []
        self._unread: list[tuple[datetime, datetime, str]] = []  # from, until, because

    @property
    def name(self) -> str:
        return self._source.name

    async def close(self) -> None:
        await self._source.close()

    async def reach(self, at: datetime) -> None:
        """Read until `at` is there. Raises SourceDownError when the server stays down; a bad query only blinds."""
        while self._until < min(at, self._end):
            until = min(self._until + LONGEST, self._end)

            async def read(since: datetime = self._until, until: datetime = until) -> None:
                self._noticed += await self._source.noticed(since=since, until=until)

            try:
                await read_again(read, wait=self._wait)
            except UnansweredError as error:
                self._unread.append((self._until, until, str(error)))
            self._until = until

    async def changes(self, *, since: datetime, until: datetime) -> Sequence[Change]:
        for begin, end, because in self._unread:
            if begin < until <= end:
                raise SourceDownError(because)
        return [change for at, change in self._noticed if since < at <= until]


class Past:
    """All that is asked of a span: when to read on, and what was to be seen where."""

    def __init__(
        self,
        samples: Sequence[PastSamples],
        changes: Sequence[PastChanges] = (),
        *,
        say: Callable[[datetime], None] = lambda _: None,
    ) -> None:
        """say: is told, now and then, how far was read."""
        self.samples = tuple(samples)
        self.changes = tuple(changes)
        self._parts: tuple[PastSamples | PastChanges, ...] = (*self.samples, *self.changes)
        self._say = say
        self._said: datetime | None = None

    async def reach(self, at: datetime) -> None:
        """Read until `at`, a source at a time. Raises SourceDownError that names the source."""
        for part in self._parts:
            try:
                await part.reach(at)
            except SourceDownError as error:
                raise SourceDownError(f"{part.name}: {error}: the replay stopped at {at:%Y-%m-%d %H:%M} UTC") from error
        if self._said is None or at - self._said >= LONGEST:
            self._said = at
            self._say(at)

    @property
    def first_sample(self) -> datetime | None:
        """When the oldest sample of the span is from; None while none was seen."""
        return min((one.first_sample for one in self.samples if one.first_sample), default=None)

    async def close(self) -> None:
        for part in self._parts:
            await part.close()
