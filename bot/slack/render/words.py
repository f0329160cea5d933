"""The bot's vocabulary: causes, subcauses, signals and states in words, with one confidence word and never a number."""

from __future__ import annotations

from bot.domain.catalogue import Catalogue, Kind
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import Direction, Finding, FindingKind
from bot.domain.incident import Incident, Severity, State
from bot.domain.series import SeriesKey
from bot.domain.verdict import Cause, Subcause, Verdict
from bot.slack.render.escape import esc

VERY_LIKELY = 0.9  # above this we would be surprised to be wrong; below it "likely" is the honest word

SEVERITY_WORDS = {Severity.CRITICAL: "Critical", Severity.WARNING: "Warning", Severity.INFO: "Info"}

CAUSE_WORDS = {
    Cause.MODEL: "model",
    Cause.INFRASTRUCTURE: "infrastructure",
    Cause.MIXED: "model and infrastructure",
    Cause.UNDETERMINED: "undetermined",
}

SUBCAUSE_WORDS = {
    Subcause.BAD_VERSION: "bad version of {entity}",
    Subcause.DATA_QUALITY: "bad input data at {entity}",
    Subcause.COVARIATE_DRIFT: "input drift at {entity}",
    Subcause.CONCEPT_DRIFT: "concept drift of {entity}",
    Subcause.CPU_SATURATION: "CPU saturated on {entity}",
    Subcause.MEMORY_SATURATION: "memory running out on {entity}",
    Subcause.DISK_SATURATION: "disk full or slow on {entity}",
    Subcause.NETWORK: "network trouble at {entity}",
    Subcause.DEPENDENCY_FAILURE: "failing dependency {entity}",
    Subcause.BAD_DEPLOY: "bad deploy of {entity}",
    Subcause.CAPACITY_LOSS: "lost capacity at {entity}",
    Subcause.TRAFFIC_SURGE: "traffic surge at {entity}",
    Subcause.TELEMETRY_LOSS: "lost telemetry of {entity}",
}

KIND_WORDS = {
    Kind.CPU: "CPU",
    Kind.MEMORY: "memory",
    Kind.DISK: "disk",
    Kind.NETWORK: "network",
    Kind.LATENCY: "latency",
    Kind.ERRORS: "errors",
    Kind.TRAFFIC: "traffic",
    Kind.AVAILABILITY: "availability",
    Kind.RESTARTS: "restarts",
    Kind.CACHE: "cache",
    Kind.BACKLOG: "backlog",
    Kind.THROUGHPUT: "throughput",
    Kind.INFERENCE_LATENCY: "inference latency",
    Kind.FALLBACK: "fallback answers",
    Kind.VERSION: "version",
    Kind.FEATURE_NULL: "missing values",
    Kind.FEATURE_VALUE: "values",
    Kind.FEATURE_DRIFT: "drift",
    Kind.FRESHNESS: "freshness",
    Kind.PREDICTION: "predictions",
    Kind.PREDICTION_DRIFT: "prediction drift",
    Kind.QUALITY: "quality",
    Kind.CALIBRATION: "calibration",
    Kind.LABEL_RATE: "label rate",
    Kind.LABEL_VOLUME: "label volume",
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


def _bad_version(verdict: Verdict) -> str | None:
    """The version that was put in front of traffic, when a change names it."""
    return next(
        (
            suspect.change.to
            for suspect in verdict.changes
            if suspect.change.kind is ChangeKind.MODEL_VERSION
            and suspect.change.to
            and suspect.change.entity in (verdict.entity, verdict.entity.partition("/")[0])
        ),
        None,
    )


def subcause_phrase(subcause: Subcause, verdict: Verdict, *, plain: bool = False) -> str:
    entity = esc(verdict.entity or "an unknown part", limit=60, plain=plain)
    version = _bad_version(verdict) if subcause is Subcause.BAD_VERSION else None
    if version is not None:
        return f"bad version {esc(version, limit=30, plain=plain)} of {entity}"
    return SUBCAUSE_WORDS[subcause].format(entity=entity)


def verdict_phrase(verdict: Verdict | None, *, plain: bool = False) -> str:
    """The side in words, first: "Likely model: bad version 4 of fraud"."""
    if verdict is None:
        return "Cause not judged yet"
    if verdict.cause is Cause.UNDETERMINED:
        return "Undetermined: model or infrastructure"
    side = CAUSE_WORDS[verdict.cause]
    if not verdict.subcauses:
        return f"{confidence_word(verdict).capitalize()} {side}"
    phrases = [subcause_phrase(subcause, verdict, plain=plain) for subcause in verdict.subcauses[:2]]
    return f"{confidence_word(verdict).capitalize()} {side}: {', and '.join(phrases)}"


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
    return f"{arrow} {word}"


def change_words(change: Change) -> str:
    """One change as a line, escaped."""
    what = f"{CHANGE_WORDS[change.kind]} of {esc(change.entity, limit=60)}"
    if change.from_ or change.to:
        what += f" {esc(change.from_ or '?', limit=30)} → {esc(change.to or '?', limit=30)}"
    if change.by:
        what += f" by {esc(change.by, limit=40)}"
    return f"{what}: {esc(change.text, limit=120)}" if change.text else what
