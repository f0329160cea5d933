"""What every handler works with, and the one way a person's request is carried out after its acknowledgement."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.clock import Clock
from bot.errors import BadInputError, GiveUpError, RefusedError, RetryLaterError, UnknownOutcomeError
from bot.ports import FrontDesk, Store
from bot.slack.api import SlackApi
from bot.slack.gate import Gate
from bot.slack.tasks import Tasks
from bot.slack.voice import Place, Voice

log = logging.getLogger(__name__)

BUSY = "Faultline cannot do that right now, and nothing was changed. Please try again in a minute."
DOUBTFUL = "It is not certain whether that worked. Please look at the thread before you try again."
BROKEN = "Something went wrong inside Faultline, and it has been logged. Please try again."
VIEW_CLOSED = "not_found"  # what Slack says to views.update then


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    api: SlackApi
    desk: FrontDesk
    store: Store
    clock: Clock
    gate: Gate
    voice: Voice
    tasks: Tasks
    wake: Callable[[], None]  # the publisher: a click should show at once
    channel: str  # where incidents are told; buttons elsewhere are refused
    bot_user: Callable[[], str]

    def carry_out(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        body: Mapping[str, Any],
        place: Place,
        key: str,
        name: str,
        fresh: bool = False,
    ) -> None:
        """Start the work of a request that has been acknowledged.

        key: names the request; the same one delivered again does nothing.
        fresh: the person's profile is read anew, for approvals.
        """
        self.tasks.spawn(self._carried_out(work, body=body, place=place, key=key, name=name, fresh=fresh), name=name)

    async def fill(self, view_id: str, view: Mapping[str, Any]) -> None:
        """Put what was worked out into an open view, unless its reader has closed it meanwhile."""
        try:
            await self.api.call("views.update", {"view_id": view_id, "view": view})
        except GiveUpError as error:
            if error.code != VIEW_CLOSED:
                raise

    async def _carried_out(
        self,
        work: Callable[[], Awaitable[None]],
        *,
        body: Mapping[str, Any],
        place: Place,
        key: str,
        name: str,
        fresh: bool,
    ) -> None:
        try:
            if not await self.store.first_time(f"slack:{key}", now=self.clock.now()):
                return
            await self.gate.admit(body, place.user, fresh=fresh)
            await work()
        except (RefusedError, BadInputError) as error:
            log.info("request refused", extra={"work": name, "user": place.user, "error": str(error)})
            await self.voice.say(place, str(error))
        except RetryLaterError as error:
            log.warning("request failed", extra={"work": name, "user": place.user, "error": repr(error)})
            await self.voice.say(place, BUSY)
        except UnknownOutcomeError as error:
            log.warning("request of unknown outcome", extra={"work": name, "user": place.user, "error": repr(error)})
            await self.voice.say(place, DOUBTFUL)
        except GiveUpError as error:
            log.warning("request cannot be done", extra={"work": name, "user": place.user, "error": repr(error)})
            await self.voice.say(place, f"That does not work: {error}")
        except Exception:
            log.exception("request broke", extra={"work": name, "user": place.user})
            await self.voice.say(place, BROKEN)
        finally:
            self.wake()


def key_of(body: Mapping[str, Any]) -> str:
    """What names a delivery: its event id, or the trigger that only this click or command has."""
    if body.get("event_id"):
        return f"event:{body['event_id']}"
    if body.get("trigger_id"):
        return f"trigger:{body['trigger_id']}"
    action = (body.get("actions") or [{}])[0]
    return f"action:{action.get('action_ts', '')}:{(body.get('user') or {}).get('id', '')}"
