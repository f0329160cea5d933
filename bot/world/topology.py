"""What stands in the simulated production: nodes, services, models, and the numbers that make each behave."""

from __future__ import annotations

from dataclasses import dataclass, replace

REQUEST = "request"  # a feature's value that comes with the request itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    name: str
    cores: float = 16.0
    idle_cpu: float = 0.12  # ratio used by what is not one of our services
    memory: float = 0.5  # ratio in quiet times
    disk: float = 0.5  # ratio used in quiet times


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    name: str
    role: str
    depends_on: tuple[str, ...] = ()
    runs_on: tuple[str, ...] = ()
    calls: float = 1.0  # requests that each request of a caller causes here
    latency_ms: float = 20.0  # p99 on its own at low load
    cost_ms: float = 5.0  # CPU time a request
    replicas: int = 4
    cores_per_replica: float = 2.0
    cached: float = 0.93  # of a store: share of lookups that memory answers
    timeout_ms: float = 150.0  # how long it waits for a dependency before it goes on without
    memory: float = 0.45  # ratio of its limit
    version: str = "v1.0"  # deployed at the beginning of history


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    name: str
    source: str  # REQUEST, or the service that writes it
    mean: float
    spread: float  # standard deviation over requests
    importance: float  # share of the model's skill that leans on it, 0..1
    age_s: float = 120.0  # usual age of a stored value

    @property
    def stored(self) -> bool:
        return self.source != REQUEST


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionTraits:
    """How one version differs from a healthy one; the default is harmless."""

    score_shift: float = 0.0  # added to the mean score
    decision_shift: float = 0.0  # added to the share of decisions that are positive
    drift: float = 0.0  # added to the PSI of the predictions
    accuracy_loss: float = 0.0
    calibration_gap: float = 0.0
    inference_factor: float = 1.0  # time and CPU per prediction


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    name: str
    served_by: str
    label_delay_s: float
    features: tuple[Feature, ...]
    segments: tuple[str, ...]
    versions: int  # how many the registry holds
    champion: int  # the one that serves at the beginning
    score: float  # mean score in quiet times
    accuracy: float
    label_rate: float  # share of positives among the labels
    labelled: float  # share of predictions that ever get a label
    inference_ms: float  # p99 of one prediction
    stale_after_s: float  # age of stored features from which predictions suffer
    stale_scale_s: float  # further age until most of that damage is done
    stale_weight: float  # damage of hopelessly old features, 0..1


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    step_s: int = 60  # between two samples
    requests: float = 400.0  # a second at each gateway, mean of the day
    rows: float = 1500.0  # feature rows a second that each pipeline is given
    season_depth: float = 0.35
    peak_later_s: float = 0.0  # after the usual peak of the day
    unrest: float = 1.0  # factor on all noise
    tails: float = 0.0  # share of samples whose noise is four times as large
    nodes: tuple[Node, ...]
    services: tuple[Service, ...]  # callers before the called: demand flows down this order
    models: tuple[Model, ...]

    def node(self, name: str) -> Node:
        """Find by name; KeyError when there is none."""
        return {node.name: node for node in self.nodes}[name]

    def service(self, name: str) -> Service:
        """Find by name; KeyError when there is none."""
        return {service.name: service for service in self.services}[name]

    def model(self, name: str) -> Model:
        """Find by name; KeyError when there is none."""
        return {model.name: model for model in self.models}[name]

    def on_node(self, node: str) -> tuple[Service, ...]:
        return tuple(service for service in self.services if node in service.runs_on)

    def callers(self, name: str) -> tuple[Service, ...]:
        return tuple(service for service in self.services if name in service.depends_on)

    def with_models(self, models: dict[str, Model]) -> Topology:
        """Copy in which models of these names are replaced."""
        return replace(self, models=tuple(models.get(model.name, model) for model in self.models))


GATEWAY, SCORING, RECOMMENDER, STORE, PIPELINE = (
    "frontdoor",
    "scoring",
    "recommender",
    "feature-store",
    "feature-pipeline",
)


def shop() -> Topology:
    """A shop: payments scored by `fraud`, results ordered by `ranking`, both fed by one feature pipeline."""
    return Topology(
        nodes=(
            Node(name="n-01", disk=0.42),
            Node(name="n-02", disk=0.47, memory=0.55),
            Node(name="n-03", disk=0.55, memory=0.62),
            Node(name="n-04", disk=0.6, memory=0.48),
        ),
        services=(
            Service(
                name=GATEWAY,
                role="gateway",
                depends_on=(SCORING, RECOMMENDER),
                runs_on=("n-01",),
                latency_ms=35,
                cost_ms=5,
                replicas=4,
                cores_per_replica=1.5,
                timeout_ms=600,
                version="v12.3",
            ),
            Service(
                name=SCORING,
                role="model server",
                depends_on=(STORE,),
                runs_on=("n-01", "n-02"),
                calls=0.55,
                latency_ms=22,
                cost_ms=9,
                replicas=4,
                version="v4.8",
            ),
            Service(
                name=RECOMMENDER,
                role="model server",
                depends_on=(STORE,),
                runs_on=("n-02",),
                calls=0.8,
                latency_ms=30,
                cost_ms=7,
                replicas=4,
                version="v7.1",
            ),
            Service(
                name=STORE,
                role="store",
                runs_on=("n-03",),
                latency_ms=9,
                cost_ms=3,
                replicas=3,
                version="v2.14",
            ),
            Service(
                name=PIPELINE,
                role="pipeline",
                runs_on=("n-04",),
                calls=0,
                cost_ms=2,
                replicas=2,
                version="v3.2",
            ),
        ),
        models=(
            Model(
                name="fraud",
                served_by=SCORING,
                label_delay_s=1800,
                features=(
                    Feature(name="amount", source=REQUEST, mean=62, spread=40, importance=0.5),
                    Feature(name="merchant_risk", source=PIPELINE, mean=0.21, spread=0.12, importance=0.3, age_s=150),
                    Feature(name="velocity_1h", source=PIPELINE, mean=3.1, spread=2.2, importance=0.35, age_s=100),
                ),
                segments=("eu", "us", "apac"),
                versions=4,
                champion=3,
                score=0.14,
                accuracy=0.94,
                label_rate=0.08,
                labelled=0.06,
                inference_ms=14,
                stale_after_s=300,
                stale_scale_s=1200,
                stale_weight=0.12,
            ),
            Model(
                name="ranking",
                served_by=RECOMMENDER,
                label_delay_s=900,
                features=(
                    Feature(name="query_length", source=REQUEST, mean=18, spread=7, importance=0.35),
                    Feature(name="user_affinity", source=PIPELINE, mean=0.48, spread=0.2, importance=0.7, age_s=120),
                ),
                segments=("web", "app"),
                versions=7,
                champion=7,
                score=0.37,
                accuracy=0.81,
                label_rate=0.24,
                labelled=0.06,
                inference_ms=18,
                stale_after_s=180,
                stale_scale_s=420,
                stale_weight=0.75,
            ),
        ),
    )
