"""A real Bolt application over a fake Slack and a fake desk: requests go in as Socket Mode delivers them."""

from __future__ import annotations

import asyncio
import itertools

from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient

from bot.clock import ManualClock
from bot.slack.app import Self, build_app
from bot.slack.context import Context
from bot.slack.gate import Gate
from bot.slack.options import SlackOptions
from bot.slack.render.blocks import value_of
from bot.slack.tasks import Tasks
from bot.slack.voice import Voice
from tests.slack.builders import ANNA, CHANNEL, T0
from tests.slack.fake_desk import FakeDesk
from tests.slack.fake_slack import BOT, TEAM, FakeSlack
from tests.slack.fake_store import FakeStore


class House:
    def __init__(self, *items) -> None:
        self.slack, self.desk, self.store = FakeSlack(), FakeDesk(), FakeStore(*items)
        self.tasks, self.woken = Tasks(), 0
        self._triggers = itertools.count(1)
        context = Context(
            api=self.slack,
            desk=self.desk,
            store=self.store,
            clock=ManualClock(T0),
            gate=Gate(self.slack, team=lambda: TEAM),
            voice=Voice(self.slack, session=None),
            tasks=self.tasks,
            wake=self._wake,
            channel=CHANNEL,
            bot_user=lambda: BOT,
        )
        self.app = build_app(
            client=AsyncWebClient(base_url="http://127.0.0.1:9/"),
            options=SlackOptions(bot_token="xoxb-test", app_token="xapp-test", channel=CHANNEL),
            us=Self(team=TEAM, bot_id="B0BOT", bot_user=BOT, workspace="Team"),
            context=context,
        )

    def _wake(self):
        self.woken += 1

    async def deliver(self, body):
        response = await self.app.async_dispatch(AsyncBoltRequest(body=body, mode="socket_mode"))
        while others := asyncio.all_tasks() - {asyncio.current_task()}:  # Bolt runs listeners of events by themselves
            await asyncio.wait(others)
        return response

    def _base(self, user, **more):
        return {
            "team": {"id": TEAM},
            "user": {"id": user, "team_id": TEAM},
            "api_app_id": "A1",
            "trigger_id": f"t{next(self._triggers)}",
            **more,
        }

    async def slash(self, text, *, command="/faultline", user=ANNA, team=TEAM, **more):
        return await self.deliver(
            {
                "command": command,
                "text": text,
                "user_id": user,
                "team_id": team,
                "channel_id": CHANNEL,
                "trigger_id": f"t{next(self._triggers)}",
                **more,
            }
        )

    async def click(self, action_id, *, user=ANNA, channel=CHANNEL, selected=None, raw=None, **value):
        written = raw if raw is not None else value_of(**value)
        used = {"type": "button", "action_id": action_id, "block_id": "b", "action_ts": "1"}
        used |= {"selected_option": {"value": selected}, "type": "overflow"} if selected else {"value": written}
        where = {
            "channel": {"id": channel},
            "container": {"type": "message", "channel_id": channel, "message_ts": "1.1"},
        }
        return await self.deliver(
            self._base(user, type="block_actions", actions=[used], message={"ts": "1.1"}, **where)
        )

    async def submit(self, callback_id, values, *, meta="{}", user=ANNA):
        view = {
            "id": "V1",
            "type": "modal",
            "callback_id": callback_id,
            "private_metadata": meta,
            "state": {"values": {block: {block: value} for block, value in values.items()}},
        }
        return await self.deliver(self._base(user, type="view_submission", view=view))

    async def event(self, event, *, event_id="Ev1"):
        return await self.deliver(
            {"type": "event_callback", "team_id": TEAM, "api_app_id": "A1", "event": event, "event_id": event_id}
        )

    def private_words(self):
        return [arguments["text"] for arguments in self.slack.sent("chat.postEphemeral")]
