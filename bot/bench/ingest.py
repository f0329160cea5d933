"""What a series costs from the bytes of Prometheus' answer to its place in the column that is judged.

The real source and the real column, with a client that answers from memory. Beside it, in the same run, what it costs
to parse the same bytes and do nothing with them.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from pydantic_core import from_json

from bot.clock import from_epoch
from bot.domain.catalogue import Catalogue, Kind, Signal
from bot.http import HttpClient
from bot.sources.prometheus import PrometheusSource
from bot.watch import Watch

AT_S = 1_700_000_000.0
STEP_S = 60.0
TURNS = 7  # the best counts: others use the machine too
SIGNAL = Signal(name="latency", kind=Kind.LATENCY, query="latency", entity_labels=("model",))


class _Canned(HttpClient):
    """Answers every question with the same bytes, at once."""

    body = b""

    async def get_bytes(
        self,
        path: str,  # noqa: ARG002 - as HttpClient
        params: Mapping[str, str] | None = None,  # noqa: ARG002
        *,
        deadline_s: float | None = None,  # noqa: ARG002
    ) -> bytes:
        return self.body


def measure(series: int) -> dict[str, Any]:
    """Time ingest in microseconds a series, the best of a few turns.

    first:     nothing is known: each label set is parsed, named and given its row.
    steady:    the same series again, in the same order, with other values and another timestamp.
    reordered: the same, but in another order every time.
    parsed:    the same series in a form that must be parsed whole: the timestamps in one answer differ.
    """
    rng = random.Random(0)  # noqa: S311 - figures that can be repeated, not secrets
    labels = [_labels(number) for number in range(series)]
    shuffled = rng.sample(labels, series)
    same = [_answer(labels, turn, rng) for turn in range(2)]
    orders = [same[0], _answer(shuffled, 2, rng)]
    mixed = [answer.replace(b'"value":[17', b'"value":[18', 1) for answer in same]
    costs = asyncio.run(_costs(same, orders, mixed, series))
    peers: dict[str, Callable[[bytes], Any]] = {"json.loads": json.loads, "pydantic_core.from_json": from_json}
    if importlib.util.find_spec("orjson"):  # no dependency of ours; a yardstick that many know
        peers["orjson.loads"] = importlib.import_module("orjson").loads
    parsing = {name: _best(partial(parse, same[0])) / series for name, parse in peers.items()}
    return {
        "series": series,
        "bytes_a_series": round(len(same[0]) / series, 1),
        "us_a_series": {name: _rounded(cost) for name, cost in costs.items()},
        "parsing_alone_us_a_series": {name: _rounded(cost) for name, cost in parsing.items()},
        "parsing_alone_to_steady": {name: _rounded(cost / costs["steady"]) for name, cost in parsing.items()},
    }


async def _costs(
    same: Sequence[bytes], orders: Sequence[bytes], mixed: Sequence[bytes], series: int
) -> dict[str, float]:
    watch = Watch(Catalogue(signals=(SIGNAL,)))
    async with _Canned("http://in-memory.invalid") as client:
        source = PrometheusSource("bench", client, [SIGNAL], max_series=series, deadline_s=math.inf)

        async def column(body: bytes, at: datetime) -> float:
            client.body = body
            began = time.perf_counter()
            pull = await source.pull(watch.index, at=at)
            frame = watch.frame([pull.samples], at=at)
            took_s = time.perf_counter() - began
            if pull.blind or len(frame.values) != series or not np.isfinite(frame.values).any():
                raise AssertionError("the benchmark's own answer was not read")
            return took_s

        costs = {"first": await column(same[0], from_epoch(AT_S))}
        for name, answers in (("steady", same), ("reordered", orders), ("parsed", mixed)):
            turns = [
                await column(answers[turn % len(answers)], from_epoch(AT_S + STEP_S * turn))
                for turn in range(len(answers) * TURNS)
            ]
            costs[name] = min(turns[len(answers) :])  # after each answer was seen once
    return {name: cost_s * 1e6 / series for name, cost_s in costs.items()}


def _labels(number: int) -> str:
    """Write a label set of the usual size, so that a series takes about 178 bytes of the answer."""
    return json.dumps(
        {
            "__name__": "request_latency_seconds",
            "instance": f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}:9100",
            "job": "serving",
            "model": f"model-{number % 997}",
            "pod": f"pod-{number:06d}",
        },
        separators=(",", ":"),
    )


def _answer(labels: Sequence[str], turn: int, rng: random.Random) -> bytes:
    at = f"{AT_S + STEP_S * turn + 0.123:.3f}"
    items = ",".join(f'{{"metric":{one},"value":[{at},"{_value(rng)}"]}}' for one in labels)
    return f'{{"status":"success","data":{{"resultType":"vector","result":[{items}]}}}}'.encode()


def _value(rng: random.Random) -> str:
    """Write what rates and ratios look like: mostly all digits of a double, now and then a division by nothing."""
    odd = rng.random()
    if odd < 0.01:
        return rng.choice(("NaN", "+Inf", "-Inf"))
    return str(rng.randrange(1000)) if odd < 0.1 else repr(rng.random() * 100)


def _best(act: Callable[[], Any]) -> float:
    """Microseconds of the fastest turn."""
    took_s = math.inf
    for _ in range(TURNS):
        began = time.perf_counter()
        act()
        took_s = min(took_s, time.perf_counter() - began)
    return took_s * 1e6


def _rounded(number: float) -> float:
    return float(f"{number:.3g}")
