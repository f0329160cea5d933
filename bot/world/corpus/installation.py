"""Draw a production from a seed: which nodes, services and models there are, and what each can carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bot.world.topology import REQUEST, Feature, Model, Node, Service, Topology

Rng = np.random.Generator

PEAK = 1.5  # of the day's mean: what everything must carry with room to spare
FRONTS = ("frontdoor", "edge", "api-gateway", "web", "ingress", "public-api")
SERVERS = ("scoring", "recommender", "pricer", "ranker-svc", "inference-a", "predictor", "triton-main", "bentobox")
PLAIN = ("cart", "catalog", "accounts", "search", "billing", "sessions", "inventory", "profile-api")
STORES = ("feature-store", "redis-main", "kv-online", "cassandra-fs", "profile-db", "feast-online")
PIPELINES = ("feature-pipeline", "spark-hourly", "stream-agg", "etl-clicks", "flink-events", "dbt-features")
MODELS = ("fraud", "ranking", "churn", "eta", "credit-risk", "ctr", "spam", "demand", "upsell", "nsfw")
FEATURES = (
    "amount", "merchant_risk", "velocity_1h", "query_length", "user_affinity", "age_days", "basket_value",
    "distance_km", "device_score", "clicks_7d", "avg_ticket", "hour_gap", "price_ratio", "dwell_s", "returns_90d",
    "lat_bucket",
)  # fmt: skip
SEGMENTS = (("eu", "us", "apac"), ("web", "app"), ("new", "returning"), ("gold", "silver", "bronze", "none"))
NODE_NAMES = ("n-{:02d}", "ip-10-0-{}-7", "worker{}", "gke-pool-{}", "rack{}.dc1")


def installation(rng: Rng) -> Topology:
    """Draw one. Callers stand before what they call; every service has room for the day's peak and a little more."""
    style = str(rng.choice(NODE_NAMES))
    nodes = [style.format(number) for number in range(1, int(rng.integers(3, 8)))]
    names = _names(rng)
    services = _services(rng, names, nodes)
    models = _models(rng, names)
    requests = float(rng.uniform(60, 900))
    topology = Topology(
        step_s=int(rng.choice((30, 60, 60, 60, 120))),
        requests=requests,
        rows=float(rng.uniform(300, 4000)),
        season_depth=float(rng.uniform(0.1, 0.5)),
        peak_later_s=float(rng.uniform(-6, 6)) * 3600,
        unrest=float(rng.uniform(0.7, 1.8)),
        tails=float(rng.choice((0.0, 0.002, 0.01))),
        nodes=tuple(Node(name=name) for name in nodes),
        services=tuple(services),
        models=tuple(models),
    )
    return _sized(rng, topology)


def _some(rng: Rng, names: Sequence[str], least: int, most: int) -> list[str]:
    count = int(rng.integers(least, most + 1))
    return [str(name) for name in rng.permutation(list(names))[:count]]


def _names(rng: Rng) -> dict[str, list[str]]:
    """Which services of each role there are."""
    return {
        "gateway": _some(rng, FRONTS, 1, 2 if rng.random() < 0.25 else 1),
        "model server": _some(rng, SERVERS, 1, 3),
        "": _some(rng, PLAIN, 0, 3),
        "store": _some(rng, STORES, 1, 2),
        "pipeline": _some(rng, PIPELINES, 1, 2),
    }


def _services(rng: Rng, names: dict[str, list[str]], nodes: Sequence[str]) -> list[Service]:
    def hosts(most: int) -> tuple[str, ...]:
        return tuple(sorted(str(n) for n in rng.choice(nodes, size=int(rng.integers(1, most + 1)), replace=False)))

    found = []
    behind: dict[str, list[str]] = {gate: [] for gate in names["gateway"]}
    for name in (*names["model server"], *names[""]):
        behind[str(rng.choice(names["gateway"]))].append(name)
    for gate in names["gateway"]:
        if not behind[gate]:
            behind[gate].append(names["model server"][0])
        found.append(
            Service(
                name=gate,
                role="gateway",
                depends_on=tuple(behind[gate]),
                runs_on=hosts(2),
                latency_ms=float(rng.uniform(15, 60)),
                timeout_ms=float(rng.uniform(400, 900)),
            )
        )
    for name in (*names["model server"], *names[""]):
        server = name in names["model server"]
        needs = _some(rng, names["store"], 1, 2 if rng.random() < 0.3 else 1) if server or rng.random() < 0.6 else []
        found.append(
            Service(
                name=name,
                role="model server" if server else "",
                depends_on=tuple(needs),
                runs_on=hosts(2),
                calls=float(rng.uniform(0.3, 0.9)),
                latency_ms=float(rng.uniform(12, 50)),
                timeout_ms=float(rng.uniform(80, 250)),
            )
        )
    found += [
        Service(name=name, role="store", runs_on=hosts(1), latency_ms=float(rng.uniform(3, 15)))
        for name in names["store"]
    ]
    found += [
        Service(name=name, role="pipeline", runs_on=hosts(1), calls=0, cost_ms=2, replicas=2)
        for name in names["pipeline"]
    ]
    return [replace(one, version=f"v{rng.integers(1, 20)}.{rng.integers(0, 30)}", memory=_ratio(rng)) for one in found]


def _ratio(rng: Rng) -> float:
    return float(rng.uniform(0.3, 0.6))


def _models(rng: Rng, names: dict[str, list[str]]) -> list[Model]:
    count = max(len(names["model server"]), int(rng.integers(1, 5)))
    chosen = _some(rng, MODELS, count, count)
    found = []
    for number, name in enumerate(chosen):
        server = names["model server"][number % len(names["model server"])]
        sources = [REQUEST, REQUEST, *names["pipeline"], *names["pipeline"], names["store"][0], "batch"]
        columns = _some(rng, FEATURES, 3, 6)
        features = []
        for place, column in enumerate(columns):
            source = (REQUEST, names["pipeline"][0])[place] if place < 2 else str(rng.choice(sources))
            mean = float(np.exp(rng.uniform(-1.5, 4.5)))
            features.append(
                Feature(
                    name=column,
                    source=source,
                    mean=mean,
                    spread=mean * float(rng.uniform(0.3, 0.8)),
                    importance=float(rng.uniform(0.25, 0.7)),
                    age_s=float(rng.uniform(60, 300)) if source != "batch" else float(rng.uniform(2000, 9000)),
                )
            )
        versions = int(rng.integers(4, 30))
        rate = float(rng.uniform(0.05, 0.4))
        found.append(
            Model(
                name=name,
                served_by=server,
                label_delay_s=float(rng.choice((300, 900, 1800, 3600, 7200))),
                features=tuple(features),
                segments=SEGMENTS[int(rng.integers(len(SEGMENTS)))] if rng.random() < 0.6 else (),
                versions=versions,
                champion=versions - 1,
                score=float(np.clip(rate * rng.uniform(0.9, 1.6), 0.05, 0.6)),
                accuracy=float(rng.uniform(0.76, 0.96)),
                label_rate=rate,
                labelled=float(rng.uniform(0.03, 0.3)),
                inference_ms=float(rng.uniform(5, 40)),
                stale_after_s=float(rng.uniform(180, 600)),
                stale_scale_s=float(rng.uniform(400, 1800)),
                stale_weight=float(rng.uniform(0.15, 0.75)),
            )
        )
    return found


def _sized(rng: Rng, topology: Topology) -> Topology:
    """Give each service and node what the day's peak needs, so that a healthy day is a quiet one."""
    rates: dict[str, float] = {}
    sized = []
    for service in topology.services:
        coming = sum(rates[caller.name] for caller in topology.callers(service.name))
        rate = (coming or topology.requests * (service.role == "gateway")) * service.calls
        rates[service.name] = rate
        cost_ms = 2.0 if service.role == "pipeline" else float(rng.uniform(2, 9))
        replicas = int(rng.integers(2, 7))
        work = topology.rows if service.role == "pipeline" else rate
        cores = PEAK * work * cost_ms / 1000 / (replicas * float(rng.uniform(0.4, 0.65)))
        sized.append(
            replace(
                service, cost_ms=cost_ms, replicas=replicas, cores_per_replica=max(cores, 0.05), version=service.version
            )
        )
    topology = replace(topology, services=tuple(sized))
    nodes = []
    for node in topology.nodes:
        used = sum(
            (topology.rows if one.role == "pipeline" else rates[one.name]) * one.cost_ms / 1000 / len(one.runs_on)
            for one in topology.on_node(node.name)
        )
        idle = float(rng.uniform(0.04, 0.18))
        busy = float(rng.uniform(0.25, 0.5))
        nodes.append(
            replace(
                node,
                cores=max(1.0, PEAK * used / busy),
                idle_cpu=idle,
                memory=float(rng.uniform(0.3, 0.7)),
                disk=float(rng.uniform(0.3, 0.7)),
            )
        )
    return replace(topology, nodes=tuple(nodes))
