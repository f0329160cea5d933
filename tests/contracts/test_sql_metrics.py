"""Statistics in tables: the same expectations of .parquet, .csv and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import duckdb
import pytest

from bot.domain.series import SeriesIndex
from bot.errors import SourceDownError
from bot.sources.sql_metrics import SqlMetrics, columns_of
from bot.sources.warehouse import Warehouse
from tests.contracts.conftest import POSTGRES
from tests.contracts.logs import Engine
from tests.servers import free_port

AT = datetime(2026, 5, 8, tzinfo=UTC)
NANNYML = {
    "id": "integer", "model_id": "integer", "run_id": "integer", "start_timestamp": "timestamp",
    "end_timestamp": "timestamp", "timestamp": "timestamp", "metric_name": "text", "value": "double precision",
    "alert": "boolean", "column_name": "text",
}  # fmt: skip
OWN = {"at": "timestamptz", "model": "text", "auc": "double precision"}


@pytest.fixture(params=["parquet", "csv", POSTGRES])
async def engine(request, tmp_path) -> Engine:
    if request.param == "postgres":
        url = await request.getfixturevalue("postgres_databases").fresh(empty=True)
        return Engine(kind="postgres", folder=tmp_path, url=url)
    return Engine(kind=request.param, folder=tmp_path)


def drift(day, value, *, column="amount", method="jensen_shannon", run=1):
    """A chunk of a day, as NannyML writes it: times without a zone."""
    end = (AT - timedelta(days=day)).replace(tzinfo=None)
    start = end - timedelta(days=1)
    return (1, 2, run, start, end, start + (end - start) / 2, method, value, value > 0.1, column)


ROWS = [
    drift(2, 0.02),
    drift(1, 0.03),
    drift(0, 0.2),
    drift(1, 0.5, column="age"),
    drift(1, 0.9, method="chi2"),
]


def source_of(engine, *, preset="nannyml_univariate_drift", table=None, where=None, **options):
    columns = columns_of(
        preset,
        table=table,
        where={"metric_name": "jensen_shannon"} if where is None else where,
        **options.pop("own", {}),
    )
    return SqlMetrics(engine.warehouse(), columns, signal="drift", **options)


async def told(source, *, at=AT):
    index = SeriesIndex()
    try:
        pull = await source.pull(index, at=at)
    finally:
        await source.close()
    return {
        str(index[row]): value for row, value in zip(pull.samples.rows, pull.samples.values, strict=True)
    }, pull.blind


async def test_nannyml_tells_the_newest_chunk_of_each_column(engine):
    engine.put("univariate_drift_metrics", NANNYML, ROWS)

    found, blind = await told(source_of(engine, entity="fraud", entity_column="column_name"))

    assert (found, blind) == ({"drift of fraud/amount": 0.2, "drift of fraud/age": 0.5}, ())


async def test_a_chunk_is_not_told_before_it_ends(engine):
    engine.put("univariate_drift_metrics", NANNYML, ROWS)
    where = {"metric_name": "jensen_shannon", "column_name": "amount"}

    found, _ = await told(source_of(engine, entity="fraud/amount", where=where), at=AT - timedelta(seconds=1))

    assert found == {"drift of fraud/amount": 0.03}


async def test_numbers_choose_rows_too_and_the_same_value_again_is_no_conflict(engine):
    engine.put("univariate_drift_metrics", NANNYML, [drift(0, 0.2), drift(0, 0.2, run=2), drift(0, 0.7, run=3)])
    source = source_of(engine, entity="fraud", where={"run_id": 3})

    assert (await told(source))[0] == {"drift of fraud": 0.7}
    assert (await told(source_of(engine, entity="f", where={"value": 0.2})))[0] == {"drift of f": 0.2}
    assert (await told(source_of(engine, entity="f", where={"alert": True, "run_id": 3})))[0] == {"drift of f": 0.7}


async def test_history_lies_at_the_ends_of_chunks_and_is_not_told_again(engine):
    engine.put("univariate_drift_metrics", NANNYML, ROWS)
    source, index = source_of(engine, entity="fraud", entity_column="column_name"), SeriesIndex()

    history = await source.history(index, start=AT - timedelta(days=2), end=AT, step_s=86_400.0)
    pull = await source.pull(index, at=AT)
    await source.close()

    found = {index[row].entity: history.values[:, place].tolist() for place, row in enumerate(history.rows)}
    assert found["fraud/amount"] == [0.02, 0.03, 0.2]
    assert not len(pull.samples.rows)


async def test_a_table_of_ones_own(engine):
    engine.put("own", OWN, [(AT, "fraud", 0.8), (AT, "churn", None), (AT, "nan", float("nan"))])

    found, blind = await told(
        source_of(engine, preset=None, table="own", where={}, own={"time": "at", "value": "auc"}, entity_column="model")
    )

    assert (found, blind) == ({"drift of fraud": 0.8}, ())


async def test_an_empty_table_tells_nothing(engine):
    engine.put("own", OWN, [])

    found, blind = await told(
        source_of(engine, preset=None, table="own", where={}, own={"time": "at", "value": "auc"}, entity="fraud")
    )

    assert (found, blind) == ({}, ())


async def test_rows_that_cannot_be_told_apart_are_blind(engine):
    engine.put("univariate_drift_metrics", NANNYML, ROWS)

    found, [spot] = await told(source_of(engine, entity="fraud", where={"column_name": "amount"}))

    assert (found, spot.signals) == ({}, ("drift",))
    assert "several values of one time" in spot.because


@pytest.mark.parametrize(
    ("options", "because"),
    [
        pytest.param({"where": {"method": "x"}}, "has no column 'method'; it has alert, column_name", id="where"),
        pytest.param({"own": {"time": "moment"}}, "has no column 'moment'", id="time"),
        pytest.param({"own": {"value": "score"}}, "has no column 'score'", id="value"),
        pytest.param({"entity_column": "feature"}, "has no column 'feature'", id="entity"),
        pytest.param({"table": "other"}, "other", id="table"),
    ],
)
async def test_what_is_not_there_means_it_is_down(engine, options, because):
    engine.put("univariate_drift_metrics", NANNYML, ROWS)

    with pytest.raises(SourceDownError, match=because):
        await told(source_of(engine, **{"entity": "fraud"} | options))


async def test_a_field_of_a_struct_is_the_time_of_databricks(tmp_path):
    path = tmp_path / "drift.parquet"
    with duckdb.connect(":memory:") as base:
        base.execute("""CREATE TABLE t AS SELECT * FROM (VALUES
            ({'start': TIMESTAMP '2026-05-06', 'end': TIMESTAMP '2026-05-07'}, 'a', NULL, 'BASELINE', 0.1, {'statistic': 0.3}),
            ({'start': TIMESTAMP '2026-05-07', 'end': TIMESTAMP '2026-05-08'}, 'a', NULL, 'BASELINE', 0.4, {'statistic': 0.6}),
            ({'start': TIMESTAMP '2026-05-07', 'end': TIMESTAMP '2026-05-08'}, 'a', 'x > 1', 'BASELINE', 0.9, NULL))
            AS r("window", column_name, slice_key, drift_type, js_distance, ks_test)""")
        base.execute(f"COPY t TO '{path}'")

    async def of(value):
        columns = columns_of("databricks_drift", table="t", value=value, where={"drift_type": "BASELINE"})
        source = SqlMetrics(
            Warehouse("db", "duckdb://", files={"t": str(path)}),
            columns,
            signal="s",
            entity="m",
            entity_column="column_name",
        )
        return (await told(source))[0]

    assert await of("js_distance") == {"s of m/a": 0.4}
    assert await of("ks_test.statistic") == {"s of m/a": 0.6}


@pytest.mark.enable_socket
async def test_a_database_that_is_away_is_told_without_its_password():
    url = f"postgresql://bot:hunter2@127.0.0.1:{free_port()}/x"
    source = SqlMetrics(Warehouse("db", url), columns_of("nannyml_cbpe"), signal="s", entity="m")

    with pytest.raises(SourceDownError) as error:
        await told(source)

    assert "hunter2" not in str(error.value)
