"""What does it cost to count a prediction log? Time and memory beside the same aggregates written by hand.

    python -m tests.benchmarks.prediction_log --rows 1e6 [--features 60] [--threads 2] [--memory 192MB] [--folder DIR]

Writes a Parquet file of so many rows: features, score, prediction, label, version, and a time over one day. Then reads
its windows of an hour through the source, and by hand-written SQL, each in a process of its own with the same settings.
Prints one JSON object; peak_mb and peak_by_hand_mb are resident memory of the whole process, and the
ratio is of processor seconds: others use the machine too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from bot.domain.prediction_log import Every, LogColumns, Profile, Rows
from bot.sources.prediction_log.log import PredictionLog
from bot.sources.prediction_log.profile_file import profile_text, read_profile
from bot.sources.warehouse import MEMORY, SPILL, Warehouse

DAY = datetime(2026, 5, 1, tzinfo=UTC)
HOUR = Every(3600.0)
REFERENCE = 50_000  # rows
ROOMY = "2GB"  # for what is prepared and not measured
LARGEST = 1.7e308


def write(path: Path, rows: int, features: int) -> None:
    """Normal features, one row in a hundred missing; two versions at the same time."""
    with duckdb.connect(":memory:") as base:
        base.execute(f"SET memory_limit = '{ROOMY}'")
        base.execute("SELECT setseed(0.5)")
        columns = ", ".join(
            f"CASE WHEN random() < .01 THEN NULL"
            f" ELSE (sqrt(-2 * ln(1 - random())) * cos(6.283185307 * random()))::FLOAT END AS f{k}"
            for k in range(features)
        )
        base.execute(
            f"""COPY (SELECT *, (score > .6)::INTEGER AS answer, (random() < score)::INTEGER AS label FROM (
                SELECT TIMESTAMPTZ '2026-05-01 00:00:00+00' + to_microseconds((i * 86400000000 // {rows})::BIGINT) AS time,
                CASE WHEN random() < .1 THEN '2' ELSE '1' END AS version, random() AS score, {columns}
                FROM range({rows}) t(i))) TO '{path}' (FORMAT parquet)"""
        )


def log_of(path: Path, features: int, threads: int, memory: str) -> PredictionLog:
    columns = LogColumns(
        prediction="answer", scores=("score",), target="label", time="time", version="version",
        features=tuple(f"f{k}" for k in range(features)),
    )  # fmt: skip
    warehouse = Warehouse(
        "log", "duckdb://", files={"log": str(path)}, threads=threads, memory=memory, timeout_s=3600.0
    )
    return PredictionLog(warehouse, model="m", table="log", columns=columns)


def by_source(path: Path, profile: Profile, features: int, threads: int, memory: str) -> dict[str, Any]:
    log = log_of(path, features, threads, memory)
    begun, cpu = time.perf_counter(), time.process_time()
    windows = log.windows(profile, stretch=HOUR, start=DAY, end=DAY + timedelta(days=1), now=DAY + timedelta(days=2))
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu,
        "n": sum(window.n for window in windows),
        "missing": sum(tally.missing for window in windows for tally in window.columns.values()),
        "in_bins": sum(int(tally.bins[0]) for window in windows for tally in window.columns.values()),
        "right": sum(int(window.joint[:, 0, 0].sum() + window.joint[:, 1, 1].sum()) for window in windows),
    }


def by_hand(path: Path, profile: Profile, threads: int, memory: str) -> dict[str, Any]:
    """One GROUP BY a column, and one of the score beside answer and label.

    A single statement with one sum a bin and column takes many times as long, and no heed of the memory limit.
    """
    assert profile.score is not None
    begun, cpu = time.perf_counter(), time.process_time()
    settings = {"memory_limit": memory, "max_temp_directory_size": SPILL, "threads": threads}
    base = duckdb.connect(":memory:", config=settings)
    base.execute("SET TimeZone = 'UTC'")
    source = f"read_parquet('{path}')"
    group = "floor(epoch(time) / 3600), version"
    totals = base.execute(f"SELECT {group}, count(*), min(epoch(time)), max(epoch(time)) FROM {source} GROUP BY ALL")
    n = sum(row[2] for row in totals.fetchall())
    missing = in_bins = 0
    for grid in profile.features:
        x = f"{grid.name}::DOUBLE"
        code = (
            f"CASE WHEN {x} IS NULL OR isnan({x}) THEN -1 WHEN {x} < {max(grid.low, -LARGEST)!r} THEN -4"
            f" WHEN {x} > {min(grid.high, LARGEST)!r} THEN -5"
            + "".join(f" WHEN {x} < {edge!r} THEN {place}" for place, edge in enumerate(grid.edges))
        )
        found = base.execute(
            f"SELECT {group}, {code} ELSE {len(grid.edges)} END AS c, count(*), min({x}), max({x}) FROM {source} GROUP BY ALL"
        ).fetchall()
        missing += sum(row[3] for row in found if row[2] == -1)
        in_bins += sum(row[3] for row in found if row[2] in (0, -4))
    score = "CASE WHEN score IS NULL THEN -1" + "".join(
        f" WHEN score < {edge!r} THEN {place}" for place, edge in enumerate(profile.score.edges)
    )
    joint = base.execute(
        f"SELECT {group}, {score} ELSE {len(profile.score.edges)} END AS s, answer, label, count(*), sum(score),"
        f" sum(label), sum(score * (1 - score)) FROM {source} GROUP BY ALL"
    ).fetchall()
    return {
        "seconds": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu,
        "n": n,
        "missing": missing,
        "in_bins": in_bins,
        "right": sum(row[5] for row in joint if row[3] == row[4]),
    }


def peak_mb() -> float:
    """Of this process alone: what getrusage tells is inherited from who started it."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def apart(how: str, options: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.prediction_log", "--how", how, *options],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=float, default=1e6)
    asked.add_argument("--features", type=int, default=60)
    asked.add_argument("--threads", type=int, default=2)
    asked.add_argument("--memory", default=MEMORY, help="of DuckDB, as in the source and by hand")
    asked.add_argument("--folder", type=Path, help="keep the file here, and use one that is there")
    asked.add_argument("--how", choices=["source", "hand"], help=argparse.SUPPRESS)
    told = asked.parse_args()
    rows = int(told.rows)
    if told.how:
        path, text = told.folder / f"log-{rows}-{told.features}.parquet", told.folder / "profile.json"
        profile = read_profile(text.read_text())
        found = (
            by_source(path, profile, told.features, told.threads, told.memory)
            if told.how == "source"
            else by_hand(path, profile, told.threads, told.memory)
        )
        print(json.dumps({**found, "peak_mb": peak_mb()}))
        return
    with tempfile.TemporaryDirectory() as made:
        folder = told.folder or Path(made)
        path, reference = folder / f"log-{rows}-{told.features}.parquet", folder / "reference.parquet"
        if not path.exists():
            write(path, rows, told.features)
        write(reference, REFERENCE, told.features)
        profile = log_of(reference, told.features, told.threads, ROOMY).profile(
            stretch=Rows(REFERENCE), now=DAY + timedelta(days=2)
        )
        (folder / "profile.json").write_text(profile_text(profile))
        options = [
            "--rows", str(rows), "--features", str(told.features), "--threads", str(told.threads),
            "--memory", told.memory, "--folder", str(folder),
        ]  # fmt: skip
        source, hand = apart("source", options), apart("hand", options)
    checks = ("n", "missing", "in_bins", "right")
    print(
        json.dumps(
            {
                "rows": rows,
                "features": told.features,
                "memory": told.memory,
                "seconds": round(source["seconds"], 2),
                "seconds_by_hand": round(hand["seconds"], 2),
                "cpu_s": round(source["cpu_s"], 2),
                "cpu_by_hand_s": round(hand["cpu_s"], 2),
                "ratio": round(source["cpu_s"] / hand["cpu_s"], 2),
                "peak_mb": round(source["peak_mb"]),
                "peak_by_hand_mb": round(hand["peak_mb"]),
                "same_counts": all(source[name] == hand[name] for name in checks),
            }
        )
    )


if __name__ == "__main__":
    main()
