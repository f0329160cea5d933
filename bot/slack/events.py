"""Questions in our threads or by mention, the App Home being opened, and the "ask about this" shortcut."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.domain.message import Slot
from bot.errors import BadInputError, GiveUpError, RefusedError, RetryLaterError, UnknownOutcomeError
from bot.slack.commands import carry_out
from bot.slack.context import Context, key_of
from bot.slack.home import publish_home
from bot.slack.intents import Explain, ShowStatus, Wrong, parse
from bot.slack.render.answers import answer, render_explained, render_help
from bot.slack.render.blocks import Rendered
from bot.slack.render.ids import SHORTCUT_ASK
from bot.slack.render.modals import loading, told
from bot.slack.render.validate import fit
from bot.slack.voice import Place

WORKING, DONE = "eyes", "white_check_mark"
MENTIONED = re.compile(r"<@[UW][A-Z0-9]+(?:\|[^>]*)?>")
READ_ONLY = (ShowStatus, Explain)  # what a mention may ask in words; actions need a command or a button


def register_events(app: AsyncApp, context: Context) -> None:
    async def home_opened(event: dict[str, Any], body: dict[str, Any]) -> None:
        if event.get("tab") not in (None, "home"):
            return
        user = str(event.get("user", ""))
        seen = str((event.get("view") or {}).get("hash") or "")
        context.carry_out(
            lambda: publish_home(context, user, seen_hash=seen),
            body=body,
            place=Place(user=user),
            key=key_of(body),
            name="home",
        )

    async def mentioned(event: dict[str, Any], body: dict[str, Any]) -> None:
        _answer_later(context, event, body)

    async def message(event: dict[str, Any], body: dict[str, Any]) -> None:
        text = str(event.get("text") or "")
        direct = event.get("channel_type") == "im"
        by_name = f"<@{context.bot_user()}" in text  # arrives as app_mention too
        asks = text.rstrip().endswith("?") and event.get("thread_ts")
        if by_name or not (direct or asks):
            return
        _answer_later(context, event, body)

    async def asked_about(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        user = str((body.get("user") or {}).get("id", ""))
        place = Place(user=user, channel=str((body.get("channel") or {}).get("id", "")))
        context.carry_out(
            lambda: _explain_in_modal(context, body), body=body, place=place, key=key_of(body), name="ask"
        )

    app.event("app_home_opened")(home_opened)
    app.event("app_mention")(mentioned)
    app.event("message")(message)
    app.event("member_joined_channel")(_nothing)
    app.event("app_uninstalled")(_nothing)
    app.event("tokens_revoked")(_nothing)
    app.shortcut(SHORTCUT_ASK)(asked_about)


async def _nothing() -> None:
    """Subscribed for completeness; the next call to Slack tells us all the same."""


def _answer_later(context: Context, event: Mapping[str, Any], body: Mapping[str, Any]) -> None:
    if event.get("bot_id") or event.get("subtype") or not event.get("user"):
        return  # bots, edits and joins ask nothing
    channel, ts = str(event.get("channel", "")), str(event.get("ts", ""))
    place = Place(
        user=str(event["user"]), channel=channel, thread_ts=str(event["thread_ts"]) if event.get("thread_ts") else None
    )
    # By message, not by event: a mention in a thread is delivered as two events.
    context.carry_out(
        lambda: _answer(context, event), body=body, place=place, key=f"message:{channel}:{ts}", name="question"
    )


async def _answer(context: Context, event: Mapping[str, Any]) -> None:
    channel, ts = str(event["channel"]), str(event["ts"])
    thread_ts = str(event.get("thread_ts") or ts)
    incident_id = await _incident_at(context, channel, thread_ts)
    mentioned = f"<@{context.bot_user()}" in str(event.get("text") or "")
    if incident_id is None and not mentioned and event.get("channel_type") != "im":
        return  # a question in somebody else's thread
    await _react(context, channel, ts, add=WORKING)
    try:
        said = await _said(context, incident_id, str(event.get("text") or ""), by=str(event["user"]))
    except (RefusedError, BadInputError) as error:
        said = answer(str(error))
    fitted, _ = fit(said)
    await context.api.post(channel=channel, thread_ts=thread_ts, **fitted.payload(stamp=f"answer.{ts}"))
    await _react(context, channel, ts, add=DONE, remove=WORKING)


async def _said(context: Context, incident_id: str | None, text: str, *, by: str) -> Rendered:
    """Answer a form of words we know; else explain the incident of the thread; else say what can be asked."""
    intent = parse("/faultline", MENTIONED.sub(" ", text).strip())
    if isinstance(intent, READ_ONLY):
        return await carry_out(context, intent, by=by)
    if incident_id is not None:
        return await _explained(context, incident_id)
    return render_help() if isinstance(intent, Wrong) else render_help("Please type that as a command.")


async def _explained(context: Context, incident_id: str) -> Rendered:
    incident = await context.desk.incident(incident_id)
    return render_explained(incident, await context.desk.explain(incident.id))


async def _incident_at(context: Context, channel: str, ts: str) -> str | None:
    """The incident whose thread begins there."""
    posted = await context.store.posted_at(channel, ts)
    return posted.thread if posted is not None and posted.slot == Slot.HEADLINE else None


async def _react(context: Context, channel: str, ts: str, *, add: str, remove: str = "") -> None:
    """Best effort: a missing reaction is no reason to withhold an answer."""
    calls = [("reactions.add", add)] + ([("reactions.remove", remove)] if remove else [])
    for method, name in calls:
        try:
            await context.api.call(method, {"channel": channel, "timestamp": ts, "name": name})
        except (GiveUpError, RetryLaterError, UnknownOutcomeError):
            continue


async def _explain_in_modal(context: Context, body: Mapping[str, Any]) -> None:
    opened = await context.api.call("views.open", {"trigger_id": body["trigger_id"], "view": loading("Faultline")})
    message = body.get("message") or {}
    ts = str(message.get("thread_ts") or body.get("message_ts") or message.get("ts") or "")
    incident_id = await _incident_at(context, str((body.get("channel") or {}).get("id", "")), ts)
    if incident_id is None:
        view = told("Faultline", "This message belongs to no incident of ours.")
    else:
        view = {**loading("Faultline"), "blocks": list((await _explained(context, incident_id)).blocks)}
    await context.fill(opened["view"]["id"], view)
