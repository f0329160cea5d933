import json
from pathlib import Path

import pytest

from bot.world.scenario import demo
from bot.world.simulate import World
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
    plan = demo(ORIGIN_S, shop())
    return World(plan.topology, seed=7, start_s=ORIGIN_S - HISTORY_S, episodes=plan.episodes)


@pytest.fixture
def calm_world():
    """The demo's world without what the demo is about."""
    plan = demo(ORIGIN_S, shop())
    return World(plan.topology, seed=7, start_s=ORIGIN_S - HISTORY_S, episodes=plan.background)
