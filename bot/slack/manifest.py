"""The app manifest that matches a configuration, to be pasted into Slack's "create an app from a manifest"."""

from __future__ import annotations

from typing import Any

from bot.slack.render.ids import SHORTCUT_ASK

SCOPES = (
    "app_mentions:read",
    "channels:history",  # looking back after a lost reply
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",  # the picture beside the evidence
    "im:history",
    "im:write",
    "metadata.message:read",  # our own marks in our own messages
    "reactions:write",
    "users:read",  # guests and bots are refused
)
PRIVATE_SCOPES = ("groups:history", "groups:read")
GROUP_SCOPES = ("usergroups:read",)  # approvers by user group; needs a paid plan
EVENTS = (
    "app_home_opened",
    "app_mention",
    "app_uninstalled",
    "member_joined_channel",
    "message.channels",
    "message.im",
    "tokens_revoked",
)


def needed_scopes(*, private_channels: bool, user_groups: bool) -> tuple[str, ...]:
    found = list(SCOPES)
    if private_channels:
        found += PRIVATE_SCOPES
    if user_groups:
        found += GROUP_SCOPES
    return tuple(sorted(found))


def _command(name: str, description: str, hint: str, request_url: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "command": name,
        "description": description,
        "usage_hint": hint,
        "should_escape": True,  # mentions arrive as ids, not as names that anybody can take
    }
    if request_url:
        found["url"] = request_url
    return found


def manifest(
    *, socket_mode: bool, request_url: str | None, private_channels: bool, user_groups: bool
) -> dict[str, Any]:
    """Describe the app to Slack. The HTTP transport needs `request_url`, an https address that reaches us."""
    if not socket_mode and not request_url:
        raise ValueError("without Socket Mode a request URL is needed")
    url = None if socket_mode else request_url
    events: dict[str, Any] = {"bot_events": sorted([*EVENTS, *(["message.groups"] if private_channels else [])])}
    interactivity: dict[str, Any] = {"is_enabled": True}
    if url:
        events["request_url"] = url
        interactivity["request_url"] = url
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {"name": "Faultline", "description": "Model incidents, verdicts and rollback"},
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "bot_user": {"display_name": "faultline", "always_online": True},
            "slash_commands": [
                _command(
                    "/faultline",
                    "Status, incidents, explanations, silences, rollbacks",
                    "status | incidents | explain id | silence … | rollback model [version] | help",
                    url,
                ),
                _command("/rollback", "Propose a rollback of a model", "model [version]", url),
                _command("/silence", "Silence what matches", 'model="fraud" 4h reason', url),
            ],
            "shortcuts": [
                {
                    "name": "Ask about this incident",
                    "type": "message",
                    "callback_id": SHORTCUT_ASK,
                    "description": "Explain the incident of this message",
                }
            ],
        },
        "oauth_config": {
            "scopes": {"bot": list(needed_scopes(private_channels=private_channels, user_groups=user_groups))}
        },
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": socket_mode,
            "token_rotation_enabled": False,
        },
    }
