"""What we hold in memory between ticks: the series we know, the detectors' state, and the last few columns.

All of it can be saved and restored, so that a restart loses no baseline.
"""

from __future__ import annotations

import io
import json
import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bot.clock import from_epoch
from bot.counting import Counting
from bot.domain.catalogue import Catalogue, Kind
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import Finding
from bot.domain.labels import labels_of
from bot.domain.message import PlotSeries
from bot.domain.series import Floats, Frame, History, Samples, SeriesIndex, SeriesKey
from bot.pipeline.detect import guards_for
from bot.pipeline.floors import own_floors
from bot.pipeline.observe import Place, Places
from detectors.bank import BankState, Judgements, from_arrays, grow, new_state, step, to_arrays, warm
from detectors.closer import Look, closer
from detectors.discover import BUDGET

PLOT_COLUMNS = 180  # three hours at a minute: how far back a picture can reach
PLOT_BEFORE = 45  # columns before the onset: with more, a trouble minutes old is a sliver at the edge
SNAPSHOT_VERSION = 1


class Watch:
    """The detectors' side of a tick."""

    def __init__(self, catalogue: Catalogue, *, budget: float = BUDGET) -> None:
        """budget: false episodes a day that all series together may cost."""
        self.catalogue = catalogue
        self.budget = budget
        self.index = SeriesIndex()
        self.last_time_s: float | None = None
        self.versions: dict[str, str] = {}  # by model: the version that telemetry says is serving
        self._state: BankState = new_state(0, step_s=catalogue.step_s)
        self._floors: dict[int, float] = {}  # by row: how far a distance goes by itself
        self._guards = guards_for(self.index, catalogue, budget=budget)
        self._places = Places(self.index, catalogue)
        self._telling: tuple[int, dict[str, list[int]]] = (0, {})  # of how many series; see _version_rows
        self._recent: deque[Frame] = deque(maxlen=PLOT_COLUMNS)
        self._judgements: Judgements | None = None
        self._counting = Counting(catalogue)

    def _fit(self) -> None:
        """Make room for series that appeared since the last column."""
        size = len(self.index)
        if size == self._places.size:
            return
        self._state = grow(self._state, size)
        self._guards = guards_for(self.index, self.catalogue, budget=self.budget, own=self._floors)
        self._places = Places(self.index, self.catalogue)

    def frame(self, parts: Iterable[Samples], *, at: datetime) -> Frame:
        """Lay what the sources brought into one column."""
        values = np.full(len(self.index), np.nan)
        for part in parts:
            values[part.rows] = part.values
        return Frame(time_s=at.timestamp(), values=values)

    def warm(self, history: History) -> tuple[Change, ...]:
        """Learn from past columns; tells which versions served, so that the ledger does not begin empty."""
        self._fit()
        values = np.full((len(history.times_s), len(self.index)), np.nan)
        values[:, history.rows] = history.values
        values = self._counting.learn(self.index, values)
        self._floors = own_floors(values, self.index, self.catalogue)
        self._guards = guards_for(self.index, self.catalogue, budget=self.budget, own=self._floors)
        self._state = warm(self._state, history.times_s, values, self._guards)
        changes: list[Change] = []
        for rows in self._version_rows().values():
            for time_s, column in zip(history.times_s, values[:, rows], strict=True):
                changes += self._version(self.index[rows[0]], time_s, column)
        for time_s, column in list(zip(history.times_s, values, strict=True))[-PLOT_COLUMNS:]:
            self._recent.append(Frame(time_s=float(time_s), values=column))
        if len(history.times_s):
            self.last_time_s = float(history.times_s[-1])
        return tuple(changes)

    def observe(self, frame: Frame) -> tuple[Judgements, tuple[Change, ...]]:
        """Judge one column. Returns what the detectors say and which versions began to serve."""
        self._fit()
        values = frame.values
        if len(values) < len(self.index):
            values = np.concatenate([values, np.full(len(self.index) - len(values), np.nan)])
        values = self._counting.increases(values)
        self._state, judgements = step(self._state, time_s=frame.time_s, values=values, guards=self._guards)
        self._judgements = judgements
        self._recent.append(Frame(time_s=frame.time_s, values=values))
        self.last_time_s = frame.time_s
        changes: list[Change] = []
        for rows in self._version_rows().values():
            changes += self._version(self.index[rows[0]], frame.time_s, values[rows])
        return judgements, tuple(changes)

    def closer(self, rows: NDArray[np.intp], limits: Floats) -> Look:
        """Look closer at some series after a column was judged; nothing is learnt from it."""
        return closer(self._state, rows, limit=limits)

    def _version_rows(self) -> dict[str, list[int]]:
        """By model: the rows that tell its version, one a replica where replicas tell it.

        Looked for again only when there are more series: a look at each, every tick, would cost more than judging them.
        """
        if self._telling[0] == len(self.index):
            return self._telling[1]
        names = {signal.name for signal in self.catalogue.signals if signal.kind is Kind.VERSION}
        found: dict[str, list[int]] = {}
        for row, key in enumerate(self.index) if names else ():
            model = self.catalogue.model_of(key.entity) if key.signal in names else None
            if model is not None:
                found.setdefault(model.name, []).append(row)
        self._telling = (len(self.index), found)
        return found

    def _version(self, key: SeriesKey, time_s: float, values: Floats) -> list[Change]:
        model = self.catalogue.model_of(key.entity)
        told = {version_text(float(value)) for value in values[np.isfinite(values)]}
        if model is None or len(told) != 1:
            return []  # nothing told, or replicas disagree: a rollout under way serves neither
        version = told.pop()
        before = self.versions.get(model.name)
        self.versions[model.name] = version
        if before == version:
            return []
        return [
            Change(
                time=from_epoch(float(time_s)),
                kind=ChangeKind.MODEL_VERSION,
                entity=model.name,
                text="seen in telemetry",
                from_=before,
                to=version,
            )
        ]

    @property
    def judged(self) -> int:
        """Series with enough history to be judged, and not silent."""
        found = self._judgements
        return 0 if found is None else int(np.count_nonzero(found.judged & ~found.gap))

    def watched(self, model: str) -> bool:
        """Whether at least one series of a model or its parts is judged, and not silent."""
        found = self._judgements
        if found is None:
            return False
        for row in (found.judged & ~found.gap).nonzero()[0]:
            owner = self.catalogue.model_of(self.index[int(row)].entity)
            if owner is not None and owner.name == model:
                return True
        return False

    def quiet(self) -> frozenset[Place]:
        """Places that are watched and in their usual range now."""
        found = self._judgements
        if found is None:
            return frozenset()
        # between two samples of a slow series, its last one stands
        present: NDArray[np.bool_] = found.judged & ~found.gap
        return self._places.quiet(present, found.active)

    def unseen(self) -> frozenset[Place]:
        """Places that were watched and are silent now."""
        found = self._judgements
        return frozenset() if found is None else self._places.silent(found.judged, found.gap)

    def plot(self, finding: Finding) -> PlotSeries | None:
        """The last hours of a finding's series with its baseline, ready to draw."""
        if finding.key not in self.index:
            return None
        row = self.index.row(finding.key)
        times, values = [], []
        from_s = finding.onset.timestamp() - PLOT_BEFORE * self.catalogue.step_s
        for frame in self._recent:
            if frame.time_s < from_s:
                continue
            value = float(frame.values[row]) if row < len(frame.values) else float("nan")
            times.append(frame.time_s)
            values.append(value if np.isfinite(value) else None)
        evidence = finding.evidence
        expected = evidence.expected if np.isfinite(evidence.expected) else 0.0
        scale = evidence.scale if np.isfinite(evidence.scale) else 0.0
        return PlotSeries(
            title=str(finding.key),
            unit=evidence.unit,
            times_s=tuple(times),
            values=tuple(values),
            expected=expected,
            band=3.0 * scale,
            onset_s=finding.onset.timestamp(),
        )

    def save(self) -> bytes:
        """Pack index and detector state into one blob: numpy's own archive, with no pickled objects in it."""
        head = {
            "version": SNAPSHOT_VERSION,
            "last_time_s": self.last_time_s,
            "versions": self.versions,
            "counters": self._counting.saved(),
            "floors": {str(row): floor for row, floor in self._floors.items()},
            "keys": [[key.signal, key.entity, dict(key.labels)] for key in self.index],
        }
        arrays: dict[str, NDArray[np.generic]] = {f"bank.{name}": a for name, a in to_arrays(self._state).items()}
        arrays["head"] = np.frombuffer(json.dumps(head).encode(), dtype=np.uint8)
        blob = io.BytesIO()
        np.savez_compressed(blob, allow_pickle=False, **arrays)
        return blob.getvalue()

    def restore(self, blob: bytes) -> None:
        """Take up a saved state. Raises ValueError or KeyError when it is not one of ours: then warm up afresh."""
        try:
            self._restore(blob)
        except (BadZipFile, zlib.error, EOFError, TypeError, OSError) as error:
            raise ValueError(f"not a whole snapshot: {error!r}") from error

    def _restore(self, blob: bytes) -> None:
        with np.load(io.BytesIO(blob), allow_pickle=False) as saved:
            head = json.loads(bytes(saved["head"]))
            if head["version"] != SNAPSHOT_VERSION:
                raise ValueError(f"snapshot version {head['version']}, this bot writes {SNAPSHOT_VERSION}")
            arrays: Mapping[str, Floats] = {
                name.removeprefix("bank."): saved[name] for name in saved.files if name.startswith("bank.")
            }
            state = from_arrays(arrays)
        self.index = SeriesIndex(
            [SeriesKey(signal, entity, labels_of(labels)) for signal, entity, labels in head["keys"]]
        )
        self._state = state
        self._telling = (0, {})
        self._counting.restore(head.get("counters", {}))
        self._floors = {int(row): float(floor) for row, floor in head.get("floors", {}).items()}
        self._guards = guards_for(self.index, self.catalogue, budget=self.budget, own=self._floors)
        self._places = Places(self.index, self.catalogue)
        self.last_time_s = head["last_time_s"]
        self.versions.clear()  # the same dict: whoever watches what serves was given it
        self.versions.update(head["versions"])


def version_text(value: float) -> str:
    """Write a version that telemetry carries as a number the way registries write it.

    >>> version_text(4.0), version_text(1.5)
    ('4', '1.5')
    """
    return str(int(value)) if value == int(value) else f"{value:g}"
