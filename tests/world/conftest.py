import json
from pathlib import Path

import pytest

from bot.demo.director import DISK
from bot.world.faults.kinds import episode_of
from bot.world.scenario import demo
from bot.world.simulate import STEP_S, World
from bot.world.topology import shop
from tests.world.measures import ORIGIN_S

HISTORY_S = 48 * 3600
FIXTURES = Path(__file__).parents[3] / "shared" / "data" / "fixtures"


@pytest.fixture
def recorded_answer():
    """Read an answer that a real server gave."""

    def read(name):
        path = FIXTURES / f"{name}.json"
        if not path.exists():
            pytest.skip(f"the recorded answer {name}.json is not on this machine")
        return json.loads(path.read_text())

    return read


@pytest.fixture
def demo_world():
    """The demo's world, with the disk that its director lets fill: here at minute 14, while the version is still bad."""
    plan = demo(ORIGIN_S, shop())
    disk = episode_of(
        {**DISK, "start_s": ORIGIN_S + 14 * STEP_S, "end_s": ORIGIN_S + 45 * STEP_S}, topology=plan.topology
    )
    return World(plan.topology, seed=7, start_s=ORIGIN_S - HISTORY_S, episodes=(*plan.episodes, disk))


@pytest.fixture
def calm_world():
    """The demo's world without what the demo is about."""
    plan = demo(ORIGIN_S, shop())
    return World(plan.topology, seed=7, start_s=ORIGIN_S - HISTORY_S, episodes=plan.background)
