"""Write recordings, replay them and score what was said. One process a core; the same seeds give the same figures."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bot.bench.verdicts.figures import table
from bot.bench.verdicts.matching import Case, Trouble, assigned, guess_of, series_id
from bot.bench.verdicts.rules import RULES
from bot.errors import BadInputError
from bot.replay.run import WARM_UP
from bot.sources.recording import Recording, load_recording
from bot.wiring.replaying import replay_folder
from bot.world.corpus.families import FAMILIES, LEFT_OUT
from bot.world.corpus.traps import TRAPS
from bot.world.corpus.write import record_family


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    family: str
    seed: int = 0
    folder: Path | None = None  # one that somebody else wrote; None: write it first
    noise: bool = False  # the control: every series replaced by noise


def score(job: Job) -> Case:
    """Replay one recording and score it. Raises BadInputError for a folder that is none."""
    with tempfile.TemporaryDirectory(prefix="faultline-bench-") as parent:
        folder = job.folder
        if folder is None:
            folder = Path(parent) / f"{job.family}-{job.seed}"
            record_family(folder, family=job.family, seed=job.seed, noise=job.noise)
        return scored(folder, family=job.family)


def scored(folder: Path, *, family: str) -> Case:
    recording = load_recording(folder)
    truth = truth_of(folder)
    report = replay_folder(folder)
    printed = report.as_json()["incidents"]
    step_s = recording.catalogue.step_s
    told = assigned(printed, truth, step_s=step_s)
    whole = {str(incident.id): incident for incident in report.incidents}
    matched: set[str] = set()
    found = []
    for number, trouble in enumerate(truth):
        matched |= {one["id"] for one in told[number]}
        if not trouble.get("detectable", True):
            continue
        first = told[number][0] if told[number] else None
        others = (
            {name: rule(whole[first["id"]], recording.catalogue, recording.changes) for name, rule in RULES.items()}
            if first
            else {}
        )
        found.append(
            Trouble(
                family=family,
                recording=recording.name,
                side=trouble["cause"],
                subcause=trouble["subcause"],
                entities=tuple(trouble["entities"]),
                series=tuple(series_id(s["signal"], s["entity"], s.get("labels", {})) for s in trouble["series"]),
                guess=guess_of(first) if first else None,
                others=others,
                incidents=len(told[number]),
                delay_ticks=(first["opened"] - trouble.get("visible", trouble["start"])) / step_s if first else None,
            )
        )
    return Case(
        recording=recording.name,
        family=family,
        days=_judged_s(recording) / 86_400,
        series=len(recording.index),
        samples=int(np.isfinite(recording.matrix).sum()),
        seconds=report.seconds,
        troubles=tuple(found),
        false=sum(one["id"] not in matched for one in printed),
        messages=tuple(one["messages"] for one in printed),
    )


def _judged_s(recording: Recording) -> float:
    span = float(recording.times_s[-1] - recording.times_s[0]) if len(recording.times_s) else 0.0
    return max(span - WARM_UP.total_seconds(), span / 2)


def truth_of(folder: Path) -> list[dict[str, Any]]:
    """Read truth.jsonl. Raises BadInputError when there is none, or a line is not one."""
    path = folder / "truth.jsonl"
    if not path.exists():
        raise BadInputError(f"{path}: is not there; only recordings whose truth is known can be scored")
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            one = json.loads(line)
            _ = (float(one["start"]), float(one["end"]), one["cause"], one["subcause"], one["entities"], one["series"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInputError(f"{path}: row {number}: is no line of truth: {error}") from error
        found.append(one)
    return found


def corpus_jobs(seeds: Sequence[int], *, noise: bool = False) -> list[Job]:
    return [Job(family=family, seed=seed, noise=noise) for seed in seeds for family in FAMILIES]


def folder_jobs(folders: Sequence[Path]) -> list[Job]:
    """One job a recording; its family is its name up to the last hyphen."""
    return [Job(family=folder.name.rpartition("-")[0] or folder.name, folder=folder) for folder in folders]


def cases(jobs: Sequence[Job], *, workers: int | None = None) -> Iterator[Case]:
    """Score all of them, in order."""
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(score, jobs)


def report(found: Sequence[Case], *, ours: bool) -> dict[str, Any]:
    """The figures. ours: of the generator's families, those left out of all choices and the traps stand apart."""
    if not ours:
        return {"all": table(found)}
    return {
        "families that were looked at": table([case for case in found if case.family not in LEFT_OUT | set(TRAPS)]),
        "families left out": table([case for case in found if case.family in LEFT_OUT]),
        "nothing but traps": table([case for case in found if case.family in TRAPS]),
        "all": table(found),
    }
