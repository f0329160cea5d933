"""Counting a prediction log: the same expectations of files and of PostgreSQL, worked out from the rows by numpy."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import duckdb
import numpy as np
import psycopg
import pytest
import sqlalchemy as sa

from bot.domain.prediction_log import ColumnKind, Every, LogColumns, Problem, Rows
from bot.errors import BadInputError, SourceDownError
from bot.sources.prediction_log.log import PredictionLog
from bot.sources.prediction_log.profile_file import profile_text, read_profile
from bot.sources.warehouse import Warehouse
from tests.contracts.conftest import POSTGRES
from tests.contracts.logs import COLUMNS, LABEL_TYPES, LOG_TYPES, START, STEP, Engine
from tests.pipeline.quality import logs
from tests.servers import free_port

NOW = START + timedelta(days=30)
N = 600
BARE = replace(COLUMNS, label_time=None)


@pytest.fixture(params=["parquet", "csv", POSTGRES])
async def engine(request, tmp_path) -> Engine:
    if request.param == "postgres":
        url = await request.getfixturevalue("postgres_databases").fresh(empty=True)
        return Engine(kind="postgres", folder=tmp_path, url=url)
    return Engine(kind=request.param, folder=tmp_path)


@pytest.fixture
def rows() -> logs.Rows:
    drawn = logs.binary(np.random.default_rng(4), N)
    drawn.features["a"][::50] = np.nan
    drawn.label[::7] = np.nan
    return replace(drawn, score=drawn.score.round(4), answer=(drawn.score.round(4) >= 0.5).astype(float))


def table_of(rows: logs.Rows, *, version: str = "1", first: int = 0) -> list[tuple]:
    """Rows as a database has them, ten seconds apart."""
    return [
        (
            f"id{first + at}",
            START + (first + at) * STEP,
            version,
            None if np.isnan(a) else float(a),
            float(b),
            str(group),
            float(score),
            int(answer),
            None if np.isnan(label) else int(label),
        )
        for at, (a, b, group, score, answer, label) in enumerate(
            zip(
                rows.features["a"],
                rows.features["b"],
                rows.features["group"],
                rows.score,
                rows.answer,
                rows.label,
                strict=True,
            )
        )
    ]


def assert_same(found, expected) -> None:
    assert found.n == expected.n
    assert np.array_equal(found.joint, expected.joint)
    assert found.sums == pytest.approx(expected.sums)
    assert found.residuals == pytest.approx(expected.residuals)
    assert found.labels.labelled == expected.labels.labelled
    for name, tally in expected.columns.items():
        mine = found.columns[name]
        assert mine.bins.tolist() == tally.bins.tolist(), name
        assert (mine.missing, mine.unseen, mine.below, mine.above, mine.distinct) == (
            tally.missing, tally.unseen, tally.below, tally.above, tally.distinct,
        ), name  # fmt: skip
    for name, counts in expected.slices.items():
        assert np.allclose(found.slices[name], counts, rtol=1e-9, atol=1e-9), name


# ---------------------------------------------------------------- counts


def test_every_count_is_the_one_that_the_rows_give(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    log = engine.log(columns=BARE)
    profile = log.profile(stretch=Rows(200), now=NOW)
    windows = log.windows(profile, stretch=Rows(200), now=NOW)

    assert [window.n for window in windows] == [200, 200, 200]
    for number, window in enumerate(windows):
        assert_same(window, logs.window_of(profile, rows.part(200 * number, 200 * number + 200)))
    assert_same(profile.total, logs.window_of(profile, rows))


def test_bins_hold_equal_shares_of_the_reference(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    profile = engine.log(columns=BARE).profile(stretch=Rows(200), now=NOW)
    numeric = profile.total.columns["b"].bins

    assert profile.problem is Problem.BINARY
    assert profile.classes == ("0", "1")
    assert {grid.name: grid.kind for grid in profile.features} == {
        "a": ColumnKind.NUMERIC, "b": ColumnKind.NUMERIC, "group": ColumnKind.CATEGORICAL,
    }  # fmt: skip
    assert numeric.min() >= 0.8 * N / 10
    assert numeric.max() <= 1.2 * N / 10


def test_windows_of_time_begin_at_whole_multiples_and_end_when_they_end(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    log = engine.log(columns=BARE)
    profile = log.profile(stretch=Rows(200), now=NOW)
    start, end = START + timedelta(minutes=30), START + timedelta(minutes=60)
    windows = log.windows(profile, stretch=Every(600), start=start, end=end, now=NOW)

    assert [window.number * 600 for window in windows] == [
        int((START + timedelta(minutes=m)).timestamp()) for m in (30, 40, 50)
    ]
    assert windows[0].start == start
    assert windows[-1].end == end
    assert_same(windows[0], logs.window_of(profile, rows.part(180, 240)))


def test_versions_that_answer_at_the_same_time_are_counted_apart(engine, rows):
    mixed = table_of(rows)
    mixed = [(*row[:2], "2" if at % 3 == 0 else "1", *row[3:]) for at, row in enumerate(mixed)]
    engine.put("log", LOG_TYPES, mixed)
    log = engine.log(columns=BARE)
    profile = log.profile(stretch=Rows(N), version="1", now=NOW)
    windows = log.windows(profile, stretch=Every(3600), now=NOW)

    assert profile.total.n == 400
    assert {(window.version, window.number - windows[0].number): window.n for window in windows} == {
        ("1", 0): 240, ("2", 0): 120, ("1", 1): 160, ("2", 1): 80,
    }  # fmt: skip
    spans = log.spans(start=START, end=NOW)
    assert [(one.version, one.n, one.first) for one in spans] == [("2", 200, START), ("1", 400, START + STEP)]


def test_numbers_in_place_of_classes_are_summed_as_residuals(engine):
    drawn = logs.numbers(np.random.default_rng(5), N)
    types = {**LOG_TYPES, "answer": "double precision", "label": "double precision"}
    table = [
        (f"id{at}", START + at * STEP, "1", float(a), 0.0, str(group), 0.0, float(answer), float(label))
        for at, (a, group, answer, label) in enumerate(
            zip(drawn.features["a"], drawn.features["group"], drawn.answer, drawn.label, strict=True)
        )
    ]
    engine.put("log", types, table)
    log = engine.log(columns=replace(BARE, scores=(), features=("a", "group")))
    profile = log.profile(stretch=Rows(300), now=NOW)

    assert profile.problem is Problem.REGRESSION
    assert profile.clip == pytest.approx(10 * np.median(np.abs(drawn.answer - drawn.label)), rel=0.02)
    for number, window in enumerate(log.windows(profile, stretch=Rows(300), now=NOW)):
        assert_same(window, logs.window_of(profile, drawn.part(300 * number, 300 * number + 300)))


def test_scores_of_several_classes_find_their_class_by_name(engine):
    rng = np.random.default_rng(6)
    names = ["prepaid", "highstreet", "upmarket"]
    p = rng.dirichlet([1, 1, 1], N).round(4)
    types = {"id": "text", **{f"p_{name}": "double precision" for name in names}, "answer": "text", "label": "text"}
    answer = [names[at] for at in p.argmax(axis=1)]
    label = [names[rng.choice(3, p=row / row.sum())] for row in p]
    engine.put("log", {"time": "timestamptz", **types}, [
        (START + at * STEP, f"id{at}", *map(float, row), answer[at], label[at]) for at, row in enumerate(p)
    ])  # fmt: skip
    columns = replace(BARE, scores=("p_upmarket", "p_prepaid", "p_highstreet"), features=(), version=None)
    profile = engine.log(columns=columns).profile(stretch=Rows(300), now=NOW)
    right = sum(a == b for a, b in zip(answer, label, strict=True))

    assert profile.problem is Problem.MULTICLASS
    assert profile.classes == ("highstreet", "prepaid", "upmarket")
    assert profile.columns.scores == ("p_highstreet", "p_prepaid", "p_upmarket")
    assert profile.total.joint.sum() == N
    assert int(np.einsum("bcc->", profile.total.joint[:, :, :3])) == right
    assert profile.total.sums[1] == pytest.approx(p.max(axis=1).sum())


# ---------------------------------------------------------------- labels


def test_labels_that_come_later_are_found_when_a_window_is_read_again(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    engine.put("labels", LABEL_TYPES, [])
    log = engine.log(labels="labels")
    profile = engine.log(columns=BARE).profile(stretch=Rows(N), now=NOW)
    before = log.windows(profile, stretch=Rows(N), now=NOW)[0]
    late = [(f"id{at}", int(row), START + at * STEP + timedelta(hours=1)) for at, row in enumerate(rows.answer)]
    engine.put("labels", LABEL_TYPES, late)
    after = engine.log(labels="labels").windows(profile, stretch=Rows(N), now=NOW)[0]

    assert (before.labels.labelled, after.labels.labelled) == (0, N)
    assert (after.labels.lag_p50_s, after.labels.lag_p95_s) == (3600.0, 3600.0)
    assert after.joint[:, 0, 0].sum() + after.joint[:, 1, 1].sum() == N


def test_labels_that_contradict_each_other_are_left_out_and_early_or_strange_ones_are_told(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    labels = [
        ("id0", 1, START + timedelta(hours=1)),
        ("id1", 0, START + timedelta(hours=1)),
        ("id1", 1, START + timedelta(hours=2)),
        ("id2", 7, START + timedelta(hours=1)),
        ("id3", 1, START - timedelta(hours=1)),
        ("id4", 1, START + timedelta(hours=1)),
        ("id4", 1, START + timedelta(hours=1)),  # the same twice is no contradiction
        ("nobody", 1, START),
    ]
    engine.put("labels", LABEL_TYPES, labels)
    profile = engine.log(columns=BARE).profile(stretch=Rows(N), now=NOW)
    window = engine.log(labels="labels").windows(profile, stretch=Rows(N), now=NOW)[0]

    told = window.labels
    assert (told.labelled, told.conflicting, told.strange, told.early) == (3, 1, 1, 1)
    assert window.n == N


# ---------------------------------------------------------------- what logs really hold


def test_values_that_are_none_are_counted_as_what_is_wrong_with_them(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    profile = engine.log(columns=BARE).profile(stretch=Rows(N), now=NOW)
    bad = table_of(rows)[:10]
    values = [None, float("nan"), float("inf"), float("-inf"), 1e12, -1e12, 0.5, 0.5, 0.5, 0.5]
    groups = [None, "", "z", "z", "x", "y", "x", "y", "x", "y"]
    engine.put("log", LOG_TYPES, [
        (*row[:3], value, value, group, *row[6:]) for row, value, group in zip(bad, values, groups, strict=True)
    ])  # fmt: skip
    window = engine.log(columns=BARE).windows(profile, stretch=Rows(10), now=NOW)[0]
    number, group = window.columns["b"], window.columns["group"]

    assert (number.missing, number.above, number.below, number.known) == (2, 2, 2, 8)
    assert (group.missing, group.unseen, group.known) == (2, 2, 6)


def test_texts_where_numbers_belong_are_unreadable(engine, rows):
    types = {**LOG_TYPES, "a": "text"}
    texts = [(*row[:3], "" if row[3] is None else str(row[3]), *row[4:]) for row in table_of(rows)]
    engine.put("log", types, texts)
    profile = engine.log(columns=BARE).profile(stretch=Rows(N), now=NOW)
    spoilt = [(*row[:3], value, *row[4:]) for row, value in zip(texts, ["n/a", " 1.5 ", "1e3", "NaN"], strict=False)]
    engine.put("log", types, spoilt)
    tally = engine.log(columns=BARE).windows(profile, stretch=Rows(10), now=NOW)[0].columns["a"]

    assert profile.features[0].kind is ColumnKind.NUMERIC
    assert (tally.unreadable, tally.missing, tally.known) == (1, 1, 2)


def test_an_empty_column_one_class_and_a_constant_break_nothing(engine, rows):
    flat = [(*row[:3], None, 1.0, "x", *row[6:7], 1, 1) for row in table_of(rows)]
    engine.put("log", LOG_TYPES, flat)
    log = engine.log(columns=BARE)
    profile = log.profile(stretch=Rows(200), now=NOW)
    window = log.windows(profile, stretch=Rows(200), now=NOW)[0]

    assert profile.classes == ("0", "1")
    assert (window.columns["a"].known, window.columns["a"].distinct) == (0, 0)
    assert (window.columns["b"].distinct, window.columns["group"].distinct) == (1, 1)


def test_repeated_ids_and_predictions_of_the_future_are_counted(engine, rows):
    twice = table_of(rows)
    twice = [("id0", *row[1:]) if at < 30 else row for at, row in enumerate(twice)]
    engine.put("log", LOG_TYPES, twice)
    log = engine.log(columns=BARE)
    now = START + 500 * STEP
    profile = log.profile(stretch=Rows(N), now=now)
    window = log.windows(profile, stretch=Rows(N), now=now)[0]

    assert (window.duplicates, window.future) == (29, 99)


def test_a_stretch_without_rows_is_no_window(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    log = engine.log(columns=BARE)
    profile = log.profile(stretch=Rows(N), now=NOW)

    assert log.windows(profile, stretch=Every(600), start=NOW, end=NOW + timedelta(hours=1), now=NOW) == []


def test_a_column_that_numbers_the_rows_is_no_feature(engine, rows):
    types = {"row": "integer", **LOG_TYPES}
    engine.put("log", types, [(at, *row) for at, row in enumerate(table_of(rows))])
    profile = engine.log(columns=replace(BARE, features=())).profile(stretch=Rows(N), now=NOW)

    assert [grid.name for grid in profile.features] == ["a", "b", "group"]


def test_an_infinite_score_is_out_of_range_and_in_no_sum(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    profile = engine.log(columns=BARE).profile(stretch=Rows(N), now=NOW)
    table = [(*row[:6], float("inf") if at == 1 else row[6], 1, 1) for at, row in enumerate(table_of(rows))]
    engine.put("log", LOG_TYPES, table)
    window = engine.log(columns=BARE).windows(profile, stretch=Rows(N), now=NOW)[0]
    scores = [row[6] for at, row in enumerate(table) if at != 1]

    assert window.score.above == 1
    assert window.sums == pytest.approx([N - 1, sum(scores), N - 1, sum(p * (1 - p) for p in scores)])


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"prediction": "anser"}, "the column anser is missing; there are: id, time", id="column"),
        pytest.param({"features": ("a", "c")}, "the column c is missing", id="feature"),
        pytest.param({"time": "when"}, "the column when is missing", id="time"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_those_that_are(engine, rows, changed, said):
    engine.put("log", LOG_TYPES, table_of(rows))

    with pytest.raises(BadInputError, match=said):
        engine.log(columns=replace(BARE, **changed)).profile(stretch=Rows(N), now=NOW)


def test_an_empty_reference_is_refused(engine):
    engine.put("log", LOG_TYPES, [])

    with pytest.raises(BadInputError, match="no rows"):
        engine.log(columns=BARE).profile(stretch=Rows(N), now=NOW)


def test_names_are_quoted_whatever_they_hold(engine, rows):
    nasty = 'a"; DROP TABLE log; --'
    types = {nasty if name == "a" else name: kind for name, kind in LOG_TYPES.items()}
    if engine.kind == "postgres":
        with psycopg.connect(engine.url, autocommit=True) as base:
            columns = ", ".join('"{}" {}'.format(name.replace('"', '""'), kind) for name, kind in types.items())
            base.execute(f"CREATE TABLE log ({columns})")
            base.cursor().executemany("INSERT INTO log VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", table_of(rows))
    else:
        engine.put("log", {name.replace('"', '""'): kind for name, kind in types.items()}, table_of(rows))
    log = engine.log(columns=replace(BARE, features=(nasty,)))

    assert log.profile(stretch=Rows(N), now=NOW).total.columns[nasty].missing == 12


def test_an_answer_that_grows_too_large_is_refused_and_says_what_to_do(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    profile = engine.log(columns=BARE).profile(stretch=Rows(N), now=NOW)

    with pytest.raises(SourceDownError, match="max_rows"):
        engine.log(columns=BARE, max_rows=20).windows(profile, stretch=Rows(N), now=NOW)


def test_a_profile_survives_being_written_and_a_damaged_one_is_refused(engine, rows):
    engine.put("log", LOG_TYPES, table_of(rows))
    profile = engine.log(columns=BARE).profile(stretch=Rows(200), now=NOW)
    written = profile_text(profile)
    read = read_profile(written)

    assert profile_text(read) == written
    assert_same(read.total, profile.total)
    with pytest.raises(BadInputError, match="not what it was"):
        read_profile(written.replace('"n":600', '"n":601'))
    with pytest.raises(BadInputError, match="not a whole"):
        read_profile(written[:-40])


# ---------------------------------------------------------------- one engine


def test_duckdb_is_cut_off_in_time():
    warehouse = Warehouse("log", "duckdb://", timeout_s=0.2)

    with warehouse.reading() as reading, pytest.raises(SourceDownError, match=r"no answer in 0\.2 s"):
        reading.rows(sa.text("SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) % 7 = 3"))
    with warehouse.reading() as reading:
        assert reading.rows(sa.text("SELECT 1")) == [(1,)]


def test_looks_from_several_threads_wait_for_each_other(tmp_path, rows):
    engine = Engine(kind="parquet", folder=tmp_path)
    engine.put("log", LOG_TYPES, table_of(rows))
    log = engine.log(columns=BARE)
    profile = log.profile(stretch=Rows(200), now=NOW)
    with ThreadPoolExecutor(4) as pool:
        looks = list(pool.map(lambda _: log.windows(profile, stretch=Rows(200), now=NOW), range(8)))

    assert [[window.n for window in look] for look in looks] == [[200, 200, 200]] * 8


def test_a_time_without_a_zone_is_utc_wherever_the_bot_runs(tmp_path, rows, monkeypatch):
    with duckdb.connect(str(tmp_path / "log.db")) as base:
        base.execute("CREATE TABLE log AS SELECT '2026-05-01 00:00:00' AS time, i % 2 AS answer, .5 AS score, i AS a"
                     " FROM range(100) t(i)")  # fmt: skip
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        columns = LogColumns(prediction="answer", scores=("score",), time="time", features=("a",))
        warehouse = Warehouse("log", f"duckdb:///{tmp_path / 'log.db'}")
        profile = PredictionLog(warehouse, model="m", table="log", columns=columns).profile(stretch=Rows(100), now=NOW)
    finally:
        monkeypatch.undo()
        time.tzset()

    assert profile.total.start == START


def test_a_wide_log_is_counted_in_little_memory(tmp_path):
    """Sixty columns in one GROUP BY took DuckDB more than it may have."""
    path = tmp_path / "log.parquet"
    columns = ", ".join(f"random()::FLOAT AS f{at}" for at in range(60))
    with duckdb.connect(":memory:") as base:
        base.execute(f"COPY (SELECT random() AS score, (random() < .5)::INTEGER AS answer, {columns},"
                     f" TIMESTAMPTZ '2026-05-01 00:00:00Z' + to_seconds(i) AS time FROM range(86400) t(i)) TO '{path}'")  # fmt: skip
    warehouse = Warehouse("log", "duckdb://", files={"log": str(path)}, threads=2)
    log = PredictionLog(
        warehouse, model="m", table="log", columns=LogColumns(prediction="answer", scores=("score",), time="time")
    )
    profile = log.profile(stretch=Every(3600), now=NOW)

    assert [window.n for window in profile.history] == [3600] * 24


@pytest.mark.integration
@pytest.mark.enable_socket
async def test_postgresql_is_opened_for_reading_only_and_cut_off_in_time(postgres_databases, tmp_path, rows):
    engine = Engine(kind="postgres", folder=tmp_path, url=await postgres_databases.fresh(empty=True))
    engine.put("log", LOG_TYPES, table_of(rows))
    warehouse = engine.warehouse(timeout_s=0.2)

    with warehouse.reading() as reading, pytest.raises(SourceDownError, match="read-only"):
        reading.rows(sa.text("DELETE FROM log RETURNING id"))
    with warehouse.reading() as reading, pytest.raises(SourceDownError, match="statement timeout"):
        reading.rows(sa.text("SELECT pg_sleep(5)"))
    with warehouse.reading() as reading, pytest.raises(BadInputError, match="no table logs"):
        reading.columns("logs")


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_server_that_is_not_there_is_told_without_its_password():
    warehouse = Warehouse("log", f"postgresql://reader:secret@127.0.0.1:{free_port()}/x")
    with pytest.raises(SourceDownError) as told, warehouse.reading():
        pass

    assert "secret" not in str(told.value)
    assert "refused" in str(told.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("oracledb://x", "install its SQLAlchemy dialect", id="unknown"),
        pytest.param("snowflake://account", "snowflake-sqlalchemy", id="known"),
        pytest.param("no address", "cannot be read", id="nonsense"),
    ],
)
def test_a_database_that_is_not_known_here_is_told_with_what_to_install(url, said):
    with pytest.raises(BadInputError, match=said), Warehouse("log", url).reading():
        pass
