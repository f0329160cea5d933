"""A small real service with metrics, whose troubles are switched on and off."""

from __future__ import annotations

from typing import Self

from prometheus_client import CollectorRegistry, Gauge, start_http_server

USUAL_LATENCY_MS = 40.0


class Exporter:
    """Serves /metrics on a loopback port of its own until stopped."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._latency = Gauge("shop_latency_ms", "p99 of requests", ["service"], registry=self._registry)
        self._score = Gauge("shop_score_mean", "mean score", ["model", "version"], registry=self._registry)
        self._build = Gauge("shop_build_info", "what runs", ["service", "version"], registry=self._registry)
        self._server, self._thread = start_http_server(0, addr="127.0.0.1", registry=self._registry)
        self.heal()
        self._score.labels("fraud", "3").set(0.31)
        self.deploy("v1")

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

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
