"""What the Slack adapter must be told; wiring fills it from the settings."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

SLACK_API = "https://slack.com/api/"


class Transport(StrEnum):
    SOCKET = "socket"  # needs no public address
    HTTP = "http"  # signed requests to an address of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackOptions:
    """Secrets never show in a repr, and so in no log."""

    bot_token: str = field(repr=False)  # xoxb-
    channel: str  # an id: names fail in organisation-wide installs
    app_token: str = field(default="", repr=False)  # xapp-, only for the socket
    signing_secret: str = field(default="", repr=False)  # only for HTTP
    base_url: str = SLACK_API
    transport: Transport = Transport.SOCKET
    team: str = ""  # the workspace that may talk to us; "": the one the token belongs to
    mention_group: str = ""  # the user group that is called when something critical opens; "": nobody
    app_id: str = ""  # "": not compared; Slack only delivers our own app's requests anyway
    http_host: str = "127.0.0.1"  # behind a proxy that ends TLS
    http_port: int = 3000
    http_path: str = "/slack/events"
