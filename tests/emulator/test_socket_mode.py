"""Socket Mode with the real Bolt: commands, events, retries, lost and doubled envelopes, reconnects."""

from __future__ import annotations

import pytest

from bot.emulator import EventFault

pytestmark = pytest.mark.enable_socket
INCIDENTS = "C0INCIDENTS"


def whispers(server):
    return [message.text for message in server.emulator.workspace.channel("incidents").ephemerals.values()]


def texts(server):
    return [message.text for message in server.emulator.workspace.channel("incidents").messages.values()]


async def test_a_slash_command_reaches_the_app_and_its_ack_answers_privately(server, app, connect):
    seen = {}

    @app.command("/ops")
    async def ops(ack, command):
        seen.update(command)
        await ack(f"got {command['text']}")

    await connect()
    outcome = await server.emulator.people.slash(user="alice", channel="incidents", text="/ops status @bob now")

    assert outcome.acked
    assert (seen["text"], seen["user_name"], seen["channel_id"]) == ("status <@U0BOB|bob> now", "alice", INCIDENTS)
    assert whispers(server) == ["got status <@U0BOB|bob> now"]


async def test_an_unanswered_command_is_a_visible_warning(server, connect):
    await connect()

    outcome = await server.emulator.people.slash(user="alice", channel="incidents", text="/nobody home")

    assert (outcome.acked, outcome.problem) == (False, "timeout")
    assert whispers(server) == ["/nobody failed with the error “operation_timeout”"]
    assert "no acknowledgement" in server.emulator.workspace.notices[-1].text


async def test_without_a_connection_a_command_fails_at_once(server):
    outcome = await server.emulator.people.slash(user="alice", channel="incidents", text="/ops")

    assert outcome.problem == "no_connection"
    assert whispers(server) == ["/ops failed with the error “dispatch_failed”"]


async def test_commands_do_not_work_in_threads(server, app, connect):
    @app.command("/ops")
    async def ops(ack):
        await ack("never")

    await connect()
    root = server.emulator.people.message(user="alice", channel="incidents", text="root")

    outcome = await server.emulator.people.slash(user="bob", channel="incidents", text="/ops", thread_ts=root.ts)

    assert outcome.problem == "refused"
    assert whispers(server) == ["/ops is not supported in threads. Sorry!"]


async def test_a_response_url_works_five_times_for_half_an_hour(server, app, connect, session):
    addresses = []

    @app.command("/ops")
    async def ops(ack, command):
        addresses.append(command["response_url"])
        await ack()

    await connect()
    for _ in range(2):
        await server.emulator.people.slash(user="alice", channel="incidents", text="/ops")

    async def answer(address, **body):
        async with session.post(address, json=body) as reply:
            return reply.status

    first = [await answer(addresses[0], text=str(n), response_type="in_channel") for n in range(6)]
    private = await answer(addresses[1], text="to alice")
    server.emulator.clock.advance(1801)
    late = await answer(addresses[1], text="late")

    assert first == [200] * 5 + [404]
    assert (private, late) == (200, 404)
    assert texts(server) == ["0", "1", "2", "3", "4"]
    assert whispers(server) == ["to alice"]


async def test_a_mention_yields_both_events_and_own_posts_come_back(server, app, connect, client, eventually):
    seen = []

    @app.event("app_mention")
    async def mentioned(event):
        seen.append(("mention", event["text"]))

    @app.event("message")
    async def said(event):
        seen.append(("message", event["text"]))

    await connect()
    server.emulator.people.mention(user="alice", channel="incidents", text="what is broken?")
    await eventually(lambda: len(seen) == 2)

    assert sorted(seen) == [("mention", "<@U0BOT> what is broken?"), ("message", "<@U0BOT> what is broken?")]


async def test_changes_and_deletions_are_events_too(server, app, connect, client, eventually):
    seen = {}

    @app.event({"type": "message", "subtype": "message_changed"})
    async def changed(event):
        seen["changed"] = (event["previous_message"]["text"], event["message"]["text"])

    @app.event({"type": "message", "subtype": "message_deleted"})
    async def deleted(event):
        seen["deleted"] = event["previous_message"]["text"]

    @app.event("message")
    async def other(event):
        seen.setdefault("plain", event["text"])

    @app.event("reaction_added")
    async def reacted(event):
        seen["reaction"] = (event["reaction"], event["item"]["channel"])

    @app.event("member_joined_channel")
    async def joined(event):
        seen["joined"] = event["user"]

    await connect()
    people = server.emulator.people
    message = people.message(user="alice", channel="incidents", text="one")
    people.react(user="bob", channel="incidents", ts=message.ts, name="eyes")
    people.edit_message(user="alice", channel="incidents", ts=message.ts, text="two")
    people.delete_message(user="alice", channel="incidents", ts=message.ts)
    people.leave(user="dave", channel="incidents")
    people.join(user="dave", channel="incidents")
    await eventually(lambda: len(seen) == 5)

    assert seen == {
        "plain": "one",
        "changed": ("one", "two"),
        "deleted": "two",
        "reaction": ("eyes", INCIDENTS),
        "joined": "U0DAVE",
    }


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(("duplicate", 2), id="the same envelope twice"),
        pytest.param(("retry", 2), id="a new envelope with the same event"),
        pytest.param(("delay", 1), id="late"),
        pytest.param(("lose", 1), id="lost, then retried"),
    ],
)
async def test_events_can_be_delivered_badly(server, app, connect, eventually, trouble):
    seen, (kind, times) = [], trouble

    @app.event("message")
    async def said(body):
        seen.append(body["event_id"])

    await connect()
    server.emulator.faults.add_event(EventFault(kind=kind, envelope="events_api", event="message", delay_s=0.05))
    server.emulator.people.message(user="alice", channel="incidents", text="hello")
    await eventually(lambda: len(seen) == times)

    assert len(set(seen)) == 1


async def test_an_event_can_be_overtaken(server, app, connect, eventually):
    seen = []

    @app.event("message")
    async def said(event):
        seen.append(event["text"])

    await connect()
    server.emulator.faults.add_event(EventFault(kind="reorder", event="message"))
    server.emulator.people.message(user="alice", channel="incidents", text="first")
    server.emulator.people.message(user="alice", channel="incidents", text="second")
    await eventually(lambda: len(seen) == 2)

    assert seen == ["second", "first"]


async def test_a_retry_waits_for_the_workspaces_clock(server, app, connect, eventually):
    numbers = []

    @app.event("message")
    async def said(request):
        numbers.append(request.headers.get("x-slack-retry-num", [None])[0])

    await connect()
    server.emulator.faults.add_event(EventFault(kind="lose", event="message", times=2))
    server.emulator.people.message(user="alice", channel="incidents", text="hello")
    await eventually(lambda: server.emulator.faults.events[0].times == 0)
    await eventually(lambda: not server.emulator.delivery._pending)
    assert numbers == []

    server.emulator.clock.advance(60)

    await eventually(lambda: numbers)
    assert numbers == ["2"]


@pytest.mark.parametrize("command", ["kill", "disconnect"])
async def test_the_app_comes_back_after_its_socket_is_gone(server, app, connect, eventually, command):
    @app.command("/ops")
    async def ops(ack):
        await ack("here")

    await connect()
    before = server.emulator.sockets.connections[0].number
    if command == "kill":
        server.emulator.sockets.kill()
    else:
        await server.emulator.sockets.disconnect("refresh_requested")
    await eventually(lambda: any(c.number > before for c in server.emulator.sockets.connections))

    assert (await server.emulator.people.slash(user="alice", channel="incidents", text="/ops")).acked


async def test_a_connection_that_answers_no_ping_is_replaced(server, app, connect, eventually):
    await connect()
    before = server.emulator.sockets.connections[0].number

    server.emulator.sockets.hold(holding=True)

    await eventually(lambda: any(c.number > before for c in server.emulator.sockets.connections))


async def test_connections_take_turns(server, app, connect, eventually):
    @app.command("/ops")
    async def ops(ack):
        await ack()

    await connect()
    await connect()
    sent = []
    for connection in server.emulator.sockets.connections:
        send_json = connection.socket.send_json

        async def spy(data, *, number=connection.number, send_json=send_json):
            sent.append(number)
            await send_json(data)

        connection.socket.send_json = spy

    for _ in range(2):
        await server.emulator.people.slash(user="alice", channel="incidents", text="/ops")

    assert len(set(sent)) == 2


async def test_a_ticket_opens_one_connection(server, client, session):
    url = (await client.apps_connections_open(app_token="xapp-emulator"))["url"]
    async with session.ws_connect(url) as socket:
        hello = await socket.receive_json()
        async with session.get(url.replace("ws", "http", 1)) as again:
            status = again.status

    assert hello["type"] == "hello"
    assert hello["connection_info"]["app_id"] == "A0EMULATED"
    assert status == 403
