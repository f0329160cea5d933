"""Builds the Bolt application: every command, button, modal and event, behind one authorisation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.errors import GiveUpError
from bot.slack.api import SlackApi
from bot.slack.buttons import register_buttons
from bot.slack.commands import register_commands
from bot.slack.context import Context
from bot.slack.events import register_events
from bot.slack.options import SlackOptions, Transport
from bot.slack.views import register_views


@dataclass(frozen=True, slots=True, kw_only=True)
class Self:
    """Who we are in the workspace, as auth.test says."""

    team: str
    bot_id: str
    bot_user: str
    workspace: str


async def who_are_we(api: SlackApi) -> Self:
    """Ask Slack who the token belongs to. Raises GiveUpError when the token is no good, RetryLaterError otherwise."""
    answer = await api.read("auth.test")
    return Self(
        team=str(answer.get("team_id", "")),
        bot_id=str(answer.get("bot_id", "")),
        bot_user=str(answer.get("user_id", "")),
        workspace=str(answer.get("team", "")),
    )


def check_tokens(options: SlackOptions) -> None:
    """Raise GiveUpError for tokens that cannot be what they are used as: the SDK would only loop on them."""
    if not options.bot_token.startswith("xoxb-"):
        raise GiveUpError("the bot token must begin with xoxb-", code="invalid_auth")
    if options.transport is Transport.SOCKET and not options.app_token.startswith("xapp-"):
        raise GiveUpError("Socket Mode needs an app-level token that begins with xapp-", code="invalid_auth")
    if options.transport is Transport.HTTP and not options.signing_secret:
        raise GiveUpError("the HTTP transport needs the app's signing secret", code="invalid_auth")


def build_app(*, client: AsyncWebClient, options: SlackOptions, us: Self, context: Context) -> AsyncApp:
    """Register everything. Needs a running loop."""

    async def authorize(**_: Any) -> AuthorizeResult:
        # Bolt's own would call auth.test before the first acknowledgement, and be late when Slack is slow.
        return AuthorizeResult(
            enterprise_id=None,
            team_id=us.team,
            bot_id=us.bot_id,
            bot_user_id=us.bot_user,
            bot_token=options.bot_token,
        )

    app = AsyncApp(
        client=client,
        authorize=authorize,
        signing_secret=options.signing_secret or None,
        request_verification_enabled=options.transport is Transport.HTTP,
    )
    register_commands(app, context)
    register_buttons(app, context)
    register_views(app, context)
    register_events(app, context)
    app.error(_log_only)
    return app


async def _log_only(error: Exception, body: Mapping[str, Any], logger: Any) -> None:
    """A listener that broke before its work began; the payload stays out of the log."""
    logger.error("listener failed", exc_info=error, extra={"kind": str(body.get("type", ""))})
