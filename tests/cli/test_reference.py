"""`faultline reference` and `faultline doctor` over a prediction log that lies in files."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import yaml

from bot.sources.prediction_log.profile_file import read_profile
from bot.store.sql import open_store

ROOT = Path(__file__).parents[2]
ROWS, STEP = 3000, timedelta(seconds=60)


def faultline(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *arguments, "--config", str(folder / "faultline.yaml")]
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, timeout=120, check=False)


@pytest.fixture
def folder(tmp_path) -> Path:
    rng = np.random.default_rng(8)
    began = datetime.now(UTC) - ROWS * STEP - timedelta(minutes=5)
    lines = ["id,at,version,amount,score,answer,label"]
    for number in range(ROWS):
        p = 1.0 / (1.0 + np.exp(-rng.normal(0, 3)))
        at = (began + number * STEP).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"i{number},{at},7,{rng.exponential(50):.2f},{p:.4f},{int(p >= 0.5)},{int(rng.random() < p)}")
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    settings = {
        "slack": {"channel": "C0123456789"},
        "sources": {
            "predictions": [
                {"name": "fraud-log", "model": "fraud", "log": str(tmp_path / "*.csv"), "time": "at", "id": "id",
                 "version": "version", "score": "score", "prediction": "answer", "target": "label",
                 "reference": "40h", "window": "1h"}
            ]
        },
        "catalog": {"models": [{"name": "fraud", "features": [{"name": "amount", "from": "request"}]}]},
        "store": {"url": f"sqlite:///{tmp_path / 'faultline.db'}"},
    }  # fmt: skip
    (tmp_path / "faultline.yaml").write_text(yaml.safe_dump(settings))
    return tmp_path


async def test_a_reference_is_counted_described_and_kept(folder):
    done = faultline(folder, "reference")

    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first.startswith("reference ")
    assert "of fraud version 7" in first
    assert "binary" in first
    assert any(line.startswith("accuracy by labels 8") for line in rest)
    assert any("amount: numeric, 10 bins" in line for line in rest)
    store = await open_store(f"sqlite:///{folder / 'faultline.db'}")
    kept = await store.profile("fraud", "7")
    await store.close()
    assert kept.origin == "command"
    assert first.split()[1] == kept.id == read_profile(kept.body).id


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        pytest.param(("--version", "9"), "version '9' made no predictions then; found '7'", id="version"),
        pytest.param(("--model", "ranking"), "'ranking' has no prediction log; found fraud", id="model"),
        pytest.param(("--start", "2020-01-01", "--end", "2020-01-02"), "there are no predictions from", id="time"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(folder, flags, said):
    done = faultline(folder, "reference", *flags)

    assert done.returncode == 2
    assert said in done.stderr


def test_doctor_reads_a_day_of_the_log_or_says_why_it_cannot(folder):
    healthy = faultline(folder, "doctor").stdout
    text = (folder / "faultline.yaml").read_text()
    (folder / "faultline.yaml").write_text(text.replace("prediction: answer", "prediction: anser"))
    misnamed = faultline(folder, "doctor").stdout

    assert "can be read; predictions of the last day: 1,43" in healthy
    assert "of version 7" in healthy
    assert "the column anser is missing; there are: id, at" in misnamed


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        pytest.param("model: fraud\n", "model: fraude\n", "fraude", id="no such model"),
        pytest.param("name: fraud-log", "name: fraud-log\n    url: postgresql://u:secret@h/x", "FAULTLINE_FRAUD_LOG_PASSWORD",
                     id="a password in the file"),
        pytest.param("id: id", "labels: x.csv", "expected `id` and `target` beside labels", id="labels without an id"),
    ],
)  # fmt: skip
def test_a_section_that_cannot_work_is_refused_with_its_place(folder, before, after, said):
    path = folder / "faultline.yaml"
    path.write_text(path.read_text().replace(before, after))
    done = faultline(folder, "reference")

    assert done.returncode == 2
    assert said in done.stderr
    assert "secret@" not in done.stderr
