"""One run inside the rig's namespaces: start everything, wait, do the trouble, end it, pull the telemetry, write it.

python -m tests.rig.run PLAN.json      (started by python -m tests.rig, which makes the namespaces)
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.rig.catalog import LABEL_DELAY_S, SCRAPE_S, STEP_S, catalog
from tests.rig.faults import FAMILIES, Family
from tests.rig.hosts import Hosts, Process, group_of
from tests.rig.places import OUTSIDE, PLACES, PROMETHEUS_PORT, REDIS_PORT, SPARE, Place
from tests.rig.writer import Series, Trouble, series_of, truth, write

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # nothing of the rig is behind a proxy
READY_S = 40.0  # importing scikit-learn twice within half a core
SETTLING_S = 14.0  # until windows are full and the first labels have come
DECOY_S = 24.0  # how long before the trouble a harmless change is made
FILLER_MIB = 64  # more than the spool can hold
HOG = "while True: pass"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the outside tells the inside; times in seconds."""

    family: str
    out: str
    work: str  # a folder for logs and data, gone afterwards
    models: str
    python: str  # that has scikit-learn
    root: str  # name of the control groups
    cpu: int
    rate: float  # requests a second
    baseline_s: float
    fault_s: float
    after_s: float


def ask(url: str, payload: dict[str, Any] | None = None, *, within_s: float = 5.0) -> bytes:
    """Raises OSError."""
    body = None if payload is None else json.dumps(payload).encode()
    with OPENER.open(urllib.request.Request(url, data=body), timeout=within_s) as answer:
        return bytes(answer.read())


class Running:
    """The rig while it runs; what a family may do to it (see faults.Rig) and what keeps it going."""

    def __init__(self, plan: Plan) -> None:
        self.rate = plan.rate
        self.changes: list[dict[str, Any]] = []
        self._plan, self._work = plan, Path(plan.work)
        self._hosts = Hosts(root=plan.root, spool=self._work / "spool")
        self._watched = [name for name in PLACES if name != SPARE]
        self._processes: dict[str, Process] = {}
        self._hogs: list[Process] = []
        self._env = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYTHONUNBUFFERED": "1",
            **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"),
        }

    def start(self) -> None:
        """Start all, in an order in which each finds what it needs. Raises RuntimeError when one does not come up."""
        self._start(
            *("redis", "data-1", ["redis-server", "--port", str(REDIS_PORT), "--save", "", "--appendonly", "no"]),
            *("--bind", "127.0.0.1", "--dir", str(self._work)),
        )
        for name in ("store", "featuriser", "scoring-1", "scoring-2", "gateway", "watch-edge-1", "watch-serve-1"):
            self._start_python(name)
        self._start_python("watch-data-1")
        for name in self._watched:
            if name != "load":
                self._await(PLACES[name])
        self._start_python("load")
        self._await(PLACES["load"])
        self._prometheus()

    def _start(self, name: str, node: str, words: list[str], *more: str) -> None:
        command = self._hosts.command(node, [*words, *more], cpu=self._plan.cpu)
        self._processes[name] = Process(name, command, env=self._env, log=self._work / f"{name}.log")

    def _start_python(self, name: str) -> None:
        place = PLACES[name]
        group = group_of(self._plan.root, place.node)
        spool = str(self._hosts.spool)
        module, arguments = {
            "scoring": ("scoring", [name, self._plan.models]),
            "watch": ("watch", [name, group, *([spool] if place.node == "data-1" else [])]),
            "featuriser": ("featuriser", [spool]),
            "load": ("load", [str(self.rate)]),
        }.get(name.split("-", maxsplit=1)[0], (name, []))
        self._start(name, place.node, [self._plan.python, "-m", f"tests.rig.{module}", *arguments])

    def _await(self, place: Place) -> None:
        give_up = time.monotonic() + READY_S
        while True:
            try:
                ask(f"http://{place.target}/metrics", within_s=2.0)
            except OSError:
                if time.monotonic() > give_up:
                    log = (self._work / f"{place.process}.log").read_text(errors="replace")
                    raise RuntimeError(f"{place.process} does not come up: {log[-1500:]}") from None
                time.sleep(0.2)
            else:
                return

    def _prometheus(self) -> None:
        folder = self._work / "prometheus"
        folder.mkdir()
        self._write_targets()
        config = {
            "global": {"scrape_interval": f"{SCRAPE_S}s", "scrape_timeout": "1500ms"},
            "scrape_configs": [
                {
                    "job_name": job,
                    "file_sd_configs": [{"files": [str(self._work / f"{job}.json")], "refresh_interval": "2s"}],
                }
                for job in ("nodes", "services", "people")
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        words = ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb"]
        listen = f"--web.listen-address={OUTSIDE}:{PROMETHEUS_PORT}"
        # a sample counts for two scrapes and not for five minutes: what stopped must be seen to have stopped
        self._start("prometheus", "", words, listen, "--query.lookback-delta=5s", "--log.level=warn")
        self._until(lambda: bool(ask(f"http://{OUTSIDE}:{PROMETHEUS_PORT}/-/ready")))

    def _until(self, done: Callable[[], bool]) -> None:
        give_up = time.monotonic() + READY_S
        while True:
            try:
                if done():
                    return
            except OSError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(0.2)

    def _write_targets(self) -> None:
        jobs: dict[str, list[dict[str, Any]]] = {"nodes": [], "services": [], "people": []}
        for name in self._watched:
            place = PLACES[name]
            job = "people" if not place.node else "services" if place.service else "nodes"
            labels = {"node": place.node} if job == "nodes" else {"service": place.service, "replica": name}
            jobs[job].append({"targets": [place.target], "labels": labels})
        for job, targets in jobs.items():
            (self._work / f"{job}.json").write_text(json.dumps(targets))

    def wait(self, seconds: float) -> None:
        """Let time pass; what died meanwhile is started again, as a supervisor would."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.5))
            for process in self._processes.values():
                if process.keep():
                    sys.stderr.write(f"  {process.name} died and was started again\n")

    def control(self, process: str, **order: Any) -> None:
        ask(f"http://{PLACES[process].target}/control", order)

    def signal(self, process: str, number: signal.Signals) -> None:
        self._processes[process].send(number)

    def kill(self, process: str) -> None:
        self._processes[process].stop(hard=True)

    def revive(self, process: str) -> None:
        self._start_python(process)
        self._await(PLACES[process])
        if process not in self._watched:
            self._watched.append(process)
            self._write_targets()

    def restart(self, process: str) -> None:
        self._processes[process].stop()
        self._start_python(process)
        self._await(PLACES[process])

    def hogs(self, node: str, count: int) -> None:
        for hog in self._hogs:
            hog.stop(hard=True)
        command = self._hosts.command(node, [sys.executable, "-c", HOG], cpu=self._plan.cpu)
        self._hogs = [Process("hog", command, env=self._env, log=self._work / "hog.log") for _ in range(count)]

    def cores(self, node: str, cores: float) -> None:
        self._hosts.set_cores(node, cores)

    def lose_packets(self, node: str, share: float) -> None:
        self._hosts.lose_packets(node, share)

    def fill_disk(self) -> None:
        try:
            (self._hosts.spool / "core.dump").write_bytes(b"x" * (FILLER_MIB * 2**20))
        except OSError:
            return  # no space left: that is the point
        raise RuntimeError("the spool is larger than it should be")

    def free_disk(self) -> None:
        (self._hosts.spool / "core.dump").unlink()

    def change(self, kind: str, entity: str, text: str, before: str = "", after: str = "") -> None:
        line: dict[str, Any] = {"time": round(time.time()), "kind": kind, "entity": entity, "text": text}
        self.changes.append({**line, "from": before or None, "to": after or None, "by": None})

    def pull(self, begin_s: float, end_s: float) -> Series:
        """Every signal of the catalogue, asked as a live bot would ask."""
        found: Series = {}
        for one in catalog()["signals"]:
            query = {"query": one["query"], "start": f"{begin_s:.0f}", "end": f"{end_s:.0f}", "step": str(STEP_S)}
            url = f"http://{OUTSIDE}:{PROMETHEUS_PORT}/api/v1/query_range?{urllib.parse.urlencode(query)}"
            found |= series_of(one, json.loads(ask(url, within_s=30.0))["data"]["result"])
        return found

    def stop(self) -> None:
        for process in (*self._hogs, *self._processes.values()):
            process.stop(hard=True)


def perform(plan: Plan) -> None:
    """Run a family from start to finish and write its recording. Raises RuntimeError, OSError."""
    family = next(one for one in FAMILIES if one.name == plan.family)
    rig = Running(plan)
    try:
        rig.start()
        rig.wait(SETTLING_S)
        begin_s = time.time()
        trouble = _play(rig, family, plan)
        end_s = time.time()
        series = rig.pull(begin_s, end_s)
    finally:
        rig.stop()
    truths = [truth(trouble, series, late_s=LABEL_DELAY_S)] if family.cause else []
    write(Path(plan.out), catalog=catalog(), series=series, changes=rig.changes, truths=truths)
    shown = f"detectable {truths[0]['detectable']}" if truths else "nothing wrong"
    sys.stderr.write(f"  {family.name}: {len(series)} series, {sum(map(len, series.values()))} samples, {shown}\n")


def _play(rig: Running, family: Family, plan: Plan) -> Trouble:
    if family.before is not None and plan.baseline_s > DECOY_S:
        rig.wait(plan.baseline_s - DECOY_S)
        family.before(rig)
        rig.wait(DECOY_S)
    else:
        rig.wait(plan.baseline_s)
    start_s = time.time()
    family.begin(rig)
    rig.wait(plan.fault_s - (time.time() - start_s))
    end_s = time.time()
    family.end(rig)
    rig.wait(plan.after_s)
    return Trouble(
        start_s=start_s,
        end_s=end_s,
        cause=family.cause,
        subcause=family.subcause,
        entities=family.entities,
        series=family.series,
    )


if __name__ == "__main__":
    perform(Plan(**json.loads(Path(sys.argv[1]).read_text())))
