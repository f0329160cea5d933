"""The closer look at flagged series: shape and pace, however long ago the trouble began."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.bank import Guards, new_state, step, warm
from detectors.closer import Shape, closer

MINUTE_S = 60.0
T0_S = 1_790_035_200.0  # midnight
LEVEL, NOISE = 0.60, 0.003
GUARDS = Guards(direction=np.array([1], np.int8), floor_abs=np.array([0.04]), floor_rel=np.zeros(1))


def looked(course, *, minutes):
    """Two quiet days, then so many minutes along `course`, a departure by minute; what a closer look says then."""
    rng = np.random.default_rng(7)
    times_s = T0_S - MINUTE_S * np.arange(2 * 1440, 0, -1)
    bank = warm(new_state(1, step_s=MINUTE_S), times_s, LEVEL + NOISE * rng.standard_normal((len(times_s), 1)), GUARDS)
    for minute in range(minutes):
        value = np.array([LEVEL + course(minute) + NOISE * rng.standard_normal()])
        bank, seen = step(bank, time_s=T0_S + MINUTE_S * minute, values=value, guards=GUARDS)
    assert seen.active[0]
    return closer(bank, np.array([0]), limit=np.array([1.0]))


@pytest.mark.parametrize("minutes", [30, 45, 60, 120, 180])
def test_a_ramp_keeps_its_pace_however_long_it_lasts(minutes):
    found = looked(lambda minute: 0.12 * minute / 60, minutes=minutes)

    assert found.shape[0] == Shape.RAMP
    assert found.pace[0] == pytest.approx(0.12, rel=0.15)
    left = 0.40 - 0.12 * (minutes - 1) / 60
    assert found.until_limit_s[0] == pytest.approx(3600 * left / 0.12, rel=0.2)


@pytest.mark.parametrize("minutes", [20, 45, 120])
def test_a_step_stays_a_step_and_has_no_pace(minutes):
    found = looked(lambda minute: 0.15, minutes=minutes)

    assert found.shape[0] == Shape.STEP
    assert np.isnan(found.pace[0])
    assert np.isnan(found.until_limit_s[0])


def test_what_comes_back_is_no_ramp():
    found = looked(lambda minute: 0.30 - 0.06 * minute / 60, minutes=120)

    assert found.shape[0] == Shape.STEP


@pytest.mark.parametrize("minutes", [11, 14, 20, 60])
def test_a_ramp_that_came_to_rest_is_no_ramp(minutes):
    found = looked(lambda minute: 0.20 * min(minute / 6, 1.0), minutes=minutes)

    assert found.shape[0] == Shape.STEP
    assert np.isnan(found.until_limit_s[0])
