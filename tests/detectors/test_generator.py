"""The generator's promises: known onsets, a robust sigma of one, the same noise whatever the change."""

import numpy as np
import pytest

from tests.detectors.generator import CHANGES, NOISES, generate

SHAPE = {"rows": 1_000, "series": 5, "step_s": 60.0}
SIZES = {"step": 3.0, "ramp": 5.0, "spike": 9.0, "spread": 4.0, "season shifted": 6.0}
AT = np.array([400, 401, 500, 700, 999])


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize("change", [name for name in CHANGES if name not in {"none", "counter reset"}])
def test_nothing_differs_before_the_onset_and_something_from_it_on(noise, change):
    moved = generate(3, noise=noise, change=change, size=SIZES.get(change, 0.0), onset=AT, **SHAPE)
    still = generate(3, noise=noise, change="season shifted", size=0.0, onset=AT, **SHAPE)
    if change != "season shifted":
        still = generate(3, noise=noise, **SHAPE)

    first = (moved.values != still.values).argmax(axis=0)

    assert first.tolist() == AT.tolist()


@pytest.mark.parametrize("noise", NOISES)
def test_noise_has_a_robust_sigma_of_one(noise):
    drawn = generate(4, noise=noise, rows=20_000, series=5, step_s=60.0)

    sigma = 1.4826 * np.median(np.abs(drawn.values - drawn.usual))

    assert abs(sigma - 1.0) < 0.03


def test_a_counter_only_grows_but_at_its_onset():
    drawn = generate(5, noise="independent", change="counter reset", onset=AT, **SHAPE)

    falls = np.diff(drawn.values, axis=0) < 0

    assert drawn.counter
    assert (falls.argmax(axis=0) + 1).tolist() == AT.tolist()
    assert falls.sum(axis=0).tolist() == [1] * 5


def test_a_seed_draws_the_same_again_and_another_does_not():
    first, again, other = (generate(seed, noise="AR .5", **SHAPE).values for seed in (6, 6, 7))

    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
