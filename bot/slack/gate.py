"""Who may talk to us at all: people of our own workspace. Guests, bots, strangers and other workspaces are refused."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from bot.errors import GiveUpError, RefusedError, RetryLaterError
from bot.slack.api import SlackApi

KEEP_S = 300.0  # a profile read this recently is good enough to read a status, never to approve

BARRED = {
    "deleted": "this account is deactivated",
    "is_bot": "bots may not use Faultline",
    "is_workflow_bot": "bots may not use Faultline",
    "is_restricted": "guests may not use Faultline",
    "is_ultra_restricted": "guests may not use Faultline",
    "is_stranger": "people of other workspaces may not use Faultline",
}


class Gate:
    """Deny by default: what cannot be read is refused."""

    def __init__(
        self,
        api: SlackApi,
        *,
        team: Callable[[], str],
        app_id: str = "",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._api, self._team, self._app_id, self._now = api, team, app_id, now
        self._profiles: dict[str, tuple[float, Mapping[str, Any]]] = {}

    async def admit(self, body: Mapping[str, Any], user: str, *, fresh: bool = False) -> None:
        """Raise RefusedError with a sentence for the person.

        fresh: read the profile now, for whatever approves or denies.
        """
        team = self._team()
        if not team or team_of(body) != team:
            raise RefusedError("This Faultline belongs to another workspace.")
        if self._app_id and body.get("api_app_id") not in (None, self._app_id):
            raise RefusedError("This request is meant for another app.")
        if not user:
            raise RefusedError("It is not clear who asks.")
        profile = await self._profile(user, fresh=fresh)
        if profile.get("id") != user:
            raise RefusedError("It is not clear who asks.")
        for flag, reason in BARRED.items():
            if profile.get(flag):
                raise RefusedError(f"Sorry: {reason}.")
        home = profile.get("team_id") or (profile.get("profile") or {}).get("team")
        if home != team:
            raise RefusedError("Sorry: people of other workspaces may not use Faultline.")

    async def _profile(self, user: str, *, fresh: bool) -> Mapping[str, Any]:
        known = self._profiles.get(user)
        if known is not None and not fresh and self._now() - known[0] < KEEP_S:
            return known[1]
        try:
            answer = await self._api.read("users.info", user=user)
        except (GiveUpError, RetryLaterError) as error:
            raise RefusedError(
                "Slack does not tell us who you are right now, so nothing was done. Try again."
            ) from error
        found = answer.get("user") or {}
        self._profiles[user] = (self._now(), found)
        return found


def team_of(body: Mapping[str, Any]) -> str:
    """The workspace a request comes from, wherever this kind of payload keeps it."""
    team = body.get("team_id") or (body.get("team") or {}).get("id")
    user = body.get("user")
    if not team and isinstance(user, Mapping):
        team = user.get("team_id")
    return str(team or "")
