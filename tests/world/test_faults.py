import numpy as np
import pytest

from bot.world.faults.infrastructure import (
    BadDeploy,
    CapacityLoss,
    CpuSaturation,
    DependencyFailure,
    DiskFull,
    MemoryLeak,
    NetworkLoss,
    TelemetryGap,
    TrafficSurge,
)
from bot.world.faults.innocent import Autoscale, BenignVersion, Campaign, InnocentDeploy
from bot.world.faults.model_side import BadVersion, ConceptDrift, CovariateDrift, Nulls, StuckPipeline, UnitChange
from tests.world.measures import at, departures, run, seen

WINDOW = {"start_s": at(60), "end_s": at(150)}
TWIN = run()


@pytest.mark.parametrize(
    ("episode", "must", "quiet"),
    [
        pytest.param(
            CpuSaturation(target="n-02", **WINDOW),
            {("node_cpu", "n-02"), ("latency_p99", "recommender"), ("inference_latency", "ranking")},
            {"cpu_per_request", "request_rate", "feature_null", "quality", "prediction_drift"},
            id="noisy neighbour: own cost flat",
        ),
        pytest.param(
            CpuSaturation(target="n-04", **WINDOW),
            {("node_cpu", "n-04"), ("pipeline_rows", "feature-pipeline"), ("freshness", "ranking/user_affinity")},
            {"node_disk", "latency_p99", "feature_null"},
            id="pipeline starves",
        ),
        pytest.param(
            MemoryLeak(target="scoring", **WINDOW),
            {("service_memory", "scoring"), ("restarts", "scoring"), ("latency_p99", "scoring")},
            {"request_rate", "quality", "feature_drift"},
            id="leak restarts",
        ),
        pytest.param(
            NetworkLoss(target="n-03", **WINDOW),
            {("node_retransmits", "n-03"), ("latency_p99", "feature-store"), ("fallback", "fraud")},
            {"latency_p50", "node_cpu", "node_disk"},
            id="loss: the median stays",
        ),
        pytest.param(
            DependencyFailure(target="feature-store", **WINDOW),
            {
                ("error_ratio", "feature-store"),
                ("dependency_errors", "scoring"),
                ("fallback", "ranking"),
                ("feature_null", "fraud/velocity_1h"),
                ("early_quality", "ranking"),
            },
            {"node_disk", "freshness", "request_rate"},
            id="store down: defaults",
        ),
        pytest.param(
            BadDeploy(target="scoring", **WINDOW),
            {("error_ratio", "scoring"), ("latency_p99", "scoring")},
            {"feature_null", "quality", "prediction_drift", "node_disk"},
            id="bad deploy",
        ),
        pytest.param(
            CapacityLoss(target="recommender", **WINDOW),
            {("availability", "recommender")},
            {"request_rate", "cpu_per_request", "quality"},
            id="replicas lost",
        ),
        pytest.param(
            TrafficSurge(target="frontdoor", **WINDOW),
            {("request_rate", "frontdoor"), ("latency_p99", "frontdoor"), ("node_cpu", "n-01")},
            {"cpu_per_request", "feature_null"},
            id="surge: cost a request flat",
        ),
        pytest.param(
            DiskFull(target="n-04", **WINDOW),
            {("node_disk", "n-04"), ("pipeline_backlog", "feature-pipeline"), ("freshness", "fraud/velocity_1h")},
            {"latency_p99", "feature_null", "node_cpu"},
            id="disk",
        ),
        pytest.param(
            StuckPipeline(target="feature-pipeline", **WINDOW),
            {("pipeline_rows", "feature-pipeline"), ("freshness", "ranking/user_affinity")},
            {"node_disk", "node_cpu", "latency_p99", "feature_null", "error_ratio", "availability"},
            id="pipeline bug: host well",
        ),
        pytest.param(
            BadVersion(target="ranking", from_version=7, to_version=6, severity=0.02, heavier=4.0, **WINDOW),
            {("inference_latency", "ranking"), ("cpu_per_request", "recommender"), ("node_cpu", "n-02")},
            {"quality", "early_quality", "feature_drift", "request_rate"},
            id="heavy version: cost a request up",
        ),
        pytest.param(
            Nulls(target="fraud/velocity_1h", **WINDOW),
            {("feature_null", "fraud/velocity_1h"), ("prediction_drift", "fraud"), ("early_quality", "fraud")},
            {"fallback", "latency_p99", "freshness", "node_cpu"},
            id="nulls: lookups fine",
        ),
        pytest.param(
            UnitChange(target="fraud/amount", **WINDOW),
            {("feature_mean", "fraud/amount"), ("feature_drift", "fraud/amount"), ("early_quality", "fraud")},
            {"feature_null", "latency_p99", "node_cpu"},
            id="unit",
        ),
        pytest.param(
            CovariateDrift(target="ranking", start_s=at(20), end_s=at(200)),
            {("feature_drift", "ranking/query_length"), ("feature_drift", "ranking/user_affinity")},
            {"feature_null", "latency_p99", "node_cpu", "freshness"},
            id="covariate drift",
        ),
        pytest.param(
            ConceptDrift(target="ranking", **WINDOW),
            {("quality", "ranking"), ("calibration_gap", "ranking")},
            {"prediction_mean", "prediction_drift", "feature_drift", "label_rate", "label_volume", "node_cpu"},
            id="concept drift: quality alone",
        ),
    ],
)
def test_a_fault_moves_what_it_must_and_nothing_else(episode, must, quiet):
    world = run(episode)

    far = np.abs(departures(world, TWIN))
    moved = {(world.series[n].signal.name, world.series[n].entity) for n in np.flatnonzero((far > 6).sum(axis=0) >= 3)}
    moved |= {("restarts", "scoring")} if seen(world, "restarts", "scoring").max() >= 2 else set()

    assert must <= moved
    assert not {name for name, _ in moved} & quiet


@pytest.mark.parametrize(
    "episode",
    [
        pytest.param(InnocentDeploy(target="scoring", start_s=at(60), end_s=at(61.3)), id="deploy"),
        pytest.param(BenignVersion(target="fraud", **WINDOW), id="promotion"),
        pytest.param(Autoscale(target="recommender", **WINDOW), id="autoscale"),
    ],
)
def test_an_innocent_happening_does_no_harm(episode):
    world = run(episode)
    names = {"quality", "early_quality", "error_ratio", "latency_p99", "availability", "fallback", "freshness"}
    watched = [number for number, one in enumerate(world.series) if one.signal.name in names]

    far = departures(world, TWIN)[:, watched]
    worse = np.array([{"up": 1, "down": -1, "both": 1}[world.series[number].signal.worse] for number in watched])

    assert ((far * worse > 6).sum(axis=0) <= 2).all()


def test_a_campaign_brings_people_and_no_errors():
    world = run(Campaign(target="frontdoor", **WINDOW))

    assert (seen(world, "request_rate", "frontdoor") / seen(TWIN, "request_rate", "frontdoor")).max() > 1.25
    assert np.abs(seen(world, "error_ratio", "frontdoor") - seen(TWIN, "error_ratio", "frontdoor")).max() < 0.002
    assert [one.kind for one in world.changes] == ["marketing"]


def test_a_silent_exporter_takes_its_series_and_no_other():
    world = run(TelemetryGap(target="fraud", start_s=at(60), end_s=at(64)))

    gone = {
        one.entity.partition("/")[0]
        for one, there in zip(world.series, world.present.T, strict=True)
        if not there.all()
    }

    assert gone == {"fraud"}
    assert (~world.present).sum(axis=0).max() == 4
    assert np.array_equal(world.values, TWIN.values)
