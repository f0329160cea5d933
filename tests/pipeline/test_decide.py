"""Speaking: the difference between what is true and what people were last told, and why something is held."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.catalogue import Kind
from bot.domain.incident import Severity, State
from bot.domain.notice import Held, HeldBy, Notice, Reason
from bot.domain.verdict import Cause, Subcause
from bot.pipeline.decide import covering, decide, labels_for_silence
from tests.pipeline.builders import (
    CATALOGUE,
    CRITICAL,
    HOUR,
    INFO,
    MINUTE,
    ONSET,
    POLICY,
    blind,
    finding,
    incident,
    silence,
    told,
    verdict,
)

K = Kind
NOW = ONSET + 10 * MINUTE
SLOW, FAILING, BUSY = finding(K.LATENCY, "scoring"), finding(K.ERRORS, "scoring"), finding(K.CPU, "n-01")
FIRING = incident(SLOW, verdict=verdict(Subcause.DEPENDENCY_FAILURE, "scoring"), verdict_since=ONSET)
RESOLVED = replace(FIRING, state=State.RESOLVED, resolved=NOW)
HELD_LONG, HELD_SHORT = NOW - POLICY.verdict_hold, NOW - POLICY.verdict_hold + timedelta(seconds=1)


def answer(about, known=None, silences=()):
    """The reason to speak, or the reason not to."""
    found = decide(about, known, silences, CATALOGUE, now=NOW, policy=POLICY)
    return found.reason if isinstance(found, Notice) else found.by


@pytest.mark.parametrize(
    ("about", "known", "reason"),
    [
        pytest.param(FIRING, None, Reason.FIRST, id="never told"),
        pytest.param(replace(FIRING, verdict=None), None, Reason.FIRST, id="never told, no verdict yet"),
        pytest.param(RESOLVED, told(FIRING), Reason.RESOLVED, id="over"),
        pytest.param(replace(FIRING, reopened=1), told(RESOLVED), Reason.REOPENED, id="back again"),
        pytest.param(replace(FIRING, reopened=3), told(RESOLVED), Reason.FLAPPING, id="back too often"),
        pytest.param(
            replace(FIRING, reopened=4), told(RESOLVED, flapping_said=True), Reason.REOPENED, id="flapping was said"
        ),
        pytest.param(replace(FIRING, severity=CRITICAL), told(FIRING), Reason.SEVERITY, id="worse"),
        pytest.param(FIRING, told(FIRING, cause=Cause.MODEL), Reason.VERDICT, id="another cause that has held"),
        pytest.param(
            replace(FIRING, verdict_since=HELD_LONG), told(FIRING, cause=Cause.MODEL), Reason.VERDICT, id="just held"
        ),
        pytest.param(incident(SLOW, BUSY), told(incident(SLOW)), Reason.SPREAD, id="new findings"),
        pytest.param(
            replace(FIRING, severity=CRITICAL), told(FIRING, cause=Cause.MODEL), Reason.SEVERITY, id="worse goes first"
        ),
        pytest.param(
            replace(incident(SLOW, BUSY), verdict=FIRING.verdict, verdict_since=ONSET),
            told(FIRING, cause=Cause.MODEL),
            Reason.VERDICT,
            id="another cause goes before spread",
        ),
    ],
)
def test_people_hear_what_changed_and_why(about, known, reason):
    assert answer(about, known) is reason


@pytest.mark.parametrize(
    ("about", "known", "held"),
    [
        pytest.param(replace(FIRING, state=State.PENDING), None, HeldBy.DEBOUNCE, id="not long enough"),
        pytest.param(replace(FIRING, state=State.PENDING), told(RESOLVED), HeldBy.DEBOUNCE, id="not back long enough"),
        pytest.param(RESOLVED, None, HeldBy.NOTHING_NEW, id="over before anybody heard"),
        pytest.param(RESOLVED, told(RESOLVED), HeldBy.NOTHING_NEW, id="its end was told"),
        pytest.param(replace(FIRING, severity=INFO), None, HeldBy.LOW_SEVERITY, id="evidence only"),
        pytest.param(replace(FIRING, severity=INFO), told(RESOLVED), HeldBy.LOW_SEVERITY, id="came back as evidence"),
        pytest.param(FIRING, told(FIRING), HeldBy.NOTHING_NEW, id="unchanged"),
        pytest.param(incident(SLOW), told(incident(SLOW, BUSY)), HeldBy.NOTHING_NEW, id="one of two left"),
        pytest.param(FIRING, told(FIRING, severity=CRITICAL), HeldBy.NOTHING_NEW, id="less bad"),
        pytest.param(
            replace(FIRING, verdict_since=HELD_SHORT),
            told(FIRING, cause=Cause.MODEL),
            HeldBy.NOTHING_NEW,
            id="another cause, not held long enough",
        ),
        pytest.param(
            replace(FIRING, verdict_since=None),
            told(FIRING, cause=Cause.MODEL),
            HeldBy.NOTHING_NEW,
            id="another cause, since nobody knows when",
        ),
    ],
)
def test_what_is_not_news_is_held_with_the_reason(about, known, held):
    assert answer(about, known) is held


def test_a_decision_names_its_incident_and_revision():
    spoken = decide(FIRING, None, (), CATALOGUE, now=NOW, policy=POLICY)
    kept = decide(FIRING, told(FIRING), (), CATALOGUE, now=NOW, policy=POLICY)

    assert {(one.incident_id, one.revision) for one in (spoken, kept)} == {(FIRING.id, FIRING.revision)}


# ---------------------------------------------------------------- silences


@pytest.mark.parametrize(
    ("matchers", "held"),
    [
        pytest.param("service=scoring", HeldBy.SILENCE, id="by entity type"),
        pytest.param('entity=~"scor.*"', HeldBy.SILENCE, id="by pattern"),
        pytest.param("signal=latency", HeldBy.SILENCE, id="by signal"),
        pytest.param("kind=latency", HeldBy.SILENCE, id="by kind"),
        pytest.param("cause=infrastructure", HeldBy.SILENCE, id="by cause"),
        pytest.param("severity=warning", HeldBy.SILENCE, id="by severity"),
        pytest.param("incident=inc-1", HeldBy.SILENCE, id="by incident"),
        pytest.param("service=scoring cause=model", Reason.FIRST, id="one of two conditions"),
        pytest.param("service=billing", Reason.FIRST, id="about something else"),
        pytest.param("model=fraud", Reason.FIRST, id="about a model that did not move"),
    ],
)
def test_a_silence_mutes_what_all_its_matchers_fit(matchers, held):
    assert answer(FIRING, None, [silence(matchers)]) is held


@pytest.mark.parametrize(
    ("silences", "held"),
    [
        pytest.param(["service=scoring"], Reason.FIRST, id="a part is news"),
        pytest.param(["service=scoring", "node=n-01"], HeldBy.SILENCE, id="all, by two silences"),
        pytest.param(["service=scoring", "node=n-02"], Reason.FIRST, id="two silences, one beside the point"),
    ],
)
def test_a_silence_that_covers_a_part_mutes_nothing(silences, held):
    both = incident(SLOW, BUSY)

    assert answer(both, None, [silence(text) for text in silences]) is held


def test_what_has_come_back_needs_no_silence():
    (slow, busy) = incident(SLOW, BUSY).members
    one_left = replace(FIRING, members=(slow, replace(busy, ended=NOW)))

    assert answer(one_left, None, [silence("service=scoring")]) is HeldBy.SILENCE


@pytest.mark.parametrize(
    ("starts", "ends", "held"),
    [
        pytest.param(-HOUR, 10 * MINUTE, Reason.FIRST, id="ended just now"),
        pytest.param(10 * MINUTE, HOUR, HeldBy.SILENCE, id="begins just now"),
        pytest.param(11 * MINUTE, HOUR, Reason.FIRST, id="not begun"),
    ],
)
def test_a_silence_holds_while_it_lasts(starts, ends, held):
    assert answer(FIRING, None, [silence("service=scoring", starts=starts, ends=ends)]) is held


def test_a_silence_mutes_a_worsening_but_never_the_end_of_what_people_know():
    muted = [silence("service=scoring")]

    assert answer(replace(FIRING, severity=CRITICAL), told(FIRING), muted) is HeldBy.SILENCE
    assert answer(RESOLVED, told(FIRING), muted) is Reason.RESOLVED


def test_the_silence_that_mutes_is_named():
    held = decide(FIRING, None, [silence("service=scoring", number="sil-9")], CATALOGUE, now=NOW, policy=POLICY)

    assert isinstance(held, Held)
    assert held.silence_id == "sil-9"


def test_an_incident_without_findings_is_covered_by_nothing():
    assert covering(incident(), [silence('entity!="x"')], CATALOGUE, now=NOW) is None


def test_a_part_of_a_model_answers_to_the_models_name():
    labels = labels_for_silence(finding(K.FEATURE_NULL, "fraud/amount"), FIRING, CATALOGUE)

    assert (labels["model"], labels["feature"], labels["kind"]) == ("fraud", "fraud/amount", "feature_null")


def test_a_blind_source_can_be_silenced_as_telemetry():
    labels = labels_for_silence(blind("prometheus"), incident(blind()), CATALOGUE)

    assert (labels["kind"], labels["entity"], labels["cause"]) == ("telemetry", "prometheus", "undetermined")


def test_a_series_cannot_pass_for_another_severity_by_a_label_of_its_own():
    loud = finding(K.LATENCY, "scoring", labels=(("severity", "none"),))

    assert labels_for_silence(loud, replace(FIRING, severity=Severity.CRITICAL), CATALOGUE)["severity"] == "critical"
