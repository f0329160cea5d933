"""What the team runs: what a name is, how far apart two are, and what a trouble can reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.catalogue import Catalogue, EntityType, Kind, Model, Node, Service, Side
from tests.pipeline.builders import CATALOGUE

T = EntityType
NAMES = sorted(
    {
        *(one.name for one in (*CATALOGUE.nodes, *CATALOGUE.services, *CATALOGUE.models)),
        *(f"{model.name}/{feature.name}" for model in CATALOGUE.models for feature in model.features),
        "fraud/region=eu",
        "fraud/region=us",
        "mystery",
    }
)


@pytest.mark.parametrize(
    ("kind", "side"),
    [
        (Kind.CPU, Side.INFRASTRUCTURE),
        (Kind.THROUGHPUT, Side.INFRASTRUCTURE),
        (Kind.INFERENCE_LATENCY, Side.SERVING),
        (Kind.VERSION, Side.SERVING),
        (Kind.FEATURE_NULL, Side.DATA),
        (Kind.FRESHNESS, Side.DATA),
        (Kind.PREDICTION, Side.QUALITY),
        (Kind.LABEL_VOLUME, Side.QUALITY),
    ],
)
def test_every_kind_watches_one_side(kind, side):
    assert kind.side is side


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        pytest.param("n-01", T.NODE, id="node"),
        pytest.param("scoring", T.SERVICE, id="service"),
        pytest.param("fraud", T.MODEL, id="model"),
        pytest.param("fraud/amount", T.FEATURE, id="declared feature"),
        pytest.param("fraud/region=eu", T.SEGMENT, id="any other part of a model"),
        pytest.param("mystery", T.UNKNOWN, id="not declared"),
        pytest.param("mystery/amount", T.UNKNOWN, id="part of what is not declared"),
        pytest.param("", T.UNKNOWN, id="no name"),
    ],
)
def test_a_name_is_what_the_catalogue_says(name, type_):
    assert CATALOGUE.entity_type(name) is type_


def test_a_model_wins_over_a_service_of_the_same_name():
    both = Catalogue(services=(Service(name="fraud"),), models=(Model(name="fraud"),))

    assert both.entity_type("fraud") is T.MODEL


@pytest.mark.parametrize(
    ("entity", "source"),
    [
        pytest.param("fraud/velocity", "feature-pipeline", id="a service"),
        pytest.param("fraud/amount", "request", id="the request"),
        pytest.param("fraud/unheard", None, id="not declared"),
        pytest.param("fraud", None, id="a model"),
        pytest.param("mystery/amount", None, id="no such model"),
    ],
)
def test_a_feature_says_who_fills_it(entity, source):
    assert CATALOGUE.feature_source(entity) == source


@pytest.mark.parametrize(
    ("start", "end", "hops"),
    [
        pytest.param("n-01", "n-01", 0, id="itself"),
        pytest.param("n-01", "scoring", 1, id="host and service"),
        pytest.param("checkout", "feature-store", 2, id="caller of a caller"),
        pytest.param("n-04", "fraud", 3, id="by the features it fills"),
        pytest.param("fraud/region=eu", "fraud", 1, id="a segment hangs on its model"),
        pytest.param("fraud/region=eu", "fraud/region=us", 2, id="two segments"),
        pytest.param("n-01", "fraud/region=eu", 3, id="to a segment"),
        pytest.param("n-01", "n-09", None, id="nothing between them"),
        pytest.param("mystery", "n-01", None, id="not declared"),
    ],
)
def test_distance_is_hops_along_the_topology(start, end, hops):
    assert CATALOGUE.distance(start, end) == hops


def test_distance_stops_at_its_limit():
    assert CATALOGUE.distance("n-04", "n-01", limit=4) == 4
    assert CATALOGUE.distance("n-04", "n-01", limit=3) is None


@given(start=st.sampled_from(NAMES), end=st.sampled_from(NAMES), limit=st.integers(0, 6))
def test_distance_is_the_same_both_ways(start, end, limit):
    assert CATALOGUE.distance(start, end, limit=limit) == CATALOGUE.distance(end, start, limit=limit)


@pytest.mark.parametrize(
    ("root", "reached"),
    [
        pytest.param("n-04", {"feature-pipeline": 1, "feature-store": 2, "fraud/velocity": 2, "fraud": 3}, id="node"),
        pytest.param("scoring", {"checkout": 1, "fraud": 1, "ranking": 1}, id="service"),
        pytest.param("fraud/amount", {"fraud": 1, "scoring": 2, "checkout": 3}, id="feature"),
        pytest.param("fraud/region=eu", {"fraud": 1}, id="segment"),
        pytest.param("fraud", {"scoring": 1, "n-01": 2, "checkout": 2}, id="a heavy model reaches its host"),
        pytest.param("mystery", {"mystery": 0}, id="not declared"),
    ],
)
def test_trouble_reaches_what_stands_on_it(root, reached):
    found = CATALOGUE.downstream(root)

    assert {name: found.get(name) for name in reached} == reached


@pytest.mark.parametrize(
    ("root", "spared"),
    [
        pytest.param("checkout", "scoring", id="a caller's callees"),
        pytest.param("scoring", "n-01", id="a service's host"),
        pytest.param("scoring", "feature-store", id="a service's dependencies"),
        pytest.param("n-01", "billing", id="what stands apart"),
    ],
)
def test_trouble_does_not_reach_what_it_stands_on(root, spared):
    assert spared not in CATALOGUE.downstream(root)


def test_work_reaches_what_a_service_calls_and_runs_on():
    found = CATALOGUE.downstream("checkout", by_load=True)

    assert {name: found[name] for name in ("n-03", "scoring", "n-01", "feature-store")} == {
        "n-03": 1,
        "scoring": 1,
        "n-01": 2,
        "feature-store": 2,
    }


def test_services_that_call_each_other_in_a_ring_are_no_trap():
    ring = Catalogue(services=(Service(name="a", depends_on=("b",)), Service(name="b", depends_on=("a",))))

    assert ring.downstream("a", by_load=True) == {"a": 0, "b": 1}
    assert ring.distance("a", "nowhere") is None


def test_an_empty_catalogue_knows_nothing_and_fails_at_nothing():
    none = Catalogue()

    assert (none.entity_type("x"), none.distance("x", "y"), none.downstream("x")) == (T.UNKNOWN, None, {"x": 0})


def test_a_name_with_a_slash_may_be_a_node():
    assert Catalogue(nodes=(Node(name="rack/n-01"),)).entity_type("rack/n-01") is T.NODE
