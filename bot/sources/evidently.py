"""Values of Evidently's snapshots, from its own service. A distance or a p-value? The signal must know."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.series import SeriesKey
from bot.errors import SourceDownError
from bot.http import HttpClient, HttpRefusedError
from bot.sources.points import EVERY, Missed, PointSource, Reading, Reply, Track, ask_by_post, understood

SPOKEN = re.compile(r"0\.7\.\d")  # the form of the answer is no promise of theirs: another version may mean another


class _Version(Reply):
    version: str


class _Snapshot(Reply):
    timestamp: datetime
    tags: tuple[str, ...] = ()


class _Series(Reply):
    metric_type: str
    params: Mapping[str, str] = {}
    values: tuple[float | None, ...]


class _Answer(Reply):
    sources: tuple[_Snapshot, ...]
    series: tuple[_Series, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotValue:
    metric: str  # such as evidently:metric_v2:ValueDrift
    labels: Mapping[str, str]
    tags: tuple[str, ...] = ()
    signal: str
    entity: str

    def __str__(self) -> str:
        told = [f"{name}={value}" for name, value in self.labels.items()]
        return f"{self.metric} {' '.join(told)}".rstrip()


class EvidentlySource(PointSource):
    """Implements ports.MetricSource.

    The service answers all snapshots of the project each time: it can be asked for a stretch of time, but compares
    times with and without a zone, and fails. Times without a zone are taken for UTC.
    """

    def __init__(
        self, name: str, client: HttpClient, *, project: str, wanted: Sequence[SnapshotValue], every: timedelta = EVERY
    ) -> None:
        super().__init__(name, [one.signal for one in wanted], every=every)
        self._client = client
        self._project = project
        self._wanted = tuple(wanted)

    async def close(self) -> None:
        await self._client.close()

    async def _read(self, *, start: datetime, end: datetime) -> Reading:  # noqa: ARG002 - see the class
        who = f"{self._client.where} (Evidently?)"
        tracks: list[Track] = []
        missed: list[Missed] = []
        try:
            version = understood(_Version, await self._client.get_json("api/version"), who=who).version
            if not SPOKEN.match(version):
                raise SourceDownError(f"{who} is version {version[:20]}; only 0.7 is understood")
            for tags in dict.fromkeys(one.tags for one in self._wanted):
                wanted = [one for one in self._wanted if one.tags == tags]
                answer = understood(_Answer, await self._ask(wanted), who=who)
                for one in wanted:
                    points = _points(one, answer)
                    if isinstance(points, str):
                        missed.append(Missed(signal=one.signal, because=f"{who}: {one}: {points}"))
                    else:
                        tracks.append(Track(key=SeriesKey(one.signal, one.entity), points=points))
        except HttpRefusedError as error:
            raise SourceDownError(str(error)) from error
        return Reading(tracks=tracks, missed=missed)

    async def _ask(self, wanted: Sequence[SnapshotValue]) -> Any:
        """Ask for values with the same tags: of filters that differ only in them, 0.7.23 answers the first alone."""
        filters = [
            {"tags": list(one.tags), "metadata": {}, "metric": one.metric, "metric_labels": dict(one.labels)}
            for one in wanted
        ]
        path = f"api/v2/snapshots/{self._project}/data_series_batch"
        return await ask_by_post(self._client, path, {"series_filter": filters})


def _points(wanted: SnapshotValue, answer: _Answer) -> dict[float, float] | str:
    """Find the values by time; a text says why not.

    A series is told anew when a parameter such as its method changes; they are one as long as no snapshot has both.
    """
    found: dict[float, float] = {}
    fits = [
        one for one in answer.series if one.metric_type == wanted.metric and wanted.labels.items() <= one.params.items()
    ]
    if not fits:
        return "no snapshot has it"
    taken: set[int] = set()
    for one in fits:
        if len(one.values) > len(answer.sources):
            return "more values than snapshots: name more labels"
        for place, value in enumerate(one.values):
            snapshot = answer.sources[place]
            if value is None or not set(wanted.tags) <= set(snapshot.tags):
                continue
            if place in taken:
                differing = sorted(_differing([one.params for one in fits]))
                return f"a snapshot has several; name one by its {' or '.join(differing) or 'tags'}"
            taken.add(place)
            time = snapshot.timestamp if snapshot.timestamp.tzinfo else snapshot.timestamp.replace(tzinfo=UTC)
            found[time.timestamp()] = value
    return found


def _differing(params: Sequence[Mapping[str, str]]) -> set[str]:
    names = {name for one in params for name in one}
    return {name for name in names if len({one.get(name) for one in params}) > 1}
