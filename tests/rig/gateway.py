"""The door of the rig: passes requests on to a healthy replica of scoring, with a bounded pool and a deadline."""

from __future__ import annotations

import http.client
import itertools
import json
import queue
import socket
import threading
import time

from prometheus_client import Counter, Gauge, Histogram

from tests.rig.places import PLACES
from tests.rig.serving import FAST_BUCKETS, Answer, Payload, server

AVOIDED_S = 3.0  # how long a replica that refused or hung is left alone
WAIT_S = 0.25  # for a free slot of the pool

REQUESTS = Counter("requests_total", "answers by code", ["code"])
SECONDS = Histogram("request_seconds", "a whole request", buckets=FAST_BUCKETS)
OPEN = Gauge("requests_open", "requests that wait or are being answered")


class Gateway:
    def __init__(self) -> None:
        self._turn = itertools.count()
        self._avoid: dict[str, float] = {}
        self._idle: dict[str, queue.SimpleQueue[http.client.HTTPConnection]] = {}
        self.control({"pool": 16, "timeout_s": 0.6, "replicas": ["scoring-1", "scoring-2"]})

    def control(self, order: Payload) -> None:
        """Take a new configuration at once, as a rollout of it would."""
        if "pool" in order:
            self._slots = threading.BoundedSemaphore(order["pool"])
        if "timeout_s" in order:
            self._timeout_s = order["timeout_s"]
        if "replicas" in order:
            self._replicas: list[str] = order["replicas"]
        self._idle = {name: queue.SimpleQueue() for name in self._replicas}

    def work(self, path: str, request: Payload) -> Answer:
        began = time.perf_counter()
        OPEN.inc()
        slots = self._slots
        try:
            if slots.acquire(timeout=WAIT_S):
                try:
                    status, answer = self._pass_on(json.dumps(request).encode())
                finally:
                    slots.release()
            else:
                status, answer = 503, {"error": "no free slot"}
        finally:
            OPEN.dec()
        REQUESTS.labels(str(status)).inc()
        SECONDS.observe(time.perf_counter() - began)
        return status, answer

    def _pass_on(self, body: bytes) -> Answer:
        status, error = 502, "no replica answers"
        for _ in self._replicas:
            name = self._next()
            idle, connection = self._idle.get(name, queue.SimpleQueue()), None
            try:
                connection = self._connection(name, idle)
                connection.request("POST", "/score", body)
                response = connection.getresponse()
                answer = json.loads(response.read())
            except TimeoutError:
                self._avoid[name] = time.monotonic() + AVOIDED_S
                status, error = 504, "no answer in time"
                break  # the deadline is the caller's: it is gone
            except (OSError, http.client.HTTPException):
                self._avoid[name] = time.monotonic() + AVOIDED_S
                continue
            idle.put(connection)
            return response.status, answer
        return status, {"error": error}

    def _next(self) -> str:
        now = time.monotonic()
        healthy = [name for name in self._replicas if self._avoid.get(name, 0.0) <= now] or self._replicas
        return healthy[next(self._turn) % len(healthy)]

    def _connection(self, name: str, idle: queue.SimpleQueue[http.client.HTTPConnection]) -> http.client.HTTPConnection:
        try:
            return idle.get_nowait()
        except queue.Empty:
            place = PLACES[name]
            made = http.client.HTTPConnection(place.address, place.port, timeout=self._timeout_s)
            made.connect()
            made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return made


def main() -> None:
    gateway = Gateway()
    for code in ("200", "502", "503", "504"):
        REQUESTS.labels(code)
    server(PLACES["gateway"].port, control=gateway.control, work=gateway.work).serve_forever()


if __name__ == "__main__":
    main()
