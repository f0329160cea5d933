"""Wake-ups: APScheduler rings, the jobs look at what is stored and do what is due. The only home of apscheduler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.metrics import Metrics

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[object]]
PATIENCE = 10  # periods after which a job that hangs is cut off, or max_instances=1 would stop it for ever
FINISH_S = 5.0  # what a job may still take when the process is asked to stop
SHORTEST_PATIENCE_S = 30.0  # a fast period, as in the demo, must not cut an ordinary slow pass


class Scheduler:
    """Runs jobs at fixed intervals inside the running loop; one at a time each, late ones folded into one."""

    def __init__(self, *, metrics: Metrics) -> None:
        self._metrics = metrics
        self._running: set[asyncio.Task[Any]] = set()
        # memory only: a job store shared by two processes runs jobs twice without an error
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._scheduler.add_listener(self._note, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_ERROR)

    def every(
        self,
        period: timedelta,
        name: str,
        job: Job,
        *,
        first: timedelta | None = None,
        patience: timedelta | None = None,
    ) -> None:
        """Run `job` every `period` of real time.

        first: until its first run; None: one period.
        patience: after which a run is cut off; None: some periods.
        """
        seconds = period.total_seconds()
        deadline = patience.total_seconds() if patience else max(SHORTEST_PATIENCE_S, PATIENCE * seconds)

        async def run() -> None:
            task = asyncio.current_task()
            assert task is not None, "APScheduler runs coroutines as tasks"
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            try:
                async with asyncio.timeout(deadline):
                    await job()
            except TimeoutError:
                log.error("job cut off", extra={"job": name, "after_s": deadline})  # noqa: TRY400 - no traceback helps
                self._metrics.jobs.labels(name, "cut_off").inc()
            except Exception:
                # the one broad handler of this loop: a job that fails must ring again
                log.exception("job failed", extra={"job": name})
                self._metrics.jobs.labels(name, "failed").inc()
            else:
                self._metrics.jobs.labels(name, "done").inc()

        start = datetime.now(tz=UTC) + (period if first is None else first)
        self._scheduler.add_job(run, "interval", seconds=seconds, start_date=start, id=name, name=name)

    def start(self) -> None:
        self._scheduler.start()

    async def stop(self) -> None:
        """Ring no more, give what runs a moment to finish, then cancel it."""
        if not self._scheduler.running:
            return
        self._scheduler.pause()
        if self._running:
            await asyncio.wait(set(self._running), timeout=FINISH_S)
        self._scheduler.shutdown(wait=False)  # cancels what still runs
        await asyncio.gather(*self._running, return_exceptions=True)

    def _note(self, event: Any) -> None:
        """Missed and overlapping runs leave no other trace."""
        outcome = {EVENT_JOB_MISSED: "missed", EVENT_JOB_MAX_INSTANCES: "overlapped"}.get(event.code, "failed")
        self._metrics.jobs.labels(event.job_id, outcome).inc()
