"""Errors named by what the caller should do next."""

from __future__ import annotations


class FaultlineError(Exception):
    """Root of our own errors, so that a loop can tell ours from a bug."""


class RetryLaterError(FaultlineError):
    """Nothing happened, and the same call may work in a while.

    after_s: how long the other side asked us to wait, if it did.
    """

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class UnknownOutcomeError(FaultlineError):
    """It may have happened or not: look before you do it again."""


class GiveUpError(FaultlineError):
    """The same call will never work; `code` is the other side's word for it."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class BadInputError(FaultlineError):
    """A person's file, flag or key is wrong. The message says what, where and what to do; exit code 2."""


class RefusedError(FaultlineError):
    """A person may not do this, or not now. The message is shown to them, privately."""


class StoreDownError(RetryLaterError):
    """What we remember cannot be read or written; nothing may be said or done until it can."""


class SourceDownError(RetryLaterError):
    """A source timed out, refused or answered nonsense; becomes a blind spot."""
