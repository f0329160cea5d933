"""What stands in the flags of `faultline quality`, read and checked."""

from __future__ import annotations

from bot.domain.prediction_log import Problem
from bot.errors import BadInputError


def names_of(text: str) -> tuple[str, ...]:
    """Split names at commas.

    >>> names_of("age, income"), names_of("")
    (('age', 'income'), ())
    """
    return tuple(name.strip() for name in text.split(",") if name.strip())


def problem_of(text: str | None) -> Problem | None:
    """Read the kind of problem. Raises BadInputError."""
    if text is None:
        return None
    try:
        return Problem(text.strip().lower())
    except ValueError as error:
        raise BadInputError(f"--problem: {text!r} is none of {', '.join(Problem)}") from error
