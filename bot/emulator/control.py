"""/_control/*: plays people, breaks things, and shows what happened. The page uses its first part too.

POST a JSON object to /_control/<command>; answers are `{"ok": true, ...}` or `{"ok": false, "error": ...}`.
People and channels are given by id or name. For what the app is told about, `acked`, `problem` and `response` say
what it made of it.

  slash        user, channel, text, thread_ts?         message     user, channel, text, thread_ts?
  click        user, channel, ts, action_id, block_id?, choice?, confirm?, values?   (also called select)
  view_click   user, action_id, view_id?, block_id?, choice?, confirm?, values?
  submit       user, view_id?, values?                  close       user, view_id?, everything?
  mention      user, channel, text, thread_ts?          react       user, channel, ts, name
  edit         user, channel, ts, text                  delete      user, channel, ts
  open_home    user, tab?                               shortcut    user, callback_id, channel?, ts?
  join, leave  user, channel
  fault        method, kind, times?, retry_after?, delay_s?      event_fault  kind, envelope?, event?, times?, delay_s?
  clear_faults                                          token       error ("" works again)
  socket       command: disconnect|kill|hold|release, reason?    limits       mode: off|soft|hard
  clock        advance_s or set (epoch seconds)         event       type, … (published as it is)
  deliver_to   url ("" for Socket Mode)                 reset
GET: snapshot, log, faults, transcript?channel=&history=0
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from aiohttp import web

from bot.emulator.core import Emulator
from bot.emulator.delivery import Outcome
from bot.emulator.errors import RefusalError, bad_arguments
from bot.emulator.faults import EventFault, Fault
from bot.emulator.message import Message
from bot.emulator.snapshot import snapshot

Body = Mapping[str, Any]
Made = TypeVar("Made")
Command = Callable[[Emulator, Body], Awaitable[dict[str, Any]]]


def _bound(function: Callable[..., Made], body: Body) -> Callable[[], Made]:
    """Put a body's keys to a function's parameters, and name those that do not fit."""
    try:
        inspect.signature(function).bind(**body)
    except TypeError as error:
        raise bad_arguments(str(error)) from error
    return functools.partial(function, **body)


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "acked": outcome.acked,
        "problem": outcome.problem,
        "response": outcome.response,
        "after_s": round(outcome.after_s, 4),
    }


def _said(message: Message) -> dict[str, Any]:
    return {"channel": message.channel, "ts": message.ts, "thread_ts": message.thread_ts}


async def slash(emulator: Emulator, body: Body) -> dict[str, Any]:
    return _outcome(await _bound(emulator.people.slash, body)())


async def message(emulator: Emulator, body: Body) -> dict[str, Any]:
    return _said(_bound(emulator.people.message, body)())


async def mention(emulator: Emulator, body: Body) -> dict[str, Any]:
    return _said(_bound(emulator.people.mention, body)())


async def edit(emulator: Emulator, body: Body) -> dict[str, Any]:
    return _said(_bound(emulator.people.edit_message, body)())


async def delete(emulator: Emulator, body: Body) -> dict[str, Any]:
    _bound(emulator.people.delete_message, body)()
    return {}


async def react(emulator: Emulator, body: Body) -> dict[str, Any]:
    _bound(emulator.people.react, body)()
    return {}


async def open_home(emulator: Emulator, body: Body) -> dict[str, Any]:
    _bound(emulator.people.open_home, body)()
    return {}


async def join(emulator: Emulator, body: Body) -> dict[str, Any]:
    return {"joined": _bound(emulator.people.join, body)()}


async def leave(emulator: Emulator, body: Body) -> dict[str, Any]:
    _bound(emulator.people.leave, body)()
    return {}


async def click(emulator: Emulator, body: Body) -> dict[str, Any]:
    return _outcome(await _bound(emulator.clicks.press, body)())


async def view_click(emulator: Emulator, body: Body) -> dict[str, Any]:
    return _outcome(await _bound(emulator.clicks.press_in_view, body)())


async def submit(emulator: Emulator, body: Body) -> dict[str, Any]:
    found = await _bound(emulator.clicks.submit, body)()
    return {**_outcome(found.outcome), "errors": dict(found.errors)}


async def close(emulator: Emulator, body: Body) -> dict[str, Any]:
    return _outcome(await _bound(emulator.clicks.close, body)())


async def shortcut(emulator: Emulator, body: Body) -> dict[str, Any]:
    return _outcome(await _bound(emulator.clicks.shortcut, body)())


async def fault(emulator: Emulator, body: Body) -> dict[str, Any]:
    emulator.faults.add(_bound(Fault, body)())
    return {}


async def event_fault(emulator: Emulator, body: Body) -> dict[str, Any]:
    emulator.faults.add_event(_bound(EventFault, body)())
    return {}


async def clear_faults(emulator: Emulator, _body: Body) -> dict[str, Any]:
    emulator.faults.clear()
    return {}


async def socket(emulator: Emulator, body: Body) -> dict[str, Any]:
    match body.get("command"):
        case "disconnect":
            reason = str(body.get("reason", "refresh_requested"))
            return {"connections": await emulator.sockets.disconnect(reason)}
        case "kill":
            return {"connections": emulator.sockets.kill()}
        case "hold" | "release" as command:
            return {"connections": emulator.sockets.hold(holding=command == "hold")}
    raise bad_arguments("command must be disconnect, kill, hold or release")


async def limits(emulator: Emulator, body: Body) -> dict[str, Any]:
    mode = body.get("mode")
    if mode not in {"off", "soft", "hard"}:
        raise bad_arguments("mode must be off, soft or hard")
    emulator.limits.mode = str(mode)
    return {}


async def token(emulator: Emulator, body: Body) -> dict[str, Any]:
    emulator.token_error = str(body.get("error", ""))
    return {}


async def clock(emulator: Emulator, body: Body) -> dict[str, Any]:
    if "set" in body:
        emulator.clock.set(float(body["set"]))
    else:
        emulator.clock.advance(float(body.get("advance_s", 0)))
    return {"now": emulator.clock.now()}


async def event(emulator: Emulator, body: Body) -> dict[str, Any]:
    if not body.get("type"):
        raise bad_arguments("missing required field: type")
    emulator.events.publish(dict(body))
    return {}


async def deliver_to(emulator: Emulator, body: Body) -> dict[str, Any]:
    emulator.deliver_to(str(body.get("url", "")))
    return {}


async def reset(emulator: Emulator, _body: Body) -> dict[str, Any]:
    emulator.reset()
    return {}


async def show_snapshot(emulator: Emulator, _body: Body) -> dict[str, Any]:
    return snapshot(emulator)


async def show_log(emulator: Emulator, _body: Body) -> dict[str, Any]:
    return {"log": list(emulator.log)}


async def show_faults(emulator: Emulator, _body: Body) -> dict[str, Any]:
    return {
        "calls": [dataclasses.asdict(known) for known in emulator.faults.calls],
        "events": [dataclasses.asdict(known) for known in emulator.faults.events],
    }


DO: Final[dict[str, Command]] = {
    "slash": slash,
    "message": message,
    "mention": mention,
    "edit": edit,
    "delete": delete,
    "react": react,
    "open_home": open_home,
    "join": join,
    "leave": leave,
    "click": click,
    "select": click,
    "view_click": view_click,
    "submit": submit,
    "close": close,
    "shortcut": shortcut,
    "fault": fault,
    "event_fault": event_fault,
    "clear_faults": clear_faults,
    "socket": socket,
    "limits": limits,
    "token": token,
    "clock": clock,
    "event": event,
    "deliver_to": deliver_to,
    "reset": reset,
}
SHOW: Final[dict[str, Command]] = {"snapshot": show_snapshot, "log": show_log, "faults": show_faults}


async def handle(emulator: Emulator, request: web.Request) -> web.Response:
    """Serve /_control/{command}."""
    name = request.match_info["command"]
    try:
        if request.method == "GET" and name == "transcript":
            wanted, whole = request.query.get("channel", ""), request.query.get("history", "1") != "0"
            return web.Response(text=emulator.transcript(wanted, history=whole))
        command = (SHOW if request.method == "GET" else DO).get(name)
        if command is None:
            return web.json_response({"ok": False, "error": "unknown_command"}, status=404)
        body = await _body(request)
        return web.json_response({"ok": True, **await command(emulator, body)})
    except RefusalError as refusal:
        return web.json_response(refusal.body(), status=400)


async def _body(request: web.Request) -> Body:
    if request.method == "GET":
        return {}
    if request.content_type != "application/json":  # a web page elsewhere cannot send this without asking first
        raise bad_arguments("Content-Type must be application/json")
    try:
        found = await request.json() if request.can_read_body else {}
    except ValueError as error:
        raise RefusalError("invalid_json") from error
    if not isinstance(found, dict):
        raise RefusalError("json_not_object")
    return found
