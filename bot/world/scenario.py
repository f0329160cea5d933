"""Timelines of a live world: what happens in the demo, and nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from bot.world.faults.episode import Episode
from bot.world.faults.innocent import InnocentDeploy
from bot.world.faults.model_side import BadVersion
from bot.world.topology import GATEWAY, RECOMMENDER, SCORING, Topology

MINUTE_S, HOUR_S = 60.0, 3600.0
Episodes = tuple[Episode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    name: str
    topology: Topology
    trouble: Episodes  # what this scenario is about
    background: Episodes = ()  # what also happens, always innocent

    @property
    def episodes(self) -> Episodes:
        return (*self.background, *self.trouble)


DEMO_LABEL_DELAY_S = 300.0  # an hour of the demo is a minute: labels must come within a few seconds of it
DEMO_STALE_WEIGHT = 0.03  # of `fraud`: little, so that the disk does not bring back what its rollback has ended
DEMO_PATIENCE_S = 5 * HOUR_S  # five minutes at the page: people read before they click


def demo(origin_s: float, topology: Topology) -> Scenario:
    """Play an innocent deploy, and a bad version that people should roll back before somebody else does.

    The demo's second trouble has no minute of its own: whoever plays brings it on when the first is over.
    """
    past = (
        InnocentDeploy(
            target=RECOMMENDER,
            start_s=origin_s - 29 * HOUR_S,
            end_s=origin_s - 29 * HOUR_S + 80,
            before="v7.1",
            after="v7.2",
        ),
        InnocentDeploy(
            target=SCORING,
            start_s=origin_s - 9 * HOUR_S,
            end_s=origin_s - 9 * HOUR_S + 80,
            before="v4.8",
            after="v4.9",
        ),
    )
    at = [origin_s + minute * MINUTE_S for minute in range(6)]
    return Scenario(
        name="demo",
        topology=topology.with_models(
            {
                "fraud": replace(
                    topology.model("fraud"), label_delay_s=DEMO_LABEL_DELAY_S, stale_weight=DEMO_STALE_WEIGHT
                ),
                "ranking": replace(topology.model("ranking"), label_delay_s=DEMO_LABEL_DELAY_S),
            }
        ),
        background=past,
        trouble=(
            InnocentDeploy(target=GATEWAY, start_s=at[2], end_s=at[2] + 80, before="v12.3", after="v12.4"),
            BadVersion(target="fraud", start_s=at[5], end_s=origin_s + DEMO_PATIENCE_S, from_version=3, to_version=4),
        ),
    )


def quiet(origin_s: float, topology: Topology) -> Scenario:  # noqa: ARG001 - one signature for live scenarios
    """Play nothing; faults come through the control door."""
    return Scenario(name="quiet", topology=topology, trouble=())


LIVE: Mapping[str, Callable[[float, Topology], Scenario]] = {"demo": demo, "quiet": quiet}
