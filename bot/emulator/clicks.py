"""What people do with Block Kit: press, choose, submit and close; and message shortcuts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.emulator.blocks.state import STATELESS, State, elements, entry, initial_state, merge, missing
from bot.emulator.definition import Person
from bot.emulator.delivery import Delivery, Outcome
from bot.emulator.entities import Channel, View
from bot.emulator.errors import RefusalError
from bot.emulator.hooks import Hooks
from bot.emulator.message import Message
from bot.emulator.triggers import Triggers
from bot.emulator.views import Views
from bot.emulator.workspace import Workspace

Values = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What became of a modal. errors: block id to sentence, from the client's own checks or from the app."""

    outcome: Outcome
    errors: Mapping[str, str]


NOT_SENT = Outcome(acked=False, problem="not_sent")


class Clicks:
    def __init__(
        self, workspace: Workspace, *, delivery: Delivery, views: Views, triggers: Triggers, hooks: Hooks
    ) -> None:
        self._workspace, self._delivery, self._views = workspace, delivery, views
        self._triggers, self._hooks = triggers, hooks
        self._chosen: dict[tuple[str, str, str], State] = {}  # channel, ts, user

    async def press(
        self,
        *,
        user: str,
        channel: str,
        ts: str,
        action_id: str,
        block_id: str = "",
        choice: Any = None,
        confirm: bool = True,
        values: Values | None = None,
    ) -> Outcome:
        """Use an element of a message.

        choice:  for selects and overflow: the option's value, or a list of them; for pickers the date or id.
        confirm: the answer to the element's confirmation dialog, if it has one.
        values:  what else was typed or chosen in the message.
        Raises message_not_found, and invalid_arguments when there is no such element.
        """
        person, place = self._workspace.person(user), self._workspace.channel(channel)
        message = place.ephemerals.get(ts) or self._workspace.message(place, ts)
        if person.id not in place.members or message.ephemeral_for not in {None, person.id}:
            raise RefusalError("message_not_found")
        block, element, attachment = _find(message, action_id, block_id)
        if "confirm" in element and not confirm:
            return NOT_SENT
        blocks = _all_blocks(message)
        key = (place.id, ts, person.id)
        typed = _with_choice(block, element, choice, values or {})
        self._chosen[key] = merge(blocks, self._chosen.get(key) or initial_state(blocks), typed)
        container: dict[str, Any] = {"type": "message", "message_ts": ts, "channel_id": place.id}
        container["is_ephemeral"] = message.ephemeral_for is not None
        if attachment:
            container |= {"type": "message_attachment", "attachment_id": attachment, "is_app_unfurl": False}
        if message.thread_ts:
            container["thread_ts"] = message.thread_ts
        payload = {
            "type": "block_actions",
            **self._who(person),
            "container": container,
            "trigger_id": self._triggers.new(person.id),
            "channel": _channel(place),
            "state": {"values": self._chosen[key]},
            "response_url": self._hooks.new_url(channel=place.id, user=person.id, source=message),
            "actions": [self._action(block, element, choice)],
        }
        if message.ephemeral_for is None:
            payload["message"] = self._workspace.shape(message)
        where = {"user": person.id, "channel": place.id, "ts": ts}
        return await self._send(payload, what=f"“{action_id}”", **where)

    async def press_in_view(
        self,
        *,
        user: str,
        action_id: str,
        view_id: str = "",
        block_id: str = "",
        choice: Any = None,
        confirm: bool = True,
        values: Values | None = None,
    ) -> Outcome:
        """Use an element of a home or of an open modal (by default the uppermost, else the home)."""
        person = self._workspace.person(user)
        view = self._view(person, view_id)
        block, element = _among(view.content["blocks"], action_id, block_id)
        if "confirm" in element and not confirm:
            return NOT_SENT
        typed = _with_choice(block, element, choice, values or {})
        view.state = merge(view.content["blocks"], view.state, typed)
        payload = {
            "type": "block_actions",
            **self._who(person),
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self._triggers.new(person.id, view_id=view.id),
            "view": view.to_api(),
            "actions": [self._action(block, element, choice)],
        }
        return await self._send(payload, what=f"“{action_id}”", user=person.id, view_id=view.id)

    async def submit(self, *, user: str, view_id: str = "", values: Values | None = None) -> Submission:
        """Submit an open modal and do what the app answers: errors, update, push, clear, or close it."""
        person = self._workspace.person(user)
        view = self._view(person, view_id)
        view.state = merge(view.content["blocks"], view.state, values or {})
        if errors := missing(view.content["blocks"], view.state):
            return Submission(outcome=NOT_SENT, errors=errors)
        payload = {
            "type": "view_submission",
            **self._who(person),
            "trigger_id": self._triggers.new(person.id, view_id=view.id),
            "view": view.to_api(),
            "response_urls": [],
        }
        outcome = await self._send(payload, what="the form", user=person.id, view_id=view.id)
        if not outcome.acked:
            return Submission(outcome=outcome, errors={})
        response = outcome.response if isinstance(outcome.response, Mapping) else {}
        return Submission(outcome=outcome, errors=self._follow(person.id, view, response))

    def _follow(self, user: str, view: View, response: Mapping[str, Any]) -> Mapping[str, str]:
        match response.get("response_action"):
            case "errors":
                errors = dict(response.get("errors") or {})
                inputs = {b["block_id"] for b in view.content["blocks"] if b["type"] == "input"}
                if unknown := sorted(set(errors) - inputs):
                    self._workspace.warn(f"errors name blocks without input: {', '.join(unknown)}", user=user)
                return errors
            case "update":
                self._views.replace(view, response.get("view"))
            case "push":
                self._views.push(response.get("view"), user=user, fresh=False)
            case "clear":
                self._views.clear(user)
            case _:
                self._views.pop(user, view)
        return {}

    async def close(self, *, user: str, view_id: str = "", everything: bool = False) -> Outcome:
        """Close a modal; the app hears of it only when it asked for that."""
        person = self._workspace.person(user)
        view = self._view(person, view_id)
        everything = everything or bool(view.content.get("clear_on_close"))
        payload = {"type": "view_closed", **self._who(person), "view": view.to_api(), "is_cleared": everything}
        if everything:
            self._views.clear(person.id)
        else:
            self._views.pop(person.id, view)
        if not view.content.get("notify_on_close"):
            return Outcome(acked=True)
        return await self._delivery.deliver("interactive", payload)

    async def shortcut(self, *, user: str, callback_id: str, channel: str = "", ts: str = "") -> Outcome:
        """Run a message shortcut, or a global one when no message is given."""
        person = self._workspace.person(user)
        trigger = self._triggers.new(person.id)
        payload: dict[str, Any] = {**self._who(person), "callback_id": callback_id, "trigger_id": trigger}
        payload |= {"type": "shortcut", "action_ts": self._workspace.clock.next_ts()}
        if ts:
            place = self._workspace.channel(channel)
            message = self._workspace.message(place, ts)
            payload |= {
                "type": "message_action",
                "channel": _channel(place),
                "message_ts": ts,
                "message": self._workspace.shape(message),
                "response_url": self._hooks.new_url(channel=place.id, user=person.id),
            }
        return await self._send(payload, what=f"shortcut “{callback_id}”", user=person.id, ts=ts)

    async def _send(self, payload: Mapping[str, Any], *, what: str, **where: str) -> Outcome:
        outcome = await self._delivery.deliver("interactive", payload)
        if not outcome.acked:
            why = "nobody is connected" if outcome.problem == "no_connection" else "no acknowledgement within 3 s"
            self._workspace.warn(f"{what} did not respond: {why}", **where)
        return outcome

    def _who(self, person: Person) -> dict[str, Any]:
        definition = self._workspace.definition
        name = {"username": person.name, "name": person.name}
        return {
            "team": {"id": definition.team_id, "domain": definition.team_domain},
            "user": {"id": person.id, **name, "team_id": definition.team_id},
            "api_app_id": definition.app.id,
            "token": "emulator",
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def _view(self, person: Person, view_id: str) -> View:
        if view_id:
            view = self._views.find(view_id=view_id)
        else:
            found = self._views.top(person.id) or self._workspace.homes.get(person.id)
            if found is None:
                raise RefusalError("not_found")
            view = found
        if view.user != person.id:
            raise RefusalError("not_found")
        return view

    def _action(self, block: Mapping[str, Any], element: Mapping[str, Any], choice: Any) -> dict[str, Any]:
        found = {"action_id": element["action_id"], "block_id": block["block_id"], "type": element["type"]}
        if element["type"] == "button":
            found |= {key: element[key] for key in ("text", "value", "style", "url") if key in element}
        else:
            found |= entry(element, choice)
        return {**found, "action_ts": self._workspace.clock.next_ts()}


def _with_choice(block: Mapping[str, Any], element: Mapping[str, Any], choice: Any, values: Values) -> Values:
    if element["type"] in STATELESS:
        return values
    block_id = str(block["block_id"])
    return {**values, block_id: {**values.get(block_id, {}), str(element["action_id"]): choice}}


def _channel(place: Channel) -> dict[str, str]:
    return {"id": place.id, "name": place.name or "directmessage"}


def _all_blocks(message: Message) -> list[dict[str, Any]]:
    nested = [block for attachment in message.attachments for block in attachment.get("blocks", [])]
    return [*message.blocks, *nested]


def _find(message: Message, action_id: str, block_id: str) -> tuple[Mapping[str, Any], Mapping[str, Any], int]:
    """Return block, element, and the number of the attachment it stands in, 0 for none."""
    places = [(message.blocks, 0), *((item.get("blocks", []), int(item["id"])) for item in message.attachments)]
    for blocks, number in places:
        for block, element in elements(blocks):
            if element["action_id"] == action_id and block_id in {"", block["block_id"]}:
                return block, element, number
    raise RefusalError("no_such_action", action_id=action_id)


def _among(
    blocks: Sequence[Mapping[str, Any]], action_id: str, block_id: str
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    for block, element in elements(blocks):
        if element["action_id"] == action_id and block_id in {"", block["block_id"]}:
            return block, element
    raise RefusalError("no_such_action", action_id=action_id)
