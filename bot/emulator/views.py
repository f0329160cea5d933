"""Modals and homes: opening, stacking, replacing and closing them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from bot.emulator.blocks import check_view, with_ids
from bot.emulator.blocks.state import initial_state
from bot.emulator.entities import Change, View
from bot.emulator.errors import RefusalError
from bot.emulator.workspace import Workspace, new_id

DEEPEST = 3  # modals on top of each other


class Views:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def top(self, user: str) -> View | None:
        stack = self._workspace.stacks.get(user)
        return self._workspace.views[stack[-1]] if stack else None

    def push(self, given: Any, *, user: str, fresh: bool) -> View:
        """Put a modal on top; fresh: close what is open first. Raises push_limit_reached and validation errors."""
        content = self._checked(given, surface="modal")
        stack = [] if fresh else self._workspace.stacks.get(user, [])
        if len(stack) >= DEEPEST:
            raise RefusalError("push_limit_reached")
        view = self._new(content, user=user, below=stack)
        self._workspace.views[view.id] = view
        self._workspace.stacks[user] = [*stack, view.id]
        self._tell(user)
        return view

    def replace(self, view: View, given: Any, *, hash_: str = "") -> View:
        """Change an open view. Raises hash_conflict when the caller saw an older one."""
        if hash_ and hash_ != view.hash:
            raise RefusalError("hash_conflict")
        content = self._checked(given, surface=view.content["type"])
        kept = {
            block_id: {name: entry for name, entry in entries.items() if _still_there(content, block_id, name)}
            for block_id, entries in view.state.items()
        }
        fresh = initial_state(content["blocks"])
        view.state = {block_id: {**entries, **kept.get(block_id, {})} for block_id, entries in fresh.items()}
        view.content, view.hash = content, _new_hash(self._workspace)
        self._tell(view.user)
        return view

    def find(self, *, view_id: str = "", external_id: str = "") -> View:
        for view in (*self._workspace.views.values(), *self._workspace.homes.values()):
            if (view_id and view.id == view_id) or (external_id and view.content.get("external_id") == external_id):
                return view
        raise RefusalError("not_found")

    def pop(self, user: str, view: View) -> None:
        stack = self._workspace.stacks.get(user, [])
        if view.id in stack:
            self._workspace.stacks[user] = [view_id for view_id in stack if view_id != view.id]
            del self._workspace.views[view.id]
            self._tell(user)

    def clear(self, user: str) -> None:
        for view_id in self._workspace.stacks.pop(user, []):
            del self._workspace.views[view_id]
        self._tell(user)

    def publish(self, user: str, given: Any, *, hash_: str = "") -> View:
        """Set somebody's home."""
        content = self._checked(given, surface="home")
        found = self._workspace.homes.get(user)
        if hash_ and (found is None or found.hash != hash_):
            raise RefusalError("hash_conflict")
        view = self._new(content, user=user, below=[])
        if found is not None:
            view.id = view.root_view_id = found.id
        self._workspace.homes[user] = view
        self._workspace.tell(Change(kind="home", user=user, detail=view.id))
        return view

    def _checked(self, given: Any, *, surface: str) -> dict[str, Any]:
        content = check_view(given, surface=surface, ready_files=self._workspace.ready_files())
        external = content.get("external_id")
        if external and any(view.content.get("external_id") == external for view in self._workspace.views.values()):
            raise RefusalError("duplicate_external_id")
        return {**content, "blocks": with_ids(content["blocks"])}

    def _new(self, content: dict[str, Any], *, user: str, below: list[str]) -> View:
        definition = self._workspace.definition
        view_id = new_id("V", taken=self._workspace.views)
        return View(
            id=view_id,
            user=user,
            team=definition.team_id,
            app_id=definition.app.id,
            bot_id=definition.app.bot_id,
            content=content,
            state=initial_state(content["blocks"]),
            hash=_new_hash(self._workspace),
            root_view_id=below[0] if below else view_id,
            previous_view_id=below[-1] if below else None,
        )

    def _tell(self, user: str) -> None:
        self._workspace.tell(Change(kind="views", user=user))


def _new_hash(workspace: Workspace) -> str:
    return f"{int(workspace.clock.now())}.{secrets.token_urlsafe(6)}"


def _still_there(content: Mapping[str, Any], block_id: str, action_id: str) -> bool:
    for block in content["blocks"]:
        if block.get("block_id") == block_id:
            elements = [block.get("element"), block.get("accessory"), *block.get("elements", [])]
            return any(isinstance(item, Mapping) and item.get("action_id") == action_id for item in elements)
    return False
