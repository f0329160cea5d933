"""Which silent series are news."""

import numpy as np
import pytest

from bot.domain.labels import labels_of
from bot.domain.series import SeriesIndex, SeriesKey
from bot.pipeline.silence import lost

NAN = float("nan")


def silent(*rows):
    """Rows (signal, entity, pod, missing seconds); silent beyond habit from 240 s on. Returns what `lost` says of each."""
    keys = [SeriesKey(signal, entity, labels_of({"pod": pod} if pod else {})) for signal, entity, pod, _ in rows]
    missing = np.array([one for *_, one in rows])
    found = lost(missing >= 240, missing, SeriesIndex(keys), step_s=60.0)
    return [found.get(number) for number in range(len(rows))]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param(
            [("cpu", "n-01", "", 300.0), ("memory", "n-01", "", 240.0), ("cpu", "n-02", "", 0.0)],
            [True, True, None],
            id="all of an entity",
        ),
        pytest.param(
            [("cpu", "n-01", "", 300.0), ("memory", "n-01", "", 0.0)], [False, None], id="one of them: a note, no call"
        ),
        pytest.param(
            [("cpu", "n-01", "", 300.0), ("memory", "n-01", "", 60.0)], [False, None], id="a slow one came since"
        ),
        pytest.param(
            [("cpu", f"n-0{number}", "", 300.0) for number in range(3)]
            + [("disk", f"n-0{number}", "", 0.0) for number in range(3)],
            [True, True, True, None, None, None],
            id="all of a signal",
        ),
        pytest.param(
            [("cpu", "s", "old", 900.0), ("cpu", "s", "new", 0.0)], [None, None], id="a pod that was replaced"
        ),
        pytest.param(
            [("cpu", "s", "old", 90_000.0), ("cpu", "s", "new", 300.0), ("memory", "s", "", 300.0)],
            [None, True, True],
            id="its successor falls silent, the old one stays replaced",
        ),
        pytest.param(
            [("null", "fraud/a", "", 300.0), ("psi", "fraud", "", 300.0)], [True, True], id="a part, its model"
        ),
        pytest.param([("null", "fraud/a", "", 300.0), ("psi", "fraud", "", 0.0)], [False, None], id="a part alone"),
        pytest.param([("cpu", "n-01", "", 0.0), ("cpu", "n-02", "", NAN)], [None, None], id="nothing"),
    ],
)
def test_an_exporter_is_lost_when_all_of_it_is(rows, expected):
    assert silent(*rows) == expected
