"""`faultline learn`: show what this installation has taught us, set lessons aside, and take them back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.config import Settings
from bot.domain.learning import Learnt, Lesson, LessonSource
from bot.domain.precursor import Precursor
from bot.domain.proposal import AuditEntry
from bot.errors import BadInputError
from bot.pipeline.learning import HALF_LIFE, CauseRow, counted, learnt_from, rows_of
from bot.pipeline.phrasing import MAX_NAME, clean
from bot.pipeline.precursors import INCIDENTS, MIN_TIMES, Recollection, precursor_text
from bot.ports import Changeset, Store
from bot.store.sql import open_store
from bot.wiring import parts

EVER = datetime(1970, 1, 1, tzinfo=UTC)  # before the first lesson
LATEST = 10  # lessons that are listed
WORDS = {
    LessonSource.FEEDBACK: "Right?",
    LessonSource.ROLLBACK_HELPED: "rollback helped",
    LessonSource.ROLLBACK_NO_HELP: "rollback did not help",
    LessonSource.RESOLVED: "ended without a word",
}
ROW = "{:<20} {:>7} {:>7} {:>6}  {:>6} {:>8} {:>8} {:>6}"
HEAD = ("cause", "usual", "here", "nats", "right?", "helped", "no help", "ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """All that was learnt, as of a moment."""

    now: datetime
    lessons: tuple[Lesson, ...]  # oldest first, the void ones too
    patterns: tuple[Precursor, ...]  # the surest first

    @property
    def learnt(self) -> Learnt:
        return learnt_from(self.lessons, now=self.now)

    @property
    def rows(self) -> tuple[CauseRow, ...]:
        return rows_of(self.lessons, now=self.now)

    def as_json(self) -> dict[str, Any]:
        learnt = self.learnt
        return {
            "now": self.now.isoformat(),
            "half_life_days": HALF_LIFE.days,
            "model_nats": round(learnt.side_nats, 4),
            "confirmed": asdict(learnt.confirmed),
            "uncorrected": asdict(learnt.uncorrected),
            "causes": [
                {
                    "subcause": row.subcause.value,
                    "start": round(row.start, 4),
                    "here": round(row.here, 4),
                    "nats": round(row.nats, 4),
                    "lessons": {source.value: count for source, count in row.lessons.items()},
                }
                for row in self.rows
            ],
            "lessons": [_lesson_json(lesson) for lesson in reversed(self.lessons)],
            "patterns": [asdict(one) for one in self.patterns],
        }

    def text(self) -> str:
        """For a person: how far each cause was moved and by what, the latest lessons, and what came before what."""
        void = sum(lesson.void_since is not None for lesson in self.lessons)
        counting = len({lesson.incident_id for lesson in counted(self.lessons)})
        lines = [
            f"{_many(counting, 'incident')} taught something; half of it is forgotten every {HALF_LIFE.days} days."
            + (f" {_many(void, 'lesson')} set aside: `faultline learn restore`." if void else ""),
            "",
            ROW.format(*HEAD),
        ]
        for row in self.rows:
            counts = [str(row.lessons[source] or "") for source in LessonSource]
            nats = f"{row.nats:+.2f}"
            lines.append(ROW.format(row.subcause, f"{row.start:.1%}", f"{row.here:.1%}", nats, *counts).rstrip())
        side = "the model" if self.learnt.side_nats > 0 else "infrastructure"
        lines += [
            f"All in all {abs(self.learnt.side_nats):.2f} nats for {side}." if self.learnt.side_nats else "",
            "",
        ]
        lines.append("Latest lessons" if self.lessons else 'No lessons yet: answer "Right?" below an incident.')
        lines += [f"  {_lesson_text(lesson)}" for lesson in self.lessons[: -LATEST - 1 : -1]]
        lines += ["", "What came before what" if self.patterns else f"No pattern yet: one needs {MIN_TIMES} times."]
        lines += [f"  {precursor_text(one)} (by chance {one.chance:.0%})" for one in self.patterns]
        return "\n".join(lines)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _lesson_text(lesson: Lesson) -> str:
    """When, of which incident, how we know, and what it speaks for."""
    spoken_for = [f"{share.subcause} {share.weight:.2f}" for share in lesson.shares]
    if lesson.source is LessonSource.ROLLBACK_NO_HELP:
        said = "not bad_version"
    else:
        said = ", ".join([*([lesson.side.value] if lesson.side else ["neither"]), *spoken_for])
    void = f"  (set aside {lesson.void_since:%Y-%m-%d %H:%M})" if lesson.void_since else ""
    name = clean(lesson.incident_id, limit=MAX_NAME)
    return f"{lesson.at:%Y-%m-%d %H:%M}  {name}  {WORDS[lesson.source]}: {said}{void}"


def _lesson_json(lesson: Lesson) -> dict[str, Any]:
    return {
        "incident": lesson.incident_id,
        "source": lesson.source.value,
        "at": lesson.at.isoformat(),
        "side": lesson.side.value if lesson.side else None,
        "shares": {share.subcause.value: round(share.weight, 4) for share in lesson.shares},
        "by": lesson.by,
        "void_since": lesson.void_since.isoformat() if lesson.void_since else None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which lessons are meant."""

    incident: str | None = None
    before: datetime | None = None
    every: bool = False

    def of(self, lessons: Sequence[Lesson]) -> list[Lesson]:
        """Raises BadInputError when it is not said which, or an incident taught nothing."""
        if (self.incident is not None) + (self.before is not None) + self.every != 1:
            raise BadInputError("say which lessons, by one of: --incident ID, --before DATE, --all")
        if self.before is not None:
            return [lesson for lesson in lessons if lesson.at < self.before]
        if self.incident is None:
            return list(lessons)
        wanted = self.incident.strip().strip("`")
        found = [lesson for lesson in lessons if lesson.incident_id == wanted]
        if not found:
            raise BadInputError(f"--incident: {wanted!r} taught nothing; `faultline learn show` lists what did")
        return found


async def read_book(settings: Settings) -> Book:
    """Raises BadInputError, StoreDownError."""
    now = parts.clock(settings).now()
    store = await open_store(settings.database_url, read_only=True)
    try:
        past = Recollection(settings.catalogue)
        past.keep(await store.incidents(limit=INCIDENTS))
        return Book(now=now, lessons=tuple(await store.lessons(since=EVER)), patterns=past.patterns(now=now))
    finally:
        await store.close()


async def set_aside(settings: Settings, chosen: Chosen, *, by: str, sure: Callable[[int], bool]) -> int:
    """Void the lessons that were chosen, once `sure` of so many; returns how many. Errors as `read_book`."""
    now = parts.clock(settings).now()
    async with _beside(settings) as store:
        found = [one for one in chosen.of(await store.lessons(since=EVER)) if one.void_since is None]
        if not found or not sure(len(found)):
            return 0
        await _write(store, [replace(one, void_since=now) for one in found], by=by, what="learn.reset", now=now)
        return len(found)


async def take_back(settings: Settings, chosen: Chosen, *, by: str) -> int:
    """Let lessons that were set aside count again; returns how many. Errors as `read_book`."""
    now = parts.clock(settings).now()
    async with _beside(settings) as store:
        found = [one for one in chosen.of(await store.lessons(since=EVER)) if one.void_since is not None]
        await _write(store, [replace(one, void_since=None) for one in found], by=by, what="learn.restored", now=now)
        return len(found)


@asynccontextmanager
async def _beside(settings: Settings) -> AsyncIterator[Store]:
    store = await open_store(settings.database_url, beside=True)
    try:
        yield store
    finally:
        await store.close()


async def _write(store: Store, lessons: Sequence[Lesson], *, by: str, what: str, now: datetime) -> None:
    """One line of the audit an incident, so that its history is complete."""
    subjects = sorted({lesson.incident_id for lesson in lessons})
    audit = tuple(AuditEntry(at=now, who=by, what=what, subject=subject) for subject in subjects)
    await store.commit(Changeset(lessons=tuple(lessons), audit=audit))
