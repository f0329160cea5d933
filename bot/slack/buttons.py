"""Buttons of the headline, the approval card and the App Home. Each checks on the server what the client confirmed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.domain.incident import Feedback
from bot.errors import BadInputError, RefusedError
from bot.slack.context import Context, key_of
from bot.slack.home import publish_home
from bot.slack.render.blocks import read_value
from bot.slack.render.ids import Action
from bot.slack.render.modals import deny_form, loading, silence_form, told
from bot.slack.voice import Place

STALE = "This button is too old or was changed. Please use the newest card."


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A button or menu that somebody used."""

    action: Action
    value: Mapping[str, str]
    user: str
    channel: str
    thread_ts: str  # the thread it was used in; "" in the channel, where a private answer must be seen too
    trigger_id: str

    def get(self, key: str) -> str:
        """A part of the value; refuses when it is missing, for then it is no value of ours."""
        found = self.value.get(key, "")
        if not found:
            raise RefusedError(STALE)
        return found


Handler = Callable[[Context, Click], Awaitable[None]]


async def acknowledge(context: Context, click: Click) -> None:
    await context.desk.acknowledge(click.get("i"), by=click.user)


async def resolve(context: Context, click: Click) -> None:
    await context.desk.resolve(click.get("i"), by=click.user)


async def feedback(context: Context, click: Click) -> None:
    try:
        answer = Feedback(click.get("f"))
    except ValueError as error:
        raise RefusedError(STALE) from error
    await context.desk.feedback(click.get("i"), answer, by=click.user)
    place = Place(user=click.user, channel=click.channel, thread_ts=click.thread_ts or None)
    await context.voice.say(place, f"Thank you, noted: {answer}. It counts when verdicts are checked.")


async def open_silence(context: Context, click: Click) -> None:
    """Show a modal within the trigger's three seconds, then fill it."""
    opened = await context.api.call("views.open", {"trigger_id": click.trigger_id, "view": loading("Silence")})
    view_id = str(opened["view"]["id"])
    try:
        incident = await context.desk.incident(click.get("i"))
    except (RefusedError, BadInputError) as error:
        await context.fill(view_id, told("Silence", str(error)))
        return
    # the incident itself: a silence of its root alone would leave its symptoms audible
    form = silence_form(incident_id=incident.id, matchers=f'incident="{incident.id}"', channel=click.channel)
    await context.fill(view_id, form)


async def roll_back(context: Context, click: Click) -> None:
    await context.desk.propose_rollback(
        click.get("m"), to_version=None, by=click.user, incident_id=click.value.get("i")
    )


async def approve(context: Context, click: Click) -> None:
    await context.desk.decide(click.get("p"), nonce=click.get("n"), approve=True, by=click.user)


async def open_deny(context: Context, click: Click) -> None:
    form = deny_form(proposal_id=click.get("p"), nonce=click.get("n"), channel=click.channel, root=click.thread_ts)
    await context.api.call("views.open", {"trigger_id": click.trigger_id, "view": form})


async def unsilence(context: Context, click: Click) -> None:
    await context.desk.unsilence(click.get("s"), by=click.user)
    await publish_home(context, click.user)


HANDLERS: dict[Action, Handler] = {
    Action.ACKNOWLEDGE: acknowledge,
    Action.SILENCE: open_silence,
    Action.ROLL_BACK: roll_back,
    Action.RESOLVE: resolve,
    Action.FEEDBACK: feedback,
    Action.APPROVE: approve,
    Action.DENY: open_deny,
    Action.UNSILENCE: unsilence,
}
FRESH = frozenset({Action.APPROVE, Action.DENY, Action.ROLL_BACK})  # the profile is read anew before these


def click_of(action: Action, body: Mapping[str, Any]) -> Click:
    """Read what was clicked, from a message or from a view."""
    used = (body.get("actions") or [{}])[0]
    selected = (used.get("selected_option") or {}).get("value")
    container = body.get("container") or {}
    message = body.get("message") or {}
    thread = str(message.get("thread_ts") or container.get("thread_ts") or "")
    here = str(message.get("ts") or container.get("message_ts") or "")
    return Click(
        action=action,
        value=read_value(used.get("value") or selected),
        user=str((body.get("user") or {}).get("id", "")),
        channel=str((body.get("channel") or {}).get("id") or container.get("channel_id") or ""),
        thread_ts="" if thread == here else thread,  # a root with replies names itself as its thread
        trigger_id=str(body.get("trigger_id", "")),
    )


def register_buttons(app: AsyncApp, context: Context) -> None:
    for action in Action:
        _register(app, context, action, HANDLERS[action])


def _register(app: AsyncApp, context: Context, action: Action, handler: Handler) -> None:
    async def handle(ack: Any, body: dict[str, Any]) -> None:
        await ack()  # alone: whatever is awaited here would delay it
        click = click_of(action, body)
        place = Place(
            user=click.user, channel=click.channel, thread_ts=click.thread_ts or None, trigger_id=click.trigger_id
        )

        async def work() -> None:
            if click.channel and click.channel != context.channel:
                raise RefusedError("Please use the card in the incidents channel.")
            await handler(context, click)

        context.carry_out(
            work, body=body, place=place, key=key_of(body), name=f"button {action}", fresh=action in FRESH
        )

    app.action(action.value)(handle)
