"""Wake-ups: APScheduler rings, the jobs look at what is stored and do what is due. The only home of apscheduler."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.metrics import Metrics

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[object]]
PATIENCE = 10  # periods after which a job that hangs is cut off, or max_instances=1 would stop it for ever
SHORTEST_PATIENCE_S = 30.0  # a fast period, as in the demo, must not cut an ordinary slow pass


class Scheduler:
    """Runs jobs at fixed intervals inside the running loop; one at a time each, late ones folded into one."""

    def __init__(self, *, metrics: Metrics) -> None:
        self._metrics = metrics
        # memory only: a job store shared by two processes runs jobs twice without an error
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        )
        self._scheduler.add_listener(self._note, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_ERROR)

    def every(self, period: timedelta, name: str, job: Job) -> None:
        """Run `job` every `period` of real time; its first run comes one period from now."""
        seconds = period.total_seconds()
        deadline = max(SHORTEST_PATIENCE_S, PATIENCE * seconds)

        async def run() -> None:
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

        self._scheduler.add_job(run, "interval", seconds=seconds, id=name, name=name)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Ring no more; a job under way is left to its owner."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _note(self, event: Any) -> None:
        """Missed and overlapping runs leave no other trace."""
        outcome = {EVENT_JOB_MISSED: "missed", EVENT_JOB_MAX_INSTANCES: "overlapped"}.get(event.code, "failed")
        self._metrics.jobs.labels(event.job_id, outcome).inc()
