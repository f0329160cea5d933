import gzip
import json
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pytest

from bot.clock import from_epoch
from bot.domain.change import ChangeKind
from bot.domain.series import SeriesIndex, SeriesKey
from bot.errors import BadInputError
from bot.sources.recording import RecordingSource, load_recording

T0 = 1_790_000_000
HEADER = "time,signal,entity,labels,value\n"
CATALOG = """
step_s: 60
nodes: [{name: n-07}]
signals:
  - {name: cpu, kind: cpu, unit: ratio, worse: up}
  - {name: latency, kind: latency}
"""


@pytest.fixture
def folder(tmp_path):
    """Write a recording: rows as text, or as tuples for Parquet."""

    def write(rows="", *, changes=None, catalog=CATALOG, header=HEADER, name="calm"):
        place = tmp_path / name
        place.mkdir()
        (place / "catalog.yaml").write_text(catalog)
        (place / "telemetry.csv.gz").write_bytes(gzip.compress((header + rows).encode()))
        if changes is not None:
            (place / "changes.jsonl").write_text(changes)
        return place

    return write


def row(minute, value, *, signal="cpu", entity="n-07", labels=""):
    return f"{T0 + 60 * minute:.15g},{signal},{entity},{labels},{value}\n"


def parquet(place: Path, columns: str, *rows: str):
    (place / "telemetry.csv.gz").unlink(missing_ok=True)
    with duckdb.connect() as base:
        base.execute(f"CREATE TABLE t ({columns})")
        for one in rows:
            base.execute(f"INSERT INTO t VALUES ({one})")
        base.execute(f"COPY t TO '{place / 'telemetry.parquet'}'")
    return place


def column(recording, series=0):
    return recording.matrix[:, series].tolist()


def test_samples_stand_on_the_grid_of_the_catalogue(folder):
    recording = load_recording(folder(row(0, 1) + row(1, 2) + row(3, 4) + row(1, 7, signal="latency")))

    assert recording.name == "calm"
    assert list(recording.index) == [SeriesKey("cpu", "n-07"), SeriesKey("latency", "n-07")]
    assert recording.times_s.tolist() == [T0, T0 + 60, T0 + 120, T0 + 180]
    np.testing.assert_array_equal(recording.matrix[:, 0], [1, 2, np.nan, 4])
    np.testing.assert_array_equal(recording.matrix[:, 1], [np.nan, 7, np.nan, np.nan])


def test_rows_may_come_in_any_order(folder):
    rows = [row(minute, minute) for minute in range(50)]
    shuffled = [rows[place] for place in np.random.default_rng(7).permutation(50)]

    assert column(load_recording(folder("".join(shuffled)))) == list(range(50))


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        pytest.param([row(1, 5), row(1, 6)], 6, id="the last duplicate"),
        pytest.param([row(1, 5), row(1, "NaN")], np.nan, id="the last duplicate says no sample"),
        pytest.param([row(0.9, 5), row(1, "")], 5, id="an empty row leaves an earlier moment of the tick"),
        pytest.param([row(0.9, 5), row(0.6, 4)], 5, id="the later moment of the tick"),
        pytest.param([row(0.5, 5)], 5, id="a sample between ticks waits for the next"),
        pytest.param([row(1, "inf")], np.nan, id="infinity"),
        pytest.param([row(1, "1e308")], 1e308, id="huge"),
    ],
)
def test_the_second_tick_holds(folder, rows, value):
    recording = load_recording(folder(row(0, 1) + "".join(rows) + row(2, 3)))

    np.testing.assert_array_equal(column(recording), [1, value, 3])


def test_nothing_is_known_before_it_happened(folder):
    rng = np.random.default_rng(7)
    times = np.sort(np.append(rng.uniform(0, 30, 40), 0.0))
    recording = load_recording(folder("".join(row(minute, T0 + 60 * minute) for minute in times)))

    seen = recording.matrix[:, 0]
    known = ~np.isnan(seen)
    assert known.sum() > 10
    assert (seen[known] <= recording.times_s[known] + 1e-3).all()
    assert (seen[known] > recording.times_s[known] - 60 - 1e-3).all()


@pytest.mark.parametrize(
    ("written", "labels"),
    [
        pytest.param("", (), id="empty"),
        pytest.param("{}", (), id="none"),
        pytest.param('"{""b"": ""2"", ""a"": ""1""}"', (("a", "1"), ("b", "2")), id="not sorted"),
        pytest.param('"{""a"": 1}"', (("a", "1"),), id="a number"),
    ],
)
def test_labels_are_read_as_a_sorted_set(folder, written, labels):
    recording = load_recording(folder(row(0, 1, labels=written)))

    assert recording.index[0].labels == labels


def test_label_sets_that_differ_in_writing_are_one_series(folder):
    rows = row(0, 1, labels='"{""a"": ""1"", ""b"": ""2""}"') + row(1, 2, labels='"{""b"":""2"",""a"":""1""}"')

    assert column(load_recording(folder(rows))) == [1, 2]


@pytest.mark.parametrize("written", ["2026-09-21T14:13:20Z", "2026-09-21T16:13:20+02:00", "2026-09-21 14:13:20.000+00"])
def test_times_may_be_iso_8601_with_a_zone(folder, written):
    recording = load_recording(folder(f"{written},cpu,n-07,,1\n"))

    assert recording.times_s.tolist() == [T0]


@pytest.mark.parametrize(
    ("kind", "time"),
    [
        ("BIGINT", f"{T0}"),
        ("DOUBLE", f"{T0}.0"),
        ("TIMESTAMPTZ", "'2026-09-21 14:13:20+00'"),
        ("VARCHAR", "'2026-09-21T14:13:20Z'"),
        ("VARCHAR", f"'{T0}'"),
    ],
)
def test_parquet_reads_the_same(folder, kind, time):
    columns = f"time {kind}, signal VARCHAR, entity VARCHAR, labels VARCHAR, value DOUBLE"
    place = parquet(folder(), columns, f"{time}, 'cpu', 'n-07', '{{}}', 0.5", f"{time}, 'latency', 'n-07', NULL, NULL")

    recording = load_recording(place)

    assert recording.times_s.tolist() == [T0]
    np.testing.assert_array_equal(recording.matrix, [[0.5, np.nan]])


def test_duplicates_in_parquet_keep_the_order_of_the_file(folder):
    columns = "time BIGINT, signal VARCHAR, entity VARCHAR, labels VARCHAR, value DOUBLE"
    rows = [f"{T0}, 'cpu', 'n-07', '{{}}', {number}" for number in range(20)]

    assert column(load_recording(parquet(folder(), columns, *rows))) == [19]


@pytest.mark.parametrize(
    ("rows", "because"),
    [
        pytest.param(
            row(0, 1) + row(1, 1, signal="gpu"), r"row 2: the signal 'gpu' is not in catalog\.yaml", id="signal"
        ),
        pytest.param(row(0, 1) + row(0, "many"), "row 2: value is 'many'", id="value"),
        pytest.param("yesterday,cpu,n-07,,1\n", "row 1: time is 'yesterday'", id="time"),
        pytest.param("2026-09-21T14:13:20,cpu,n-07,,1\n", "row 1: time is .* with a zone", id="no zone"),
        pytest.param(f"{T0}000,cpu,n-07,,1\n", "row 1: .*milliseconds", id="milliseconds"),
        pytest.param(row(0, 1, entity=""), "row 1: entity is empty", id="entity"),
        pytest.param(row(0, 1, labels="a=1"), "row 1: labels are not JSON", id="labels"),
        pytest.param(row(0, 1, labels='"[""a""]"'), "row 1: labels must be a JSON object", id="labels as a list"),
        pytest.param(row(0, 1) + f"{T0},cpu\n", r"telemetry\.csv\.gz: ", id="short row"),
        pytest.param(row(0, 1) + row(38_000_000, 1, entity="x"), "too many", id="a stray time"),
    ],
)
def test_a_row_that_does_not_fit_is_named(folder, rows, because):
    place = folder(rows)

    with pytest.raises(BadInputError, match=because) as refusal:
        load_recording(place)

    assert str(refusal.value).startswith(str(place / "telemetry.csv.gz"))
    assert "\n" not in str(refusal.value)


def test_a_missing_column_is_named(folder):
    with pytest.raises(BadInputError, match="the column labels is missing"):
        load_recording(folder(f"{T0},cpu,n-07,1\n", header="time,signal,entity,value\n"))


def test_a_file_that_is_no_table_is_named(folder):
    place = folder()
    (place / "telemetry.csv.gz").unlink()
    (place / "telemetry.parquet").write_bytes(b"PAR1 not really")

    with pytest.raises(BadInputError, match=r"telemetry\.parquet: cannot be read"):
        load_recording(place)


@pytest.mark.parametrize(
    ("absent", "because"), [("catalog.yaml", "no such file"), ("telemetry.csv.gz", "neither"), ("", "no such folder")]
)
def test_what_is_absent_is_named(folder, absent, because):
    place = folder(row(0, 1))
    if absent:
        (place / absent).unlink()

    with pytest.raises(BadInputError, match=because):
        load_recording(place if absent else place / "nowhere")


def test_an_empty_table_is_a_recording_of_nothing(folder):
    recording = load_recording(folder())

    assert (len(recording.times_s), len(recording.index)) == (0, 0)


def test_a_link_out_of_the_folder_is_not_followed(folder, tmp_path):
    place = folder(row(0, 1))
    (tmp_path / "outside.jsonl").write_text("")
    (place / "changes.jsonl").symlink_to(tmp_path / "outside.jsonl")

    with pytest.raises(BadInputError, match="out of the folder"):
        load_recording(place)


def test_the_truth_is_never_opened(folder):
    place = folder(row(0, 1))
    (place / "truth.jsonl").mkdir()  # opening it would fail

    assert len(load_recording(place).times_s) == 1


def test_a_folder_may_be_called_anything(folder):
    assert column(load_recording(folder(row(0, 1), name="run [1] *?'x"))) == [1]


def test_changes_are_read_and_told_in_order(folder):
    lines = [
        {"time": T0 + 90, "kind": "deploy", "entity": "scoring", "text": "rollout", "from": 3, "to": "4", "by": None},
        {"time": "2026-09-21T14:13:20Z", "kind": "calendar", "entity": "all"},
    ]
    recording = load_recording(folder(row(0, 1), changes="\n".join(map(json.dumps, lines)) + "\n\n"))

    first, second = recording.changes
    assert (first.kind, first.time, first.text) == (ChangeKind.CALENDAR, from_epoch(T0), "")
    assert (second.kind, second.entity, second.text, second.from_, second.to) == (
        ChangeKind.DEPLOY,
        "scoring",
        "rollout",
        "3",
        "4",
    )


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("{", id="not JSON"),
        pytest.param("[]", id="no object"),
        pytest.param('{"time": 1, "kind": "party", "entity": "x"}', id="unknown kind"),
        pytest.param('{"kind": "deploy", "entity": "x"}', id="no time"),
        pytest.param('{"time": "2026-09-21T14:13:20", "kind": "deploy", "entity": "x"}', id="no zone"),
        pytest.param('{"time": 1e300, "kind": "deploy", "entity": "x"}', id="beyond all calendars"),
    ],
)
def test_a_change_that_does_not_fit_is_named_by_its_line(folder, line):
    good = '{"time": 1, "kind": "deploy", "entity": "x"}\n\n'

    with pytest.raises(BadInputError, match=r"changes\.jsonl: row 3: ") as refusal:
        load_recording(folder(row(0, 1), changes=good + line))

    assert "\n" not in str(refusal.value)


async def test_the_source_tells_a_series_from_its_first_sample_on(folder):
    rows = row(0, 1) + row(1, 2) + row(2, 3) + row(2, 9, signal="latency")
    source, index = RecordingSource(load_recording(folder(rows))), SeriesIndex()

    first = await source.pull(index, at=from_epoch(T0 + 60))
    known = list(index)
    second = await source.pull(index, at=from_epoch(T0 + 120))
    beyond = await source.pull(index, at=from_epoch(T0 + 600))

    assert (first.samples.rows.tolist(), first.samples.values.tolist()) == ([0], [2.0])
    assert known == [SeriesKey("cpu", "n-07")]
    assert (second.samples.rows.tolist(), second.samples.values.tolist()) == ([0, 1], [3.0, 9.0])
    assert len(beyond.samples.rows) == 0
    assert source.signals == ("cpu", "latency")


async def test_the_history_is_what_was_seen_by_then(folder):
    rows = row(0, 1) + row(1, 2) + row(2, 3) + row(2, 9, signal="latency")
    source, index = RecordingSource(load_recording(folder(rows))), SeriesIndex([SeriesKey("x", "y")])

    history = await source.history(index, start=from_epoch(T0 - 60), end=from_epoch(T0 + 90), step_s=60.0)

    assert history.times_s.tolist() == [T0 - 60, T0, T0 + 60]
    assert history.rows.tolist() == [1]
    np.testing.assert_array_equal(history.values[:, 0], [np.nan, 1, 2])


async def test_the_source_tells_changes_after_since_up_to_until(folder):
    lines = "\n".join(
        json.dumps({"time": T0 + 60 * minute, "kind": "deploy", "entity": str(minute)}) for minute in range(4)
    )
    source = RecordingSource(load_recording(folder(row(0, 1), changes=lines)))

    told = await source.changes(since=from_epoch(T0), until=from_epoch(T0) + timedelta(minutes=2))

    assert [change.entity for change in told] == ["1", "2"]
