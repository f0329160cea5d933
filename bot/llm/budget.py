"""What asking for words may cost, when to stop asking, and what need not be asked twice. No clock: `now` comes in."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.explanation import Explanation

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Permit(StrEnum):
    """May we ask? The reason is counted and told."""

    GRANTED = "granted"
    INCIDENT_CAP = "incident_cap"
    HOUR_CAP = "hour_cap"
    DAY_CAP = "day_cap"
    TOKENS_CAP = "tokens_cap"
    BREAKER_OPEN = "breaker_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The defaults cover a bad day of some teams and stop a storm within the hour."""

    per_incident: int = 4  # a verdict seldom changes oftener
    per_hour: int = 30
    per_day: int = 200
    tokens_per_day: int = 1_000_000


@dataclass(slots=True)
class Budget:
    """Counts calls in sliding windows. Lost at a restart: the windows are short and the caps generous."""

    caps: Caps = field(default_factory=Caps)
    _calls: deque[tuple[datetime, str]] = field(default_factory=deque)
    _tokens: deque[tuple[datetime, int]] = field(default_factory=deque)

    def permit(self, incident: str, *, now: datetime) -> Permit:
        """Say whether one more call is within the caps."""
        self._forget(now)
        if sum(1 for _, who in self._calls if who == incident) >= self.caps.per_incident:
            return Permit.INCIDENT_CAP
        if sum(1 for at, _ in self._calls if now - at < HOUR) >= self.caps.per_hour:
            return Permit.HOUR_CAP
        if len(self._calls) >= self.caps.per_day:
            return Permit.DAY_CAP
        if sum(tokens for _, tokens in self._tokens) >= self.caps.tokens_per_day:
            return Permit.TOKENS_CAP
        return Permit.GRANTED

    def called(self, incident: str, *, now: datetime) -> None:
        """Count a call when it is sent: one that fails has cost too."""
        self._calls.append((now, incident))

    def spent(self, tokens: int, *, now: datetime) -> None:
        self._tokens.append((now, tokens))

    def _forget(self, now: datetime) -> None:
        for window in (self._calls, self._tokens):
            while window and now - window[0][0] >= DAY:
                window.popleft()


@dataclass(slots=True)
class Breaker:
    """Stops asking a provider that keeps failing; after a pause one call tries again."""

    failures_to_open: int = 3
    pause: timedelta = timedelta(minutes=5)
    _failures: int = 0
    _opened: datetime | None = None

    def open(self, *, now: datetime) -> bool:
        return self._opened is not None and now - self._opened < self.pause

    def succeeded(self) -> None:
        self._failures, self._opened = 0, None

    def failed(self, *, now: datetime) -> None:
        self._failures += 1
        if self._failures >= self.failures_to_open:
            self._opened = now  # again, when the trial call failed: a new pause


CacheKey = tuple[str, str, str]  # prompt sha256, digest of the evidence, model: no time and no generated text


@dataclass(slots=True)
class Cache:
    """Answers that were checked, for a day."""

    keep: timedelta = DAY
    size: int = 256
    _entries: OrderedDict[CacheKey, tuple[datetime, Explanation]] = field(default_factory=OrderedDict)

    def get(self, key: CacheKey, *, now: datetime) -> Explanation | None:
        found = self._entries.get(key)
        if found is None or now - found[0] >= self.keep:
            return None
        return found[1]

    def put(self, key: CacheKey, explanation: Explanation, *, now: datetime) -> None:
        self._entries[key] = (now, explanation)
        self._drop(old for old, (at, _) in list(self._entries.items()) if now - at >= self.keep)
        while len(self._entries) > self.size:
            self._entries.popitem(last=False)

    def _drop(self, keys: Iterable[CacheKey]) -> None:
        for key in list(keys):
            self._entries.pop(key, None)
