import csv
import gzip
import json

import numpy as np
import pytest
import yaml

from bot.world.__main__ import main
from bot.world.record import record
from bot.world.recordings import RECORDED

KINDS = {
    *("cpu", "memory", "disk", "network", "latency", "errors", "traffic", "availability", "restarts", "cache"),
    *("backlog", "throughput", "inference_latency", "fallback", "version", "feature_null", "feature_value"),
    *("feature_drift", "freshness", "prediction", "prediction_drift", "quality", "calibration", "label_rate"),
    "label_volume",
}
SUBCAUSES = {
    "model": {"bad_version", "data_quality", "covariate_drift", "concept_drift"},
    "infrastructure": {
        "cpu_saturation",
        "memory_saturation",
        "disk_saturation",
        "network",
        "dependency_failure",
        "bad_deploy",
        "capacity_loss",
        "traffic_surge",
        "telemetry_loss",
    },
}
CHANGE_KINDS = {"deploy", "model_version", "config", "autoscale", "calendar", "marketing", "data", "schema", "other"}
INNOCENT = {"innocent_deploy", "benign_version", "campaign", "autoscale", "scrape_gap", "quiet_day"}
HOURS = 12.0


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_recording_fits_the_format(tmp_path, name):
    record(tmp_path, scenario=name, seed=5, hours=HOURS)

    catalogue = yaml.safe_load((tmp_path / "catalog.yaml").read_text())
    signals = {one["name"]: one for one in catalogue["signals"]}
    assert {one["kind"] for one in signals.values()} == KINDS
    assert {one["worse"] for one in signals.values()} <= {"up", "down", "both"}
    assert not any({"query", "entity"} & set(one) for one in signals.values())
    with gzip.open(tmp_path / "telemetry.csv.gz", "rt", newline="") as table:
        rows = csv.reader(table)
        assert next(rows) == ["time", "signal", "entity", "labels", "value"]
        times, series = set(), set()
        for time, signal, entity, labels, value in rows:
            times.add(int(time))
            series.add((signal, entity, labels))
            float(value)
    assert {signal for signal, _, _ in series} == set(signals)
    assert all(labels == json.dumps(json.loads(labels), sort_keys=True) for _, _, labels in series)
    assert sorted(times) == list(range(min(times), min(times) + int(HOURS * 3600), 60))
    entities = {entity for _, entity, _ in series}
    changes = lines(tmp_path / "changes.jsonl")
    assert all({"time", "kind", "entity"} <= set(one) and one["kind"] in CHANGE_KINDS for one in changes)
    assert [one["time"] for one in changes] == sorted(one["time"] for one in changes)
    truth = lines(tmp_path / "truth.jsonl")
    assert (not truth) == (name in INNOCENT)
    for one in truth:
        assert one["subcause"] in SUBCAUSES[one["cause"]]
        assert min(times) <= one["start"] < one["end"] <= max(times)
        assert one["detectable"] is True
        assert one["entities"][0] in entities
        assert one["series"] or one["subcause"] == "telemetry_loss"
        for root in one["series"]:
            assert (root["signal"], root["entity"], json.dumps(root["labels"], sort_keys=True)) in series


def test_the_same_arguments_write_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        record(tmp_path / folder, scenario="two_troubles", seed=3, hours=4)

    for name in ("catalog.yaml", "telemetry.csv.gz", "changes.jsonl", "truth.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_two_troubles_are_two_truths(tmp_path):
    record(tmp_path, scenario="two_troubles", seed=3, hours=HOURS)

    assert [(one["cause"], one["subcause"], one["entities"][0]) for one in lines(tmp_path / "truth.jsonl")] == [
        ("model", "bad_version", "fraud"),
        ("infrastructure", "disk_saturation", "n-04"),
    ]


def test_a_fault_too_small_to_see_is_said_to_be_so(tmp_path, monkeypatch):
    from bot.world.faults.infrastructure import NetworkLoss

    def hidden(slot):
        return (NetworkLoss(target="n-03", start_s=slot.start_s, end_s=slot.end_s, severity=1e-4),)

    monkeypatch.setitem(RECORDED, "hidden", hidden)

    record(tmp_path, scenario="hidden", seed=3, hours=4)

    assert [one["detectable"] for one in lines(tmp_path / "truth.jsonl")] == [False]


def test_a_scrape_gap_leaves_rows_out(tmp_path):
    done = record(tmp_path, scenario="scrape_gap", seed=3, hours=4)

    missing = done.series * 4 * 60 - done.rows
    assert missing > 0
    assert missing % 4 == 0


def test_seeds_vary_where_and_when(tmp_path):
    starts, roots = set(), set()
    for seed in range(6):
        record(tmp_path / str(seed), scenario="cpu_saturation", seed=seed, hours=2)
        truth = lines(tmp_path / str(seed) / "truth.jsonl")[0]
        starts.add(truth["start"])
        roots.add(truth["entities"][0])

    assert len(starts) == 6
    assert len(roots) > 1


def test_the_command_records(tmp_path, capsys):
    arguments = ["record", "--scenario", "bad_version", "--out", str(tmp_path), "--seed", "1", "--hours", "2"]

    assert main(arguments) == 0

    assert "1 incidents" in capsys.readouterr().out
    assert np.isfinite([one["start"] for one in lines(tmp_path / "truth.jsonl")]).all()
