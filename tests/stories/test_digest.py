"""What called nobody is seen once a day, together with what did; a day has one digest."""

import pytest

from tests.stories.episodes import full_disk, input_moves

pytestmark = pytest.mark.enable_socket


async def test_an_input_that_moved_calls_nobody_and_stands_in_the_digest(story, snapshot):
    input_moves(story, "fraud/amount")
    await story.minutes(40)
    assert story.said() == []

    await story.minutes(10)
    await story.restart(down=3)
    await story.minutes(5)

    assert [thread for thread, _ in story.places()] == ["digest-2026-09-22"]
    assert "<!" not in story.transcript()
    assert story.transcript() == snapshot


async def test_a_bot_that_was_down_at_the_time_says_it_afterwards_and_once(story, snapshot):
    full_disk(story, lasts=20)
    await story.minutes(45)
    before = len(story.said())

    await story.restart(down=60)
    await story.minutes(2)
    await story.restart()
    await story.minutes(2)

    assert len(story.said()) == before + 1
    assert story.places()[-1] == ("digest-2026-09-22", "headline")
    digest = story.transcript().partition("*The day in brief")[2]
    assert digest == snapshot


async def test_a_day_on_which_nothing_happened_has_no_digest(story):
    await story.minutes(55)

    assert story.said() == []
