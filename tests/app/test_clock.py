"""Clocks: aware, injected, and the one for tests stands still until it is told to move."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, timedelta

import pytest

from bot.clock import ManualClock, ScaledClock, WallClock, from_epoch
from tests.app.builders import MINUTE, T0


async def settled():
    """Let everything run that can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_epoch_seconds_become_an_aware_utc_time():
    assert from_epoch(1_790_000_000.5).isoformat() == "2026-09-21T14:13:20.500000+00:00"


def test_the_wall_clock_tells_the_time_in_utc():
    before = time.time()

    now = WallClock().now()

    assert now.tzinfo is UTC
    assert before - 1e-3 <= now.timestamp() <= time.time() + 1e-3


async def test_the_wall_clock_sleeps():
    await asyncio.wait_for(WallClock().sleep(timedelta(milliseconds=1)), timeout=5)


@pytest.mark.parametrize("rate", [1.0, 60.0])
def test_a_scaled_clock_runs_so_many_times_as_fast_from_its_origin(rate):
    began = time.time() - 100.0
    clock = ScaledClock(rate=rate, origin=T0.timestamp(), origin_wall=began)

    low, now, high = time.time(), clock.now(), time.time()

    assert (low - began) * rate - 1e-3 <= (now - T0).total_seconds() <= (high - began) * rate + 1e-3


async def test_a_scaled_clock_sleeps_its_own_time():
    clock = ScaledClock(rate=60_000.0, origin=T0.timestamp(), origin_wall=time.time())

    await asyncio.wait_for(clock.sleep(10 * MINUTE), timeout=5)  # ten real milliseconds


async def test_a_manual_clock_stands_still_until_it_is_moved():
    clock = ManualClock(T0)

    await clock.advance(MINUTE)

    assert clock.now() == T0 + MINUTE


async def test_a_sleeper_wakes_when_its_time_has_come_and_not_before():
    clock = ManualClock(T0)
    sleeper = asyncio.create_task(clock.sleep(2 * MINUTE))
    await settled()

    await clock.advance(MINUTE)
    await settled()
    early = sleeper.done()
    await clock.advance(MINUTE)
    await settled()

    assert (early, sleeper.done()) == (False, True)


async def test_a_sleep_of_no_time_ends_at_once():
    await asyncio.wait_for(ManualClock(T0).sleep(timedelta()), timeout=5)


async def test_setting_the_clock_moves_it_without_waking_anybody():
    clock = ManualClock(T0)
    sleeper = asyncio.create_task(clock.sleep(MINUTE))
    await settled()

    clock.set(T0 + MINUTE)
    await settled()
    woken = sleeper.done()
    sleeper.cancel()

    assert (clock.now(), woken) == (T0 + MINUTE, False)
