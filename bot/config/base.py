"""What every section of `faultline.yaml` is made of: strict models, durations with a unit, paths, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
DURATION = r"(\d+(\.\d+)?(ms|s|m|h|d))+"
TIME_OF_DAY = r"([01]\d|2[0-3]):[0-5]\d"
ONE_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
SLACK_CHANNEL = r"[CG][A-Z0-9]{2,20}"
SLACK_USER = r"[UW][A-Z0-9]{2,20}"
SLACK_GROUP = r"S[A-Z0-9]{2,20}"


class Section(BaseModel):
    """A mapping in the file: unknown keys are refused, and `key:` with nothing behind it means the default."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), validate_default=False)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: item for key, item in value.items() if item is not None}
        return {} if value is None else value


def key(default: Any, description: str, *, why: str = "", **limits: Any) -> Any:
    """Declare an optional key: its default, what it means, and why the default is what it is."""
    return Field(default=default, description=description, json_schema_extra={"why": why} if why else None, **limits)


def read_duration(value: Any) -> Any:
    """Read `45s`, `2m`, `1h30m`. A bare number is refused: nobody remembers its unit.

    >>> read_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str) or not re.fullmatch(DURATION, value.strip()):
        raise ValueError("expected a duration with its unit, such as 45s, 2m, 1h30m or 7d")
    return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in ONE_PART.findall(value)))


def write_duration(value: timedelta) -> str:
    """Write a duration as people do.

    >>> write_duration(timedelta(minutes=90))
    '1h30m'
    """
    rest, written = round(value.total_seconds() * 1000), ""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        written += f"{count}{unit}" if count else ""
    return written or "0s"


def read_time(value: Any) -> Any:
    """Read `"09:00"`. YAML reads 10:00 without quotes as the number 600, so numbers are refused.

    >>> read_time("09:30")
    datetime.time(9, 30)
    """
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(TIME_OF_DAY, value):
        raise ValueError('expected a time of day in quotes, such as "09:00"')
    return time.fromisoformat(value)


def write_time(value: time) -> str:
    return value.strftime("%H:%M")


def _some(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("expected more than nothing")
    return value


def _against(folder: Path, value: Path) -> Path:
    return value if value.is_absolute() else folder / value


def _beside_the_file(value: Path, info: ValidationInfo) -> Path:
    """Read a relative path from the folder of `faultline.yaml`, wherever the bot is started."""
    folder = info.context.get("folder") if isinstance(info.context, Mapping) else None
    return _against(folder, value) if isinstance(folder, Path) else value


def _http_url(value: str) -> str:
    """Check an address early, where the line is known; bot.http checks again what it connects to."""
    expected = "expected an address such as https://host:9090"
    try:
        parts = urlsplit(value.strip())
        port = parts.port
    except ValueError as error:
        raise ValueError(expected) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(expected)
    if parts.query or parts.fragment:
        raise ValueError("expected an address that ends before ? and #")
    return value.strip()


def _pattern(pattern: str, expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


_AS_TEXT = (
    BeforeValidator(read_duration),
    PlainSerializer(write_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{DURATION}$", "examples": ["45s", "2m", "1h30m"]}),
)
Duration = Annotated[timedelta, *_AS_TEXT]
PositiveDuration = Annotated[timedelta, *_AS_TEXT, AfterValidator(_some)]
TimeOfDay = Annotated[
    time,
    BeforeValidator(read_time),
    PlainSerializer(write_time, return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{TIME_OF_DAY}$", "examples": ["09:00"]}),
]
FilePath = Annotated[Path, AfterValidator(_beside_the_file)]
HttpUrl = Annotated[str, AfterValidator(_http_url), WithJsonSchema({"type": "string", "format": "uri"})]
ChannelId = Annotated[
    str,
    _pattern(SLACK_CHANNEL, "a channel's id, such as C0123456789 (at the end of the channel's details), not its name"),
    WithJsonSchema({"type": "string", "pattern": f"^{SLACK_CHANNEL}$"}),
]
UserId = Annotated[
    str,
    _pattern(SLACK_USER, "a member's id, such as U0123456789 (profile, three dots, Copy member ID), not a name"),
    WithJsonSchema({"type": "string", "pattern": f"^{SLACK_USER}$"}),
]
GroupId = Annotated[
    str,
    _pattern(SLACK_GROUP, "a user group's id, such as S0123456789, not its handle"),
    WithJsonSchema({"type": "string", "pattern": f"^{SLACK_GROUP}$"}),
]
SourceName = Annotated[
    str,
    _pattern(r"[A-Za-z][A-Za-z0-9_-]{0,39}", "a short name of letters, digits, - and _: it becomes part of a variable"),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]{0,39}$"}),
]
Port = Annotated[int, Field(ge=1, le=65535)]
