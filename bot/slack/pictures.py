"""Puts a picture into a thread, at most once as far as Slack can tell, and never in the way of the text."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.domain.message import Plot
from bot.errors import FaultlineError, UnknownOutcomeError
from bot.slack.api import SlackApi
from bot.slack.render.escape import esc

log = logging.getLogger(__name__)

DEADLINE_S = 20.0  # drawing and three calls; after that the thread does without


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A picture that belongs into a thread."""

    channel: str
    root_ts: str
    series: tuple[Plot, ...]


class Pictures:
    def __init__(self, api: SlackApi, *, draw: Callable[[Sequence[Plot]], bytes]) -> None:
        self._api = api
        self._draw = draw

    async def share(self, wanted: Wanted) -> str | None:
        """Draw and upload; returns the file id, or None when it did not work, which is logged and harms nobody."""
        try:
            async with asyncio.timeout(DEADLINE_S):
                content = await asyncio.to_thread(self._draw, wanted.series)
                return await self._upload(wanted, content)
        except (FaultlineError, TimeoutError, ValueError) as error:
            log.warning("picture not shared", extra={"channel": wanted.channel, "error": repr(error)})
            return None

    async def _upload(self, wanted: Wanted, content: bytes) -> str:
        title = "Leading series: " + ", ".join(esc(one.title, limit=60, plain=True) for one in wanted.series[:4])
        place = await self._api.read(
            "files.getUploadURLExternal", filename="evidence.png", length=len(content), alt_txt=title[:500]
        )
        file_id = str(place["file_id"])  # the idempotency key from here on
        await self._api.upload(str(place["upload_url"]), content)
        completion = {
            "files": [{"id": file_id, "title": title[:200]}],
            "channel_id": wanted.channel,
            "thread_ts": wanted.root_ts,
        }
        try:
            await self._api.call("files.completeUploadExternal", completion)
        except UnknownOutcomeError:
            # Completing again blindly would show the picture twice: ask whether the file is shared already.
            if not await self._shared(file_id):
                await self._api.call("files.completeUploadExternal", completion)
        return file_id

    async def _shared(self, file_id: str) -> bool:
        found = await self._api.read("files.info", file=file_id)
        shares = (found.get("file") or {}).get("shares") or {}
        return any(shares.values())
