"""Small real services with metrics, whose troubles are switched on and off."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Self

from prometheus_client import CollectorRegistry, Gauge, start_http_server
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

USUAL_LATENCY_MS = 40.0
BAD_VERSION = "4"


class _Served:
    """Serves a registry at /metrics on a loopback port of its own until stopped."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._server, self._thread = start_http_server(0, addr="127.0.0.1", registry=registry)

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Go away as a crashed process does."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        if self._thread.is_alive():
            self.stop()


class Exporter(_Served):
    """One gateway with steady numbers."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._latency = Gauge("shop_latency_ms", "p99 of requests", ["service"], registry=registry)
        self._score = Gauge("shop_score_mean", "mean score", ["model", "version"], registry=registry)
        self._build = Gauge("shop_build_info", "what runs", ["service", "version"], registry=registry)
        super().__init__(registry)
        self.heal()
        self._score.labels("fraud", "3").set(0.31)
        self.deploy("v1")

    def slow_down(self, times: float) -> None:
        self._latency.labels("gateway").set(USUAL_LATENCY_MS * times)

    def forget(self) -> None:
        """Report what cannot be computed."""
        self._latency.labels("gateway").set(float("nan"))

    def heal(self) -> None:
        self._latency.labels("gateway").set(USUAL_LATENCY_MS)

    def deploy(self, version: str) -> None:
        self._build.clear()
        self._build.labels("gateway", version).set(1)


class Production(_Served, Collector):
    """A model `fraud` behind `scoring` on n-1, and the `pipeline` on n-2 that fills its features; a little noisy."""

    def __init__(self) -> None:
        self.serving = "3"
        self.disk_full = False
        self._rng = random.Random(7)
        registry = CollectorRegistry()
        super().__init__(registry)
        registry.register(self)

    def collect(self) -> Iterator[Metric]:
        for name, labels, value in self._read():
            family = GaugeMetricFamily(name, name, labels=list(labels))
            family.add_metric(list(labels.values()), value)
            yield family

    def history(self, *, until: float, seconds: int) -> Iterator[tuple[str, str, float, float]]:
        """What would have been scraped each second before, had anybody done it; the same series as scraped later."""
        for back in range(seconds, 0, -1):
            for name, labels, value in self._read():
                own = {"instance": self.target, "job": "shop", **labels}
                yield name, ",".join(f'{key}="{text}"' for key, text in own.items()), value, until - back

    def _read(self) -> Iterator[tuple[str, dict[str, str], float]]:
        bad, full = self.serving == BAD_VERSION, self.disk_full
        for name, labels, usual, spread in (
            ("shop_cpu_ratio", {"node": "n-1"}, 0.35, 0.01),
            ("shop_cpu_ratio", {"node": "n-2"}, 0.25, 0.01),
            ("shop_disk_ratio", {"node": "n-2"}, 0.97 if full else 0.60, 0.002),
            ("shop_latency_ms", {"service": "scoring"}, USUAL_LATENCY_MS, 1.0),
            ("shop_error_ratio", {"service": "scoring"}, 0.002, 0.0003),
            ("shop_error_ratio", {"service": "pipeline"}, 0.4 if full else 0.002, 0.0003),
            ("shop_age_seconds", {"model": "fraud", "feature": "velocity"}, 900.0 if full else 60.0, 4.0),
            ("shop_score_mean", {"model": "fraud"}, 0.05 if bad else 0.14, 0.002),
            ("shop_quality", {"model": "fraud"}, 0.75 if bad else 0.94, 0.003),
            ("shop_serving_version", {"model": "fraud"}, float(self.serving), 0.0),
        ):
            yield name, labels, self._rng.gauss(usual, spread)
