"""Evidently's service: answers that 0.7.23 gave (`tests/fixtures`), and others in their form."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import from_epoch
from bot.domain.series import SeriesIndex, SeriesKey
from bot.errors import SourceDownError
from bot.http import HttpClient
from bot.sources.evidently import EvidentlySource, SnapshotValue
from tests.sources.loopback import api_server, recorded

pytestmark = pytest.mark.enable_socket

AT = from_epoch(1_795_464_000.0)  # 2026-11-23T20:00:00Z
PROJECT = "0190c1ff-0000-7000-8000-000000000001"
DRIFT = "evidently:metric_v2:ValueDrift"
WANTED = SnapshotValue(metric=DRIFT, labels={"column": "a"}, signal="drift", entity="fraud/amount")
VERSION = (200, {"application": "Evidently UI", "version": "0.7.15", "commit": "-"})


def snapshot(ago_s, *tags, zone="+00:00"):
    at = (AT - timedelta(seconds=ago_s)).replace(tzinfo=None)
    return {"snapshot_id": f"s{ago_s}", "timestamp": f"{at.isoformat()}{zone}", "tags": list(tags), "metadata": {}}


def series(*values, metric=DRIFT, **params):
    return {"metric_type": metric, "filter_index": 0, "params": {"column": "a", **params}, "values": list(values)}


def told_by(sources, *found):
    return 200, {"sources": sources, "series": list(found)}


TWO = [snapshot(7200), snapshot(60)]


def server(data, version=VERSION):
    return lambda asked: version if asked.path == "/api/version" else data


async def asked_of(data, act, *wanted, version=VERSION):
    async with api_server(server(data, version)) as (url, seen), HttpClient(url) as client:
        return await act(EvidentlySource("ev", client, project=PROJECT, wanted=wanted or (WANTED,))), seen


async def pull_of(data, *wanted, version=VERSION, at=AT):
    index = SeriesIndex()
    pull, seen = await asked_of(data, lambda source: source.pull(index, at=at), *wanted, version=version)
    told = {index[row]: value for row, value in zip(pull.samples.rows, pull.samples.values, strict=True)}
    return told, pull.blind, seen


async def test_the_newest_snapshot_is_told():
    told, blind, seen = await pull_of(told_by(TWO, series(0.1, 0.4), series(9.0, 9.0, column="b")))

    assert (told, blind) == ({SeriesKey("drift", "fraud/amount"): 0.4}, ())
    assert [asked.path for asked in seen] == ["/api/version", f"/api/v2/snapshots/{PROJECT}/data_series_batch"]
    assert json.loads(seen[1].body) == {
        "series_filter": [{"tags": [], "metadata": {}, "metric": DRIFT, "metric_labels": {"column": "a"}}]
    }


@pytest.mark.parametrize(
    ("data", "value"),
    [
        pytest.param(told_by([snapshot(60, zone="")], series(0.4)), 0.4, id="no zone is UTC"),
        pytest.param(told_by(TWO, series(0.1)), 0.1, id="not in the newest"),
        pytest.param(told_by(TWO, series(None, 0.4)), 0.4, id="not in the first"),
        pytest.param(told_by(TWO, series(0.1, method="psi"), series(None, 0.4, method="ks")), 0.4, id="method changed"),
    ],
)
async def test_odd_answers_that_can_be_read(data, value):
    told, blind, _ = await pull_of(data)

    assert (list(told.values()), blind) == ([value], ())


RECORDED_AT = datetime(2026, 11, 24, 13, 5, tzinfo=UTC)


def value(metric, signal, **labels):
    return SnapshotValue(metric=f"evidently:metric_v2:{metric}", labels=labels, signal=signal, entity="fraud")


async def test_what_a_real_service_answered_is_understood():
    told, blind, _ = await pull_of(
        recorded("evidently_series"),
        value("ValueDrift", "drift", column="a"),
        value("MissingValueCount", "missing", column="a", value_type="share"),
        value("MeanValue", "mean", column="a"),  # null in the newest snapshot
        value("MissingValueCount", "either", column="a"),
        version=recorded("evidently_version"),
        at=RECORDED_AT,
    )

    assert {key.signal: round(found, 4) for key, found in told.items()} == {
        "drift": 1.0689,
        "missing": 1.0,
        "mean": 0.9924,
    }
    assert [(spot.signals, "by its value_type" in spot.because) for spot in blind] == [(("either",), True)]


@pytest.mark.parametrize("name", ["evidently_mixed_zones", "evidently_no_project"])
async def test_what_makes_a_real_service_fail_means_it_is_down(name):
    with pytest.raises(SourceDownError, match="500"):
        await pull_of(recorded(name), version=recorded("evidently_version"))


async def test_values_with_different_tags_are_asked_for_one_by_one():
    """Measured: of filters that differ only in their tags, 0.7.23 answers the first alone."""
    wanted = [
        SnapshotValue(metric=DRIFT, labels={"column": "a"}, tags=(tag,), signal=tag, entity="fraud")
        for tag in ("shadow", "prod")
    ]

    def answer(asked):
        if asked.path == "/api/version":
            return recorded("evidently_version")
        first = json.loads(asked.body)["series_filter"][0]["tags"]
        return recorded("evidently_tags" if first == ["prod"] else "evidently_nothing")

    async with api_server(answer) as (url, _), HttpClient(url) as client:
        index = SeriesIndex()
        pull = await EvidentlySource("ev", client, project=PROJECT, wanted=wanted).pull(index, at=RECORDED_AT)

    assert [index[row].signal for row in pull.samples.rows] == ["prod"]
    assert [spot.signals for spot in pull.blind] == [("shadow",)]


async def test_tags_choose_snapshots():
    wanted = SnapshotValue(metric=DRIFT, labels={"column": "a"}, tags=("live",), signal="drift", entity="fraud")

    told, _, _ = await pull_of(told_by([snapshot(120, "live"), snapshot(60)], series(0.1, 0.4)), wanted)

    assert list(told.values()) == [0.1]


@pytest.mark.parametrize(
    ("data", "because"),
    [
        pytest.param(told_by([]), "no snapshot has it", id="empty"),
        pytest.param(told_by(TWO, series(0.1, 0.4, column="b")), "no snapshot has it", id="another column"),
        pytest.param(
            told_by(TWO, series(0.1, 0.4, method="psi"), series(0.2, 0.3, method="ks")), "by its method", id="two"
        ),
        pytest.param(told_by(TWO, series(0.1, 0.4, 0.5)), "more values than snapshots", id="not aligned"),
    ],
)
async def test_what_cannot_be_told_apart_or_found_is_blind(data, because):
    told, blind, _ = await pull_of(data)

    assert (told, [(spot.signals, because in spot.because) for spot in blind]) == ({}, [(("drift",), True)])


@pytest.mark.parametrize(
    ("data", "version", "because"),
    [
        pytest.param(told_by([]), (200, {"version": "0.6.7"}), "version 0.6.7; only 0.7", id="older"),
        pytest.param(told_by([]), (200, {"version": "0.70.1"}), "only 0.7", id="much newer"),
        pytest.param(told_by([]), (404, "no"), "404", id="no version"),
        pytest.param(told_by([]), (200, []), "another form", id="version is a list"),
        pytest.param((401, {"detail": "who are you"}), VERSION, "who are you", id="401"),
        pytest.param((404, {"detail": "project not found"}), VERSION, "project not found", id="no project"),
        pytest.param((500, "x"), VERSION, "500", id="broken"),
        pytest.param((200, "<html>"), VERSION, "not JSON", id="not JSON"),
        pytest.param((200, {"series": []}), VERSION, "sources", id="another form"),
        pytest.param(told_by(TWO, series("high")), VERSION, "series.0.values", id="a text"),
    ],
)
async def test_nonsense_means_it_is_down(data, version, because):
    with pytest.raises(SourceDownError, match=because):
        await pull_of(data, version=version)


async def test_past_snapshots_are_history_and_not_told_again():
    index = SeriesIndex()

    async def both(source):
        history = await source.history(index, start=AT - timedelta(hours=3), end=AT, step_s=3600.0)
        return history.values.T.tolist(), await source.pull(index, at=AT)

    (past, pull), _ = await asked_of(told_by(TWO, series(0.1, 0.4)), both)

    assert [value for value in past[0] if value == value] == [0.1, 0.4]  # noqa: PLR0124 - NaN is not itself
    assert not len(pull.samples.rows)
