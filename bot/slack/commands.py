"""Slash commands: acknowledged at once, answered privately."""

from __future__ import annotations

from typing import Any, assert_never

from slack_bolt.async_app import AsyncApp

from bot.domain.proposal import Proposal
from bot.slack.context import Context, key_of
from bot.slack.intents import (
    DoSilence,
    Explain,
    Intent,
    Retrain,
    Rollback,
    ShowHelp,
    ShowIncidents,
    ShowStatus,
    Unsilence,
    Wrong,
    parse,
)
from bot.slack.render.answers import (
    answer,
    render_explained,
    render_help,
    render_incidents,
    render_silenced,
    render_status,
)
from bot.slack.render.blocks import Rendered
from bot.slack.render.proposal import what
from bot.slack.voice import Place

COMMANDS = ("/faultline", "/rollback", "/silence")


def register_commands(app: AsyncApp, context: Context) -> None:
    async def handle(ack: Any, body: dict[str, Any]) -> None:
        await ack()  # alone: whatever is awaited here would delay it
        intent = parse(str(body.get("command", "")), str(body.get("text") or ""))
        user = str(body.get("user_id", ""))
        place = Place(
            user=user, channel=str(body.get("channel_id", "")), response_url=str(body.get("response_url", ""))
        )

        async def work() -> None:
            await context.voice.say(place, await carry_out(context, intent, by=user))

        context.carry_out(
            work, body=body, place=place, key=key_of(body), name="command", fresh=isinstance(intent, Rollback | Retrain)
        )

    for command in COMMANDS:
        app.command(command)(handle)


async def carry_out(context: Context, intent: Intent, *, by: str) -> Rendered:
    """Ask the desk, and render what it says."""
    desk = context.desk
    match intent:
        case ShowStatus():
            found = render_status(await desk.status())
        case ShowIncidents():
            found = render_incidents(await desk.incidents(), now=context.clock.now())
        case ShowHelp():
            found = render_help()
        case Wrong(problem, form):
            found = render_help(problem, form)
        case Explain(incident_id):
            incident = await desk.incident(incident_id)
            found = render_explained(incident, await desk.explain(incident.id))
        case DoSilence(matchers, duration, reason):
            silence = await desk.silence(matchers, duration=duration, reason=reason, by=by)
            found = render_silenced(silence, await desk.silence_effect(silence))
        case Unsilence(silence_id):
            found = render_silenced(await desk.unsilence(silence_id, by=by))
        case Rollback(model, version):
            found = proposed(await desk.propose_rollback(model, to_version=version, by=by))
        case Retrain(model):
            found = proposed(await desk.propose_retrain(model, by=by))
        case _:
            assert_never(intent)
    return found


def proposed(proposal: Proposal) -> Rendered:
    """Say where the card stands; approving happens there, by whoever may."""
    dry = " It is a dry run: nothing will be changed." if proposal.dry_run else ""
    where = "in the incident's thread" if proposal.incident_id else "in the incidents channel"
    return answer(f"Proposed: {what(proposal, plain=True)}. The card for approval stands {where}.{dry}")
