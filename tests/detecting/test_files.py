"""Files of users: what is read, and the complaint that names file, line and what to do."""

import gzip
import math

import numpy as np
import pytest

from bot.detecting.files import read_entity, read_series, seconds_of, series_bytes, stem_of, write_each, written_by_us
from bot.errors import BadInputError

NOON_S = 1_767_268_800.0  # 2026-01-01 12:00 UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T12:00:00Z",
        "2026-01-01T12:00:00+00:00",
        "2026-01-01T14:30:00+02:30",
        "2026-01-01 12:00:00",
        "2026-01-01T12:00:00",
        "2026-01-01 12:00",
        " 2026-01-01 12:00:00.000 ",
        "1767268800",
        "1767268800.0",
        "1.7672688e9",
    ],
)
def test_a_moment_can_be_written_in_many_ways(text):
    assert seconds_of(text) == NOON_S


@pytest.mark.parametrize("text", ["", "yesterday", "01/02/2026", "2026-13-01", "nan", "inf", "1_767_268_800"])
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r"expected"):
        seconds_of(text)


def test_milliseconds_are_suspected():
    with pytest.raises(ValueError, match=r"are these milliseconds\?"):
        seconds_of("1767268800000")


def test_texts_and_order_are_kept_and_other_columns_ignored(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('host,value,note,timestamp\na,1.50,"x, y",60\na,,,120\n\na,NaN,,90\na,1e3,,"180"\n')

    given = read_series(path)

    assert given.stamps == ["60", "120", "90", "180"]
    assert given.texts == ["1.50", "", "NaN", "1e3"]
    assert given.times_s.tolist() == [60.0, 120.0, 90.0, 180.0]
    assert [None if math.isnan(value) else value for value in given.values] == [1.5, None, None, 1000.0]


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
def test_a_spreadsheets_mark_and_line_ends_do_not_matter(tmp_path, ends):
    path = tmp_path / "a.csv"
    path.write_bytes(("\ufeff" + ends.join(["timestamp,value", "60,1", "120,2"])).encode())

    given = read_series(path)

    assert (given.stamps, given.texts) == (["60", "120"], ["1", "2"])


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"", ":1: there is no column timestamp and no column value, found nothing; the first", id="empty"),
        pytest.param(b"time,value\n1,2\n", ":1: there is no column timestamp, found time, value; the", id="column"),
        pytest.param(
            b"timestamp;value\n1;2\n", ":1: there is no column timestamp and no column value", id="semicolons"
        ),
        pytest.param(b"timestamp,value\n1,2\nx,3\n", ":3: timestamp is 'x'; expected ISO 8601", id="timestamp"),
        pytest.param(b"timestamp,value\n1,2\n2,many\n", ":3: value is 'many'; expected a number", id="value"),
        pytest.param(b"timestamp,value\n1,2\n\n2\n", ":4: the row has 1 fields, too few", id="short row"),
        pytest.param(b"timestamp,value\n1,\xff\n", "is not text in UTF-8; save it", id="latin"),
        pytest.param(b'timestamp,value\n1,"' + b"x" * 200_000 + b'"\n', "is not CSV", id="endless field"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_line(tmp_path, content, complaint):
    path = tmp_path / "a.csv"
    path.write_bytes(content)

    with pytest.raises(BadInputError) as caught:
        read_series(path)

    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"timestamp,value\n1,2\n", id="not packed"),
        pytest.param(gzip.compress(b"timestamp,value\n" + b"1,2\n" * 999)[:-20], id="cut off"),
        pytest.param(gzip.compress(b"timestamp,value\n1,2\n")[:12] + b"\x07" * 30, id="damaged"),
    ],
)
def test_a_file_that_cannot_be_unpacked_is_refused(tmp_path, content):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(content)

    with pytest.raises(BadInputError, match=r"a\.csv\.gz: cannot be unpacked .*; compress it again"):
        read_series(path)


def test_an_answer_gives_back_the_texts_as_they_were(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('timestamp,value\n60, 1.50\n"120",\n')
    given = read_series(path)

    answer = series_bytes(given, score=np.array([0.0, 0.25]), alert=np.array([False, True]))

    assert answer.decode() == "timestamp,value,anomaly_score,alert\n60, 1.50,0,0\n120,,0.25,1\n"


# ---------------------------------------------------------------- entities

GOOD = {"train": np.zeros((5, 2)), "test": np.ones((3, 2), np.float32), "step_s": np.float64(60.0)}


def test_an_entity_is_read_and_other_arrays_are_not_even_unpacked(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, **GOOD, label=np.array([{"a": 1}], dtype=object))  # would be a pickle

    given = read_entity(path)

    assert (given.train.shape, given.test.tolist(), given.step_s) == ((5, 2), [[1.0, 1.0]] * 3, 60.0)
    assert given.test.dtype == np.float64


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        pytest.param({"step_s": None}, "the array step_s is missing, found train, test; expected", id="no step"),
        pytest.param({"train": None, "test": None}, "the array train, test is missing", id="neither"),
        pytest.param({"step_s": np.float64(0.0)}, "step_s is 0.0; expected one positive", id="step of nothing"),
        pytest.param({"step_s": np.float64("nan")}, "step_s is nan; expected one positive", id="no number"),
        pytest.param({"step_s": np.array([1.0, 2.0])}, "step_s is [1. 2.]; expected one", id="two steps"),
        pytest.param({"step_s": np.array("60")}, "step_s is 60; expected one", id="text"),
        pytest.param({"train": np.zeros(5)}, "train has the shape (5,) and the type float64", id="one channel flat"),
        pytest.param({"test": np.zeros((3, 2), "U1")}, "test has the shape (3, 2) and the type <U1", id="texts"),
        pytest.param({"test": np.zeros((3, 9))}, "train has 2 channels and test 9; expected the same", id="channels"),
        pytest.param({"test": np.array([[{}]], dtype=object)}, "is no archive of plain numpy arrays", id="pickle"),
    ],
)
def test_an_entity_that_does_not_fit_is_refused(tmp_path, changed, complaint):
    path = tmp_path / "a.npz"
    np.savez(path, **{name: array for name, array in (GOOD | changed).items() if array is not None})

    with pytest.raises(BadInputError) as caught:
        read_entity(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)


def _cut(path):
    np.savez(path, **GOOD)
    path.write_bytes(path.read_bytes()[:-50])


def _one_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(b"timestamp,value\n"), id="text"),
        pytest.param(_cut, id="cut off"),
        pytest.param(_one_array, id="one array"),
    ],
)
def test_what_is_no_archive_is_refused(tmp_path, make):
    path = tmp_path / "a.npz"
    make(path)

    with pytest.raises(BadInputError, match=r"a\.npz: "):
        read_entity(path)


# ---------------------------------------------------------------- writing


def test_what_cannot_be_written_is_left_as_it_was(tmp_path):
    (tmp_path / "a").write_text("a file, not a folder")

    with pytest.raises(BadInputError, match=r"cannot be written: .*; give another --out"):
        write_each([(tmp_path / "good.csv", b"1"), (tmp_path / "a" / "b.csv", b"2")])

    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "good.csv"]


def test_an_unfinished_file_is_cleared_away(tmp_path):
    (tmp_path / "a.csv").mkdir()  # a folder cannot be replaced by a file

    with pytest.raises(BadInputError, match=r"a\.csv: cannot be written"):
        write_each([(tmp_path / "a.csv", b"1")])

    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("name", "stem"), [("a.csv", "a"), ("a.b.CSV.GZ", "a.b"), ("x.npz", "x"), ("a.csv.csv", "a.csv")]
)
def test_the_stem_is_the_name_without_what_the_format_says(tmp_path, name, stem):
    assert stem_of(tmp_path / name) == stem


def test_answers_are_known_by_their_content(tmp_path):
    np.savez(tmp_path / "answer.npz", score=np.zeros(1), alert=np.zeros(1, bool))
    np.savez(tmp_path / "other.npz", **GOOD)
    (tmp_path / "answer.csv").write_text("timestamp,value,anomaly_score,alert\n")
    (tmp_path / "other.csv").write_text("timestamp,value\n")
    (tmp_path / "broken.npz").write_bytes(b"PK")

    assert [path.name for path in sorted(tmp_path.iterdir()) if written_by_us(path)] == ["answer.csv", "answer.npz"]
