"""A disk fills under the feature pipeline: models feel it, and none of them is blamed."""

import pytest

from tests.stories.episodes import A_DAY, full_disk

pytestmark = pytest.mark.enable_socket


async def test_a_full_disk_is_infrastructure_whatever_the_models_feel(story, snapshot):
    full_disk(story, lasts=14)

    await story.until("*Felt by:* model fraud, model ranking", within=15)
    await story.minutes(5)

    [incident] = await story.bot.store.incidents(limit=5)
    [headline] = story.headlines()
    assert ("prediction_drift", "ranking") in {(f.key.signal, f.key.entity) for f in incident.findings}
    assert headline.startswith("Firing · Very likely infrastructure: a full disk on n-04.")
    assert "*Rollback:* would not help." in story.transcript()
    assert "[Roll back…]" not in story.transcript()
    assert story.transcript() == snapshot(name="at its height")

    await story.until("## Resolved", within=25)

    assert len(story.said()) <= 6
    assert story.moves("ranking") == []
    assert story.transcript() == snapshot(name="over")


async def test_a_disk_that_fills_slowly_is_told_with_the_time_that_is_left(story, snapshot):
    full_disk(story, lasts=A_DAY, within=90)

    await story.until("## Firing", within=30)

    assert "at that pace it is full in 1 h" in story.transcript()
    assert story.transcript() == snapshot
