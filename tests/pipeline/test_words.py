"""Sentences about findings: they say how a series departs, and never more than is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.catalogue import Kind
from bot.domain.finding import FindingKind
from bot.pipeline.words import departure_text
from tests.pipeline.builders import finding, gap


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        pytest.param(
            FindingKind.LEVEL, "latency of scoring went 12 sigma above usual (now 112 ms, usual 100 ms)", id="level"
        ),
        pytest.param(
            FindingKind.SHIFT, "latency of scoring went 12 sigma above usual (now 112 ms, usual 100 ms)", id="shift"
        ),
        pytest.param(
            FindingKind.NOVEL,
            "latency of scoring went 12 sigma above usual, where it was never seen at this time of day"
            " (now 112 ms, usual 100 ms)",
            id="novel",
        ),
        pytest.param(
            FindingKind.SPREAD,
            "latency of scoring swings wilder than usual around 100 ms, by 12 sigma at its widest",
            id="spread",
        ),
    ],
)
def test_a_departure_is_told_by_its_kind(kind, said):
    assert departure_text(finding(Kind.LATENCY, "scoring", shape=kind)) == said


def test_a_wild_series_without_a_usual_value_is_told_without_one():
    one = finding(Kind.LATENCY, "scoring", shape=FindingKind.SPREAD)
    one = replace(one, evidence=replace(one.evidence, expected=float("nan")))

    assert departure_text(one) == "latency of scoring swings wilder than usual, by 12 sigma at its widest"


def test_silence_is_told_by_its_length():
    assert departure_text(gap(Kind.LATENCY, "scoring")) == "latency of scoring has been silent for 10 min"
