"""The demo as a newcomer meets it: the whole bot behind the real page in a real browser, and every picture kept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser import ABSENT, CHROMIUM, FLAGS
from tests.servers import free_port

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "artefacts"  # git-ignored: for people to look at
STARTS_S = 90.0  # three processes, on a machine that may do other things too
ENDS_S = 60.0
TOLD_MS = 120_000.0  # most of it is waiting for the recovery, about 15 s on an idle machine

pytestmark = [
    pytest.mark.integration,
    pytest.mark.enable_socket,
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM.exists(), reason=ABSENT),
]


@dataclass
class Demo:
    page: str
    process: asyncio.subprocess.Process

    async def interrupt(self) -> int:
        """Press Ctrl-C; returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(ENDS_S):
            return await self.process.wait()


async def told_address(output: asyncio.StreamReader) -> str:
    """Read on until the page's address is told."""
    said = ""
    while line := (await output.readline()).decode():
        said += line
        if found := re.search(r"The small Slack:\s+(\S+)", line):
            return found[1]
    raise AssertionError(f"the demo ended before it told its address:\n{said}")


@pytest.fixture
async def demo():
    command = [sys.executable, "-m", "bot", "demo", "--port", str(free_port())]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    try:
        async with asyncio.timeout(STARTS_S):
            address = await told_address(process.stdout)
        yield Demo(page=address, process=process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ENDS_S):
                    await process.wait()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own session: whatever it left behind
            await process.wait()


@pytest.fixture
async def page(demo):
    async_api = pytest.importorskip("playwright.async_api")
    async with async_api.async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        opened = await browser.new_page(viewport={"width": 1360, "height": 860})
        opened.set_default_timeout(TOLD_MS)
        troubles = []
        opened.on("pageerror", lambda error: troubles.append(str(error)))
        opened.on("console", lambda said: troubles.append(said.text) if said.type == "error" else None)
        await opened.goto(demo.page)
        yield opened
        await browser.close()
        assert troubles == []


async def keep(page, name, *, look_at=None):
    """Take a picture for people, with the part in view that it is about."""
    if look_at is not None:
        await look_at.evaluate("node => node.scrollIntoView({block: 'center'})")  # at once: edits redraw it any moment
    await page.mouse.move(1, 1)  # a pointer over a message would show its tools
    KEPT.mkdir(exist_ok=True)
    await page.screenshot(path=KEPT / f"{name}.png")


async def send(page, text):
    await page.get_by_test_id("composer").fill(text)
    await page.get_by_test_id("composer-send").click()


async def test_a_newcomer_rolls_back_the_model_silences_the_disk_and_leaves(demo, page):
    from playwright.async_api import expect

    expect.set_options(timeout=TOLD_MS)
    channel, thread = page.get_by_test_id("messages"), page.get_by_test_id("thread-pane")
    told = channel.locator("article", has=page.get_by_test_id("action-fl_feedback"))  # headlines only

    # Alice sees the incident of the model, its evidence, and asks for the rollback
    await expect(page.get_by_test_id("acting-as")).to_have_value("alice")
    fraud = told.filter(has_text="bad version 4 of fraud")
    await expect(fraud).to_contain_text("model: bad version 4 of fraud")
    await keep(page, "incident")
    await fraud.get_by_test_id("thread-open").click()
    picture = thread.locator("figure img").first
    await expect(picture).to_have_js_property("complete", value=True)
    assert await picture.evaluate("image => image.naturalWidth") > 400
    await keep(page, "thread", look_at=picture)
    await fraud.get_by_test_id("action-fl_roll_back").click()
    await page.get_by_test_id("confirm-yes").click()
    card = thread.locator("article", has=page.get_by_test_id("action-fl_approve"))
    await expect(card).to_contain_text("Waiting for approval")

    # Bob approves, and the headline follows
    await page.get_by_test_id("acting-as").select_option("bob")
    approve = card.get_by_test_id("action-fl_approve")
    await keep(page, "proposal", look_at=approve)
    await approve.click()
    await page.get_by_test_id("confirm-yes").click()
    acted = re.compile("the alias is moved, recovery is being watched|done and verified")  # the first passes by
    await expect(fraud).to_contain_text(acted)
    await keep(page, "approved", look_at=fraud.get_by_test_id("thread-open"))

    # The rollback is verified, and the incident ends
    await expect(channel).to_contain_text("Verified: rollback of fraud from version 4 to 3")
    await expect(fraud).to_contain_text("Resolved · ")
    await expect(fraud).to_contain_text("Rollback of fraud to version 3: done and verified")

    # Only then does the disk fill, and it is another matter
    disk = told.filter(has_text="infrastructure: a full disk")
    await expect(disk).to_contain_text("n-04")
    await expect(disk).to_contain_text("model ranking")  # suffers from it
    await expect(disk).to_contain_text("Rollback: would not help")
    await disk.get_by_test_id("thread-open").click()
    await expect(thread.get_by_test_id("thread-root")).to_contain_text("infrastructure: a full disk")
    await keep(page, "infrastructure", look_at=disk.get_by_test_id("thread-open"))

    # Escape leaves a form
    await disk.get_by_test_id("action-fl_silence").click()
    await expect(page.get_by_test_id("modal-close")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("modal-close")).to_have_count(0)

    # A silence answers in private; it mutes the incident once it covers everything in it. Eight hours are eight minutes
    await send(page, '/silence entity="n-04" 8h freeing the disk')
    private = channel.get_by_test_id("only-visible-to-you").locator("xpath=ancestor::article")
    await expect(private.first).to_contain_text("Silenced")
    await expect(private.first).to_contain_text('entity="n-04"')
    incident = re.search(r"inc-\w+", await disk.inner_text())[0]
    await send(page, f'/silence incident="{incident}" 8h freeing the disk')
    await expect(disk).to_contain_text(re.compile("Silenced · .*infrastructure: a full disk"))
    await keep(page, "silenced", look_at=private.last)

    # The app's home knows all of it
    await page.get_by_test_id("app-home").click()
    home = page.get_by_test_id("home")
    await expect(home).to_contain_text("fraud, version 3")
    await expect(home).to_contain_text("freeing the disk")
    await keep(page, "home")

    await page.close()  # an open page would complain, rightly, that its Slack is gone
    assert await demo.interrupt() == 0
