"""What a workspace consists of before anybody has spoken: people, channels, groups and the one installed app."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    id: str
    name: str  # the handle, without @
    real_name: str = ""
    email: str = ""
    is_guest: bool = False
    is_admin: bool = False
    deleted: bool = False
    tz: str = "Etc/UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDefinition:
    id: str
    name: str
    members: tuple[str, ...]  # user ids, the bot's among them when it was invited
    is_private: bool = False
    is_archived: bool = False
    is_read_only: bool = False  # only admins may post
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroup:
    id: str
    handle: str
    name: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SlashCommand:
    command: str  # with its slash
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = True  # names become <@U…|name> before the app sees them


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    name: str
    callback_id: str
    type: str = "message"  # or "global"


SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "im:history",
    "im:read",
    "im:write",
    "metadata.message:read",
    "reactions:read",
    "reactions:write",
    "usergroups:read",
    "users:read",
)
EVENTS = (
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "member_joined_channel",
    "message",
    "reaction_added",
    "tokens_revoked",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppDefinition:
    id: str = "A0EMULATED"
    name: str = "app"  # display name, and the handle people mention
    bot_id: str = "B0EMULATED"
    bot_user_id: str = "U0BOT"
    bot_token: str = "xoxb-emulator"  # noqa: S105 (fixed on purpose: a config can name it, and it opens nothing)
    app_token: str = "xapp-emulator"  # noqa: S105
    signing_secret: str = "emulator-signing-secret"  # noqa: S105
    scopes: tuple[str, ...] = SCOPES
    events: tuple[str, ...] = EVENTS
    slash_commands: tuple[SlashCommand, ...] = ()  # none listed: every command is the app's
    shortcuts: tuple[Shortcut, ...] = ()
    request_url: str = ""  # given: signed HTTP delivery instead of Socket Mode
    home_enabled: bool = True


PEOPLE = (
    Person(id="U0ALICE", name="alice", real_name="Alice Ahmadi", email="alice@example.com", is_admin=True),
    Person(id="U0BOB", name="bob", real_name="Bob Brandt", email="bob@example.com"),
    Person(id="U0CAROL", name="carol", real_name="Carol Castro", email="carol@example.com"),
    Person(id="U0DAVE", name="dave", real_name="Dave Dunn", email="dave@partner.example", is_guest=True),
)
CHANNELS = (
    ChannelDefinition(
        id="C0INCIDENTS",
        name="incidents",
        members=("U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "U0BOT"),
        topic="What is broken, and who is on it",
    ),
    ChannelDefinition(id="C0RANDOM", name="random", members=("U0ALICE", "U0BOB", "U0CAROL"), topic="Everything else"),
)
GROUPS = (UserGroup(id="S0APPROVERS", handle="ml-approvers", name="ML approvers", users=("U0BOB", "U0CAROL")),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Times and limits that a test may want otherwise; the defaults are Slack's, as far as they are known."""

    ack_timeout_s: float = 3.0
    trigger_ttl_s: float = 3.0
    hook_uses: int = 5
    hook_ttl_s: float = 1800.0
    stream_ttl_s: float = 300.0
    share_delay_s: float = 0.3  # an upload's `shares` stay empty for a moment
    event_retry_delays_s: tuple[float, ...] = (0.0, 60.0, 300.0)
    edit_window_s: float = 0.0  # 0: no limit
    limits: str = "off"  # off, soft (bursts allowed), hard (one a second, tiers of methods)
    paid_plan: bool = True  # user groups need one
    uploads_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A workspace as it stands when the emulator starts."""

    team_id: str = "T0EMULATED"
    team_name: str = "Emulated"
    team_domain: str = "emulated"
    people: tuple[Person, ...] = PEOPLE
    channels: tuple[ChannelDefinition, ...] = CHANNELS
    groups: tuple[UserGroup, ...] = GROUPS
    app: AppDefinition = field(default_factory=AppDefinition)
    settings: Settings = field(default_factory=Settings)


def load_definition(path: Path) -> Definition:
    """Read a JSON object whose keys are the fields of Definition; what is absent keeps its default.

    Raises ValueError naming the key that is unknown or has the wrong kind of value.
    """
    found = _build(Definition, json.loads(path.read_text(encoding="utf-8")), where="")
    assert isinstance(found, Definition)
    return found


def _build(cls: type[Any], given: Any, *, where: str) -> Any:
    if not isinstance(given, Mapping):
        raise ValueError(f"{where or 'the file'}: expected an object, found {type(given).__name__}")  # noqa: TRY004
    hints = get_type_hints(cls)
    if unknown := sorted(set(given) - set(hints)):
        raise ValueError(f"{where or 'the file'}: unknown key {unknown[0]!r}; known are {', '.join(sorted(hints))}")
    try:
        return cls(**{key: _convert(hints[key], value, where=f"{where}.{key}") for key, value in given.items()})
    except TypeError as error:
        raise ValueError(f"{where or 'the file'}: {error}") from error


def _convert(kind: Any, value: Any, *, where: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _build(kind, value, where=where)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where}: expected a list, found {type(value).__name__}")
        inner = get_args(kind)[0]
        return tuple(_convert(inner, item, where=f"{where}[{number}]") for number, item in enumerate(value))
    wanted: type[Any] | types.UnionType = int | float if kind is float else kind
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{where}: expected {getattr(kind, '__name__', kind)}, found {type(value).__name__}")
    return value
