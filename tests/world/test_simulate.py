import numpy as np
import pytest

from bot.world.faults.episode import AliasMove
from bot.world.faults.infrastructure import (
    BadDeploy,
    NetworkLoss,
)
from bot.world.faults.model_side import BadVersion
from bot.world.noise import Noise
from bot.world.simulate import STEP_S, World
from bot.world.topology import shop
from tests.world.measures import HOUR_S, ORIGIN_S, at, column, departures, first_minute, quiet_spread, run, seen

DAY_S = 86_400
WINDOW = {"start_s": at(60), "end_s": at(150)}


def test_the_same_seed_gives_the_same_world(demo_world):
    again = World(demo_world.topology, seed=7, start_s=demo_world.start_s, episodes=demo_world.episodes.values())

    demo_world.advance(ORIGIN_S + HOUR_S)
    again.advance(ORIGIN_S + HOUR_S)

    assert np.array_equal(demo_world.values, again.values)


def test_another_seed_gives_another_world():
    one, other = (World(shop(), seed=seed, start_s=ORIGIN_S) for seed in (1, 2))

    one.advance(ORIGIN_S + HOUR_S)
    other.advance(ORIGIN_S + HOUR_S)

    assert not np.array_equal(one.values, other.values)


def test_minute_by_minute_is_the_same_as_all_at_once(demo_world):
    again = World(demo_world.topology, seed=7, start_s=demo_world.start_s, episodes=demo_world.episodes.values())

    demo_world.advance(ORIGIN_S + HOUR_S)
    again.advance(ORIGIN_S - 90)
    for minute in range(61):
        again.advance(ORIGIN_S + minute * STEP_S + 17)

    assert np.allclose(demo_world.values, again.values, rtol=2e-5, atol=1e-12)  # last digit shown may round apart
    assert demo_world.rollouts == again.rollouts


def test_noise_forgets_nothing_at_the_edge_of_a_block():
    noise, again = (Noise(seed=3, channels=["a", "b"]) for _ in range(2))

    whole = noise.draw(1400, 100).slow
    halves = np.concatenate([again.draw(1400, 40).slow, again.draw(1440, 60).slow])

    assert np.array_equal(whole, halves)
    assert np.abs(np.diff(whole, axis=0)).max() < 3  # steps of 0.53 sigma: no jump where blocks meet


def test_quiet_series_stay_within_their_season(calm_world):
    calm_world.advance(ORIGIN_S + DAY_S - STEP_S)
    yesterday, today = (calm_world.values[-k * 1440 :][:1440] for k in (2, 1))
    moves = [number for number, one in enumerate(calm_world.series) if np.ptp(yesterday[:, number]) > 1e-9]
    moves = [number for number in moves if calm_world.series[number].signal.name != "restarts"]  # rare by nature

    change = today[:, moves] - yesterday[:, moves]
    change -= np.median(change, axis=0)
    far = np.abs(change) / (1.4826 * np.median(np.abs(change), axis=0))

    assert np.quantile(far, 0.999, axis=0).max() < 6  # no heavy tails but for rare single spikes
    assert far.max() < 9


def test_values_are_possible(demo_world):
    demo_world.advance(ORIGIN_S + HOUR_S)
    ratios = [number for number, one in enumerate(demo_world.series) if one.signal.unit == "ratio"]

    assert np.isfinite(demo_world.values).all()
    assert demo_world.values.min() >= 0
    assert demo_world.values[:, ratios].max() <= 1


def test_people_come_by_day():
    world = World(shop(), seed=1, start_s=1_790_035_200 // DAY_S * DAY_S)
    world.advance(world.start_s + DAY_S - STEP_S)

    by_hour = seen(world, "request_rate", "frontdoor").reshape(24, 60).mean(axis=1)

    assert by_hour[15] > 1.5 * by_hour[3]


def test_a_full_disk_leads_freshness_which_leads_quality(demo_world, calm_world):
    for world in (demo_world, calm_world):
        world.advance(ORIGIN_S + HOUR_S)
    order = [
        first_minute(demo_world, calm_world, *what)
        for what in (
            ("node_disk", "n-04"),
            ("pipeline_rows", "feature-pipeline"),
            ("freshness", "ranking/user_affinity"),
            ("prediction_drift", "ranking"),
            ("quality", "ranking"),
        )
    ]

    assert order == sorted(order)
    assert order[0] + 3 <= order[1]
    assert order[2] < order[3] < order[4]


def test_both_troubles_of_the_demo_are_plain_and_the_rest_is_calm(demo_world, calm_world):
    for world in (demo_world, calm_world):
        world.advance(ORIGIN_S + 40 * STEP_S)
    far = np.abs(departures(demo_world, calm_world))

    for signal, entity in (
        ("node_disk", "n-04"),
        ("freshness", "ranking/user_affinity"),
        ("prediction_drift", "fraud"),
        ("early_quality", "fraud"),
        ("prediction_drift", "ranking"),
    ):
        assert far[-5:, column(demo_world, signal, entity)].min() > 8, (signal, entity)
    touched = {
        demo_world.series[number].entity.partition("/")[0] for number in np.flatnonzero(far[-30:].max(axis=0) > 4)
    }
    assert touched == {"n-04", "feature-pipeline", "fraud", "ranking"}


def test_age_climbs_a_second_a_second_while_nothing_is_written(demo_world):
    demo_world.advance(ORIGIN_S + 40 * STEP_S)

    age = seen(demo_world, "freshness", "ranking/user_affinity")[-15:]
    slope = np.polyfit(np.arange(15) * 60.0, age, 1)[0]

    assert slope == pytest.approx(0.93, abs=0.15)  # a little still trickles through


def test_a_bad_version_moves_predictions_and_leaves_inputs_and_machines(demo_world, calm_world):
    for world in (demo_world, calm_world):
        world.advance(ORIGIN_S + 13 * STEP_S)  # before the disk

    far = np.abs(departures(demo_world, calm_world)[-3:]).max(axis=0)
    moved = {demo_world.series[number].signal.name for number in np.flatnonzero(far > 4)}

    assert {"prediction_drift", "prediction_mean", "early_quality", "model_version"} <= moved
    assert moved <= {
        "prediction_drift",
        "prediction_mean",
        "early_quality",
        "model_version",
        "quality",
        "segment_quality",
        "positive_rate",
        "calibration_gap",
    }


def test_moving_the_alias_back_changes_what_serves_and_recovery_follows(demo_world):
    demo_world.advance(ORIGIN_S + 12 * STEP_S)
    assert seen(demo_world, "model_version", "fraud")[-1] == 4

    demo_world.move_alias("fraud", 3, time_s=ORIGIN_S + 12 * STEP_S, by="a person")
    demo_world.advance(ORIGIN_S + 30 * STEP_S)

    version = seen(demo_world, "model_version", "fraud")[-18:]
    assert version[0] == 4
    assert (version[2:] == 3).all()
    before = slice(-31 - 24 * 60, -31)
    for signal in ("prediction_drift", "prediction_mean", "early_quality", "quality", "calibration_gap"):
        series = seen(demo_world, signal, "fraud")
        middle, spread = np.median(series[before]), quiet_spread(series[before])
        last = np.median(series[-5:])
        assert abs(last - middle) < 4 * spread, (signal, last, middle, spread)  # well though the disk is full


def test_labels_tell_a_label_delay_later():
    world = run(BadVersion(target="fraud", **WINDOW))

    early, late = (seen(world, name, "fraud") < 0.85 for name in ("early_quality", "quality"))

    assert np.flatnonzero(late)[0] - np.flatnonzero(early)[0] == pytest.approx(30, abs=2)


def test_an_innocent_deploy_is_a_blip(demo_world, calm_world):
    for world in (demo_world, calm_world):
        world.advance(ORIGIN_S + 5 * STEP_S)
    far = np.abs(departures(demo_world, calm_world)[-6:])

    assert ((far > 3).sum(axis=0) <= 2).all()
    assert far.max() < 12
    assert [one.version for one in demo_world.rollouts if one.service == "frontdoor"] == ["v12.3", "v12.4"]


def test_a_fault_that_is_ended_early_is_over():
    world = World(shop(), seed=11, start_s=ORIGIN_S)
    name = world.add(NetworkLoss(target="n-03", **WINDOW))
    world.advance(at(70))

    world.end(name, at_s=at(70))
    world.advance(at(80))

    resent = seen(world, "node_retransmits", "n-03")
    assert resent[65] > 0.05
    assert resent[-8:].max() < 0.01


def test_ending_a_bad_deploy_early_takes_it_back_at_once():
    world = World(shop(), seed=11, start_s=ORIGIN_S)
    name = world.add(BadDeploy(target="scoring", before="v4.8", after="v4.9", **WINDOW))
    world.advance(at(70))

    world.end(name, at_s=at(70))
    world.advance(at(200))

    assert [(one.after, one.time_s) for one in world.changes] == [("v4.9", at(60)), ("v4.8", at(70))]


def test_a_planned_move_is_a_change_with_its_versions():
    world = World(shop(), seed=11, start_s=ORIGIN_S)
    world.plan(AliasMove(time_s=at(5), model="fraud", version=2, by="somebody"))

    world.advance(at(10))

    change = world.changes[0]
    assert (change.kind, change.entity, change.before, change.after, change.by) == (
        "model_version",
        "fraud",
        "3",
        "2",
        "somebody",
    )
    assert world.registry.models["fraud"].aliases == {"champion": 2}
