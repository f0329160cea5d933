"""One process a file: two bots on one SQLite database would each keep detector state of their own."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TextIO

from bot.errors import BadInputError


class FileLock:
    """Held until released or until the process ends, however it ends.

    It lies on a file beside the database: a lock on the database itself would be lost with the first of
    SQLite's own descriptors that is closed.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    @classmethod
    def take(cls, database: Path) -> FileLock:
        """Raises BadInputError when another process holds it, or when the folder cannot be written."""
        path = database.with_name(database.name + ".lock")
        try:
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise BadInputError(
                f"cannot write {path}: {error.strerror}; the store needs a folder of its own"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read(20).strip() or "unknown"
            file.close()
            raise BadInputError(
                f"{database} is in use by another Faultline (process {holder}): stop that one first, "
                "give this one a file of its own, or use PostgreSQL"
            ) from error
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        return cls(file)

    def release(self) -> None:
        """Let go. The file stays: removing it would let two later ones each lock a file of their own."""
        self._file.close()
