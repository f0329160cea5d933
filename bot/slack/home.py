"""Keeps the App Home up to date whenever somebody looks at it."""

from __future__ import annotations

from bot.errors import GiveUpError
from bot.slack.context import Context
from bot.slack.render.home import render_home


async def publish_home(context: Context, user: str, *, seen_hash: str = "") -> None:
    """Publish the newest status.

    seen_hash: of the view the person has; a conflict means that another of our tasks was quicker, and is tried
    once more without it, because what we publish is newer still.
    """
    view = render_home(await context.desk.status())
    try:
        await context.api.call("views.publish", {"user_id": user, "view": view, "hash": seen_hash or None})
    except GiveUpError as error:
        if error.code != "hash_conflict":
            raise
        await context.api.call("views.publish", {"user_id": user, "view": view})
