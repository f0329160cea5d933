"""Structured logs: one line an event, as JSON or as text, without secrets and without a way to forge a line."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Collection, Mapping, MutableMapping
from typing import Any, TextIO

import structlog

from bot.llm.redact import RULES

SECRET_RULES = frozenset(  # kinds of bot.llm.redact that open something; addresses and numbers are needed in a log
    {"private-key", "url-credentials", "slack", "aws", "google", "api-key", "github", "gitlab", "sendgrid", "npm"}
    | {"pypi", "huggingface", "databricks", "vault", "jwt", "authorization", "cookie", "password"}
)
SECRET_NAME = re.compile(
    r"(?:^|_)(?:token|secret|password|passwd|api_?key|authorization|cookie|credential)s?$", re.IGNORECASE
)
HIDDEN = "<secret>"
MIN_SECRET = 6  # a shorter one would blot out ordinary words
MAX_TEXT = 20_000  # characters of one field; a traceback of deep recursion is longer and no clearer
MAX_DEPTH = 6  # of nested values in `extra`
TALKATIVE = ("aiohttp", "alembic", "anthropic", "apscheduler", "asyncio", "httpcore", "httpx", "httpx2", "openai")
PAYLOADS = ("slack_bolt", "slack_sdk")  # at debug they log requests whole
LINE_BREAKS = ("Cc", "Cf", "Zl", "Zp", "Cs")  # categories of characters that move the cursor or hide


class Redaction:
    """A processor that takes secrets out of everything a line holds: known values, known shapes, telling names."""

    def __init__(self, secrets: Collection[str]) -> None:
        known = sorted((secret for secret in secrets if len(secret) >= MIN_SECRET), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None
        self._rules = [(pattern, check) for name, pattern, check in RULES if name in SECRET_RULES]

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {self.text(str(name)): self._value(str(name), value, 0) for name, value in event.items()}

    def text(self, text: str) -> str:
        """Replace what must not be read."""
        text = text[:MAX_TEXT]
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, check in self._rules:
            text = pattern.sub(lambda match, check=check: HIDDEN if check(match) else match[0], text)  # type: ignore[misc]
        return text

    def _value(self, name: str, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if SECRET_NAME.search(name):
            return HIDDEN
        if isinstance(value, Mapping) and depth < MAX_DEPTH:
            return {self.text(str(key)): self._value(str(key), item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset) and depth < MAX_DEPTH:
            return [self._value(name, item, depth + 1) for item in value]
        return self.text(str(value))


def visible(text: str) -> str:
    r"""Write characters that break a line, move the cursor or hide as escapes.

    >>> visible("ok" + chr(10) + "forged")
    'ok\\nforged'
    """
    return "".join(
        letter.encode("unicode_escape").decode("ascii") if unicodedata.category(letter) in LINE_BREAKS else letter
        for letter in text
    )


def as_text(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    """Render for a terminal: time, level, sentence, facts; a traceback on lines of its own, each marked."""
    parts = [
        visible(str(event.pop("timestamp", ""))),
        f"{visible(str(event.pop('level', ''))):8}",
        visible(str(event.pop("event", ""))),
    ]
    traceback = str(event.pop("traceback", ""))
    parts += [f"{visible(str(name))}={visible(_quoted(value))}" for name, value in event.items()]
    lines = [" ".join(part for part in parts if part)]
    lines += [f"    | {visible(line)}" for line in traceback.splitlines()]
    return "\n".join(lines)


def _quoted(value: Any) -> str:
    text = str(value)
    return repr(text) if not text or any(letter.isspace() or letter in "='\"" for letter in text) else text


def as_json(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    """Render one ASCII line: JSON's escapes cover every character that could break or disguise it."""
    line = structlog.processors.JSONRenderer(ensure_ascii=True, default=str)(logger, method, event)
    return str(line).replace("\x7f", "\\u007f")


def make_formatter(*, json_lines: bool, secrets: Collection[str] = ()) -> logging.Formatter:
    """Format records of the standard library, fields of `extra` included, tracebacks as the field `traceback`."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.ExtraAdder(),
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            _in_reading_order,
            Redaction(secrets),
            as_json if json_lines else as_text,
        ],
    )


def _in_reading_order(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    first = {name: event.pop(name) for name in ("timestamp", "level", "event") if name in event}
    last = {"traceback": event.pop("exception")} if "exception" in event else {}
    return {**first, **event, **last}


def set_up_logging(
    *, level: str = "info", json_lines: bool = True, secrets: Collection[str] = (), stream: TextIO | None = None
) -> None:
    """Send every record of this process to `stream` (standard error when None), replacing earlier handlers.

    secrets: values in the clear that must not appear, whatever field they are in.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(make_formatter(json_lines=json_lines, secrets=secrets))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.INFO if level == "debug" else logging.WARNING)
    for name in PAYLOADS:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a line that cannot be formatted must not spill its raw arguments to stderr
    logging.captureWarnings(capture=True)
