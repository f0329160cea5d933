"""What a model answered in each minute of the simulated past, as statistics: of these the prediction log is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SERIES = ("times_s", "version", "rate", "score", "score_shift", "drift", "damage", "accuracy", "gap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """How one feature is spread over the requests of each minute, (n,) each."""

    mean: Floats
    spread: Floats  # standard deviation
    null: Floats  # ratio of empty values


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a model's answers of each minute are like, by the time of the answer and without noise, (n,) each."""

    times_s: Floats  # full minutes
    version: Floats
    rate: Floats  # answers a second
    score: Floats  # mean
    score_shift: Floats  # the version's part of it
    drift: Floats  # PSI of the scores that is the version's
    damage: Floats  # by wrong inputs, 0..1
    accuracy: Floats  # that labels will show
    gap: Floats  # between mean score and label rate that labels will show
    inputs: dict[str, Inputs]  # by feature

    def between(self, since_s: float, until_s: float) -> Answers:
        """Take the minutes from `since_s` to before `until_s`."""
        cut = slice(*np.searchsorted(self.times_s, (since_s, until_s)).tolist())
        return Answers(
            **{name: getattr(self, name)[cut] for name in SERIES},
            inputs={
                feature: Inputs(mean=one.mean[cut], spread=one.spread[cut], null=one.null[cut])
                for feature, one in self.inputs.items()
            },
        )


def joined(parts: Sequence[Answers]) -> Answers:
    """Put stretches that follow each other into one. Raises IndexError when there are none."""
    features = parts[0].inputs
    return Answers(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in SERIES},
        inputs={
            feature: Inputs(
                mean=np.concatenate([part.inputs[feature].mean for part in parts]),
                spread=np.concatenate([part.inputs[feature].spread for part in parts]),
                null=np.concatenate([part.inputs[feature].null for part in parts]),
            )
            for feature in features
        },
    )
