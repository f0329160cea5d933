"""`faultline replay --from` over a real Prometheus says what `faultline replay FOLDER` says of the same samples."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from bot.clock import from_epoch
from bot.wiring.replaying import replay_folder
from bot.world.record import record
from tests.integration.servers.prometheus import Line, prometheus
from tests.replay.recordings import Told, checked, read, write
from tests.servers import ServerAbsentError

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

START_S, HOURS, STEP_S = (
    1_760_000_100,
    50,
    300,
)  # long ago, on the grid of live ticks; five minutes, for the sake of quickness
LEARNT = timedelta(hours=24)
END_S = START_S + HOURS * 3600 - STEP_S
STORIES = {"disk": "disk_full_pipeline", "deploy": "bad_deploy"}


def thinned(told: Told) -> Told:
    """Every fifth minute, so that two days are quick to tell."""
    rows = [row for row in told.rows if row[0] % STEP_S == 0]
    changes = [{**one, "time": -(-one["time"] // STEP_S) * STEP_S} for one in told.changes or ()]
    return replace(told, catalog={**told.catalog, "step_s": STEP_S}, rows=rows, changes=changes)


def lines(told: Told) -> Iterator[Line]:
    """The samples as an exporter would show them, and each deploy as a build-info metric."""
    for time_s, signal, entity, labels, value in told.rows:
        further = "".join(f',{name}="{text}"' for name, text in json.loads(labels or "{}").items())
        yield signal, f'entity="{entity}"{further}', float(value), float(time_s)
    deploys: dict[str, list[dict]] = {}
    for change in told.changes or ():
        if change["kind"] == "deploy":
            deploys.setdefault(change["entity"], []).append(change)
    for service, own in deploys.items():
        for time_s in range(START_S, END_S + 1, STEP_S):
            version = next((one["to"] for one in reversed(own) if one["time"] <= time_s), own[0]["from"])
            yield "build_info", f'service="{service}",version="{version}"', 1.0, float(time_s)


@pytest.fixture(scope="module", params=sorted(STORIES))
def story(request, tmp_path_factory):
    """A story as a folder, and as a configuration of a Prometheus that remembers it."""
    root = tmp_path_factory.mktemp("past")
    record(root / "minutes", scenario=STORIES[request.param], seed=11, hours=HOURS, start_s=START_S)
    told = thinned(read(root / "minutes"))
    catalog = {**told.catalog}
    catalog["signals"] = [{**one, "query": one["name"], "entity": "entity"} for one in catalog["signals"]]
    folder = write(root / "story", told)
    (root / "tsdb").mkdir()
    try:
        with prometheus(root, history=lines(told)) as url:
            query = {"source": "prometheus", "query": "build_info", "entity": "service", "version": "version"}
            config = {
                "slack": {"channel": "C0INCIDENTS"},
                "sources": {"prometheus": [{"url": url}], "changes": [query]},
                "catalog": catalog,
                "store": {"url": f"sqlite:///{root}/untouched.db"},
            }
            path = root / "faultline.yaml"
            path.write_text(yaml.safe_dump(config, sort_keys=False))
            yield request.param, folder, path
    except ServerAbsentError as absent:
        pytest.skip(str(absent))


def asked(config: Path, *more: str, begin_s: float = START_S + LEARNT.total_seconds(), end_s: float = END_S):
    span = ["--from", f"{from_epoch(begin_s):%Y-%m-%dT%H:%M}", "--to", f"{from_epoch(end_s):%Y-%m-%dT%H:%M}"]
    command = [sys.executable, "-m", "bot", "replay", *span, "--config", str(config), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def alike(told: dict) -> dict:
    """Without what is not of the story: the name, and how long it took."""
    return {name: value for name, value in told.items() if name not in ("recording", "seconds")}


def test_a_span_is_told_exactly_like_a_folder_with_the_same_samples(story, tmp_path):
    name, folder, config = story

    done = asked(config, "--json", "--out", str(tmp_path / "out"))

    told = checked(done.stdout)
    of_folder = replay_folder(folder).as_json()
    assert done.returncode == 0
    assert told["incidents"]
    assert {change["kind"] for one in told["incidents"] for change in one["changes"]} == {"deploy"} & {name}
    assert alike(told) == alike(json.loads(json.dumps(of_folder)))
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == told
    assert (tmp_path / "out" / "timeline.png").stat().st_size > 5_000
    assert not (config.parent / "untouched.db").exists()


def test_a_span_without_samples_is_told_in_one_line(story):
    _, _, config = story

    done = asked(config, begin_s=START_S - 20 * 86_400, end_s=START_S - 19 * 86_400)

    assert done.returncode == 2
    [complaint] = [line for line in done.stderr.splitlines() if line.startswith("faultline: ")]
    assert "prometheus: no sample of any signal from 2025-09-18" in complaint


def test_a_thin_day_before_the_span_is_told(story):
    _, _, config = story

    done = asked(config, begin_s=START_S + 2 * 3600, end_s=START_S + 3 * 3600)

    assert done.returncode == 0
    assert "Learnt little: the first sample is of 2025-10-09 08:55 UTC, 2.0 h before the span" in done.stdout
