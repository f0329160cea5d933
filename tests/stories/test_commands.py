"""What people type is answered privately: with what they asked for, or with the form that would have worked."""

import pytest

from tests.stories.episodes import A_DAY, full_disk

pytestmark = pytest.mark.enable_socket

WRONG = {  # what was typed: what the answer must hold
    "/faultline frobnicate": "there is no command 'frobnicate'",
    "/faultline explain": "/faultline explain <incident id>",
    "/faultline explain inc-nothing": "There is no incident 'inc-nothing'",
    "/faultline unsilence": "/faultline unsilence <silence id>",
    "/faultline unsilence sil-nothing": "There is no active silence 'sil-nothing'",
    "/silence fraud": "a silence needs a duration",
    '/silence model="fraud" 4h': "a silence needs a reason",
    '/silence model=~"(" 4h because': "/faultline silence",
    '/silence model="fraud" 30d because': "a silence lasts between 1m and 7d",
    "/silence 4h because": "matcher",
    "/rollback": "/faultline rollback <model> [version]",
    "/rollback nobody": "known are: fraud, ranking",
    "/rollback ranking": "No earlier version of ranking is known to have served well",
    "/faultline retrain fraud": "Retraining is not configured",
}


async def test_commands_answer_privately_with_what_was_asked_for(story, snapshot):
    full_disk(story, lasts=A_DAY, severity=0.5)
    await story.until("## Firing", within=8)
    said = len(story.said())
    [incident] = await story.bot.store.incidents(limit=5)

    help_ = await story.slash("carol", "/faultline help")
    status = await story.slash("carol", "/faultline status")
    incidents = await story.slash("carol", "/faultline incidents")
    explained = await story.slash("carol", f"/faultline explain {incident.id[:7]}")

    assert "/silence <matchers> <duration> <reason>" in help_
    assert "*fraud*, version 3" in status
    assert incident.id in incidents
    assert "node_disk of n-04 rose" in explained
    assert len(story.said()) == said
    assert story.transcript() == snapshot


async def test_a_command_that_cannot_be_read_is_answered_with_the_form_that_can(story, snapshot):
    answers = {line: await story.slash("carol", line) for line in WRONG}

    assert {line: WRONG[line] in answer for line, answer in answers.items()} == dict.fromkeys(WRONG, True)
    assert story.said() == []
    assert answers == snapshot
