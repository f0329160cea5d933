"""users.*, usergroups.*, bots.*, team.*, auth.*, api.*, apps.*: who is who."""

from __future__ import annotations

from typing import Any, Final

from bot.emulator.definition import Person, UserGroup
from bot.emulator.errors import RefusalError
from bot.emulator.web_api.call import Call, Method


def shape(call: Call, person: Person) -> dict[str, Any]:
    is_bot = person.id == call.app.bot_user_id
    return {
        "id": person.id,
        "team_id": call.emulator.definition.team_id,
        "name": person.name,
        "deleted": person.deleted,
        "real_name": person.real_name or person.name,
        "tz": person.tz,
        "tz_label": person.tz,
        "tz_offset": 0,
        "profile": {
            "real_name": person.real_name or person.name,
            "display_name": person.name,
            "team": call.emulator.definition.team_id,
            **({"email": person.email} if "users:read.email" in call.app.scopes and person.email else {}),
            **({"bot_id": call.app.bot_id, "api_app_id": call.app.id} if is_bot else {}),
        },
        "is_admin": person.is_admin,
        "is_owner": False,
        "is_primary_owner": False,
        "is_restricted": person.is_guest,
        "is_ultra_restricted": False,
        "is_bot": is_bot,
        "is_app_user": False,
        "updated": 0,
    }


async def user_info(call: Call) -> dict[str, Any]:
    person = call.workspace.people.get(call.args.text("user"))
    if person is None:
        raise RefusalError("user_not_found")
    return {"user": shape(call, person)}


async def user_list(call: Call) -> dict[str, Any]:
    shown, cursor = call.page([shape(call, person) for person in call.workspace.people.values()])
    return {"members": shown, "cache_ts": int(call.workspace.clock.now()), "response_metadata": {"next_cursor": cursor}}


async def user_by_email(call: Call) -> dict[str, Any]:
    wanted = call.args.text("email").lower()
    for person in call.workspace.people.values():
        if person.email.lower() == wanted and not person.deleted:
            return {"user": shape(call, person)}
    raise RefusalError("users_not_found")


async def group_list(call: Call) -> dict[str, Any]:
    _need_paid_plan(call)
    whole = call.args.flag("include_users")
    return {"usergroups": [_group(call, group, whole=whole) for group in call.emulator.definition.groups]}


def _group(call: Call, group: UserGroup, *, whole: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": group.id,
        "team_id": call.emulator.definition.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": "",
        "date_delete": 0,
        "user_count": len(group.users),
    }
    return {**found, "users": list(group.users)} if whole else found


async def group_users(call: Call) -> dict[str, Any]:
    _need_paid_plan(call)
    for group in call.emulator.definition.groups:
        if group.id == call.args.text("usergroup"):
            return {"users": list(group.users)}
    raise RefusalError("no_such_subteam")


def _need_paid_plan(call: Call) -> None:
    if not call.emulator.definition.settings.paid_plan:
        raise RefusalError("plan_upgrade_required")


async def bot_info(call: Call) -> dict[str, Any]:
    if call.args.text("bot", call.app.bot_id) != call.app.bot_id:
        raise RefusalError("bot_not_found")
    who = {"id": call.app.bot_id, "name": call.app.name, "app_id": call.app.id, "user_id": call.app.bot_user_id}
    return {"bot": {**who, "deleted": False, "updated": 0, "icons": {}}}


async def team_info(call: Call) -> dict[str, Any]:
    definition = call.emulator.definition
    names = {"id": definition.team_id, "name": definition.team_name, "domain": definition.team_domain}
    return {"team": {**names, "url": f"{call.workspace.base}/", "email_domain": ""}}


async def auth_test(call: Call) -> dict[str, Any]:
    definition = call.emulator.definition
    return {
        "url": f"{call.workspace.base}/",
        "team": definition.team_name,
        "user": call.app.name,
        "team_id": definition.team_id,
        "user_id": call.app.bot_user_id,
        "bot_id": call.app.bot_id,
        "is_enterprise_install": False,
    }


async def api_test(call: Call) -> dict[str, Any]:
    if error := call.args.text("error"):
        raise RefusalError(error, args=dict(call.args.given))
    return {"args": {key: value for key, value in call.args.given.items() if key != "token"}}


async def connections_open(call: Call) -> dict[str, Any]:
    return {"url": call.emulator.sockets.new_url(base=call.workspace.base)}


READ: Final = ("users:read",)
METHODS: Final = {
    "api.test": Method(handler=api_test, tier=4),
    "apps.connections.open": Method(handler=connections_open, tier=3, app_token=True),
    "auth.test": Method(handler=auth_test),
    "bots.info": Method(handler=bot_info, tier=3, scopes=READ),
    "team.info": Method(handler=team_info, tier=3, scopes=("team:read",)),
    "usergroups.list": Method(handler=group_list, tier=2, scopes=("usergroups:read",)),
    "usergroups.users.list": Method(handler=group_users, tier=2, scopes=("usergroups:read",), required=("usergroup",)),
    "users.info": Method(handler=user_info, tier=4, scopes=READ, required=("user",)),
    "users.list": Method(handler=user_list, tier=2, scopes=READ),
    "users.lookupByEmail": Method(handler=user_by_email, tier=3, scopes=("users:read.email",), required=("email",)),
}
