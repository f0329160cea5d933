"""Slack's text as it is stored: stray & < > escaped, and what people type turned into ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

CONTROL = re.compile(r"<(?:@[UW][A-Z0-9]+|#C[A-Z0-9]+|![^<>\n]+|(?:https?|mailto|tel|slack):[^<>\n]+)(?:\|[^<>\n]*)?>")
ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")
TYPED_NAME = re.compile(r"(?<![\w<|])([@#])([a-z0-9][a-z0-9._-]*)")
TYPED_LINK = re.compile(r"(?<![<|\w])https?://[^\s<>|]+")
EVERYONE = frozenset({"here", "channel", "everyone"})


def escape(text: str) -> str:
    """Escape what is not one of Slack's own sequences.

    >>> escape("a < b & <@U1> &amp; <https://x.example|x> >")
    'a &lt; b &amp; <@U1> &amp; <https://x.example|x> &gt;'
    """
    done, at = [], 0
    for match in CONTROL.finditer(text):
        done += [_plain(text[at : match.start()]), match.group()]
        at = match.end()
    return "".join([*done, _plain(text[at:])])


def _plain(text: str) -> str:
    return ENTITY.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def escape_blocks(value: Any) -> Any:
    """Escape every text object and text element below, leaving values, ids and addresses alone."""
    if isinstance(value, list):
        return [escape_blocks(item) for item in value]
    if not isinstance(value, Mapping):
        return value
    textual = value.get("type") in {"mrkdwn", "plain_text"} and isinstance(value.get("text"), str)
    return {key: escape(item) if textual and key == "text" else escape_blocks(item) for key, item in value.items()}


def typed(text: str, *, names: Mapping[str, str], channels: Mapping[str, str], groups: Mapping[str, str]) -> str:
    """Turn what a person typed into what Slack stores: @name, #channel and addresses become sequences.

    names, channels, groups: handle to id.
    """
    linked = _outside(escape(text), _link)  # first, so that an @ inside an address stays one
    return _outside(linked, lambda part: _names(part, names=names, channels=channels, groups=groups))


def _names(text: str, *, names: Mapping[str, str], channels: Mapping[str, str], groups: Mapping[str, str]) -> str:
    def replace(match: re.Match[str]) -> str:
        sign, name = match.group(1), match.group(2)
        if sign == "#":
            return f"<#{channels[name]}|{name}>" if name in channels else match.group()
        if name in names:
            return f"<@{names[name]}>"
        if name in groups:
            return f"<!subteam^{groups[name]}|@{name}>"
        return f"<!{name}>" if name in EVERYONE else match.group()

    return TYPED_NAME.sub(replace, text)


def _link(text: str) -> str:
    return TYPED_LINK.sub(lambda match: f"<{match.group()}>", text)


def _outside(text: str, change: Callable[[str], str]) -> str:
    """Apply a change to what is not inside a sequence."""
    done, at = [], 0
    for match in CONTROL.finditer(text):
        done += [change(text[at : match.start()]), match.group()]
        at = match.end()
    return "".join([*done, change(text[at:])])
