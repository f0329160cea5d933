"""The scorer of the benchmark, on answers small enough to count by hand."""

import numpy as np
import pytest

from tests.benchmarks.entities import average_precision, runs, score_one

ROWS = 100


def rows(*spans: tuple[int, int]) -> np.ndarray:
    on = np.zeros(ROWS, bool)
    for first, last in spans:
        on[first : last + 1] = True
    return on


def scored(alert, label):
    return score_one(np.zeros(ROWS), alert, label, step_s=864.0, dataset="any", name="one")  # a day in all


@pytest.mark.parametrize(
    ("alert", "recall", "fresh", "false"),
    [
        pytest.param(rows(), 0.0, 0.0, 0.0, id="silent"),
        pytest.param(rows((45, 45)), 0.5, 0.5, 0.0, id="inside one of two"),
        pytest.param(rows((31, 31), (41, 41)), 0.5, 0.5, 0.0, id="began ten rows before, gap joined"),
        pytest.param(rows((20, 50)), 0.5, 0.0, 0.0, id="was on long before"),
        pytest.param(rows((10, 10), (21, 21), (32, 32)), 0.0, 0.0, 3.0, id="three apart, none inside"),
        pytest.param(rows((10, 10), (20, 20)), 0.0, 0.0, 1.0, id="two that are one"),
        pytest.param(rows((40, 90)), 1.0, 0.5, 0.0, id="on through both: the second is not fresh"),
    ],
)
def test_events_and_episodes_are_counted(alert, recall, fresh, false):
    found = scored(alert, rows((40, 49), (80, 89)))

    assert (found.recall, found.fresh_recall, found.false_a_day) == (recall, fresh, false)


def test_the_share_of_alert_is_that_of_unlabelled_rows():
    assert scored(rows((0, 8), (40, 49)), rows((40, 49))).alert_share == pytest.approx(0.1)


def test_an_entity_without_events_counts_for_false_alarms_alone():
    found = scored(rows((5, 5)), rows())

    assert (found.recall, found.auc_pr, found.false_a_day) == (None, None, 1.0)


def test_equal_scores_are_taken_together():
    label = np.array([True, False, True, False])

    assert average_precision(np.array([3.0, 2.0, 2.0, 1.0]), label) == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert average_precision(np.zeros(4), label) == pytest.approx(0.5)


def test_runs_close_together_are_one():
    assert runs(rows((2, 3), (14, 14)), gap=10) == [(2, 3), (14, 14)]
    assert runs(rows((2, 3), (13, 14)), gap=10) == [(2, 14)]
    assert runs(rows((2, 3), (5, 5))) == [(2, 3), (5, 5)]
