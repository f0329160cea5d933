"""Memory outlives the code: snapshots of earlier versions are taken up, and a snapshot is no larger than promised."""

from pathlib import Path

import numpy as np
import pytest

from detectors.bank import Guards, StateVersionError, from_arrays, new_state, step, to_arrays
from tests.detectors.streams import ar1

FIRST = Path(__file__).parent / "data" / "bank-v1.npz"  # two days of four series: flat, large, seasonal, never seen


def first_version():
    with np.load(FIRST, allow_pickle=False) as saved:
        return dict(saved)


def test_a_snapshot_of_version_one_keeps_levels_and_seasons():
    bank = from_arrays(first_version())
    old = first_version()
    now_s = float(np.nanmax(old["last_s"])) + 60.0
    slot = int(now_s % 86_400 // 1800)
    usual = np.append([50.0, 1e9], old["profile"][slot, 2])

    bank, seen = step(bank, time_s=now_s, values=np.append(usual, np.nan), guards=Guards.neutral(4))

    assert seen.judged.tolist() == [True, True, True, False]
    assert seen.expected[0] == pytest.approx(50, abs=1.5)
    assert seen.expected[1] == pytest.approx(1e9, abs=1.5e6)
    assert seen.expected[2] == pytest.approx(usual[2], abs=12)
    assert np.abs(seen.z[:3]).max() < 4


def test_what_was_usual_to_version_one_raises_nothing_in_the_next_hour():
    bank = from_arrays(first_version())
    now_s = float(bank.clock[0])
    noise = ar1(np.random.default_rng(5), 0.4, 60, 2)
    opened = 0
    for minute in range(60):
        values = np.array([50 + noise[minute, 0], 1e9 + 1e6 * noise[minute, 1], np.nan, np.nan])
        bank, seen = step(bank, time_s=now_s + 60.0 * (minute + 1), values=values, guards=Guards.neutral(4))
        opened += int(seen.opened.sum())

    assert opened == 0


def test_a_damaged_snapshot_of_version_one_is_refused():
    arrays = first_version()
    del arrays["level"]

    with pytest.raises(StateVersionError, match="version 1"):
        from_arrays(arrays)


def test_memory_is_as_small_as_promised():
    bank = new_state(1000, step_s=60.0)

    assert bank.hot_bytes <= 160
    assert bank.all_bytes <= 1700
    assert sum(array.nbytes for name, array in to_arrays(bank).items() if name != "rows") / 1000 <= 1701


@pytest.mark.parametrize("field", ["kept_s", "clock", "place", "rows"])
def test_a_snapshot_whose_common_fields_are_damaged_is_refused(field):
    arrays = to_arrays(new_state(2, step_s=60.0))
    arrays[field] = arrays[field][::-1][:-1]

    with pytest.raises(StateVersionError, match="warm up"):
        from_arrays(arrays)


def test_a_floor_that_is_not_a_number_is_no_floor():
    nothing, none = np.full(1, np.nan), Guards.neutral(1)
    unsure = Guards(direction=none.direction, floor_abs=nothing, floor_rel=nothing)
    noise = 50 + ar1(np.random.default_rng(3), 0.4, 60, 1)
    told = []
    for guards in (none, unsure):
        bank = new_state(1, step_s=60.0)
        for minute, column in enumerate(noise):
            bank, seen = step(bank, time_s=60.0 * minute, values=column, guards=guards)
        told.append((float(seen.z[0]), float(seen.scale[0])))

    assert np.isfinite(told[0]).all()
    assert told[0] == told[1]
