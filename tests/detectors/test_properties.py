"""What holds for any stream: units do not matter, holes do not spread, memory is a value."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from detectors.bank import LARGEST, Guards, StateVersionError, from_arrays, grow, new_state, step, to_arrays, warm
from tests.detectors.streams import ar1, feed

SHORT = 260


def eventful(seed: int, n: int = 6) -> np.ndarray:
    values = 50 + ar1(np.random.default_rng(seed), 0.4, SHORT, n)
    values[150:200] += np.linspace(-20, 20, n)
    return values


@settings(max_examples=15, deadline=None)
@given(
    power=st.integers(-20, 20),
    shift=st.floats(-1e4, 1e4),
    floor=st.sampled_from([0.0, 5.0, 12.0]),
    seed=st.integers(0, 99),
)
def test_decisions_do_not_depend_on_the_unit(power, shift, floor, seed):
    values, unit = eventful(seed), 2.0**power
    plain = Guards(direction=np.zeros(6, np.int8), floor_abs=np.full(6, floor), floor_rel=np.zeros(6))
    scaled = dataclasses.replace(plain, floor_abs=plain.floor_abs * unit)

    first, second = feed(values, guards=plain), feed(values * unit + shift * unit, guards=scaled)

    assert (first.active == second.active).all()
    assert (first.direction == second.direction).all()


@settings(max_examples=40, deadline=None)
@given(
    values=arrays(np.float64, (60, 3), elements=st.floats(allow_nan=True, allow_infinity=True, width=64)),
    floor=st.floats(0, 1e3),
)
def test_no_value_whatever_raises_or_poisons(values, floor):
    guards = Guards(direction=np.zeros(3, np.int8), floor_abs=np.full(3, floor), floor_rel=np.zeros(3))

    record = feed(values, guards=guards)

    usable = np.abs(values) <= LARGEST
    assert not np.isinf(record.z[np.isfinite(record.z)]).any()
    assert np.isfinite(record.expected[-1]).tolist() == usable.any(axis=0).tolist()


def test_missing_and_infinite_samples_of_one_series_do_not_touch_another():
    values = eventful(1)
    spoilt = values.copy()
    spoilt[20:200:3, 0] = np.nan
    spoilt[21:200:3, 0] = np.inf
    spoilt[100, 0] = 1e308

    clean, beside = feed(values), feed(spoilt)

    np.testing.assert_array_equal(clean.z[:, 1:], beside.z[:, 1:])
    assert np.isfinite(beside.expected[-1, 0])


def test_infinite_is_the_same_as_missing():
    values = eventful(2)
    holes, infinite = values.copy(), values.copy()
    holes[50:60] = np.nan
    infinite[50:60] = -np.inf

    np.testing.assert_array_equal(feed(holes).z, feed(infinite).z)


def test_a_snapshot_loses_nothing():
    values, guards = eventful(3), Guards.neutral(6)
    whole = feed(values)
    bank = feed(values[:170]).state

    bank = from_arrays(to_arrays(bank))
    after = []
    for row in range(170, SHORT):
        bank, judged = step(bank, time_s=60.0 * row, values=values[row], guards=guards)
        after.append(judged.z)

    np.testing.assert_array_equal(np.array(after), whole.z[170:])


def test_a_snapshot_of_another_version_says_what_to_do():
    arrays_ = to_arrays(new_state(2, step_s=60.0))
    arrays_["version"] = np.asarray(99)

    with pytest.raises(StateVersionError, match="warm up"):
        from_arrays(arrays_)


@pytest.mark.parametrize("spoil", ["missing field", "wrong shape"])
def test_a_damaged_snapshot_is_refused(spoil):
    arrays_ = to_arrays(new_state(2, step_s=60.0))
    if spoil == "missing field":
        del arrays_["profile"]
    else:
        arrays_["profile"] = arrays_["profile"][:, :1]

    with pytest.raises(StateVersionError, match="profile"):
        from_arrays(arrays_)


def test_series_that_join_change_nothing_for_those_that_were_there():
    values, guards = eventful(4), Guards.neutral(6)
    alone = feed(values)
    bank = grow(feed(values[:100]).state, 8)
    wide = Guards.neutral(8)
    seen = []
    for row in range(100, SHORT):
        column = np.append(values[row], [1.0, np.nan])
        bank, judged = step(bank, time_s=60.0 * row, values=column, guards=wide)
        seen.append(judged.z[: len(guards.direction)])

    np.testing.assert_array_equal(np.array(seen), alone.z[100:])
    assert judged.judged[6]


def test_judgements_are_not_changed_by_later_steps():
    bank, guards = feed(eventful(5)[:180]).state, Guards.neutral(6)
    bank, judged = step(bank, time_s=60.0 * 180, values=np.full(6, 75.0), guards=guards)
    kept = {field.name: getattr(judged, field.name).copy() for field in dataclasses.fields(judged)}

    for row in range(181, 200):
        bank, _ = step(bank, time_s=60.0 * row, values=np.full(6, 20.0 + row), guards=guards)

    for name, value in kept.items():
        np.testing.assert_array_equal(getattr(judged, name), value)


def test_a_column_that_is_not_later_is_ignored():
    bank, guards = feed(eventful(6)[:100]).state, Guards.neutral(6)
    before = to_arrays(bank)

    bank, _ = step(bank, time_s=60.0 * 99, values=np.full(6, 1e6), guards=guards)

    after = to_arrays(bank)
    for name, array in before.items():
        np.testing.assert_array_equal(array, after[name])


def test_an_empty_bank_steps():
    bank, judged = step(new_state(0, step_s=60.0), time_s=0.0, values=np.empty(0), guards=Guards.neutral(0))

    assert len(bank) == 0
    assert judged.z.shape == (0,)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: new_state(-1, step_s=60.0), id="negative count"),
        pytest.param(lambda: new_state(1, step_s=0.0), id="no step"),
        pytest.param(lambda: grow(new_state(2, step_s=60.0), 1), id="shrinking"),
        pytest.param(
            lambda: step(new_state(2, step_s=60.0), time_s=0.0, values=np.zeros(3), guards=Guards.neutral(2)),
            id="lengths",
        ),
        pytest.param(
            lambda: step(new_state(1, step_s=60.0), time_s=np.nan, values=np.zeros(1), guards=Guards.neutral(1)),
            id="no time",
        ),
        pytest.param(
            lambda: warm(new_state(2, step_s=60.0), np.arange(3.0), np.zeros((3, 1)), Guards.neutral(2)), id="history"
        ),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError, match=r"."):
        call()


def test_an_empty_history_teaches_nothing():
    bank = warm(new_state(2, step_s=60.0), np.empty(0), np.empty((0, 2)), Guards.neutral(2))

    assert np.isnan(bank.origin).all()
