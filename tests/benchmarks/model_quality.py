"""How often a healthy model is called ill, what is seen of a sick one, and what judging costs.

    python -m tests.benchmarks.model_quality [--runs 100]

Everything goes through the judge that the bot uses, on counts of drawn rows; nothing was tuned on these draws. Prints
one JSON object. The time is given as a ratio to scipy's two-sample test on the same rows in the same process, too.
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from scipy.stats import ks_2samp

from bot.domain.model_quality import QualityPath
from bot.domain.prediction_log import Profile
from bot.pipeline.quality.columns import columns_of, drift_of, feature_drift
from bot.pipeline.quality.judge import judge
from bot.pipeline.quality.windows import Judged
from detectors.distances import js, ks
from detectors.error_rate import step, threshold
from detectors.homogeneity import chi_square
from detectors.psi import psi
from detectors.versions import always_valid
from tests.pipeline.quality.logs import Rows, profile_of, window_of

FEATURES = 60
DRIFT = {QualityPath.FEATURE_DRIFT, QualityPath.PREDICTION_DRIFT}


def rows(rng: np.random.Generator, n: int, *, shift: float = 0.0, shifted: int = FEATURES) -> Rows:
    values = {f"f{k}": rng.standard_normal(n) + (shift if k < shifted else 0.0) for k in range(FEATURES)}
    score = rng.random(n)
    return Rows(
        features=values, score=score, answer=(score > 0.5).astype(float), label=(rng.random(n) < score).astype(float)
    )


def judged(rng: np.random.Generator, profile: Profile, n: int, runs: int, **drawn: float) -> dict[str, float]:
    """Share of runs with a drift finding, and pages of any path in all."""
    found = pages = features = 0
    for _ in range(runs):
        report = judge(profile, window_of(profile, rows(rng, n, **drawn)))
        drifted = [one for one in report.findings if one.path in DRIFT]
        found += bool(drifted)
        features += sum(one.path is QualityPath.FEATURE_DRIFT for one in drifted)
        pages += report.page
    return {"runs": runs, "with_drift": found / runs, "features_a_run": features / runs, "pages": pages}


def null_of_psi(rng: np.random.Generator, runs: int) -> dict[str, float]:
    """Share of p-values below .05 when nothing has changed."""
    edges = np.quantile(rng.standard_normal(200_000), np.arange(1, 10) / 10)
    told = {}
    for n in (100, 500, 5000):
        low = 0
        for _ in range(runs):
            before = np.bincount(np.searchsorted(edges, rng.standard_normal(10_000)), minlength=10)
            now = np.bincount(np.searchsorted(edges, rng.standard_normal(n)), minlength=10)
            low += float(psi(before[None].astype(float), now[None].astype(float)).p[0]) < 0.05
        told[str(n)] = low / runs
    return told


def outlier(rng: np.random.Generator) -> float:
    """Relative change of the PSI of a shift of .7 sigma when one of 5,000 rows holds 1e6."""
    before, now = rng.standard_normal(5000), rng.standard_normal(5000) + 0.7
    edges = np.quantile(before, np.arange(1, 10) / 10)

    def distance(values: np.ndarray) -> float:
        counts = (
            np.bincount(np.searchsorted(edges, part), minlength=10)[None].astype(float) for part in (before, values)
        )
        return float(psi(*counts).psi[0])

    wild = now.copy()
    wild[0] = 1e6
    return abs(distance(wild) / distance(now) - 1.0)


def labels(rng: np.random.Generator, runs: int) -> dict[str, float]:
    """500 labels a day, 6 % errors, two points more from day 31 on."""
    limit = threshold(usual=0.06, worse=0.08, labels=500, looks=90, false_share=0.05, rng=rng, runs=10 * runs)
    sums, healthy = np.zeros(runs), np.zeros(runs, bool)
    for _ in range(90):
        sums = step(sums, rng.binomial(500, 0.06, runs), np.full(runs, 500), usual=0.06, worse=0.08)
        healthy |= sums > limit
    sums, delay = np.zeros(runs), np.full(runs, np.inf)
    for day in range(1, 91):
        rate = 0.06 if day <= 30 else 0.08
        sums = step(sums, rng.binomial(500, rate, runs), np.full(runs, 500), usual=0.06, worse=0.08)
        delay = np.where((sums > limit) & (day > 30) & np.isinf(delay), day - 30, delay)
    errors = {0.06: np.zeros(runs), 0.08: np.zeros(runs)}
    p = {rate: np.ones(runs) for rate in errors}
    seen = np.full(runs, np.inf)
    old = rng.binomial(20_000, 0.06, runs)
    for day in range(1, 91):
        for rate in (0.06, 0.08):
            errors[rate] = errors[rate] + rng.binomial(500, rate, runs)
            p[rate] = always_valid(errors[rate], 500 * day, old, 20_000, tau=0.02, before=p[rate])
        seen = np.where((p[0.08] < 0.05) & np.isinf(seen), day, seen)
    return {
        "runs": runs,
        "cusum_limit": round(limit, 2),
        "cusum_false_in_90_days": float(healthy.mean()),
        "cusum_median_delay_days": float(np.median(delay)),
        "versions_false_in_90_days": float((p[0.06] < 0.05).mean()),
        "versions_median_delay_days": float(np.median(seen)),
    }


def cost(rng: np.random.Generator) -> dict[str, float]:
    """Milliseconds, the best of five."""
    before, now = rows(rng, 5000), rows(rng, 5000)
    profile = profile_of(before, stretch=500)
    window = window_of(profile, now)
    past = [Judged(window=window_of(profile, rows(rng, 500)), report=judge(profile, window)) for _ in range(190)]
    names = {grid.name for grid in profile.features}
    bare = [one for one in columns_of(profile, window, []) if one.name in names]
    usual = np.stack([one.usual.bins for one in bare]).astype(float)
    counts = np.stack([one.now.bins for one in bare]).astype(float)

    def best(work) -> float:
        times = []
        for _ in range(5):
            began = time.perf_counter()
            work()
            times.append(1000.0 * (time.perf_counter() - began))
        return min(times)

    def statistics() -> None:
        for one in (psi, ks, js, chi_square):
            one(usual, counts)

    def on_rows() -> None:
        for name in names:
            ks_2samp(before.features[name], now.features[name])

    scipy_ms = best(on_rows)
    ours_ms = best(statistics)
    return {
        "statistics_ms": round(ours_ms, 3),
        "feature_drift_ms": round(best(lambda: feature_drift(bare)), 3),
        "drift_of_ms": round(best(lambda: drift_of(bare)), 3),
        "judge_ms": round(best(lambda: judge(profile, window)), 2),
        "judge_with_200_windows_ms": round(best(lambda: judge(profile, window, past)), 2),
        "scipy_ks_on_rows_ms": round(scipy_ms, 2),
        "ratio_to_scipy": round(ours_ms / scipy_ms, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100)
    runs = parser.parse_args().runs
    rng = np.random.default_rng(20_261_125)
    small = profile_of(rows(rng, 10_000), stretch=500)
    large = profile_of(rows(rng, 100_000), stretch=5_000)
    told = {
        "no_drift": {
            **{f"10k/{n}": judged(rng, small, n, runs) for n in (100, 200, 500, 5000)},
            "100k/50000": judged(rng, large, 50_000, max(runs // 8, 5)),
            "100k/50000, +.02 sd": judged(rng, large, 50_000, max(runs // 8, 5), shift=0.02),
        },
        "power, 5 of 60 features shifted": {
            f"+{shift} sd, {n} rows": judged(rng, small, n, max(runs // 4, 5), shift=shift, shifted=5)
            for shift, n in ((0.5, 200), (0.3, 500), (0.3, 2000), (0.1, 2000))
        },
        "psi_p_below_.05": null_of_psi(rng, 20 * runs),
        "outlier_changes_psi_by": outlier(rng),
        "labels": labels(rng, 20 * runs),
        "cost": cost(rng),
    }
    print(json.dumps(told, indent=2))


if __name__ == "__main__":
    main()
