"""Which version served when, what one would roll back to, and one promotion told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.catalogue import Kind
from bot.domain.change import ChangeKind, DeployEvent
from bot.domain.verdict import Cause, Subcause
from bot.pipeline.ledger import SAME_MOVE, change_of, holds, ledger_events, once, rollback_target
from tests.pipeline.builders import HOUR, MINUTE, ONSET, change, finding, incident, promotion, verdict

DAY = timedelta(days=1)
NOW = ONSET + 10 * DAY


def event(version, *, day=0.0, previous=None, model="fraud", source="registry"):
    return DeployEvent(
        model=model, alias="champion", version=version, previous=previous, at=ONSET + day * DAY, source=source
    )


def ledger(*spells, model="fraud"):
    """From (day, version) pairs."""
    versions = [None, *(version for _, version in spells)]
    return tuple(
        event(version, day=day, previous=before, model=model)
        for (day, version), before in zip(spells, versions, strict=False)
    )


def blamed(day, *, model="fraud", subcause=Subcause.BAD_VERSION, lasted=HOUR, **fields):
    """An incident that was laid at a version's door."""
    onset = ONSET + day * DAY
    about = incident(finding(Kind.PREDICTION, model), verdict=verdict(subcause, model))
    return replace(about, onset=onset, resolved=onset + lasted, **fields)


def target(spells, incidents=(), *, model="fraud", min_hold=HOUR):
    return rollback_target(model, ledger(*spells), incidents, now=NOW, min_hold=min_hold)


@pytest.mark.parametrize(
    ("spells", "incidents", "version"),
    [
        pytest.param([(0, "41"), (9, "42")], [], "41", id="the one before"),
        pytest.param([(0, "7"), (5, "40"), (9, "12")], [], "40", id="the last that held, not the number below"),
        pytest.param([(0, "40"), (5, "41"), (5.01, "42")], [], "40", id="one that held too briefly proved nothing"),
        pytest.param([(0, "40"), (5, "41"), (9, "42")], [blamed(6)], "40", id="one that was blamed"),
        pytest.param([(0, "39"), (3, "40"), (5, "41"), (9, "42")], [blamed(4), blamed(6)], "39", id="two blamed"),
        pytest.param([(0, "40"), (5, "41"), (9, "40")], [], "41", id="what serves now is no way back"),
        pytest.param([(0, "40"), (5, "41"), (9, "40")], [blamed(6)], None, id="back already, and the other blamed"),
        pytest.param([(0, "40"), (9, "42")], [blamed(1)], None, id="the only other was blamed"),
        pytest.param([(0, "42")], [], None, id="never another"),
        pytest.param([(0, "41"), (5, None), (6, "42")], [], "41", id="an alias that vanished in between"),
        pytest.param([(0, "41"), (9, "42")], [blamed(9.01)], "41", id="blame of what serves now"),
        pytest.param([(0, "41"), (9, "42")], [blamed(8.999)], "41", id="an onset estimated a minute too early"),
        pytest.param([(0, "41"), (9, "42")], [blamed(1, model="churn")], "41", id="blame of another model"),
        pytest.param(
            [(0, "41"), (9, "42")],
            [blamed(1, subcause=Subcause.CONCEPT_DRIFT)],
            "41",
            id="trouble that was not its own",
        ),
        pytest.param([(0, "41"), (9, "42")], [replace(blamed(1), verdict=None)], "41", id="trouble nobody judged"),
        pytest.param(
            [(0, "40"), (5, "41"), (9, "42")],
            [replace(blamed(6), verdict=replace(verdict(), cause=Cause.MIXED))],
            "40",
            id="blamed together with another cause",
        ),
        pytest.param([(0, "40"), (5, "41"), (9, "42")], [replace(blamed(6), resolved=None)], "40", id="not over yet"),
    ],
)
def test_one_rolls_back_to_the_last_version_that_held_long_enough_in_health(spells, incidents, version):
    assert target(spells, incidents) == version


@pytest.mark.parametrize(
    ("held", "version"),
    [
        pytest.param(HOUR, "41", id="just long enough"),
        pytest.param(HOUR - timedelta(seconds=1), "40", id="a second short"),
    ],
)
def test_a_version_must_have_held_for_the_least_time(held, version):
    assert target([(0, "40"), (5, "41"), (5 + held / DAY, "42")]) == version


def test_the_ledger_of_another_model_offers_nothing():
    entries = (*ledger((0, "7"), (5, "8"), model="churn"), *ledger((0, "42")))

    assert rollback_target("fraud", entries, (), now=NOW, min_hold=HOUR) is None


def test_the_ledger_may_be_given_in_any_order():
    entries = ledger((0, "40"), (5, "41"), (9, "42"))

    assert rollback_target("fraud", entries[::-1], (), now=NOW, min_hold=HOUR) == "41"


def test_spells_end_where_the_next_begins_and_the_last_lasts():
    found = holds(ledger((0, "41"), (5, None), (6, "42")), now=NOW)

    assert found == [("41", ONSET, ONSET + 5 * DAY), ("42", ONSET + 6 * DAY, NOW)]


# ---------------------------------------------------------------- the registry


@pytest.mark.parametrize(
    ("latest", "holders", "moves"),
    [
        pytest.param({"fraud": event("41")}, {"fraud": "41"}, [], id="unchanged"),
        pytest.param({"fraud": event("41")}, {"fraud": "42"}, [("fraud", "41", "42")], id="moved"),
        pytest.param({}, {"fraud": "41"}, [("fraud", None, "41")], id="the first look"),
        pytest.param({}, {"fraud": None}, [], id="never had a holder"),
        pytest.param({"fraud": event("41")}, {"fraud": None}, [("fraud", "41", None)], id="vanished"),
        pytest.param({"fraud": event(None)}, {"fraud": "42"}, [("fraud", None, "42")], id="back again"),
        pytest.param({"fraud": event("41")}, {}, [], id="could not be asked"),
        pytest.param(
            {}, {"ranking": "3", "churn": "7"}, [("churn", None, "7"), ("ranking", None, "3")], id="two at once"
        ),
    ],
)
def test_the_ledger_grows_by_what_moved(latest, holders, moves):
    found = ledger_events(latest, holders, alias="champion", at=NOW)

    assert [(one.model, one.previous, one.version) for one in found] == moves
    assert all((one.at, one.source, one.alias) == (NOW, "registry", "champion") for one in found)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param(event("42", previous="41"), ("41", "42", "alias champion moved"), id="moved"),
        pytest.param(event(None, previous="41"), ("41", None, "alias champion vanished"), id="vanished"),
    ],
)
def test_a_line_of_the_ledger_is_a_change(line, told):
    found = change_of(line)

    assert (found.from_, found.to, found.text) == told
    assert (found.kind, found.entity, found.time) == (ChangeKind.MODEL_VERSION, "fraud", ONSET)


def test_the_first_look_at_a_model_changed_nothing():
    assert change_of(event("41")) is None


# ---------------------------------------------------------------- told once

REGISTRY = promotion(minutes=0)
TELEMETRY = replace(promotion(minutes=2), text="seen in telemetry")


@pytest.mark.parametrize(
    ("second", "kept"),
    [
        pytest.param(TELEMETRY, False, id="telemetry tells of the same promotion"),
        pytest.param(replace(TELEMETRY, time=REGISTRY.time - SAME_MOVE), False, id="even before the registry does"),
        pytest.param(replace(TELEMETRY, to=None), False, id="and without a version"),
        pytest.param(replace(TELEMETRY, time=ONSET + SAME_MOVE + MINUTE), True, id="the same again, much later"),
        pytest.param(replace(TELEMETRY, to="43"), True, id="another version"),
        pytest.param(replace(TELEMETRY, entity="churn"), True, id="another model"),
        pytest.param(replace(TELEMETRY, kind=ChangeKind.CONFIG), True, id="another kind of change"),
        pytest.param(REGISTRY, False, id="word for word"),
    ],
)
def test_one_promotion_is_told_once(second, kept):
    assert once([second], [REGISTRY]) == ((second,) if kept else ())


def test_one_promotion_told_twice_in_a_tick_is_told_once():
    assert once([REGISTRY, TELEMETRY], []) == (REGISTRY,)


def test_two_rollouts_of_one_service_are_two():
    first, second = (change(ChangeKind.DEPLOY, "scoring", minutes=minutes, to="v2") for minutes in (0, 1))

    assert once([first, second], []) == (first, second)


def test_a_model_without_a_ledger_has_nothing_to_roll_back_to():
    assert rollback_target("fraud", (), (), now=ONSET, min_hold=HOUR) is None
