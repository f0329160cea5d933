"""The bot's vocabulary: causes, subcauses, signals and states in words, with one confidence word and never a number."""

from __future__ import annotations

from bot.domain.catalogue import Catalogue
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import Direction, Finding, FindingKind
from bot.domain.incident import Incident, Severity, State
from bot.domain.series import SeriesKey
from bot.domain.verdict import Cause, Verdict
from bot.pipeline.words import KIND_WORDS, causes_text
from bot.slack.render.escape import esc

VERY_LIKELY = 0.9  # above this we would be surprised to be wrong; below it "likely" is the honest word

SEVERITY_WORDS = {Severity.CRITICAL: "Critical", Severity.WARNING: "Warning", Severity.INFO: "Info"}

CAUSE_WORDS = {
    Cause.MODEL: "model",
    Cause.INFRASTRUCTURE: "infrastructure",
    Cause.MIXED: "model and infrastructure",
    Cause.UNDETERMINED: "undetermined",
}

CHANGE_WORDS = {
    ChangeKind.DEPLOY: "deploy",
    ChangeKind.MODEL_VERSION: "model version",
    ChangeKind.CONFIG: "configuration change",
    ChangeKind.AUTOSCALE: "autoscaling",
    ChangeKind.CALENDAR: "calendar event",
    ChangeKind.MARKETING: "marketing event",
    ChangeKind.DATA: "data push",
    ChangeKind.SCHEMA: "schema change",
    ChangeKind.OTHER: "change",
}


def sentence(text: str, *, limit: int) -> str:
    """A clause as a sentence, escaped.

    >>> sentence("the data is at fault", limit=50), sentence("Look there.", limit=50)
    ('The data is at fault.', 'Look there.')
    """
    said = esc(text, limit=limit)
    return said[:1].upper() + said[1:].rstrip(".") + "." if said else ""


def confidence_word(verdict: Verdict) -> str:
    """One word. A second number beside it has confused people elsewhere."""
    if verdict.cause is Cause.UNDETERMINED:
        return "undetermined"
    return "very likely" if verdict.probability >= VERY_LIKELY else "likely"


def signal_words(key: SeriesKey, catalogue: Catalogue | None = None) -> str:
    """What a series measures, escaped: "disk (node_disk_used_ratio)" or the signal's name alone."""
    found = catalogue.signal.get(key.signal) if catalogue else None
    name = esc(key.signal.replace("_", " ") if found is None else key.signal, limit=80)
    if found is None:
        return name
    words = KIND_WORDS[found.kind]
    return words if words.lower() == name.lower() else f"{words} ({name})"


def brief_signal(key: SeriesKey, catalogue: Catalogue | None = None) -> str:
    """The same without the name in brackets, for a headline."""
    found = catalogue.signal.get(key.signal) if catalogue else None
    return KIND_WORDS[found.kind] if found else esc(key.signal.replace("_", " "), limit=60)


def verdict_phrase(verdict: Verdict | None, *, plain: bool = False) -> str:
    """The side in words, first: "Likely model: bad version 4 of fraud"."""
    if verdict is None:
        return "Cause not judged yet"
    if verdict.cause is Cause.UNDETERMINED:
        return "Undetermined: model or infrastructure"
    sure = f"{confidence_word(verdict).capitalize()} {CAUSE_WORDS[verdict.cause]}"
    causes = esc(causes_text(verdict), limit=160, plain=plain)
    return f"{sure}: {causes}" if causes else sure


def state_word(incident: Incident, *, silenced: bool = False) -> str:
    if incident.state is State.RESOLVED:
        return "Resolved"
    if silenced:
        return "Silenced"
    if incident.acknowledged_by:
        return "Acknowledged"
    return "Pending" if incident.state is State.PENDING else "Firing"


def person(user_id: str | None) -> str:
    """A person by id; ids that Slack did not give us are shown as text and mention nobody."""
    if user_id and user_id[0] in "UW" and user_id.isalnum() and user_id.isascii() and user_id.isupper():
        return f"<@{user_id}>"
    return "Faultline" if user_id == "faultline" else esc(user_id or "nobody", limit=40)


def finding_verb(finding: Finding) -> str:
    if finding.kind is FindingKind.BLIND:
        return "cannot be read"
    if finding.kind is FindingKind.GAP:
        return "went silent"
    arrow = {Direction.UP: "▲", Direction.DOWN: "▼", Direction.NONE: "■"}[finding.direction]
    word = {Direction.UP: "up", Direction.DOWN: "down", Direction.NONE: "changed"}[finding.direction]
    if finding.kind is FindingKind.SPREAD:
        return "↕ wilder than usual"
    if finding.kind is FindingKind.NOVEL:
        return f"{arrow} {word}, never seen at this time of day"
    return f"{arrow} {word}"


def change_words(change: Change) -> str:
    """One change as a line, escaped."""
    what = f"{CHANGE_WORDS[change.kind]} of {esc(change.entity, limit=60)}"
    if change.from_ or change.to:
        what += f" {esc(change.from_ or '?', limit=30)} → {esc(change.to or '?', limit=30)}"
    if change.by:
        what += f" by {esc(change.by, limit=40)}"
    return f"{what}: {esc(change.text, limit=120)}" if change.text else what
