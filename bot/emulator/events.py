"""The Events API: turns what happened in the workspace into events, and tries again when nobody answers."""

from __future__ import annotations

from typing import Any

from bot.emulator.delivery import Delivery
from bot.emulator.entities import Change, Channel
from bot.emulator.tasks import Tasks
from bot.emulator.workspace import Workspace, new_id

CHANNEL_TYPES = {"channels": "channel", "groups": "group", "im": "im"}


class EventFeed:
    """Subscribes to the workspace; every event is a task of its own, as Slack promises no order."""

    def __init__(self, workspace: Workspace, *, delivery: Delivery, tasks: Tasks) -> None:
        self._workspace, self._delivery, self._tasks = workspace, delivery, tasks
        workspace.subscribe(self.hear)

    def hear(self, change: Change) -> None:
        channel = self._workspace.channels.get(change.channel)
        if channel is None or self._bot not in channel.members:
            return
        for event in self._events(change, channel):
            self.publish(event)

    @property
    def _bot(self) -> str:
        return self._workspace.definition.app.bot_user_id

    def _events(self, change: Change, channel: Channel) -> list[dict[str, Any]]:
        match change.kind:
            case "posted":
                return self._posted(change, channel)
            case "edited" | "deleted":
                return [self._altered(change, channel)]
            case "reacted" if change.message is not None:
                item = {"type": "message", "channel": channel.id, "ts": change.message.ts}
                who = {"user": change.user, "item_user": change.message.user}
                return [{"type": "reaction_added", "reaction": change.detail, "item": item, **who}]
            case "joined":
                kind = channel.id[0]
                who = {"user": change.user, "team": self._workspace.definition.team_id}
                return [{"type": "member_joined_channel", "channel": channel.id, "channel_type": kind, **who}]
        return []

    def _posted(self, change: Change, channel: Channel) -> list[dict[str, Any]]:
        assert change.message is not None
        shape = self._workspace.shape(change.message)
        place = {"channel": channel.id, "channel_type": CHANNEL_TYPES[channel.kind]}
        found = [{**shape, **place, "event_ts": change.message.ts}]
        is_human = change.message.bot_id is None
        if f"<@{self._bot}>" in change.message.text and not channel.is_im and is_human:
            kept = {key: value for key, value in shape.items() if key not in {"subtype", "parent_user_id"}}
            found.insert(0, {**kept, "type": "app_mention", "channel": channel.id, "event_ts": change.message.ts})
        return found

    def _altered(self, change: Change, channel: Channel) -> dict[str, Any]:
        assert change.message is not None
        stamp = self._workspace.clock.next_ts()
        found: dict[str, Any] = {
            "type": "message",
            "hidden": True,
            "channel": channel.id,
            "channel_type": CHANNEL_TYPES[channel.kind],
            "ts": stamp,
            "event_ts": stamp,
            "previous_message": change.before,
        }
        if change.kind == "deleted":
            return {**found, "subtype": "message_deleted", "deleted_ts": change.message.ts}
        return {**found, "subtype": "message_changed", "message": self._workspace.shape(change.message)}

    def publish(self, event: dict[str, Any]) -> None:
        """Send one event if the app subscribed to its type."""
        if event["type"] in self._workspace.definition.app.events:
            event.setdefault("event_ts", self._workspace.clock.next_ts())
            self._tasks.start(self._deliver(self._callback(event)))

    def _callback(self, event: dict[str, Any]) -> dict[str, Any]:
        definition = self._workspace.definition
        return {
            "token": "emulator",
            "team_id": definition.team_id,
            "context_team_id": definition.team_id,
            "context_enterprise_id": None,
            "api_app_id": definition.app.id,
            "event": event,
            "type": "event_callback",
            "event_id": new_id("Ev"),
            "event_time": int(self._workspace.clock.now()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": definition.team_id,
                    "user_id": self._bot,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": new_id("4-"),
        }

    async def _deliver(self, payload: dict[str, Any]) -> None:
        outcome = await self._delivery.deliver("events_api", payload)
        for attempt, pause_s in enumerate(self._workspace.definition.settings.event_retry_delays_s, start=1):
            if outcome.acked:
                return
            await self._workspace.clock.sleep(pause_s)
            reason = "http_timeout" if outcome.problem == "timeout" else "connection_failed"
            outcome = await self._delivery.deliver("events_api", payload, attempt=attempt, reason=reason)
        if not outcome.acked:
            self._workspace.warn(f"event {payload['event']['type']} was never acknowledged")
