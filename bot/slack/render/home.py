"""The App Home: models with version and state, open incidents, silences that can be ended."""

from __future__ import annotations

from typing import Any

from bot.ports import Status
from bot.slack.render import blocks as b
from bot.slack.render.answers import health_line, incident_line, model_line, silence_line
from bot.slack.render.ids import Action
from bot.slack.render.numbers import date_markup

MODELS, INCIDENTS, SILENCES = 30, 15, 15  # a home holds 100 blocks


def render_home(status: Status) -> dict[str, Any]:
    blocks: list[b.Block] = [b.header("Models")]
    blocks += [b.section(model_line(model)) for model in status.models[:MODELS]] or [
        b.section("No model is in the catalogue.")
    ]
    blocks += [b.divider(), b.header("Open incidents")]
    blocks += [
        b.section(incident_line(i, now=status.now, silenced=i.id in status.silenced))
        for i in status.incidents[:INCIDENTS]
    ] or [b.section("None open.")]
    blocks += [b.divider(), b.header("Silences")]
    for silence in status.silences[:SILENCES]:
        ending = b.button(
            "End now",
            Action.UNSILENCE,
            b.value_of(s=silence.id),
            confirm_with=b.confirm("End this silence?", "What it mutes is told again from now on.", "End it"),
        )
        blocks.append({**b.section(silence_line(silence)), "accessory": ending})
    if not status.silences:
        blocks.append(b.section("None."))
    mode = "dry run: actions change nothing" if status.dry_run else "actions are live"
    blocks.append(b.context(f"{health_line(status)} · {mode} · as of {date_markup(status.now)}"))
    return {"type": "home", "callback_id": "fl_home", "blocks": blocks}
