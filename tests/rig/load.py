"""The people of the rig: send requests at a steady rate, and learn some seconds later what the right answer was."""

from __future__ import annotations

import heapq
import http.client
import json
import queue
import socket
import sys
import threading
import time
from collections import Counter as Tally

import numpy as np
from prometheus_client import Counter

from tests.rig.places import PLACES
from tests.rig.serving import Payload, server
from tests.rig.world import (
    ACCOUNTS,
    MODELS,
    draw_label,
    draw_request,
    logit,
    population,
    standardised,
)

LABEL_DELAY_S = 6.0
WORKERS = 12
TIMEOUT_S = 1.5
WAITING = 60  # requests that may wait for a free worker; people beyond them give up

ASKED = Counter("asked_total", "requests as their senders count them", ["outcome"])
LABELS = Counter("labels_total", "labels that came in", ["model"])
POSITIVE = Counter("labels_positive_total", "labels that say yes", ["model"])
CORRECT = Counter("labels_correct_total", "answers on the right side of one half", ["model"])
SCORE_SUM = Counter("labelled_scores", "scores whose label came in", ["model"])


class Load:
    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._people = population()
        self._rng = np.random.default_rng()
        self._orders: queue.Queue[tuple[Payload, int]] = queue.Queue(WAITING)
        self._late: list[tuple[float, str, float, int]] = []
        self._lock = threading.Lock()
        self._only_risky = False
        self._drifted = False
        self._flipped = 0.0
        self._factor = 1.0

    def control(self, order: Payload) -> None:
        self._rate = order.get("rate", self._rate)
        self._only_risky = order.get("only_risky", self._only_risky)
        self._drifted = order.get("drifted", self._drifted)
        self._flipped = order.get("flipped", self._flipped)
        self._factor = order.get("factor", self._factor)

    def send(self) -> None:
        """Draw requests at the rate; open loop: slow answers do not slow the senders."""
        due, turn = time.monotonic(), 0
        while True:
            due += float(self._rng.exponential(1.0 / self._rate))
            time.sleep(max(due - time.monotonic(), 0.0))
            turn += 1
            try:
                self._orders.put_nowait(self._draw(MODELS[turn % len(MODELS)]))
            except queue.Full:
                ASKED.labels("given up").inc()

    def _draw(self, model: str) -> tuple[Payload, int]:
        now = time.time()
        while True:
            raw = draw_request(model, self._rng)
            account = int(self._rng.integers(ACCOUNTS))
            stored = self._people.one(model, account, now)
            if not (self._only_risky and model == "fraud") or (stored[0] > 0.3 and stored[2] < 0.5):
                break
        inputs = [standardised(model, raw), *stored]
        label = draw_label(logit(model, inputs, drifted=self._drifted and model == "fraud"), self._rng)
        if self._flipped and model == "fraud" and self._rng.random() < self._flipped:
            label = 1 - label
        sent = raw * self._factor if model == "fraud" else raw
        return {"model": model, "account": account, "value": round(sent, 3)}, label

    def work(self) -> None:
        connection: http.client.HTTPConnection | None = None
        while True:
            request, label = self._orders.get()
            try:
                connection = connection or _connect()
                connection.request("POST", "/score", json.dumps(request).encode())
                response = connection.getresponse()
                answer = json.loads(response.read())
            except (OSError, http.client.HTTPException):
                if connection is not None:
                    connection.close()
                connection = None
                ASKED.labels("failed").inc()
                continue
            if response.status != 200:
                ASKED.labels("failed").inc()
                continue
            ASKED.labels("answered").inc()
            with self._lock:
                heapq.heappush(self._late, (time.monotonic() + LABEL_DELAY_S, request["model"], answer["score"], label))

    def join(self) -> None:
        """Count what labels say of answers, once they are due."""
        while True:
            time.sleep(0.2)
            counts: Tally[tuple[Counter, str]] = Tally()
            with self._lock:
                while self._late and self._late[0][0] <= time.monotonic():
                    _, model, score, label = heapq.heappop(self._late)
                    counts[LABELS, model] += 1
                    counts[POSITIVE, model] += label
                    counts[CORRECT, model] += int((score >= 0.5) == bool(label))
                    SCORE_SUM.labels(model).inc(score)
            for (metric, model), count in counts.items():
                metric.labels(model).inc(count)


def _connect() -> http.client.HTTPConnection:
    place = PLACES["gateway"]
    made = http.client.HTTPConnection(place.address, place.port, timeout=TIMEOUT_S)
    made.connect()
    made.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return made


def main() -> None:
    load = Load(float(sys.argv[1]))
    for model in MODELS:
        for metric in (LABELS, POSITIVE, CORRECT, SCORE_SUM):
            metric.labels(model)
    for outcome in ("answered", "failed", "given up"):
        ASKED.labels(outcome)
    for task in (load.send, load.join, *([load.work] * WORKERS)):
        threading.Thread(target=task, daemon=True).start()
    server(PLACES["load"].port, control=load.control).serve_forever()


if __name__ == "__main__":
    main()
