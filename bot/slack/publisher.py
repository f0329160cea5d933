"""Drains the outbox into Slack: each message once, in order, as fast as Slack likes, and never lost.

A lost reply doubles a message: sent again, it stands there twice. Only a look into the channel for our own key, before
anything is sent a second time, prevents it.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock
from bot.domain.catalogue import Catalogue
from bot.domain.incident import Severity
from bot.domain.message import (
    ChangeMessage,
    DigestMessage,
    EvidenceMessage,
    HeadlineMessage,
    Message,
    Plot,
    Posted,
    Slot,
)
from bot.domain.notice import Reason
from bot.errors import GiveUpError, RetryLaterError, StoreDownError, UnknownOutcomeError
from bot.ports import Claimed, Store
from bot.slack import plots
from bot.slack.api import CONTENT, PLACE, TARGET, TOKEN, SlackApi
from bot.slack.lookback import find_message
from bot.slack.pacing import Pacer
from bot.slack.pictures import Pictures, Wanted
from bot.slack.render import blocks as b
from bot.slack.render.ids import MESSAGE_EVENT
from bot.slack.render.message import render
from bot.slack.render.validate import Level, fit

log = logging.getLogger(__name__)

EDIT_AGAIN = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How patient the publisher is, in real time. Each default carries its reason."""

    lease: timedelta = timedelta(seconds=45)  # HTTP timeout + lateness bound + room for a look-back
    http_timeout: timedelta = timedelta(seconds=10)
    lateness: timedelta = timedelta(seconds=20)  # how late a "lost" message may still appear; Slack publishes no bound
    quiet: timedelta = timedelta(seconds=20)  # after a send of unknown outcome, before we look
    poll: timedelta = timedelta(seconds=0.5)  # how soon a person's click shows, when nobody wakes us
    trouble_wait: timedelta = timedelta(seconds=30)  # a token or channel is repaired by hand: no hurry
    batch: int = 8
    max_sends: int = 3  # a message that vanishes each time is being deleted by somebody
    clock_rate: float = 1.0  # clock seconds a real second: the demo's clock runs fast, Slack's does not

    def on_clock(self, real: timedelta) -> timedelta:
        """Real time as the injected clock, and so the store, counts it."""
        return real * self.clock_rate


class Publisher:
    """One a process. `drain` is one pass; `run` drains for ever and is the only place with a broad except."""

    def __init__(
        self,
        *,
        api: SlackApi,
        store: Store,
        clock: Clock,
        channel: str,
        bot_user: Callable[[], str],
        timing: Timing | None = None,
        pacer: Pacer | None = None,
        catalogue: Catalogue | None = None,
        draw: Callable[[Sequence[Plot]], bytes] = plots.draw,
        owner: str | None = None,
        mention_group: str = "",
    ) -> None:
        self._api, self._store, self._clock, self._channel = api, store, clock, channel
        self._bot_user = bot_user
        self._timing = timing or Timing()
        self._pacer = pacer or Pacer()
        self._catalogue = catalogue
        self._pictures = Pictures(api, draw=draw)
        self._owner = owner or f"publisher-{uuid.uuid4().hex[:12]}"
        self._mention_group = mention_group
        self._woken = asyncio.Event()
        self._failures = 0
        self._replaced: set[str] = set()  # ops whose message is gone: the next one is a post, not an edit
        self._levels: dict[str, Level] = {}  # op -> how plain Slack wanted it, until it is sent
        self.trouble: str | None = None  # why nothing leaves; readiness shows it

    def wake(self) -> None:
        """Look at the outbox now: somebody clicked."""
        self._woken.set()

    async def run(self) -> None:
        """Drain until cancelled."""
        while True:
            try:
                delivered = await self.drain()
            except StoreDownError as error:
                log.warning("outbox cannot be read", extra={"error": repr(error)})
                delivered = 0
            except Exception:
                log.exception("publisher pass failed")
                delivered = 0
            if not delivered:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(self._timing.poll.total_seconds()):
                await self._woken.wait()
        except TimeoutError:
            pass
        self._woken.clear()

    async def drain(self) -> int:
        """Deliver what is due; returns how many items ended (sent, adopted or parked)."""
        now = self._clock.now()  # the lease counts from here, however long the store takes to answer
        claimed = await self._store.claim(
            owner=self._owner,
            now=now,
            lease=self._timing.on_clock(self._timing.lease),
            limit=self._timing.batch,
        )
        until = now + self._timing.on_clock(self._timing.lease)
        ended = 0
        wanted: list[Wanted] = []
        before = self.trouble
        for item in sorted(claimed, key=_urgency):
            if self.trouble is not None and self.trouble != before:  # the token or the channel: all would fail alike
                await self._back(item, self._timing.trouble_wait, sure=True)
                continue
            ended += await self._deliver(item, lease_until=until, wanted=wanted)
        for picture in wanted:  # after all texts: a picture is never in the way of another incident's headline
            await self._pictures.share(picture)
        return ended

    async def _deliver(self, claimed: Claimed, *, lease_until: datetime, wanted: list[Wanted]) -> bool:
        item = claimed.item
        try:
            posted = await self._place(claimed, lease_until=lease_until)
        except UnknownOutcomeError as error:
            log.warning("send of unknown outcome", extra={"op": item.op, "incident": item.thread, "error": str(error)})
            # An edit may simply be made again; a post must first have had its time to appear.
            edit = claimed.posted is not None and claimed.item.op not in self._replaced
            await self._back(claimed, EDIT_AGAIN if edit else self._timing.quiet, sure=False)
            return False
        except RetryLaterError as error:
            if isinstance(error, StoreDownError):
                raise
            await self._back(claimed, timedelta(seconds=self._wait_s(error)), sure=True)
            return False
        except GiveUpError as error:
            return await self._gave_up(claimed, error)
        self._levels.pop(item.op, None)
        if posted is None:  # out of time or tokens, and given back already
            return False
        self._replaced.discard(item.op)
        if not await self._store.sent(claimed, posted, owner=self._owner):
            await self._collapse(posted)
        message = item.message
        root = claimed.root.ts if claimed.root else None
        if isinstance(message, EvidenceMessage) and message.plot and root and claimed.posted is None:
            wanted.append(Wanted(channel=posted.channel, root_ts=root, series=message.plot))
        return True

    async def _place(self, claimed: Claimed, *, lease_until: datetime) -> Posted | None:
        """Bring the slot to the item's content; None when there was no time for it now."""
        rendered, level = fit(
            render(claimed.item.message, catalogue=self._catalogue), self._levels.get(claimed.item.op, Level.FULL)
        )
        self._levels[claimed.item.op] = level
        standing = claimed.posted
        if standing is None and claimed.attempt > 1:
            standing = await self._adopted(claimed)
            if standing is None and claimed.attempt > self._timing.max_sends:
                raise GiveUpError(f"sent {claimed.attempt - 1} times and never found in Slack", code="vanished")
            if standing is not None and standing.revision == claimed.item.revision:
                return replace(standing, digest=rendered.digest)
        if standing is not None and standing.digest == rendered.digest and claimed.attempt == 1:
            return replace(standing, revision=claimed.item.revision)
        if not await self._may_leave(claimed, edit=standing is not None, lease_until=lease_until):
            return None
        if standing is None:
            return await self._post(claimed, rendered)
        return await self._edit(claimed, rendered, standing)

    async def _adopted(self, claimed: Claimed) -> Posted | None:
        """Where an earlier attempt of ours arrived after all."""
        item = claimed.item
        root = _root_ts(claimed)
        arrived = await find_message(
            self._api,
            channel=self._channel,
            root_ts=root,
            thread=item.thread,
            slot=item.slot,
            since=claimed.first_try if self._timing.clock_rate == 1.0 else None,
            bot_user=self._bot_user(),
        )
        if arrived is None:
            return None
        log.info("adopted a message that had arrived", extra={"op": item.op, "incident": item.thread})
        return Posted(
            thread=item.thread,
            slot=item.slot,
            channel=self._channel,
            ts=arrived.ts,
            revision=arrived.revision,
            digest="",
        )

    async def _may_leave(self, claimed: Claimed, *, edit: bool, lease_until: datetime) -> bool:
        """Wait for our turn in this channel, and send only when the lease outlasts the latest possible arrival."""
        method = "chat.update" if edit else "chat.postMessage"
        need = self._timing.on_clock(self._timing.http_timeout + self._timing.lateness)
        while True:
            wait = self._pacer.wait_s(method, self._channel)
            left = lease_until - self._clock.now() - self._timing.on_clock(timedelta(seconds=wait))
            if left < need:
                await self._back(claimed, timedelta(seconds=wait), sure=True)
                return False
            if wait <= 0:
                return True
            await asyncio.sleep(wait)

    @contextmanager
    def _watching(self, method: str) -> Iterator[None]:
        """Learn from a call: a limit holds this method in this channel, a success ends any trouble."""
        try:
            yield
        except RetryLaterError as error:
            if error.after_s is not None:
                self._pacer.hold(method, self._channel, error.after_s)
            raise
        self._failures, self.trouble = 0, None

    def _metadata(self, claimed: Claimed) -> Mapping[str, Any]:
        item = claimed.item  # everybody in the channel can read this: ids only
        payload = {"op": item.op, "thread": item.thread, "slot": item.slot, "rev": item.revision}
        return {"event_type": MESSAGE_EVENT, "event_payload": payload}

    async def _post(self, claimed: Claimed, rendered: b.Rendered, *, instead_of: str = "") -> Posted:
        item = claimed.item
        root = _root_ts(claimed)
        payload = rendered.payload(stamp=f"{item.slot[:100]}.{item.revision}")
        if instead_of and payload["blocks"]:
            payload["blocks"] = [*payload["blocks"], b.context(f"Continues <{instead_of}|an earlier message>.")]
        if self._mention_group and _calls_people(item.message):
            payload = _with_mention(payload, f"<!subteam^{self._mention_group}>")
        with self._watching("chat.postMessage"):
            answer = await self._api.post(
                channel=self._channel,
                thread_ts=root,
                reply_broadcast=True if root and rendered.broadcast else None,
                metadata=self._metadata(claimed),
                **payload,
            )
        if root and (answer.get("message") or {}).get("thread_ts") not in (None, root):
            log.warning("a reply landed in another thread", extra={"op": item.op, "incident": item.thread})
        return Posted(
            thread=item.thread,
            slot=item.slot,
            channel=str(answer["channel"]),
            ts=str(answer["ts"]),
            revision=item.revision,
            digest=rendered.digest,
        )

    async def _edit(self, claimed: Claimed, rendered: b.Rendered, standing: Posted) -> Posted:
        """Edit in place; last write wins, so an unknown outcome is simply edited again."""
        item = claimed.item
        try:
            with self._watching("chat.update"):
                await self._api.update(
                    channel=standing.channel,
                    ts=standing.ts,
                    metadata=self._metadata(claimed),
                    **rendered.payload(stamp=f"{item.slot[:100]}.{item.revision}"),
                )
        except GiveUpError as error:
            if error.code not in TARGET:
                raise
            log.warning("message cannot be edited any more", extra={"op": item.op, "error": str(error)})
            self._replaced.add(item.op)
            if claimed.attempt > 1:  # our replacement may have arrived: it is a post, and a post is looked for first
                arrived = await self._adopted(claimed)
                if arrived is not None and arrived.ts != standing.ts:
                    newest = arrived.revision == item.revision
                    return arrived if newest else await self._edit(claimed, rendered, arrived)
                if claimed.attempt > self._timing.max_sends:
                    raise GiveUpError("replaced again and again, and never found in Slack", code="vanished") from error
            return await self._post(claimed, rendered, instead_of=await self._permalink(standing))
        return replace(standing, revision=item.revision, digest=rendered.digest)

    async def _permalink(self, posted: Posted) -> str:
        """A link that Slack made, or "" when the message is gone."""
        try:
            answer = await self._api.read("chat.getPermalink", channel=posted.channel, message_ts=posted.ts)
        except (GiveUpError, RetryLaterError):
            return ""
        return str(answer.get("permalink", ""))

    async def _collapse(self, ours: Posted) -> None:
        """Another owner finished while we sent: keep what is recorded, remove our copy."""
        recorded = await self._store.posted(ours.thread, ours.slot)
        if recorded is None or recorded.ts == ours.ts:
            return
        try:
            await self._api.call("chat.delete", {"channel": ours.channel, "ts": ours.ts})
        except (GiveUpError, RetryLaterError, UnknownOutcomeError) as error:
            log.warning("a copy could not be removed", extra={"incident": ours.thread, "error": str(error)})

    async def _gave_up(self, claimed: Claimed, error: GiveUpError) -> bool:
        item = claimed.item
        level = self._levels.get(item.op, Level.FULL)
        if error.code in CONTENT and level is not Level.TEXT:
            log.error("Slack refused a rendering", extra={"op": item.op, "level": level.name, "error": str(error)})
            self._levels[item.op] = Level(level + 1)
            await self._back(claimed, timedelta(0), sure=True)
            return False
        if error.code in TOKEN | PLACE:
            self.trouble = f"nothing can be posted to {self._channel}: {error}"
            log.error("Slack does not let us post", extra={"op": item.op, "error": str(error)})
            await self._back(claimed, self._timing.trouble_wait, sure=True)
            return False
        log.error("message parked", extra={"op": item.op, "incident": item.thread, "error": str(error)})
        self._levels.pop(item.op, None)
        self._replaced.discard(item.op)
        await self._store.park(claimed, owner=self._owner, because=str(error))
        return True

    def _wait_s(self, error: RetryLaterError) -> float:
        """Real seconds until the next try: as long as Slack asks, else doubling up to a minute."""
        if error.after_s is not None:
            return error.after_s
        self._failures += 1
        return min(60.0, 2.0 ** min(self._failures, 6))

    async def _back(self, claimed: Claimed, wait: timedelta, *, sure: bool) -> None:
        not_before = self._clock.now() + self._timing.on_clock(wait)
        await self._store.release(claimed, owner=self._owner, not_before=not_before, sure=sure)


def _root_ts(claimed: Claimed) -> str | None:
    """The thread to reply into; None: this message begins one."""
    if claimed.root is None or claimed.item.slot in (Slot.HEADLINE, claimed.root.slot):
        return None
    return claimed.root.ts


def _calls_people(message: Message) -> bool:
    """Whether a user group is called: once when something critical opens, and once when something becomes critical."""
    if isinstance(message, HeadlineMessage):
        return message.incident.severity is Severity.CRITICAL and message.incident.open
    if isinstance(message, ChangeMessage):
        return message.reason is Reason.SEVERITY and message.severity is Severity.CRITICAL
    return False


def _with_mention(payload: Mapping[str, Any], mention: str) -> dict[str, Any]:
    """Add a mention where it is seen: blocks hide the text."""
    if payload["blocks"] or payload["attachments"]:
        return {**payload, "blocks": [*payload["blocks"], b.section(mention)]}
    return {**payload, "text": f"{payload['text']} {mention}"}


def _urgency(claimed: Claimed) -> tuple[int, datetime]:
    """Critical incidents first, then the oldest."""
    message = claimed.item.message
    severity = Severity.WARNING
    if isinstance(message, (HeadlineMessage, EvidenceMessage)):
        severity = message.incident.severity
    elif isinstance(message, ChangeMessage):
        severity = message.severity
    elif isinstance(message, DigestMessage):
        severity = Severity.INFO
    return (-severity.rank, claimed.item.created)
