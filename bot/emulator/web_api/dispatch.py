"""Every call passes here: arguments, faults, token, scope, limits, then the method, then the log."""

from __future__ import annotations

import secrets
import time
from typing import Any, Final

from aiohttp import web

from bot.emulator.core import Emulator
from bot.emulator.errors import LimitedError, RefusalError, bad_arguments
from bot.emulator.faults import limited, suffer
from bot.emulator.web_api import chat, conversations, files, modals, people, reactions, streams
from bot.emulator.web_api.arguments import Arguments, read_arguments
from bot.emulator.web_api.call import Call, Method

METHODS: Final[dict[str, Method]] = {
    **chat.METHODS,
    **conversations.METHODS,
    **files.METHODS,
    **modals.METHODS,
    **people.METHODS,
    **reactions.METHODS,
    **streams.METHODS,
}
WITHOUT_TOKEN: Final = frozenset({"api.test"})


async def handle(emulator: Emulator, request: web.Request) -> web.Response:
    """Serve /api/{method}."""
    name = request.match_info["method"]
    fault = emulator.faults.take(name)
    started = time.monotonic()
    record: dict[str, Any] = {"at": emulator.clock.now(), "method": name, "fault": fault.kind if fault else ""}
    emulator.log.append(record)

    async def commit() -> web.Response:
        answer = await _answer(emulator, request, name, record)
        record["elapsed_s"] = round(time.monotonic() - started, 4)
        return answer

    answer = await suffer(fault, request, commit)
    answer.headers["X-OAuth-Scopes"] = ",".join(emulator.definition.app.scopes)
    answer.headers["x-slack-req-id"] = secrets.token_hex(16)
    return answer


async def _answer(emulator: Emulator, request: web.Request, name: str, record: dict[str, Any]) -> web.Response:
    try:
        arguments = await read_arguments(request)
        record["arguments"] = {key: value for key, value in arguments.given.items() if key != "token"}
        body = {"ok": True, **await _run(emulator, request, name, arguments)}
    except RefusalError as refusal:
        body = refusal.body()
    except LimitedError as limit:
        record |= {"ok": False, "error": "ratelimited"}
        return limited(limit.retry_after_s)
    record |= {"ok": body["ok"], "error": body.get("error", "")}
    return web.json_response(body)


async def _run(emulator: Emulator, request: web.Request, name: str, arguments: Arguments) -> dict[str, Any]:
    method = METHODS.get(name)
    if method is None:
        raise RefusalError("unknown_method", req_method=name)
    if name not in WITHOUT_TOKEN:
        _check_token(emulator, _token(request, arguments), wants_app_token=method.app_token)
    call = Call(emulator=emulator, args=arguments)
    call.need_scope(*method.scopes)
    emulator.limits.check_method(name, method.tier)
    absent = [key for key in method.required if arguments.given.get(key) in (None, "")]
    if absent and not (absent == ["status"] and arguments.has("status")):  # an empty status takes one back
        raise bad_arguments(*(f"missing required field: {key}" for key in absent))
    return await method.handler(call)


def _token(request: web.Request, arguments: Arguments) -> str:
    header = request.headers.get("Authorization", "")
    return header.removeprefix("Bearer ").strip() or arguments.text("token")


def _check_token(emulator: Emulator, token: str, *, wants_app_token: bool) -> None:
    app = emulator.definition.app
    if not token:
        raise RefusalError("not_authed")
    if token not in {app.bot_token, app.app_token}:
        raise RefusalError("invalid_auth")
    if (token == app.app_token) != wants_app_token:
        raise RefusalError("not_allowed_token_type")
    if emulator.token_error and not wants_app_token:
        raise RefusalError(emulator.token_error)
