from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from bot.wiring.replaying import replay_folder
from bot.world.record import record
from tests.replay.recordings import checked, read, write

# Four hours tell the same stories as thirty: the first half is learnt from, the trouble comes in the second.
HOURS, SEED = 4.0, 7
STORIES = {
    "disk": "disk_full_pipeline",
    "version": "bad_version",
    "quiet": "quiet_day",
    "rollout": "innocent_deploy",
    "benign": "benign_version",
    "campaign": "campaign",
    "gap": "scrape_gap",
}


@pytest.fixture(scope="session")
def stories(tmp_path_factory) -> dict[str, Path]:
    """The world's recordings by name. Their truth cannot be read: whoever opens it fails."""
    root = tmp_path_factory.mktemp("stories")
    for name, scenario in STORIES.items():
        record(root / name, scenario=scenario, seed=SEED, hours=HOURS)
        (root / name / "truth.jsonl").unlink()
        (root / name / "truth.jsonl").mkdir()
    return {name: root / name for name in STORIES}


@pytest.fixture(scope="session")
def told(stories):
    """The two troubles as values, to be changed and written again."""
    return {name: read(stories[name]) for name in ("disk", "version")}


@pytest.fixture
def replayed(tmp_path):
    """Write a recording, replay it, and hold what is printed against the page."""

    def run(told, *, name="recording", finish=lambda folder: folder, **more):
        folder = finish(write(tmp_path / name, told, **more))
        return checked(json.dumps(replay_folder(folder).as_json()))

    return run


@pytest.fixture
def own_logging():
    """`faultline replay` sets up this process's log: give the test run its own back."""
    root = logging.getLogger()
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)
