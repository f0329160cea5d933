"""Writes the commented `faultline.yaml` that a new installation begins with."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from bot.errors import BadInputError

NAME = "faultline.yaml"


def starter_text() -> str:
    """The starter loads as it is; only the tokens and the names of your own things are missing."""
    return (files("bot") / "starter.yaml").read_text(encoding="utf-8")


def write_starter(path: Path) -> Path:
    """Write the starter; a folder gets a `faultline.yaml`. Returns the file.

    Raises BadInputError when something stands there already, or it cannot be written.
    """
    target = path / NAME if path.is_dir() else path
    try:
        with target.open("x", encoding="utf-8") as file:  # "x": never overwrites, not even in a race
            file.write(starter_text())
    except FileExistsError as error:
        raise BadInputError(f"{target}: stands there already and is not overwritten; give another path") from error
    except OSError as error:
        raise BadInputError(f"{target}: cannot be written: {error.strerror}") from error
    return target
