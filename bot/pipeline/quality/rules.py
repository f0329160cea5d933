"""The numbers that decide what counts as a fault of a model, in one place, each with its reason.

Sources and measurements: docs/model-quality.md. None of them was chosen on the logs that figures are reported on.
"""

from __future__ import annotations

from statistics import NormalDist

ENOUGH = 200  # predictions, below which a distribution is mostly luck
ENOUGH_LABELS = 100
SCORE_CELLS = 20  # of a score, where its distance to the reference is taken
LONG = 99  # windows of history from which on ranks can be as rare as 1 in 100
RARE_RANK = 0.01  # of a statistic among its own history
FAR = 6.0  # robust sigmas, while the history is too short for ranks
FALSE_DISCOVERIES = (
    0.03  # among the columns of a window that are called drifted; with nothing wrong, that share of windows
)
SURE = 1e-3  # probability by chance alone, below which sampling noise is no explanation
DISTANCE = 0.1  # excess PSI, or share of the people who sit elsewhere: what may matter
DISTANCE_BETWEEN_VERSIONS = 0.25  # of scores: a version trained anew may well spread them a little differently
CONFIDENCE_Z = 3.29  # two-sided one in a thousand, for the interval of a rate
RATE_FLOOR = 0.01  # a rate of faults that rises by less calls nobody
UNSEEN_SHARE, UNSEEN_ROWS = 0.005, 20  # a category that never was: a misspelling in one row is no fault
STILL_P = 1e-6  # that so many rows agree by chance, below which a column stands still
QUALITY_FLOOR = 0.01  # of accuracy
QUALITY_SIGMAS = 3.0
AUC_FLOOR = 0.02
ERROR_FLOOR = 0.05  # regression: of the usual error
BIAS_FLOOR = 0.01  # of mean probability less share that came true
BIAS_PAGE = 0.03
BIAS_Z = 4.0
SEGMENT_FLOOR = 0.03  # a group is smaller and there are many of them
COVERAGE = 0.8  # of the usual share of labels, below which early labels may be another kind of people
FALSE_SHARE = 0.05  # of healthy models that labels call ill within so many looks:
LOOKS = 90  # a day each in a quarter of a year; a log that is judged more often has more of them


def sure(looks: int) -> float:
    """Probability of a false call that one look at labels may spend."""
    return FALSE_SHARE / looks


def sigmas(looks: int) -> float:
    """The same in sigmas, one-sided, and at least what any loss must be.

    >>> round(sigmas(90), 2), round(sigmas(8640), 2)
    (3.26, 4.39)
    """
    return max(QUALITY_SIGMAS, -NormalDist().inv_cdf(sure(looks)))
