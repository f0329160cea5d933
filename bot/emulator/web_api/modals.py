"""views.*: modals opened by a trigger, and the app's home."""

from __future__ import annotations

from typing import Any, Final

from bot.emulator.errors import RefusalError
from bot.emulator.web_api.call import Call, Method


async def open_view(call: Call) -> dict[str, Any]:
    trigger = call.emulator.triggers.exchange(_trigger_id(call))
    from_modal = trigger.view_id in call.workspace.views
    view = call.emulator.views.push(call.args.json("view"), user=trigger.user, fresh=not from_modal)
    return {"view": view.to_api()}


async def push(call: Call) -> dict[str, Any]:
    trigger = call.emulator.triggers.exchange(_trigger_id(call))
    if trigger.view_id not in call.workspace.views:
        raise RefusalError("invalid_trigger_id")
    view = call.emulator.views.push(call.args.json("view"), user=trigger.user, fresh=False)
    return {"view": view.to_api()}


def _trigger_id(call: Call) -> str:
    return call.args.text("trigger_id") or call.args.text("interactivity_pointer")


async def update(call: Call) -> dict[str, Any]:
    view = call.emulator.views.find(view_id=call.args.text("view_id"), external_id=call.args.text("external_id"))
    found = call.emulator.views.replace(view, call.args.json("view"), hash_=call.args.text("hash"))
    return {"view": found.to_api()}


async def publish(call: Call) -> dict[str, Any]:
    if not call.app.home_enabled:
        raise RefusalError("not_enabled")
    user = call.args.text("user_id")
    if user not in call.workspace.people:
        raise RefusalError("user_not_found")
    view = call.emulator.views.publish(user, call.args.json("view"), hash_=call.args.text("hash"))
    return {"view": view.to_api()}


METHODS: Final = {
    "views.open": Method(handler=open_view, tier=4, required=("view", "trigger_id")),
    "views.push": Method(handler=push, tier=4, required=("view", "trigger_id")),
    "views.update": Method(handler=update, tier=4, required=("view",)),
    "views.publish": Method(handler=publish, tier=4, required=("view", "user_id")),
}
