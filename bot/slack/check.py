"""What `faultline doctor` asks about Slack: each part in turn, what is wrong, and what to do about it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from bot.errors import GiveUpError, RetryLaterError
from bot.metrics import Metrics
from bot.slack.api import SlackApi, make_client, make_session
from bot.slack.manifest import needed_scopes
from bot.slack.options import SlackOptions, Transport

REINSTALL = "add it under OAuth & Permissions (or paste `faultline manifest` again) and reinstall the app"
FIXES = {
    "not_authed": "set the bot token (xoxb-...) from OAuth & Permissions",
    "invalid_auth": (
        "copy it again from the app's page: FAULTLINE_SLACK_BOT_TOKEN stands under OAuth & Permissions,"
        " FAULTLINE_SLACK_APP_TOKEN under Basic Information"
    ),
    "not_allowed_token_type": "the two tokens are mixed up: xoxb- is the bot token, xapp- the app-level token",
    "token_revoked": "the app was uninstalled: install it again and copy the new token",
    "token_expired": "turn token rotation off, or copy a new token",
    "account_inactive": "the app's user is deactivated: ask a workspace admin",
    "missing_scope": REINSTALL,
    "channel_not_found": "use the channel's id (at the end of its details), and invite the bot to private channels",
}


CHANNEL = "Slack channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    name: str
    state: Literal["ok", "failed", "not configured"]
    detail: str
    fix: str = ""


async def check_slack(
    options: SlackOptions, *, metrics: Metrics, private_channels: bool = False, user_groups: bool = False
) -> list[CheckResult]:
    """Check tokens, scopes, channel and Socket Mode. Changes nothing in the workspace; never raises."""
    if not options.bot_token:
        fix = "create the app from `faultline manifest` and set its bot token"
        return [CheckResult(name="Slack", state="not configured", detail="no bot token", fix=fix)]
    session = make_session()
    try:
        api = SlackApi(make_client(options.bot_token, base_url=options.base_url, session=session), metrics=metrics)
        wanted = needed_scopes(private_channels=private_channels, user_groups=user_groups)
        token = await _step("Slack bot token", lambda: _token(api, options, wanted))
        found = list(token)
        if token[0].state == "ok":
            found += await _step(CHANNEL, lambda: _channel(api, options))
        found += await _step("Slack Socket Mode", lambda: _socket(api, options))
        return found
    finally:
        await session.close()


async def _step(name: str, step: Callable[[], Awaitable[list[CheckResult]]]) -> list[CheckResult]:
    try:
        return await step()
    except GiveUpError as error:
        fix = FIXES.get(error.code, f"look up {error.code!r} in Slack's documentation")
        return [CheckResult(name=name, state="failed", detail=str(error), fix=fix)]
    except RetryLaterError as error:
        fix = "check the network, the proxy variables and slack.base_url, and try again"
        return [CheckResult(name=name, state="failed", detail=str(error), fix=fix)]


async def _token(api: SlackApi, options: SlackOptions, wanted: tuple[str, ...]) -> list[CheckResult]:
    response = await api.client_call("auth.test")
    answer = response.data if isinstance(response.data, dict) else {}
    team, workspace = str(answer.get("team_id", "")), answer.get("team")
    if options.team and options.team != team:
        detail = f"the token belongs to workspace {team}, configured is {options.team}"
        return [CheckResult(name="Slack bot token", state="failed", detail=detail, fix="use that workspace's token")]
    found = [CheckResult(name="Slack bot token", state="ok", detail=f"{answer.get('user')} in {workspace} ({team})")]
    header = next((str(value) for name, value in response.headers.items() if name.lower() == "x-oauth-scopes"), "")
    granted = {scope.strip() for scope in header.split(",") if scope.strip()}
    missing = [scope for scope in wanted if scope not in granted]
    if missing:
        detail = f"missing: {', '.join(missing)}"
        found.append(CheckResult(name="Slack scopes", state="failed", detail=detail, fix=REINSTALL))
    else:
        found.append(CheckResult(name="Slack scopes", state="ok", detail=f"all {len(wanted)} granted"))
    return found


async def _channel(api: SlackApi, options: SlackOptions) -> list[CheckResult]:
    if not options.channel:
        return [CheckResult(name=CHANNEL, state="failed", detail="no channel", fix="set the channel's id")]
    return [await channel_state(api, options.channel)]


async def channel_state(api: SlackApi, channel: str) -> CheckResult:
    """Whether we could post there now. Raises GiveUpError with Slack's word, RetryLaterError."""
    answer = await api.read("conversations.info", channel=channel)
    about = answer.get("channel") or {}
    label = f"#{about.get('name', '?')} ({channel})"
    if about.get("is_archived"):
        return CheckResult(name=CHANNEL, state="failed", detail=f"{label} is archived", fix="choose another channel")
    if not about.get("is_member"):
        detail, fix = f"the bot is not in {label}", "type /invite @faultline in that channel"
        return CheckResult(name=CHANNEL, state="failed", detail=detail, fix=fix)
    return CheckResult(name=CHANNEL, state="ok", detail=f"the bot is in {label}")


async def _socket(api: SlackApi, options: SlackOptions) -> list[CheckResult]:
    name = "Slack Socket Mode"
    if options.transport is Transport.HTTP:
        state: Literal["ok", "failed"] = "ok" if options.signing_secret else "failed"
        fix = "" if options.signing_secret else "set the signing secret from Basic Information"
        return [CheckResult(name="Slack HTTP requests", state=state, detail="signed HTTP is used", fix=fix)]
    if not options.app_token:
        fix = "create an app-level token with connections:write under Basic Information"
        return [CheckResult(name=name, state="failed", detail="no app-level token", fix=fix)]
    await api.open_connection(options.app_token)
    return [CheckResult(name=name, state="ok", detail="a connection can be opened")]
