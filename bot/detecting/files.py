"""Series and entities as people keep them in files: read with a complaint that names the line, written atomically."""

from __future__ import annotations

import csv
import gzip
import io
import math
import os
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from bot.errors import BadInputError

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SUFFIXES = (".csv", ".csv.gz", ".npz")
HEADER = ("timestamp", "value", "anomaly_score", "alert")
NO_SAMPLE = {"", "nan", "null", "none", "na", "n/a"}  # as spreadsheets, databases and pandas write them
EARLIEST_S, LATEST_S = -8_520_336_000.0, 4_102_444_800.0  # the years 1700 and 2100: beyond, the unit is another


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFile:
    """The rows of a CSV file in its order, blank lines left out."""

    stamps: list[str]  # (t,) as they were given
    texts: list[str]  # (t,) as they were given
    times_s: Floats  # (t,) seconds since 1970
    values: Floats  # (t,) NaN means no sample


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityFile:
    """Channels of one thing: rows to learn from, and the rows that follow."""

    train: Floats  # (n, c) NaN means no sample
    test: Floats  # (m, c)
    step_s: float  # seconds from row to row


def stem_of(path: Path) -> str:
    """Return the name of a file without what `.csv`, `.csv.gz` or `.npz` says.

    >>> stem_of(Path("folder/cpu.n-01.csv.gz"))
    'cpu.n-01'
    """
    lower = path.name.lower()
    longest = max((suffix for suffix in SUFFIXES if lower.endswith(suffix)), key=len)
    return path.name[: -len(longest)]


def read_series(path: Path) -> SeriesFile:
    """Read `timestamp,value`. Raises BadInputError naming file, line and what to do.

    Lines are counted from 1, the header included, as an editor shows them.
    """
    stamps, texts, times, values = [], [], [], []
    for line, stamp, text in _rows(path):
        stamps.append(stamp)
        texts.append(text)
        try:
            times.append(seconds_of(stamp))
            values.append(_number(text))
        except ValueError as error:
            raise BadInputError(f"{path}:{line}: {error}") from None
    return SeriesFile(stamps=stamps, texts=texts, times_s=np.array(times, float), values=np.array(values, float))


def seconds_of(text: str) -> float:
    """Read a timestamp; one without a zone is UTC. Raises ValueError that says what was expected.

    >>> seconds_of("1970-01-01 00:01"), seconds_of("1970-01-01T01:01:00+01:00"), seconds_of("60.5")
    (60.0, 60.0, 60.5)
    """
    try:
        seconds = _plain_float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text.strip())
        except ValueError:
            raise ValueError(
                f"timestamp is {text[:40]!r}; expected ISO 8601 such as 2026-03-01T12:00:00Z, or seconds since 1970"
            ) from None
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not EARLIEST_S <= seconds <= LATEST_S:
        raise ValueError(f"timestamp is {text[:40]!r}; expected seconds since 1970 (are these milliseconds? divide)")
    return seconds


def _number(text: str) -> float:
    if text.strip().lower() in NO_SAMPLE:
        return math.nan
    try:
        return _plain_float(text)
    except ValueError:
        raise ValueError(f"value is {text[:40]!r}; expected a number, or nothing for no sample") from None


def _plain_float(text: str) -> float:
    if "_" in text:
        raise ValueError("Python would take 1_0 for ten; nobody else writes numbers so")
    return float(text)


def _rows(path: Path) -> Iterator[tuple[int, str, str]]:
    """Yield line, timestamp and value of every row that is not blank."""
    reader = None
    try:
        with gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb") as raw:
            reader = csv.reader(io.TextIOWrapper(raw, encoding="utf-8-sig", newline=""))  # Excel begins with a mark
            stamp_at, value_at = _columns(path, next(reader, []))
            for row in reader:
                if not row:
                    continue
                if len(row) <= max(stamp_at, value_at):
                    raise BadInputError(
                        f"{path}:{reader.line_num}: the row has {len(row)} fields, too few for timestamp and value;"
                        " complete or remove it"
                    )
                yield reader.line_num, row[stamp_at], row[value_at]
    except UnicodeDecodeError:
        line = f":{reader.line_num + 1}" if reader else ""
        raise BadInputError(f"{path}{line}: is not text in UTF-8; save it as CSV in UTF-8") from None
    except csv.Error as error:
        line = f":{reader.line_num}" if reader else ""
        raise BadInputError(f"{path}{line}: is not CSV ({error}); save it as plain CSV with commas") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadInputError(f"{path}: cannot be unpacked ({error}); compress it again with gzip") from None
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _columns(path: Path, header: list[str]) -> tuple[int, int]:
    names = [name.strip() for name in header]
    absent = [name for name in HEADER[:2] if name not in names]
    if absent:
        found = ", ".join(names)[:80] or "nothing"
        raise BadInputError(
            f"{path}:1: there is no column {' and no column '.join(absent)}, found {found}; the first line must name"
            " the columns timestamp and value, with commas between"
        )
    return names.index("timestamp"), names.index("value")


def read_entity(path: Path) -> EntityFile:
    """Read `train`, `test` and `step_s`; other arrays are not even unpacked. Raises BadInputError."""
    try:
        with _archive(path) as archive:
            absent = [name for name in ("train", "test", "step_s") if name not in archive]
            if absent:
                raise BadInputError(
                    f"{path}: the array {', '.join(absent)} is missing, found {', '.join(archive) or 'none'}; expected"
                    " train (rows, channels), test (rows, channels) and step_s (seconds)"
                )
            train, test = (_matrix(path, name, archive[name]) for name in ("train", "test"))
            step_s = archive["step_s"]
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadInputError(
            f"{path}: is no archive of plain numpy arrays ({error}); write it with numpy.savez"
        ) from None
    if step_s.size != 1 or step_s.dtype.kind not in "iuf" or not 0 < float(step_s.reshape(())) < math.inf:
        raise BadInputError(f"{path}: step_s is {step_s!s:.40}; expected one positive number of seconds")
    if train.shape[1] != test.shape[1]:
        raise BadInputError(
            f"{path}: train has {train.shape[1]} channels and test {test.shape[1]}; expected the same in both"
        )
    return EntityFile(train=train, test=test, step_s=float(step_s.reshape(())))


@contextmanager
def _archive(path: Path) -> Iterator[NpzFile]:
    # opened here, because numpy leaves a file open that turns out to be no archive
    with path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)  # a pickle from anywhere could run anything
        if not isinstance(archive, NpzFile):
            raise ValueError("it holds one array without a name")  # noqa: TRY004 - a file's fault, not a caller's
        with archive:
            yield archive


def _matrix(path: Path, name: str, given: NDArray[Any]) -> Floats:
    if given.ndim != 2 or given.dtype.kind not in "biuf":
        raise BadInputError(
            f"{path}: {name} has the shape {given.shape} and the type {given.dtype}; expected numbers, (rows, channels)"
        )
    return given.astype(np.float64)


def series_bytes(given: SeriesFile, *, score: Floats, alert: Flags) -> bytes:
    """Return the CSV that answers a series: one row a row, timestamp and value as they were given."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    told = ((f"{one:.9g}", int(on)) for one, on in zip(score.tolist(), alert.tolist(), strict=True))
    writer.writerows((stamp, text, *both) for stamp, text, both in zip(given.stamps, given.texts, told, strict=True))
    return out.getvalue().encode()


def entity_bytes(*, score: Floats, alert: Flags) -> bytes:
    """Return the archive that answers an entity: `score` (m,) and `alert` (m,), for the rows of `test`."""
    out = io.BytesIO()
    np.savez(out, score=score, alert=alert)
    return out.getvalue()


def written_by_us(path: Path) -> bool:
    """Tell whether a file that stands where an answer should go is an answer, and so may be replaced."""
    try:
        if path.suffix == ".npz":
            with _archive(path) as archive:
                return set(archive) == {"score", "alert"}
        with path.open("rb") as file:
            return file.readline(100).decode(errors="replace").strip() == ",".join(HEADER)
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def write_each(contents: Sequence[tuple[Path, bytes]]) -> None:
    """Write files so that each is either whole or as it was before. Raises BadInputError when one cannot be."""
    for path, content in contents:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _replace(path, content)
        except OSError as error:
            raise BadInputError(
                f"{path}: cannot be written: {error.strerror or error}; give another --out, or make room"
            ) from None


def _replace(path: Path, content: bytes) -> None:
    # beside the target: renaming is atomic within a file system only; nobody else writes under this process's number
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        with suppress(OSError):  # gone once it has taken its place
            temporary.unlink(missing_ok=True)
