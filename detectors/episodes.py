"""Episodes: how much evidence opens one, how much ends it, and thresholds that learn a series' own unrest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

QUIET = 3.0  # sigmas: a sample nearer than this to the baseline is clean, half of what opens
CLEAN_SAMPLES = 5.0  # in a row; as many as the confirmation window holds, so none of the episode is left in it
RECOVERED = 6.0  # long-run sigmas of evidence that a small shift has ended
YOUNG = 40.0  # samples: with so many the thresholds are doubled, for spread and level are half luck
MARGIN = 1.2  # above the largest excursion that ended by itself
RECORD_MEMORY_S = 7 * 86_400.0
RECORD_CAP = 3.0  # limits: no history makes a series deaf
OVER = 0.25  # limits: below this an excursion has ended
CHATTER_MEMORY_S = 86_400.0
FREE_EPISODES = 2.0  # a day; each further one raises the threshold by CHATTER_STEP
CHATTER_STEP = 0.25
CHATTER_CAP = 3.0


def youth(samples: NDArray[np.float32]) -> Floats:
    """By how much all limits are wider after so many samples (n,): level and spread are estimates too.

    >>> youth(np.array([20.0, 4000.0], dtype=np.float32)).round(2).tolist()
    [3.0, 1.01]
    """
    return 1.0 + YOUNG / np.maximum(samples.astype(np.float64), 1.0)


def threshold(record: Floats, chatter: Floats) -> Floats:
    """Limits a score must pass, in multiples of its nominal limit: (2, n) from record (2, n), at least 1.

    Higher for a series whose ordinary excursions come near, and for one that keeps crying wolf.

    >>> threshold(np.array([[0.4], [1.5]]), np.array([0.0])).round(2).tolist()
    [[1.0], [1.8]]
    """
    habit = np.clip(MARGIN * record, 1.0, RECORD_CAP)
    wolf = 1.0 + CHATTER_STEP * np.clip(chatter - FREE_EPISODES, 0.0, CHATTER_CAP / CHATTER_STEP)
    limits: Floats = habit * wolf
    return limits


def learn_record(excursion: Floats, record: Floats, *, score: Floats, waited_s: Floats, live: Flags) -> None:
    """Follow excursions of a score (2, n) and keep the highest that ended without an episode, in place.

    live: (n,) series with a sample and no episode. The present excursion counts only once it is over: else a slow
    rise would lift its own threshold ahead of itself.

    >>> excursion, record = np.array([[0.8], [0.0]]), np.zeros((2, 1))
    >>> once = {"waited_s": np.array([60.0]), "live": np.array([True])}
    >>> learn_record(excursion, record, score=np.array([[0.1], [0.5]]), **once)
    >>> excursion.tolist(), record.tolist()
    ([[0.0], [0.5]], [[0.8], [0.0]])
    """
    over = live & (score < OVER)
    faded = record * np.exp(-np.fmin(np.fmax(waited_s, 0.0), RECORD_MEMORY_S) / RECORD_MEMORY_S)
    np.copyto(record, np.where(over, np.maximum(faded, excursion), faded), where=live)
    np.copyto(excursion, np.where(over, 0.0, np.maximum(excursion, score)), where=live)


def recovery(clean: Floats, *, level: Flags, quiet: Flags, short_of: Floats) -> tuple[Floats, Flags]:
    """Advance the evidence that an episode is over by one sample.

    clean:    (n,) evidence so far. level: large departure (else a small shift).
    quiet:    (n,) the sample is near the baseline.
    short_of: (n,) by how much the sample falls short of half the shift, in long-run sigmas.
    Returns   the evidence now, and whether it suffices.

    A small shift ends by a cumulative sum too: single samples near the baseline say nothing about it.

    >>> large = {"level": np.array([True]), "short_of": np.array([0.0])}
    >>> recovery(np.array([4.0]), quiet=np.array([True]), **large)[1].tolist()
    [True]
    >>> recovery(np.array([4.0]), quiet=np.array([False]), **large)[0].tolist()
    [0.0]
    """
    counted = np.where(quiet, clean + 1.0, 0.0)
    summed = np.maximum(clean + short_of, 0.0)
    now = np.where(level, counted, summed)
    return now, np.where(level, now >= CLEAN_SAMPLES, now >= RECOVERED)
