"""The parts of one emulated Slack, put together."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from bot.emulator.clicks import Clicks
from bot.emulator.clock import WorkspaceClock
from bot.emulator.definition import Definition
from bot.emulator.delivery import Delivery
from bot.emulator.entities import Change
from bot.emulator.events import EventFeed
from bot.emulator.faults import Faults
from bot.emulator.hooks import Hooks
from bot.emulator.http_delivery import HttpTransport
from bot.emulator.limits import Limits
from bot.emulator.people import People
from bot.emulator.socket_mode import SocketHub
from bot.emulator.tasks import Tasks
from bot.emulator.transcript import transcript
from bot.emulator.triggers import Triggers
from bot.emulator.views import Views
from bot.emulator.workspace import Workspace

LOG_LENGTH = 10_000  # calls remembered for `log`


class Emulator:
    """One workspace with its one app. The server gives it an address; tests use its parts directly.

    people: what persons do in channels; clicks: what they do with blocks and modals;
    faults, limits, sockets: how Slack misbehaves; workspace: what stands where; log: every call the app made.
    """

    def __init__(self, definition: Definition | None = None) -> None:
        self.definition = definition or Definition()
        settings, app = self.definition.settings, self.definition.app
        self.clock = WorkspaceClock()
        self.workspace = Workspace(self.definition, clock=self.clock)
        self.tasks = Tasks()
        self.faults = Faults()
        self.limits = Limits(mode=settings.limits)
        self.delivery = Delivery(faults=self.faults, ack_timeout_s=settings.ack_timeout_s)
        self.sockets = SocketHub(
            app_id=app.id, acknowledge=self.delivery.acknowledge, changed=self._connections_changed
        )
        self._http: list[HttpTransport] = []
        self.deliver_to(app.request_url)
        self.views = Views(self.workspace)
        self.triggers = Triggers(clock=self.clock, ttl_s=settings.trigger_ttl_s, team=self.definition.team_id)
        self.hooks = Hooks(self.workspace)
        self.events = EventFeed(self.workspace, delivery=self.delivery, tasks=self.tasks)
        self.people = People(
            self.workspace, delivery=self.delivery, events=self.events, triggers=self.triggers, hooks=self.hooks
        )
        self.clicks = Clicks(
            self.workspace, delivery=self.delivery, views=self.views, triggers=self.triggers, hooks=self.hooks
        )
        self.token_error = ""  # what the bot token answers instead of working, such as token_revoked
        self.log: deque[Mapping[str, Any]] = deque(maxlen=LOG_LENGTH)

    def deliver_to(self, url: str) -> None:
        """Deliver by signed HTTP to this URL, or by Socket Mode when it is empty."""
        if not url:
            self.delivery.transport = self.sockets
            return
        transport = HttpTransport(
            url,
            secret=self.definition.app.signing_secret,
            tasks=self.tasks,
            acknowledge=self.delivery.acknowledge,
            timeout_s=self.definition.settings.ack_timeout_s,
        )
        self._http.append(transport)
        self.delivery.transport = transport

    def _connections_changed(self) -> None:
        self.workspace.tell(Change(kind="connections"))

    def transcript(self, channel: str, *, history: bool = True) -> str:
        """Render a channel and its threads as text; history: what edited messages said before as well."""
        return transcript(self.workspace, self.workspace.channel(channel), history=history)

    def reset(self) -> None:
        """Forget what was said, done, logged and ordered to fail; connections stay."""
        self.workspace.reset()
        self.faults.clear()
        self.log.clear()
        self.token_error = ""

    async def close(self) -> None:
        await self.sockets.close()
        await self.tasks.close()
        for transport in self._http:
            await transport.close()
