"""Random numbers that depend on the seed, the channel and the minute alone, so any stretch can be drawn at any time."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 1440  # minutes drawn at once
WARM_UP = 96  # minutes of the block before: enough for the past to fade (0.85 ** 96 is 2e-7)
PERSISTENCE = 0.85  # of the slow part, a minute: it forgets in about six minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """Unit noise for a stretch of minutes: `slow` and `fast` have variance 1, `chance` is uniform on [0, 1)."""

    slow: Floats  # (minutes, channels) autocorrelated
    fast: Floats  # (minutes, channels) independent
    chance: Floats  # (minutes, channels)


class Noise:
    """Draws by blocks of a day and keeps them; a draw over two blocks equals the two halves drawn apart."""

    def __init__(self, *, seed: int, channels: Sequence[str], unrest: float = 1.0, tails: float = 0.0) -> None:
        """unrest: factor on all noise. tails: share of minutes in which the fast part is four times as large."""
        self._seed = seed
        self._unrest, self._tails = unrest, tails
        self._salt = [zlib.crc32(channel.encode()) for channel in channels]
        self._raw: dict[int, Draw] = {}
        self._blocks: dict[int, Draw] = {}

    def draw(self, first: int, count: int) -> Draw:
        """Draw minutes first .. first + count - 1, counted from the world's own beginning."""
        last = first + count - 1
        for old in [number for number in self._blocks if number < first // BLOCK - 1]:
            del self._blocks[old]  # nobody asks for the distant past again; if somebody does, it is drawn again
        blocks = [self._block(number) for number in range(first // BLOCK, last // BLOCK + 1)]
        cut = slice(first - (first // BLOCK) * BLOCK, first - (first // BLOCK) * BLOCK + count)
        return Draw(
            slow=np.concatenate([block.slow for block in blocks])[cut],
            fast=np.concatenate([block.fast for block in blocks])[cut],
            chance=np.concatenate([block.chance for block in blocks])[cut],
        )

    def _innovations(self, number: int) -> Draw:
        found = self._raw.get(number)
        if found is None:
            # one generator a channel: a new series in the topology leaves all others as they were
            slow = np.empty((BLOCK, len(self._salt)))
            fast, chance = np.empty_like(slow), np.empty_like(slow)
            for column, salt in enumerate(self._salt):
                rng = np.random.default_rng((self._seed, salt, number + 1))
                slow[:, column], fast[:, column] = rng.standard_normal((2, BLOCK))
                chance[:, column] = rng.random(BLOCK)
                if self._tails > 0:
                    fast[:, column] *= np.where(rng.random(BLOCK) < self._tails, 4.0, 1.0)
            slow *= self._unrest
            fast *= self._unrest
            found = self._raw[number] = Draw(slow=slow, fast=fast, chance=chance)
        return found

    def _block(self, number: int) -> Draw:
        found = self._blocks.get(number)
        if found is None:
            raw = self._innovations(number)
            before = self._innovations(number - 1).slow[-WARM_UP:]
            source = np.concatenate([before, raw.slow]) * np.sqrt(1 - PERSISTENCE**2)
            level = before[0]
            for minute, innovation in enumerate(source):
                level = PERSISTENCE * level + innovation
                source[minute] = level
            found = Draw(slow=source[WARM_UP:], fast=raw.fast, chance=raw.chance)
            self._blocks[number] = found
            self._raw.pop(number - 2, None)
        return found
