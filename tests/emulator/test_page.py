"""The page as a stranger uses it: a real browser, a real Bolt app, buttons, modals, threads, commands, pictures."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.browser import ABSENT, CHROMIUM, FLAGS

INCIDENTS = "C0INCIDENTS"
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63d858ba0500033c01a98e0b75cf"
    "0000000049454e44ae426082"
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=ABSENT),
]


def plain(text):
    return {"type": "plain_text", "text": text}


def mrkdwn(text):
    return {"type": "mrkdwn", "text": text}


def option(value):
    return {"text": plain(value), "value": value}


CARD = [
    {"type": "header", "text": plain("Firing: checkout is slow")},
    {
        "type": "section",
        "fields": [mrkdwn("*Severity*\nhigh"), mrkdwn("*Since*\n<!date^1700000000^{date_num} {time}|then>")],
    },
    {"type": "section", "text": mrkdwn("*p95* rose to `840 ms` &lt;script&gt;alert(1)&lt;/script&gt; <@U0BOB> :fire:")},
    {
        "type": "table",
        "rows": [
            [{"type": "raw_text", "text": "series"}, {"type": "raw_text", "text": "now"}],
            [{"type": "raw_text", "text": "p95"}, {"type": "raw_text", "text": "840"}],
        ],
    },
    {
        "type": "actions",
        "block_id": "row",
        "elements": [
            {"type": "button", "action_id": "take", "text": plain("Take"), "style": "primary", "value": "1"},
            {
                "type": "button",
                "action_id": "undo",
                "text": plain("Undo…"),
                "style": "danger",
                "confirm": {
                    "title": plain("Undo?"),
                    "text": plain("This moves things."),
                    "confirm": plain("Undo"),
                    "deny": plain("Cancel"),
                },
            },
            {
                "type": "static_select",
                "action_id": "snooze",
                "placeholder": plain("Snooze"),
                "options": [option("1h"), option("4h")],
            },
            {"type": "overflow", "action_id": "more", "options": [option("details"), option("export")]},
        ],
    },
    {"type": "context", "elements": [mrkdwn("id 17 · next look in 5 min")]},
]
MODAL = {
    "type": "modal",
    "callback_id": "form",
    "title": plain("Why?"),
    "submit": plain("Save"),
    "blocks": [
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Reason"),
            "element": {"type": "plain_text_input", "action_id": "text", "multiline": True},
        },
        {
            "type": "input",
            "block_id": "how",
            "label": plain("For how long?"),
            "element": {"type": "radio_buttons", "action_id": "long", "options": [option("short"), option("long")]},
        },
    ],
}
HOME = {"type": "home", "blocks": [{"type": "header", "text": plain("All quiet")}, CARD[4]]}


@pytest.fixture
async def heard(app, client, connect):
    """An app with one answer to everything; returns what it heard."""
    seen = {}

    @app.command("/ops")
    async def ops(ack, command):
        await ack(f"You said *{command['text']}*")

    @app.action("take")
    async def take(ack, body):
        await ack()
        seen["taker"] = body["user"]["id"]
        container = body["container"]
        if container["type"] != "view":
            await client.chat_update(channel=container["channel_id"], ts=container["message_ts"], text="taken")

    @app.action("undo")
    async def undo(ack, body):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.action("snooze")
    async def snooze(ack, action):
        await ack()
        seen["snooze"] = action["selected_option"]["value"]

    @app.action("more")
    async def more(ack, action):
        await ack()
        seen["more"] = action["selected_option"]["value"]

    @app.view("form")
    async def form(ack, view):
        values = view["state"]["values"]
        if values["why"]["text"]["value"] == "because":
            await ack(response_action="errors", errors={"why": "Say more"})
            return
        seen["form"] = (values["why"]["text"]["value"], values["how"]["long"]["selected_option"]["value"])
        await ack()

    @app.event("app_home_opened")
    async def opened(event):
        await client.views_publish(user_id=event["user"], view=HOME)

    @app.event("message")
    async def ignored():
        return

    await connect()
    return seen


@pytest.fixture
async def page(server):
    async_api = pytest.importorskip("playwright.async_api")
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        opened = await browser.new_page(viewport={"width": 1360, "height": 860})
        troubles = []
        opened.on("pageerror", lambda error: troubles.append(str(error)))
        opened.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        await opened.goto(server.url)
        yield opened
        await browser.close()
        assert troubles == []


async def shot(page, name):
    if folder := os.environ.get("EMULATOR_SHOTS"):
        await page.screenshot(path=Path(folder) / f"{name}.png")


async def test_a_stranger_works_in_the_page(server, client, heard, page, eventually):
    from playwright.async_api import expect

    people = server.emulator.people
    posted = await client.chat_postMessage(
        channel=INCIDENTS, text="checkout is slow", attachments=[{"color": "#a30200", "blocks": CARD}]
    )
    ts = posted["ts"]
    await client.chat_postMessage(channel=INCIDENTS, thread_ts=ts, text="&gt; evidence\n• *one*\n• _two_")
    await client.files_upload_v2(
        channel=INCIDENTS, thread_ts=ts, filename="plot.png", content=PIXEL, title="p95", request_file_info=False
    )
    people.message(user="carol", channel="incidents", text="looking, see https://example.com/x <b>")
    await client.reactions_add(channel=INCIDENTS, timestamp=ts, name="eyes")

    # What stands in the channel
    await expect(page.get_by_test_id("app-connected")).to_have_class("dot on")
    card = page.get_by_test_id(f"message-{ts}")
    await expect(card).to_contain_text("Firing: checkout is slow")
    await expect(card).to_contain_text("<script>alert(1)</script>")
    await expect(card).to_contain_text("@bob")
    await expect(page.get_by_test_id("messages")).to_contain_text("see https://example.com/x <b>")
    await expect(card.get_by_test_id("reaction-eyes")).to_contain_text("1")

    # The thread, its picture, a reply
    await card.get_by_test_id("thread-open").click()
    thread = page.get_by_test_id("thread-pane")
    await expect(thread.locator("figure img")).to_be_visible()
    await thread.get_by_test_id("thread-composer").fill("on it @bob")
    await thread.get_by_test_id("thread-composer-send").click()
    await expect(thread.locator("article").last).to_contain_text("on it @bob")
    await shot(page, "thread")

    # Acting as bob: a select, an overflow, a dialog, a modal with an error
    await page.get_by_test_id("acting-as").select_option("bob")
    await card.get_by_test_id("action-snooze").select_option("4h")
    await eventually(lambda: heard.get("snooze") == "4h")
    await card.get_by_test_id("action-more").click()
    await card.get_by_test_id("option-export").click()
    await eventually(lambda: heard.get("more") == "export")
    await card.get_by_test_id("action-undo").click()
    await page.get_by_test_id("confirm-no").click()
    await expect(page.get_by_test_id("confirm-dialog")).to_have_count(0)
    await card.get_by_test_id("action-undo").click()
    await page.get_by_test_id("confirm-yes").click()
    modal = page.get_by_test_id("modal")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("modal-error-why")).to_have_text("Please complete this required field.")
    await modal.get_by_test_id("action-text").fill("because")
    await modal.get_by_test_id("option-long").check()
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal.get_by_test_id("modal-error-why")).to_have_text("Say more")
    await shot(page, "modal")
    await modal.get_by_test_id("action-text").fill("planned work")
    await modal.get_by_test_id("modal-submit").click()
    await expect(modal).to_have_count(0)
    assert heard["form"] == ("planned work", "long")

    # A button edits the message in place
    await card.get_by_test_id("action-take").click()
    await expect(card).to_contain_text("taken")
    await expect(card).to_contain_text("(edited)")
    assert heard["taker"] == "U0BOB"

    # A command's private answer is bob's alone; an unknown one is a warning
    await page.get_by_test_id("composer").fill("/ops status")
    await page.get_by_test_id("composer-send").click()
    await expect(page.get_by_test_id("only-visible-to-you")).to_have_count(1)
    await expect(page.get_by_test_id("messages")).to_contain_text("You said status")
    await page.get_by_test_id("composer").fill("/void")
    await page.get_by_test_id("composer-send").click()
    await expect(page.get_by_test_id("ack-toast")).to_contain_text("/void failed")
    await shot(page, "channel")
    await page.get_by_test_id("acting-as").select_option("alice")
    await expect(page.get_by_test_id("only-visible-to-you")).to_have_count(0)

    # Unread elsewhere, and the home
    people.message(user="bob", channel="random", text="lunch?")
    await expect(page.get_by_test_id("unread-random")).to_have_text("1")
    await page.get_by_test_id("channel-random").click()
    await expect(page.get_by_test_id("unread-random")).to_have_count(0)
    await page.get_by_test_id("app-home").click()
    await expect(page.get_by_test_id("home")).to_contain_text("All quiet")
    await page.get_by_test_id("home").get_by_test_id("action-take").click()
    await eventually(lambda: heard["taker"] == "U0ALICE")
    await shot(page, "home")
    await page.get_by_test_id("messages-tab").click()
    await page.get_by_test_id("composer").fill("hello app")
    await page.get_by_test_id("composer-send").click()
    await expect(page.get_by_test_id("messages")).to_contain_text("hello app")


async def test_a_silent_app_is_visible_at_the_message(server, client, connect, page):
    from playwright.async_api import expect

    await connect()
    ts = (await client.chat_postMessage(channel=INCIDENTS, text="x", blocks=CARD))["ts"]

    await page.get_by_test_id(f"message-{ts}").get_by_test_id("action-take").click()

    await expect(page.get_by_test_id("ack-warning")).to_contain_text(re.compile("did not respond"))
