"""A run of the rig from start to finish, only shorter: real Redis, Prometheus, scikit-learn, and a real processor hog."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.sources.recording import load_recording
from tests.rig.__main__ import CannotError, check

pytestmark = [pytest.mark.integration, pytest.mark.slow]


def test_a_processor_hog_is_recorded_with_its_truth(tmp_path):
    try:
        check()
    except CannotError as reason:
        pytest.skip(str(reason))
    short = ("--baseline", "40", "--fault", "20", "--after", "4", "--only", "cpu_hog")
    command = [sys.executable, "-m", "tests.rig", "--out", str(tmp_path), "--cache", str(tmp_path / "cache"), *short]

    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, env=os.environ, capture_output=True, text=True, timeout=500, check=False)

    if done.returncode == 2:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    recording = load_recording(tmp_path / "cpu_hog")
    truth = json.loads((tmp_path / "cpu_hog" / "truth.jsonl").read_text())
    assert len(recording.index) > 60
    assert truth["detectable"]
    assert {one["entity"] for one in truth["series"]} == {"serve-1"}
