"""What is silenced is held, not forgotten: it is told when the silence ends."""

import re

import pytest

from bot.domain.notice import Held, HeldBy
from tests.stories.episodes import A_DAY, full_disk

pytestmark = pytest.mark.enable_socket


async def test_a_silence_holds_the_headline_until_it_is_ended(story, snapshot):
    answer = await story.slash("bob", '/silence entity="n-04" 1h cleaning up')
    full_disk(story, lasts=A_DAY, severity=0.5)  # the disk alone: it does not get so full that others feel it

    await story.minutes(10)

    assert story.said() == []
    [decision] = story.bot.tick.last.decisions
    assert isinstance(decision, Held)
    assert decision.by is HeldBy.SILENCE
    status = await story.slash("alice", "/faultline status")
    assert "a full disk on n-04" in status
    assert 'entity="n-04"' in status

    [silence] = re.findall(r"sil-[0-9a-f]+(?=` entity)", answer)
    await story.slash("bob", f"/faultline unsilence {silence}")
    await story.minutes(1)

    [headline] = story.headlines()
    assert headline.startswith("Firing · Very likely infrastructure: a full disk on n-04.")
    assert story.transcript() == snapshot


async def test_a_silence_of_the_root_alone_does_not_mute_what_it_does_to_others(story):
    await story.slash("bob", '/silence entity="n-04" 1h cleaning up')
    full_disk(story, lasts=A_DAY)

    await story.minutes(6)
    before = story.headlines()
    await story.until("*Felt by:* feature-pipeline", within=5)

    assert before == []
    assert len(story.headlines()) == 1
