"""The house learns: an answer in Slack tips the next close call a little, and what often followed is told beforehand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.catalogue import Kind
from bot.domain.finding import Direction, Evidence, Finding, FindingKind
from bot.domain.incident import Incident, IncidentId, Member, State
from bot.domain.learning import LessonSource
from bot.domain.series import SeriesKey
from bot.domain.verdict import Cause, Subcause
from bot.pipeline.classify import classify
from bot.pipeline.learning import learnt_from
from bot.ports import Changeset, IncidentWrite
from tests.pipeline.builders import CATALOGUE, finding, incident, scene
from tests.stories.episodes import A_DAY, full_disk

pytestmark = pytest.mark.enable_socket

# missing values and a slow model server: faulty data, or a dependency that fails?
CLOSE = (finding(Kind.FEATURE_NULL, "fraud/amount"), finding(Kind.LATENCY, "scoring"))


def close_call(learnt):
    return classify(incident(*CLOSE), CATALOGUE, replace(scene(*CLOSE), learnt=learnt))


async def test_an_answer_in_slack_tips_a_close_call_a_little_and_a_reset_takes_it_back(story):
    full_disk(story, lasts=A_DAY, severity=0.5)
    await story.until("## Firing", within=8)
    now = story.clock.now()

    await story.answer("alice", "Right? It is the model")

    [lesson] = await story.bot.store.lessons(since=story.beginning)
    assert (lesson.source, lesson.side, lesson.by) == (LessonSource.FEEDBACK, Cause.MODEL, "U0ALICE")
    assert "says it was the model" in story.transcript()

    before = close_call(learnt_from([], now=now))
    after = close_call(learnt_from([lesson], now=now))
    assert before.model_probability == pytest.approx(0.5, abs=0.05)
    assert 0.01 < after.model_probability - before.model_probability < 0.15
    assert (before.cause, after.cause) == (Cause.UNDETERMINED, Cause.UNDETERMINED)
    assert close_call(learnt_from([replace(lesson, void_since=now)], now=now)) == before

    # the incident itself is weighed with it from the next minute on, and a disk is still a disk
    await story.minutes(1)
    [judged] = await story.bot.store.incidents(limit=5)
    assert judged.verdict.subcauses == (Subcause.DISK_SATURATION,)


async def test_an_end_without_a_word_is_a_weak_lesson_that_a_late_answer_replaces(story):
    full_disk(story, lasts=8, severity=0.5)
    await story.until("## Resolved", within=30)

    [ended] = await story.bot.store.lessons(since=story.beginning)
    assert (ended.source, ended.weight) == (LessonSource.RESOLVED, 0.2)
    assert [share.subcause for share in ended.shares] == [Subcause.DISK_SATURATION]

    await story.answer("bob", "Right? It is neither")

    lessons = await story.bot.store.lessons(since=story.beginning)
    nats = learnt_from(lessons, now=story.clock.now()).nats
    assert nats == pytest.approx(dict.fromkeys(nats, 0.0))


def before_now(story, *, weeks):
    """A trouble of long ago: the disk of n-04 filled up, and twelve minutes later the scores of ranking moved."""
    began = story.beginning - timedelta(weeks=weeks)
    moved = tuple(
        Finding(
            key=SeriesKey(signal, entity),
            kind=FindingKind.LEVEL,
            direction=Direction.UP,
            worse=True,
            onset=began + timedelta(minutes=lead),
            detected=began + timedelta(minutes=lead + 2),
            evidence=Evidence(
                observed=1.0, expected=0.4, scale=0.01, z=60.0, peak_z=60.0, unit="ratio", window_s=600.0
            ),
        )
        for signal, entity, lead in (("node_disk", "n-04", 0), ("prediction_drift", "ranking", 10 + weeks))
    )
    ended = began + timedelta(hours=1)
    return Incident(
        id=IncidentId(f"inc-{weeks:07x}"),
        state=State.RESOLVED,
        opened=began,
        onset=began,
        updated=ended,
        resolved=ended,
        members=tuple(Member(finding=one, ended=ended) for one in moved),
    )


async def test_what_followed_four_times_is_told_before_it_comes_and_not_once_it_is_there(story, snapshot):
    past = [before_now(story, weeks=weeks) for weeks in (1, 2, 3, 4)]
    await story.bot.store.commit(
        Changeset(incidents=tuple(IncidentWrite(incident=one, expected_revision=None) for one in past))
    )
    full_disk(story, lasts=A_DAY)

    await story.until("## Firing", within=8)

    warned = story.transcript()
    assert "4 of 4 times, prediction drift of ranking rose 12 min (12 to 13) after disk use of n-04 rose" in warned
    assert len(story.said()) <= 4  # headline, evidence, picture, explanation: a warning is no message of its own
    assert warned == snapshot(name="warned")

    await story.until("*prediction drift (prediction_drift)* of ranking", within=15)

    assert "Early warning" not in story.transcript()
