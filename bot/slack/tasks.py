"""Owns the work that follows an acknowledgement, so that nothing runs unseen and shutdown can wait for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

CLOSE_S = 5.0  # what a click may still take when the process is asked to stop


class Tasks:
    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> None:
        """Start work now; its failure is logged with its traceback."""
        task = asyncio.get_running_loop().create_task(self._owned(work, name), name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _owned(self, work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception:
            log.exception("work after an acknowledgement failed", extra={"work": name})

    async def idle(self) -> None:
        """Wait until nothing runs."""
        while self._running:
            await asyncio.wait(set(self._running))

    async def close(self) -> None:
        """Give running work a moment, then cancel it."""
        if self._running:
            await asyncio.wait(set(self._running), timeout=CLOSE_S)
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
