"""How long a trouble is watched before anybody is called."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.catalogue import Kind
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import FindingKind
from bot.pipeline.patience import ripe
from bot.pipeline.weights import BLIP
from tests.pipeline.builders import CATALOGUE, CRITICAL, MINUTE, ONSET, POLICY, WARNING, finding, gap

K = Kind
SLOW = finding(K.LATENCY, "scoring")  # seen at minute 2
BACK = replace(SLOW, evidence=replace(SLOW.evidence, z=0.5))


def told(active, *, minutes, severity=WARNING, changes=(), catalogue=CATALOGUE):
    return ripe(active, severity, changes, catalogue, now=ONSET + minutes * MINUTE, policy=POLICY)


def rollout(minutes, *, entity="scoring", kind=ChangeKind.DEPLOY):
    return Change(time=ONSET + minutes * MINUTE, kind=kind, entity=entity)


@pytest.mark.parametrize(
    ("active", "severity", "minutes", "expected"),
    [
        pytest.param([SLOW], WARNING, 3, False, id="a warning waits two minutes"),
        pytest.param([SLOW], WARNING, 4, True, id="and is told then"),
        pytest.param([SLOW], CRITICAL, 3, True, id="what hurts people waits one"),
        pytest.param([BACK], WARNING, 10, False, id="on its way back"),
        pytest.param([BACK, SLOW], WARNING, 10, True, id="one is not"),
        pytest.param(
            [replace(BACK, kind=FindingKind.SHIFT)], WARNING, 10, True, id="a lasting shift is small by nature"
        ),
    ],
)
def test_what_stands_is_told_and_what_is_over_is_not(active, severity, minutes, expected):
    assert told(active, severity=severity, minutes=minutes) is expected


def test_where_samples_are_far_apart_one_of_them_is_not_enough():
    slow = replace(CATALOGUE, step_s=300.0)

    assert not told([SLOW], minutes=5, catalogue=slow)
    assert told([SLOW], minutes=7, catalogue=slow)


def test_a_scrape_that_fails_for_minutes_is_nobodys_trouble():
    silent = [gap(K.CPU, "n-01"), gap(K.MEMORY, "n-01")]
    long = POLICY.silence_patience / MINUTE

    assert not told(silent, minutes=long - 1)
    assert told(silent, minutes=long)
    assert not told(silent, minutes=long, catalogue=replace(CATALOGUE, step_s=600.0))


@pytest.mark.parametrize(
    ("change", "active", "waits"),
    [
        pytest.param(rollout(-1), [SLOW], True, id="what was rolled out"),
        pytest.param(rollout(-1), [finding(K.LATENCY, "checkout")], True, id="its caller"),
        pytest.param(rollout(-1), [SLOW, finding(K.CPU, "n-09")], False, id="and something it cannot reach"),
        pytest.param(rollout(-1, kind=ChangeKind.MODEL_VERSION), [SLOW], False, id="a version does not blip"),
        pytest.param(rollout(-1, entity="billing"), [SLOW], False, id="another service"),
        pytest.param(rollout(4), [SLOW], False, id="it came after the onset"),
    ],
)
def test_a_rollout_is_given_time_to_finish(change, active, waits):
    assert told(active, minutes=5, changes=[change]) is not waits
    assert told(active, minutes=BLIP / MINUTE + 5, changes=[change])


def test_a_change_long_ago_excuses_nothing():
    assert told([SLOW], minutes=5, changes=[rollout(-1 - timedelta(hours=1) / MINUTE)])
