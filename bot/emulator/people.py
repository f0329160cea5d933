"""What people do in a channel: talk, type commands, react, open the app's home, join."""

from __future__ import annotations

from typing import Any

from bot.emulator.definition import Person, SlashCommand
from bot.emulator.delivery import Delivery, Outcome
from bot.emulator.entities import Channel
from bot.emulator.errors import RefusalError
from bot.emulator.events import EventFeed
from bot.emulator.hooks import Hooks
from bot.emulator.message import Message
from bot.emulator.mrkdwn import typed
from bot.emulator.triggers import Triggers
from bot.emulator.workspace import Workspace

DONE = Outcome(acked=True)
PROBLEMS = {"timeout": "operation_timeout", "no_connection": "dispatch_failed"}


class People:
    """Users and channels are given by id or by name."""

    def __init__(
        self, workspace: Workspace, *, delivery: Delivery, events: EventFeed, triggers: Triggers, hooks: Hooks
    ) -> None:
        self._workspace, self._delivery, self._events = workspace, delivery, events
        self._triggers, self._hooks = triggers, hooks

    def message(self, *, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        """Say something; @names, #channels and addresses become what Slack makes of them."""
        person, place = self._at(user, channel)
        if place.is_archived or (place.is_read_only and not person.is_admin):
            raise RefusalError("restricted_action_read_only_channel" if place.is_read_only else "is_archived")
        return self._workspace.post(
            place, user=person.id, text=typed(text, **self._workspace.handles()), thread_ts=thread_ts
        )

    def mention(self, *, user: str, channel: str, text: str, thread_ts: str | None = None) -> Message:
        bot = self._workspace.definition.app.bot_user_id
        return self.message(user=user, channel=channel, text=f"<@{bot}> {text}", thread_ts=thread_ts)

    def edit_message(self, *, user: str, channel: str, ts: str, text: str) -> Message:
        message = self._own(user, channel, ts, "cant_update_message")
        fields = {"text": typed(text, **self._workspace.handles())}
        self._workspace.edit(message, by=message.user, **fields)
        return message

    def delete_message(self, *, user: str, channel: str, ts: str) -> None:
        self._workspace.delete(self._own(user, channel, ts, "cant_delete_message"))

    def _own(self, user: str, channel: str, ts: str, refusal: str) -> Message:
        person, place = self._at(user, channel)
        message = self._workspace.message(place, ts)
        if message.user != person.id:
            raise RefusalError(refusal)
        return message

    def react(self, *, user: str, channel: str, ts: str, name: str) -> None:
        """Add a reaction, or take it back when it was there, as a click on it does."""
        person, place = self._at(user, channel)
        message = self._workspace.message(place, ts)
        if person.id in message.reactions.get(name, []):
            self._workspace.unreact(message, name, user=person.id)
        else:
            self._workspace.react(message, name, user=person.id)

    def join(self, *, user: str, channel: str) -> bool:
        return self._workspace.join(self._workspace.channel(channel), self._workspace.person(user).id)

    def leave(self, *, user: str, channel: str) -> None:
        place = self._workspace.channel(channel)
        place.members = [member for member in place.members if member != self._workspace.person(user).id]

    def open_home(self, *, user: str, tab: str = "home") -> None:
        """Open the app's home or its messages tab."""
        person = self._workspace.person(user)
        view = self._workspace.homes.get(person.id)
        event: dict[str, Any] = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": self._workspace.direct(person.id).id,
            "tab": tab,
        }
        if view is not None and tab == "home":
            event["view"] = view.to_api()
        self._events.publish(event)

    async def slash(self, *, user: str, channel: str, text: str, thread_ts: str | None = None) -> Outcome:
        """Type a slash command; `text` is the whole line with its slash."""
        person, place = self._at(user, channel)
        command, _, rest = text.strip().partition(" ")
        known = self._command(command)
        refusal = ""
        if thread_ts:
            refusal = f"{command} is not supported in threads. Sorry!"
        elif known is None:
            refusal = f"{command} is not a valid command. In Slack, all messages that start with / are commands."
        if refusal or known is None:
            self._workspace.slackbot_says(refusal, channel=place, to=person.id)
            return Outcome(acked=False, problem="refused")
        payload = self._slash_payload(person, place, known, rest.strip())
        outcome = await self._delivery.deliver("slash_commands", payload)
        if outcome.acked:
            self._hooks.answer_ack(outcome.response, channel=place.id, user=person.id)
        else:
            said = f"{command} failed with the error “{PROBLEMS[outcome.problem]}”"
            self._workspace.slackbot_says(said, channel=place, to=person.id)
            self._workspace.warn(f"{said}: no acknowledgement within 3 s", user=person.id, channel=place.id)
        return outcome

    def _command(self, word: str) -> SlashCommand | None:
        listed = self._workspace.definition.app.slash_commands
        if not listed:
            return SlashCommand(command=word)
        return next((known for known in listed if known.command == word), None)

    def _slash_payload(self, person: Person, place: Channel, command: SlashCommand, text: str) -> dict[str, Any]:
        definition = self._workspace.definition
        return {
            "token": "emulator",
            "team_id": definition.team_id,
            "team_domain": definition.team_domain,
            "channel_id": place.id,
            "channel_name": place.name or "directmessage",
            "user_id": person.id,
            "user_name": person.name,
            "command": command.command,
            "text": self._escaped(text) if command.should_escape else text,
            "api_app_id": definition.app.id,
            "is_enterprise_install": "false",
            "response_url": self._hooks.new_url(channel=place.id, user=person.id),
            "trigger_id": self._triggers.new(person.id),
        }

    def _escaped(self, text: str) -> str:
        """Names in a command carry their handle along: <@U1|bob>."""
        found = typed(text, **self._workspace.handles())
        for person in self._workspace.people.values():
            found = found.replace(f"<@{person.id}>", f"<@{person.id}|{person.name}>")
        return found

    def _at(self, user: str, channel: str) -> tuple[Person, Channel]:
        person, place = self._workspace.person(user), self._workspace.channel(channel)
        if person.id not in place.members:
            raise RefusalError("user_not_in_channel")
        return person, place
