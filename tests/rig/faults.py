"""The families: what is really done to the rig, what it truly is, and which series show it at its root.

A family changes processes, limits, packets, files or rows; it never writes a number into the telemetry.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.rig.hosts import SIZES
from tests.rig.places import SPARE
from tests.rig.world import BAD, CHAMPION, HARMLESS, HEAVY


class Rig(Protocol):
    """What a family may touch."""

    rate: float  # requests a second of the usual load

    def control(self, process: str, **order: Any) -> None: ...
    def signal(self, process: str, number: signal.Signals) -> None: ...
    def kill(self, process: str) -> None: ...
    def revive(self, process: str) -> None: ...
    def restart(self, process: str) -> None: ...
    def hogs(self, node: str, count: int) -> None: ...
    def cores(self, node: str, cores: float) -> None: ...
    def lose_packets(self, node: str, share: float) -> None: ...
    def fill_disk(self) -> None: ...
    def free_disk(self) -> None: ...
    def change(self, kind: str, entity: str, text: str, before: str = "", after: str = "") -> None: ...


Act = Callable[[Rig], None]
Series = tuple[str, str]  # signal, entity


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One way of going wrong, or an everyday thing (no cause). `cause` and so on as in truth.jsonl."""

    name: str
    begin: Act
    end: Act
    cause: str = ""
    subcause: str = ""
    entities: tuple[str, ...] = ()
    series: tuple[Series, ...] = ()  # where the root shows by construction
    before: Act | None = None  # something harmless that is done shortly before


def _nothing(rig: Rig) -> None:
    """The trouble does not end by anybody's hand, or there is none."""


def _both(rig: Rig, **order: Any) -> None:
    for process in ("scoring-1", "scoring-2"):
        rig.control(process, **order)


def _promote(model: str, before: str, after: str) -> Act:
    def act(rig: Rig) -> None:
        rig.change("model_version", model, f"{model} v{after} serves", before, after)
        _both(rig, model=model, version=after)

    return act


def _wider_pool(rig: Rig) -> None:
    rig.change("config", "gateway", "pool of connections 16 to 20", "16", "20")
    rig.control("gateway", pool=20)


def _infrastructure(  # noqa: PLR0917 - a row of the table below
    name: str,
    subcause: str,
    entities: tuple[str, ...],
    series: tuple[Series, ...],
    begin: Act,
    end: Act,
    before: Act | None = None,
) -> Family:
    return Family(
        name=name,
        cause="infrastructure",
        subcause=subcause,
        entities=entities,
        series=series,
        begin=begin,
        end=end,
        before=before,
    )


def _model(  # noqa: PLR0917 - a row of the table below
    name: str,
    subcause: str,
    entities: tuple[str, ...],
    series: tuple[Series, ...],
    begin: Act,
    end: Act,
    before: Act | None = None,
) -> Family:
    return Family(
        name=name,
        cause="model",
        subcause=subcause,
        entities=entities,
        series=series,
        begin=begin,
        end=end,
        before=before,
    )


def _on_node(node: str) -> tuple[Series, ...]:
    return (("node_cpu", node), ("node_throttled", node))


def _slow_deploy(rig: Rig) -> None:
    rig.change("deploy", "scoring", "rollout of scoring 2.8", "2.7", "2.8")
    for process in ("scoring-1", "scoring-2"):
        rig.restart(process)
    _both(rig, slow_s=0.012)


def _small_pool(rig: Rig) -> None:
    rig.change("deploy", "gateway", "rollout of gateway 5.2", "5.1", "5.2")
    rig.restart("gateway")
    rig.control("gateway", pool=1, timeout_s=0.006)


def _leak(rig: Rig) -> None:
    rig.control("scoring-1", leak_mb_s=9.0)


def _full_pool(rig: Rig) -> None:
    rig.change("deploy", "gateway", "gateway back to 5.1", "5.2", "5.1")
    rig.control("gateway", pool=16, timeout_s=0.6)


def _fast_again(rig: Rig) -> None:
    rig.change("deploy", "scoring", "scoring back to 2.7", "2.8", "2.7")
    _both(rig, slow_s=0.0)


def _restart(rig: Rig) -> None:
    rig.change("deploy", "scoring", "rollout of scoring 2.8", "2.7", "2.8")
    rig.restart("scoring-1")


def _autoscale(rig: Rig) -> None:
    rig.change("autoscale", "scoring", "replicas 2 to 3", "2", "3")
    rig.revive(SPARE)
    rig.control("gateway", replicas=["scoring-1", "scoring-2", SPARE])


def _scale_back(rig: Rig) -> None:
    rig.change("autoscale", "scoring", "replicas 3 to 2", "3", "2")
    rig.control("gateway", replicas=["scoring-1", "scoring-2"])


def _campaign(rig: Rig) -> None:
    rig.change("marketing", "gateway", "newsletter goes out")
    rig.control("load", rate=rig.rate * 1.5)


def _usual_load(rig: Rig) -> None:
    rig.control("load", rate=rig.rate)


FAMILIES: tuple[Family, ...] = (
    _infrastructure(
        *("cpu_hog", "cpu_saturation", ("serve-1",), _on_node("serve-1")),
        begin=lambda rig: rig.hogs("serve-1", 4),
        end=lambda rig: rig.hogs("serve-1", 0),
        before=_promote("fraud", CHAMPION, HARMLESS),
    ),
    _infrastructure(
        *("disk_full", "disk_saturation", ("data-1",), (("node_disk", "data-1"),)),
        begin=lambda rig: rig.fill_disk(),
        end=lambda rig: rig.free_disk(),
    ),
    _model(
        *("bad_version", "bad_version", ("fraud",)),
        (("accuracy", "fraud"), ("score_psi", "fraud"), ("score_mean", "fraud"), ("version", "fraud")),
        begin=_promote("fraud", CHAMPION, BAD),
        end=_promote("fraud", BAD, CHAMPION),
    ),
    _model(
        *("unit_change", "data_quality", ("fraud/amount", "fraud")),
        (("feature_mean", "fraud/amount"), ("feature_psi", "fraud/amount")),
        begin=lambda rig: rig.control("load", factor=100.0),
        end=lambda rig: rig.control("load", factor=1.0),
        before=_wider_pool,
    ),
    _infrastructure(
        *("slow_store", "dependency_failure", ("feature-store",)),
        (("store_latency_p95", "feature-store"), ("store_error_ratio", "feature-store")),
        begin=lambda rig: rig.control("store", delay_s=0.026),
        end=lambda rig: rig.control("store", delay_s=0.0),
        before=_promote("ranking", CHAMPION, HARMLESS),
    ),
    Family(name="benign_version", begin=_promote("fraud", CHAMPION, HARMLESS), end=_nothing),
    _infrastructure(
        *("dead_store", "dependency_failure", ("feature-store",)),
        (
            ("service_up", "feature-store"),
            ("store_latency_p95", "feature-store"),
            ("store_error_ratio", "feature-store"),
        ),
        begin=lambda rig: rig.signal("redis", signal.SIGSTOP),
        end=lambda rig: rig.signal("redis", signal.SIGCONT),
    ),
    _model(
        *("concept_drift", "concept_drift", ("fraud",)),
        (("accuracy", "fraud"), ("calibration_gap", "fraud"), ("label_rate", "fraud")),
        begin=lambda rig: rig.control("load", drifted=True),
        end=lambda rig: rig.control("load", drifted=False),
        before=_wider_pool,
    ),
    _infrastructure(
        *("packet_loss", "network", ("data-1",), (("node_retransmits", "data-1"),)),
        begin=lambda rig: rig.lose_packets("data-1", 0.15),
        end=lambda rig: rig.lose_packets("data-1", 0.0),
        before=_promote("fraud", CHAMPION, HARMLESS),
    ),
    _model(
        *("heavy_version", "bad_version", ("ranking",)),
        (("inference_p95", "ranking"), ("inference_mean", "ranking"), ("version", "ranking")),
        begin=_promote("ranking", CHAMPION, HEAVY),
        end=_promote("ranking", HEAVY, CHAMPION),
    ),
    _infrastructure(
        *("memory_leak", "memory_saturation", ("scoring", "serve-1")),
        (("service_memory", "scoring"), ("node_memory", "serve-1")),
        begin=_leak,
        end=lambda rig: rig.restart("scoring-1"),
    ),
    _model(
        *(
            "null_features",
            "data_quality",
            ("fraud/merchant_risk", "fraud"),
            (("feature_null", "fraud/merchant_risk"),),
        ),
        begin=lambda rig: rig.control("featuriser", null_share=0.7),
        end=lambda rig: rig.control("featuriser", null_share=0.0),
    ),
    Family(name="campaign", begin=_campaign, end=_usual_load),
    _infrastructure(
        *("slow_deploy", "bad_deploy", ("scoring",)),
        (("latency_p95", "scoring"), ("latency_mean", "scoring"), ("service_cpu", "scoring")),
        begin=_slow_deploy,
        end=_fast_again,
    ),
    _model(
        *("covariate_drift", "covariate_drift", ("fraud",)),
        (("feature_psi", "fraud/velocity"), ("feature_psi", "fraud/account_age"), ("score_psi", "fraud")),
        begin=lambda rig: rig.control("load", only_risky=True),
        end=lambda rig: rig.control("load", only_risky=False),
    ),
    _infrastructure(
        *("traffic_surge", "traffic_surge", ("gateway",), (("traffic", "gateway"),)),
        begin=lambda rig: rig.control("load", rate=rig.rate * 8),
        end=_usual_load,
    ),
    _model(
        *("stale_features", "data_quality", ("featuriser", "fraud", "ranking")),
        (("features_written", "featuriser"), ("feature_age", "fraud/velocity"), ("feature_age", "ranking/affinity")),
        begin=lambda rig: rig.signal("featuriser", signal.SIGSTOP),
        end=lambda rig: rig.signal("featuriser", signal.SIGCONT),
    ),
    _infrastructure(
        *("starved_pipeline", "cpu_saturation", ("data-1",), _on_node("data-1")),
        begin=lambda rig: rig.hogs("data-1", 8),
        end=lambda rig: rig.hogs("data-1", 0),
    ),
    Family(name="restart", begin=_restart, end=_nothing),
    _infrastructure(
        *("capacity_loss", "capacity_loss", ("scoring",), (("replicas", "scoring"), ("service_up", "scoring"))),
        begin=lambda rig: rig.kill("scoring-2"),
        end=lambda rig: rig.revive("scoring-2"),
    ),
    _infrastructure(
        *("exporter_lost", "telemetry_loss", ("data-1",), (("node_up", "data-1"),)),
        begin=lambda rig: rig.kill("watch-data-1"),
        end=lambda rig: rig.revive("watch-data-1"),
    ),
    _infrastructure(
        *("cpu_quota", "cpu_saturation", ("serve-1",), _on_node("serve-1")),
        begin=lambda rig: rig.cores("serve-1", SIZES["serve-1"].cores * 0.1),
        end=lambda rig: rig.cores("serve-1", SIZES["serve-1"].cores),
    ),
    _model(
        *("label_bug", "data_quality", ("fraud",), (("accuracy", "fraud"), ("label_rate", "fraud"))),
        begin=lambda rig: rig.control("load", flipped=0.5),
        end=lambda rig: rig.control("load", flipped=0.0),
    ),
    _infrastructure(
        *("small_pool", "bad_deploy", ("gateway",), (("error_ratio", "gateway"), ("latency_p95", "gateway"))),
        begin=_small_pool,
        end=_full_pool,
    ),
    Family(name="autoscale", begin=_autoscale, end=_scale_back),
)
