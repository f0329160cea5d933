"""`faultline reference`: make, or show, what the versions of a model are compared with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.clock import Clock
from bot.config import Settings
from bot.config.prediction_logs import PredictionsSection
from bot.domain.prediction_log import Every, Profile
from bot.errors import BadInputError
from bot.pipeline.quality.estimated import chance_of, estimated_accuracy
from bot.pipeline.quality.realised import hits_of
from bot.pipeline.quality.words import percent
from bot.store.sql import open_store
from bot.wiring import parts
from bot.wiring.profiles import StoredProfiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which reference is asked for."""

    model: str | None  # None: the only one that has a log
    version: str | None  # None: the one that answered last
    start: datetime | None  # None: as long before `end` as sources.predictions.reference says
    end: datetime | None  # None: now


async def make_reference(settings: Settings, wanted: Wanted) -> Profile:
    """Count what was asked for, and keep it. Raises BadInputError, SourceDownError, StoreDownError."""
    section = _section(settings, wanted.model)
    clock: Clock = parts.clock(settings)
    now = clock.now()
    end = wanted.end or now - section.lateness
    start = wanted.start or end - section.reference
    log = parts.prediction_log(settings, section)
    store = await open_store(settings.database_url, create=True)
    try:
        spans = await asyncio.to_thread(log.spans, start=start, end=end)
        if not spans:
            raise BadInputError(f"{section.name}: there are no predictions from {start:%Y-%m-%d %H:%M} to {end:%H:%M}")
        version = wanted.version if wanted.version is not None else max(spans, key=lambda one: one.last).version
        if version not in {one.version for one in spans}:
            there = ", ".join(repr(one.version) for one in spans)
            raise BadInputError(f"{section.name}: version {version!r} made no predictions then; found {there}")
        stretch = Every(section.window.total_seconds())
        profile = await asyncio.to_thread(log.profile, stretch=stretch, start=start, end=end, version=version, now=now)
        await StoredProfiles(store).keep(profile, origin="command")
        return profile
    finally:
        await asyncio.to_thread(log.close)
        await store.close()


def _section(settings: Settings, model: str | None) -> PredictionsSection:
    sections = settings.sources.predictions
    if not sections:
        raise BadInputError(f"{settings.path}: sources.predictions: there is no prediction log")
    found = [one for one in sections if model in (None, one.model)]
    names = ", ".join(one.model for one in sections)
    if not found:
        raise BadInputError(f"--model: {model!r} has no prediction log; found {names}")
    if len(found) > 1:
        raise BadInputError(f"--model: say which: {names}")
    return found[0]


def lines_of(profile: Profile) -> Sequence[str]:
    """Describe a reference for a person."""
    total = profile.total
    version = f" version {profile.version}" if profile.version else ""
    size = f"{total.n:,} predictions in {len(profile.history)} windows, {profile.problem}"
    said = [f"reference {profile.id} of {profile.model}{version}: {size}"]
    if total.labels is not None and profile.classes:
        said.append(f"accuracy by labels {percent(hits_of(total.joint).accuracy)} of {total.labels.labelled:,}")
    elif total.labels is not None:
        said.append(f"{total.labels.labelled:,} labels")
    if (chance := chance_of(profile)) is not None:
        said.append(f"estimated accuracy {percent(estimated_accuracy(chance, total.joint)[0])}")
    else:
        said.append("accuracy cannot be estimated without labels")
    for grid in profile.features:
        missing = percent(total.columns[grid.name].missing / max(total.n, 1))
        said.append(f"  {grid.name}: {grid.kind}, {grid.bins} bins, {missing} missing")
    return said
