"""How the emulated Slack says no."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class RefusalError(Exception):
    """A logical error of Slack's: `ok: false` with this code and these further fields."""

    def __init__(self, code: str, **fields: Any) -> None:
        super().__init__(code)
        self.code = code
        self.fields = fields

    def body(self) -> dict[str, Any]:
        return {"ok": False, "error": self.code, **self.fields}


class LimitedError(Exception):
    """HTTP 429: come back after so many seconds."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"limited for {retry_after_s} s")
        self.retry_after_s = retry_after_s


def bad_arguments(*messages: str) -> RefusalError:
    return RefusalError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {text}" for text in messages]})


def bad_blocks(problems: Sequence[tuple[str, str]], *, code: str = "invalid_blocks") -> RefusalError:
    """Say what is wrong where; each problem is a sentence and the JSON pointer of the place."""
    errors = [f"{sentence} [json-pointer:{pointer}]" for sentence, pointer in problems]
    return RefusalError(code, errors=errors, response_metadata={"messages": [f"[ERROR] {text}" for text in errors]})
