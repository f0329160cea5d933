import asyncio
import logging
from datetime import timedelta

import numpy as np
import pytest

from bot.clock import from_epoch
from bot.domain.catalogue import Kind, Signal
from bot.domain.series import SeriesIndex, SeriesKey
from bot.errors import SourceDownError
from bot.http import HttpClient
from bot.sources.prometheus import PrometheusSource
from tests.sources.loopback import api_server, recorded

pytestmark = pytest.mark.enable_socket

AT = from_epoch(1_795_463_613.0)


def signal(name="requests", *, query=None, entity=("version",)):
    return Signal(name=name, kind=Kind.TRAFFIC, query=query or name, entity_labels=entity)


def vector(*series, **more):
    result = [{"metric": metric, "value": [AT.timestamp(), value]} for metric, value in series]
    return {"status": "success", "data": {"resultType": "vector", "result": result}, **more}


async def pull_of(handler, *signals, index=None, **options):
    async with api_server(handler) as (url, seen), HttpClient(url) as client:
        index = SeriesIndex() if index is None else index
        pull = await PrometheusSource("prom", client, signals or (signal(),), **options).pull(index, at=AT)
        return pull, index, seen


def told(pull, index):
    return {str(index[row]): value for row, value in zip(pull.samples.rows, pull.samples.values, strict=True)}


async def test_a_recorded_vector_becomes_samples_named_by_their_entity():
    pull, index, seen = await pull_of(lambda _: recorded("prom_query_vector"))

    assert told(pull, index) == {
        "requests of 7": pytest.approx(49.213090182363224),
        "requests of 8": pytest.approx(49.21309018236323),
    }
    assert pull.blind == ()
    assert seen[0].query == {"query": "requests", "time": "1795463613.000"}


@pytest.mark.parametrize(
    ("entity", "metric", "key"),
    [
        pytest.param(
            ("model",), {"model": "fraud", "pod": "a"}, SeriesKey("s", "fraud", (("pod", "a"),)), id="one label"
        ),
        pytest.param(
            ("model", "feature"), {"feature": "amount", "model": "fraud"}, SeriesKey("s", "fraud/amount"), id="joined"
        ),
        pytest.param(
            (),
            {"__name__": "up", "instance": "i", "service": "web"},
            SeriesKey("s", "web", (("instance", "i"),)),
            id="usual",
        ),
        pytest.param((), {"job": "x"}, SeriesKey("s", "", (("job", "x"),)), id="nothing that names an entity"),
    ],
)
async def test_labels_name_the_series(entity, metric, key):
    _, index, _ = await pull_of(lambda _: (200, vector((metric, "1"))), signal("s", entity=entity))

    assert list(index) == [key]


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        pytest.param(lambda: recorded("prom_empty"), [], id="nothing there is no error"),
        pytest.param(lambda: recorded("prom_nan_vector"), [np.nan], id="NaN"),
        pytest.param(lambda: recorded("prom_scalar_inf"), [np.nan], id="infinity measured nothing"),
        pytest.param(lambda: (200, vector(({}, "1e308"))), [1e308], id="huge but finite"),
        pytest.param(lambda: (200, vector(({}, "1"), infos=["not a counter?"])), [1.0], id="advice is no warning"),
    ],
)
async def test_odd_values_are_samples_or_missing_but_never_blind(answer, values):
    pull, _, _ = await pull_of(lambda _: answer(), signal(entity=()))

    np.testing.assert_array_equal(pull.samples.values, values)
    assert pull.blind == ()


@pytest.mark.parametrize(
    ("more", "because"),
    [
        pytest.param({"warnings": ["one store is away"]}, "one store is away", id="warning"),
        pytest.param({"isPartial": True}, "partial", id="partial"),
    ],
)
async def test_an_incomplete_answer_counts_and_is_told(more, because):
    pull, index, _ = await pull_of(lambda _: (200, vector(({"version": "7"}, "1"), **more)))

    assert told(pull, index) == {"requests of 7": 1.0}
    assert [(spot.signals, because in spot.because) for spot in pull.blind] == [(("requests",), True)]


POISON = [
    pytest.param((200, {"status": "success", "data": {"resultType": "matrix", "result": []}}), "matrix", id="range"),
    pytest.param((200, {"status": "success"}), "not one of Prometheus", id="no data"),
    pytest.param((200, ["x"]), "not one of Prometheus", id="a list"),
    pytest.param((200, vector(({}, "many"))), "cannot be read", id="not a number"),
    pytest.param((200, vector(({}, None))), "cannot be read", id="null"),
    pytest.param((200, vector((["x"], "1"))), "label set", id="labels as a list"),
    pytest.param((200, vector(({"version": {"a": "b"}}, "1"))), "not text", id="nested label"),
    pytest.param(
        (
            200,
            {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "histogram": [0, {}]}]}},
        ),
        "histogram_quantile",
        id="native histogram",
    ),
]


@pytest.mark.parametrize(
    ("answer", "because"), [*POISON, pytest.param(recorded("prom_bad_query"), "unclosed", id="query")]
)
async def test_one_signal_that_cannot_be_read_does_not_spoil_the_others(answer, because):
    def answers(asked):
        return answer if asked.query["query"] == "poison" else (200, vector(({"version": "7"}, "1")))

    pull, index, _ = await pull_of(answers, signal("poison"), signal("good"))

    assert told(pull, index) == {"good of 7": 1.0}
    assert [spot.signals for spot in pull.blind] == [("poison",)]
    assert because in pull.blind[0].because


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((401, "who are you"), id="credentials refused"),
        pytest.param((404, "page not found"), id="wrong address"),
        pytest.param((503, "starting"), id="away"),
        pytest.param((200, "<html>"), id="a login page"),
    ],
)
async def test_a_server_that_answers_no_signal_is_down(answer):
    with pytest.raises(SourceDownError):
        await pull_of(lambda _: answer, signal("a"), signal("b"))


async def test_signals_that_answer_before_the_deadline_are_kept():
    over = asyncio.Event()

    async def answers(asked):
        if asked.query["query"] == "slow":
            await over.wait()
        return 200, vector(({"version": "7"}, "1"))

    async with api_server(answers) as (url, _), HttpClient(url) as client:
        index = SeriesIndex()
        source = PrometheusSource("prom", client, [signal("slow"), signal("good")], deadline_s=0.5)
        pull = await source.pull(index, at=AT)
        over.set()

    assert told(pull, index) == {"good of 7": 1.0}
    assert [spot.signals for spot in pull.blind] == [("slow",)]


async def test_only_a_few_queries_run_at_a_time():
    running, most = 0, 0

    async def answers(_):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return recorded("prom_empty")

    await pull_of(answers, *(signal(f"s{number}") for number in range(9)), concurrency=3)

    assert most == 3


async def test_series_beyond_the_cap_are_told_and_known_ones_go_on():
    series = [({"version": str(number)}, str(number)) for number in range(5)]

    pull, index, _ = await pull_of(lambda _: (200, vector(*series)), max_series=3)

    assert len(index) == 3
    assert list(pull.samples.values) == [0.0, 1.0, 2.0]
    assert "too many series" in pull.blind[0].because


async def test_series_without_their_entity_are_left_out_and_logged_once(caplog):
    answer = vector(({"version": "7"}, "1"), ({"job": "x"}, "2"), ({"version": ""}, "3"))

    with caplog.at_level(logging.WARNING):
        pull, index, _ = await pull_of(lambda _: (200, answer))

    assert told(pull, index) == {"requests of 7": 1.0}
    assert len([record for record in caplog.records if "entity label" in record.message]) == 1


async def test_a_signal_whose_series_all_lack_the_entity_is_blind():
    pull, _, _ = await pull_of(lambda _: (200, vector(({"job": "x"}, "2"))))

    assert "no series of requests has the label version" in pull.blind[0].because


async def test_rows_stay_whatever_the_order_of_series_and_labels():
    answers = iter(
        [
            vector(({"pod": "a", "version": "7"}, "1"), ({"pod": "b", "version": "7"}, "2")),
            vector(({"version": "7", "pod": "b"}, "20"), ({"pod": "a", "version": "7"}, "10")),
        ]
    )
    async with api_server(lambda _: (200, next(answers))) as (url, _), HttpClient(url) as client:
        source, index = PrometheusSource("prom", client, [signal()]), SeriesIndex()
        first = await source.pull(index, at=AT)
        second = await source.pull(index, at=AT)

    assert list(first.samples.rows) == [0, 1]
    assert dict(zip(second.samples.rows.tolist(), second.samples.values, strict=True)) == {0: 10.0, 1: 20.0}


async def test_rows_belong_to_the_index_that_is_given():
    async with api_server(lambda _: (200, vector(({"version": "7"}, "1")))) as (url, _), HttpClient(url) as client:
        source = PrometheusSource("prom", client, [signal()])
        await source.pull(SeriesIndex(), at=AT)
        other = SeriesIndex([SeriesKey("x", "y")])
        pull = await source.pull(other, at=AT)

    assert other[int(pull.samples.rows[0])] == SeriesKey("requests", "7")


async def history_of(handler, *, minutes, step_s=60.0, **options):
    async with api_server(handler) as (url, seen), HttpClient(url, **options) as client:
        index = SeriesIndex()
        source = PrometheusSource("prom", client, [signal()])
        history = await source.history(index, start=AT - timedelta(minutes=minutes), end=AT, step_s=step_s)
        return history, index, seen


def points(asked, *, shuffle=False):
    """Answer a range as Prometheus would: the value is the number of the minute."""
    start, end, step = (float(asked.query[name]) for name in ("start", "end", "step"))
    values = [[at, str(at // 60)] for at in np.arange(start, end + step / 2, step).tolist()]
    if shuffle:
        values = [*values[::-1], values[0]]
    result = [{"metric": {"version": "7"}, "values": values}]
    return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}


async def test_a_recorded_range_lands_on_the_grid():
    status, body = recorded("prom_query_range")
    first = body["data"]["result"][0]["values"][0][0]

    async with api_server(lambda _: (status, body)) as (url, _), HttpClient(url) as client:
        index = SeriesIndex()
        history = await PrometheusSource("prom", client, [signal("score", entity=("model", "version"))]).history(
            index, start=from_epoch(first), end=from_epoch(first + 7), step_s=1.0
        )

    assert [key.entity for key in index] == ["fraud/7", "fraud/8"]
    assert history.values.shape == (8, 2)
    np.testing.assert_allclose(history.values[0], [0.3037325021369887, 0.30612181669340877])
    assert np.isnan(history.values[6:]).all()


@pytest.mark.parametrize("shuffle", [False, True])
async def test_history_has_a_column_a_series_and_a_row_a_step(shuffle):
    history, index, _ = await history_of(lambda asked: points(asked, shuffle=shuffle), minutes=30)

    assert history.values.shape == (31, len(index)) == (31, 1)
    np.testing.assert_array_equal(history.values[:, 0], history.times_s // 60)


async def test_a_long_history_is_asked_in_pieces_that_prometheus_allows():
    history, _, seen = await history_of(points, minutes=25_000)

    spans = [(float(one.query["end"]) - float(one.query["start"])) / 60 for one in seen]
    assert len(seen) == 3
    assert max(spans) < 11_000
    np.testing.assert_array_equal(history.values[:, 0], history.times_s // 60)


async def test_a_history_larger_than_the_cap_is_asked_in_smaller_pieces():
    history, _, seen = await history_of(points, minutes=600, max_bytes=8_000)

    assert len(seen) > 3
    np.testing.assert_array_equal(history.values[:, 0], history.times_s // 60)


async def test_how_much_fits_an_answer_is_found_out_once():
    async with api_server(points) as (url, seen), HttpClient(url, max_bytes=8_000) as client:
        source, index = PrometheusSource("prom", client, [signal()]), SeriesIndex()
        first = await source.history(index, start=AT - timedelta(minutes=600), end=AT, step_s=60.0)
        asked = len(seen)
        second = await source.history(index, start=AT - timedelta(minutes=600), end=AT, step_s=60.0)

    np.testing.assert_array_equal(first.values, second.values)
    assert len(seen) - asked < asked
    assert max(float(one.query["end"]) - float(one.query["start"]) for one in seen[asked:]) < 600 * 60


@pytest.mark.parametrize("whole", [False, True])
async def test_a_history_that_the_server_cuts_short_is_a_part_or_if_so_asked_none(whole):
    def half(asked):
        return (503, "overloaded") if asked.query["query"] == "slow" else points(asked)

    signals = [signal(), Signal(name="slow", kind=Kind.LATENCY, query="slow", entity_labels=("version",))]
    async with api_server(half) as (url, _), HttpClient(url) as client:
        source, index = PrometheusSource("prom", client, signals, whole=whole), SeriesIndex()
        asked = source.history(index, start=AT - timedelta(minutes=3), end=AT, step_s=60.0)
        if whole:
            with pytest.raises(SourceDownError, match="503: overloaded"):
                await asked
            return
        history = await asked

    assert history.values.shape == (4, 1)
    assert [(spot.signals, "overloaded" in spot.because) for spot in history.blind] == [(("slow",), True)]


async def test_points_beside_the_grid_are_dropped():
    def answers(asked):
        start = float(asked.query["start"])
        values = [[start, "1"], [start + 25, "9"], [start - 60, "9"], [start + 1e9, "9"]]
        result = [{"metric": {"version": "7"}, "values": values}]
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": result}}

    history, _, _ = await history_of(answers, minutes=3)

    np.testing.assert_array_equal(history.values[:, 0], [1.0, np.nan, np.nan, np.nan])


async def test_a_history_that_cannot_be_asked_means_the_source_is_down():
    with pytest.raises(SourceDownError):
        await history_of(lambda _: (503, "starting"), minutes=3)
