"""The whole Slack side as one object with a start and a stop; wiring constructs it."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import aiohttp
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from bot.clock import Clock
from bot.domain.catalogue import Catalogue
from bot.errors import GiveUpError, RetryLaterError
from bot.metrics import Metrics
from bot.ports import FrontDesk, Store
from bot.slack.api import SlackApi, make_client, make_session
from bot.slack.app import Self, build_app, check_tokens, who_are_we
from bot.slack.check import FIXES, channel_state
from bot.slack.context import Context
from bot.slack.gate import Gate
from bot.slack.http_transport import HttpTransport
from bot.slack.options import SlackOptions, Transport
from bot.slack.people import SlackDirectory
from bot.slack.publisher import Publisher, Timing
from bot.slack.tasks import Tasks
from bot.slack.voice import Voice

log = logging.getLogger(__name__)

NO_CHANNEL = "channel_not_found"
CHANNEL_AGAIN_S = 60.0  # who invites the bot shall not have to restart it
CONNECT_S = 15.0  # the SDK would otherwise try for ever, and nobody would learn why nothing happens


class SlackAdapter:
    """Construct inside a running loop: `directory` works at once, the rest after `start`.

    The desk is given to `start`, because it needs the directory, and we need it.
    """

    def __init__(
        self,
        options: SlackOptions,
        *,
        store: Store,
        clock: Clock,
        metrics: Metrics,
        catalogue: Catalogue | None = None,
        timing: Timing | None = None,
    ) -> None:
        check_tokens(options)
        self._options, self._store, self._clock = options, store, clock
        self._session: aiohttp.ClientSession = make_session()
        self._client = make_client(options.bot_token, base_url=options.base_url, session=self._session)
        self.api = SlackApi(self._client, metrics=metrics)
        self.directory = SlackDirectory(self.api)
        self._us: Self | None = None
        self.publisher = Publisher(
            api=self.api,
            store=store,
            clock=clock,
            channel=options.channel,
            bot_user=lambda: self._us.bot_user if self._us else "",
            timing=timing,
            catalogue=catalogue,
            mention_group=options.mention_group,
        )
        self._tasks = Tasks()
        self._socket: AsyncSocketModeHandler | None = None
        self._http: HttpTransport | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._no_channel: str | None = None
        self.http_port: int | None = None  # where the HTTP transport listens

    async def start(self, desk: FrontDesk) -> None:
        """Prove the tokens, connect, begin to publish, look whether the channel is ours to post to.

        Raises GiveUpError with Slack's word when a token is no good, RetryLaterError when Slack cannot be reached.
        """
        self._us = await who_are_we(self.api)
        wanted = self._options.team
        if wanted and wanted != self._us.team:
            raise GiveUpError(f"the token belongs to workspace {self._us.team}, not to {wanted}", code="invalid_auth")
        bare = make_client("", base_url=self._options.base_url, session=self._session)
        app = build_app(client=bare, options=self._options, us=self._us, context=self._context(desk, self._us))
        if self._options.transport is Transport.SOCKET:
            await self.api.open_connection(self._options.app_token)  # fails readably; the handler below would loop
            self._socket = AsyncSocketModeHandler(app, self._options.app_token, web_client=bare)
            try:
                async with asyncio.timeout(CONNECT_S):
                    await self._socket.connect_async()  # type: ignore[no-untyped-call]
            except TimeoutError as error:
                await self._socket.close_async()  # type: ignore[no-untyped-call]
                self._socket = None
                raise RetryLaterError(f"Socket Mode did not connect within {CONNECT_S:g} s") from error
        else:
            self._http = HttpTransport(
                app,
                secret=self._options.signing_secret,
                host=self._options.http_host,
                port=self._options.http_port,
                path=self._options.http_path,
            )
            self.http_port = await self._http.start()
        self._publishing = asyncio.get_running_loop().create_task(self.publisher.run(), name="publisher")
        log.info("connected to Slack", extra={"workspace": self._us.workspace, "transport": self._options.transport})
        await self._look_at_channel()
        self._watching = asyncio.get_running_loop().create_task(self._watch_channel(), name="channel")

    async def _watch_channel(self) -> None:
        while True:
            await asyncio.sleep(CHANNEL_AGAIN_S)
            await self._look_at_channel()

    async def _look_at_channel(self) -> None:
        """A mistyped id, or a channel without us, shall show before the first incident that nobody would hear of."""
        trouble: str | None = None
        try:
            found = await channel_state(self.api, self._options.channel)
            if found.state != "ok":
                trouble = f"{found.detail}: {found.fix}"
        except GiveUpError as error:
            if error.code == NO_CHANNEL:
                trouble = f"{self._options.channel}: {error}: {FIXES[NO_CHANNEL]}"
            else:  # not to be allowed to look says nothing about posting
                log.debug("the channel cannot be looked at", extra={"because": str(error)})
        except RetryLaterError:
            return
        if trouble not in (None, self._no_channel):
            log.error("incidents cannot be posted", extra={"because": trouble})
        self._no_channel = trouble

    def _context(self, desk: FrontDesk, us: Self) -> Context:
        return Context(
            api=self.api,
            desk=desk,
            store=self._store,
            clock=self._clock,
            gate=Gate(self.api, team=lambda: us.team, app_id=self._options.app_id),
            voice=Voice(self.api, session=self._session),
            tasks=self._tasks,
            wake=self.publisher.wake,
            channel=self._options.channel,
            bot_user=lambda: us.bot_user,
        )

    @property
    def trouble(self) -> str | None:
        """Why nothing would reach people, or None; for readiness."""
        return self.publisher.trouble or self._no_channel

    @property
    def connected(self) -> bool:
        """Whether Slack's requests can reach us; for readiness."""
        if self._socket is not None:
            return self._socket.client.current_session is not None and not self._socket.client.current_session.closed
        return self._http is not None

    async def stop(self) -> None:
        """Stop listening first, finish what people asked, then stop publishing."""
        if self._socket is not None:
            await self._socket.close_async()  # type: ignore[no-untyped-call]
        if self._http is not None:
            await self._http.stop()
        await self._tasks.close()
        for task in (self._watching, self._publishing):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        await self._session.close()
