"""Trigger ids: proof that a person just did something. Three seconds, once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from bot.emulator.clock import WorkspaceClock
from bot.emulator.errors import RefusalError


@dataclass(slots=True, kw_only=True)
class Trigger:
    user: str
    born: float
    view_id: str = ""  # the open view that it came from
    used: bool = False


class Triggers:
    def __init__(self, *, clock: WorkspaceClock, ttl_s: float, team: str) -> None:
        self._clock, self._ttl_s, self._team = clock, ttl_s, team
        self._known: dict[str, Trigger] = {}

    def new(self, user: str, *, view_id: str = "") -> str:
        number = secrets.randbelow(10**12)
        trigger_id = f"{number}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._known[trigger_id] = Trigger(user=user, born=self._clock.now(), view_id=view_id)
        return trigger_id

    def exchange(self, trigger_id: str) -> Trigger:
        """Use it up. Raises invalid_, exchanged_ or expired_trigger_id."""
        found = self._known.get(trigger_id)
        if found is None:
            raise RefusalError("invalid_trigger_id")
        if found.used:
            raise RefusalError("exchanged_trigger_id")
        if self._clock.now() - found.born > self._ttl_s:
            raise RefusalError("expired_trigger_id")
        found.used = True
        return found
