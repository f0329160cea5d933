"""Recordings by others: what fits the format is read, what does not is told in words, and nothing steers a terminal."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.catalog import parse_catalog
from bot.errors import BadInputError
from bot.sources.recording import load_recording
from bot.wiring.replaying import replay_folder
from tests.replay.recordings import T0, small, verdicts, write
from tests.replay.test_replay import BAD, BUSY, HOST, MODEL, VERSION


@pytest.mark.parametrize("name", ["10.0.0.1:9100", ":cpu", "a:b:c"])
def test_a_line_of_the_argument_names_its_entity_whole(tmp_path, name):
    catalog = {**HOST, "nodes": [{"name": name}], "services": [{"name": "api:v1", "runs_on": [name]}]}
    series = {("cpu", name): BUSY["cpu", "n-01"], ("latency", "api:v1"): BUSY["latency", "api"]}

    report = replay_folder(write(tmp_path / "r", small(catalog, series)))

    assert {line.entity for one in report.incidents for line in one.verdict.reasoning} <= {name, "api:v1"}


def test_a_change_that_does_not_name_the_version_does_not_hide_the_one_that_does(told, replayed):
    changes = [{key: one[key] for key in ("time", "kind", "entity")} for one in told["version"].changes]

    found = replayed(replace(told["version"], changes=changes))

    assert list(verdicts(found)) == [VERSION]


def with_changes(folder, text, **how):
    written = write(folder, small(HOST, {}))
    (written / "changes.jsonl").write_text(text, **{"encoding": "utf-8", **how})
    return load_recording(written).changes


@pytest.mark.parametrize("letter", ["\u2028", "\u2029", "\x85"])
def test_a_change_may_hold_any_character_that_json_allows(tmp_path, letter):
    change = {"time": T0, "kind": "deploy", "entity": "api", "text": f"a{letter}b"}

    [found] = with_changes(tmp_path / "r", json.dumps(change, ensure_ascii=False) + "\n")

    assert found.text == f"a{letter}b"


def test_changes_may_begin_with_a_byte_order_mark(tmp_path):
    line = '{"time": 1, "kind": "deploy", "entity": "api"}\n'

    assert len(with_changes(tmp_path / "r", line, encoding="utf-8-sig")) == 1


def test_what_changed_may_be_a_flag_or_an_object(tmp_path):
    change = {"time": T0, "kind": "config", "entity": "api", "from": False, "to": {"cache": 3}, "by": 7}

    [found] = with_changes(tmp_path / "r", json.dumps(change))

    assert (found.from_, found.to, found.by) == ("false", '{"cache": 3}', "7")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"services": [{"name": "a", "depends_on": None, "runs_on": None}]}, id="service"),
        pytest.param({"models": [{"name": "m", "features": None, "label_delay_s": None}]}, id="model"),
        pytest.param({"signals": [{"name": "s", "kind": "cpu", "unit": None, "worse": None}]}, id="signal"),
    ],
)
def test_a_key_with_nothing_behind_it_means_its_default(content):
    assert parse_catalog(content, where="catalog.yaml")


FURTHER = {
    "version": 2,
    "nodes": [{"name": "n", "zone": "eu"}],
    "models": [{"name": "m", "owner": "ann", "features": [{"name": "f", "dtype": "int"}]}],
}


def test_a_recording_may_know_more_than_we_do():
    found = parse_catalog(FURTHER, where="catalog.yaml", further_keys=True)

    assert (found.nodes[0].name, found.models[0].features[0].name) == ("n", "f")


def test_in_a_persons_configuration_an_unknown_key_is_a_typing_error():
    with pytest.raises(BadInputError, match="zone"):
        parse_catalog(FURTHER, where="faultline.yaml")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"step_s": float("inf")}, id="endless step"),
        pytest.param({"step_s": 1e300}, id="huge step"),
        pytest.param({"models": [{"name": "m", "label_delay_s": float("inf")}]}, id="endless delay"),
        pytest.param({"models": [{"name": "m", "label_delay_s": 1e13}]}, id="huge delay"),
    ],
)
def test_a_duration_without_end_is_refused(content):
    with pytest.raises(BadInputError):
        parse_catalog(content, where="catalog.yaml")


def test_an_endless_label_delay_is_refused_before_anything_is_replayed(tmp_path):
    model = {**MODEL, "models": [{"name": "fraud", "label_delay_s": 1e12}]}

    with pytest.raises(BadInputError, match="label_delay_s"):
        replay_folder(write(tmp_path / "r", small(model, BAD)))


def test_words_of_a_recording_cannot_steer_the_terminal(tmp_path):
    node = "n\x1b[2J\nok"
    catalog = {**HOST, "nodes": [{"name": node}], "services": [{"name": "api", "runs_on": [node]}]}
    series = {("cpu", node): BUSY["cpu", "n-01"], ("latency", "api"): BUSY["latency", "api"]}

    said = replay_folder(write(tmp_path / "r", small(catalog, series))).text()

    assert "sigma" in said
    assert "\x1b" not in said
    assert not [line for line in said.splitlines() if line.startswith("ok")]


def test_a_file_that_is_no_gzip_is_told_in_words(tmp_path):
    folder = write(tmp_path / "r", small(HOST, {}))
    (folder / "telemetry.csv.gz").write_bytes(b"time\n")

    with pytest.raises(BadInputError) as error:
        load_recording(folder)

    assert "SELECT" not in str(error.value)
