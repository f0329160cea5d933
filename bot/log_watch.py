"""Follow the prediction log of one model: read each window when it closes, judge it, and tell what stands.

Reading may take longer than a tick, so it has a job of its own; a tick asks only what is known. All of it is read
again after a restart: nothing but the frozen references is stored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.clock import from_epoch
from bot.domain.catalogue import Catalogue
from bot.domain.finding import Finding, FindingKind, Fingerprint
from bot.domain.message import PlotSeries
from bot.domain.model_quality import QualityPath, QualityReport
from bot.domain.prediction_log import Every, LogColumns, Profile, Span, Stretch, Window
from bot.domain.series import BlindSpot
from bot.errors import BadInputError, SourceDownError
from bot.pipeline.observe import Place
from bot.pipeline.quality.findings import finding_of, quiet_of
from bot.pipeline.quality.judge import judge
from bot.pipeline.quality.rules import ENOUGH, LOOKS
from bot.pipeline.quality.signals import NAMES
from bot.pipeline.quality.track import Standing, serving, standing
from bot.pipeline.quality.versions import compare
from bot.pipeline.quality.volume import number_of, slots_a_day, time_of, volume_of
from bot.pipeline.quality.windows import MEMORY, Judged, merged

log = logging.getLogger(__name__)

HEALTHY = 0.1  # share of windows with a call, above which a stretch is no reference
LEAST_WINDOWS = 12  # of a reference: fewer do not show how much windows differ by themselves
PATIENCE = 24  # windows of few rows that are judged together, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTiming:
    """When a log is read, and how far back."""

    window: timedelta  # one judgement each
    lateness: timedelta  # after the end of a window, until which its rows may still arrive
    reference: timedelta  # of healthy predictions that a reference is made of
    labels_within: timedelta  # after a prediction, until which its label may come: so far back windows are read again


class PredictionLogReader(Protocol):
    """Counts a prediction log where it lies. Its methods block: call them in a thread.

    Raises SourceDownError when the database cannot answer, BadInputError when a person must put something right.
    """

    @property
    def model(self) -> str: ...

    @property
    def columns(self) -> LogColumns: ...

    def spans(self, *, start: datetime, end: datetime) -> Sequence[Span]:
        """Which versions made predictions from `start` until before `end`, by their first prediction."""
        ...

    def profile(
        self, *, stretch: Stretch, start: datetime | None, end: datetime | None, version: str | None, now: datetime
    ) -> Profile:
        """Count a reference, and make of it what later windows are compared with."""
        ...

    def windows(
        self,
        profile: Profile,
        *,
        stretch: Stretch,
        start: datetime | None,
        end: datetime | None,
        version: str | None,
        now: datetime,
    ) -> Sequence[Window]:
        """Count what lies between, as the profile counts; oldest first. Stretches without rows are left out."""
        ...

    def close(self) -> None: ...


class ProfileStore(Protocol):
    """Where references are kept. Both raise StoreDownError."""

    async def profile(self, model: str, version: str) -> Profile | None: ...

    async def keep(self, profile: Profile, *, origin: str) -> None: ...


class LogWatch:
    def __init__(
        self,
        name: str,
        reader: PredictionLogReader,
        *,
        profiles: ProfileStore,
        catalogue: Catalogue,
        timing: LogTiming,
    ) -> None:
        self.name = name
        self.model = reader.model
        self._reader = reader
        self._profiles = profiles
        self._catalogue = catalogue
        self._timing = timing
        self._stretch = Every(timing.window.total_seconds())
        self._looks = LOOKS * slots_a_day(self._stretch.seconds)
        self._own: dict[str, Profile] = {}  # by version: its own reference
        self._used: dict[str, Profile] = {}  # by version: what it is compared with, its own or an earlier version's
        self._windows: dict[str, dict[int, Window]] = {}
        self._judged: dict[str, tuple[Judged, ...]] = {}
        self._volume: QualityReport | None = None
        self._until: datetime | None = None  # end of the newest window that was read
        self._blind = "not read yet"
        self.unready: dict[str, str] = {}  # by version: why it cannot be judged yet

    @property
    def settles(self) -> timedelta:
        """How long after a change the last window that holds something of the time before has been taken back."""
        return 2 * self._timing.window + self._timing.lateness

    # ------------------------------------------------------------ reading

    async def refresh(self, now: datetime) -> bool:
        """Read and judge what has closed since. Returns whether anything was read; a log that is down blinds us."""
        seconds = self._stretch.seconds
        end = from_epoch(time_of(number_of(now - self._timing.lateness, seconds), seconds))
        if self._until is not None and end <= self._until and not self._blind:
            return False
        try:
            await self._read(end, now)
        except (SourceDownError, BadInputError) as error:
            log.warning("prediction log not read", extra={"source": self.name, "because": str(error)})
            self._blind = str(error)
            return False
        self._until, self._blind = end, ""
        return True

    async def _read(self, end: datetime, now: datetime) -> None:
        oldest = end - MEMORY * self._timing.window - self._timing.reference
        spans = await asyncio.to_thread(self._reader.spans, start=oldest, end=end)
        newest = end - MEMORY * self._timing.window
        for span in sorted(spans, key=lambda one: one.first):
            profile = await self._profile(span, end=end, now=now)
            if profile is None:
                if span.version not in self.unready:
                    log.info("not judged yet", extra={"source": self.name, "because": self._wanting(span)})
                self.unready[span.version] = self._wanting(span)
                continue
            self.unready.pop(span.version, None)
            changed = self._used.get(span.version) is not profile
            self._used[span.version] = profile
            if span.last < newest:
                continue
            start = newest if changed else max(newest, (self._until or newest) - self._timing.labels_within)
            start = from_epoch(time_of(number_of(start, self._stretch.seconds), self._stretch.seconds))
            read = await asyncio.to_thread(
                self._reader.windows,
                profile,
                stretch=self._stretch,
                start=start,
                end=end,
                version=span.version,
                now=now,
            )
            held = {} if changed else self._windows.get(span.version, {})
            held.update((window.number, window) for window in read)
            oldest_kept = number_of(newest, self._stretch.seconds)
            self._windows[span.version] = {n: window for n, window in sorted(held.items()) if n >= oldest_kept}
            if read or changed:
                first = 0 if changed or not read else read[0].number
                await asyncio.to_thread(self._judge, span.version, first, now)
        self._volume = await asyncio.to_thread(self._volume_of, end)

    def _judge(self, version: str, first: int, now: datetime) -> None:
        """Judge anew from window `first` on: labels that came late change what was said of it."""
        profile, windows = self._used[version], list(self._windows[version].values())
        judged = [one for one in self._judged.get(version, ()) if one.report.number < first]
        judged = [one for one in judged if one.report.number in self._windows[version]]
        for place, window in enumerate(windows):
            if window.number < first:
                continue
            shown = _with_neighbours(windows[: place + 1])
            judged.append(Judged(window=window, report=judge(profile, shown, judged, now=now, looks=self._looks)))
        self._judged[version] = tuple(judged)

    def _volume_of(self, end: datetime) -> QualityReport | None:
        seconds = self._stretch.seconds
        newest = number_of(end, seconds) - 1
        rows: dict[int, int] = {}
        for windows in self._windows.values():
            for number, window in windows.items():
                rows[number] = rows.get(number, 0) + window.n
        if not rows:
            return None
        before = {number: rows.get(number, 0) for number in range(min(rows), newest)}
        found = volume_of(newest, rows.get(newest, 0), before, a_day=slots_a_day(seconds))
        if found is None:
            return None
        start = from_epoch(time_of(newest, seconds))
        return QualityReport(
            number=newest, version="", profile="", start=start, end=end, n=rows.get(newest, 0), findings=(found,)
        )

    # ------------------------------------------------------------ references

    async def _profile(self, span: Span, *, end: datetime, now: datetime) -> Profile | None:
        """Return a version's own reference; until it has one, that of the version before it."""
        version = span.version
        kept = await self._profiles.profile(self.model, version)  # each time: `faultline reference` may have made one
        if kept is not None and (version not in self._own or self._own[version].id != kept.id):
            self._own[version] = kept
        if version not in self._own and (healthy := self._healthy(span, end)) is not None:
            made = await asyncio.to_thread(
                self._reader.profile,
                stretch=self._stretch,
                start=healthy,
                end=healthy + self._timing.reference,
                version=version,
                now=now,
            )
            await self._profiles.keep(made, origin="healthy days")
            self._own[version] = made
            log.info("reference made", extra={"model": self.model, "version": version, "profile": made.id})
        if version in self._own:
            return self._own[version]
        earlier = [used for known, used in self._used.items() if known != version]
        return earlier[-1] if earlier else None

    def _healthy(self, span: Span, end: datetime) -> datetime | None:
        """Find where a stretch begins that is long enough and was calm, as far as that could be judged."""
        needed = max(self._timing.reference, LEAST_WINDOWS * self._timing.window)
        last = min(span.last + self._timing.window, end)
        start = span.first if not self._judged.get(span.version) else last - needed
        start = from_epoch(time_of(number_of(start, self._stretch.seconds) + 1, self._stretch.seconds))
        if last - start < needed or span.n < ENOUGH * LEAST_WINDOWS:
            return None
        judged = [one.report for one in self._judged.get(span.version, ())]
        inside = [report for report in judged if report.start is not None and report.start >= start]
        calls = sum(report.page for report in inside)
        return start if not inside or calls <= HEALTHY * len(inside) else None

    def _wanting(self, span: Span) -> str:
        hours = self._timing.reference.total_seconds() / 3600.0
        so_far = (span.last - span.first).total_seconds() / 3600.0
        return f"no reference yet: {so_far:.1f} h of {hours:g} h and {span.n:,} predictions so far"

    # ------------------------------------------------------------ telling

    def findings(self, now: datetime, known: Mapping[Fingerprint, Finding]) -> tuple[Finding, ...]:
        """Everything that stands now. While the log cannot be read, what stood goes on: silence is no recovery."""
        if self._blind:
            ours = (f for f in known.values() if f.kind is FindingKind.LOG)
            owners = ((f, self._catalogue.model_of(f.key.entity)) for f in ours)
            return tuple(f for f, owner in owners if owner is not None and owner.name == self.model)
        stands: list[Standing] = []
        for version, judged in serving(self._judged).items():
            stands += standing(judged)
            if (worse := self._compared(version)) is not None:
                stands.append(worse)
        if self._volume is not None:
            stands += [Standing(finding=one, report=self._volume, first=self._volume) for one in self._volume.findings]
        return tuple(
            finding_of(
                one,
                model=self.model,
                answers=self._answers,
                catalogue=self._catalogue,
                now=now,
                known=known,
            )
            for one in stands
        )

    def _compared(self, version: str) -> Standing | None:
        """Whether a version answers worse than the one that came before it."""
        began = {known: judged[0].report.number for known, judged in self._judged.items() if judged}
        earlier = [known for known in began if began[known] < began[version]]
        if not earlier:
            return None
        before = max(earlier, key=lambda known: began[known])
        new, old = self._judged[version], self._judged[before]
        found = compare(new, old, self._own.get(before), version=version, before=before)
        return None if found is None else Standing(finding=found, report=new[-1].report, first=new[0].report)

    @property
    def blind(self) -> BlindSpot | None:
        """Why the log cannot be read; None while it can."""
        if not self._blind or (self._until is None and self._blind == "not read yet"):
            return None
        return BlindSpot(source=self.name, because=self._blind, signals=tuple(sorted(NAMES)))

    def quiet(self, *, since: datetime) -> frozenset[Place]:
        """Places that are in their usual range in windows that began since then."""
        if self._blind:
            return frozenset()
        newest = [judged[-1] for judged in serving(self._judged).values()]
        told = [
            quiet_of(one, model=self.model)
            for one in newest
            if from_epoch(time_of(one.report.number, self._stretch.seconds)) >= since
        ]
        return frozenset[Place]().union(*told)

    @property
    def judged(self) -> bool:
        """Whether anything can be said of the model now."""
        return not self._blind and bool(serving(self._judged))

    def plot(self, finding: Finding) -> PlotSeries | None:
        """The statistic of a finding over the windows, ready to draw."""
        account = finding.evidence.account
        if account is None or account.version not in self._judged:
            return None
        path = QualityPath(account.path)
        judged = [one for one in self._judged[account.version] if path in one.report.measured]
        if not judged or finding.key.signal == "log_auc" or path is QualityPath.DATA_QUALITY:
            return None
        evidence = finding.evidence
        return PlotSeries(
            title=str(finding.key),
            unit=evidence.unit,
            times_s=tuple(time_of(one.report.number, self._stretch.seconds) for one in judged),
            values=tuple(float(one.report.measured[path]) for one in judged),
            expected=evidence.expected,
            band=3.0 * evidence.scale,
            onset_s=finding.onset.timestamp(),
        )

    @property
    def _answers(self) -> frozenset[str]:
        columns = self._reader.columns
        return frozenset({columns.prediction, *columns.scores, "score", "prediction"})

    async def close(self) -> None:
        await asyncio.to_thread(self._reader.close)


def _with_neighbours(windows: Sequence[Window]) -> Window:
    """Add windows before the last one until there are enough rows to say anything."""
    taken, rows = [windows[-1]], windows[-1].n
    for window in reversed(windows[:-1]):
        if rows >= ENOUGH or len(taken) == PATIENCE:
            break
        taken.append(window)
        rows += window.n
    return merged(taken[::-1])
