"""A recording (docs/recordings.md): a folder of telemetry, opened once and then read like a live source."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from bot.catalog import explain_validation, load_catalog
from bot.clock import from_epoch
from bot.domain.catalogue import Catalogue
from bot.domain.change import Change, ChangeKind
from bot.domain.series import Floats, History, Rows, Samples, SeriesIndex
from bot.errors import BadInputError
from bot.ports import Pull
from bot.sources.telemetry_file import Table, read_table

CATALOG, CHANGES = "catalog.yaml", "changes.jsonl"
TELEMETRY = ("telemetry.parquet", "telemetry.csv.gz")
MAX_TICKS = 2_000_000  # four years of minutes
MAX_CELLS = 100_000_000  # 800 MB of float64; more is a stray time or a step that does not fit


class Recording:
    """What a folder holds, on the grid of its catalogue.

    times_s: (t,) ticks from the first sample to the last, step_s apart.
    matrix:  (t, n) one column a series of `index`; NaN means no sample.
    A sample stands at the first tick not before it: replayed, nothing is known before it happened.
    """

    def __init__(
        self,
        *,
        name: str,
        catalogue: Catalogue,
        index: SeriesIndex,
        times_s: Floats,
        matrix: Floats,
        changes: Sequence[Change] = (),
    ) -> None:
        self.name = name
        self.catalogue = catalogue
        self.index = index
        self.times_s = times_s
        self.matrix = matrix
        self.changes = tuple(sorted(changes, key=lambda change: change.time))


def load_recording(folder: Path) -> Recording:
    """Open a folder. Raises BadInputError as one line "FOLDER/file: row N: reason"; never opens truth.jsonl."""
    if not folder.is_dir():
        raise BadInputError(f"{folder}: there is no such folder")
    catalogue = load_catalog(_inside(folder, CATALOG), further_keys=True)
    present = [name for name in TELEMETRY if (folder / name).exists()]
    if not present:
        raise BadInputError(f"{folder}: holds neither {' nor '.join(TELEMETRY)}")
    path = _inside(folder, present[0])
    table = read_table(path, signals=frozenset(signal.name for signal in catalogue.signals))
    times_s, matrix = _grid(table, catalogue.step_s, path)
    return Recording(
        name=folder.resolve().name,
        catalogue=catalogue,
        index=table.index,
        times_s=times_s,
        matrix=matrix,
        changes=_changes(_inside(folder, CHANGES)) if (folder / CHANGES).exists() else (),
    )


def _inside(folder: Path, name: str) -> Path:
    """A recording comes from anywhere: a link in it must not make us read something else."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BadInputError(f"{path}: leads out of the folder")
    return path


def _grid(table: Table, step_s: float, path: Path) -> tuple[Floats, Floats]:
    """Lay samples on ticks. The last of duplicated rows wins; of two moments within a tick the later."""
    count = len(table.index)
    if not len(table.times_s):
        return np.empty(0), np.empty((0, count))
    first = float(table.times_s.min())
    slots = np.ceil((table.times_s - first) / step_s - 1e-6).astype(np.int64)
    ticks = int(slots.max()) + 1
    if ticks > MAX_TICKS or ticks * count > MAX_CELLS:
        raise BadInputError(
            f"{path}: {ticks:,} ticks of {step_s:g} s with {count:,} series are too many:"
            " does step_s fit, is a time wrong?"
        )
    matrix = np.full((ticks, count), np.nan)
    cells = slots * count + table.rows
    flat = matrix.reshape(-1)
    owner = np.full(flat.shape, -1, np.int64)
    owner[cells] = np.arange(len(cells))
    if (owner[cells] == np.arange(len(cells))).all():
        flat[cells] = table.values
    else:
        kept = _last_ones(table, cells)
        flat[cells[kept]] = table.values[kept]
    flat[np.isinf(flat)] = np.nan  # a division by nothing measured nothing
    return first + step_s * np.arange(ticks, dtype=np.float64), matrix


def _last_ones(table: Table, cells: Rows) -> Rows:
    """Choose one row a cell: the last of equal times first, then the latest time that has a sample."""
    order = np.lexsort((np.arange(len(cells)), table.times_s, cells))
    cell, at = cells[order], table.times_s[order]
    last_of_time = np.append((cell[1:] != cell[:-1]) | (at[1:] != at[:-1]), True)
    order = order[last_of_time]
    order = order[~np.isnan(table.values[order])]
    cell = cells[order]
    chosen = order[np.append(cell[1:] != cell[:-1], True)] if len(order) else order
    return np.asarray(chosen, dtype=np.int64)


def _as_text(value: Any) -> Any:
    """What changed may be a flag or a whole object: people read it as it stood."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool | list | dict) else value


Text = Annotated[str | None, BeforeValidator(_as_text)]


class _ChangeLine(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, coerce_numbers_to_str=True)

    time: float | datetime
    kind: ChangeKind
    entity: str = Field(min_length=1)
    text: Text = None
    from_: Text = Field(default=None, alias="from")
    to: Text = None
    by: Text = None

    def change(self) -> Change:
        if isinstance(self.time, datetime) and self.time.tzinfo is None:
            raise ValueError("time has no zone")
        return Change(
            time=self.time.astimezone(UTC) if isinstance(self.time, datetime) else from_epoch(self.time),
            kind=self.kind,
            entity=self.entity,
            text=self.text or "",
            from_=self.from_,
            to=self.to,
            by=self.by,
        )


def _changes(path: Path) -> list[Change]:
    """Read one change a line; blank lines are none."""
    try:
        # not splitlines(): JSON allows U+2028 and its like inside a text
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}: row {number}"
        try:
            found.append(_ChangeLine.model_validate_json(line).change())
        except ValidationError as error:
            raise BadInputError(explain_validation(error, where).splitlines()[0]) from error
        except (ValueError, OverflowError) as error:
            raise BadInputError(f"{where}: {error}") from error
    return found


class RecordingSource:
    """Implements ports.MetricSource and ports.ChangeSource over a recording.

    A series gets a row in the caller's index at its first sample, not before: nobody knows of it earlier.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._step_s = recording.catalogue.step_s
        self._keys = tuple(recording.index)
        self._signals = tuple(dict.fromkeys(key.signal for key in self._keys))
        self._index: SeriesIndex | None = None
        self._rows = np.full(len(self._keys), -1, np.int64)

    @property
    def name(self) -> str:
        return self._recording.name

    @property
    def signals(self) -> tuple[str, ...]:
        return self._signals

    async def close(self) -> None:
        """Nothing is held open."""

    async def history(self, index: SeriesIndex, *, start: datetime, end: datetime, step_s: float) -> History:
        first_s = start.timestamp()
        count = int((end.timestamp() - first_s) / step_s + 1e-9) + 1
        times_s = first_s + step_s * np.arange(max(count, 0), dtype=np.float64)
        places = self._places(times_s)
        block = np.full((len(times_s), len(self._keys)), np.nan)
        block[places >= 0] = self._recording.matrix[places[places >= 0]]
        seen = np.flatnonzero(~np.isnan(block).all(axis=0)) if len(block) else np.empty(0, np.int64)
        return History(times_s=times_s, rows=self._rows_of(index, seen), values=block[:, seen])

    async def pull(self, index: SeriesIndex, *, at: datetime) -> Pull:
        place = int(self._places(np.array([at.timestamp()]))[0])
        if place < 0:
            return Pull(samples=Samples(rows=np.empty(0, np.int64), values=np.empty(0)))
        column = self._recording.matrix[place]
        seen = np.flatnonzero(~np.isnan(column))
        return Pull(samples=Samples(rows=self._rows_of(index, seen), values=column[seen]))

    async def changes(self, *, since: datetime, until: datetime) -> Sequence[Change]:
        return [change for change in self._recording.changes if since < change.time <= until]

    def _places(self, times_s: Floats) -> Rows:
        """Find (m,) the newest tick not after each time and less than a step old; -1 when there is none."""
        ticks = self._recording.times_s
        if not len(ticks):
            return np.full(len(times_s), -1, np.int64)
        places: Rows = np.floor((times_s - ticks[0]) / self._step_s + 1e-6).astype(np.int64)
        places[(places < 0) | (places >= len(ticks))] = -1
        return places

    def _rows_of(self, index: SeriesIndex, seen: Rows) -> Rows:
        if index is not self._index:
            self._index = index
            self._rows.fill(-1)
        for series in seen[self._rows[seen] < 0].tolist():
            self._rows[series] = index.row(self._keys[series])
        rows: Rows = self._rows[seen]
        return rows
