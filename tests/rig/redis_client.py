"""The few words of Redis that the rig speaks, over one connection; no library of ours needs it."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Self

Reply = bytes | int | list["Reply"] | None


class StoreError(Exception):
    """The store did not answer in time, or not as expected; the connection is of no further use."""


class Redis:
    """One connection. Not for two threads at once; after a StoreError open another."""

    def __init__(self, host: str, port: int, *, timeout_s: float) -> None:
        try:
            self._socket = socket.create_connection((host, port), timeout=timeout_s)
        except OSError as error:
            raise StoreError(str(error)) from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")

    def ask(self, *commands: Sequence[str]) -> list[Reply]:
        """Send commands together and read their replies, in order. Raises StoreError."""
        try:
            self._socket.sendall(b"".join(encode(command) for command in commands))
            return [self._reply() for _ in commands]
        except (OSError, ValueError) as error:
            raise StoreError(str(error)) from error

    def _reply(self) -> Reply:
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise StoreError("the connection ended")
        kind, rest = line[:1], line[1:-2]
        match kind:
            case b"+":
                return rest
            case b":":
                return int(rest)
            case b"$":
                size = int(rest)
                return None if size < 0 else self._file.read(size + 2)[:-2]
            case b"*":
                return [self._reply() for _ in range(int(rest))]
        raise StoreError(rest.decode(errors="replace"))

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()


def encode(command: Sequence[str]) -> bytes:
    """Write a command as the protocol wants it: an array of strings, each with its length in bytes."""
    parts = [word.encode() for word in command]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
