"""A new version is bad: it is blamed, and rolled back once somebody other than the one who asked approves."""

from datetime import timedelta

import pytest

from bot.world.faults.innocent import BenignVersion, InnocentDeploy
from tests.stories.episodes import A_DAY, bad_version
from tests.stories.stage import stage, topology

pytestmark = pytest.mark.enable_socket

A_ROLLBACK_COSTS = 3  # its card, its outcome, and one change that it causes


async def told_of_a_bad_version(story):
    """Bring a story to where people have read the thread of a bad version."""
    bad_version(story)
    await story.until("## Firing", within=6)
    await story.minutes(2)  # people read before they click


async def test_a_bad_version_is_rolled_back_and_recovery_is_seen(story, snapshot):
    await told_of_a_bad_version(story)
    [headline] = story.headlines()
    assert headline.startswith("Firing · Very likely model: bad version 4 of fraud.")

    await story.press("alice", "Roll back…")
    await story.press("carol", "Approve")
    await story.press("alice", "Approve")

    assert "You may not decide about fraud" in story.private("carol")[0]
    assert "our-eyes" in story.private("alice")[0]
    assert await story.holder("fraud") == "4"
    assert story.transcript() == snapshot(name="asked and refused")

    await story.press("bob", "Approve")

    assert await story.holder("fraud") == "3"
    assert story.moves("fraud") == [("3", "4", "release-bot"), ("4", "3", "registry client")]

    await story.until("*Verified*", within=20)
    await story.until("## Resolved", within=10)

    [headline] = story.headlines()
    assert headline.startswith("Resolved · Very likely model: bad version 4 of fraud.")
    assert len(story.said()) <= 6 + A_ROLLBACK_COSTS
    assert story.transcript() == snapshot(name="over")


async def test_a_rollback_made_at_once_is_not_blamed_for_what_it_ends(story):
    bad_version(story)
    await story.until("## Firing", within=6)
    await story.press("alice", "Roll back…")
    await story.press("bob", "Approve")

    await story.until("## Resolved", within=30)

    [headline] = story.headlines()
    assert headline.startswith("Resolved · Very likely model: bad version 4 of fraud.")


async def test_labels_that_come_after_the_rollback_do_not_blame_the_version_it_brought(tmp_path):
    async with stage(tmp_path, place=topology(label_delay=timedelta(minutes=30))) as story:
        await told_of_a_bad_version(story)
        await story.press("alice", "Roll back…")
        await story.press("bob", "Approve")
        await story.until("*Verified*", within=15)

        await story.minutes(22)  # by now the labels of what version 4 predicted have come

        assert len(story.headlines()) == 1


async def test_a_rollback_that_somebody_undoes_while_it_is_watched_is_not_called_verified(story):
    await told_of_a_bad_version(story)
    await story.press("alice", "Roll back…")
    await story.press("bob", "Approve")
    await story.until("Serving confirmed", within=5)

    story.move_alias("fraud", 2, by="dave")
    await story.minutes(17)

    assert "*Verified*" not in story.transcript()


async def test_an_innocent_deploy_and_a_benign_version_are_not_spoken_of(story):
    deploy = InnocentDeploy(
        target="frontdoor", start_s=story.after(1), end_s=story.after(1) + 80, before="v12.3", after="v12.4"
    )
    version = BenignVersion(target="fraud", start_s=story.after(6), end_s=story.after(A_DAY), to_version=4)
    story.happen(deploy, version)

    await story.minutes(20)

    assert story.said() == []
    seen = [(change.entity, change.to) for change in await story.bot.store.changes(since=story.beginning)]
    assert seen == [("frontdoor", "v12.4"), ("fraud", "4")]


async def test_an_approval_moves_nothing_when_somebody_else_has_moved_the_alias_meanwhile(story, snapshot):
    await told_of_a_bad_version(story)
    await story.press("alice", "Roll back…")

    await story.press("bob", "Approve", act=False)
    story.move_alias("fraud", 2, by="dave")
    await story.settle()

    assert await story.holder("fraud") == "2"
    assert story.moves("fraud") == [("3", "4", "release-bot"), ("4", "2", "dave")]
    assert "ersion 2 holds the alias of fraud, neither 4 nor 3; nothing was moved" in story.transcript()
    assert story.transcript() == snapshot


async def test_an_approval_is_refused_when_the_alias_moved_before_it(story):
    await told_of_a_bad_version(story)
    await story.press("alice", "Roll back…")

    story.move_alias("fraud", 2, by="dave")
    await story.press("bob", "Approve")

    assert "ersion 2 of fraud holds the alias by now; open a new proposal" in story.private("bob")[0]
    assert "Stopped: somebody else moved the alias" in story.transcript()
    assert await story.holder("fraud") == "2"


async def test_a_dry_run_moves_nothing_and_says_so(tmp_path, snapshot):
    async with stage(tmp_path, dry_run=True) as story:
        await told_of_a_bad_version(story)
        await story.press("alice", "Roll back…")

        await story.press("bob", "Approve")
        await story.minutes(2)

        assert await story.holder("fraud") == "4"
        assert story.moves("fraud") == [("3", "4", "release-bot")]
        assert "would have moved fraud from version 4 to 3; nothing was touched" in story.transcript()
        assert story.transcript() == snapshot
