"""How often is the verdict right? Replays recordings of the simulated production and scores them against their truth.

    python -m tests.benchmarks.verdicts [--seeds 301 302 303]

Prints one JSON object. Seeds up to 203 were looked at while the rules were written; the default ones were not. They come
from the same generator all the same, so the figures say that the arithmetic holds together, not how it does in your
production.
Beside ours stand two plain rules over the same incidents: the side of the loudest series, and of the first to move.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.domain.catalogue import Catalogue, Side
from bot.domain.finding import Finding
from bot.domain.incident import Incident
from bot.domain.verdict import Cause
from bot.sources.recording import load_recording
from bot.wiring.replaying import replay_folder
from bot.world.record import record
from bot.world.recordings import RECORDED

SEEDS = (301, 302, 303)
EARLY_S, LATE_S = 120.0, 3600.0  # an incident belongs to a trouble when it opened between these around it


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    scenario: str
    counts: Counter[str]
    delays_s: tuple[float, ...]
    messages: tuple[int, ...]
    seconds: float
    samples: int


def rule(incident: Incident, catalogue: Catalogue, key: Callable[[Finding], Any]) -> str:
    """The side on which the series that comes first by `key` is watched."""
    first = min(incident.findings, key=key)
    signal = catalogue.signal.get(first.key.signal)
    infrastructure = signal is None or signal.kind.side is Side.INFRASTRUCTURE
    return Cause.INFRASTRUCTURE if infrastructure else Cause.MODEL


def score(job: tuple[str, int]) -> Scored:
    """Record one scenario, replay it, and hold the incidents against the truth."""
    name, seed = job
    with tempfile.TemporaryDirectory(prefix="faultline-bench-") as parent:
        folder = Path(parent) / name
        record(folder, scenario=name, seed=seed)
        truth = [json.loads(line) for line in (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
        report = replay_folder(folder)
        recording = load_recording(folder)
    counts: Counter[str] = Counter(hours=round((recording.times_s[-1] - recording.times_s[0]) / 3600 - 24))
    delays: list[float] = []
    matched: set[str] = set()
    for trouble in (one for one in truth if one["detectable"]):
        counts["troubles"] += 1
        found = [i for i in report.incidents if _belongs(i, trouble)]
        counts["incidents"] += len(found)
        matched |= {i.id for i in found}
        if not found:
            continue
        counts["detected"] += 1
        delays.append(min(i.opened.timestamp() for i in found) - trouble["start"])
        nearest = min(found, key=lambda i: abs(i.opened.timestamp() - trouble["start"]))
        counts.update(_judged(nearest, trouble, recording.catalogue))
    counts["false incidents"] = sum(i.id not in matched for i in report.incidents)
    return Scored(
        scenario=name,
        counts=counts,
        delays_s=tuple(delays),
        messages=tuple(report.messages.get(i.id, 0) for i in report.incidents),
        seconds=report.seconds,
        samples=recording.matrix.size,
    )


def _belongs(incident: Incident, trouble: dict[str, Any]) -> bool:
    return bool(trouble["start"] - EARLY_S <= incident.opened.timestamp() <= trouble["end"] + LATE_S)


def _judged(incident: Incident, trouble: dict[str, Any], catalogue: Catalogue) -> Iterable[str]:
    verdict = incident.verdict
    if verdict is not None:
        if verdict.cause == trouble["cause"]:
            yield "side right"
        if trouble["subcause"] in verdict.subcauses:
            yield "subcause right"
        if verdict.entity in trouble["entities"]:
            yield "root entity right"
        if verdict.cause not in (trouble["cause"], Cause.UNDETERMINED, Cause.MIXED):
            yield "wrong side"
    if rule(incident, catalogue, lambda f: -abs(f.evidence.peak_z)) == trouble["cause"]:
        yield "loudest series: side right"
    if rule(incident, catalogue, lambda f: f.onset) == trouble["cause"]:
        yield "first to move: side right"


def summary(scored: Iterable[Scored], seeds: Iterable[int]) -> dict[str, Any]:
    rows = list(scored)
    total: Counter[str] = sum((one.counts for one in rows), Counter())
    delays = sorted(delay for one in rows for delay in one.delays_s)
    troubles = total["troubles"]
    shares = (
        "detected",
        "side right",
        "wrong side",
        "subcause right",
        "root entity right",
        "loudest series: side right",
        "first to move: side right",
    )
    return {
        "seeds": list(seeds),
        "recordings": len(rows),
        "troubles": troubles,
        **{name: round(total[name] / troubles, 3) for name in shares},
        "incidents a trouble": round(total["incidents"] / troubles, 2),
        "false incidents a day": round(total["false incidents"] / (total["hours"] / 24), 3),
        "median delay, minutes": round(delays[len(delays) // 2] / 60, 1),
        "most messages an incident": max((m for one in rows for m in one.messages), default=0),
        "samples a second": round(sum(one.samples for one in rows) / sum(one.seconds for one in rows)),
        "side right by scenario": {
            name: f"{sum(o.counts['side right'] for o in rows if o.scenario == name)}"
            f" of {sum(o.counts['troubles'] for o in rows if o.scenario == name)}"
            for name in sorted({o.scenario for o in rows if o.counts["troubles"]})
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.verdicts")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    seeds = parser.parse_args().seeds
    jobs = [(name, seed) for seed in seeds for name in RECORDED]
    with ProcessPoolExecutor() as workers:
        found = summary(workers.map(score, jobs), seeds)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
