"""The day in one message: what is in it, what is left out, and when it is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from bot.domain.catalogue import Kind
from bot.domain.finding import FindingKind
from bot.domain.incident import IncidentId, Severity, State
from bot.domain.proposal import ActionKind, Proposal, ProposalId
from bot.domain.series import SeriesKey
from bot.pipeline.decide import decide
from bot.pipeline.digest import CATCH_UP, LINES, digest_of, due_slot, thread_of
from bot.pipeline.severity import severity_of
from tests.pipeline.builders import CATALOGUE, CRITICAL, HOUR, INFO, MINUTE, ONSET, POLICY, WARNING, finding, incident

K = Kind
SLOT = ONSET + 2 * HOUR
DAY = timedelta(days=1)
LASTED = 30 * MINUTE


def psi(feature, value, *, model="fraud", z=12.0, **more):
    one = finding(K.FEATURE_DRIFT, f"{model}/{feature}", z=z, **more)
    return replace(one, evidence=replace(one.evidence, observed=value, expected=0.01))


def quiet(*findings, name="inc-quiet", **fields):
    """An incident of these findings, as severe as they are."""
    return incident(*findings, id=IncidentId(name), severity=severity_of(findings, CATALOGUE), **fields)


def heard(name="inc-told", **fields):
    return incident(finding(K.QUALITY, "fraud"), **{"id": IncidentId(name), "severity": CRITICAL, **fields})


def over(one, *, after=LASTED):
    return replace(one, state=State.RESOLVED, resolved=one.opened + after)


def proposal():
    return Proposal(
        id=ProposalId("prop-1"),
        kind=ActionKind.ROLLBACK,
        model="fraud",
        from_version="4",
        to_version="3",
        requested_by="U1",
        requested_at=SLOT,
        expires_at=SLOT + 30 * MINUTE,
        nonce="n",
    )


def digest(*incidents, told=(), late=timedelta(0), **more):
    return digest_of(incidents, {one.id for one in told}, CATALOGUE, slot=SLOT, now=SLOT + late, policy=POLICY, **more)


def quiet_text(*incidents):
    found = digest(*incidents)
    return [] if found is None else list(found.quiet)


DRIFT = quiet(psi("amount", 0.31, z=20.0), psi("velocity", 0.12, z=9.0))


def test_an_incident_of_drift_alone_is_never_told_however_long_it_lasts():
    assert DRIFT.severity is INFO
    for days in (0, 1, 30):
        found = decide(DRIFT, None, (), CATALOGUE, now=ONSET + HOUR + days * DAY, policy=POLICY)
        assert getattr(found, "by", None) == "low_severity"


def test_drift_that_called_nobody_is_told_by_its_model_the_farthest_first():
    assert quiet_text(DRIFT) == ["inputs of fraud moved: amount (PSI 0.31), velocity (PSI 0.12)"]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        pytest.param(finding(K.CPU, "n-01"), "CPU use moved: n-01 (11,200 %, usual 10,000 %)", id="a resource"),
        pytest.param(
            finding(K.FEATURE_VALUE, "fraud/amount"),
            "inputs of fraud moved: amount (112 EUR, usual 100 EUR)",
            id="a value that is no distance",
        ),
        pytest.param(
            finding(K.FEATURE_DRIFT, "fraud/amount", shape=FindingKind.SPREAD),
            "inputs of fraud moved: amount (wilder than usual)",
            id="to both sides",
        ),
        pytest.param(psi("amount", 0.2, model="elsewhere"), "feature drift moved: elsewhere/amount (PSI 0.20)", id="?"),
    ],
)
def test_other_things_are_told_by_their_kind(found, line):
    assert quiet_text(quiet(found)) == [line]


def test_what_moved_again_and_again_is_one_line_as_it_was_at_its_farthest():
    again = [over(quiet(psi("amount", value, z=100 * value), name=f"i-{value}")) for value in (0.1, 0.3, 0.2)]

    assert quiet_text(*again) == ["inputs of fraud moved: amount (PSI 0.30)"]


def test_a_long_line_names_the_first_and_counts_the_rest():
    many = quiet(*(psi(f"f{number}", 0.5 - number / 100, z=50.0 - number) for number in range(7)))

    [line] = quiet_text(many)

    assert line.count("PSI") == 5
    assert line.endswith("f4 (PSI 0.46) and 2 more")


def test_what_came_back_before_the_day_began_is_not_told_with_what_still_lasts():
    old = quiet(psi("amount", 0.3), psi("velocity", 0.2))
    back, stays = old.members
    since = replace(old, opened=SLOT - 3 * DAY, members=(replace(back, ended=SLOT - DAY), stays))

    assert quiet_text(since) == ["inputs of fraud moved: velocity (PSI 0.20)"]


@pytest.mark.parametrize(
    "left_out",
    [
        pytest.param(replace(DRIFT, state=State.PENDING), id="not yet sure"),
        pytest.param(over(DRIFT, after=MINUTE), id="a blip"),
        pytest.param(over(replace(DRIFT, opened=SLOT - 2 * DAY)), id="yesterday's"),
        pytest.param(replace(DRIFT, opened=SLOT + MINUTE), id="tomorrow's"),
        pytest.param(replace(DRIFT, severity=WARNING), id="muted by a person"),
        pytest.param(replace(over(DRIFT), members=()), id="merged into another"),
    ],
)
def test_nothing_is_told_of_what_does_not_belong_to_the_day_or_is_not_worth_it(left_out):
    assert digest(left_out) is None


def test_what_was_told_is_listed_the_worst_first_with_its_end():
    slow = heard("inc-slow", severity=WARNING, onset=ONSET - HOUR)
    bad = over(heard("inc-bad"))

    found = digest(slow, bad, told=(slow, bad))

    assert [(one.incident_id, one.resolved) for one in found.told] == [("inc-bad", bad.resolved), ("inc-slow", None)]
    assert found.quiet == ()


def test_what_was_told_is_not_told_again_as_something_that_called_nobody():
    known = replace(DRIFT, severity=Severity.INFO)

    assert digest(known, told=(known,)).quiet == ()


def test_long_lists_are_cut_and_counted():
    incidents = [heard(f"inc-{number}") for number in range(LINES + 2)]
    strange = quiet(*(replace(psi("x", 0.2), key=SeriesKey(f"unheard_{number}", "x")) for number in range(LINES + 3)))
    sources = [f"source {number}" for number in range(LINES + 1)]

    found = digest(*incidents, strange, told=incidents, blind=sources, pending=[proposal()] * (LINES + 4))

    assert [len(part) for part in (found.told, found.quiet, found.blind, found.pending)] == [LINES] * 4
    assert (found.told_more, found.quiet_more, found.blind_more, found.pending_more) == (2, 3, 1, 4)


def test_where_we_cannot_look_and_what_waits_is_told_on_time():
    found = digest(blind=["prometheus"], pending=[proposal()])

    assert found.blind == ("prometheus",)
    assert found.pending == ("rollback of fraud to version 3: waits for approval until 13:00 UTC",)


def test_a_late_digest_is_not_written_for_what_is_so_only_now():
    assert digest(blind=["prometheus"], late=HOUR) is None
    assert digest(DRIFT, blind=["prometheus"], late=HOUR).blind == ("prometheus",)


@pytest.mark.parametrize(
    ("now", "slot"),
    [
        pytest.param("2026-11-25T09:00", "2026-11-25", id="on time"),
        pytest.param("2026-11-25T08:59", None, id="yesterday's is too old"),
        pytest.param("2026-11-25T21:00", "2026-11-25", id="twelve hours late"),
        pytest.param("2026-11-25T21:01", None, id="later than that"),
    ],
)
def test_a_digest_is_due_from_its_time_on_for_half_a_day(now, slot):
    found = due_slot(datetime.fromisoformat(now).replace(tzinfo=UTC), time(9))

    assert (found and thread_of(found)) == (slot and f"digest-{slot}")


def test_a_digest_of_the_evening_may_be_caught_up_after_midnight():
    found = due_slot(datetime(2026, 11, 26, 1, tzinfo=UTC), time(23))

    assert thread_of(found) == "digest-2026-11-25"
    assert CATCH_UP == 12 * HOUR
