"""A replica of the scoring service: two models, features from Redis, defaults when the store does not answer in time."""

from __future__ import annotations

import argparse
import json
import math
import pickle
import queue
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily

from tests.rig.places import ADDRESS, PLACES, STORE_PORT
from tests.rig.redis_client import Redis, StoreError
from tests.rig.serving import FAST_BUCKETS, Answer, Payload, server
from tests.rig.world import MODELS, REQUEST_FEATURE, STORED, standardised

STORE_TIMEOUT_S = 0.06
RECENT = 300  # values that drift is measured over: about half a minute at the usual load
DEFAULT = 0.0  # of a standardised feature: its mean

REQUESTS = Counter("requests_total", "answers by code", ["code"])
SECONDS = Histogram("request_seconds", "a whole request", buckets=FAST_BUCKETS)
INFERENCE = Histogram("inference_seconds", "the model alone", ["model"], buckets=FAST_BUCKETS)
STORE_SECONDS = Histogram("store_seconds", "one read of the store, as the caller sees it", buckets=FAST_BUCKETS)
STORE_READS = Counter("store_reads_total", "reads of the store", ["outcome"])
ANSWERS = Counter("answers_total", "answers of a model", ["model"])
FALLBACKS = Counter("fallbacks_total", "answers made from defaults", ["model"])
SCORES = Counter("scores", "sum of scores", ["model"])
FEATURES = Counter("feature_total", "values asked for", ["model", "feature"])
NULLS = Counter("feature_null_total", "values that were missing", ["model", "feature"])

AGES = Histogram("feature_age_seconds", "age of a stored value when it is used", ["model", "feature"], buckets=(60.0,))


def psi(values: list[float], cuts: list[float]) -> float:
    """Population stability index of recent values against tenths of the training set; NaN below 50 values."""
    if len(values) < 50:
        return math.nan
    counts = np.bincount(np.searchsorted(cuts, values), minlength=len(cuts) + 1)
    shares = (counts + 0.5) / (len(values) + 0.5 * len(counts))
    expected = 1.0 / len(counts)
    return float(((shares - expected) * np.log(shares / expected)).sum())


class Served:
    """One model as it serves now, and what it has seen lately."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self.features = (REQUEST_FEATURE[name], *STORED[name])
        reference = json.loads((folder / f"{name}.json").read_text())
        self._input_cuts: list[list[float]] = reference["inputs"]
        self._score_cuts: list[float] = reference["scores"]
        self.raw = {feature: deque[float](maxlen=RECENT) for feature in self.features}
        self.inputs = {feature: deque[float](maxlen=RECENT) for feature in self.features}
        self.scores: deque[float] = deque(maxlen=RECENT)
        self.load("1")

    def load(self, version: str) -> None:
        self._model: Any = pickle.loads((self._folder / f"{self.name}-{version}.pickle").read_bytes())
        self.version = version

    def score(self, inputs: list[float]) -> float:
        return float(self._model.predict_proba(np.array([inputs]))[0, 1])

    def drift(self, feature: str) -> float:
        return psi(list(self.inputs[feature]), self._input_cuts[self.features.index(feature)])

    def score_drift(self) -> float:
        return psi(list(self.scores), self._score_cuts)


class Scoring:
    """What the replica does with a request, and what can be done to it."""

    def __init__(self, folder: Path) -> None:
        self._models = {name: Served(name, folder) for name in MODELS}
        self._idle: queue.SimpleQueue[Redis] = queue.SimpleQueue()
        self._slow_s = 0.0  # CPU seconds that every request wastes
        self._leak: list[bytearray] = []
        self._leak_mb_s = 0.0
        threading.Thread(target=self._leaking, daemon=True).start()

    def control(self, order: Payload) -> None:
        if "version" in order:
            self._models[order["model"]].load(order["version"])
        self._slow_s = order.get("slow_s", self._slow_s)
        self._leak_mb_s = order.get("leak_mb_s", self._leak_mb_s)

    def work(self, path: str, request: Payload) -> Answer:
        began = time.perf_counter()
        served = self._models[request["model"]]
        if self._slow_s:
            until = time.thread_time() + self._slow_s
            while time.thread_time() < until:
                math.sqrt(2.0)
        stored, fell_back = self._stored(served.name, request["account"])
        raw = request["value"]
        inputs = [DEFAULT if raw is None else standardised(served.name, raw), *stored]
        before = time.perf_counter()
        score = served.score(inputs)
        INFERENCE.labels(served.name).observe(time.perf_counter() - before)
        self._note(served, raw, inputs, score, fell_back=fell_back)
        REQUESTS.labels("200").inc()
        SECONDS.observe(time.perf_counter() - began)
        return 200, {"score": score, "version": served.version}

    def _note(self, served: Served, raw: float, inputs: list[float], score: float, *, fell_back: bool) -> None:
        served.scores.append(score)
        ANSWERS.labels(served.name).inc()
        SCORES.labels(served.name).inc(score)
        if fell_back:
            FALLBACKS.labels(served.name).inc()
        for feature, value in zip(served.features, inputs, strict=True):
            served.inputs[feature].append(value)
            served.raw[feature].append(raw if feature == REQUEST_FEATURE[served.name] else value)
            FEATURES.labels(served.name, feature).inc()

    def _stored(self, model: str, account: int) -> tuple[list[float], bool]:
        """Read an account's features; defaults for those that are missing, for all when the store fails."""
        names = STORED[model]
        began = time.perf_counter()
        try:
            store = self._connection()
            [found] = store.ask(("HMGET", f"account:{account}", *names, "at"))
        except StoreError:
            STORE_READS.labels("failed").inc()
            STORE_SECONDS.observe(time.perf_counter() - began)
            return [DEFAULT] * len(names), True
        self._idle.put(store)
        STORE_READS.labels("answered").inc()
        STORE_SECONDS.observe(time.perf_counter() - began)
        assert isinstance(found, list)
        *values, at = found
        return [self._value(model, name, value, at) for name, value in zip(names, values, strict=True)], False

    def _value(self, model: str, name: str, value: Any, at: Any) -> float:
        if value is None or value == b"":
            NULLS.labels(model, name).inc()
            return DEFAULT
        if at is not None:
            AGES.labels(model, name).observe(max(time.time() - float(at), 0.0))
        return float(value)

    def _connection(self) -> Redis:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return Redis(ADDRESS["data-1"], STORE_PORT, timeout_s=STORE_TIMEOUT_S)

    def _leaking(self) -> None:
        while True:
            time.sleep(0.5)
            if self._leak_mb_s:
                self._leak.append(bytearray(b"x" * int(self._leak_mb_s * 0.5 * 2**20)))

    def collect(self) -> Any:
        """What is known only when asked: versions, recent means, drift."""
        version = GaugeMetricFamily("model_version", "the version that serves", labels=["model"])
        value = GaugeMetricFamily("feature_recent_mean", "mean of recent values", labels=["model", "feature"])
        drift = GaugeMetricFamily("feature_psi", "drift of recent values", labels=["model", "feature"])
        scores = GaugeMetricFamily("score_psi", "drift of recent scores", labels=["model"])
        for name, served in self._models.items():
            version.add_metric([name], float(served.version))
            scores.add_metric([name], served.score_drift())
            for feature in served.features:
                recent = list(served.raw[feature])[-100:]
                value.add_metric([name, feature], float(np.mean(recent)) if recent else math.nan)
                drift.add_metric([name, feature], served.drift(feature))
        yield from (version, value, drift, scores)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("process")
    parser.add_argument("models", type=Path)
    arguments = parser.parse_args()
    scoring = Scoring(arguments.models)
    for name in MODELS:
        for metric in (ANSWERS, FALLBACKS, SCORES):
            metric.labels(name)
        for feature in (REQUEST_FEATURE[name], *STORED[name]):
            NULLS.labels(name, feature)
    for outcome in ("failed", "answered"):
        STORE_READS.labels(outcome)
    REGISTRY.register(scoring)
    server(PLACES[arguments.process].port, control=scoring.control, work=scoring.work).serve_forever()


if __name__ == "__main__":
    main()
