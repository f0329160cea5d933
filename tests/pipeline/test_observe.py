"""What was watched and stayed quiet, and which changes may still matter."""

from datetime import timedelta

import numpy as np
import pytest

from bot.domain.catalogue import Kind
from bot.domain.series import SeriesIndex, SeriesKey
from bot.pipeline.observe import Places, recent
from tests.pipeline.builders import CATALOGUE, HOUR, ONSET, promotion

CORE_0, CORE_1 = (SeriesKey("cpu", "n-01", (("core", core),)) for core in "01")
INDEX = SeriesIndex([CORE_0, SeriesKey("latency", "scoring"), CORE_1, SeriesKey("unheard_of", "n-01")])
CPU, LATENCY = ("n-01", Kind.CPU), ("scoring", Kind.LATENCY)


@pytest.mark.parametrize(
    ("judged", "moving", "quiet"),
    [
        pytest.param([1, 1, 1, 1], [0, 0, 0, 0], {CPU, LATENCY}, id="all usual"),
        pytest.param([1, 1, 1, 1], [0, 0, 1, 0], {LATENCY}, id="one of two cores moves"),
        pytest.param([1, 0, 0, 0], [0, 0, 0, 0], {CPU}, id="one of two cores is judged"),
        pytest.param([0, 0, 0, 0], [0, 0, 0, 0], set(), id="not judged is not quiet"),
        pytest.param([0, 0, 0, 1], [0, 0, 0, 0], set(), id="what nobody declared has no place"),
    ],
)
def test_a_place_is_quiet_when_it_is_watched_and_nothing_there_moves(judged, moving, quiet):
    found = Places(INDEX, CATALOGUE).quiet(np.array(judged, dtype=bool), np.array(moving, dtype=bool))

    assert found == quiet


def test_no_series_have_no_quiet_places():
    none = np.zeros(0, dtype=bool)

    assert Places(SeriesIndex(), CATALOGUE).quiet(none, none) == frozenset()


def test_changes_that_may_matter_come_once_and_oldest_first():
    old, early, late = (promotion(minutes=minutes) for minutes in (-61, -60, 0))

    found = recent([late, early, old, late], since=ONSET - HOUR, until=ONSET)

    assert found == (early, late)


def test_a_change_of_the_future_does_not_matter_yet():
    assert recent([promotion(minutes=1)], since=ONSET - HOUR, until=ONSET + timedelta(seconds=59)) == ()
