import asyncio
import csv
import re
from datetime import datetime

import numpy as np
import pytest

from bot.world.__main__ import main
from bot.world.clock import VirtualClock
from bot.world.log_files import HOUR_S, LogFiles, NotEmptyError, follow
from bot.world.server import live_world, serve
from tests.world.measures import ORIGIN_S, HandClock

OPENING = ORIGIN_S - 3 * HOUR_S
KINDS = ("predictions", "labels")


@pytest.fixture
def wall():
    return HandClock()


@pytest.fixture
def clock(wall):
    return VirtualClock(origin_s=ORIGIN_S, origin_wall_s=0.0, rate=60.0, wall=wall)


@pytest.fixture
def world(clock):
    return live_world(clock, seed=7, scenario="demo", history_h=3, keeps_answers=True)


@pytest.fixture
def files(tmp_path, world):
    made = LogFiles(tmp_path / "log", world, seed=7)
    made.write(ORIGIN_S, span_s=HOUR_S)
    return made


def seconds(text):
    return datetime.fromisoformat(text).timestamp()


def read(folder, model, kind):
    """Rows by file, in the order of names."""
    found = {}
    for path in sorted((folder / "log" / model / kind).glob("*.csv")):
        with path.open(newline="") as text:
            found[path.stem] = list(csv.DictReader(text))
    return found


def begin_s(stem):
    return seconds(f"{stem}00Z")


def contents(folder):
    return {path: path.read_bytes() for path in sorted((folder / "log").rglob("*")) if path.is_file()}


def test_the_past_is_there_an_hour_a_file(tmp_path, files):
    for kind in KINDS:
        begins = [begin_s(stem) for stem in read(tmp_path, "fraud", kind)]
        assert begins[0] == OPENING
        assert begins[1:] == list(np.arange(OPENING // HOUR_S * HOUR_S + HOUR_S, ORIGIN_S, HOUR_S))


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        ("fraud", "id time version amount merchant_risk velocity_1h segment score prediction"),
        ("ranking", "id time version query_length user_affinity segment score prediction"),
    ],
)
def test_rows_read_like_those_of_a_warehouse(tmp_path, files, model, columns):
    rows = [row for found in read(tmp_path, model, "predictions").values() for row in found]

    assert list(rows[0]) == columns.split()
    assert [row["id"] for row in rows] == [f"{model}-{number:06d}" for number in range(len(rows))]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", row["time"]) for row in rows)
    assert {row["prediction"] for row in rows} == {"0", "1"}
    assert {row["version"] for row in rows} == {{"fraud": "3", "ranking": "7"}[model]}
    assert all(re.fullmatch(r"[01]\.\d{1,4}", row["score"]) for row in rows)


def test_time_going_on_adds_files_of_five_minutes_and_touches_none(tmp_path, files):
    before = contents(tmp_path)

    for second in range(1, 1201, 7):
        files.write(ORIGIN_S + second)

    after = contents(tmp_path)
    assert {path: after[path] for path in before} == before
    new = sorted({path.stem for path in after.keys() - before.keys()})
    assert [begin_s(stem) % 300 for stem in new] == [0] * 4
    assert len(after) - len(before) == 4 * 4  # stretches; two models with two kinds of files


def test_every_row_lies_in_the_stretch_of_its_file(tmp_path, files):
    files.write(ORIGIN_S + 1200)

    for model in ("fraud", "ranking"):
        for kind, column in (("predictions", "time"), ("labels", "label_time")):
            found = read(tmp_path, model, kind)
            begins = [*map(begin_s, found), (ORIGIN_S + 1200) // 300 * 300]
            for rows, begin, end in zip(found.values(), begins, begins[1:], strict=False):
                times = [seconds(row[column]) for row in rows]
                assert times == sorted(times)
                assert all(begin <= time_s < end for time_s in times)


def test_no_label_is_there_before_its_time_and_each_belongs_to_a_prediction(tmp_path, files):
    for minute in range(1, 31):
        now_s = ORIGIN_S + 60 * minute
        files.write(now_s)
        labels = [row for rows in read(tmp_path, "fraud", "labels").values() for row in rows]
        assert max(seconds(row["label_time"]) for row in labels) < now_s

    asked = {row["id"]: row for rows in read(tmp_path, "fraud", "predictions").values() for row in rows}
    late_s = [seconds(row["label_time"]) - seconds(asked[row["id"]]["time"]) for row in labels]
    assert len({row["id"] for row in labels}) == len(labels)
    assert 239 < min(late_s) < max(late_s) < 361  # the demo's five minutes, a fifth more or less
    assert len(labels) == pytest.approx(0.06 * len(asked), rel=0.2)


def test_rows_depend_neither_on_the_files_nor_on_how_often_they_are_written(tmp_path, clock, world, files):
    again = live_world(clock, seed=7, scenario="demo", history_h=3, keeps_answers=True)
    other = LogFiles(tmp_path / "other" / "log", again, seed=7)
    other.write(ORIGIN_S + 2400)
    for second in range(0, 2401, 30):
        files.write(ORIGIN_S + second)

    for kind in KINDS:
        one, two = (
            [row for rows in read(folder, "ranking", kind).values() for row in rows]
            for folder in (tmp_path, tmp_path / "other")
        )
        assert one == two


def test_the_log_changes_no_series(clock, world, files):
    alone = live_world(clock, seed=7, scenario="demo", history_h=3)
    for one in (alone, world):
        one.advance(ORIGIN_S + HOUR_S)

    assert np.array_equal(alone.values, world.values)


def test_a_reader_never_sees_half_a_file(tmp_path, files, monkeypatch):
    whole = contents(tmp_path)
    monkeypatch.setattr("pathlib.Path.rename", _refuse)

    with pytest.raises(OSError, match="no room"):
        files.write(ORIGIN_S + 600)
    monkeypatch.undo()

    assert {path: text for path, text in contents(tmp_path).items() if path.suffix == ".csv"} == whole
    files.write(ORIGIN_S + 600)
    added = contents(tmp_path).keys() - whole.keys()
    assert len({path.stem for path in added}) == 2
    assert {path.suffix for path in added} == {".csv"}


def test_a_stretch_that_failed_halfway_is_written_as_if_it_had_not(tmp_path, clock, files, monkeypatch):
    again = live_world(clock, seed=7, scenario="demo", history_h=3, keeps_answers=True)
    other = LogFiles(tmp_path / "other" / "log", again, seed=7)
    other.write(ORIGIN_S, span_s=HOUR_S)
    monkeypatch.setattr("pathlib.Path.rename", _refuse_the_second_model)
    with pytest.raises(OSError, match="no room"):
        other.write(ORIGIN_S + 600)
    monkeypatch.undo()

    for log in (files, other):
        log.write(ORIGIN_S + 1200)

    for model in ("fraud", "ranking"):
        for kind in KINDS:
            assert read(tmp_path / "other", model, kind) == read(tmp_path, model, kind)


def test_the_demos_past_stays_under_30_megabytes_in_the_busiest_days(tmp_path):
    busiest_s = ORIGIN_S + 61 * HOUR_S  # the night from Thursday to Friday
    clock = VirtualClock(origin_s=busiest_s, origin_wall_s=0.0, rate=60.0, wall=HandClock())
    world = live_world(clock, seed=7, scenario="demo", keeps_answers=True)

    LogFiles(tmp_path / "log", world, seed=7).write(busiest_s, span_s=HOUR_S)

    assert 20e6 < sum(len(text) for text in contents(tmp_path).values()) < 30e6


def _refuse_the_second_model(self, target):
    if "ranking" in self.parts:
        raise OSError("no room")
    return self.replace(target)


def _refuse(self, target):
    raise OSError("no room")


async def test_a_full_disk_is_told_and_tried_again(files, clock, wall, monkeypatch, caplog):
    wall.time_s = 20.0
    monkeypatch.setattr("bot.world.log_files.LOOK_S", 0.0)
    monkeypatch.setattr("pathlib.Path.rename", _refuse)
    following = asyncio.create_task(follow(files, clock))

    await asyncio.sleep(0.05)

    assert not following.done()
    assert "prediction log not written" in caplog.text
    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following


def test_a_folder_that_holds_something_is_refused(tmp_path, world, files):
    with pytest.raises(NotEmptyError, match="log is not empty: remove it, or name another folder"):
        LogFiles(tmp_path / "log", world, seed=7)


@pytest.mark.enable_socket
def test_the_command_refuses_it_in_one_line(tmp_path, capsys):
    (tmp_path / "old.csv").write_text("id\n")

    with pytest.raises(SystemExit) as stopped:
        main(["--history-h", "1", "--log-folder", str(tmp_path)])

    assert stopped.value.code == 2
    assert "is not empty: remove it" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.enable_socket
async def test_a_server_writes_while_nobody_asks(tmp_path, clock, wall, monkeypatch):
    monkeypatch.setattr("bot.world.log_files.LOOK_S", 0.01)
    async with serve(clock, seed=7, history_h=1, log_folder=tmp_path / "log"):
        past = contents(tmp_path)
        wall.time_s = 10.0
        async with asyncio.timeout(5):
            while len(contents(tmp_path)) < len(past) + 8:  # noqa: ASYNC110 - a folder has no event to wait for
                await asyncio.sleep(0.01)

    wall.time_s = 60.0
    stopped = contents(tmp_path)
    await asyncio.sleep(0.05)
    assert past
    assert contents(tmp_path) == stopped


@pytest.mark.enable_socket
async def test_without_a_folder_nothing_is_written(tmp_path, clock, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async with serve(clock, seed=7, history_h=1):
        pass

    assert list(tmp_path.iterdir()) == []
