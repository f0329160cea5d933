"""Draw how an installation is watched: what its signals are called, their units and labels, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.world.signals import SIGNALS, Series, catalog
from bot.world.topology import Topology

Rng = np.random.Generator
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

MEMORY_BYTES = 32 * 2**30  # of a node or a limit, where use is told in bytes
DISK_BYTES = 500 * 2**30

# Other names people give to the same thing; the first is our own.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "node_cpu": ("node_cpu", "host_cpu_util", "cpu_busy"),
    "node_memory": ("node_memory", "mem_used", "host_mem"),
    "node_disk": ("node_disk", "fs_usage", "volume_fill"),
    "node_disk_busy": ("node_disk_busy", "iowait", "disk_util"),
    "node_retransmits": ("node_retransmits", "tcp_retrans", "net_loss"),
    "node_rtt": ("node_rtt", "ping", "net_latency"),
    "latency_p99": ("latency_p99", "request_duration_p99", "slow_requests"),
    "latency_p50": ("latency_p50", "request_duration_median", "typical_latency"),
    "error_ratio": ("error_ratio", "http_5xx", "failed_requests"),
    "dependency_errors": ("dependency_errors", "upstream_failures", "client_errors"),
    "request_rate": ("request_rate", "rps", "throughput_in"),
    "availability": ("availability", "ready_share", "up_ratio"),
    "restarts": ("restarts", "container_restarts", "crashes"),
    "service_cpu": ("service_cpu", "container_cpu", "cpu_of_limit"),
    "cpu_per_request": ("cpu_per_request", "cpu_cost", "work_per_call"),
    "service_memory": ("service_memory", "container_memory", "rss_share"),
    "cache_hits": ("cache_hits", "hit_ratio", "lookup_hits"),
    "pipeline_rows": ("pipeline_rows", "rows_out", "records_written"),
    "pipeline_backlog": ("pipeline_backlog", "consumer_lag", "queue_depth"),
    "inference_latency": ("inference_latency", "predict_ms", "model_duration"),
    "fallback": ("fallback", "default_answers", "degraded_predictions"),
    "model_version": ("model_version", "serving_version", "live_version"),
    "feature_null": ("feature_null", "missing_values", "null_rate"),
    "feature_mean": ("feature_mean", "feature_avg", "mean_value"),
    "feature_drift": ("feature_drift", "feature_psi", "input_distance"),
    "freshness": ("freshness", "feature_age", "staleness"),
    "prediction_mean": ("prediction_mean", "score_avg", "mean_score"),
    "positive_rate": ("positive_rate", "decisions_yes", "approval_rate"),
    "prediction_drift": ("prediction_drift", "score_psi", "output_distance"),
    "quality": ("quality", "accuracy", "model_accuracy"),
    "early_quality": ("early_quality", "proxy_accuracy", "instant_feedback"),
    "segment_quality": ("segment_quality", "accuracy_by_segment", "slice_accuracy"),
    "calibration_gap": ("calibration_gap", "calib_error", "score_minus_rate"),
    "label_rate": ("label_rate", "positives_seen", "base_rate"),
    "label_volume": ("label_volume", "labels_joined", "labels_per_min"),
}
SPARED = 0.14  # share of the signals that an installation does not have
KEPT = frozenset({"latency_p99", "error_ratio", "quality", "prediction_drift", "request_rate"})  # that everybody has
PER_POD = ("latency_p99", "latency_p50", "error_ratio", "cpu_per_request", "service_memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """How one of our signals is told here."""

    name: str
    unit: str
    worse: str
    factor: float = 1.0  # value there = offset + factor * value here
    offset: float = 0.0
    pods: int = 1  # series an entity, told apart by the label `pod`
    region: str = ""  # a label that says the same everywhere


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    words: Mapping[str, Word]  # by our own names; what is absent is not watched
    with_features: bool  # whether the catalogue declares where features come from
    gap: float  # share of single samples that do not come
    late_start: float  # share of series that begin midway
    doubled: float  # share of rows written twice


def dialect(rng: Rng) -> Dialect:
    """Draw one."""
    percent, seconds, byte = rng.random(3) < (0.35, 0.3, 0.25)
    style = int(rng.integers(0, 3))
    prefix = str(rng.choice(("", "", "prod_", "app:")))
    region = str(rng.choice(("", "", "eu-1", "use2")))
    words = {}
    for signal in SIGNALS:
        if not signal.kind or (signal.name not in KEPT and rng.random() < SPARED):
            continue
        unit, factor, offset, worse = signal.unit, 1.0, 0.0, signal.worse
        if unit == "ratio" and percent:
            unit, factor = str(rng.choice(("%", "percent"))), 100.0
        if unit == "ms" and seconds:
            unit, factor = "s", 0.001
        if byte and signal.name == "node_memory":
            unit, factor = "bytes", float(MEMORY_BYTES)
        if byte and signal.name == "node_disk":  # what is left, not what is used
            unit, factor, offset, worse = "bytes", -float(DISK_BYTES), float(DISK_BYTES), "down"
        names = ALIASES[signal.name]
        words[signal.name] = Word(
            name=prefix + names[style if rng.random() < 0.8 else int(rng.integers(0, len(names)))],
            unit=unit,
            worse=worse if rng.random() < 0.9 else "both",
            factor=factor,
            offset=offset,
            pods=int(rng.integers(2, 4)) if signal.name in PER_POD and rng.random() < 0.25 else 1,
            region=region,
        )
    return Dialect(
        words=words,
        with_features=bool(rng.random() < 0.85),
        gap=float(rng.choice((0.0, 0.001, 0.01))),
        late_start=0.02,
        doubled=float(rng.choice((0.0, 0.001))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One series as it is told."""

    source: int  # column of the world
    signal: str
    entity: str
    labels: Mapping[str, str]
    factor: float
    offset: float
    jitter: float  # relative, of this pod against the others


def columns(series: tuple[Series, ...], spoken: Dialect, rng: Rng) -> list[Column]:
    """Every series that is told, in the world's order."""
    found = []
    for number, one in enumerate(series):
        word = spoken.words.get(one.signal.name)
        if word is None:
            continue
        for pod in range(word.pods):
            labels = dict(one.further)
            if word.pods > 1:
                labels["pod"] = f"{one.entity}-{pod}"
            if word.region:
                labels["region"] = word.region
            jitter = float(rng.uniform(0.01, 0.04)) if word.pods > 1 else 0.0
            found.append(
                Column(
                    source=number,
                    signal=word.name,
                    entity=one.entity,
                    labels=labels,
                    factor=word.factor,
                    offset=word.offset,
                    jitter=jitter,
                )
            )
    return found


def labels_json(labels: Mapping[str, str]) -> str:
    return json.dumps(dict(labels), sort_keys=True, ensure_ascii=False)


def told(values: Floats, present: Flags, chosen: list[Column], spoken: Dialect, rng: Rng) -> tuple[Floats, Flags]:
    """Put the world's values (t, series) into this dialect, (t, columns), and leave out what does not come."""
    shape = (len(values), len(chosen))
    sources = [one.source for one in chosen]
    factors = np.array([one.factor for one in chosen])
    offsets = np.array([one.offset for one in chosen])
    jitters = np.array([one.jitter for one in chosen])
    out = (offsets + factors * values[:, sources]) * np.exp(jitters * rng.standard_normal(shape))
    seen = present[:, sources] & np.isfinite(out) & (rng.random(shape) >= spoken.gap)
    late = rng.random(shape[1]) < spoken.late_start
    seen[: len(values) // 3, late] = False
    return out, seen


def described(topology: Topology, spoken: Dialect) -> dict[str, Any]:
    """The catalogue in this dialect."""
    plain = catalog(topology, live=False)
    for model in plain["models"]:
        if not spoken.with_features:
            del model["features"]
    signals = []
    for row in plain["signals"]:
        word = spoken.words.get(row["name"])
        if word is not None:
            unit = {"unit": word.unit} if word.unit else {}
            signals.append({"name": word.name, "kind": row["kind"], **unit, "worse": word.worse})
    return {**plain, "step_s": topology.step_s, "signals": signals}
