"""Increases of buckets as a real Prometheus extrapolates them."""

import time
from datetime import timedelta

import numpy as np
import pytest

from bot.clock import from_epoch
from bot.domain.series import SeriesIndex
from bot.http import HttpClient
from bot.sources.bucket_shapes import ShapeRule
from bot.sources.histograms import HistogramDrift, HistogramQuery
from tests.integration.servers.prometheus import prometheus
from tests.servers import ServerAbsentError

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

WINDOW_S, WINDOWS, REFERENCE = 600.0, 24, 6
USUAL, MOVED = (0.3, 0.6, 0.1), (0.1, 0.4, 0.5)
QUERY = "sum by (le, model, version) (increase(model_score_bucket[10m]))"


def lines(end_s):
    """Two versions of 60 rows a minute: the usual one, a moved one for two hours, and the usual one again, moved last."""
    rng = np.random.default_rng(3)
    first_s = end_s - WINDOWS * WINDOW_S
    counts = {version: np.zeros(3) for version in ("1", "2")}
    for minute in range(int(WINDOWS * WINDOW_S / 60) + 1):
        window = int(minute * 60 / WINDOW_S)
        version = "2" if 10 <= window < 20 else "1"
        shape = MOVED if version == "2" or window >= 23 else USUAL
        counts[version] += rng.multinomial(60, shape)
        for name, own in counts.items():
            for bound, value in zip(("0.5", "0.9", "+Inf"), np.cumsum(own).tolist(), strict=True):
                yield "model_score_bucket", f'le="{bound}",model="fraud",version="{name}"', value, first_s + minute * 60


async def test_a_rollback_finds_its_reference_and_then_moves(tmp_path):
    end_s = time.time() // WINDOW_S * WINDOW_S
    rule = ShapeRule(signal="drift", entity_labels=("model",), version_label="version", reference=REFERENCE)
    asked = HistogramQuery(query=QUERY, rule=rule, window=timedelta(seconds=WINDOW_S), past=timedelta(days=1))
    index = SeriesIndex()
    try:
        with prometheus(tmp_path, history=lines(end_s)) as url:
            async with HttpClient(url) as client:
                source = HistogramDrift("prom histograms", client, [asked])
                history = await source.history(
                    index,
                    start=from_epoch(end_s - WINDOWS * WINDOW_S),
                    end=from_epoch(end_s - 60),
                    step_s=WINDOW_S,
                )
                pull = await source.pull(index, at=from_epoch(end_s))
    except ServerAbsentError as absent:
        pytest.skip(str(absent))

    assert [str(key) for key in index] == ["drift of fraud"]
    [told] = history.values.T
    known = np.isfinite(told)
    assert known[REFERENCE + 1 : 10].all()  # the first version, judged
    assert not known[12:16].any()  # the second one is learnt
    assert known[18:23].all()  # judged, and the first one again
    assert np.nanmax(told) < 0.05
    assert pull.samples.values[0] > 0.5
