"""What asking may cost, when asking stops, and what is not asked twice."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.explanation import Explanation
from bot.llm.budget import Breaker, Budget, Cache, Caps, Permit

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
CAPS = Caps(per_incident=2, per_hour=3, per_day=5, tokens_per_day=1000)


def budget(*calls, tokens=0):
    found = Budget(caps=CAPS)
    for age, who in calls:
        found.called(who, now=NOW - age)
    if tokens:
        found.spent(tokens, now=NOW - HOUR)
    return found


@pytest.mark.parametrize(
    ("asked", "permit"),
    [
        pytest.param(budget(), Permit.GRANTED, id="nothing yet"),
        pytest.param(budget((5 * MINUTE, "a")), Permit.GRANTED, id="once before"),
        pytest.param(budget((9 * HOUR, "a"), (MINUTE, "a")), Permit.INCIDENT_CAP, id="this incident often"),
        pytest.param(budget(*[(MINUTE, w) for w in "bcd"]), Permit.HOUR_CAP, id="a busy hour"),
        pytest.param(budget(*[(2 * HOUR, w) for w in "bcdef"]), Permit.DAY_CAP, id="a busy day"),
        pytest.param(budget(*[(25 * HOUR, w) for w in "aabcdef"]), Permit.GRANTED, id="all that was yesterday"),
        pytest.param(budget(tokens=1000), Permit.TOKENS_CAP, id="tokens spent"),
    ],
)
def test_the_caps(asked, permit):
    assert asked.permit("a", now=NOW) is permit


def test_the_breaker_opens_after_three_failures_in_a_row():
    breaker = Breaker(failures_to_open=3, pause=5 * MINUTE)
    breaker.failed(now=NOW)
    breaker.failed(now=NOW)
    breaker.succeeded()
    breaker.failed(now=NOW)
    breaker.failed(now=NOW)

    assert not breaker.open(now=NOW)

    breaker.failed(now=NOW)

    assert breaker.open(now=NOW)


def test_the_breaker_lets_one_try_after_its_pause_and_closes_again_when_that_fails():
    breaker = Breaker(failures_to_open=1, pause=5 * MINUTE)
    breaker.failed(now=NOW)

    assert breaker.open(now=NOW + 4 * MINUTE)
    assert not breaker.open(now=NOW + 5 * MINUTE)

    breaker.failed(now=NOW + 5 * MINUTE)

    assert breaker.open(now=NOW + 6 * MINUTE)


def answer(number):
    return Explanation(
        incident_id=str(number), hypothesis_id=None, claims=(), facts=(), next_checks=(), author="someone"
    )


def test_the_cache_keeps_a_day():
    cache = Cache()
    cache.put(("prompt", "digest", "model"), answer(1), now=NOW)

    assert cache.get(("prompt", "digest", "model"), now=NOW + 23 * HOUR) == answer(1)
    assert cache.get(("prompt", "digest", "model"), now=NOW + 24 * HOUR) is None


@pytest.mark.parametrize("key", [("other", "digest", "model"), ("prompt", "other", "model"), ("prompt", "digest", "x")])
def test_the_cache_knows_prompt_evidence_and_model_apart(key):
    cache = Cache()
    cache.put(("prompt", "digest", "model"), answer(1), now=NOW)

    assert cache.get(key, now=NOW) is None


def test_the_cache_is_bounded():
    cache = Cache(size=2)
    for number in range(4):
        cache.put(("prompt", str(number), "model"), answer(number), now=NOW)

    held = [number for number in range(4) if cache.get(("prompt", str(number), "model"), now=NOW)]

    assert held == [2, 3]
