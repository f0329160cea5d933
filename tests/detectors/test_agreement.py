"""Entities in the live bank: calm alone and together, loud when their series move at once."""

import dataclasses

import numpy as np
import pytest

from detectors.agreement import SETTLED, agree, grow, new_usual
from detectors.bank import Guards, new_state, step
from tests.detectors.streams import ar1

ENTITIES, EACH, TICKS = 20, 12, 6000
OF = np.repeat(np.arange(ENTITIES), EACH)


def scores(seed: int, *, common: float = 0.0) -> np.ndarray:
    """(t, n) Gaussian scores; `common` is the share of variance that an entity's series have in common."""
    rng = np.random.default_rng(seed)
    own, shared = rng.standard_normal((TICKS, len(OF))), rng.standard_normal((TICKS, ENTITIES))
    return np.sqrt(1 - common) * own + np.sqrt(common) * shared[:, OF]


def replay(z, of=OF, k=ENTITIES):
    usual, seen = new_usual(k), []
    for row in z:
        usual, one = agree(usual, z=row, entity_of=of)
        seen.append(one)
    return seen


@pytest.mark.parametrize("common", [0.0, 0.3, 0.8])
def test_p_says_how_often_whatever_the_series_have_in_common(common):
    p = np.array([one.p for one in replay(scores(1, common=common))])[SETTLED:]

    assert np.isfinite(p).all()
    assert 0.002 < (p < 0.01).mean() < 0.02
    assert (p < 1e-3).mean() < 0.003


def test_chance_alone_would_be_fooled_by_a_common_load():
    seen = replay(scores(2, common=0.8))

    assert np.mean([one.chance < 1e-4 for one in seen]) > 10 * 1e-4


def test_the_entity_whose_series_all_move_a_little_comes_first():
    z = scores(3, common=0.3)
    z[-1, OF == 7] += 2.5

    last = replay(z)[-1]

    assert last.surprise().argmax() == 7
    assert last.p[7] < 1e-3


def test_one_wild_series_is_not_the_entity():
    z = scores(4)
    z[-1, 5] = 1e6

    last = replay(z)[-1]

    assert last.beyond[0] >= 1
    assert last.chance[0] > 1e-3


def test_the_order_of_series_does_not_matter():
    z, order = scores(5)[:600], np.random.default_rng(0).permutation(len(OF))

    straight, shuffled = replay(z)[-1], replay(z[:, order], OF[order])[-1]

    np.testing.assert_allclose(straight.p, shuffled.p, rtol=1e-9)
    np.testing.assert_array_equal(straight.beyond, shuffled.beyond)


def test_entities_without_scores_learn_nothing_and_say_nothing():
    usual, _ = agree(new_usual(3), z=np.array([1.0, np.nan, 2.0]), entity_of=np.array([0, 1, -1]))

    usual, seen = agree(usual, z=np.array([np.nan, np.nan, 9.0]), entity_of=np.array([0, 1, -1]))

    assert usual.ticks.tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(seen.mean_z).all()
    assert seen.chance.tolist() == [1.0, 1.0, 1.0]
    assert seen.surprise().tolist() == [0.0, 0.0, 0.0]


def test_entities_that_join_change_nothing_for_those_that_were_there():
    z = scores(6)[:600, :EACH]
    usual, joined = new_usual(1), None
    for tick, row in enumerate(z):
        usual = grow(usual, 2) if tick == 300 else usual
        usual, joined = agree(usual, z=row, entity_of=np.zeros(EACH, np.intp))

    alone = replay(z, np.zeros(EACH, np.intp), 1)[-1]

    assert joined.p[0] == alone.p[0]


def test_opinions_are_not_changed_by_later_ticks():
    z = scores(7)
    usual, seen = agree(new_usual(ENTITIES), z=z[0], entity_of=OF)
    kept = {field.name: getattr(seen, field.name).copy() for field in dataclasses.fields(seen)}

    agree(usual, z=z[1], entity_of=OF)

    for name, value in kept.items():
        np.testing.assert_array_equal(getattr(seen, name), value)


def test_scores_of_the_bank_can_be_judged_as_they_come():
    rng, rows = np.random.default_rng(8), 900
    values = 50 + ar1(rng, 0.5, rows, 24)
    values[-1, 12:] += 4.0
    bank, guards, usual, of = new_state(24, step_s=60.0), Guards.neutral(24), new_usual(2), np.repeat([0, 1], 12)
    for row in range(rows):
        bank, judged = step(bank, time_s=60.0 * row, values=values[row], guards=guards)
        usual, seen = agree(usual, z=judged.z, entity_of=of)

    assert seen.beyond[1] > seen.beyond[0]
    assert seen.p[1] < 1e-3 < seen.p[0]


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: agree(new_usual(1), z=np.zeros(2), entity_of=np.zeros(1, np.intp)), id="lengths"),
        pytest.param(lambda: agree(new_usual(1), z=np.zeros(1), entity_of=np.ones(1, np.intp)), id="unknown entity"),
        pytest.param(lambda: grow(new_usual(2), 1), id="shrinking"),
    ],
)
def test_nonsense_is_refused(call):
    with pytest.raises(ValueError, match=r"."):
        call()


def test_no_entities_and_no_series_are_fine():
    _, seen = agree(new_usual(0), z=np.empty(0), entity_of=np.empty(0, np.intp))

    assert seen.p.shape == (0,)
