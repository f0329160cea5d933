"""Secrets that stand in the YAML file: found before anything else, refused, and never quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.config.environment import (
    APP_TOKEN,
    BOT_TOKEN,
    DATABASE_URL,
    LLM_API_KEY,
    RETRAIN_SECRET,
    SIGNING_SECRET,
    variable,
)
from bot.config.places import Place, YamlFile

SECRET_KEYS = frozenset(
    {
        *("token", "bot_token", "app_token", "access_token", "refresh_token", "bearer_token", "signing_secret"),
        *("client_secret", "secret", "password", "passwd", "api_key", "apikey", "database_url"),
    }
)
SECRET_VALUE = re.compile(
    r"\bx(?:ox[a-z]|app)-[\w-]{6,}"  # Slack
    r"|\b(?:sk|rk)-[\w-]{16,}"  # providers of language models
    r"|\beyJ[\w-]{8,}\.[\w-]{4,}"  # signed tokens
    r"|\b(?:gh[pousr]|github_pat|glpat|dapi|hf)[_-]?[A-Za-z0-9_]{20,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY"
    r"|\b(?:[Bb]earer|[Bb]asic)\s+[\w+/.~-]{12,}"
    r"|://[^/\s@]*:[^/\s@]+@"  # a password inside an address
)
BY_KEY = {
    "bot_token": BOT_TOKEN,
    "app_token": APP_TOKEN,
    "signing_secret": SIGNING_SECRET,
    "database_url": DATABASE_URL,
}
BY_SECTION = {"store": DATABASE_URL, "llm": LLM_API_KEY, "actions": RETRAIN_SECRET}


def looks_secret(value: object) -> bool:
    """Whether a value has the shape of a secret, so that no message may quote it."""
    return isinstance(value, str) and SECRET_VALUE.search(value) is not None


def misplaced_secrets(file: YamlFile) -> dict[Place, str]:
    """Every secret in the file, by place: what to do instead, without the secret."""
    found: dict[Place, str] = {}
    for place, value in _leaves(file.content, ()):
        named = str(place[-1]).lower() in SECRET_KEYS and place[0] != "catalog"
        if (named and value is not None) or looks_secret(value):
            belongs = _belongs(file.content, place, in_address=looks_secret(value) and "://" in str(value))
            found[place] = (
                f"a secret must not stand in this file (not shown here): remove it, and set {belongs},"
                f" or {belongs}_FILE to the path of a file that holds it"
            )
    return found


def _leaves(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, (*place, str(name)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _leaves(item, (*place, number))
    elif place:
        yield place, value


def _belongs(content: Any, place: Place, *, in_address: bool) -> str:
    """Name the variable for a secret found at this place."""
    name = str(place[-1]).lower()
    if name in BY_KEY:
        return BY_KEY[name]
    if place[0] == "slack":
        return BOT_TOKEN
    what = "password" if "passw" in name or in_address else "token"
    if place[0] == "actions" and (what == "password" or name == "token"):
        return variable("retrain", what)
    if place[0] in BY_SECTION:
        return BY_SECTION[str(place[0])]
    if place[0] == "sources" and len(place) > 2:
        server = content["sources"][place[1]]
        if isinstance(place[2], int):
            server = server[place[2]]
        told = server.get("name") if isinstance(server, Mapping) else None
        return variable(str(told or place[1]), what)
    return "the variable of what it opens"
