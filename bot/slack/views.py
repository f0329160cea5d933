"""Submitted modals: the silence form, its confirmation, and the reason of a denial."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.domain.labels import Matcher, parse_matchers
from bot.errors import BadInputError, RefusedError
from bot.slack.context import Context, key_of
from bot.slack.intents import parse_duration, straighten
from bot.slack.render.answers import render_silenced
from bot.slack.render.ids import CUSTOM_DURATION, Field, View
from bot.slack.render.modals import loading, silence_preview, told
from bot.slack.render.numbers import duration
from bot.slack.voice import Place

ACK_LEAVES_S = 0.3  # Bolt sends an ack up to some 10 ms after it is given; an earlier views.update would be overwritten


def values_of(view: Mapping[str, Any]) -> dict[str, str]:
    """What was filled in, by block id."""
    found: dict[str, str] = {}
    for block_id, block in ((view.get("state") or {}).get("values") or {}).items():
        for element in block.values():
            selected = (element.get("selected_option") or {}).get("value")
            found[block_id] = str(selected or element.get("value") or "").strip()
    return found


def meta_of(view: Mapping[str, Any]) -> dict[str, str]:
    """Our notes in a view; only our app could have written them."""
    try:
        found = json.loads(view.get("private_metadata") or "{}")
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def read_silence(values: Mapping[str, str]) -> tuple[tuple[Matcher, ...], timedelta] | dict[str, str]:
    """What the form asks for, or the complaints by block id."""
    errors: dict[str, str] = {}
    matchers: tuple[Matcher, ...] = ()
    span = timedelta(0)
    try:
        matchers = parse_matchers(straighten(values.get(Field.MATCHERS, "")))
    except BadInputError as error:
        errors[Field.MATCHERS] = str(error)
    chosen = values.get(Field.DURATION, "")
    field, text = (
        (Field.CUSTOM, values.get(Field.CUSTOM, "")) if chosen == CUSTOM_DURATION else (Field.DURATION, chosen)
    )
    try:
        span = parse_duration(text)
    except BadInputError as error:
        errors[field] = str(error)
    if not values.get(Field.REASON, "").strip():
        errors[Field.REASON] = "a reason is needed, so that others know why nothing is heard"
    return errors or (matchers, span)


def register_views(app: AsyncApp, context: Context) -> None:
    async def silence_submitted(ack: Any, body: dict[str, Any]) -> None:
        view = body["view"]
        values = values_of(view)
        found = read_silence(values)
        if isinstance(found, dict):
            await ack(response_action="errors", errors=found)
            return
        await ack(response_action="update", view=loading("Silence this?"))
        place = _place(body, meta_of(view))
        context.carry_out(
            lambda: _preview(context, body, values, *found),
            body=body,
            place=place,
            key=key_of(body),
            name="silence preview",
        )

    async def silence_confirmed(ack: Any, body: dict[str, Any]) -> None:
        await ack(response_action="clear")
        meta = meta_of(body["view"])
        place = _place(body, meta)

        async def work() -> None:
            silence = await context.desk.silence(
                parse_matchers(meta.get("m", "")),
                duration=timedelta(seconds=float(meta.get("d", "0"))),
                reason=meta.get("w", ""),
                by=place.user,
            )
            await context.voice.say(place, render_silenced(silence, await context.desk.silence_effect(silence)))

        context.carry_out(work, body=body, place=place, key=key_of(body), name="silence")

    async def denied(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        view = body["view"]
        meta = meta_of(view)
        place = _place(body, meta)

        async def work() -> None:
            await context.desk.decide(
                meta.get("p", ""),
                nonce=meta.get("n", ""),
                approve=False,
                by=place.user,
                comment=values_of(view).get(Field.COMMENT, ""),
            )

        context.carry_out(work, body=body, place=place, key=key_of(body), name="deny", fresh=True)

    app.view(View.SILENCE_FORM.value)(silence_submitted)
    app.view(View.SILENCE_CONFIRM.value)(silence_confirmed)
    app.view(View.DENY.value)(denied)


def _place(body: Mapping[str, Any], meta: Mapping[str, str]) -> Place:
    return Place(
        user=str((body.get("user") or {}).get("id", "")), channel=meta.get("c", ""), thread_ts=meta.get("r") or None
    )


async def _preview(
    context: Context,
    body: Mapping[str, Any],
    values: Mapping[str, str],
    matchers: tuple[Matcher, ...],
    span: timedelta,
) -> None:
    """Show what the silence would have muted, in place of the loading view."""
    meta = meta_of(body["view"])
    text = ", ".join(str(matcher) for matcher in matchers)
    leaves = asyncio.get_running_loop().create_task(asyncio.sleep(ACK_LEAVES_S))
    try:
        found = await context.desk.preview_silence(matchers)
        view = silence_preview(
            found,
            matchers=text,
            duration_text=duration(span),
            reason=values[Field.REASON],
            meta={
                **meta,
                "m": text,
                "d": str(span.total_seconds()),
                "w": values[Field.REASON],
            },
        )
    except (RefusedError, BadInputError) as error:
        view = told("Silence", str(error))
    finally:
        await leaves
    await context.fill(body["view"]["id"], view)
