"""`faultline detect`: a file or a folder of them, each judged by itself at the shipped defaults, in several processes.

A file's answer depends on its content and on nothing else: not on its name, its neighbours or the number of processes.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.detecting.files import (
    SUFFIXES,
    entity_bytes,
    read_entity,
    read_series,
    series_bytes,
    stem_of,
    write_each,
    written_by_us,
)
from bot.errors import BadInputError, GiveUpError
from detectors import entity, series

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One file and where its answer goes."""

    name: str  # below IN, for people
    source: Path
    target: Path  # `.csv` or `.npz`
    picture: Path | None  # None: none is wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a person reads about a file that was judged."""

    name: str
    rows: int
    alerts: int  # episodes that opened
    notes: tuple[str, ...] = ()

    def text(self) -> str:
        return _plain(
            ", ".join((f"{self.name}: {_count(self.rows, 'row')}", _count(self.alerts, "alert"), *self.notes))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A file that could not be judged."""

    name: str
    because: str  # file, line where there is one, and what to do

    def text(self) -> str:
        return _plain(self.because)


def detect(source: Path, out: Path, *, plot: bool, jobs: int | None, say: Callable[[str], None]) -> tuple[str, ...]:
    """Judge every file at `source` and write the answers below `out`; returns a line for each that could not be.

    jobs: processes; None is one a core.
    say:  is given one line a file, in the order of their names, and a summary.
    Raises BadInputError when there is nothing to do or the answers would overwrite what is read.
    """
    rows = alerts = done = 0
    bad: list[str] = []
    for outcome in _outcomes(plan(source, out, plot=plot), jobs or os.cpu_count() or 1):
        if isinstance(outcome, Unanswered):
            bad.append(outcome.text())
            continue
        say(outcome.text())
        done, rows, alerts = done + 1, rows + outcome.rows, alerts + outcome.alerts
    of = _count(done + len(bad), "file")
    say(_plain(f"{done:,} of {of} judged: {_count(rows, 'row')}, {_count(alerts, 'alert')}; written to {out}"))
    return tuple(bad)


def plan(source: Path, out: Path, *, plot: bool) -> list[Work | Unanswered]:
    """Say which file is answered where, in the order of names. Raises BadInputError when none could be.

    What lies below an `out` inside `source` is never read, so that a second run does not take the answers of the
    first for data.
    """
    if not source.exists():
        raise BadInputError(f"{source}: there is no such file or folder")
    if out.exists() and not out.is_dir():
        raise BadInputError(f"{out}: is a file; --out is the folder for the answers")
    if source.is_dir() and source.resolve() == out.resolve():
        raise BadInputError(f"{out}: is where the data lie, and they would be overwritten; give another --out")
    root = source if source.is_dir() else source.parent
    names = _below(root, out) if source.is_dir() else [Path(source.name)] if _known(source) else []
    if not names:
        raise BadInputError(f"{source}: nothing to judge; expected {', '.join(SUFFIXES)}")
    # what must not be written: everything that is read, and what another file's answer has taken
    taken = {(root / name).resolve(): f"{root / name}, which is read" for name in names}
    return [_place(root, name, out, taken, plot=plot) for name in names]


def _below(root: Path, out: Path) -> list[Path]:
    answers = out.resolve()
    inside = root.resolve() in answers.parents
    found = [path for path in root.rglob("*") if _known(path) and path.is_file()]
    kept = [path for path in found if not (inside and answers in path.resolve().parents)]
    return sorted((path.relative_to(root) for path in kept), key=Path.as_posix)


def _known(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


def _place(root: Path, name: Path, out: Path, taken: dict[Path, str], *, plot: bool) -> Work | Unanswered:
    source, shown = root / name, name.as_posix()
    stem = out / name.parent / stem_of(name)
    target = stem.with_name(stem.name + (".npz" if name.name.lower().endswith(".npz") else ".csv"))
    picture = stem.with_name(f"{stem.name}.png") if plot else None
    wanted = [one for one in (target, picture) if one is not None]
    for one in wanted:
        if one.resolve() in taken:
            because = f"{one} would overwrite {taken[one.resolve()]}; rename one of them or give another --out"
            return Unanswered(name=shown, because=f"{source}: its answer {because}")
    if target.exists() and not written_by_us(target):
        because = f"{target} stands there and is no answer of this command; give another --out"
        return Unanswered(name=shown, because=f"{source}: {because}")
    taken.update({one.resolve(): f"the answer to {source}" for one in wanted})
    return Work(name=shown, source=source, target=target, picture=picture)


def _outcomes(planned: Sequence[Work | Unanswered], jobs: int) -> Iterator[Answered | Unanswered]:
    """Judge in several processes; outcomes come in the order planned."""
    work = [one for one in planned if isinstance(one, Work)]
    if min(jobs, len(work)) < 2:
        yield from (judge_file(one) if isinstance(one, Work) else one for one in planned)
        return
    # spawned: forking a process that has threads (numpy's) may hang, and differs from system to system
    pool = ProcessPoolExecutor(min(jobs, len(work)), mp_context=multiprocessing.get_context("spawn"))
    try:
        answers = pool.map(judge_file, work)
        for one in planned:
            yield next(answers) if isinstance(one, Work) else one
    except BrokenProcessPool:
        raise GiveUpError(
            "a process ended before its file was judged; out of memory? Try again with --jobs 1"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


def judge_file(work: Work) -> Answered | Unanswered:
    """Judge one file and write its answer; runs in a process of its own."""
    try:
        return _entity(work) if work.target.suffix == ".npz" else _series(work)
    except BadInputError as error:
        return Unanswered(name=work.name, because=str(error))
    except MemoryError:
        return Unanswered(name=work.name, because=f"{work.source}: does not fit into memory; split it")


def _series(work: Work) -> Answered:
    given = read_series(work.source)
    judged = series.judge(given.times_s, given.values)
    late, absent = int(judged.late.sum()), int(np.isnan(given.values).sum())
    if late > len(given.stamps) / 2:
        raise BadInputError(
            f"{work.source}: {late:,} of {len(given.stamps):,} rows are not later than a row before them; sort them by"
            " timestamp, oldest first, and keep each series in a file of its own"
        )
    contents = [(work.target, series_bytes(given, score=judged.score, alert=judged.alert))]
    if work.picture is not None:
        from bot.detecting.picture import draw_series  # noqa: PLC0415 - few want pictures, and drawing loads slowly

        picture = draw_series(
            title=work.name,
            times_s=given.times_s,
            values=given.values,
            score=judged.score,
            alert=judged.alert,
            late=judged.late,
        )
        contents.append((work.picture, picture))
    write_each(contents)
    notes = ((late, "not later than a row before and so not judged"), (absent, "without a value"))
    return Answered(
        name=work.name,
        rows=len(given.stamps),
        alerts=int(judged.alert.sum()),
        notes=tuple(f"{count:,} {what}" for count, what in notes if count),
    )


def _entity(work: Work) -> Answered:
    given = read_entity(work.source)
    try:
        score, alert = entity.judge(given.train, given.test, given.step_s)
    except entity.TooLittleHistoryError as error:
        raise BadInputError(f"{work.source}: {error}") from None
    contents = [(work.target, entity_bytes(score=score, alert=alert))]
    if work.picture is not None:
        from bot.detecting.picture import draw_entity  # noqa: PLC0415 - as above

        picture = draw_entity(
            title=work.name, train=given.train, test=given.test, step_s=given.step_s, score=score, alert=alert
        )
        contents.append((work.picture, picture))
    write_each(contents)
    opens = alert & ~np.concatenate([[False], alert[:-1]]) if len(alert) else alert
    return Answered(
        name=work.name, rows=len(alert), alerts=int(opens.sum()), notes=(_count(given.test.shape[1], "channel"),)
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _plain(text: str) -> str:
    """Names of files come from anywhere: nothing in them may steer a terminal or break a line."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
