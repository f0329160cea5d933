"""Nodes, services and the pipeline: how demand, faults and queues become what their exporters show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.world import season
from bot.world.stretch import Stretch, channel_of
from bot.world.topology import Node, Service, Topology

Floats = NDArray[np.float64]

PIPELINE_ROOM = 2.4  # times the mean inflow that a healthy pipeline can write: how fast it catches up
RETRANSMISSION_MS = 200.0  # Linux's smallest retransmission timeout: what a lost packet costs
LONG_QUEUE = 0.97  # utilisation above which we let requests be shed rather than wait for ever
RARE_RESTART = 1.0 / (14 * 1440)  # a container dies for its own reasons about every two weeks
RARE_SPIKE = 2e-4  # a minute with one slow request too many: a few times a week and series


@dataclass(slots=True, kw_only=True)
class Machines:
    """What the models need to know of the machines, (n,) each."""

    rate: dict[str, Floats] = field(default_factory=dict)  # service: requests a second
    node_cpu: dict[str, Floats] = field(default_factory=dict)  # node: demand as a ratio, may pass 1
    disk: dict[str, Floats] = field(default_factory=dict)  # node: ratio used
    crowded: dict[str, Floats] = field(default_factory=dict)  # node: how far its disk is too busy, 0..1
    wait: dict[str, Floats] = field(default_factory=dict)  # service: factor on time spent computing
    latency: dict[str, Floats] = field(default_factory=dict)  # service: p99 in ms
    errors: dict[str, Floats] = field(default_factory=dict)  # service: ratio
    lost: dict[tuple[str, str], Floats] = field(default_factory=dict)  # (service, dependency): calls in vain
    late_s: dict[str, Floats] = field(default_factory=dict)  # pipeline: age beyond the usual


def run(topology: Topology, stretch: Stretch, *, heavier: Mapping[str, Floats]) -> Machines:
    """Let a stretch pass on all machines; `heavier` is the factor of its models on a service's CPU time."""
    machines = Machines()
    season_now = season.demand(stretch.times_s, depth=topology.season_depth, later_s=topology.peak_later_s)
    _demand(topology, stretch, machines, season_now)
    cost = {service.name: _cost(service, stretch, heavier) for service in topology.services}
    for node in topology.nodes:
        _node(topology, node, stretch, machines, cost=cost, season_now=season_now)
    for service in reversed(topology.services):  # the called before their callers
        if service.role == "pipeline":
            _pipeline(topology, service, stretch, machines, season_now)
        else:
            _service(topology, service, stretch, machines, cost[service.name])
        _keep_alive(service, stretch, machines)
    return machines


def queue_factor(utilisation: Floats) -> Floats:
    """How much longer the slowest requests take at (n,) utilisations: a queue with some parallel servers."""
    bounded = np.clip(utilisation, 0, LONG_QUEUE)
    return np.asarray(1 + 0.25 * bounded**2 / (1 - bounded), dtype=np.float64)


def _demand(topology: Topology, stretch: Stretch, machines: Machines, season_now: Floats) -> None:
    outside = topology.requests * season_now * np.exp(0.025 * stretch.slow("demand"))
    for service in topology.services:
        callers = topology.callers(service.name)
        coming = sum((machines.rate[caller.name] for caller in callers), np.zeros_like(outside))
        base = coming if callers else outside * (service.role == "gateway")
        machines.rate[service.name] = base * service.calls * np.exp(stretch.drivers["traffic", service.name])


def _cost(service: Service, stretch: Stretch, heavier: Mapping[str, Floats]) -> Floats:
    """CPU milliseconds a request. Callers of a dead dependency give up early and compute less."""
    given_up = sum((stretch.drivers["down", name] for name in service.depends_on), np.zeros(1))
    factor = heavier.get(service.name, np.ones(1))
    factor = factor * np.exp(stretch.drivers["cost", service.name])
    return np.asarray(service.cost_ms * factor * (1 - 0.35 * np.minimum(given_up, 1)), dtype=np.float64)


def _node(
    topology: Topology,
    node: Node,
    stretch: Stretch,
    machines: Machines,
    *,
    cost: Mapping[str, Floats],
    season_now: Floats,
) -> None:
    drivers = stretch.drivers
    demand = node.idle_cpu + drivers["cpu_extra", node.name]
    leaked = np.zeros_like(stretch.times_s)
    for service in topology.on_node(node.name):
        work = topology.rows * np.sqrt(season_now) if service.role == "pipeline" else machines.rate[service.name]
        demand = demand + work * cost[service.name] / 1000 / len(service.runs_on) / node.cores
        leaked = leaked + drivers["leak", service.name]
    machines.node_cpu[node.name] = demand
    stretch.show_ratio(
        "node_cpu", node.name, np.minimum(demand, 0.995), noise=0.006 + 0.02 * demand * (1 - np.minimum(demand, 1))
    )
    memory = node.memory + 0.25 * leaked
    stretch.show_ratio("node_memory", node.name, memory, noise=0.006)
    usual = node.disk + 0.004 * np.sin(2 * np.pi * stretch.times_s / season.DAY_S)  # logs come and are rotated
    machines.disk[node.name] = usual + (1 - usual) * np.clip(drivers["disk_fill", node.name], 0, 1)
    stretch.show_ratio("node_disk", node.name, machines.disk[node.name], noise=0.0015)
    busy = 0.1 + 0.15 * np.minimum(demand, 1) + drivers["io", node.name]
    machines.crowded[node.name] = np.clip((busy - 0.7) / 0.3, 0, 1)
    stretch.show_ratio("node_disk_busy", node.name, np.minimum(busy, 0.995), noise=0.02)
    stretch.show_scale("node_rtt", node.name, 0.4 + drivers["delay", node.name], noise=0.08)
    resent = 0.002 + 1.1 * drivers["loss", node.name]
    stretch.show_scale("node_retransmits", node.name, resent, noise=0.15)


def _worst(service: Service, of: Mapping[str, Floats]) -> Floats:
    """The slowest hundredth of requests sees the worst node."""
    return np.asarray(np.max([of[name] for name in service.runs_on], axis=0), dtype=np.float64)


def _service(topology: Topology, service: Service, stretch: Stretch, machines: Machines, cost: Floats) -> None:
    name, drivers = service.name, stretch.drivers
    rate = machines.rate[name]
    room = service.replicas * service.cores_per_replica * np.clip(1 + drivers["capacity", name], 0.1, None)
    load = rate * cost / 1000 / (room * (1 - np.clip(drivers["throttle", name], 0, 0.9)))
    stretch.show_ratio("service_cpu", name, np.minimum(load, 0.99), noise=0.01)
    machines.wait[name] = queue_factor(load) * queue_factor(_worst(service, machines.node_cpu)) ** 0.8
    loss = _worst(service, {node: drivers["loss", node] for node in service.runs_on})
    full = _worst(service, {node: _stopped(machines.disk[node]) for node in service.runs_on})
    writes = full if service.role == "store" else np.zeros(1)  # only stores write in the way of an answer
    crowded = _worst(service, machines.crowded) if service.role == "store" else np.zeros(1)
    cold = np.clip(drivers["cold", name], 0, 1)
    collecting = np.clip(drivers["leak", name] - 0.6, 0, None)  # a full heap is searched for garbage ever more
    computing = service.latency_ms * np.exp(drivers["slow", name]) * machines.wait[name]
    own_ms = computing * (1 + 2.5 * collecting) * (1 + 4 * drivers["down", name]) * (1 + 2 * writes)
    own_ms = own_ms * (1 + 9 * crowded) * (1 + 7 * cold)
    away_ms = _worst(service, {node: drivers["delay", node] for node in service.runs_on})
    own_ms = own_ms + RETRANSMISSION_MS * np.minimum(1, 12 * loss) + away_ms
    waiting_ms, vain = np.zeros(1), np.zeros(1)
    for other in service.depends_on:
        waiting_ms = np.maximum(waiting_ms, np.minimum(machines.latency[other], service.timeout_ms))
        lost = _lost(service, other, stretch, machines, loss)
        machines.lost[name, other] = lost
        vain = np.maximum(vain, lost)
        channel = channel_of("dependency_errors", name, other)
        seen = (0.0012 + lost) * np.exp(0.18 * stretch.unit(channel))
        stretch.shown[channel] = np.clip(seen, 0, 1)
    machines.latency[name] = own_ms + 0.6 * waiting_ms
    shed = np.clip(1 - LONG_QUEUE / np.maximum(load, LONG_QUEUE), 0, 1)
    died = np.minimum(0.05 * drivers["restart", name], 0.3)
    failing = drivers["error", name] + 0.45 * drivers["down", name] + shed + died + 0.25 * writes + 0.3 * loss
    # most answers survive a lost lookup: the models fall back to defaults
    machines.errors[name] = np.clip(0.002 + failing + 0.1 * vain, 0, 0.98)
    _show_service(topology, service, stretch, machines, cost)


def _show_service(topology: Topology, service: Service, stretch: Stretch, machines: Machines, cost: Floats) -> None:
    name = service.name
    rate = machines.rate[name]
    busy = _worst(service, machines.node_cpu)
    spread = 0.035 + 0.05 * np.minimum(busy, 1)  # busy machines are also less even
    stretch.show_scale("latency_p99", name, machines.latency[name], noise=spread)
    spike = stretch.chance(channel_of("latency_p99", name)) < RARE_SPIKE
    stretch.shown[channel_of("latency_p99", name)] *= 1 + 0.5 * spike
    away_ms = _worst(service, {node: stretch.drivers["delay", node] for node in service.runs_on})
    half = (
        0.35 * service.latency_ms * np.exp(0.6 * stretch.drivers["slow", name]) * machines.wait[name] ** 0.6 + away_ms
    )
    stretch.show_scale("latency_p50", name, half, noise=0.6 * spread)
    stretch.show_share("error_ratio", name, machines.errors[name], of=60 * rate, wobble=0.08)
    stretch.show_scale("request_rate", name, rate, noise=0.012)
    stretch.show_scale("cpu_per_request", name, cost + np.zeros_like(rate), noise=0.02)
    if service.role == "store":
        callers = len(topology.callers(name))
        missing = 0.35 * stretch.drivers["down", name] if callers else np.zeros(1)
        hits = service.cached * (1 - np.clip(stretch.drivers["cold", name], 0, 1)) - missing
        stretch.show_ratio("cache_hits", name, hits + np.zeros_like(rate), noise=0.006)


def _lost(service: Service, other: str, stretch: Stretch, machines: Machines, near: Floats) -> Floats:
    """Share of calls to a dependency that fail or come too late to be used.

    near: (n,) packet loss on the caller's own side. The far side shows in the dependency's latency.
    """
    late = np.clip((machines.latency[other] / service.timeout_ms - 0.8) / 2.5, 0, 0.8)
    down = 0.75 * stretch.drivers["down", other]
    return np.asarray(np.clip(late + down + 3 * near, 0, 0.97), dtype=np.float64)


def _stopped(disk: Floats) -> Floats:
    """Share of writes that a filling disk refuses: none at 93 %, all at 99.5 %."""
    part = np.clip((disk - 0.93) / 0.065, 0, 1)
    return np.asarray(part * part * (3 - 2 * part), dtype=np.float64)


def _pipeline(topology: Topology, service: Service, stretch: Stretch, machines: Machines, season_now: Floats) -> None:
    name, drivers = service.name, stretch.drivers
    stopped = _worst(service, {node: _stopped(machines.disk[node]) for node in service.runs_on})
    starved = np.clip(2.7 * (_worst(service, machines.node_cpu) - 0.85), 0, 0.9)
    loss = _worst(service, {node: drivers["loss", node] for node in service.runs_on})
    health = (1 - 0.97 * stopped) * (1 - starved) * (1 - np.minimum(drivers["down", name], 1))
    health = health * (1 - 0.9 * _worst(service, machines.crowded))
    health = health * (1 - np.minimum(4 * loss, 0.9)) * np.exp(-drivers["slow", name])
    health = health * (1 - np.clip(drivers["stuck", name], 0, 1))
    inflow = topology.rows * np.sqrt(season_now) * np.exp(0.03 * stretch.slow("inflow"))
    can = PIPELINE_ROOM * topology.rows * health
    behind, step_s = stretch.carry.backlog.get(name, 0.0), topology.step_s
    left, written = np.empty_like(inflow), np.empty_like(inflow)
    for minute, (comes, could) in enumerate(zip(inflow.tolist(), can.tolist(), strict=True)):
        out = min(could, comes + behind / step_s)
        behind = max(0.0, behind + step_s * (comes - out))
        left[minute], written[minute] = behind, out
    stretch.carry.backlog[name] = behind
    machines.late_s[name] = left / inflow  # Little's law
    stretch.show_scale("pipeline_rows", name, written, noise=0.02)
    usual = 20 * inflow * np.exp(0.1 * stretch.unit(channel_of("pipeline_backlog", name)))
    stretch.shown[channel_of("pipeline_backlog", name)] = usual + left
    failing = 0.002 + 0.6 * stopped + 0.45 * np.minimum(drivers["down", name], 1) + drivers["error", name]
    machines.errors[name] = np.clip(failing, 0, 0.98)
    stretch.show_share("error_ratio", name, machines.errors[name], of=inflow, wobble=0.08)


def _keep_alive(service: Service, stretch: Stretch, machines: Machines) -> None:
    """Probes, restarts, memory and replicas: the same for everything that runs."""
    name, drivers = service.name, stretch.drivers
    by_chance = stretch.chance(channel_of("restarts", name)) < RARE_RESTART
    stretch.shown[channel_of("restarts", name)] = np.round(drivers["restart", name] + by_chance)
    memory = service.memory + (0.98 - service.memory) * drivers["leak", name]
    stretch.show_ratio("service_memory", name, memory, noise=0.005)
    gone = 0.7 * drivers["down", name] + np.clip(-drivers["capacity", name], 0, 1)
    gone = gone + 0.25 * np.minimum(drivers["restart", name] / service.replicas, 1)
    overloaded = 0.3 * np.clip(machines.errors[name] - 0.2, 0, 1)
    hiccup = 3e-4 * np.exp(0.3 * stretch.unit(channel_of("availability", name)))
    stretch.shown[channel_of("availability", name)] = np.clip(1 - gone - overloaded - hiccup, 0, 1)
    wanted = np.round(service.replicas * (1 + np.clip(drivers["capacity", name], 0, None)))
    stretch.shown[channel_of("replicas", name)] = wanted
