"""What is true in the rig's small world: who asks, what their features are at a moment, and what the right answer is.

Pure functions of a seed and the time. The featuriser and the load generator both read it, as a pipeline and a shop both
see the same customers; nobody else does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ACCOUNTS = 200
SEED = 20260
MODELS = ("fraud", "ranking")
CHAMPION, HARMLESS, BAD, HEAVY = "1", "2", "3", "4"  # versions of each model; train.py makes them
REQUEST_FEATURE = {"fraud": "amount", "ranking": "query_length"}  # raw, in euros and in letters
STORED = {"fraud": ("velocity", "merchant_risk", "account_age"), "ranking": ("affinity", "popularity")}
# how strongly each input speaks for a yes: the request's (as a standardised logarithm), then the stored ones in order
RULES = {"fraud": (1.2, 1.8, 1.8, -0.8), "ranking": (1.0, 2.0, 1.6)}
OTHER_RULES = {"fraud": (1.2, -1.8, -1.2, -0.8), "ranking": (1.0, -2.0, 1.6)}  # after a concept drift
OFFSET = {"fraud": -1.0, "ranking": 0.2}
SHARPNESS = 1.8  # labels are drawn; at this, a perfect model is right nine times in ten
LOG_MEAN = {"fraud": math.log(40.0), "ranking": math.log(12.0)}
LOG_SPREAD = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Population:
    """The accounts: each stored feature swings about its own middle, so that an old value is a wrong one."""

    middle: dict[str, Floats]  # (accounts,) standardised
    swing: dict[str, Floats]  # (accounts,) amplitude; 0 for what never changes
    period_s: dict[str, Floats]
    phase: dict[str, Floats]

    def at(self, feature: str, time_s: float) -> Floats:
        """Every account's true value at a moment, (accounts,), standardised."""
        angle = 2 * math.pi * time_s / self.period_s[feature] + self.phase[feature]
        return self.middle[feature] + self.swing[feature] * np.sin(angle)

    def one(self, model: str, account: int, time_s: float) -> list[float]:
        """One account's stored features, in the order of STORED."""
        found = []
        for name in STORED[model]:
            angle = 2 * math.pi * time_s / self.period_s[name][account] + self.phase[name][account]
            found.append(float(self.middle[name][account] + self.swing[name][account] * math.sin(angle)))
        return found


def population(seed: int = SEED) -> Population:
    rng = np.random.default_rng(seed)
    names = [name for stored in STORED.values() for name in stored]
    still = {"account_age"}
    return Population(
        middle={name: rng.normal(0.0, 1.0 if name in still else 0.5, ACCOUNTS) for name in names},
        swing={name: np.zeros(ACCOUNTS) if name in still else rng.uniform(0.8, 1.6, ACCOUNTS) for name in names},
        # half a period of 30 to 60 s: a minute without fresh values turns some of them round
        period_s={name: rng.uniform(60.0, 120.0, ACCOUNTS) for name in names},
        phase={name: rng.uniform(0.0, 2 * math.pi, ACCOUNTS) for name in names},
    )


def draw_request(model: str, rng: np.random.Generator) -> float:
    """The raw value that comes with a request: log-normal."""
    return float(np.exp(rng.normal(LOG_MEAN[model], LOG_SPREAD)))


def standardised(model: str, raw: float) -> float:
    return (math.log(max(raw, 1e-6)) - LOG_MEAN[model]) / LOG_SPREAD


def logit(model: str, inputs: list[float], *, drifted: bool = False) -> float:
    """How much speaks for a yes; `inputs` are the standardised request value, then the stored features."""
    rule = (OTHER_RULES if drifted else RULES)[model]
    return OFFSET[model] + sum(weight * value for weight, value in zip(rule, inputs, strict=True))


def draw_label(chance_logit: float, rng: np.random.Generator) -> int:
    return int(rng.random() < 1.0 / (1.0 + math.exp(-SHARPNESS * chance_logit)))


def rows(model: str, count: int, *, seed: int) -> tuple[Floats, NDArray[np.int64]]:
    """A training set: (count, inputs) and labels, drawn as the load generator draws them."""
    rng = np.random.default_rng(seed)
    people = population()
    inputs = np.empty((count, 1 + len(STORED[model])))
    labels = np.empty(count, np.int64)
    for row in range(count):
        seen = [
            standardised(model, draw_request(model, rng)),
            *people.one(model, int(rng.integers(ACCOUNTS)), float(rng.uniform(0, 1e6))),
        ]
        inputs[row], labels[row] = seen, draw_label(logit(model, seen), rng)
    return inputs, labels
