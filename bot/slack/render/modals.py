"""Our modals: the silence form, its preview, and the reason of a denial."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.domain.silence import MAX_SILENCE, SilencePreview
from bot.slack.render import blocks as b
from bot.slack.render.escape import esc
from bot.slack.render.ids import CUSTOM_DURATION, Field, View
from bot.slack.render.numbers import date_markup, duration, quantity
from bot.slack.render.words import finding_verb

DURATIONS = {"1h": "1 hour", "4h": "4 hours", "24h": "24 hours", CUSTOM_DURATION: "Other, written below"}

ViewDict = dict[str, Any]


def _modal(
    title: str, callback: View, blocks: list[b.Block], *, submit: str | None, meta: Mapping[str, str]
) -> ViewDict:
    found: ViewDict = {
        "type": "modal",
        "callback_id": callback,
        "title": b.plain(title),
        "close": b.plain("Cancel"),
        "private_metadata": json.dumps(dict(meta), separators=(",", ":"), ensure_ascii=False),
        "blocks": blocks,
    }
    if submit:
        found["submit"] = b.plain(submit)
    return found


def loading(title: str) -> ViewDict:
    """Opened at once, because a trigger lives three seconds; replaced when the answer is there."""
    return _modal(title, View.LOADING, [b.section("One moment …")], submit=None, meta={})


def told(title: str, text: str) -> ViewDict:
    """A modal that only says something, such as why we refuse."""
    return _modal(title, View.LOADING, [b.section(esc(text, limit=2500))], submit=None, meta={})


def _input(field: Field, label: str, element: b.Block, *, hint: str = "", optional: bool = False) -> b.Block:
    found: b.Block = {
        "type": "input",
        "block_id": field,
        "label": b.plain(label),
        "element": {**element, "action_id": field},
        "optional": optional,
    }
    if hint:
        found["hint"] = b.plain(hint)
    return found


def silence_form(*, incident_id: str, matchers: str, channel: str) -> ViewDict:
    """matchers: what to begin with, as text; a person may change it."""
    choices = [b.option(label, value) for value, label in DURATIONS.items()]
    box: b.Block = {"type": "plain_text_input", "max_length": 1000}
    if matchers:
        box["initial_value"] = matchers[:1000]
    return _modal(
        "Silence",
        View.SILENCE_FORM,
        [
            _input(
                Field.MATCHERS,
                "What to silence",
                box,
                hint='As in Alertmanager: model="fraud", entity=~"n-0.*". All of them must match.',
            ),
            _input(
                Field.DURATION,
                "For how long",
                {"type": "static_select", "options": choices, "initial_option": choices[0]},
            ),
            _input(
                Field.CUSTOM,
                "Other duration",
                {"type": "plain_text_input", "placeholder": b.plain("1h30m"), "max_length": 20},
                hint=f"30m, 4h, 1d or 1h30m; at most {duration(MAX_SILENCE)}.",
                optional=True,
            ),
            _input(Field.REASON, "Why", {"type": "plain_text_input", "max_length": 300}),
        ],
        submit="Preview",
        meta={"i": incident_id, "c": channel},
    )


def silence_preview(
    preview: SilencePreview, *, matchers: str, duration_text: str, reason: str, meta: Mapping[str, str]
) -> ViewDict:
    """What the silence would have muted, before anybody confirms it."""
    if preview.findings:
        first = (
            f"In the last {preview.days} days this would have muted *{preview.findings} findings* "
            f"in *{preview.incidents} incidents*."
        )
    else:
        first = f"In the last {preview.days} days this would have muted *nothing*. Check the matchers."
    rows = [
        f"• {date_markup(found.detected)} {esc(found.key.signal, limit=60)} of {esc(found.key.entity, limit=60)} "
        f"{finding_verb(found)}, {quantity(found.evidence.observed, found.evidence.unit)}"
        for found in preview.examples[:5]
    ]
    blocks = [b.section(first)]
    if rows:
        blocks.append(b.section("\n".join([f"*{len(rows)} of them*", *rows])))
    blocks.append(b.section(f"*Matchers* {esc(matchers, limit=500)}\n*For* {esc(duration_text)}\n*Why* {esc(reason)}"))
    blocks.append(b.context("Counting goes on while silenced. A rise in severity ends the silence early."))
    return _modal("Silence this?", View.SILENCE_CONFIRM, blocks, submit="Silence", meta=meta)


def deny_form(*, proposal_id: str, nonce: str, channel: str, root: str) -> ViewDict:
    return _modal(
        "Deny",
        View.DENY,
        [
            _input(
                Field.COMMENT,
                "Why not?",
                {"type": "plain_text_input", "multiline": True, "max_length": 500},
                hint="Shown on the card.",
                optional=True,
            )
        ],
        submit="Deny",
        meta={"p": proposal_id, "n": nonce, "c": channel, "r": root},
    )
