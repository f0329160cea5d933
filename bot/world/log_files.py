"""The prediction log as files: an hour each for the past, five minutes each as time goes on; none is ever rewritten.

    FOLDER/<model>/predictions/<begin>.csv   id, time, version, a column a feature, segment, score, prediction
    FOLDER/<model>/labels/<begin>.csv        id, label, label_time

A file holds what fell into its stretch of time, which begins at the UTC time of its name: predictions by `time`,
labels by `label_time`. It appears whole, once the stretch is over.
"""

from __future__ import annotations

import asyncio
import csv
import logging
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.world import prediction_log
from bot.world.clock import VirtualClock
from bot.world.prediction_log import Floats, Rows
from bot.world.simulate import World
from bot.world.topology import Model

log = logging.getLogger(__name__)

BLOCK_S = 300  # rows are drawn by blocks, so that they do not depend on how many make a file
HOUR_S = 3600
LOOK_S = 1.0  # of the wall's time between two looks at the clock: blocks last 5 s in the demo


class NotEmptyError(ValueError):
    """The folder holds something: a log that went on there would tell two stories. The text says which folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Labels:
    """Labels that are drawn already, (n,) each."""

    ids: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, dtype=np.object_))
    label: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    time_s: Floats = field(default_factory=lambda: np.empty(0))

    def where(self, chosen: NDArray[np.bool_]) -> _Labels:
        return _Labels(ids=self.ids[chosen], label=self.label[chosen], time_s=self.time_s[chosen])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress:
    """What the next stretch of a model goes on from."""

    rows: int = 0  # written so far: ids count on
    pending: _Labels = field(default_factory=_Labels)  # labels that are still to come


class LogFiles:
    """Writes the log of every model of a world that keeps its answers.

    since_s: where the log begins; absent: with the world. Raises NotEmptyError when there is something in the folder.
    """

    def __init__(
        self, folder: Path, world: World, *, seed: int, labelled: float | None = None, since_s: float | None = None
    ) -> None:
        if folder.exists() and any(folder.iterdir()):
            raise NotEmptyError(f"{folder} is not empty: remove it, or name another folder for the prediction log")
        self._folder = folder
        self._world = world
        self._seed = seed
        self._labelled = labelled
        begin_s = world.start_s if since_s is None else max(world.start_s, int(since_s) // HOUR_S * HOUR_S)
        self._written_s = begin_s
        self._progress = {model.name: _Progress() for model in world.topology.models}
        for model in world.topology.models:
            for kind in ("predictions", "labels"):
                (folder / model.name / kind).mkdir(parents=True)

    def write(self, now_s: float, *, span_s: int = BLOCK_S) -> None:
        """Write whole blocks that are over, in files of `span_s`. A failed one is written by the next call."""
        self._world.advance(now_s)
        over_s = int(now_s) // BLOCK_S * BLOCK_S
        while self._written_s < over_s:
            until_s = min((self._written_s // span_s + 1) * span_s, over_s)
            progress = {model.name: self._write_model(model, until_s) for model in self._world.topology.models}
            # only when all are written: a stretch that is tried again must draw the same rows and ids again
            self._progress, self._written_s = progress, until_s
        self._world.forget_answers(before_s=self._written_s)

    def _write_model(self, model: Model, until_s: int) -> _Progress:
        """Write both files of one stretch; returns what the next one goes on from."""
        before = self._progress[model.name]
        drawn: list[tuple[list[str], Rows]] = []
        count = before.rows
        for begin_s in self._blocks(until_s):
            rows = self._block(model, begin_s, until_s)
            drawn.append(([f"{model.name}-{count + place:06d}" for place in range(len(rows.time_s))], rows))
            count += len(rows.time_s)
        name = f"{datetime.fromtimestamp(self._written_s, UTC):%Y%m%dT%H%M}.csv"
        columns = ("id", "time", "version", *(one.name for one in model.features), "segment", "score", "prediction")
        table = [line for ids, rows in drawn for line in _lines(model, ids, rows)]
        _place(self._folder / model.name / "predictions" / name, columns, table)
        labels = _Labels(
            ids=np.concatenate([before.pending.ids, *(np.array(ids, dtype=np.object_) for ids, _ in drawn)]),
            label=np.concatenate([before.pending.label, *(rows.label for _, rows in drawn)]),
            time_s=np.concatenate([before.pending.time_s, *(rows.label_time_s for _, rows in drawn)]),
        )
        due = labels.where(labels.time_s < until_s)
        order = np.argsort(due.time_s, kind="stable")
        come = zip(due.ids[order], due.label[order].tolist(), _iso(due.time_s[order]), strict=True)
        _place(self._folder / model.name / "labels" / name, ("id", "label", "label_time"), list(come))
        return _Progress(rows=count, pending=labels.where((labels.time_s >= until_s) & np.isfinite(labels.time_s)))

    def _blocks(self, until_s: int) -> Iterator[int]:
        begin_s = self._written_s
        while begin_s < until_s:
            yield begin_s
            begin_s = (begin_s // BLOCK_S + 1) * BLOCK_S

    def _block(self, model: Model, begin_s: int, until_s: int) -> Rows:
        number = begin_s // BLOCK_S
        end_s = min((number + 1) * BLOCK_S, until_s)
        # a generator of its own for each block and model: nothing else of the world is drawn from it
        rng = np.random.default_rng((self._seed, zlib.crc32(f"log|{model.name}".encode()), number))
        answers = self._world.answers(model.name, since_s=begin_s, until_s=end_s)
        return prediction_log.draw(model, answers, rng, labelled=self._labelled)


async def follow(files: LogFiles, clock: VirtualClock) -> None:
    """Write files as the clock advances, until cancelled."""
    while True:
        try:
            files.write(clock.now_s())
        except OSError as error:
            log.warning("prediction log not written, trying again", extra={"error": repr(error)})
        await asyncio.sleep(LOOK_S)


def _lines(model: Model, ids: Sequence[str], rows: Rows) -> Iterator[tuple[Any, ...]]:
    names = np.array(model.segments)
    features = []
    for one in model.features:
        values = rows.features[one.name]
        cells = values.astype(np.object_)
        cells[np.isnan(values)] = None  # an empty cell
        features.append(cells.tolist())
    return zip(
        ids,
        _iso(rows.time_s),
        rows.version.tolist(),
        *features,
        names[rows.segment].tolist(),
        rows.score.tolist(),
        rows.prediction.tolist(),
        strict=True,
    )


def _iso(time_s: Floats) -> list[str]:
    """Write times as 2026-11-23T14:05:09.120Z."""
    moments = np.round(time_s * 1000).astype(np.int64).astype("datetime64[ms]")
    return [f"{text}Z" for text in np.datetime_as_string(moments, unit="ms").tolist()]


def _place(path: Path, columns: Sequence[str], lines: Sequence[Sequence[Any]]) -> None:
    """Write a file that appears whole; one that is there stays as it is."""
    if path.exists():
        return
    part = path.with_name(f".{path.name}.tmp")  # no pattern for .csv files finds it
    with part.open("w", encoding="utf-8", newline="") as text:
        table = csv.writer(text, lineterminator="\n")
        table.writerow(columns)
        table.writerows(lines)
    part.rename(path)
