import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.onset import onset_index


@pytest.mark.parametrize("at", [10, 30, 50])
def test_the_split_lies_where_the_mean_changed(at):
    rng = np.random.default_rng(at)
    errors = []
    for _ in range(50):
        window = rng.standard_normal(60)
        window[at:] += 3.0
        errors.append(onset_index(window) - at)

    assert np.abs(errors).max() <= 4
    assert np.median(np.abs(errors)) <= 1


def test_a_spike_does_not_pull_the_split():
    window = np.random.default_rng(1).standard_normal(60)
    window[40:] += 4.0
    window[7] = 1e9

    assert abs(onset_index(window) - 40) <= 1


@given(at=st.integers(5, 35), scale=st.floats(1e-6, 1e6), hole=st.integers(0, 39))
def test_units_and_holes_do_not_matter(at, scale, hole):
    window = np.where(np.arange(40) < at, 0.0, 1.0) + 0.01 * np.cos(np.arange(40))
    window[hole] = np.nan

    found = onset_index(window * scale)

    assert found == (at if hole != at else at + 1)


def test_too_little_to_tell_is_none():
    assert onset_index(np.array([1.0, 2.0, np.nan, 3.0])) is None
