"""Wake-ups: late ones are folded, a failing job rings again, a hanging one is cut off, and stopping waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

import bot.scheduler
from bot.metrics import Metrics
from bot.scheduler import Scheduler

SOON = timedelta(milliseconds=20)
NEVER = timedelta(hours=1)


class Rings:
    """A job that counts its rings, does what it is told at each, and can be waited for."""

    def __init__(self, act=None):
        self.begun = 0
        self.ended = 0
        self._act = act
        self._moved = asyncio.Condition()

    async def __call__(self):
        async with self._moved:
            self.begun += 1
            self._moved.notify_all()
        if self._act is not None:
            await self._act()
        self.ended += 1

    async def wait(self, times):
        async with self._moved, asyncio.timeout(5):
            await self._moved.wait_for(lambda: self.begun >= times)


class Bell:
    def __init__(self):
        self.metrics = Metrics()
        self.scheduler = Scheduler(metrics=self.metrics)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.scheduler.stop()

    def every(self, period, job, **options):
        self.scheduler.every(period, "job", job, **options)
        self.scheduler.start()

    def count(self, outcome):
        return self.metrics.registry.get_sample_value("faultline_jobs_total", {"job": "job", "outcome": outcome}) or 0

    async def counted(self, outcome, times=1):
        async with asyncio.timeout(5):
            while self.count(outcome) < times:  # noqa: ASYNC110 - a counter wakes nobody
                await asyncio.sleep(0.005)


async def test_a_job_rings_again_and_again():
    job = Rings()

    async with Bell() as bell:
        bell.every(SOON, job)
        await job.wait(3)
        await bell.counted("done", 3)

    assert job.ended >= 3


async def test_a_job_rings_first_when_it_is_told_to():
    job = Rings()

    async with Bell() as bell:
        bell.every(NEVER, job, first=SOON)
        await job.wait(1)

    assert job.begun == 1


async def test_a_job_that_fails_rings_again_and_is_counted():
    async def fail():
        raise RuntimeError("a bug")

    job = Rings(fail)

    async with Bell() as bell:
        bell.every(SOON, job)
        await job.wait(2)
        await bell.counted("failed", 2)

    assert bell.count("done") == 0


async def test_one_job_in_trouble_does_not_stop_another():
    async def fail():
        raise RuntimeError("a bug")

    well, ill = Rings(), Rings(fail)

    async with Bell() as bell:
        bell.scheduler.every(SOON, "ill", ill)
        bell.every(SOON, well)
        await asyncio.gather(well.wait(2), ill.wait(2))

    assert well.ended >= 2


async def test_rings_during_a_run_are_folded_into_the_next():
    gate = asyncio.Event()
    job = Rings(gate.wait)

    async with Bell() as bell:
        bell.every(SOON, job)
        await job.wait(1)
        await bell.counted("overlapped", 3)
        together = job.begun
        gate.set()
        await job.wait(2)

    assert together == 1


async def test_a_job_that_hangs_is_cut_off_and_rings_again(monkeypatch):
    monkeypatch.setattr(bot.scheduler, "SHORTEST_PATIENCE_S", 0.03)
    monkeypatch.setattr(bot.scheduler, "PATIENCE", 1)
    job = Rings(asyncio.Event().wait)

    async with Bell() as bell:
        bell.every(SOON, job)
        await job.wait(2)
        await bell.counted("cut_off")

    assert job.ended == 0


async def test_stopping_waits_for_what_runs():
    gate = asyncio.Event()
    job = Rings(gate.wait)
    bell = Bell()
    bell.every(SOON, job)
    await job.wait(1)

    stopping = asyncio.create_task(bell.scheduler.stop())
    await asyncio.sleep(0.05)
    waits = not stopping.done()
    gate.set()
    await stopping

    assert (waits, job.begun, job.ended) == (True, 1, 1)


async def test_while_stopping_waits_nothing_else_begins():
    gate = asyncio.Event()
    slow, other = Rings(gate.wait), Rings()
    bell = Bell()
    bell.scheduler.every(SOON, "other", other)
    bell.every(SOON, slow)
    await asyncio.gather(slow.wait(1), other.wait(1))

    stopping = asyncio.create_task(bell.scheduler.stop())
    await asyncio.sleep(0)
    rung = other.begun
    await asyncio.sleep(0.1)
    gate.set()
    await stopping

    assert other.begun == rung


async def test_stopping_cancels_what_does_not_end(monkeypatch):
    monkeypatch.setattr(bot.scheduler, "FINISH_S", 0.02)
    job = Rings(asyncio.Event().wait)
    bell = Bell()
    bell.every(SOON, job)
    await job.wait(1)

    await asyncio.wait_for(bell.scheduler.stop(), timeout=5)

    assert job.ended == 0


async def test_after_stopping_nothing_rings():
    job = Rings()
    bell = Bell()
    bell.every(SOON, job)
    await job.wait(1)
    await bell.scheduler.stop()
    rung = job.begun

    await asyncio.sleep(0.1)

    assert job.begun == rung


@pytest.mark.parametrize("started", [False, True])
async def test_stopping_twice_or_before_the_start_is_harmless(started):
    bell = Bell()
    if started:
        bell.every(NEVER, Rings())
        await bell.scheduler.stop()

    await bell.scheduler.stop()

    assert bell.count("done") == 0
