"""Writes what a replay found beside each other: for people, for programs, and as a picture."""

from __future__ import annotations

import json
import os
from pathlib import Path

from bot.errors import BadInputError
from bot.replay.picture import draw_timeline
from bot.replay.report import ReplayReport

TEXT, JSON, PICTURE = "report.txt", "report.json", "timeline.png"


def check_folder(out: Path) -> None:
    """Find out before hours of replay whether they can be kept. Raises BadInputError."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"--out {out}: cannot be a folder: {error.strerror or error}") from error
    if not os.access(out, os.W_OK):
        raise BadInputError(f"--out {out}: cannot be written to")


def write_report(report: ReplayReport, out: Path) -> None:
    """Write three files into a folder, made if need be; an older replay there is replaced. Raises BadInputError."""
    contents = {
        TEXT: (report.text() + "\n").encode(),
        JSON: (json.dumps(report.as_json()) + "\n").encode(),
        PICTURE: draw_timeline(report),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            if content is None:
                (out / name).unlink(missing_ok=True)  # an older picture would be taken for this replay's
                continue
            whole = out / f".{name}.part"
            whole.write_bytes(content)
            whole.replace(out / name)  # never half a file under its name
    except OSError as error:
        raise BadInputError(f"--out {out}: cannot be written to: {error.strerror or error}") from error


def subfolder(out: Path, name: str, taken: set[str]) -> Path:
    """One a recording: its name, with a number where two have the same. Notes it in `taken`."""
    own, number = name, 1
    while own in taken:
        number += 1
        own = f"{name}-{number}"
    taken.add(own)
    return out / own
