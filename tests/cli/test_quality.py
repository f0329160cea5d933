"""`faultline quality` as a person meets it: their own files in, a line or a table out, and clear words for what does not fit."""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest
from matplotlib.image import imread

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "models"
NEEDS_DATA = pytest.mark.skipif(not DATA.exists(), reason=f"the open prediction logs are not here: {DATA.name}")
N, CHUNK = 6000, 1000
# by NannyML 0.13.1 on the same files
ESTIMATED = [0.9418, 0.9433, 0.9455, 0.9448, 0.9446, 0.9107, 0.9111, 0.9112, 0.9144, 0.9117]


def faultline(*arguments: object, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", "quality", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder or ROOT, timeout=120, check=False)


def lines(done: subprocess.CompletedProcess[str]) -> list[dict]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def rows(seed: int, *, broken_from: int = N, n: int = N) -> list[dict[str, object]]:
    """A calibrated log whose labels turn, and one of whose inputs is lost, from a row on."""
    rng = np.random.default_rng(seed)
    found = []
    for at in range(n):
        p = 1.0 / (1.0 + np.exp(-rng.normal(0, 3)))
        y = int(rng.random() < p)
        bad = at >= broken_from
        found.append({
            "id": f"r{at}",
            "when": f"2026-05-{1 + at // 1440:02d} {at // 60 % 24:02d}:{at % 60:02d}:00",
            "age": "" if bad and rng.random() < 0.3 else int(rng.integers(18, 90)),
            "region": rng.choice(["north", "south"]),
            "p": round(float(p), 4),
            "answer": int(p >= 0.5),
            "truth": 1 - y if bad and rng.random() < 0.3 else y,
        })  # fmt: skip
    return found


def write(path: Path, table: list[dict[str, object]], *, without: tuple[str, ...] = ()) -> Path:
    names = [name for name in table[0] if name not in without]
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(table)
    return path


COLUMNS = ("--score", "p", "--prediction", "answer", "--target", "truth", "--id", "id", "--time", "when")


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("quality")
    log = rows(2, broken_from=3 * CHUNK)
    return {
        "reference": write(folder / "reference.csv", rows(1)),
        "log": write(folder / "log.csv.gz", log, without=("truth",)),
        "labels": write(folder / "labels.csv", log, without=("when", "age", "region", "p", "answer")),
    }


def given(files: dict[str, Path], *names: str) -> list[object]:
    return [part for name in names for part in (f"--{name}", files[name])]


def test_each_chunk_is_one_line_with_the_keys_of_the_page(files):
    found = lines(faultline(*given(files, "reference", "log", "labels"), *COLUMNS, "--chunk", CHUNK, "--json"))

    assert [one["chunk"] for one in found] == list(range(6))
    assert [one["n"] for one in found] == [CHUNK] * 6
    assert [one["page"] for one in found] == [False] * 3 + [True] * 3
    first, last = found[0], found[-1]
    assert list(first)[:9] == [
        "chunk", "start", "end", "n", "page", "findings", "estimated", "realised", "attribution"
    ]  # fmt: skip
    assert (first["start"], first["end"]) == ("2026-05-01T00:00:00+00:00", "2026-05-01T16:39:00+00:00")
    assert {"path", "page", "what", "value", "expected", "p"} <= set(last["findings"][0])
    assert {(one["path"], one["about"]) for one in last["findings"] if one["page"]} >= {
        ("data_quality", "age"), ("realised_quality", "")
    }  # fmt: skip
    assert last["realised"]["accuracy"] < first["realised"]["accuracy"] - 0.1
    assert last["attribution"][0]["column"] == "region"
    assert not any(one["path"] == "feature_drift" and one["page"] for line in found for one in line["findings"])


def test_without_labels_only_what_needs_none_is_judged_and_the_rest_is_said(files):
    found = lines(faultline(*given(files, "reference", "log"), *COLUMNS, "--chunk", CHUNK, "--json"))

    assert all(one["realised"] == {} for one in found)
    assert {"path": "realised_quality", "about": "", "because": "no labels were given"} in found[0]["not_judged"]
    assert any("concept drift" in line for line in found[-1]["blind"])


def test_a_table_says_the_same_to_people_and_the_picture_lies_where_they_are(files, tmp_path):
    done = faultline(*given(files, "reference", "log", "labels"), *COLUMNS, "--chunk", CHUNK, "--plot", folder=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("PAGE") == 3
    assert "! data quality: age:" in done.stdout
    assert imread(tmp_path / "log.quality.png").shape[1] > 800
    assert "log.quality.png" in done.stderr


def test_rows_are_put_in_the_order_of_time_where_it_is_given(files, tmp_path):
    shuffled = rows(2, broken_from=3 * CHUNK)
    np.random.default_rng(0).shuffle(shuffled)
    files = {**files, "log": write(tmp_path / "log.csv", shuffled)}
    by_time = lines(faultline(*given(files, "reference", "log"), *COLUMNS, "--chunk", CHUNK, "--json"))
    as_it_lies = lines(
        faultline(
            *given(files, "reference", "log"), *COLUMNS[:-2], "--chunk", CHUNK, "--json", "--features", "age,region"
        )
    )

    assert [one["page"] for one in by_time] == [False] * 3 + [True] * 3
    assert all(one["page"] for one in as_it_lies)  # half of every chunk is broken
    assert (as_it_lies[1]["start"], as_it_lies[1]["end"]) == (CHUNK, 2 * CHUNK - 1)


def test_parquet_is_read_as_well_as_csv(files, tmp_path):
    for name in ("reference", "log", "labels"):
        duckdb.sql(f"COPY (FROM read_csv('{files[name]}')) TO '{tmp_path / name}.parquet'")
    parquet = {name: tmp_path / f"{name}.parquet" for name in files}
    asked = (*COLUMNS, "--chunk", CHUNK, "--json")
    by_csv = lines(faultline(*given(files, "reference", "log", "labels"), *asked))
    by_parquet = lines(faultline(*given(parquet, "reference", "log", "labels"), *asked))

    assert [one["realised"] for one in by_parquet] == [one["realised"] for one in by_csv]
    assert [one["page"] for one in by_parquet] == [one["page"] for one in by_csv]


def test_several_classes_and_numbers_are_judged_too(tmp_path):
    rng = np.random.default_rng(3)
    names = ["cat", "dog", "owl"]

    def classes(wrong: float) -> list[dict[str, object]]:
        found = []
        for _ in range(3000):
            p = rng.dirichlet([0.4, 0.4, 0.4])
            truth = names[rng.choice(3, p=p)] if rng.random() >= wrong else names[int(p.argmin())]
            found.append({**{f"p_{n}": round(float(v), 4) for n, v in zip(names, p, strict=True)},
                          "answer": names[int(p.argmax())], "truth": truth})  # fmt: skip
        return found

    def numbers(size: float) -> list[dict[str, object]]:
        x = rng.normal(100, 20, 3000)
        return [{"x": round(float(v), 2), "answer": round(float(v + rng.normal(0, size)), 3), "truth": round(float(v), 2)}
                for v in x]  # fmt: skip

    def judged(make, calm, bad, *flags):
        reference = write(tmp_path / "r.csv", make(calm))
        log = write(tmp_path / "l.csv", [*make(calm), *make(bad)])
        asked = ("--reference", reference, "--log", log, "--prediction", "answer", "--target", "truth", *flags)
        return lines(faultline(*asked, "--chunk", 1000, "--json"))

    several = judged(classes, 0.0, 0.3, "--score", "p_dog,p_owl,p_cat")
    regression = judged(numbers, 2.0, 3.0, "--problem", "regression")

    assert [one["page"] for one in several] == [one["page"] for one in regression] == [False] * 3 + [True] * 3
    assert several[0]["estimated"]["accuracy"] == pytest.approx(several[0]["realised"]["accuracy"], abs=0.04)
    assert regression[-1]["realised"]["mae"] > 1.3 * regression[0]["realised"]["mae"]
    assert all(one["estimated"] == {} for one in regression)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"--score": "q"}, "the column q is missing", id="no such column"),
        pytest.param({"--reference": "nothing.csv"}, "there is no such file", id="no such file"),
        pytest.param({"--log": "README.md"}, "expected a file that ends in .csv", id="not a table"),
        pytest.param({"--problem": "ranking"}, "none of binary, multiclass, regression", id="no such problem"),
        pytest.param({"--positive": "yes"}, "the positive class 'yes' is none of 0, 1", id="no such class"),
        pytest.param({"--score": "p,age,answer"}, "3 columns of scores for 2 classes", id="more scores than classes"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line_with_exit_code_2(files, changed, said):
    asked = {
        "--reference": files["reference"], "--log": files["log"], "--labels": files["labels"], "--score": "p",
        "--prediction": "answer", "--target": "truth", "--id": "id", "--time": "when", "--chunk": CHUNK, **changed,
    }  # fmt: skip
    done = faultline(*(part for pair in asked.items() for part in pair))

    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


def test_labels_beside_a_log_need_an_id(files):
    done = faultline(*given(files, "reference", "log", "labels"), *COLUMNS[:6], "--chunk", CHUNK)

    assert (done.returncode, "name its column" in done.stderr) == (2, True)


def test_empty_files_and_odd_rows_crash_nothing(files, tmp_path):
    empty = write(tmp_path / "empty.csv", rows(1, n=1))
    empty.write_text(empty.read_text().splitlines()[0] + "\n")
    odd = [
        {
            **row,
            "p": "NaN" if at % 3 else "",
            "answer": "" if at % 5 == 0 else row["answer"],
            "age": "n/a",
            "when": "soon",
        }
        for at, row in enumerate(rows(4, n=600))
    ]
    files = {**files, "odd": write(tmp_path / "odd.csv", odd)}
    nothing = faultline("--reference", files["reference"], "--log", empty, *COLUMNS, "--chunk", CHUNK)
    strange = lines(
        faultline("--reference", files["reference"], "--log", files["odd"], *COLUMNS, "--chunk", 300, "--json")
    )
    none = faultline("--reference", empty, "--log", files["log"], *COLUMNS, "--chunk", CHUNK)

    assert (nothing.returncode, "no predictions" in nothing.stdout) == (0, True)
    assert [one["n"] for one in strange] == [300, 300]
    assert {"age", "p"} <= {one["about"] for line in strange for one in line["findings"] if one["page"]}
    assert (none.returncode, "no rows" in none.stderr) == (2, True)


# ---------------------------------------------------------------- the open logs


def open_log(name: str, *flags: object) -> list[dict]:
    return lines(
        faultline("--reference", DATA / f"{name}_reference.csv.gz", "--log", DATA / f"{name}_analysis.csv.gz",
                  "--id", "id", "--time", "timestamp", "--json", *flags)
    )  # fmt: skip


CAR = ("--score", "y_pred_proba", "--prediction", "y_pred", "--target", "repaid", "--chunk", 5000)


@NEEDS_DATA
@pytest.mark.parametrize("labels", [True, False], ids=["with labels", "without"])
def test_car_loan_calls_first_where_the_change_is_and_estimates_as_nannyml_does(labels):
    flags = ("--labels", DATA / "synthetic_car_loan_analysis_target.csv.gz") if labels else ()
    found = open_log("synthetic_car_loan", *CAR, *flags)

    assert [one["page"] for one in found] == [False] * 5 + [True] * 5
    assert [one["estimated"]["accuracy"] for one in found] == pytest.approx(ESTIMATED, abs=1e-3)


@NEEDS_DATA
def test_car_loan_with_faulty_inputs_names_them_from_the_chunk_where_they_begin():
    found = open_log("synthetic_car_loan_dq", *CAR)
    faults = [
        {(one["about"], one["statistic"]) for one in line["findings"] if one["path"] == "data_quality" and one["page"]}
        for line in found
    ]

    assert all(("size_of_downpayment", "unseen") in one for one in faults)
    assert [("salary_range", "missing") in one for one in faults] == [False] * 5 + [True] * 5
    assert [("driver_tenure", "missing") in one for one in faults] == [False] * 5 + [True] * 5


@NEEDS_DATA
def test_a_regression_that_improves_is_never_called_worse():
    found = open_log(
        "regression_synthetic", "--labels", DATA / "regression_synthetic_analysis_targets.csv.gz",
        "--prediction", "y_pred", "--target", "y_true", "--problem", "regression", "--chunk", 6000,
    )  # fmt: skip

    assert not any(one["page"] for one in found)
    assert found[-1]["realised"]["mae"] < 0.9 * found[0]["realised"]["mae"]
