"""Prometheus' HTTP API over the world, and the text exposition that a real Prometheus can scrape."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from aiohttp import web
from numpy.typing import NDArray

from bot.world.selector import Number, ParseError, Selector, parse, parse_selector
from bot.world.simulate import STEP_S, World

Floats = NDArray[np.float64]

STALE_S = 300.0  # how old a sample may be and still answer: Prometheus' default look-back
MAX_POINTS = 11_000  # a series and answer, as in Prometheus
DURATION_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0}
ROLLOUT = "service:deploy_time:seconds"
BUILD = {
    "version": "2.42.0+world",
    "revision": "simulated",
    "branch": "main",
    "buildUser": "world",
    "buildDate": "20260101-00:00:00",
    "goVersion": "none",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One series as Prometheus would hold it."""

    labels: dict[str, str]
    column: int | None = None  # of the world's arrays
    value: float = math.nan  # when it is not one of them
    since_s: float = -math.inf
    until_s: float = math.inf  # from then on it is stale


class BadRequestError(ValueError):
    """A parameter that Prometheus would refuse; the text is the `error` of its answer."""


class PrometheusApi:
    def __init__(self, world: World, now_s: Callable[[], float]) -> None:
        self._world = world
        self._now_s = now_s

    def routes(self) -> list[web.RouteDef]:
        """List the routes; `query` and friends answer GET and POST alike."""
        both = {
            "/api/v1/query": self.query,
            "/api/v1/query_range": self.query_range,
            "/api/v1/series": self.series,
            "/api/v1/labels": self.label_names,
        }
        return [
            *(web.get(path, handler) for path, handler in both.items()),
            *(web.post(path, handler) for path, handler in both.items()),
            web.get("/api/v1/label/{name}/values", self.label_values),
            web.get("/api/v1/metadata", self.metadata),
            web.get("/api/v1/status/buildinfo", self.build),
            web.get("/-/ready", self.ready),
            web.get("/-/healthy", self.ready),
            web.get("/metrics", self.metrics),
        ]

    async def query(self, request: web.Request) -> web.Response:
        given = await _parameters(request)
        try:
            time_s = _time(given.get("time"), "time", self._now_s())
            expression = _parsed(given.get("query", ""))
        except BadRequestError as error:
            return _refused(str(error))
        at = _stamp(time_s)
        if isinstance(expression, Number):
            sample = [at, _text(expression.value)]
            if not expression.vector:
                return _success({"resultType": "scalar", "result": sample})
            return _success({"resultType": "vector", "result": [{"metric": {}, "value": sample}]})
        self._world.advance(self._now_s())
        result = [
            {"metric": column.labels, "value": [at, _text(value)]}
            for column, values, known in self._select(expression, np.array([time_s]))
            for value, there in zip(values.tolist(), known.tolist(), strict=True)
            if there
        ]
        return _success({"resultType": "vector", "result": result})

    async def query_range(self, request: web.Request) -> web.Response:
        given = await _parameters(request)
        try:
            times_s = _grid(given)
            expression = _parsed(given.get("query", ""))
        except BadRequestError as error:
            return _refused(str(error))
        stamps = [_stamp(time_s) for time_s in times_s.tolist()]
        if isinstance(expression, Number):
            line = [[at, _text(expression.value)] for at in stamps]
            return _success({"resultType": "matrix", "result": [{"metric": {}, "values": line}]})
        self._world.advance(self._now_s())
        result = []
        for column, values, known in self._select(expression, times_s):
            points = [
                [at, _text(value)]
                for at, value, there in zip(stamps, values.tolist(), known.tolist(), strict=True)
                if there
            ]
            if points:
                result.append({"metric": column.labels, "values": points})
        return _success({"resultType": "matrix", "result": result})

    async def series(self, request: web.Request) -> web.Response:
        given = await request.post() if request.method == "POST" else request.query
        matches = [str(one) for one in given.getall("match[]", [])]
        if not matches:
            return _refused("no match[] parameter provided")
        try:
            selectors = [_selected(one) for one in matches]
        except BadRequestError as error:
            return _refused(str(error))
        found = [
            column.labels for column in self._columns() if any(selector.holds(column.labels) for selector in selectors)
        ]
        return _success(found)

    async def label_names(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        return _success(sorted({name for column in self._columns() for name in column.labels}))

    async def label_values(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return _success(sorted({column.labels[name] for column in self._columns() if name in column.labels}))

    async def metadata(self, request: web.Request) -> web.Response:
        wanted = request.query.get("metric")
        known = {one.signal.metric: one.signal.help for one in self._world.series}
        return _success(
            {
                metric: [{"type": "gauge", "help": text, "unit": ""}]
                for metric, text in known.items()
                if wanted in {None, metric}
            }
        )

    async def build(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        return _success(BUILD)

    async def ready(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        return web.Response(text="Prometheus Server is Ready.\n")

    async def metrics(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's signature
        self._world.advance(self._now_s())
        return web.Response(text=self.exposition(self._now_s()), headers={"Content-Type": "text/plain; version=0.0.4"})

    def exposition(self, now_s: float) -> str:
        """Write the present values in Prometheus' text format; what is not there now has no line."""
        helps = {one.signal.metric: one.signal.help for one in self._world.series}
        lines: list[str] = []
        seen = ""
        for column, values, known in self._evaluated(self._columns(), np.array([now_s])):
            name = column.labels["__name__"]
            if not known[0] or name == "up":  # the scraper makes its own `up`
                continue
            if name != seen:
                lines += [f"# HELP {name} {helps.get(name, 'time of the last rollout')}", f"# TYPE {name} gauge"]
                seen = name
            labels = ",".join(f'{key}="{value}"' for key, value in column.labels.items() if key != "__name__")
            lines.append(f"{name}{{{labels}}} {_text(float(values[0]))}")
        return "\n".join(lines) + "\n"

    def _columns(self) -> Iterator[Column]:
        for number, one in enumerate(self._world.series):
            yield Column({"__name__": one.signal.metric, **dict(one.labels)}, column=number)
        rollouts = self._world.rollouts
        for place, rollout in enumerate(rollouts):
            later = [other.since_s for other in rollouts[place + 1 :] if other.service == rollout.service]
            yield Column(
                {"__name__": ROLLOUT, "service": rollout.service, "version": rollout.version},
                value=rollout.since_s,
                since_s=rollout.since_s,
                until_s=min(later, default=math.inf),
            )
        yield Column({"__name__": "up", "instance": "world", "job": "world"}, value=1.0)

    def _select(self, selector: Selector, times_s: Floats) -> Iterator[tuple[Column, Floats, NDArray[np.bool_]]]:
        return self._evaluated((one for one in self._columns() if selector.holds(one.labels)), times_s)

    def _evaluated(
        self, columns: Iterator[Column], times_s: Floats
    ) -> Iterator[tuple[Column, Floats, NDArray[np.bool_]]]:
        """Look every time up: the last sample not older than STALE_S, nothing after a missed scrape."""
        world = self._world
        minute = np.floor((times_s - world.start_s) / STEP_S).astype(np.int64)
        last = np.clip(minute, 0, max(world.count - 1, 0))
        age_s = times_s - (world.start_s + STEP_S * last)
        fresh = (minute >= 0) & (age_s <= STALE_S) & (world.count > 0)
        for one in columns:
            if one.column is None:
                known = fresh & (times_s >= one.since_s) & (times_s < one.until_s)
                yield one, np.full(len(times_s), one.value), known
            else:
                yield one, world.values[last, one.column], fresh & world.present[last, one.column]


async def _parameters(request: web.Request) -> Mapping[str, str]:
    given = dict(request.query)
    if request.method == "POST":
        given |= {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
    return given


def _parsed(text: str) -> Selector | Number:
    try:
        return parse(text)
    except ParseError as error:
        raise _bad("query", str(error)) from error


def _selected(text: str) -> Selector:
    try:
        return parse_selector(text)
    except ParseError as error:
        raise _bad("match[]", str(error)) from error


def _bad(parameter: str, because: str) -> BadRequestError:
    return BadRequestError(f'invalid parameter "{parameter}": {because}')


def _time(text: str | None, parameter: str, default: float | None) -> float:
    """Read seconds since 1970 or RFC 3339."""
    if text is None or not text:
        if default is not None:
            return default
        raise _bad(parameter, 'cannot parse "" to a valid timestamp')
    try:
        found = float(text)
    except ValueError:
        try:
            found = datetime.fromisoformat(text).timestamp()
        except ValueError as error:
            raise _bad(parameter, f'cannot parse "{text}" to a valid timestamp') from error
    if not math.isfinite(found):
        raise _bad(parameter, f'cannot parse "{text}" to a valid timestamp')
    return found


def _grid(given: Mapping[str, str]) -> Floats:
    """Read start, end and step as the (n,) times they mean."""
    start_s, end_s = (_time(given.get(name), name, None) for name in ("start", "end"))
    step_s = _duration(given.get("step"))
    if end_s < start_s:
        raise _bad("end", "end timestamp must not be before start time")
    if (end_s - start_s) / step_s > MAX_POINTS:
        raise BadRequestError(
            f"exceeded maximum resolution of {MAX_POINTS:,} points per timeseries. "
            "Try decreasing the query resolution (?step=XX)"
        )
    steps = np.arange(math.floor((end_s - start_s) / step_s + 1e-9) + 1, dtype=np.float64)
    return np.asarray(start_s + step_s * steps, dtype=np.float64)


def _duration(text: str | None) -> float:
    """Read a number of seconds or `90s`, `5m`."""
    given = text or ""
    try:
        found = float(given)
    except ValueError:
        number, unit = given.rstrip("mshdwy"), given[len(given.rstrip("mshdwy")) :]
        if unit not in DURATION_S or not number.isdigit():
            raise _bad("step", f'cannot parse "{given}" to a valid duration') from None
        found = int(number) * DURATION_S[unit]
    if not found > 0:
        raise _bad("step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
    return found


def _stamp(time_s: float) -> float:
    """Write a time as Prometheus does: milliseconds, and no fraction when there is none."""
    rounded = round(time_s, 3)
    return int(rounded) if rounded.is_integer() else rounded


def _text(value: float) -> str:
    """Write a value as Prometheus does: the shortest that reads back the same, never an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    short = repr(value)
    return short if "e" not in short else np.format_float_positional(value, trim="-")


def _success(data: object) -> web.Response:
    return web.json_response({"status": "success", "data": data})


def _refused(error: str) -> web.Response:
    return web.json_response({"status": "error", "errorType": "bad_data", "error": error}, status=400)
