"""Series that only count up are judged by their increase."""

import numpy as np
import pytest

from bot.counting import Counting
from bot.domain.catalogue import Catalogue, Kind, Signal
from bot.domain.series import SeriesIndex, SeriesKey

CATALOGUE = Catalogue(
    signals=(
        Signal(name="restarts", kind=Kind.RESTARTS, unit="count"),
        Signal(name="requests", kind=Kind.TRAFFIC, unit="1"),
        Signal(name="rate", kind=Kind.TRAFFIC, unit="1/s"),
        Signal(name="disk", kind=Kind.DISK, unit="percent"),
    )
)
INDEX = SeriesIndex([SeriesKey(one.name, "web") for one in CATALOGUE.signals])


def learnt():
    counting = Counting(CATALOGUE)
    minutes = np.arange(100.0)
    history = np.stack([np.full(100, 3.0), 50 * minutes, 50 + minutes % 7, minutes / 10], axis=1)
    return counting, counting.learn(INDEX, history)


def test_counters_become_increases_and_levels_stay():
    _, seen = learnt()

    assert np.nanmax(seen[:, 0]) == 0.0  # restarts summed up since long ago, none of them now
    assert set(seen[1:, 1]) == {50.0}
    assert seen[:, 2].max() == 56.0
    assert seen[-1, 3] == pytest.approx(9.9)  # a disk that fills is no counter


def test_a_new_sample_is_the_growth_since_the_last_and_a_fall_is_a_new_beginning():
    counting, _ = learnt()

    assert counting.increases(np.array([5.0, 5000.0, 50.0, 10.0])).tolist() == [2.0, 50.0, 50.0, 10.0]
    seen = counting.increases(np.array([np.nan, 30.0, 50.0, 10.0]))
    assert np.isnan(seen[0])
    assert seen[1:].tolist() == [30.0, 50.0, 10.0]
    assert counting.increases(np.array([6.0, 90.0, 50.0, 10.0])).tolist() == [1.0, 60.0, 50.0, 10.0]


def test_what_is_saved_goes_on_where_it_stopped():
    counting, _ = learnt()
    other = Counting(CATALOGUE)
    other.restore(dict(counting.saved()))

    column = np.array([4.0, 5050.0, 51.0, 11.0])
    assert other.increases(column).tolist() == counting.increases(column).tolist()
