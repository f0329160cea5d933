"""What a typed command means: text to an intent, or to what is wrong with it and the right form. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from bot.domain.labels import Matcher, parse_matchers
from bot.domain.silence import MAX_SILENCE
from bot.errors import BadInputError


@dataclass(frozen=True, slots=True)
class ShowStatus:
    pass


@dataclass(frozen=True, slots=True)
class ShowIncidents:
    pass


@dataclass(frozen=True, slots=True)
class ShowHelp:
    pass


@dataclass(frozen=True, slots=True)
class Explain:
    incident_id: str


@dataclass(frozen=True, slots=True)
class DoSilence:
    matchers: tuple[Matcher, ...]
    duration: timedelta
    reason: str


@dataclass(frozen=True, slots=True)
class Unsilence:
    silence_id: str


@dataclass(frozen=True, slots=True)
class Rollback:
    model: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Retrain:
    model: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """What could not be read, and which form to show; form None shows all."""

    problem: str
    form: str | None = None


Intent = ShowStatus | ShowIncidents | ShowHelp | Explain | DoSilence | Unsilence | Rollback | Retrain | Wrong

# curly double quotes and curly single quotes, as Slack's clients write them
STRAIGHT = str.maketrans({"\u201c": '"', "\u201d": '"', "\u201e": '"', "\u2018": "'", "\u2019": "'"})
ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m(?:in)?)?", re.IGNORECASE)
QUOTED_OR_DURATION = re.compile(
    r'"(?:[^"\\]|\\.)*"|(?<![^\s,}])(?P<duration>(?:\d+(?:d|h|min|m))+)(?!\S)', re.IGNORECASE
)
WORD = re.compile(r'"([^"]*)"|(\S+)')
ID = re.compile(r"[A-Za-z0-9_.:-]{1,80}")
REASON_MAX = 300  # what the thread and the modal show


def straighten(text: str) -> str:
    """Undo what Slack's clients and escaping do to typed text."""
    found = text.translate(STRAIGHT)
    for entity, char in ENTITIES:
        found = found.replace(entity, char)
    return found.strip()


def parse_duration(text: str) -> timedelta:
    """Read 30m, 4h, 1d or 1h30m. Raises BadInputError, also beyond the cap of a silence.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    match = DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise BadInputError(f"cannot read {text.strip()[:20]!r} as a duration: write 30m, 4h, 1d or 1h30m")
    days, hours, minutes = (int(group or 0) for group in match.groups())
    found = timedelta(days=days, hours=hours, minutes=minutes)
    if not timedelta(0) < found <= MAX_SILENCE:
        raise BadInputError(f"a silence lasts between 1m and {MAX_SILENCE.days}d")
    return found


def _words(text: str) -> list[str]:
    return [match[1] if match[1] is not None else match[2] for match in WORD.finditer(text)]


def _one_id(rest: str, form: str) -> str | Wrong:
    word = rest.strip().strip("`#'\"")
    if not ID.fullmatch(word):
        return Wrong("which one? One id is needed", form)
    return word


def _silence(rest: str) -> Intent:
    found = next((match for match in QUOTED_OR_DURATION.finditer(rest) if match["duration"]), None)
    if found is None:
        return Wrong("a silence needs a duration, such as 30m, 4h, 1d or 1h30m", "silence")
    reason = rest[found.end() :].strip().strip('"').strip()
    if not reason:
        return Wrong("a silence needs a reason, so that others know why nothing is heard", "silence")
    if len(reason) > REASON_MAX:
        return Wrong(f"the reason is longer than {REASON_MAX} characters", "silence")
    try:
        return DoSilence(parse_matchers(rest[: found.start()]), parse_duration(found["duration"]), reason)
    except BadInputError as error:
        return Wrong(str(error), "silence")


def _rollback(rest: str) -> Intent:
    words = [word for word in _words(rest) if word.lower() not in ("to", "version")]
    if not 1 <= len(words) <= 2:
        return Wrong("a rollback needs a model, and may name a version", "rollback")
    return Rollback(words[0], words[1] if len(words) == 2 else None)


def _retrain(rest: str) -> Intent:
    words = _words(rest)
    return Retrain(words[0]) if len(words) == 1 else Wrong("a retraining needs one model", "retrain")


def _explain(rest: str) -> Intent:
    word = _one_id(rest, "explain")
    return Explain(word) if isinstance(word, str) else word


def _unsilence(rest: str) -> Intent:
    word = _one_id(rest, "unsilence")
    return Unsilence(word) if isinstance(word, str) else word


SIMPLE: dict[str, Intent] = {"status": ShowStatus(), "incidents": ShowIncidents(), "help": ShowHelp(), "": ShowHelp()}
WITH_ARGUMENTS = {
    "silence": _silence,
    "rollback": _rollback,
    "retrain": _retrain,
    "explain": _explain,
    "unsilence": _unsilence,
}


def parse(command: str, text: str) -> Intent:
    """Read a slash command.

    command: "/faultline", or a short form: "/rollback", "/silence".

    >>> parse("/rollback", "fraud 3")
    Rollback(model='fraud', version='3')
    """
    typed = straighten(text)
    name = command.strip().lstrip("/").lower()
    if name not in WITH_ARGUMENTS:
        name, _, typed = typed.partition(" ")
        name = name.lower()
    if name in SIMPLE:
        return SIMPLE[name]
    if name in WITH_ARGUMENTS:
        return WITH_ARGUMENTS[name](typed.strip())
    return Wrong(f"there is no command {name[:40]!r}")
