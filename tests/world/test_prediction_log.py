import numpy as np
import pytest

from bot.world.faults.model_side import BadVersion, ConceptDrift, CovariateDrift, Nulls, UnitChange
from bot.world.prediction_log import THRESHOLD, draw, halves_of
from bot.world.simulate import World
from bot.world.topology import shop
from tests.world.measures import HOUR_S, ORIGIN_S, at

WITHIN = (at(100), at(230))  # of the trouble
TROUBLE = {"start_s": at(62), "end_s": at(239)}
MANY = 0.02  # of the answers: the caps are reached, so that sampling errors are small
QUIET = ()
BAD = (BadVersion(target="fraud", **TROUBLE),)
NULLS = (Nulls(target="fraud/amount", **TROUBLE),)
CONCEPT = (ConceptDrift(target="fraud", **TROUBLE),)
COVARIATE = (CovariateDrift(target="ranking", **TROUBLE),)
HAPPENINGS = {"quiet": QUIET, "bad version": BAD, "nulls": NULLS, "concept drift": CONCEPT, "covariate": COVARIATE}


def drawn(model, episodes=QUIET, *, between=WITHIN, **sampling):
    """Rows of a stretch, with the world's own statistics of each row's minute."""
    world = World(shop(), seed=11, start_s=ORIGIN_S, episodes=episodes, keeps_answers=True)
    world.advance(ORIGIN_S + 4 * HOUR_S)
    answers = world.answers(model, since_s=between[0], until_s=between[1])
    rows = draw(shop().model(model), answers, np.random.default_rng(5), **{"logged": MANY, **sampling})
    return rows, answers, ((rows.time_s - answers.times_s[0]) // 60).astype(int)


def sampling_error(values):
    return 4 * values.std() / np.sqrt(len(values))


def psi(usual, now):
    edges = np.quantile(usual, np.linspace(0, 1, 11)[1:-1])
    one, other = (np.bincount(np.searchsorted(edges, of), minlength=10) / len(of) + 1e-4 for of in (usual, now))
    return float(((one - other) * np.log(one / other)).sum())


@pytest.fixture(params=HAPPENINGS.values(), ids=HAPPENINGS)
def happening(request):
    return request.param


@pytest.mark.parametrize("model", ["fraud", "ranking"])
def test_scores_have_the_mean_of_the_world(model, happening):
    rows, answers, minute = drawn(model, happening)

    assert rows.score.mean() == pytest.approx(answers.score[minute].mean(), abs=sampling_error(rows.score))


@pytest.mark.parametrize("model", ["fraud", "ranking"])
def test_answers_are_right_as_often_as_the_world_says(model, happening):
    rows, answers, minute = drawn(model, happening)

    right = rows.label == rows.prediction
    assert right.mean() == pytest.approx(answers.accuracy[minute].mean(), abs=sampling_error(right))


@pytest.mark.parametrize("model", ["fraud", "ranking"])
def test_labels_lie_as_far_from_the_scores_as_the_world_says(model, happening):
    rows, answers, minute = drawn(model, happening)

    # accuracy and mean score go first: a collapsed version leaves two points less room
    away = rows.label.mean() - rows.score.mean()
    assert away == pytest.approx(answers.gap[minute].mean(), abs=sampling_error(rows.label - rows.score) + 0.02)


@pytest.mark.parametrize("model", ["fraud", "ranking"])
def test_quiet_scores_are_calibrated_one_by_one(model):
    rows, _, _ = drawn(model)

    for here in np.array_split(np.argsort(rows.score), 20):
        off = rows.label[here] - rows.score[here]
        assert off.mean() == pytest.approx(0, abs=sampling_error(off) + 0.005), rows.score[here].mean()


@pytest.mark.parametrize("model", ["fraud", "ranking"])
def test_quiet_scores_themselves_imply_the_accuracy(model):
    rows, _, _ = drawn(model)

    implied = np.maximum(rows.score, 1 - rows.score)
    assert implied.mean() == pytest.approx(shop().model(model).accuracy, abs=sampling_error(implied))


def test_both_halves_of_quiet_scores_are_as_doubtful_as_the_model_is_wrong():
    _, answers, _ = drawn("fraud")

    halves = halves_of(shop().model("fraud"), answers)

    assert halves.low == pytest.approx(0.06)
    assert halves.high == pytest.approx(0.94)


def test_a_file_never_contradicts_its_own_threshold(happening):
    rows, _, _ = drawn("ranking", happening)

    assert np.array_equal(rows.prediction == 1, rows.score >= THRESHOLD)
    assert rows.score.min() >= 0
    assert rows.score.max() <= 1


def test_a_bad_version_moves_the_scores_and_concept_drift_does_not():
    usual, bad, concept = (drawn("fraud", what)[0].score for what in (QUIET, BAD, CONCEPT))

    assert psi(usual, bad) == pytest.approx(1.3, rel=0.3)  # the drift that the world shows
    assert np.array_equal(concept, usual)


def test_rows_name_the_version_that_answered():
    rows, _, _ = drawn("fraud", BAD, between=(at(10), at(230)))

    first = rows.time_s[rows.version == 4].min()
    assert (rows.version[rows.time_s < first] == 3).all()
    assert (rows.version[rows.time_s > first] == 4).all()
    assert first == pytest.approx(at(64), abs=2)  # servers follow the alias after more than a minute


def test_values_are_empty_as_often_as_the_world_says():
    rows, answers, minute = drawn("fraud", NULLS)
    shares = {name: np.isnan(values) for name, values in rows.features.items()}

    for name, empty in shares.items():
        expected = answers.inputs[name].null[minute].mean()
        assert empty.mean() == pytest.approx(expected, abs=sampling_error(empty)), name
    assert shares["amount"].mean() > 0.4
    assert shares["velocity_1h"].mean() < 0.01


@pytest.mark.parametrize(
    ("model", "episodes"),
    [
        pytest.param("fraud", QUIET, id="quiet"),
        pytest.param("ranking", COVARIATE, id="shifted"),
        pytest.param("fraud", (UnitChange(target="fraud/amount", **TROUBLE),), id="another unit"),
    ],
)
def test_features_are_spread_as_the_world_says(model, episodes):
    rows, answers, minute = drawn(model, episodes)

    for name, values in rows.features.items():
        inputs = answers.inputs[name]
        off = (values - inputs.mean[minute]) / inputs.spread[minute]
        off = off[np.isfinite(off)]
        assert off.mean() == pytest.approx(0, abs=4 / np.sqrt(len(off))), name
        assert off.std() == pytest.approx(1, abs=0.05), name


def test_labels_are_few_and_late():
    rows, _, _ = drawn("fraud")
    known = np.isfinite(rows.label_time_s)

    late_s = (rows.label_time_s - rows.time_s)[known]
    assert known.mean() == pytest.approx(0.06, abs=sampling_error(known))
    assert late_s.min() >= 0.8 * 1800 - 0.01
    assert late_s.max() <= 1.2 * 1800
    assert late_s.mean() == pytest.approx(1800, rel=0.02)


def test_the_share_of_labels_can_be_chosen():
    rows, _, _ = drawn("fraud", labelled=1.0)

    assert np.isfinite(rows.label_time_s).all()


def test_rows_come_with_the_traffic_up_to_a_cap():
    rows, answers, _ = drawn("fraud", logged=0.003)
    more, _, _ = drawn("fraud", logged=1.0)

    minutes = len(answers.times_s)
    assert len(rows.time_s) == pytest.approx(0.003 * 60 * answers.rate.sum(), rel=0.1)
    assert len(more.time_s) == pytest.approx(240 * minutes, rel=0.05)


def test_a_world_that_draws_no_log_keeps_nothing_for_it():
    world = World(shop(), seed=11, start_s=ORIGIN_S)
    world.advance(ORIGIN_S + HOUR_S)

    with pytest.raises(IndexError):
        world.answers("fraud", since_s=ORIGIN_S, until_s=ORIGIN_S + HOUR_S)
