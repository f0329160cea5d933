"""`faultline replay`: what it prints is the page's contract, whatever recording that fits the page it is given."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import app, replay_each
from bot.wiring.replaying import replay_folder
from tests.replay.conftest import HOURS, STORIES
from tests.replay.recordings import (
    COLUMNS,
    KINDS,
    MINUTES,
    ONSET,
    T0,
    Told,
    as_parquet,
    bare,
    cadence,
    calm,
    checked,
    duplicated,
    flaky,
    from_midway,
    iso,
    jump,
    renamed,
    shuffled,
    small,
    verdicts,
    write,
)

ROOT = Path(__file__).parents[2]
DISK = ("infrastructure", "disk_saturation", "n-04", "not_advised")
VERSION = ("model", "bad_version", "ranking", "advised")
VERDICTS = {"disk": DISK, "version": VERSION}
TROUBLES = [pytest.param("disk", DISK, id="disk"), pytest.param("version", VERSION, id="version")]

# ---------------------------------------------------------------- the command


@pytest.fixture(scope="session")
def command(stories, tmp_path_factory):
    """One real run over all stories, the disk twice, with a folder in the middle that does not fit."""
    broken = tmp_path_factory.mktemp("broken") / "broken"
    write(broken, Told(catalog={"signals": [{"name": "cpu", "kind": "cpu"}]}, rows=[(T0, "gpu", "n-01", "{}", 1)]))
    folders = [stories["disk"], broken, *stories.values()]
    done = subprocess.run(
        [sys.executable, "-m", "bot", "replay", *map(str, folders), "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done, broken


def test_each_folder_that_fits_is_one_line_of_json_in_the_order_given(command):
    done, _ = command

    printed = [checked(line) for line in done.stdout.splitlines()]

    assert [one["recording"] for one in printed] == ["disk", *STORIES]
    assert {one["ticks"] for one in printed} == {int(HOURS * 60)}


def test_progress_and_complaints_go_to_standard_error_alone(command):
    done, broken = command

    lines = done.stderr.splitlines()

    count = len(STORIES) + 2
    assert [line.split()[0] for line in lines if line.startswith("[")] == [f"[{n + 1}/{count}]" for n in range(count)]
    [complaint] = [line for line in lines if not line.startswith("[")]
    assert complaint == f"{broken}/telemetry.csv.gz: row 1: the signal 'gpu' is not in catalog.yaml"


def test_each_recording_gets_a_folder_with_its_report_and_its_line_stays_as_it_is(stories, tmp_path, own_logging):
    folders = [str(stories["quiet"]), str(stories["disk"]), str(stories["quiet"])]

    done = CliRunner().invoke(app, ["replay", *folders, "--json", "--out", str(tmp_path / "out")])

    assert done.exit_code == 0
    files = ["report.json", "report.txt", "timeline.png"]
    kept = {path.name: sorted(one.name for one in path.iterdir()) for path in (tmp_path / "out").iterdir()}
    assert kept == {"quiet": files, "disk": files, "quiet-2": files}
    lines = [checked(line) for line in done.stdout.splitlines()]
    assert json.loads((tmp_path / "out" / "disk" / "report.json").read_text()) == lines[1]


def test_a_folder_that_does_not_fit_costs_the_exit_code_and_nothing_else(command):
    done, _ = command

    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == len(STORIES) + 1


@pytest.mark.parametrize(("story", "verdict"), TROUBLES)
def test_a_trouble_is_named_with_its_root_and_whether_a_rollback_helps(command, story, verdict):
    done, _ = command

    told = next(one for one in map(checked, done.stdout.splitlines()) if one["recording"] == story)

    assert list(verdicts(told)) == [verdict]
    assert told["incidents"][0]["opened"] >= T0 + HOURS * 1800
    assert told["incidents"][0]["suspects"][0]["entity"] == verdict[2]


@pytest.mark.parametrize("story", ["quiet", "rollout", "benign", "campaign", "gap"])
def test_what_is_innocent_is_not_told(command, story):
    done, _ = command

    told = next(one for one in map(checked, done.stdout.splitlines()) if one["recording"] == story)

    assert (told["incidents"], told["messages"]) == ([], 0)


def test_the_version_that_is_to_blame_is_among_the_changes(command):
    done, _ = command

    told = next(one for one in map(checked, done.stdout.splitlines()) if one["recording"] == "version")

    [change] = told["incidents"][0]["changes"]
    assert (change["kind"], change["entity"]) == ("model_version", "ranking")
    assert change["time"] <= told["incidents"][0]["onset"]


def test_the_same_recording_twice_in_one_run_gives_the_same(command):
    done, _ = command

    first, second = (
        {**told, "seconds": 0} for told in map(checked, done.stdout.splitlines()) if told["recording"] == "disk"
    )

    assert first == second


def test_folders_that_all_fit_end_with_zero_and_a_person_reads_a_paragraph(stories, own_logging):
    done = CliRunner().invoke(app, ["replay", str(stories["disk"]), str(stories["quiet"])])

    assert done.exit_code == 0
    assert f"disk: {int(HOURS * 60)} ticks, " in done.stdout
    assert "infrastructure: a full disk on n-04" in done.stdout
    assert "rollback not advised" in done.stdout
    assert "quiet: " in done.stdout
    assert "0 incidents, 0 messages" in done.stdout
    assert "[1/2]" not in done.stdout


# ---------------------------------------------------------------- the same recording, written otherwise


@pytest.mark.parametrize(
    ("rewritten", "more"),
    [
        pytest.param(shuffled, {}, id="rows in any order"),
        pytest.param(duplicated, {}, id="duplicated rows of which the last wins"),
        pytest.param(iso, {}, id="times as ISO 8601 in two zones"),
        pytest.param(lambda told: told, {"finish": as_parquet}, id="parquet"),
        pytest.param(
            lambda told: replace(told, rows=[(*row, "n-99", "") for row in told.rows]),
            {"header": (*COLUMNS, "scraped_from", "comment")},
            id="columns that nobody asked for",
        ),
        pytest.param(
            lambda told: replace(told, rows=[(row[4], *row[1:4], row[0]) for row in told.rows]),
            {"header": ("value", "signal", "entity", "labels", "time")},
            id="columns in another order",
        ),
        pytest.param(lambda told: replace(told, changes=list(reversed(told.changes))), {}, id="changes in any order"),
    ],
)
def test_how_a_recording_is_written_changes_nothing(told, command, replayed, rewritten, more):
    done, _ = command
    usual = next(one for one in map(checked, done.stdout.splitlines()) if one["recording"] == "version")

    again = replayed(rewritten(told["version"]), name="version", **more)

    assert {**again, "seconds": 0} == {**usual, "seconds": 0}


NAMES = [
    pytest.param("disk", lambda name: f"{name}:9100", id="colons"),
    pytest.param("version", lambda name: f"v1:{name}", id="colons in a model's name"),
    pytest.param("version", lambda name: f"Größe {name} é 日本", id="spaces and unicode"),
    pytest.param("version", lambda name: f"{{{name}}} \"'*<!x>", id="quotes and braces"),
    pytest.param("version", lambda name: f"telemetry of {name}, gap", id="our own words"),
]


@pytest.mark.parametrize(("story", "named"), NAMES)
def test_a_cause_does_not_depend_on_names(told, replayed, story, named):
    found = replayed(renamed(told[story], entity=named, signal=named))

    cause, subcause, root, advice = VERDICTS[story]
    assert list(verdicts(found)) == [(cause, subcause, named(root), advice)]


def test_services_and_nodes_may_have_slashes_in_their_names(told, replayed):
    slashed = {"n-04": "rack/2/n-04", "scoring": "ns/scoring", "feature-pipeline": "ns/feature/pipeline"}

    found = replayed(renamed(told["disk"], entity=lambda name: slashed.get(name, name), signal=lambda name: name))

    assert list(verdicts(found)) == [("infrastructure", "disk_saturation", "rack/2/n-04", "not_advised")]


def _all_both(told: Told) -> Told:
    signals = [{**one, "worse": "both"} for one in told.catalog["signals"]]
    return replace(told, catalog={**told.catalog, "signals": signals})


@pytest.mark.parametrize(
    ("story", "otherwise"),
    [
        pytest.param("disk", lambda told: cadence(told, 300), id="disk, a sample every five minutes"),
        pytest.param("version", lambda told: cadence(told, 300), id="version, a sample every five minutes"),
        pytest.param("version", lambda told: cadence(told, 30), id="version, two samples a minute"),
        pytest.param("version", lambda told: cadence(told, 15), id="version, four samples a minute"),
        pytest.param("disk", flaky, id="disk, exporters that lose a scrape now and then"),
        pytest.param("disk", lambda told: from_midway(told, "node_cpu", "latency_p99"), id="series that begin midway"),
        pytest.param("version", lambda told: replace(told, changes=[]), id="no changes"),
        pytest.param("version", lambda told: replace(told, changes=None), id="no file of changes"),
        pytest.param("disk", _all_both, id="disk, worse is both everywhere"),
    ],
)
def test_a_cause_does_not_depend_on_the_manner_of_recording(told, replayed, story, otherwise):
    found = replayed(otherwise(told[story]))

    assert list(verdicts(found)) == [VERDICTS[story]]


@pytest.mark.parametrize(
    ("story", "advice"),
    [pytest.param("disk", "not_advised", id="disk"), pytest.param("version", "advised", id="version")],
)
def test_without_a_signal_of_versions_the_changes_tell_which_version_served(told, replayed, story, advice):
    rows = [row for row in told[story].rows if row[1] != "model_version"]

    found = replayed(replace(told[story], rows=rows))

    assert list(verdicts(found)) == [(*VERDICTS[story][:3], advice)]


@pytest.mark.parametrize(("story", "verdict"), TROUBLES)
def test_optional_keys_and_fields_may_all_be_absent(told, replayed, story, verdict):
    found = replayed(bare(told[story]))

    assert verdict[:3] in [one[:3] for one in verdicts(found)]


# ---------------------------------------------------------------- odd ones, made by hand

HOST = {
    "nodes": [{"name": "n-01"}],
    "services": [{"name": "api", "runs_on": ["n-01"]}],
    "signals": [
        {"name": "cpu", "kind": "cpu", "unit": "ratio", "worse": "up"},
        {"name": "latency", "kind": "latency", "unit": "ms", "worse": "up"},
        {"name": "other", "kind": "backlog"},
    ],
}
BUSY = {("cpu", "n-01"): jump(0.5, level=0.3), ("latency", "api"): jump(40, level=20)}
BUSY_VERDICT = ("infrastructure", "cpu_saturation", "n-01", "not_advised")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("10.0.0.1:9100", id="address and port"),
        pytest.param(":cpu", id="colon first"),
        pytest.param("n-01:", id="colon last"),
        pytest.param("rack/2", id="slash"),
        pytest.param("/", id="only a slash"),
        pytest.param("größe 日本 😀", id="unicode"),
        pytest.param("a, b", id="comma"),
        pytest.param('"n"', id="quotes"),
        pytest.param("a\nb", id="line break"),
        pytest.param("\u202ecba", id="written backwards"),
        pytest.param("{0}{x}%s", id="braces"),
        pytest.param("<!channel>", id="a mention"),
        pytest.param("0", id="a number"),
        pytest.param("None", id="a word of python"),
        pytest.param("request", id="a word of the page"),
        pytest.param("n" * 300, id="long"),
    ],
)
def test_a_node_may_be_called_anything(replayed, name):
    catalog = {**HOST, "nodes": [{"name": name}], "services": [{"name": "api", "runs_on": [name]}]}
    series = {("cpu", name): BUSY["cpu", "n-01"], ("latency", "api"): BUSY["latency", "api"]}

    found = replayed(small(catalog, series))

    assert list(verdicts(found)) == [("infrastructure", "cpu_saturation", name, "not_advised")]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(["nan"] * MINUTES, id="never a sample"),
        pytest.param([None] * MINUTES, id="no row"),
        pytest.param([5.0, "inf", 5.0] * (MINUTES // 3), id="infinite now and then"),
        pytest.param([*[5.0] * ONSET, *[None] * (MINUTES - ONSET)], id="silent since the trouble began"),
        pytest.param(["-inf"] * MINUTES, id="infinite"),
        pytest.param([1e300] * MINUTES, id="huge"),
        pytest.param([1.7e308, -1.7e308] * (MINUTES // 2), id="as large as numbers get, both ways"),
        pytest.param([5e-324] * MINUTES, id="as small as numbers get"),
        pytest.param([-1e9] * MINUTES, id="negative"),
        pytest.param([0.0] * MINUTES, id="zero"),
        pytest.param([7.0] * MINUTES, id="constant"),
        pytest.param([None] * (MINUTES - 1) + [1.0], id="one sample at the end"),
        pytest.param([1.0] + [None] * (MINUTES - 1), id="one sample at the beginning"),
    ],
)
def test_an_odd_series_beside_a_trouble_does_not_hide_it(replayed, values):
    found = replayed(small(HOST, {**BUSY, ("other", "api"): values}))

    assert list(verdicts(found)) == [BUSY_VERDICT]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"models": []}, id="no models"),
        pytest.param({"services": [{"name": "api", "runs_on": ["n-01"], "depends_on": ["api"]}]}, id="calls itself"),
        pytest.param(
            {
                "services": [
                    {"name": "api", "runs_on": ["n-01"], "depends_on": ["b"]},
                    {"name": "b", "depends_on": ["c"], "runs_on": ["n-01"]},
                    {"name": "c", "depends_on": ["api"]},
                ]
            },
            id="calls in a circle",
        ),
        pytest.param(
            {"services": [{"name": "api", "runs_on": ["n-01", "n-99"], "depends_on": ["nobody"]}]},
            id="names that nobody declared",
        ),
        pytest.param({"services": [{"name": "api", "runs_on": "n-01", "role": "gateway"}]}, id="one node, not a list"),
    ],
)
def test_a_trouble_is_found_in_any_topology(replayed, change):
    found = replayed(small({**HOST, **change}, BUSY))

    assert list(verdicts(found)) == [BUSY_VERDICT]


@pytest.mark.parametrize(
    "without",
    [
        pytest.param({"services"}, id="no services"),
        pytest.param({"nodes"}, id="no nodes"),
        pytest.param({"nodes", "services"}, id="signals alone"),
    ],
)
def test_a_catalogue_without_a_part_still_tells_that_something_is_wrong(replayed, without):
    found = replayed(small({key: value for key, value in HOST.items() if key not in without}, BUSY))

    assert {entity for one in found["incidents"] for entity in (s["entity"] for s in one["suspects"])} <= {
        "n-01",
        "api",
    }
    assert found["incidents"]


def test_what_the_catalogue_does_not_place_is_told_and_not_guessed(replayed):
    found = replayed(small(HOST, {("latency", "ghost"): jump(40, level=20)}))

    assert [(one["cause"], one["subcause"], one["entity"]) for one in found["incidents"]] == [
        ("undetermined", "", "ghost")
    ]


def test_several_signals_of_a_kind_are_one_trouble(replayed):
    names = ["latency", "latency_p50", "latency:p95"]
    signals = [HOST["signals"][0], *({"name": name, "kind": "latency", "unit": "ms"} for name in names)]
    series = {("cpu", "n-01"): BUSY["cpu", "n-01"], **{(name, "api"): jump(40, level=20) for name in names}}

    found = replayed(small({**HOST, "signals": signals}, series))

    assert list(verdicts(found)) == [BUSY_VERDICT]
    assert found["incidents"][0]["findings"] == 4


def test_label_sets_are_series_of_their_own_and_come_back_as_they_were(replayed):
    labels = {"zone": "eu/1:a", "größe": 'x "y"', "entity": "z"}
    written = json.dumps(labels, sort_keys=True, ensure_ascii=False)

    found = replayed(
        small(HOST, {("latency", "api", written): jump(40, level=20), ("latency", "api", '{"zone": "us"}'): calm()})
    )

    assert found["series"] == 2
    [incident] = found["incidents"]
    assert [suspect["labels"] for suspect in incident["suspects"]] == [labels]


MODEL = {
    "models": [{"name": "fraud"}],
    "signals": [
        {"name": "version", "kind": "version"},
        {"name": "drift", "kind": "prediction_drift", "unit": "psi", "worse": "up"},
        {"name": "auc", "kind": "quality", "unit": "ratio", "worse": "down"},
    ],
}
BAD = {
    ("version", "fraud"): [3] * (ONSET - 1) + [4] * (MINUTES - ONSET + 1),
    ("drift", "fraud"): jump(0.5, level=0.1),
    ("auc", "fraud"): jump(-0.3, level=0.9),
}


def test_a_model_that_no_service_serves_has_its_bad_version_named(replayed):
    found = replayed(small(MODEL, BAD))

    assert list(verdicts(found)) == [("model", "bad_version", "fraud", "advised")]


@pytest.mark.parametrize(
    "version",
    [
        pytest.param([2.5] * MINUTES, id="not whole"),
        pytest.param([-1] * MINUTES, id="negative"),
        pytest.param([1e20] * MINUTES, id="huge"),
        pytest.param(list(range(MINUTES)), id="another one each minute"),
        pytest.param(["nan"] * 80 + [3] * (MINUTES - 80), id="told late"),
    ],
)
def test_a_version_may_be_any_number(replayed, version):
    found = replayed(small(MODEL, {**BAD, ("version", "fraud"): version}))

    assert {one["entity"] for one in found["incidents"]} <= {"fraud", ""}
    assert found["incidents"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_move_alone(replayed, kind):
    catalog = {
        **HOST,
        "models": [{"name": "fraud", "served_by": "api", "features": [{"name": "amount"}]}],
        "signals": [{"name": "it", "kind": kind}, {"name": "version", "kind": "version"}],
    }
    entities = ("n-01", "api", "fraud", "fraud/amount", "fraud/eu")

    found = replayed(
        small(
            catalog,
            {
                ("version", "fraud"): [3] * MINUTES,
                **{("it", entity): jump(400 if entity == "api" else 0, level=20) for entity in entities},
            },
        )
    )

    assert {one["signal"] for incident in found["incidents"] for one in incident["suspects"]} <= {"it"}
    assert found["series"] == 6


# ---------------------------------------------------------------- short ones


@pytest.mark.parametrize(
    ("rows", "ticks", "series"),
    [
        pytest.param(0, 0, 0, id="no sample"),
        pytest.param(1, 1, 1, id="one sample"),
        pytest.param(2, 2, 1, id="two samples"),
        pytest.param(40, 40, 1, id="less than an hour"),
    ],
)
def test_a_short_recording_is_replayed_like_any_other(replayed, rows, ticks, series):
    told = small(HOST, {("cpu", "n-01"): [0.3 + 0.01 * (minute % 3) for minute in range(rows)]}, changes=[])

    found = replayed(told)

    assert (found["ticks"], found["series"], found["incidents"]) == (ticks, series, [])


def test_a_catalogue_of_nothing_with_an_empty_table_is_a_recording_of_nothing(replayed):
    found = replayed(Told(catalog={}, rows=[]))

    assert (found["ticks"], found["series"], found["messages"], found["incidents"]) == (0, 0, 0, [])


def test_what_is_plainly_broken_within_an_hour_is_told(replayed):
    values = [0.3 + 0.01 * (minute % 3) if minute < 40 else 0.95 for minute in range(58)]

    found = replayed(small(HOST, {("cpu", "n-01"): values, ("latency", "api"): [20 + v * 100 for v in values]}))

    assert list(verdicts(found)) == [BUSY_VERDICT]


def test_a_trouble_that_lasts_to_the_end_is_not_resolved(replayed):
    values = [0.3 + 0.01 * (minute % 3) if minute < ONSET else 0.95 for minute in range(MINUTES)]

    found = replayed(small(HOST, {("cpu", "n-01"): values, ("latency", "api"): [20 + v * 100 for v in values]}))

    assert [one["resolved"] for one in found["incidents"]] == [None]


def test_samples_between_ticks_and_times_that_begin_anywhere_are_fine(replayed):
    told = small(HOST, BUSY)

    found = replayed(replace(told, rows=[(row[0] + 17, *row[1:]) for row in told.rows]))

    assert found["ticks"] == MINUTES


# ---------------------------------------------------------------- those that do not fit


def _row(folder: Path) -> None:
    write(folder, replace(small(HOST, BUSY), rows=[(T0, "cpu", "n-01", "{}", "many")]))


def _no_zone(folder: Path) -> None:
    write(folder, replace(small(HOST, BUSY), rows=[("2026-09-21T14:13:20", "cpu", "n-01", "{}", 1)]))


def _change(folder: Path) -> None:
    good = {"time": T0, "kind": "deploy", "entity": "api"}
    write(folder, small(HOST, BUSY, changes=[good, {**good, "kind": "party"}]))


def _catalog(folder: Path) -> None:
    write(folder, small({**HOST, "step_s": 60, "nodes": [{"nam": "n-01"}], "models": [{"name": ""}]}, BUSY))


def _yaml(folder: Path) -> None:
    write(folder, small(HOST, BUSY))
    (folder / "catalog.yaml").write_text("signals: [\n")


def _no_table(folder: Path) -> None:
    write(folder, small(HOST, BUSY))
    (folder / "telemetry.csv.gz").unlink()


def _no_gzip(folder: Path) -> None:
    write(folder, small(HOST, BUSY))
    (folder / "telemetry.csv.gz").write_bytes(b"time,signal,entity,labels,value\n")


@pytest.mark.parametrize(
    ("make", "place", "because"),
    [
        pytest.param(lambda folder: None, "", "no such folder", id="no folder"),
        pytest.param(lambda folder: folder.mkdir(), "/catalog.yaml", "no such file", id="no catalogue"),
        pytest.param(_no_table, "", "holds neither telemetry.parquet nor telemetry.csv.gz", id="no table"),
        pytest.param(_no_gzip, "/telemetry.csv.gz", "not a GZIP", id="no gzip"),
        pytest.param(_yaml, "/catalog.yaml", "line 2, column 1: not valid YAML", id="broken YAML"),
        pytest.param(_catalog, "/catalog.yaml", "nodes.0.nam", id="several faults in the catalogue"),
        pytest.param(_row, "/telemetry.csv.gz", "row 1: value is 'many'; expected a number", id="value"),
        pytest.param(_no_zone, "/telemetry.csv.gz", "row 1: time is '2026-09-21T14:13:20'", id="time without a zone"),
        pytest.param(_change, "/changes.jsonl", "row 2: kind", id="change"),
    ],
)
def test_a_folder_that_does_not_fit_gets_one_line_and_the_next_is_replayed(tmp_path, capsys, make, place, because):
    bad, good = tmp_path / "bad", tmp_path / "good"
    make(bad)
    write(good, Told(catalog=HOST, rows=[(T0, "cpu", "n-01", "{}", 1)]))

    code = replay_each([bad, good], replay_folder=replay_folder, as_json=True)

    printed = capsys.readouterr()
    assert code == 2
    assert [checked(line)["recording"] for line in printed.out.splitlines()] == ["good"]
    first, complaint, second = printed.err.splitlines()
    assert (first, second) == (f"[1/2] {bad}", f"[2/2] {good}")
    assert complaint.startswith(f"{bad}{place}: ")
    assert because in complaint
