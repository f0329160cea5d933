"""The generator of recordings that nobody has seen: what it writes fits the format, and differs as installations do."""

import json

import numpy as np
import pytest
import yaml

from bot.sources.recording import load_recording
from bot.world.corpus.dialect import dialect
from bot.world.corpus.families import FAMILIES, FAULTS, LEFT_OUT
from bot.world.corpus.installation import installation
from bot.world.corpus.traps import TRAPS
from bot.world.corpus.write import planned, record_family
from bot.world.simulate import World
from tests.world.test_record import SUBCAUSES


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_there_are_families_of_every_cause_and_enough_of_traps():
    roots = {
        (root.cause, root.subcause)
        for family in FAULTS
        for episode in planned(family, 1)[0].trouble
        if (root := episode.root()) is not None
    }

    assert {(cause, one) for cause, some in SUBCAUSES.items() for one in some} == roots
    assert len(FAULTS) >= 25
    assert len(TRAPS) >= 12
    assert set(FAULTS) > LEFT_OUT


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_can_be_drawn_and_traps_hold_no_truth(family):
    plan, _ = planned(family, 4)

    roots = [one.root() for one in plan.trouble]
    assert any(root is not None for root in roots) == (family in FAULTS)
    assert not any(one.root() for one in plan.background)


@pytest.mark.parametrize("family", ["heavy_version", "segment_fault", "late_labels"])
def test_a_recording_of_the_corpus_can_be_loaded_and_its_truth_names_what_it_shows(tmp_path, family):
    done = record_family(tmp_path / "one", family=family, seed=4)

    recording = load_recording(done.folder)
    truth = lines(done.folder / "truth.jsonl")
    assert len(recording.index) == done.series
    assert len(truth) == (family in FAULTS)
    shown = {(key.signal, key.entity, tuple(sorted(dict(key.labels).items()))) for key in recording.index}
    for trouble in truth:
        assert recording.times_s[0] < trouble["start"] <= trouble["visible"] <= recording.times_s[-1]
        assert trouble["detectable"]
        for one in trouble["series"]:
            assert (one["signal"], one["entity"], tuple(sorted(one["labels"].items()))) in shown


def test_the_same_arguments_write_the_same_bytes_and_noise_keeps_only_the_truth(tmp_path):
    for name, noise in (("a", False), ("b", False), ("noise", True)):
        record_family(tmp_path / name, family="store_down", seed=4, noise=noise)

    for name in ("catalog.yaml", "telemetry.csv.gz", "changes.jsonl", "truth.jsonl"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (tmp_path / "a" / "truth.jsonl").read_bytes() == (tmp_path / "noise" / "truth.jsonl").read_bytes()
    assert abs(persistence(load_recording(tmp_path / "noise"))) < 0.1 < persistence(load_recording(tmp_path / "a"))


def persistence(recording):
    """How much the fullest series remembers of its last sample: a correlation."""
    column = recording.matrix[:, int(np.argmax(np.isfinite(recording.matrix).sum(axis=0)))]
    both = np.isfinite(column[:-1]) & np.isfinite(column[1:])
    return np.corrcoef(column[:-1][both], column[1:][both])[0, 1]


def test_installations_differ_in_size_names_units_and_cadence():
    drawn = [(installation(rng), dialect(rng)) for rng in map(np.random.default_rng, range(12))]

    assert len({len(topology.services) for topology, _ in drawn}) > 2
    assert len({topology.step_s for topology, _ in drawn}) > 1
    assert len({spoken.words["latency_p99"].name for _, spoken in drawn}) > 2
    assert len({spoken.words["latency_p99"].unit for _, spoken in drawn}) > 1
    assert len({len(spoken.words) for _, spoken in drawn}) > 3


@pytest.mark.parametrize("seed", range(4))
def test_a_drawn_installation_is_well_when_nothing_happens(seed):
    topology = installation(np.random.default_rng(seed))
    world = World(topology, seed=seed, start_s=1_790_000_040)
    world.advance(1_790_000_040 + 86_400)

    for number, one in enumerate(world.series):
        if one.signal.name in ("error_ratio", "fallback"):
            assert np.quantile(world.values[:, number], 0.99) < 0.05, one
        if one.signal.name == "node_cpu":
            assert np.quantile(world.values[:, number], 0.99) < 0.9, one


def test_the_catalogue_says_what_is_watched_and_no_more(tmp_path):
    done = record_family(tmp_path / "one", family="quiet_day", seed=5)

    signals = {one["name"] for one in yaml.safe_load((done.folder / "catalog.yaml").read_text())["signals"]}
    assert {key.signal for key in load_recording(done.folder).index} <= signals
