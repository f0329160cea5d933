"""What a series does by itself is no departure of it."""

import numpy as np
import pytest

from bot.domain.catalogue import Catalogue, Kind, Signal
from bot.domain.series import SeriesIndex, SeriesKey
from bot.pipeline.detect import guards_for
from bot.pipeline.floors import own_floors

CATALOGUE = Catalogue(
    signals=(
        Signal(name="psi", kind=Kind.FEATURE_DRIFT, unit="psi"),
        Signal(name="cpu", kind=Kind.CPU, unit="cores"),
        Signal(name="latency", kind=Kind.LATENCY, unit="ms"),
    )
)
INDEX = SeriesIndex([SeriesKey("psi", "fraud/a"), SeriesKey("cpu", "etl"), SeriesKey("latency", "web")])


def history(count=1000):
    """A distance that doubles each night, a job that takes two cores more every fourth hour, and a latency likewise."""
    often = (np.arange(count) % 4 == 0) * 2.0
    return np.stack([0.05 + 0.05 * often, 0.5 + often, 20.0 + often], axis=1)


def test_distances_and_busy_hosts_must_go_farther_than_they_go_by_themselves():
    found = own_floors(history(), INDEX, CATALOGUE)

    assert found == {0: pytest.approx(0.1), 1: pytest.approx(2.0)}
    assert guards_for(INDEX, CATALOGUE, own=found).floor_abs.tolist() == pytest.approx([0.1, 2.0, 0.0])


def test_a_short_history_tells_of_nothing():
    assert own_floors(history(20), INDEX, CATALOGUE) == {}
