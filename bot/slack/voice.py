"""How we answer one person: privately, and best effort, since such answers need no outbox."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.errors import GiveUpError, RetryLaterError, UnknownOutcomeError
from bot.slack.api import SlackApi
from bot.slack.render.answers import answer
from bot.slack.render.blocks import Rendered
from bot.slack.render.modals import told
from bot.slack.render.validate import fit

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a person can be answered."""

    user: str
    channel: str = ""
    thread_ts: str | None = None
    response_url: str = ""  # five uses in half an hour; works where the bot is no member
    trigger_id: str = ""  # where there is no channel, such as the App Home: a modal, within three seconds


class Voice:
    def __init__(self, api: SlackApi, *, session: aiohttp.ClientSession) -> None:
        self._api, self._session = api, session

    async def say(self, place: Place, rendered: Rendered | str) -> None:
        """Answer privately; never touches a shared message."""
        said = answer(rendered[:1].upper() + rendered[1:]) if isinstance(rendered, str) else rendered
        fitted, _ = fit(said)
        payload = fitted.payload(stamp="answer")
        if place.response_url and await self._respond(place, payload):
            return
        try:
            if place.channel:
                await self._api.ephemeral(channel=place.channel, user=place.user, thread_ts=place.thread_ts, **payload)
            elif place.trigger_id:
                await self._api.call(
                    "views.open", {"trigger_id": place.trigger_id, "view": told("Faultline", said.text)}
                )
        except (GiveUpError, RetryLaterError, UnknownOutcomeError) as error:
            log.warning("a person could not be answered", extra={"user": place.user, "error": str(error)})

    async def _respond(self, place: Place, payload: Mapping[str, Any]) -> bool:
        client = AsyncWebhookClient(place.response_url, session=self._session, retry_handlers=[])
        body: dict[str, Any] = {**payload, "response_type": "ephemeral", "replace_original": False}
        if place.thread_ts:
            body["thread_ts"] = place.thread_ts
        try:
            reply = await client.send_dict(body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("response_url failed", extra={"user": place.user, "error": repr(error)})
            return False
        if reply.status_code != 200:  # the client does not raise on this
            log.warning("response_url refused", extra={"user": place.user, "status": reply.status_code})
        return reply.status_code == 200
