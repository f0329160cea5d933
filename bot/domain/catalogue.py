"""What the team runs: nodes, services, models and signals, and how far apart they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Side(StrEnum):
    """Which part of the system a kind of signal watches."""

    INFRASTRUCTURE = "infrastructure"
    SERVING = "serving"
    DATA = "data"
    QUALITY = "quality"


class Kind(StrEnum):
    """The kinds of signals of docs/recordings.md."""

    CPU = "cpu"
    MEMORY = "memory"
    DISK = "disk"
    NETWORK = "network"
    LATENCY = "latency"
    ERRORS = "errors"
    TRAFFIC = "traffic"
    AVAILABILITY = "availability"
    RESTARTS = "restarts"
    CACHE = "cache"
    BACKLOG = "backlog"
    THROUGHPUT = "throughput"
    INFERENCE_LATENCY = "inference_latency"
    FALLBACK = "fallback"
    VERSION = "version"
    FEATURE_NULL = "feature_null"
    FEATURE_VALUE = "feature_value"
    FEATURE_DRIFT = "feature_drift"
    FRESHNESS = "freshness"
    PREDICTION = "prediction"
    PREDICTION_DRIFT = "prediction_drift"
    QUALITY = "quality"
    CALIBRATION = "calibration"
    LABEL_RATE = "label_rate"
    LABEL_VOLUME = "label_volume"

    @property
    def side(self) -> Side:
        return _SIDES[self]


_SIDES: dict[Kind, Side] = {
    **dict.fromkeys(list(Kind)[:12], Side.INFRASTRUCTURE),
    **dict.fromkeys(list(Kind)[12:15], Side.SERVING),
    **dict.fromkeys(list(Kind)[15:19], Side.DATA),
    **dict.fromkeys(list(Kind)[19:], Side.QUALITY),
}


class Worse(StrEnum):
    """Which way a signal moves when things get worse."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


class EntityType(StrEnum):
    NODE = "node"
    SERVICE = "service"
    MODEL = "model"
    FEATURE = "feature"
    SEGMENT = "segment"
    UNKNOWN = "unknown"  # in the samples, but not in the catalogue


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    depends_on: tuple[str, ...] = ()
    runs_on: tuple[str, ...] = ()
    role: str | None = None


REQUEST, BATCH = "request", "batch"  # sources of feature values that are no service


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    name: str
    source: str | None = None  # REQUEST, BATCH, or the name of a service


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    name: str
    served_by: str | None = None
    label_delay_s: float = 0.0
    features: tuple[Feature, ...] = ()


TIMES = frozenset({"s", "sec", "seconds", "ms", "milliseconds", "us", "min"})
USED = frozenset({"ratio", "share", "fraction"})  # between 0 and 1
PERCENTS = frozenset({"%", "percent", "pct"})  # the same times 100
COUNTS = frozenset({"count", "restarts", "1", "pods", "replicas"})
# More errors are never good news, fewer never bad. Of other kinds either way may be: a share that is used, or left.
HARMS = {
    **dict.fromkeys(
        (
            Kind.LATENCY,
            Kind.ERRORS,
            Kind.RESTARTS,
            Kind.BACKLOG,
            Kind.INFERENCE_LATENCY,
            Kind.FALLBACK,
            Kind.FEATURE_NULL,
            Kind.FEATURE_DRIFT,
            Kind.FRESHNESS,
            Kind.PREDICTION_DRIFT,
        ),
        Worse.UP,
    ),
    Kind.AVAILABILITY: Worse.DOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    name: str
    kind: Kind
    unit: str = ""
    worse: Worse = Worse.BOTH
    query: str | None = None  # PromQL, when pulled live
    entity_labels: tuple[str, ...] = ()  # the labels that name the entity, joined by "/"

    @property
    def counted(self) -> bool:
        """Whether its values are whole things, such as pods."""
        return self.unit.strip().lower() in COUNTS

    @property
    def whole(self) -> float:
        """What a share that is in use is a part of: 1 or 100; 0 where the unit tells of no share."""
        unit = self.unit.strip().lower()
        return 0.0 if self.worse is Worse.DOWN else 1.0 if unit in USED else 100.0 if unit in PERCENTS else 0.0

    @property
    def timed(self) -> bool:
        """Whether its values are lengths of time."""
        return self.unit.strip().lower() in TIMES

    @property
    def harm(self) -> Worse:
        """Which way it moves when things get worse: as declared, else as its kind always does, if it does."""
        return self.worse if self.worse is not Worse.BOTH else HARMS.get(self.kind, Worse.BOTH)


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Everything the team declared. Look-ups by name never fail: what is not declared is UNKNOWN."""

    step_s: float = 60.0
    nodes: tuple[Node, ...] = ()
    services: tuple[Service, ...] = ()
    models: tuple[Model, ...] = ()
    signals: tuple[Signal, ...] = ()

    @cached_property
    def signal(self) -> Mapping[str, Signal]:
        return {signal.name: signal for signal in self.signals}

    @cached_property
    def service(self) -> Mapping[str, Service]:
        return {service.name: service for service in self.services}

    @cached_property
    def model(self) -> Mapping[str, Model]:
        return {model.name: model for model in self.models}

    @cached_property
    def _node_names(self) -> frozenset[str]:
        return frozenset(node.name for node in self.nodes)

    def entity_type(self, entity: str) -> EntityType:
        """Models win over services of the same name; `model/x` is a feature when declared, else a segment."""
        if entity in self.model:
            return EntityType.MODEL
        if entity in self.service:
            return EntityType.SERVICE
        if entity in self._node_names:
            return EntityType.NODE
        model, _, part = entity.partition("/")
        if part and model in self.model:
            declared = any(feature.name == part for feature in self.model[model].features)
            return EntityType.FEATURE if declared else EntityType.SEGMENT
        return EntityType.UNKNOWN

    def model_of(self, entity: str) -> Model | None:
        """The model that an entity belongs to: itself, or the part before the slash."""
        return self.model.get(entity) or self.model.get(entity.partition("/")[0])

    def feature_source(self, entity: str) -> str | None:
        """Where the values of a `model/feature` come from, if declared."""
        model = self.model_of(entity)
        part = entity.partition("/")[2]
        if model is None or not part:
            return None
        return next((feature.source for feature in model.features if feature.name == part), None)

    @cached_property
    def _neighbours(self) -> Mapping[str, frozenset[str]]:
        edges: dict[str, set[str]] = {}

        def join(a: str, b: str) -> None:
            edges.setdefault(a, set()).add(b)
            edges.setdefault(b, set()).add(a)

        for service in self.services:
            for other in (*service.depends_on, *service.runs_on):
                join(service.name, other)
        for model in self.models:
            if model.served_by:
                join(model.name, model.served_by)
            for feature in model.features:
                join(f"{model.name}/{feature.name}", model.name)
                if feature.source in self.service:
                    join(f"{model.name}/{feature.name}", feature.source or "")
        return {name: frozenset(others) for name, others in edges.items()}

    def neighbours(self, entity: str) -> frozenset[str]:
        """What an entity touches directly: callers, callees, hosts, models, features. Undirected."""
        found = self._neighbours.get(entity, frozenset())
        model = self.model_of(entity)
        if model is not None and entity != model.name:
            found |= {model.name}  # segments and undeclared features hang on their model
        return found

    def distance(self, start: str, end: str, *, limit: int = 4) -> int | None:
        """Hops between two entities along the topology, or None beyond `limit`."""
        if start == end:
            return 0
        seen, queue = {start}, deque([(start, 0)])
        while queue:
            here, hops = queue.popleft()
            if hops == limit:
                continue
            for there in self.neighbours(here):
                if there == end:
                    return hops + 1
                if there not in seen:
                    seen.add(there)
                    queue.append((there, hops + 1))
        # `end` may be a segment that only hangs on its model
        model = self.model_of(end)
        if model is not None and end not in (model.name, start):
            up = self.distance(start, model.name, limit=limit - 1) if limit > 0 else None
            return None if up is None else up + 1
        return None

    def downstream(self, entity: str, *, by_load: bool = False) -> Mapping[str, int]:
        """Everything that a trouble at `entity` can reach, with its distance in hops.

        A node reaches the services on it; a service reaches its callers, the models it serves and the features
        it fills; a feature or segment reaches its model; a model reaches its service (a heavier model slows what
        serves it) and that service's nodes and callers.
        by_load: the trouble is work that a service makes: it reaches what the service calls and runs on, too.
        """
        key = (entity, by_load)
        if key not in self._reached:
            self._reached[key] = self._walk(entity, by_load=by_load)
        return self._reached[key]

    @cached_property
    def _reached(self) -> dict[tuple[str, bool], Mapping[str, int]]:
        """What `downstream` found before: an incident of two hundred findings asks thousands of times a tick."""
        return {}

    def _walk(self, entity: str, *, by_load: bool) -> Mapping[str, int]:
        from_model = self.entity_type(entity) is EntityType.MODEL
        reached = {entity: 0}
        queue = deque([entity])
        while queue:
            here = queue.popleft()
            for there in self._affected_by(here, from_model=from_model, by_load=by_load):
                if there not in reached:
                    reached[there] = reached[here] + 1
                    queue.append(there)
        return reached

    def _affected_by(self, entity: str, *, from_model: bool, by_load: bool) -> Iterable[str]:
        for service in self.services:
            if entity in service.runs_on or entity in service.depends_on:
                yield service.name
        for model in self.models:
            if model.served_by == entity:
                yield model.name
            for feature in model.features:
                if feature.source == entity:
                    yield f"{model.name}/{feature.name}"
        yield from self._of_its_model(entity)
        if entity in self.service and (by_load or from_model):
            yield from self.service[entity].runs_on
        if entity in self.service and by_load:
            yield from self.service[entity].depends_on

    def _of_its_model(self, entity: str) -> Iterable[str]:
        owner = self.model_of(entity)
        if owner is None:
            return
        if entity != owner.name:
            yield owner.name
            return
        for feature in owner.features:
            yield f"{owner.name}/{feature.name}"
        if owner.served_by:
            yield owner.served_by
