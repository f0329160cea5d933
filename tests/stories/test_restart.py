"""The bot stops and starts again, at bad moments too: nothing is lost, and nothing is said or done twice."""

import pytest

from bot.emulator import Fault
from tests.stories.episodes import bad_version

pytestmark = pytest.mark.enable_socket


async def test_a_thread_goes_on_after_restarts_and_nothing_stands_in_it_twice(story, snapshot):
    bad_version(story)
    await story.minutes(3)
    await story.minutes(1, publish=False)
    assert story.said() == []

    await story.restart()  # decided and committed, but not yet said
    await story.settle()
    await story.restart(down=2)  # said
    await story.minutes(1)
    await story.press("alice", "Roll back…")
    await story.restart()  # asked
    await story.press("bob", "Approve", act=False)
    await story.restart()  # approved, but not yet done
    await story.settle()

    assert await story.holder("fraud") == "3"
    assert story.moves("fraud") == [("3", "4", "release-bot"), ("4", "3", "registry client")]

    assert story.transcript() == snapshot

    await story.restart(down=1)  # moved, and being watched
    await story.until("## Resolved", within=30)

    assert len(story.headlines()) == 1
    assert len(story.places()) == len(set(story.places()))


async def test_recovery_is_verified_by_a_process_that_started_after_the_rollback(story):
    bad_version(story)
    await story.until("## Firing", within=6)
    await story.minutes(2)
    await story.press("alice", "Roll back…")
    await story.press("bob", "Approve")

    await story.restart()
    await story.until("## Resolved", within=30)

    assert "*Verified*" in story.transcript()


async def test_a_headline_whose_answer_was_lost_with_the_process_is_found_and_not_posted_again(story):
    bad_version(story)
    await story.minutes(3)
    story.slack.emulator.faults.add(Fault(method="chat.postMessage", kind="drop_after"))
    await story.minutes(1)
    [arrived] = story.said()

    await story.restart()
    await story.minutes(2)

    assert [one.ts for one in story.said() if not one.is_reply] == [arrived.ts]
    assert len(story.places()) == len(set(story.places()))
    assert "*What we see*" in story.transcript()
