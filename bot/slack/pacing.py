"""When the next call of a method to a channel may leave: Slack's own limits in real seconds, and its wishes to wait."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

RATE = 1.0  # messages a second a channel, as Slack documents
BURST = 4  # a headline and its first replies may leave together
JITTER = 0.1  # of the time Slack asks for, so that several bots do not come back at once


class Pacer:
    """A token bucket for each (method, channel), and holds on top of it.

    now: monotonic real seconds. Real, even where the rest of the bot runs on a faster clock: Slack does not.
    """

    def __init__(
        self,
        *,
        rate: float = RATE,
        burst: int = BURST,
        now: Callable[[], float] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._rate, self._burst = rate, float(burst)
        self._now = now or (lambda: asyncio.get_running_loop().time())
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}  # tokens, as of
        self._held: dict[tuple[str, str], float] = {}

    def wait_s(self, method: str, channel: str) -> float:
        """Seconds until the next call may leave; 0 takes a token."""
        key, now = (method, channel), self._now()
        held = self._held.get(key, 0.0)
        if held > now:
            return held - now
        tokens, as_of = self._buckets.get(key, (self._burst, now))
        tokens = min(self._burst, tokens + (now - as_of) * self._rate)
        if tokens < 1.0:
            self._buckets[key] = (tokens, now)
            return (1.0 - tokens) / self._rate
        self._buckets[key] = (tokens - 1.0, now)
        return 0.0

    def hold(self, method: str, channel: str, seconds: float) -> float:
        """Obey a Retry-After; returns the seconds with jitter."""
        wait = seconds * (1.0 + JITTER * self._rng.random())
        self._held[(method, channel)] = max(self._held.get((method, channel), 0.0), self._now() + wait)
        return wait
