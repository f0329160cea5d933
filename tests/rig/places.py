"""Where everything of the rig is: nodes and their addresses, services and their ports. One table, read by all."""

from __future__ import annotations

from dataclasses import dataclass

OUTSIDE = "10.77.0.1"  # where load and Prometheus are: the rig's own side of the bridge
ADDRESS = {"edge-1": "10.77.0.2", "serve-1": "10.77.0.3", "data-1": "10.77.0.4"}
PROMETHEUS_PORT = 9090
REDIS_PORT, STORE_PORT = 6379, 6380  # Redis itself, and the door in front of it that callers use


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One process that is scraped."""

    process: str
    service: str  # "" for what watches a node
    node: str  # "" outside
    port: int

    @property
    def address(self) -> str:
        return ADDRESS.get(self.node, OUTSIDE)

    @property
    def target(self) -> str:
        return f"{self.address}:{self.port}"


PLACES = {
    place.process: place
    for place in (
        *(Place(process=f"watch-{node}", service="", node=node, port=9100) for node in ADDRESS),
        Place(process="gateway", service="gateway", node="edge-1", port=8000),
        Place(process="scoring-1", service="scoring", node="serve-1", port=8001),
        Place(process="scoring-2", service="scoring", node="serve-1", port=8002),
        Place(process="scoring-3", service="scoring", node="serve-1", port=8003),
        Place(process="store", service="feature-store", node="data-1", port=8010),
        Place(process="featuriser", service="featuriser", node="data-1", port=8011),
        Place(process="load", service="labels", node="", port=8020),
    )
}
SPARE = "scoring-3"  # only started by an autoscale
