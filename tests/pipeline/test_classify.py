"""Blame: each way of going wrong is named with its root and its remedy, and what is not known is not claimed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain.catalogue import Catalogue, EntityType, Kind, Model
from bot.domain.change import ChangeKind
from bot.domain.finding import FindingKind
from bot.domain.series import SeriesKey
from bot.domain.verdict import Cause, RollbackAdvice, Subcause
from bot.pipeline.classify import classify
from bot.pipeline.signatures import SIGNATURES
from bot.pipeline.weigh import SATURATES, Hypothesis, chance
from bot.pipeline.weights import QUIET_RATE, SETTLED
from tests.pipeline import builders as b
from tests.pipeline.builders import CATALOGUE, blind, change, finding, gap, incident, promotion, scene

K = Kind
ADVISED, NOT_ADVISED, UNKNOWN = RollbackAdvice.ADVISED, RollbackAdvice.NOT_ADVISED, RollbackAdvice.UNKNOWN

BAD_SCORES = (finding(K.PREDICTION, "fraud"), finding(K.PREDICTION_DRIFT, "fraud", minutes=1))
HEAVY = (
    finding(K.INFERENCE_LATENCY, "fraud"),
    finding(K.LATENCY, "scoring", minutes=1),
    finding(K.CPU, "n-01", minutes=1),
)
FULL_DISK = (
    finding(K.DISK, "n-04"),
    finding(K.THROUGHPUT, "feature-pipeline", minutes=20),
    finding(K.FRESHNESS, "fraud/velocity", minutes=25),
    finding(K.FRESHNESS, "fraud/tenure", minutes=25),
    finding(K.QUALITY, "fraud", minutes=60),
)
BUSY_NODE = (
    finding(K.CPU, "n-01"),
    finding(K.LATENCY, "scoring", minutes=1),
    finding(K.INFERENCE_LATENCY, "fraud", minutes=1),
    finding(K.LATENCY, "checkout", minutes=2),
)
NO_MEMORY = (
    finding(K.MEMORY, "n-01"),
    finding(K.RESTARTS, "scoring", minutes=5),
    finding(K.ERRORS, "checkout", minutes=6),
)
LOSSY_NETWORK = (
    finding(K.NETWORK, "n-02"),
    finding(K.LATENCY, "feature-store"),
    finding(K.LATENCY, "scoring", minutes=1),
    finding(K.FALLBACK, "fraud", minutes=1),
)
STORE_FAILS = (
    finding(K.ERRORS, "feature-store"),
    finding(K.LATENCY, "feature-store"),
    finding(K.ERRORS, "scoring", minutes=1),
    finding(K.FALLBACK, "fraud", minutes=1),
)
SCORING_FAILS = (
    finding(K.ERRORS, "scoring"),
    finding(K.LATENCY, "scoring"),
    finding(K.ERRORS, "checkout", minutes=1),
)
SURGE = (
    finding(K.TRAFFIC, "checkout"),
    finding(K.TRAFFIC, "scoring"),
    finding(K.CPU, "n-03", minutes=1),
    finding(K.CPU, "n-01", minutes=1),
    finding(K.LATENCY, "scoring", minutes=2),
)
REPLICAS_GONE = (
    finding(K.AVAILABILITY, "scoring"),
    finding(K.LATENCY, "scoring", minutes=1),
    finding(K.ERRORS, "scoring", minutes=1),
    finding(K.LATENCY, "checkout", minutes=1),
)
NULLS = (finding(K.FEATURE_NULL, "fraud/amount"), finding(K.PREDICTION, "fraud", minutes=2))
NULLS_OF_ONE_WRITER = (
    finding(K.FEATURE_NULL, "fraud/velocity"),
    finding(K.FEATURE_NULL, "fraud/tenure"),
    finding(K.PREDICTION, "fraud", minutes=2),
)
WRONG_UNIT = (
    finding(K.FEATURE_VALUE, "fraud/amount", z=60.0),
    finding(K.FEATURE_DRIFT, "fraud/amount"),
    finding(K.PREDICTION, "fraud", minutes=1),
)
NEW_WORLD = (finding(K.QUALITY, "fraud"), finding(K.CALIBRATION, "fraud", minutes=1))
NEW_POPULATION = (
    finding(K.FEATURE_DRIFT, "fraud/amount"),
    finding(K.FEATURE_DRIFT, "fraud/velocity"),
    finding(K.FEATURE_DRIFT, "fraud/tenure", minutes=1),
    finding(K.PREDICTION_DRIFT, "fraud", minutes=3),
)
ROLLOUT = change(ChangeKind.DEPLOY, "scoring", from_="v1", to="v2")


def judge(findings, *, catalogue=CATALOGUE, **around):
    return classify(incident(*findings), catalogue, scene(*findings, **around))


PROMOTED = {"changes": [promotion()], "healthy": {"fraud": "39"}, "serving": {"fraud": "42"}}
CASES = [
    pytest.param(BAD_SCORES, PROMOTED, Subcause.BAD_VERSION, "fraud", ADVISED, id="scores move after a promotion"),
    pytest.param(HEAVY, PROMOTED, Subcause.BAD_VERSION, "fraud", ADVISED, id="a heavier version slows its node"),
    pytest.param(HEAVY, {}, Subcause.CPU_SATURATION, "n-01", NOT_ADVISED, id="the same without a promotion"),
    pytest.param(
        FULL_DISK, {"minutes": 70}, Subcause.DISK_SATURATION, "n-04", NOT_ADVISED, id="full disk, stale features"
    ),
    pytest.param(BUSY_NODE, {}, Subcause.CPU_SATURATION, "n-01", NOT_ADVISED, id="busy node"),
    pytest.param(NO_MEMORY, {}, Subcause.MEMORY_SATURATION, "n-01", NOT_ADVISED, id="memory exhausted"),
    pytest.param(LOSSY_NETWORK, {}, Subcause.NETWORK, "n-02", NOT_ADVISED, id="lossy network"),
    pytest.param(STORE_FAILS, {}, Subcause.DEPENDENCY_FAILURE, "feature-store", NOT_ADVISED, id="failing dependency"),
    pytest.param(
        SCORING_FAILS, {"changes": [ROLLOUT]}, Subcause.BAD_DEPLOY, "scoring", NOT_ADVISED, id="errors after a rollout"
    ),
    pytest.param(SURGE, {}, Subcause.TRAFFIC_SURGE, "checkout", NOT_ADVISED, id="more traffic than there is room for"),
    pytest.param(REPLICAS_GONE, {}, Subcause.CAPACITY_LOSS, "scoring", NOT_ADVISED, id="replicas lost"),
    pytest.param(NULLS, {}, Subcause.DATA_QUALITY, "fraud/amount", NOT_ADVISED, id="one feature missing"),
    pytest.param(
        NULLS_OF_ONE_WRITER, {}, Subcause.DATA_QUALITY, "feature-pipeline", NOT_ADVISED, id="all of one writer missing"
    ),
    pytest.param(WRONG_UNIT, {}, Subcause.DATA_QUALITY, "fraud/amount", NOT_ADVISED, id="cents for euros"),
    pytest.param(NEW_WORLD, {}, Subcause.CONCEPT_DRIFT, "fraud", NOT_ADVISED, id="only quality, told by late labels"),
    pytest.param(NEW_POPULATION, {}, Subcause.COVARIATE_DRIFT, "fraud", NOT_ADVISED, id="every input drifts"),
]


@pytest.mark.parametrize(("findings", "around", "subcause", "entity", "rollback"), CASES)
def test_a_plain_trouble_is_named_with_its_root_and_its_remedy(findings, around, subcause, entity, rollback):
    found = judge(findings, **around)

    assert (found.cause, found.subcauses, found.entity) == (subcause.cause, (subcause,), entity)
    assert found.rollback is rollback
    assert found.probability >= SETTLED


@pytest.mark.parametrize(("findings", "around", "subcause", "entity", "rollback"), CASES)
def test_a_settled_verdict_names_a_suspect_at_its_root_or_its_parts(findings, around, subcause, entity, rollback):
    first = judge(findings, **around).suspects[0].key

    reached = CATALOGUE.downstream(entity)
    assert first.entity in reached
    assert reached[first.entity] <= 1


@pytest.mark.parametrize("shape", [FindingKind.SHIFT, FindingKind.NOVEL, FindingKind.SPREAD])
@pytest.mark.parametrize("case", [pytest.param(one.values, id=one.id) for one in CASES])
def test_how_a_series_departs_does_not_change_what_it_is_a_sign_of(case, shape):
    findings, around, subcause, entity, rollback = case

    found = judge(tuple(replace(one, kind=shape) for one in findings), **around)

    assert (found.subcauses, found.entity, found.rollback) == ((subcause,), entity, rollback)


def test_errors_without_a_known_rollout_are_infrastructure_but_no_bad_deploy():
    found = judge(SCORING_FAILS)

    assert (found.cause, found.rollback) == (Cause.INFRASTRUCTURE, NOT_ADVISED)
    assert Subcause.BAD_DEPLOY not in found.subcauses


# ---------------------------------------------------------------- rollback


def test_a_rollback_names_the_version_that_served_well():
    found = judge(BAD_SCORES, **PROMOTED)

    assert "version 39 served well" in found.rollback_reason


def test_without_a_healthy_version_a_rollback_is_not_promised():
    found = judge(BAD_SCORES, changes=[promotion()], serving={"fraud": "42"})

    assert (found.cause, found.rollback) == (Cause.MODEL, UNKNOWN)


def test_a_rollback_already_done_reads_done():
    found = judge(BAD_SCORES, **{**PROMOTED, "serving": {"fraud": "41"}})

    assert (found.rollback, found.rollback_reason) == (ADVISED, "and it is done: version 41 serves again")


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param([], id="none at all"),
        pytest.param([promotion("churn"), change(ChangeKind.DEPLOY, "billing")], id="far away in the topology"),
        pytest.param([promotion(minutes=6)], id="after the onset"),
        pytest.param([promotion(minutes=-45)], id="long before the onset"),
    ],
)
def test_without_a_change_that_fits_no_rollback_is_advised(changes):
    found = judge(BAD_SCORES, changes=changes, healthy={"fraud": "39"}, serving={"fraud": "42"}, minutes=15)

    assert found.rollback is not ADVISED
    assert found.changes == ()


@pytest.mark.parametrize(
    "innocent",
    [
        pytest.param(promotion("churn"), id="promotion of a model elsewhere"),
        pytest.param(change(ChangeKind.DEPLOY, "billing"), id="rollout of a service elsewhere"),
        pytest.param(promotion(minutes=12), id="promotion after the onset"),
        pytest.param(change(ChangeKind.DEPLOY, "feature-pipeline", minutes=12), id="rollout after the onset"),
    ],
)
def test_an_innocent_change_attracts_no_blame(innocent):
    plain = judge(FULL_DISK, minutes=70)

    found = judge(FULL_DISK, minutes=70, changes=[innocent])

    assert (found.cause, found.subcauses, found.entity, found.changes) == (*named(plain), ())
    assert found.model_probability == pytest.approx(plain.model_probability)


def test_a_promotion_just_before_a_full_disk_is_shown_but_not_blamed():
    found = judge(FULL_DISK, minutes=70, changes=[promotion(minutes=-10)], healthy={"fraud": "39"})

    assert (found.subcauses, found.rollback) == ((Subcause.DISK_SATURATION,), NOT_ADVISED)
    assert [(one.change.entity, one.weight < 0.3) for one in found.changes] == [("fraud", True)]


def test_late_labels_are_held_against_the_version_that_made_the_predictions():
    found = judge(NEW_WORLD, changes=[promotion(minutes=-62)], healthy={"fraud": "39"}, serving={"fraud": "42"})

    assert (found.subcauses, found.rollback) == ((Subcause.BAD_VERSION,), ADVISED)


# ---------------------------------------------------------------- two troubles at once


def test_two_troubles_that_share_nothing_are_two_incidents():
    elsewhere = (finding(K.PREDICTION, "churn"), finding(K.PREDICTION_DRIFT, "churn"))

    found = b.group([*elsewhere, *BUSY_NODE])

    assert b.parts(found) == {
        frozenset((one.key.signal, one.key.entity) for one in elsewhere),
        frozenset((one.key.signal, one.key.entity) for one in BUSY_NODE),
    }


def test_one_incident_about_two_plain_troubles_is_mixed_and_no_rollback_is_advised():
    both = (
        *(finding(kind, "churn") for kind in (K.PREDICTION, K.PREDICTION_DRIFT)),
        *(finding(kind, "churn", minutes=60) for kind in (K.QUALITY, K.CALIBRATION)),
        finding(K.DISK, "n-04", minutes=1),
        *(finding(kind, "feature-pipeline", minutes=2) for kind in (K.THROUGHPUT, K.BACKLOG, K.LATENCY, K.ERRORS)),
        *(finding(K.FRESHNESS, f"fraud/{name}", minutes=3) for name in ("velocity", "tenure")),
        *(finding(kind, "feature-store", minutes=3) for kind in (K.LATENCY, K.ERRORS)),
    )

    found = judge(both, changes=[promotion("churn")], healthy={"churn": "39"}, serving={"churn": "42"}, minutes=70)

    assert (found.cause, found.subcauses) == (Cause.MIXED, (Subcause.BAD_VERSION, Subcause.DISK_SATURATION))
    assert found.rollback is UNKNOWN


# ---------------------------------------------------------------- not knowing


@pytest.mark.parametrize(
    ("findings", "entity"),
    [
        pytest.param((gap(K.CPU, "n-01"), gap(K.LATENCY, "scoring", minutes=1)), "n-01", id="series fell silent"),
        pytest.param((blind("prometheus"),), "prometheus", id="a source cannot be read"),
        pytest.param((blind("prometheus"), gap(K.CPU, "n-01", minutes=3)), "prometheus", id="both"),
    ],
)
def test_silence_alone_is_loss_of_telemetry_and_no_reason_to_roll_back(findings, entity):
    found = judge(findings, changes=[promotion()], healthy={"fraud": "39"})

    assert (found.cause, found.subcauses) == (Cause.INFRASTRUCTURE, (Subcause.TELEMETRY_LOSS,))
    assert (found.entity, found.rollback) == (entity, NOT_ADVISED)


def test_silence_beside_a_plain_trouble_does_not_hide_it():
    found = judge((*BUSY_NODE, gap(K.DISK, "n-01")))

    assert (found.subcauses, found.entity) == ((Subcause.CPU_SATURATION,), "n-01")


def test_a_verdict_on_signals_that_cannot_be_read_waits_for_them():
    found = judge(BAD_SCORES, **PROMOTED, blind_signals=["prediction"])

    assert (found.cause, found.rollback) == (Cause.UNDETERMINED, UNKNOWN)
    assert found.settle == "prediction cannot be read now; the verdict waits for the data to return"


def test_blindness_elsewhere_does_not_unsettle_a_verdict():
    found = judge(BAD_SCORES, **PROMOTED, blind_signals=["disk"])

    assert (found.cause, found.settle) == (Cause.MODEL, "")


def test_when_both_sides_fit_neither_is_named_and_what_would_settle_it_is_said():
    found = judge((finding(K.FEATURE_NULL, "fraud/amount"), finding(K.LATENCY, "scoring")))

    assert (found.cause, found.entity) == (Cause.UNDETERMINED, "")
    assert {one.cause for one in found.subcauses} == {Cause.MODEL, Cause.INFRASTRUCTURE}
    assert " a departure there would speak for " in found.settle


@pytest.mark.parametrize(
    ("stranger", "advice"),
    [
        pytest.param(finding(K.LATENCY, "mystery"), "declare the entities", id="unknown entity"),
        pytest.param(
            replace(finding(K.LATENCY, "mystery"), key=SeriesKey("unheard_of", "mystery")),
            "declare these signals",
            id="unknown signal",
        ),
    ],
)
def test_what_the_catalogue_does_not_place_is_not_guessed_at(stranger, advice):
    found = classify(incident(stranger), CATALOGUE, scene(quiet=()))

    assert (found.cause, found.subcauses, found.model_probability) == (Cause.UNDETERMINED, (), 0.5)
    assert found.settle.startswith(advice)


# ---------------------------------------------------------------- the argument


def test_the_argument_names_the_change_and_gives_it_to_the_model():
    lines = {line.text: line.weight for line in judge(BAD_SCORES, **PROMOTED).reasoning}

    assert lines["model version of fraud from 41 to 42 at 10:27"] > 0


def test_the_argument_is_sorted_by_weight():
    weights = [abs(line.weight) for line in judge(FULL_DISK, minutes=70).reasoning]

    assert weights == sorted(weights, reverse=True)
    assert weights


@pytest.mark.parametrize(("findings", "around", "subcause", "entity", "rollback"), CASES)
def test_candidates_are_shares_of_one_whole_the_likeliest_first(findings, around, subcause, entity, rollback):
    shares = [one.probability for one in judge(findings, **around).candidates]

    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1.0 + 1e-3


# ---------------------------------------------------------------- what holds for every case

STORIES = st.sampled_from([(case.values[0], case.values[1]) for case in CASES])


def named(found):
    return found.cause, found.subcauses, found.entity


@settings(max_examples=40, deadline=None)
@given(story=STORIES, data=st.data())
def test_the_order_of_findings_does_not_change_the_verdict(story, data):
    findings, around = story
    shuffled = data.draw(st.permutations(findings))

    found, plain = judge(shuffled, **around), judge(findings, **around)

    assert named(found) == named(plain)
    assert found.model_probability == pytest.approx(plain.model_probability)


@settings(max_examples=40, deadline=None)
@given(story=STORIES, power=st.integers(-9, 9))
def test_the_units_of_values_do_not_change_the_verdict(story, power):
    findings, around = story
    # how full a resource is depends on what its unit says is the whole: that is no matter of units
    findings = [one for one in findings if not CATALOGUE.signal[one.key.signal].whole or one.key.signal not in FILLED]
    assume(findings)

    found, plain = judge([scaled(one, 10.0**power) for one in findings], **around), judge(findings, **around)

    assert named(found) == named(plain)
    assert found.model_probability == plain.model_probability


@settings(max_examples=40, deadline=None)
@given(story=STORIES, prefix=st.text("abcxyz", min_size=1, max_size=8))
def test_names_of_entities_and_signals_do_not_change_the_verdict(story, prefix):
    findings, around = story
    other = Renaming(prefix)
    scene_there = other.scene(scene(*findings, **around))

    found = classify(incident(*map(other.finding, findings)), other.catalogue(CATALOGUE), scene_there)

    plain = judge(findings, **around)
    assert (found.cause, found.subcauses, found.entity) == (plain.cause, plain.subcauses, other.entity(plain.entity))
    assert found.model_probability == pytest.approx(plain.model_probability)


FILLED = {str(kind) for kind in SATURATES.values()}


def scaled(one, unit):
    seen = one.evidence
    return replace(
        one,
        evidence=replace(
            seen, observed=seen.observed * unit, expected=seen.expected * unit, scale=seen.scale * unit, unit="other"
        ),
    )


class Renaming:
    """The same production under other names; the order of names stays, for ties are broken by it."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def name(self, name):
        return f"{self._prefix}{name}"

    def entity(self, entity):
        return "/".join(self.name(part) for part in entity.split("/")) if entity else ""

    def finding(self, one):
        return replace(one, key=SeriesKey(self.name(one.key.signal), self.entity(one.key.entity), one.key.labels))

    def scene(self, there):
        return replace(
            there,
            quiet=frozenset((self.entity(entity), kind) for entity, kind in there.quiet),
            changes=tuple(replace(one, entity=self.entity(one.entity)) for one in there.changes),
            healthy_before={self.name(model): version for model, version in there.healthy_before.items()},
            serving={self.name(model): version for model, version in there.serving.items()},
        )

    def catalogue(self, there: Catalogue) -> Catalogue:
        return replace(
            there,
            nodes=tuple(replace(one, name=self.name(one.name)) for one in there.nodes),
            services=tuple(
                replace(
                    one,
                    name=self.name(one.name),
                    depends_on=tuple(map(self.name, one.depends_on)),
                    runs_on=tuple(map(self.name, one.runs_on)),
                )
                for one in there.services
            ),
            models=tuple(
                replace(
                    one,
                    name=self.name(one.name),
                    served_by=self.name(one.served_by),
                    features=tuple(
                        replace(
                            part,
                            name=self.name(part.name),
                            source=self.name(part.source) if part.source in there.service else part.source,
                        )
                        for part in one.features
                    ),
                )
                for one in there.models
            ),
            signals=tuple(replace(one, name=self.name(one.name)) for one in there.signals),
        )


def test_what_a_cause_does_not_touch_moves_only_by_chance():
    disk = next(one for one in SIGNATURES if one.subcause is Subcause.DISK_SATURATION)

    assert chance(Hypothesis(disk, "n-01"), K.LABEL_VOLUME, 1) == QUIET_RATE


def test_a_busy_node_alone_is_no_candidate_for_faulty_data():
    found = judge((finding(K.CPU, "n-01"),))

    impossible = {Subcause.DATA_QUALITY, Subcause.CONCEPT_DRIFT, Subcause.COVARIATE_DRIFT}
    assert {one.subcause for one in found.candidates} & impossible == set()


def test_scores_that_move_without_a_known_change_are_not_laid_at_what_fills_no_feature():
    found = judge(BAD_SCORES)

    fillers = {part.source for model in CATALOGUE.models for part in model.features}
    data = [one.entity for one in found.candidates if one.subcause is Subcause.DATA_QUALITY]
    assert [e for e in data if CATALOGUE.entity_type(e) is EntityType.SERVICE and e not in fillers] == []
    assert [e for e in data if (m := CATALOGUE.model_of(e)) and m.name != "fraud"] == []
    assert found.rollback is not RollbackAdvice.ADVISED


def test_without_any_known_change_no_rollback_is_advised():
    alone = Catalogue(models=(Model(name="fraud"),), signals=CATALOGUE.signals)
    quiet = {("fraud", kind) for kind in (K.FEATURE_DRIFT, K.FEATURE_VALUE, K.FEATURE_NULL, K.FRESHNESS)}

    found = classify(incident(*BAD_SCORES), alone, scene(*BAD_SCORES, quiet=quiet, healthy={"fraud": "39"}))

    assert (found.subcauses, found.rollback) == ((Subcause.BAD_VERSION,), RollbackAdvice.UNKNOWN)


@pytest.mark.parametrize("order", [pytest.param(1, id="early first"), pytest.param(-1, id="late first")])
def test_two_series_equally_far_off_are_weighed_alike_in_any_order(order):
    early = finding(K.CPU, "n-01", z=99.0, labels=(("core", "0"),))
    late = finding(K.CPU, "n-01", z=99.0, minutes=10, labels=(("core", "1"),))
    slow = finding(K.LATENCY, "scoring", minutes=5)

    found = judge([*(early, late)[::order], slow], minutes=20)

    assert found.candidates[0].probability > 0.9  # the node moved before the service, whoever is asked first


def test_a_store_that_fails_speaks_against_a_fault_in_the_values_it_carries():
    values = (finding(K.FEATURE_NULL, "fraud/velocity"), finding(K.FEATURE_NULL, "fraud/tenure"))

    alone = judge(values)
    with_store = judge((*values, finding(K.ERRORS, "feature-store"), finding(K.FALLBACK, "fraud")))

    assert alone.cause is Cause.MODEL
    assert (with_store.cause, with_store.entity) == (Cause.INFRASTRUCTURE, "feature-store")


def test_a_surge_is_where_requests_come_in():
    found = judge([finding(K.TRAFFIC, name) for name in ("feature-store", "scoring", "checkout")])

    assert (found.subcauses, found.entity) == ((Subcause.TRAFFIC_SURGE,), "checkout")


def test_fewer_requests_are_no_surge():
    found = judge([finding(K.TRAFFIC, "checkout", z=-12.0), finding(K.LATENCY, "checkout")])

    assert Subcause.TRAFFIC_SURGE not in found.subcauses


def test_a_resource_that_is_half_empty_speaks_less_than_one_that_is_full():
    def disk(used):
        one = finding(K.DISK, "n-04", z=20.0)
        seen = replace(one.evidence, expected=0.1, scale=(used - 0.1) / 20.0, observed=used)
        return judge([replace(one, evidence=seen), finding(K.FRESHNESS, "fraud/velocity", minutes=2)])

    share = [next(c.probability for c in disk(used).candidates if c.entity == "n-04") for used in (0.2, 0.99)]
    assert share[0] < share[1]
