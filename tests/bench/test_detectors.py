"""`faultline bench detectors`: the figures are there and positive; how large they are is the machine's business."""

from __future__ import annotations

import json
import sys
import types

import pytest
from typer.testing import CliRunner

from bot.bench import detectors
from bot.cli import app

TICK = {
    *("series", "ticks_timed", "share_in_an_episode", "tick_ms", "ns_a_series", "bytes_a_series"),
    *("numpy_add_over_hot_bytes_ms", "ratio_to_numpy_add"),
}


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Little of everything: figures for a person take half a minute."""
    monkeypatch.setattr(detectors, "TICKS_FOR_S", 0.0)
    monkeypatch.setattr(detectors, "REPLAY_FOR_S", 0.05)
    monkeypatch.setattr(detectors, "WINDOW_SERIES", 2)
    monkeypatch.setattr(detectors, "REPLAY_SERIES", 10)


@pytest.mark.parametrize(
    ("arguments", "sizes"),
    [
        pytest.param(["--series", "3"], [3], id="one"),
        pytest.param(["--series", "3", "--series", "5"], [3, 5], id="said again"),
        pytest.param(["--series", "3", "5", "7"], [3, 5, 7], id="in a row"),
    ],
)
def test_every_size_asked_for_is_measured(arguments, sizes):
    done = CliRunner().invoke(app, ["bench", "detectors", *arguments])

    printed = json.loads(done.stdout)
    assert set(printed) == {"machine", "ticks", "replay"}
    assert [one["series"] for one in printed["ticks"]] == sizes
    assert [set(one) for one in printed["ticks"]] == [TICK] * len(sizes)


@pytest.mark.parametrize("arguments", [["--series", "0"], ["--series", "many"]])
def test_a_size_that_is_none_ends_with_two(arguments):
    done = CliRunner().invoke(app, ["bench", "detectors", *arguments])

    assert (done.exit_code, done.stdout) == (2, "")


def test_every_figure_of_a_tick_is_positive():
    told = detectors.tick(4)

    figures = [
        told["ns_a_series"],
        *told["ratio_to_numpy_add"].values(),
        told["numpy_add_over_hot_bytes_ms"],
        told["ticks_timed"],
    ]
    assert min(*figures, *told["tick_ms"].values(), *told["bytes_a_series"].values()) > 0
    assert told["tick_ms"]["best"] <= told["tick_ms"]["median"]
    assert told["bytes_a_series"]["hot"] <= told["bytes_a_series"]["all"]


def test_every_figure_of_a_replay_is_positive():
    told = detectors.replay(5, river_points=50)

    assert min(told["ticks"], told["points_a_second"], *told["numpy_rolling_median_mad"].values()) > 0


def test_without_river_the_reason_stands_where_the_figure_would(monkeypatch):
    monkeypatch.setattr(detectors.importlib.util, "find_spec", lambda name: None)

    assert detectors.river_z(1.0, 10) == {"points_a_second": None, "ratio": None, "because": "river is not installed"}


def test_with_river_its_score_is_timed(monkeypatch):
    class Moment:
        def __init__(self, fading_factor):
            self.values = []

        def update(self, value):
            self.values.append(value)

        def get(self):
            return sum(self.values) / max(1, len(self.values))

    river = types.ModuleType("river.stats")
    river.EWMean = river.EWVar = Moment
    monkeypatch.setitem(sys.modules, "river.stats", river)
    monkeypatch.setattr(detectors.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(detectors.importlib.metadata, "version", lambda name: "0.0")

    told = detectors.river_z(1e6, 10)

    assert told["version"] == "0.0"
    assert told["points_a_second"] > 0
    assert told["ratio"] > 0
