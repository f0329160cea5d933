"""Who belongs to a Slack user group, read fresh each time: an old list would let people approve who left."""

from __future__ import annotations

from bot.slack.api import SlackApi


class SlackDirectory:
    """Implements ports.Directory. Errors are the caller's reason to refuse."""

    def __init__(self, api: SlackApi) -> None:
        self._api = api

    async def members(self, group_id: str) -> frozenset[str]:
        answer = await self._api.read("usergroups.users.list", usergroup=group_id, include_disabled=False)
        return frozenset(str(user) for user in answer.get("users", ()))
