"""Answers to commands: private, brief, and with what to type next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain.explanation import Explanation
from bot.domain.incident import Incident
from bot.domain.silence import Silence, SilenceEffect
from bot.ports import ModelStatus, Status
from bot.slack.render import blocks as b
from bot.slack.render.escape import esc
from bot.slack.render.headline import title_of
from bot.slack.render.numbers import date_markup, duration, time_markup
from bot.slack.render.proposal import what
from bot.slack.render.replies import cut_markup, explanation_blocks, own_words, plainly
from bot.slack.render.words import SEVERITY_WORDS, person, state_word, verdict_phrase

ROWS = 15  # an answer is read at a glance; the App Home has the rest

FORMS = {
    "status": "/faultline status",
    "incidents": "/faultline incidents",
    "explain": "/faultline explain <incident id>",
    "silence": '/faultline silence model="fraud" 4h known drift, retraining tonight',
    "unsilence": "/faultline unsilence <silence id>",
    "rollback": "/faultline rollback <model> [version]",
    "retrain": "/faultline retrain <model>",
    "help": "/faultline help",
}

SHORT_FORMS = ("/rollback <model> [version]", "/silence <matchers> <duration> <reason>")

FORM_NOTES = {
    "status": "models, open incidents, silences, what is being judged",
    "incidents": "the newest incidents",
    "explain": "what is going on in one incident, with the evidence it rests on",
    "silence": "matchers, a duration (30m, 4h, 1d, 1h30m) and a reason",
    "unsilence": "end a silence now",
    "rollback": "propose a rollback; somebody who may must approve it",
    "retrain": "propose a retraining",
    "help": "this list",
}


def answer(text: str) -> b.Rendered:
    """A sentence of ours."""
    said = cut_markup(own_words(text, people=True), 2900).strip() or "(nothing to say)"
    return b.Rendered(text=plainly(said), blocks=(b.section(said),))


def render_help(problem: str = "", form: str | None = None) -> b.Rendered:
    """The commands; with what was wrong first, when something was."""
    shown = [form] if form in FORMS else list(FORMS)
    rows = [f"• `{esc_form(FORMS[name])}`: {FORM_NOTES[name]}" for name in shown]
    first = f"{esc(problem, limit=400)}\nWrite:" if problem else "*What you can ask*"
    parts = [b.section("\n".join([first, *rows]))]
    if form is None:
        parts.append(b.context(f"Short forms: {', '.join(f'`{esc_form(short)}`' for short in SHORT_FORMS)}"))
    return b.Rendered(text=esc(problem, plain=True) if problem else "What you can ask Faultline", blocks=tuple(parts))


def esc_form(form: str) -> str:
    """Our own example commands: only the brackets need entities."""
    return form.replace("<", "&lt;").replace(">", "&gt;")


def incident_line(incident: Incident, *, now: datetime, silenced: bool = False) -> str:
    ended = incident.resolved or now
    how_long = duration(ended - incident.onset)
    span = f"for {how_long}" if incident.open else f"lasted {how_long}"
    state = f"*{state_word(incident, silenced=silenced)}*, {SEVERITY_WORDS[incident.severity].lower()}"
    return (
        f"• `{esc(incident.id, limit=60)}` {state}: "
        f"{verdict_phrase(incident.verdict)}, since {date_markup(incident.onset)} ({span})"
    )


def model_line(model: ModelStatus) -> str:
    name = f"*{esc(model.name, limit=60)}*"
    version = f"version {esc(model.version, limit=30)}" if model.version else "version not known"
    since = f" since {'at least ' if model.since_at_least else ''}{date_markup(model.since)}" if model.since else ""
    if model.incident is not None:
        state = f"affected by `{esc(model.incident.id, limit=60)}`, {verdict_phrase(model.incident.verdict)}"
    else:
        state = "no incident" if model.judged else "not judged: no data now, or too little so far"
    return f"• {name}, {version}{since}: {state}"


def silence_line(silence: Silence) -> str:
    matchers = ", ".join(esc(matcher, limit=80) for matcher in silence.matchers[:5])
    return (
        f"• `{esc(silence.id, limit=60)}` {matchers} until {date_markup(silence.ends)} "
        f"by {person(silence.by)}: {esc(silence.reason, limit=120)}"
    )


def _listed(title: str, rows: Sequence[str], none: str) -> b.Block:
    shown = list(rows[:ROWS])
    if len(rows) > ROWS:
        shown.append(f"_and {len(rows) - ROWS} more_")
    text = "\n".join([f"*{title}*", *(shown or [none])])
    return b.section(text if len(text) <= 2900 else text[: text.rfind("\n", 0, 2850)] + "\n_and more_")


def health_line(status: Status) -> str:
    """What we looked at, and where we could not look; too little data is never shown as healthy."""
    judged = f"{status.series_judged} of {status.series} series judged"
    if status.last_tick is None:
        return f"{judged} · no tick yet"
    blind = ", ".join(esc(name, limit=40) for name in status.last_tick.blind)
    looked = f"last look {time_markup(status.last_tick.at)}"
    return f"{judged} · {looked}" + (f" · *cannot read: {blind}*" if blind else "")


def status_parts(status: Status) -> list[b.Block]:
    pending = [
        f"• `{esc(proposal.id, limit=60)}` {what(proposal)}, asked by {person(proposal.requested_by)}, "
        f"expires {time_markup(proposal.expires_at)}"
        for proposal in status.pending
    ]
    parts = [
        _listed("Models", [model_line(model) for model in status.models], "No model is in the catalogue."),
        _listed(
            "Open incidents",
            [incident_line(i, now=status.now, silenced=i.id in status.silenced) for i in status.incidents],
            "None open.",
        ),
        _listed("Silences", [silence_line(silence) for silence in status.silences], "None."),
    ]
    if pending:
        parts.append(_listed("Waiting for approval", pending, "None."))
    mode = "dry run: actions change nothing" if status.dry_run else "actions are live"
    parts.append(b.context(f"{health_line(status)} · {mode}"))
    return parts


def render_status(status: Status) -> b.Rendered:
    models, incidents = len(status.models), len(status.incidents)
    text = f"{models} model{'s' if models != 1 else ''}, {incidents} open incident{'s' if incidents != 1 else ''}"
    return b.Rendered(text=text, blocks=tuple(status_parts(status)))


def render_incidents(incidents: Sequence[Incident], *, now: datetime) -> b.Rendered:
    rows = [incident_line(incident, now=now) for incident in incidents]
    return b.Rendered(
        text=f"{len(rows)} incidents", blocks=(_listed("Incidents, the newest first", rows, "None so far."),)
    )


def render_explained(incident: Incident, explanation: Explanation) -> b.Rendered:
    title = title_of(incident)
    return b.Rendered(text=title, blocks=(b.header(title), *explanation_blocks(explanation)))


def effect_lines(effect: SilenceEffect, silence: Silence) -> list[str]:
    """Whether it does what the person wanted: one that covers a part mutes nothing."""
    hours = max(1, round((silence.ends - silence.starts).total_seconds() / 3600))
    found = [f"It mutes `{esc(incident_id, limit=60)}` now." for incident_id in effect.muted[:5]]
    for one in effect.audible[:5]:
        name = esc(one.incident_id, limit=60)
        found.append(
            f"`{name}` *stays audible*: {one.covered} of its {one.active} findings are covered. "
            f'To mute all of it: `/silence incident="{name}" {hours}h your reason`'
        )
    return found or ["It mutes nothing that is open now."]


def render_silenced(silence: Silence, effect: SilenceEffect | None = None) -> b.Rendered:
    """effect: None when a silence was ended."""
    ended = silence.ended_early_by is not None
    word = "Silence ended" if ended else "Silenced"
    by = f" by {person(silence.ended_early_by)}; what it muted is told again" if ended else ""
    said = "\n".join([f"*{word}*{by}", silence_line(silence), *(effect_lines(effect, silence) if effect else ())])
    if not ended:
        said += f"\nEnd it early with `/faultline unsilence {esc(silence.id, limit=60)}`"
    return b.Rendered(text=f"{word}: {esc(silence.id, limit=60, plain=True)}", blocks=(b.section(said),))
