import gzip
import json

import pytest
import yaml

from bot.sources.recording import load_recording
from tests.rig.catalog import catalog
from tests.rig.faults import FAMILIES
from tests.rig.writer import Trouble, series_of, truth, write

START, TROUBLE, END = 1_790_000_000, 1_790_000_080, 1_790_000_120
CPU = ("node_cpu", "serve-1", "{}")


def trouble():
    return Trouble(
        start_s=TROUBLE,
        end_s=END,
        cause="infrastructure",
        subcause="cpu_saturation",
        entities=("serve-1",),
        series=(("node_cpu", "serve-1"),),
    )


def samples(during, *, until=END + 20):
    """A restless 0.2, and another value while the trouble lasts."""
    usual = [0.19, 0.2, 0.21]
    return [(at, during if TROUBLE <= at < END else usual[at % 3]) for at in range(START, until, 2)]


@pytest.mark.parametrize(
    ("during", "until", "detectable"),
    [
        pytest.param(0.9, END + 20, True, id="it rose"),
        pytest.param(0.2, END + 20, False, id="nothing to see"),
        pytest.param(0.222, END + 20, False, id="within the margin of the baseline"),
        pytest.param(0.2, TROUBLE + 4, True, id="it fell silent"),
    ],
)
def test_a_trouble_is_detectable_when_its_root_left_its_own_baseline(during, until, detectable):
    line = truth(trouble(), {CPU: samples(during, until=until)}, late_s=6)

    assert line["detectable"] is detectable
    assert [one["signal"] for one in line["series"]] == (["node_cpu"] if detectable else [])


def test_a_series_away_from_the_root_makes_nothing_detectable():
    line = truth(trouble(), {("latency_p95", "gateway", "{}"): samples(0.9)}, late_s=6)

    assert (line["detectable"], line["series"]) == (False, [])


def test_an_answer_of_prometheus_becomes_series_named_by_their_labels():
    signal = {"name": "feature_null", "entity": ["model", "feature"]}
    result = [
        {
            "metric": {"model": "fraud", "feature": "amount", "zone": "b"},
            "values": [[START, "0.5"], [START + 2, "NaN"], [START + 4, "+Inf"]],
        },
        {"metric": {"model": "fraud", "feature": "age"}, "values": [[START, "NaN"]]},
    ]

    found = series_of(signal, result)

    assert found == {("feature_null", "fraud/amount", '{"zone": "b"}'): [(START, 0.5)]}


def test_what_is_written_opens_as_a_recording(tmp_path):
    change = {"time": TROUBLE, "kind": "deploy", "entity": "scoring", "text": "2.8", "from": "2.7", "to": "2.8"}
    rows = {CPU: [(at, value + 1e-9) for at, value in samples(0.9)]}

    write(tmp_path, catalog=catalog(), series=rows, changes=[change], truths=[truth(trouble(), rows, late_s=6)])

    recording = load_recording(tmp_path)
    assert recording.matrix.shape == (70, 1)
    assert recording.changes[0].entity == "scoring"
    assert json.loads((tmp_path / "truth.jsonl").read_text())["cause"] == "infrastructure"
    assert b"0.9000" not in gzip.decompress((tmp_path / "telemetry.csv.gz").read_bytes())
    assert yaml.safe_load((tmp_path / "catalog.yaml").read_text())["step_s"] == 2


def test_every_root_that_a_family_names_is_watched():
    signals = {one["name"] for one in catalog()["signals"]}

    assert {name for family in FAMILIES for name, _ in family.series} <= signals
    assert all(family.series for family in FAMILIES if family.cause)
