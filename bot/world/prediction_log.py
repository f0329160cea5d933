"""Rows of a prediction log and their labels, drawn so that they agree with what the world shows of the model.

Where the statistics contradict each other, this is what gives way: accuracy and mean score always hold; the gap
between scores and labels holds as far as these two leave room for it; the label rate follows from the three (scores
that are calibrated have the mean of their labels), so that it need not be the one of the world's series.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.world.answers import Answers
from bot.world.topology import Feature, Model

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

THRESHOLD = 0.5  # from which score on the answer is 1: the one at which calibrated scores are most often right
DIGITS = 4  # of scores and features
LOGGED = 0.004  # share of answers that become rows: some 50 a minute for `fraud`, under 30 MB in the busiest two days
MOST_ROWS = 240  # a minute and model: a surge must not fill the disk
CONCENTRATION = 5.0  # of each half of the scores: wide, with many answers near the certain ends
JITTER = 0.2  # a label comes up to so much earlier or later than the usual delay
BLUR = 0.1  # how far the halves of the scores move to the middle when the inputs are worthless
COLLAPSE = 1.0  # how fast they sink as a version drifts: rows then show about the PSI that the world shows
LEAST_HIGH = 0.55  # mean of the upper half when it has sunk as far as it can


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Predictions in the order of time, (n,) each, with what only labels will tell."""

    time_s: Floats  # seconds since 1970, to the millisecond
    version: Ints
    features: dict[str, Floats]  # NaN where the value was empty
    segment: Ints  # index into the model's segments
    score: Floats
    prediction: Ints
    label: Ints
    label_time_s: Floats  # infinite when no label will ever come


@dataclass(frozen=True, slots=True, kw_only=True)
class Halves:
    """Scores as a mixture of two parts, one on each side of the threshold, (n,) each."""

    low: Floats  # mean of the lower part
    high: Floats  # mean of the upper part
    upper: Floats  # share of the upper part


def halves_of(model: Model, answers: Answers) -> Halves:
    """Choose both parts so that their mean is the world's and calibrated scores are right as often as the model is.

    The answer is wrong with 1 - score above the threshold and with score below it. So when the parts' means are e and
    1 - e, calibrated scores are right in 1 - e of cases, whatever the share of the upper part; that one makes the mean.
    A model whose accuracy is below that of always giving the more frequent answer has no calibrated scores: its parts
    are as far apart as its mean allows.
    """
    base = answers.score - answers.score_shift
    error = np.minimum(1 - model.accuracy + BLUR * answers.damage, 0.9 * np.minimum(base, 1 - base))
    usual = (base - error) / (1 - 2 * error)
    sunk = np.exp(-COLLAPSE * answers.drift)
    low = error * sunk
    high = np.clip((answers.score - (1 - usual) * low) / usual, LEAST_HIGH, 0.99)
    low = np.minimum(low, answers.score)
    return Halves(low=low, high=high, upper=np.clip((answers.score - low) / (high - low), 0, 1))


def errors_of(halves: Halves, answers: Answers) -> tuple[Floats, Floats]:
    """How often answers 0 and answers 1 are wrong, so that accuracy is the world's and labels lie `gap` above scores.

    With u the share of answers 1: u e1 + (1 - u) e0 is the share of errors, u (1 - e1) + (1 - u) e0 the label rate.
    """
    upper = np.clip(halves.upper, 1e-9, 1 - 1e-9)
    wrong = 1 - answers.accuracy
    more = answers.score + answers.gap - upper  # of ones among the labels than among the answers
    missed = np.clip((wrong + more) / 2, np.maximum(0, wrong - upper), np.minimum(1 - upper, wrong))
    return np.asarray(missed / (1 - upper)), np.asarray((wrong - missed) / upper)


def draw(
    model: Model,
    answers: Answers,
    rng: np.random.Generator,
    *,
    logged: float = LOGGED,
    labelled: float | None = None,
) -> Rows:
    """Draw the rows of some minutes; each obeys the statistics of the full minute it falls into.

    logged: share of answers that become rows. labelled: share of rows that get a label, absent: the model's.
    """
    counts = rng.poisson(np.minimum(logged * 60 * answers.rate, MOST_ROWS))
    minute = np.repeat(np.arange(len(counts)), counts)
    n = len(minute)
    time_s = answers.times_s[minute] + np.floor(rng.random(n) * 60_000) / 1000
    time_s.sort()  # minutes stay where they are
    halves = halves_of(model, answers)
    positive = rng.random(n) < halves.upper[minute]
    score = _scores(halves, minute, positive, rng)
    missed, alarmed = errors_of(halves, answers)
    doubt = np.where(positive, 1 - score, score)
    usual = np.where(positive, 1 - halves.high[minute], halves.low[minute])
    wanted = np.where(positive, alarmed[minute], missed[minute])
    wrong = rng.random(n) < _bent(doubt, usual, wanted)
    delay_s = model.label_delay_s * (1 + JITTER * rng.uniform(-1, 1, n))
    known = rng.random(n) < (model.labelled if labelled is None else labelled)
    return Rows(
        time_s=time_s,
        version=answers.version[minute].astype(np.int64),
        features={one.name: _feature(one, answers, minute, rng) for one in model.features},
        segment=rng.integers(0, len(model.segments), n),
        score=score,
        prediction=positive.astype(np.int64),
        label=(positive ^ wrong).astype(np.int64),
        label_time_s=np.where(known, np.floor((time_s + delay_s) * 1000) / 1000, np.inf),
    )


def _scores(halves: Halves, minute: Ints, positive: NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Draw each from a beta distribution that is stretched over its side of the threshold."""
    away = np.where(positive, (1 - halves.high[minute]) / (1 - THRESHOLD), halves.low[minute] / THRESHOLD)
    mean = np.clip(away, 1e-6, 1 - 1e-6)
    drawn = rng.beta(CONCENTRATION * mean, CONCENTRATION * (1 - mean))
    score = np.where(positive, 1 - (1 - THRESHOLD) * drawn, THRESHOLD * drawn)
    rounded = np.round(score, DIGITS)
    # 0.49999 would round across the threshold and contradict its own answer
    return np.where(positive, rounded, np.minimum(rounded, THRESHOLD - 10.0**-DIGITS))


def _bent(doubt: Floats, usual: Floats, wanted: Floats) -> Floats:
    """Chance of being wrong: the doubt that the score itself states, bent so that its mean is not `usual` but `wanted`.

    Where both agree it is the doubt, and scores are calibrated one by one.
    """
    fewer = doubt * wanted / np.maximum(usual, 1e-12)
    more = 1 - (1 - doubt) * (1 - wanted) / np.maximum(1 - usual, 1e-12)
    return np.asarray(np.where(wanted <= usual, fewer, more))


def _feature(feature: Feature, answers: Answers, minute: Ints, rng: np.random.Generator) -> Floats:
    """Draw values: skewed and positive, as amounts and counts are; normal when the mean is not above 0."""
    inputs = answers.inputs[feature.name]
    mean, spread = inputs.mean[minute], inputs.spread[minute]
    sane = np.maximum(mean, 1e-9)
    skewed = rng.standard_gamma((sane / spread) ** 2) * spread**2 / sane
    drawn = np.where(mean > 0, skewed, mean + spread * rng.standard_normal(len(minute)))
    return np.where(rng.random(len(minute)) < inputs.null[minute], np.nan, np.round(drawn, DIGITS))
