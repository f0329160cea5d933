"""`faultline replay`: the past, the store in memory and the template, put under the live pipeline."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from bot.clock import ManualClock, from_epoch
from bot.config import Settings
from bot.domain.catalogue import Catalogue
from bot.domain.series import Floats
from bot.errors import BadInputError
from bot.llm.explainer import GroundedExplainer
from bot.metrics import Metrics
from bot.replay.asked import AskedSpan
from bot.replay.report import ReplayReport, Unlike
from bot.replay.run import WARM_UP, Manner, replay
from bot.sources.past import WAIT, Past, PastChanges, PastSamples
from bot.sources.recording import RecordingSource, load_recording
from bot.store.memory import MemoryStore
from bot.wiring import parts


def replay_folder(folder: Path) -> ReplayReport:
    """Replay one folder. Raises BadInputError in one line that names the file, the row and the reason."""
    recording = load_recording(folder)
    source = RecordingSource(recording)
    return asyncio.run(
        replay(recording, sources=[source], changes=[source], store=MemoryStore(), explainer=_template())
    )


def replay_span(
    settings: Settings, span: AskedSpan, *, say: Callable[[str], None], wait: timedelta = WAIT
) -> ReplayReport:
    """Replay a span of what the configured sources remember, after a day of it that is only learnt from.

    say:  is given a line about progress now and then.
    wait: before a source that is down is asked again.
    Raises BadInputError when there is nothing to replay, SourceDownError when a source is or goes down.
    """
    return asyncio.run(_replay_span(settings, _ticks(span, settings.catalogue), say=say, wait=wait))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ticks:
    """A span on the grid that every bot ticks on; what is learnt from comes first."""

    name: str
    catalogue: Catalogue
    times_s: Floats  # (t,) ascending

    @property
    def first(self) -> datetime:
        return from_epoch(float(self.times_s[0]))

    @property
    def last(self) -> datetime:
        return from_epoch(float(self.times_s[-1]))


def _ticks(span: AskedSpan, catalogue: Catalogue) -> _Ticks:
    step_s = catalogue.step_s
    begin = math.ceil(span.begin.timestamp() / step_s)
    count = math.floor(span.end.timestamp() / step_s) - begin + 1
    if count < 1:
        raise BadInputError(f"the span is shorter than a tick, which is {step_s:g} s here; ask for a longer one")
    before = math.ceil(WARM_UP.total_seconds() / step_s)
    return _Ticks(
        name=f"{span.begin:%Y-%m-%dT%H:%MZ}/{span.end:%Y-%m-%dT%H:%MZ}",
        catalogue=catalogue,
        times_s=step_s * np.arange(begin - before, begin + count, dtype=np.float64),
    )


async def _replay_span(
    settings: Settings, ticks: _Ticks, *, say: Callable[[str], None], wait: timedelta
) -> ReplayReport:
    step_s = settings.catalogue.step_s
    past = Past(
        [
            PastSamples(source, start=ticks.first, end=ticks.last, step_s=step_s, wait=wait)
            for source in parts.metric_sources(settings, whole=True)
        ],
        [
            PastChanges(source, start=ticks.first, end=ticks.last, wait=wait)
            for source in parts.change_sources(settings)
        ],
        say=lambda at: say(f"at {at:%Y-%m-%d %H:%M} UTC"),
    )
    if not past.samples:
        raise BadInputError(f"{settings.path}: sources: none brings samples, so there is nothing to replay")
    try:
        report = await replay(
            ticks,
            sources=past.samples,
            changes=past.changes,
            store=MemoryStore(),
            explainer=_template(),
            learnt=timedelta(seconds=step_s * math.ceil(WARM_UP.total_seconds() / step_s)),
            manner=Manner(
                speaking=settings.speaking_policy(),
                rollback=settings.rollback_policy(),
                budget=settings.detectors.false_episodes_a_day,
            ),
            reach=past.reach,
        )
    finally:
        await past.close()
    if past.first_sample is None:
        raise BadInputError(_no_data(settings, ticks, report))
    return replace(
        report, unlike=Unlike(sources=tuple(_left_out(settings)), learnt_little=_little(past, ticks, report))
    )


def _template() -> GroundedExplainer:
    """Words come from the template: a replay must say the same every time and cost nothing."""
    return GroundedExplainer(None, clock=ManualClock(from_epoch(0.0)), metrics=Metrics())


def _no_data(settings: Settings, ticks: _Ticks, report: ReplayReport) -> str:
    names = ", ".join(section.name for section in settings.sources.prometheus) or "the configured sources"
    when = f"from {ticks.first:%Y-%m-%d %H:%M} to {ticks.last:%Y-%m-%d %H:%M} UTC"
    because = f" ({report.blind[0].source}: {report.blind[0].because})" if report.blind else ""
    return (
        f"{names}: no sample of any signal {when}{because};"
        " ask for a span that is still kept there, and see with `faultline doctor` whether the queries answer"
    )


def _little(past: Past, ticks: _Ticks, report: ReplayReport) -> str:
    """Say so when there was less than a day to learn from: what is usual was not known then."""
    first = past.first_sample
    if first is None or report.begin is None or first - ticks.first <= timedelta(hours=1):
        return ""
    hours = max(0.0, (report.begin - first).total_seconds() / 3600.0)
    return f"the first sample is of {first:%Y-%m-%d %H:%M} UTC, {hours:.1f} h before the span; 24 h are needed"


def _left_out(settings: Settings) -> Iterator[str]:
    """What is configured and has no past that could be asked for."""
    sources = settings.sources
    if sources.mlflow is not None:
        yield (
            f"{sources.mlflow.name}: a registry keeps no history of its aliases; which version served is read from"
            " signals of the kind version, and from sources.changes"
        )
    for section in sources.predictions:
        yield f"{section.name}: a prediction log holds labels that came later; judge it with `faultline quality`"
    period = settings.tick_policy().period.total_seconds()
    if period != settings.catalogue.step_s:
        yield f"policies.period: a look every {settings.catalogue.step_s:g} s, not every {period:g} s"
