"""A span of the past: read page by page, told tick by tick, and never before its time."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from bot.clock import from_epoch
from bot.domain.change import ChangeKind
from bot.domain.series import BlindSpot, History, SeriesIndex, SeriesKey
from bot.errors import SourceDownError
from bot.http import HttpClient
from bot.sources.past import LONGEST, SHORTEST, TRIES, Past, PastChanges, PastSamples
from bot.sources.prometheus_changes import PrometheusChanges
from bot.sources.version_watch import ChangeQuery
from tests.sources.loopback import api_server

STEP_S = 60.0
FIRST_S = 1_790_000_040.0
NOW = timedelta(0)  # how long to wait before a source that is down is asked again
PAGE = int(LONGEST.total_seconds() / STEP_S)


def at(tick: int):
    return from_epoch(FIRST_S + STEP_S * tick)


class Remembering:
    """A source whose value at a tick is the tick's number; series `b` begins at tick 500."""

    name = "prom"
    signals = ("s",)

    def __init__(self, *, series: int = 2, down: int = 0, blind: tuple[BlindSpot, ...] = ()) -> None:
        self.asked: list[tuple[int, int]] = []
        self.closed = False
        self._series, self._down, self._blind = series, down, blind

    async def history(self, index, *, start, end, step_s):
        if self._down:
            self._down -= 1
            raise SourceDownError("cannot be reached")
        first, last = (round((one.timestamp() - FIRST_S) / step_s) for one in (start, end))
        self.asked.append((first, last))
        ticks = np.arange(first, last + 1, dtype=np.float64)
        names = ["b", "a", *(f"x{n}" for n in range(self._series - 2))]
        values = np.column_stack([ticks] * len(names))
        values[ticks < 500, 0] = np.nan
        rows = np.array([index.row(SeriesKey("s", name)) for name in names], dtype=np.int64)
        return History(times_s=FIRST_S + step_s * ticks, rows=rows, values=values, blind=self._blind)

    async def pull(self, index, *, at):
        raise AssertionError("a past is not pulled")

    async def close(self) -> None:
        self.closed = True


def past(source, *, ticks: int):
    return PastSamples(source, start=at(0), end=at(ticks - 1), step_s=STEP_S, wait=NOW)


async def told(samples, index, tick):
    pull = await samples.pull(index, at=at(tick))
    return {index[row].entity: value for row, value in zip(pull.samples.rows, pull.samples.values, strict=True)}


async def test_every_tick_is_told_as_it_was_and_asked_for_once():
    source, index = Remembering(), SeriesIndex()
    samples = past(source, ticks=1000)

    seen = []
    for tick in range(1000):
        await samples.reach(at(tick))
        seen.append(await told(samples, index, tick))

    assert seen == [{"a": float(n)} if n < 500 else {"a": float(n), "b": float(n)} for n in range(1000)]
    assert source.asked == [(0, PAGE - 1), (PAGE, 2 * PAGE - 1), (2 * PAGE, 999)]


async def test_a_series_is_not_known_before_its_first_sample():
    index = SeriesIndex()
    samples = past(Remembering(), ticks=600)
    await samples.reach(at(599))

    await told(samples, index, 499)
    before = len(index)
    await told(samples, index, 500)

    assert (before, len(index)) == (1, 2)


async def test_nothing_is_read_further_ahead_than_the_page_of_the_tick():
    source = Remembering()
    samples = past(source, ticks=5000)

    await samples.reach(at(PAGE - 1))

    assert source.asked == [(0, PAGE - 1)]


async def test_pages_of_many_series_are_shorter_so_that_memory_is_bounded():
    source = Remembering(series=30_000)
    samples = past(source, ticks=PAGE + 500)

    await samples.reach(at(PAGE + 499))

    sizes = [last - first + 1 for first, last in source.asked]
    assert sizes[0] == PAGE
    assert set(sizes[1:-1]) == {133}
    assert SHORTEST <= 133


async def test_pages_that_are_over_are_let_go():
    samples, index = past(Remembering(), ticks=4 * PAGE), SeriesIndex()
    for tick in range(0, 4 * PAGE, 30):
        await samples.reach(at(tick))
        await told(samples, index, tick)

        assert len(samples._pages) == 1


async def test_the_beginning_is_told_as_a_history_and_the_rest_goes_on_from_there():
    samples, index = past(Remembering(), ticks=1000), SeriesIndex()
    await samples.reach(at(800))

    history = await samples.history(index, start=at(0), end=at(799), step_s=STEP_S)

    assert [index[row].entity for row in history.rows] == ["b", "a"]
    np.testing.assert_array_equal(history.values[:, 1], np.arange(800.0))
    assert np.isnan(history.values[:500, 0]).all()
    assert await told(samples, index, 800) == {"a": 800.0, "b": 800.0}


async def test_rows_do_not_depend_on_which_answer_came_first():
    index = SeriesIndex()
    samples = past(Remembering(), ticks=600)
    await samples.reach(at(599))

    await told(samples, index, 550)

    assert [key.entity for key in index] == ["a", "b"]


async def test_what_could_not_be_read_is_a_blind_spot_of_every_tick():
    spot = BlindSpot(source="prom", because="bad query", signals=("s",))
    samples = past(Remembering(blind=(spot,)), ticks=10)
    await samples.reach(at(9))

    assert [(await samples.pull(SeriesIndex(), at=at(tick))).blind for tick in (0, 9)] == [(spot,), (spot,)]


async def test_a_source_that_comes_back_costs_nothing_but_time():
    source = Remembering(down=TRIES - 1)
    samples = past(source, ticks=10)

    await samples.reach(at(9))

    assert source.asked == [(0, 9)]


async def test_a_source_that_stays_down_ends_the_replay_with_its_name_and_how_far_it_came():
    whole = Past([past(Remembering(down=TRIES), ticks=10)])

    with pytest.raises(SourceDownError, match=r"^prom: cannot be reached: the replay stopped at 2026-09-21 14:16 UTC$"):
        await whole.reach(at(2))


async def test_whoever_waits_is_told_now_and_then_how_far_it_is():
    said = []
    whole = Past([past(Remembering(), ticks=2 * PAGE)], say=said.append)

    for tick in range(2 * PAGE):
        await whole.reach(at(tick))
    await whole.close()

    assert said == [at(0), at(PAGE)]
    assert whole.first_sample == at(0)


# ---------------------------------------------------------------- changes

INFO = ChangeQuery(query="info", kind=ChangeKind.DEPLOY, entity_labels=("service",), version_label="version")
ROLLOUT = 500  # the tick


def versions(asked):
    """Answer as Prometheus would: version 1 until the rollout, then version 2."""
    start, end = float(asked.query["start"]), float(asked.query["end"])
    times = np.arange(start, end + 1, STEP_S).tolist()
    told = {
        "1": [t for t in times if t < FIRST_S + 60 * ROLLOUT],
        "2": [t for t in times if t >= FIRST_S + 60 * ROLLOUT],
    }
    result = [
        {"metric": {"service": "web", "version": name}, "values": [[t, "1"] for t in when]}
        for name, when in told.items()
        if when
    ]
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


async def followed(handler, *, ticks: int):
    """Ask at every tick what is new, as the lookout does; tells at which tick each change came, and the requests."""
    found, down = [], set()
    async with api_server(handler) as (url, seen), HttpClient(url) as client:
        source = PrometheusChanges("changes", client, [INFO])
        changes = PastChanges(source, start=at(0), end=at(ticks - 1), wait=NOW)
        since = at(-1)
        for tick in range(ticks):
            await changes.reach(at(tick))
            try:
                found += [(tick, one.entity, one.to) for one in await changes.changes(since=since, until=at(tick))]
                since = at(tick)
            except SourceDownError as error:
                down.add(str(error))
    return found, down, seen


@pytest.mark.enable_socket
async def test_a_change_is_told_at_the_tick_that_could_see_it_and_asked_for_by_the_page():
    found, down, seen = await followed(versions, ticks=900)

    assert found == [(ROLLOUT, "web", "2")]
    assert not down
    assert len(seen) == 3


@pytest.mark.enable_socket
async def test_a_query_that_cannot_be_answered_blinds_and_does_not_end_the_replay():
    def bad(_):
        return 400, {"status": "error", "errorType": "bad_data", "error": "parse error"}

    found, down, seen = await followed(bad, ticks=400)

    assert found == []
    assert {"parse error" in one for one in down} == {True}
    assert len(seen) == 2  # once a page: the answer would be the same


@pytest.mark.enable_socket
async def test_a_server_that_is_down_is_asked_again_and_then_ends_the_replay():
    with pytest.raises(SourceDownError, match="503"):
        await followed(lambda _: (503, "starting"), ticks=10)
