"""Shapes of histograms: each window's buckets against those of its version's first windows."""

from datetime import timedelta

import numpy as np
import pytest

from bot.clock import from_epoch
from bot.domain.series import SeriesIndex, SeriesKey
from bot.errors import SourceDownError
from bot.http import HttpClient
from bot.sources.bucket_shapes import ShapeRule, Shapes
from bot.sources.histograms import HistogramDrift, HistogramQuery
from detectors.psi import psi
from tests.sources.loopback import api_server

HOUR = 3600.0
AT = from_epoch(500_000 * HOUR)
RULE = ShapeRule(signal="score_drift", entity_labels=("model",), version_label="version", reference=2)
ASKED = HistogramQuery(query="q", rule=RULE, window=timedelta(hours=1), past=timedelta(hours=6))
FRAUD = SeriesKey("score_drift", "fraud")
USUAL, MOVED = (300.0, 600.0, 100.0), (100.0, 300.0, 600.0)
BOUNDS = ("0.5", "0.9", "+Inf")


def metrics(*, version="1", bounds=BOUNDS, **labels):
    return [{"model": "fraud", "version": version, "le": bound, **labels} for bound in bounds]


def windows(*counts):
    """Cumulative increases, a row a window, a little off whole numbers as `increase` has them; None: no sample."""
    return np.array([np.cumsum(one) * 1.0001 if one else np.full(3, np.nan) for one in counts])


def take(*counts, shapes=None, labels=None, **options):
    return (shapes or Shapes(RULE)).take(labels or metrics(), windows(*counts), **options)


def excess(reference, current):
    return pytest.approx(float(psi([reference], [current]).excess[0]))


def test_windows_after_the_reference_are_compared_with_all_of_it():
    found = take(USUAL, USUAL, USUAL, MOVED)

    assert found == [{}, {}, {FRAUD: 0.0}, {FRAUD: excess(np.array(USUAL) * 2, MOVED)}]


def test_a_reference_is_frozen():
    found = take(USUAL, USUAL, *[MOVED] * 50)

    assert found[2] == found[-1]


@pytest.mark.parametrize(
    "thin",
    [
        pytest.param((60.0, 100.0, 39.0), id="199 rows"),
        pytest.param(None, id="no sample"),
        pytest.param((0.0, 0.0, 0.0), id="no rows"),
    ],
)
def test_a_thin_window_is_no_sample_and_no_reference(thin):
    assert take(thin, USUAL, thin, USUAL, thin, USUAL) == [{}, {}, {}, {}, {}, {FRAUD: 0.0}]


def test_a_bucket_that_seems_to_lose_rows_has_none():
    shapes = Shapes(RULE)
    usual = np.array([300.0, 299.0, 1000.0])  # extrapolation may leave cumulative buckets out of order

    found = shapes.take(metrics(), np.array([usual, usual, usual]))

    assert found[-1] == {FRAUD: 0.0}


def test_a_rollback_finds_the_old_reference_again():
    shapes = Shapes(RULE)
    take(USUAL, USUAL, shapes=shapes)

    new = take(MOVED, MOVED, MOVED, shapes=shapes, labels=metrics(version="2"))
    old = take(MOVED, shapes=shapes)

    assert new == [{}, {}, {FRAUD: 0.0}]
    assert old == [{FRAUD: excess(np.array(USUAL) * 2, MOVED)}]


def test_a_new_layout_of_buckets_is_a_new_reference():
    shapes = Shapes(RULE)
    take(USUAL, USUAL, shapes=shapes)

    assert take(MOVED, shapes=shapes, labels=metrics(bounds=("0.3", "0.9", "+Inf"))) == [{}]
    assert take(USUAL, shapes=shapes) == [{FRAUD: 0.0}]


def test_of_two_versions_the_one_with_more_rows_speaks():
    shapes = Shapes(RULE)
    both = metrics() + metrics(version="2")
    take(USUAL, USUAL, shapes=shapes)
    few = (100.0, 100.0, 50.0)

    busy_old = shapes.take(both, np.hstack([windows(USUAL), windows(few)]))
    busy_new = shapes.take(both, np.hstack([windows(few), windows(USUAL)]))

    assert (busy_old, busy_new) == ([{FRAUD: 0.0}], [{}])


def test_further_labels_stay_with_the_series():
    found = take(USUAL, USUAL, USUAL, labels=metrics(region="eu"))

    assert list(found[-1]) == [SeriesKey("score_drift", "fraud", (("region", "eu"),))]


def test_one_bucket_written_in_two_ways_is_one():
    labels = [*metrics(), {"model": "fraud", "version": "1", "le": "0.50"}]
    values = np.hstack([windows(USUAL, USUAL, USUAL), [[0.0], [0.0], [np.nan]]])

    assert Shapes(RULE).take(labels, values)[-1] == {FRAUD: 0.0}


def test_an_incomplete_answer_makes_no_reference():
    shapes = Shapes(RULE)

    take(MOVED, MOVED, shapes=shapes, learn=False)

    assert take(USUAL, USUAL, USUAL, shapes=shapes)[-1] == {FRAUD: 0.0}


@pytest.mark.parametrize(
    ("labels", "flaw"),
    [
        pytest.param([{"model": "fraud"}], "no label 'le'", id="le summed away"),
        pytest.param([{"le": "1"}], "no label 'model'", id="entity summed away"),
        pytest.param(metrics(bounds=("0.5", "0.9", "1")), "no bucket le=+Inf", id="no last bucket"),
        pytest.param(metrics(bounds=("low", "NaN", "x")), "no number", id="le is a word"),
    ],
)
def test_labels_that_cannot_be_read_are_a_flaw(labels, flaw):
    shapes = Shapes(RULE)

    found = shapes.take(labels, windows(USUAL)[:, : len(labels)])

    assert found == [{}]
    assert flaw in shapes.flaw


# ---------------------------------------------------------------- over HTTP


class Prometheus:
    """Answers range queries from windows by their end, in hours before AT."""

    def __init__(self, ago, **more):
        self.ago, self.more = ago, more

    def __call__(self, asked):
        start, end, step = (float(asked.query[name]) for name in ("start", "end", "step"))
        ends = np.arange(start, end + 1, step)
        told = [self.ago.get(round((AT.timestamp() - one) / HOUR)) for one in ends]
        series = [
            {"metric": label, "values": [[t, str(row[at])] for t, one, row in zip(ends, told, windows(*told), strict=True)
             if one]}
            for at, label in enumerate(metrics())
        ]  # fmt: skip
        return 200, {"status": "success", "data": {"resultType": "matrix", "result": series}, **self.more}


async def asked_of(server, act, *queries):
    async with api_server(server) as (url, seen), HttpClient(url) as client:
        return await act(HistogramDrift("prom histograms", client, queries or (ASKED,))), seen


PAST = {6: USUAL, 5: USUAL, 2: MOVED, 1: USUAL, 0: MOVED}


@pytest.mark.enable_socket
async def test_a_window_is_told_once_when_it_is_over():
    index = SeriesIndex()

    async def ticks(source):
        return [await source.pull(index, at=AT + timedelta(minutes=minute)) for minute in (0, 1, 59, 60)]

    pulls, seen = await asked_of(Prometheus(PAST | {-1: USUAL}), ticks)

    assert [pull.samples.values.tolist() for pull in pulls] == [[excess(np.array(USUAL) * 2, MOVED)], [], [], [0.0]]
    assert list(index) == [FRAUD]
    assert [(asked.path, asked.query["step"]) for asked in seen] == [("/api/v1/query_range", "3600")] * 2


@pytest.mark.enable_socket
async def test_a_start_learns_the_reference_and_lays_later_windows_on_the_grid():
    index, moved = SeriesIndex(), excess(np.array(USUAL) * 2, MOVED)

    async def start(source):
        history = await source.history(
            index, start=AT - timedelta(hours=3), end=AT - timedelta(minutes=1), step_s=1800.0
        )
        return history, await source.pull(index, at=AT)

    (history, pull), _ = await asked_of(Prometheus(PAST), start)

    nan = pytest.approx(np.nan, nan_ok=True)
    assert history.values[:, 0].tolist() == [nan, nan, moved, nan, 0.0, nan]
    assert pull.samples.values.tolist() == [moved]


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("answer", "because"),
    [
        pytest.param((400, {"errorType": "bad_data", "error": "parse error"}), "parse error", id="bad query"),
        pytest.param((200, {"status": "success"}), "not one of Prometheus", id="no data"),
        pytest.param(
            (
                200,
                {"status": "success", "data": {"resultType": "matrix", "result": [{"metric": {}, "histograms": []}]}},
            ),
            "native histograms",
            id="native",
        ),
    ],
)
async def test_a_query_that_cannot_be_answered_is_blind_until_it_can(answer, because):
    async def two(source):
        return [await source.pull(SeriesIndex(), at=AT) for _ in range(2)]

    pulls, seen = await asked_of(lambda _: answer, two)

    assert [[(spot.signals, because in spot.because) for spot in pull.blind] for pull in pulls] == [
        [(("score_drift",), True)]
    ] * 2
    assert len(seen) == 2


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("answer", "because"),
    [
        pytest.param((401, "who are you"), "401", id="401"),
        pytest.param((503, "starting"), "503", id="starting"),
        pytest.param((200, "<html>"), "not JSON", id="not JSON"),
    ],
)
async def test_a_server_that_cannot_answer_is_down(answer, because):
    with pytest.raises(SourceDownError, match=because):
        await asked_of(lambda _: answer, lambda source: source.pull(SeriesIndex(), at=AT))


@pytest.mark.enable_socket
async def test_a_partial_answer_is_told_and_teaches_nothing():
    async def act(source):
        return await source.pull(SeriesIndex(), at=AT)

    pull, _ = await asked_of(Prometheus(PAST, warnings=["one store is away"]), act)

    assert not len(pull.samples.rows)
    assert "one store is away" in pull.blind[0].because


@pytest.mark.enable_socket
async def test_a_server_without_any_window_is_quiet():
    pull, _ = await asked_of(Prometheus({}), lambda source: source.pull(SeriesIndex(), at=AT))

    assert (len(pull.samples.rows), pull.blind) == (0, ())
