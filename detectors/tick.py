"""What a tick works out for all series on its way from samples to judgements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What a tick works out for all series; arrays are (n,) and filled part by part."""

    time_s: float
    last_s: float  # time of the column before; NaN when there was none
    here: Flags  # has a sample
    line: NDArray[np.float32]  # expectation, relative to the origin
    z: NDArray[np.float32]  # sigmas; NaN without a sample
    score: NDArray[np.float32]  # in nominal limits
    novelty: NDArray[np.float32]  # 0 to 1; novelty.LIMIT is told
    novel: Flags  # told now: never seen at this time of day, once

    @classmethod
    def begin(cls, n: int, *, time_s: float, last_s: float) -> Tick:
        """Room for `n` series.

        >>> len(Tick.begin(3, time_s=60.0, last_s=0.0).z)
        3
        """
        line, z, score = np.empty((3, n), dtype=np.float32)
        return cls(
            time_s=time_s,
            last_s=last_s,
            here=np.empty(n, dtype=np.bool_),
            line=line,
            z=z,
            score=score,
            novelty=np.zeros(n, dtype=np.float32),
            novel=np.zeros(n, dtype=np.bool_),
        )
