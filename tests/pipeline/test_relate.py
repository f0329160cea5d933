"""What may belong to one trouble: by time, by topology, and by which can bring about which."""

from dataclasses import replace

import pytest

from bot.domain.catalogue import Kind
from bot.domain.finding import FindingKind
from bot.domain.series import SeriesKey
from bot.pipeline.relate import cause_time, explains, related, same_subject, together
from tests.pipeline.builders import CATALOGUE, HOUR, MINUTE, ONSET, blind, finding, gap

K = Kind


@pytest.mark.parametrize(
    ("cause", "effect", "holds"),
    [
        pytest.param((K.CPU, "n-01", 0), (K.LATENCY, "scoring", 5), True, id="a node slows what runs on it"),
        pytest.param((K.CPU, "n-01", 0), (K.LATENCY, "scoring", 11), False, id="but not later than it takes"),
        pytest.param((K.CPU, "n-01", 0), (K.LATENCY, "scoring", -2), True, id="onsets are estimates"),
        pytest.param((K.CPU, "n-01", 0), (K.LATENCY, "scoring", -3), False, id="an effect does not precede its cause"),
        pytest.param((K.CPU, "n-01", 0), (K.LATENCY, "billing", 1), False, id="nothing reaches what stands apart"),
        pytest.param(
            (K.LATENCY, "checkout", 0), (K.LATENCY, "scoring", 1), False, id="a caller does not slow a callee"
        ),
        pytest.param(
            (K.DISK, "n-04", 0), (K.FRESHNESS, "fraud/velocity", 60), True, id="a disk that fills for an hour"
        ),
        pytest.param((K.DISK, "n-04", 0), (K.FRESHNESS, "fraud/velocity", 361), False, id="but not for a day"),
        pytest.param((K.CPU, "n-04", 0), (K.FRESHNESS, "fraud/velocity", 95), False, id="CPU does not fill up"),
        pytest.param((K.PREDICTION, "fraud", 0), (K.CPU, "n-01", 1), False, id="a score does not heat a node"),
        pytest.param(
            (K.QUALITY, "fraud", 0), (K.FEATURE_NULL, "fraud/amount", 1), False, id="nor does it empty inputs"
        ),
        pytest.param((K.FEATURE_NULL, "fraud/amount", 0), (K.QUALITY, "fraud", 120), True, id="labels come late"),
        pytest.param((K.DISK, "n-04", 0), (K.LATENCY, "checkout", 4), True, id="four hops"),
    ],
)
def test_a_cause_explains_what_it_can_reach_in_time(cause, effect, holds):
    first, second = (finding(kind, entity, minutes=minutes) for kind, entity, minutes in (cause, effect))

    assert explains(first, second, CATALOGUE) is holds


def test_a_signal_that_is_not_declared_explains_nothing():
    stranger = replace(finding(K.CPU, "n-01"), key=SeriesKey("unheard_of", "n-01"))

    assert not explains(stranger, finding(K.LATENCY, "scoring", minutes=1), CATALOGUE)


def test_labelled_quality_speaks_of_predictions_made_a_label_delay_ago():
    assert cause_time(finding(K.QUALITY, "fraud", minutes=60), CATALOGUE) == ONSET
    assert cause_time(finding(K.PREDICTION, "fraud", minutes=60), CATALOGUE) == ONSET + HOUR


@pytest.mark.parametrize(
    ("apart", "entity", "holds"),
    [
        pytest.param(3, "feature-store", True, id="near and at once"),
        pytest.param(4, "feature-store", False, id="near, but later"),
        pytest.param(0, "n-04", False, id="at once, but three hops away"),
        pytest.param(0, "billing", False, id="at once, but apart"),
    ],
)
def test_symptoms_of_a_cause_we_cannot_see_begin_together(apart, entity, holds):
    first, second = finding(K.ERRORS, "scoring"), finding(K.CPU, entity, minutes=apart)

    assert together(first, second, CATALOGUE) is holds


def test_series_that_end_together_are_one_loss_wherever_they_are():
    assert together(gap(K.CPU, "n-01"), gap(K.LATENCY, "billing", minutes=3), CATALOGUE)
    assert not together(gap(K.CPU, "n-01"), gap(K.LATENCY, "billing", minutes=4), CATALOGUE)


def test_silence_and_movement_do_not_begin_together():
    assert not together(gap(K.CPU, "n-01"), finding(K.LATENCY, "scoring"), CATALOGUE)


def test_one_entity_within_an_hour_is_one_subject():
    first = finding(K.CPU, "n-01")

    assert same_subject(first, finding(K.NETWORK, "n-01", minutes=60), CATALOGUE)
    assert not same_subject(first, finding(K.NETWORK, "n-01", minutes=61), CATALOGUE)
    assert not same_subject(first, finding(K.NETWORK, "n-02"), CATALOGUE)


def test_inputs_that_move_after_the_scores_are_another_trouble():
    scores = finding(K.PREDICTION, "fraud")

    assert same_subject(scores, finding(K.FEATURE_DRIFT, "fraud", minutes=5), CATALOGUE)
    assert not same_subject(scores, finding(K.FEATURE_DRIFT, "fraud", minutes=6), CATALOGUE)


def test_a_blind_source_is_about_itself_only():
    assert same_subject(blind("prometheus"), blind("prometheus", minutes=600), CATALOGUE)
    assert not same_subject(blind("prometheus"), blind("warehouse"), CATALOGUE)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param(finding(K.CPU, "n-01"), finding(K.LATENCY, "checkout", minutes=9), id="cause and effect"),
        pytest.param(finding(K.ERRORS, "scoring"), finding(K.CPU, "n-03", minutes=2), id="two symptoms"),
        pytest.param(gap(K.CPU, "n-01"), gap(K.CPU, "n-09"), id="two silences"),
        pytest.param(finding(K.CPU, "n-01"), finding(K.CPU, "n-09"), id="nothing in common"),
        pytest.param(
            finding(K.DISK, "n-04"), finding(K.QUALITY, "fraud", minutes=90, shape=FindingKind.SHIFT), id="late labels"
        ),
    ],
)
def test_relation_does_not_depend_on_who_asks(one, two):
    assert related(one, two, CATALOGUE) == related(two, one, CATALOGUE)


def test_the_lag_of_late_labels_is_known_to_within_their_delay():
    promoted = finding(K.FEATURE_NULL, "fraud/amount", minutes=30)
    early, late = (finding(K.QUALITY, "fraud", minutes=minutes) for minutes in (28, 27))

    assert explains(promoted, early, CATALOGUE)
    assert not explains(promoted, late, CATALOGUE)
    assert early.onset - late.onset == MINUTE
