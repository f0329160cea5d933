"""Rollouts and other changes as telemetry tells them: the queries that a team already has for its dashboards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np

from bot.clock import from_epoch
from bot.domain.change import Change
from bot.errors import GiveUpError, SourceDownError
from bot.http import HttpClient
from bot.sources.prometheus_answer import NotUnderstoodError, matrix
from bot.sources.version_watch import ChangeQuery, VersionWatch

MAX_COLUMNS = 10_000  # below what Prometheus refuses; an older start is cut off


class UnansweredError(SourceDownError):
    """The server is there, but this query got no answer, or half of one: asking again changes nothing."""


class PrometheusChanges:
    """Implements ports.ChangeSource by range queries, so that what happened before start-up is known too.

    step: how finely to look; a version that served for less than this may go unseen.
    A change that a slow exporter told late comes with its true time, which may lie before `since`.
    """

    def __init__(
        self,
        name: str,
        client: HttpClient,
        queries: Sequence[ChangeQuery],
        *,
        step: timedelta = timedelta(minutes=1),
    ) -> None:
        self._name = name
        self._client = client
        self._step_s = step.total_seconds()
        self._queries = tuple(queries)
        self._watches = [VersionWatch(query) for query in queries]
        self._until_s: list[float | None] = [None] * len(self._queries)

    @property
    def name(self) -> str:
        return self._name

    async def close(self) -> None:
        await self._client.close()

    async def changes(self, *, since: datetime, until: datetime) -> Sequence[Change]:
        """Look at what came since the last look of each query; the first look begins at `since`."""
        return [change for _, change in await self.noticed(since=since, until=until)]

    async def noticed(self, *, since: datetime, until: datetime) -> list[tuple[datetime, Change]]:
        """As `changes`, each with the moment at which it could first be seen."""
        found: list[tuple[float, Change]] = []
        for number in range(len(self._queries)):
            found += await self._one(number, since.timestamp(), until.timestamp())
        return [(from_epoch(at_s), change) for at_s, change in sorted(found, key=lambda pair: pair[1].time)]

    async def _one(self, number: int, since_s: float, until_s: float) -> list[tuple[float, Change]]:
        last_s = self._until_s[number]
        begin_s = since_s if last_s is None else last_s + self._step_s
        begin_s = max(begin_s, until_s - MAX_COLUMNS * self._step_s)
        count = max(int((until_s - begin_s) / self._step_s + 1e-9), 0)
        # the grid ends at `until`, so that what is there now is seen now
        times_s = until_s - self._step_s * np.arange(count, -1, -1.0)
        params = {
            "query": self._queries[number].query,
            "start": f"{times_s[0]:.3f}",
            "end": f"{times_s[-1]:.3f}",
            "step": f"{self._step_s:g}",
        }
        try:
            answer = matrix(await self._client.get_json("api/v1/query_range", params), times_s, self._step_s)
        except (GiveUpError, NotUnderstoodError) as error:
            raise UnansweredError(f"{self._queries[number].query[:80]}: {error}") from error
        if answer.flaw:
            raise UnansweredError(answer.flaw)  # half an answer would read as a version that vanished
        watch = self._watches[number]
        found: list[tuple[float, Change]] = []
        for at_s, column in zip(times_s.tolist(), answer.values.tolist(), strict=True):
            found += [(at_s, one) for one in watch.observe(at_s, list(zip(answer.metrics, column, strict=True)))]
        self._until_s[number] = until_s
        return found
