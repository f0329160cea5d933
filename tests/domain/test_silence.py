"""A silence covers what it matches, from its first moment until just before its last."""

from datetime import timedelta

import pytest

from tests.pipeline.builders import HOUR, ONSET, silence

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("after", "covered"),
    [
        pytest.param(-SECOND, False, id="before"),
        pytest.param(0 * SECOND, True, id="its first moment"),
        pytest.param(HOUR - SECOND, True, id="just before its end"),
        pytest.param(HOUR, False, id="its end"),
    ],
)
def test_a_silence_covers_while_it_lasts(after, covered):
    mute = silence("model=fraud", starts=0 * HOUR, ends=HOUR)

    assert mute.covers({"model": "fraud"}, now=ONSET + after) is covered


@pytest.mark.parametrize(
    ("labels", "covered"),
    [
        pytest.param({"model": "fraud", "kind": "cpu"}, True, id="both hold"),
        pytest.param({"model": "fraud", "kind": "disk"}, False, id="one does not"),
        pytest.param({"kind": "cpu"}, False, id="one is absent"),
    ],
)
def test_a_silence_covers_only_what_all_its_matchers_fit(labels, covered):
    assert silence("model=fraud kind=cpu").covers(labels, now=ONSET) is covered
