"""`faultline detect` as a person meets it: a folder in, the same tree out, and one bad file costs only itself."""

from __future__ import annotations

import csv
import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

ROOT = Path(__file__).parents[2]
ROWS, AT = 150, 100
HEADER = ["timestamp", "value", "anomaly_score", "alert"]


def series(seed: int = 0, rows: int = ROWS) -> str:
    """A quiet series whose level jumps at row AT."""
    values = 20.0 + np.random.default_rng(seed).standard_normal(rows) + 30.0 * (np.arange(rows) >= AT)
    return "timestamp,value\n" + "".join(f"{1_767_268_800 + 60 * n},{value:.3f}\n" for n, value in enumerate(values))


def entity(path: Path) -> None:
    rng = np.random.default_rng(0)
    test = rng.standard_normal((200, 3))
    test[120:160] += 30.0
    test[5, 1] = np.nan
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, train=rng.standard_normal((400, 3)), test=test, step_s=60.0, label=np.zeros(200))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def answer(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        rows = csv.DictReader(file)
        assert rows.fieldnames == HEADER
        return list(rows)


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_series_is_answered_row_by_row(faultline):
    write(Path("cpu.csv"), series())

    done = faultline("detect", "cpu.csv", "--out", "answers")

    rows = answer(Path("answers/cpu.csv"))
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout == ("cpu.csv: 150 rows, 1 alert\n1 of 1 file judged: 150 rows, 1 alert; written to answers\n")
    assert [f"{row['timestamp']},{row['value']}" for row in rows] == series().split()[1:]
    assert next(n for n, row in enumerate(rows) if row["alert"] == "1") in range(AT, AT + 5)
    assert all(0.0 <= float(row["anomaly_score"]) <= 1.0 for row in rows)


def test_rows_that_a_shorter_file_has_too_are_answered_the_same(faultline):
    write(Path("in/long.csv"), series(rows=ROWS))
    write(Path("in/short.csv"), series(rows=AT + 2))

    faultline("detect", "in", "--out", "out", "--jobs", 1)

    assert answer(Path("out/long.csv"))[: AT + 2] == answer(Path("out/short.csv"))


def test_the_tree_is_mirrored_and_packed_series_are_answered_like_plain_ones(faultline):
    write(Path("in/a/plain.csv"), series())
    write(Path("in/a/b/packed.csv.gz"), series())
    entity(Path("in/host.npz"))
    write(Path("in/readme.txt"), "no data")
    write(Path("in/.hidden.csv"), "no data")

    done = faultline("detect", "in", "--out", "out", "--jobs", 1)

    assert done.exit_code == 0
    assert [line.partition(":")[0] for line in done.stdout.splitlines()[:-1]] == [
        "a/b/packed.csv.gz",
        "a/plain.csv",
        "host.npz",
    ]
    assert files(Path("out")) == ["a/b/packed.csv", "a/plain.csv", "host.npz"]
    assert Path("out/a/b/packed.csv").read_bytes() == Path("out/a/plain.csv").read_bytes()


def test_a_name_says_nothing(faultline):
    for name in ("in/realTraffic/speed.csv", "in/x.csv"):
        write(Path(name), series())

    faultline("detect", "in", "--out", "out", "--jobs", 1)

    assert Path("out/realTraffic/speed.csv").read_bytes() == Path("out/x.csv").read_bytes()


def test_an_entity_is_answered_for_its_test_rows(faultline):
    entity(Path("host.npz"))

    done = faultline("detect", "host.npz", "--out", "out")

    with np.load("out/host.npz") as archive:
        score, alert = archive["score"], archive["alert"]
        assert set(archive) == {"score", "alert"}
    assert done.stdout.startswith("host.npz: 200 rows, ")
    assert (score.shape, score.dtype, alert.shape, alert.dtype) == ((200,), np.float64, (200,), np.bool_)
    assert np.isfinite(score).all()
    assert alert[120:160].any()


def test_an_entity_with_too_little_to_learn_from_costs_only_itself(faultline):
    write(Path("in/cpu.csv"), series())
    np.savez("in/new.npz", train=np.zeros((299, 2)), test=np.zeros((9, 2)), step_s=60.0)

    done = faultline("detect", "in", "--out", "out", "--jobs", 1)

    assert done.exit_code == 2
    assert "in/new.npz: train has 299 rows with a sample" in done.stderr
    assert "give 300 or more, at best 3 days" in done.stderr
    assert files(Path("out")) == ["cpu.csv"]


@pytest.mark.parametrize("name", ["cpu.csv", "host.npz"])
def test_a_picture_that_opens_lies_beside_the_answer(faultline, name):
    write(Path("in/cpu.csv"), series())
    entity(Path("in/host.npz"))

    done = faultline("detect", f"in/{name}", "--out", "out", "--plot")

    pixels = imread(Path("out", name).with_suffix(".png"))
    assert done.exit_code == 0
    assert pixels.shape[0] > 400
    assert pixels.shape[1] > 800
    assert pixels[..., :3].std() > 0.02, "not blank"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("timestamp,value\n", id="no row"),
        pytest.param("timestamp,value\n0,1\n", id="one row"),
        pytest.param("timestamp,value\n" + "".join(f"{60 * n},\n" for n in range(40)), id="no value"),
        pytest.param("timestamp,value\n" + "".join(f"{60 * n},{1e200 * n}\n" for n in range(40)), id="huge"),
        pytest.param("timestamp,value\n" + "".join(f"{1800 + n}-01-01,{n}\n" for n in range(40)), id="old years"),
    ],
)
def test_odd_series_are_drawn_too(faultline, text):
    write(Path("odd $x_1$ 雪.csv"), text)

    done = faultline("detect", "odd $x_1$ 雪.csv", "--out", "out", "--plot")

    assert (done.exit_code, done.stderr) == (0, "")
    assert imread("out/odd $x_1$ 雪.png").size


def test_the_number_of_processes_changes_nothing(tmp_path):
    for number in range(3):
        write(tmp_path / f"in/{number}.csv", series(number))
    entity(tmp_path / "in/host.npz")
    (tmp_path / "in/bad.csv").write_text("timestamp,value\n1,x\n")

    printed = []
    for jobs in ("1", "2"):
        command = [sys.executable, "-m", "bot", "detect", tmp_path / "in", "--out", tmp_path / jobs, "--jobs", jobs]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
        printed.append((done.returncode, done.stdout.replace(str(tmp_path / jobs), "OUT"), done.stderr))

    one, two = ([(tmp_path / jobs / name).read_bytes() for name in files(tmp_path / jobs)] for jobs in ("1", "2"))
    assert printed[0] == printed[1]
    assert printed[0][0] == 2
    assert len(one) == 4
    assert one == two


def test_a_bad_file_is_named_at_the_end_and_the_others_are_answered(faultline):
    write(Path("in/a.csv"), "timestamp,value\n60,1\nnoon,2\n")
    write(Path("in/b.csv"), series())
    write(Path("in/c.npz"), "no archive")

    done = faultline("detect", "in", "--out", "out", "--jobs", 1)

    first, second = done.stderr.splitlines()
    assert done.exit_code == 2
    assert first.startswith("faultline: in/a.csv:3: timestamp is 'noon'; expected ISO 8601")
    assert second.startswith("faultline: in/c.npz: ")
    assert done.stdout.splitlines()[-1] == "1 of 3 files judged: 150 rows, 1 alert; written to out"
    assert files(Path("out")) == ["b.csv"]


def test_repeated_and_late_rows_are_kept_counted_and_not_judged(faultline):
    lines = series().splitlines()
    write(Path("a.csv"), "\n".join([*lines[:50], lines[49], lines[20], *lines[50:60], "1767275000,", *lines[60:]]))

    done = faultline("detect", "a.csv", "--out", "out")

    rows = answer(Path("out/a.csv"))
    assert "a.csv: 153 rows, " in done.stdout
    assert "without a value" in done.stdout
    assert [rows[n]["timestamp"] for n in (48, 49, 50)] == [lines[n].split(",")[0] for n in (49, 49, 20)]
    assert [rows[n]["anomaly_score"] for n in (49, 50)] == ["0", "0"]


def test_a_file_whose_newest_row_comes_first_is_refused(faultline):
    head, *rows = series().splitlines()
    write(Path("a.csv"), "\n".join([head, *reversed(rows)]))

    done = faultline("detect", "a.csv", "--out", "out")

    assert done.exit_code == 2
    assert "a.csv: 149 of 150 rows are not later than a row before them; sort them by timestamp" in done.stderr
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("source", "out", "because"),
    [
        pytest.param("nowhere", "out", "nowhere: there is no such file or folder", id="nothing there"),
        pytest.param("empty", "out", "empty: nothing to judge; expected .csv, .csv.gz, .npz", id="empty folder"),
        pytest.param("notes.txt", "out", "notes.txt: nothing to judge; expected .csv", id="another format"),
        pytest.param("in", "notes.txt", "notes.txt: is a file; --out is the folder", id="out is a file"),
        pytest.param("in", "in", "in: is where the data lie", id="over the data"),
        pytest.param("in", "empty/../in", "in: is where the data lie", id="over the data in other words"),
        pytest.param("in/a.csv", "in", "would overwrite in/a.csv, which is read", id="over the file"),
        pytest.param("in/b.csv.gz", "in", "in/b.csv stands there and is no answer", id="over a neighbour"),
    ],
)
def test_nothing_to_do_or_something_to_lose_ends_with_two(faultline, source, out, because):
    write(Path("in/a.csv"), series())
    write(Path("in/b.csv"), series())
    write(Path("in/b.csv.gz"), series())
    write(Path("notes.txt"), "mine")
    Path("empty").mkdir()
    before = {name: Path(name).read_bytes() for name in files(Path())}

    done = faultline("detect", source, "--out", out)

    assert done.exit_code == 2
    assert because in done.stderr
    assert "Traceback" not in done.output
    assert {name: Path(name).read_bytes() for name in files(Path())} == before


def test_two_files_with_one_answer_are_told_apart_by_the_person(faultline):
    write(Path("in/a.csv"), series())
    write(Path("in/a.csv.gz"), series())

    done = faultline("detect", "in", "--out", "out", "--jobs", 1)

    assert done.exit_code == 2
    assert "in/a.csv.gz: its answer out/a.csv would overwrite the answer to in/a.csv; rename one" in done.stderr
    assert files(Path("out")) == ["a.csv"]


def test_a_second_run_replaces_its_answers_and_does_not_read_them(faultline):
    write(Path("in/a.csv"), series())
    faultline("detect", "in", "--out", "in/answers")
    write(Path("in/a.csv"), series(1))

    done = faultline("detect", "in", "--out", "in/answers")

    assert (done.exit_code, done.stderr) == (0, "")
    assert files(Path("in")) == ["a.csv", "answers/a.csv"]
    assert [row["value"] for row in answer(Path("in/answers/a.csv"))][:3] == [
        line.split(",")[1] for line in series(1).splitlines()[1:4]
    ]


def test_names_cannot_steer_a_terminal(faultline):
    write(Path("in/a\x1b[31m.csv"), series())
    write(Path("in/b\x1b[31m.csv"), "no data")

    done = faultline("detect", "in", "--out", "out", "--jobs", 1)

    assert done.exit_code == 2
    assert "\x1b" not in done.output
