"""What holds for any stream whatever: uneven and repeated times, holes, series that come and go, values of any size."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.bank import Guards, Judgements, Kind, grow, new_state, step, to_arrays, warm

ROWS = 170
FIELDS = [field.name for field in dataclasses.fields(Judgements)]
SHARES = {"score", "novelty", "p"}  # from nothing to one
Rng = np.random.Generator

SERIES = {
    "noise": lambda rng: 50.0 + rng.standard_normal(ROWS),
    "integers": lambda rng: rng.poisson(2.0, ROWS).astype(float),
    "rare ones": lambda rng: (rng.random(ROWS) < 0.05).astype(float),
    "constant": lambda rng: np.full(ROWS, rng.choice([0.0, 1.0, -7.5, 1e12])),
    "constant, then another": lambda rng: np.where(np.arange(ROWS) < rng.integers(ROWS), 3.0, 4.0),
    "a ramp": lambda rng: np.cumsum(rng.exponential(1.0, ROWS)),
    "a ramp that begins anew": lambda rng: np.cumsum(rng.exponential(1.0, ROWS)) % 60.0,
    "huge": lambda rng: rng.standard_normal(ROWS) * 10.0 ** rng.uniform(10, 17),
    "tiny": lambda rng: rng.standard_normal(ROWS) * 10.0 ** -rng.uniform(5, 40),
    "of every size": lambda rng: rng.choice([-1.0, 1.0], ROWS) * 10.0 ** rng.uniform(-300, 300, ROWS),
    "wild": lambda rng: rng.standard_cauchy(ROWS),
    "a jump": lambda rng: rng.standard_normal(ROWS) + np.where(np.arange(ROWS) < rng.integers(ROWS), 0.0, 40.0),
    "nothing": lambda _: np.full(ROWS, np.nan),
    "infinite": lambda rng: rng.choice([np.inf, -np.inf, 1.0], ROWS),
}
CADENCES = {
    "even": lambda _: np.full(ROWS, 60.0),
    "uneven": lambda rng: rng.exponential(60.0, ROWS) + 1e-3,
    "with pauses": lambda rng: rng.choice([60.0, 60.0, 60.0, 7_200.0, 100_000.0], ROWS),
    "hourly": lambda _: np.full(ROWS, 3_600.0),
    "repeated and backwards": lambda rng: rng.choice([60.0, 60.0, 60.0, 0.0, -300.0], ROWS),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Drawn:
    times_s: np.ndarray
    values: np.ndarray
    guards: Guards

    @property
    def width(self) -> int:
        return self.values.shape[1]


@st.composite
def streams(draw, *, cadences=tuple(CADENCES)):
    """Knobs that can be shrunk; the samples themselves come from a seed."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    names = draw(st.lists(st.sampled_from(list(SERIES)), min_size=1, max_size=5))
    n = len(names)
    values = np.stack([SERIES[name](rng) for name in names], axis=1)
    values[rng.random(values.shape) < draw(st.sampled_from([0.0, 0.05, 0.5]))] = np.nan
    if draw(st.booleans()):  # series come, and go, and some of them come again
        begins, ends = rng.integers(0, ROWS, n), rng.integers(0, ROWS, n)
        row = np.arange(ROWS)[:, None]
        values[(row < begins) ^ (row > ends)] = np.nan
    times_s = draw(st.sampled_from([0.0, 1.7e9])) + np.cumsum(CADENCES[draw(st.sampled_from(cadences))](rng))
    guards = Guards(
        direction=rng.choice(np.array(draw(st.sampled_from([[0], [-1, 0, 1]])), np.int8), n),
        floor_abs=rng.choice(draw(st.sampled_from([[0.0], [0.0, 1.0, 1e6]])), n),
        floor_rel=rng.choice(draw(st.sampled_from([[0.0], [0.0, 0.1, 3.0]])), n),
        counter=draw(st.sampled_from([None, np.array([name.startswith("a ramp") for name in names])])),
        budget=draw(st.sampled_from([1.0, 1e9])),
    )
    return Drawn(times_s=times_s, values=values, guards=guards)


def judged(drawn: Drawn) -> dict[str, np.ndarray]:
    bank, seen = new_state(drawn.width, step_s=60.0), []
    for time_s, column in zip(drawn.times_s.tolist(), drawn.values, strict=True):
        bank, one = step(bank, time_s=time_s, values=column, guards=drawn.guards)
        seen.append(one)
    return {name: np.array([getattr(one, name) for one in seen]) for name in FIELDS}


def late(drawn: Drawn) -> np.ndarray:
    latest = np.maximum.accumulate(drawn.times_s)
    return np.append(False, drawn.times_s[1:] <= latest[:-1])


@settings(max_examples=60, deadline=None)
@given(drawn=streams())
def test_judgements_agree_with_one_another(drawn):
    seen, guards = judged(drawn), drawn.guards

    active, opened, closed = seen["active"], seen["opened"], seen["closed"]
    before = np.vstack([np.zeros((1, drawn.width), bool), active[:-1]])
    assert (opened == active & ~before).all()
    assert (closed == before & ~active).all()
    assert ((seen["direction"] != 0) == active).all()
    assert ((seen["kind"] != Kind.NONE) == active | seen["gap"]).all()
    assert ((guards.direction == 0) | (seen["direction"] == 0) | (seen["direction"] == guards.direction)).all()
    assert (np.isnan(seen["onset_s"]) == ~active).all()
    assert (np.isnan(seen["peak"]) | active).all()
    assert not (opened & ~seen["judged"]).any()
    assert (seen["judged"][1:] >= seen["judged"][:-1]).all()
    assert not (seen["reset"] & ~(np.zeros(drawn.width, bool) if guards.counter is None else guards.counter)).any()


@settings(max_examples=60, deadline=None)
@given(drawn=streams())
def test_every_number_is_in_its_range(drawn):
    seen, times_s = judged(drawn), np.maximum.accumulate(drawn.times_s)[:, None]

    for name in SHARES:
        assert ((seen[name] >= 0.0) & (seen[name] <= 1.0)).all(), name
    for name in FIELDS:
        assert not np.isinf(seen[name].astype(float)).any(), name
    assert (np.isnan(seen["onset_s"]) | (seen["onset_s"] <= times_s)).all()
    assert (np.isnan(seen["missing_s"]) | (seen["missing_s"] >= 0.0)).all()
    assert (np.isnan(seen["scale"]) | (seen["scale"] > 0.0)).all()


@settings(max_examples=40, deadline=None)
@given(drawn=streams(cadences=("even", "uneven", "with pauses", "hourly")))
def test_where_there_is_no_sample_there_is_no_score_and_elsewhere_a_judged_one_has_its_z(drawn):
    seen, guards = judged(drawn), drawn.guards
    gauges = np.ones(drawn.width, bool) if guards.counter is None else ~guards.counter
    here = np.abs(drawn.values) <= 1e17  # beyond, a sample may be too far from the first one

    z = seen["z"]

    assert np.isnan(z[~np.isfinite(drawn.values)]).all()
    assert not np.isnan(z[:, gauges][(here & seen["judged"])[:, gauges]]).any()


@settings(max_examples=30, deadline=None)
@given(drawn=streams(), row=st.integers(1, ROWS - 1))
def test_a_late_column_is_not_looked_at_and_leaves_no_trace(drawn, row):
    bank = new_state(drawn.width, step_s=60.0)
    for time_s, column in zip(drawn.times_s[:row].tolist(), drawn.values[:row], strict=True):
        bank, last = step(bank, time_s=time_s, values=column, guards=drawn.guards)
    before, latest_s = to_arrays(bank), float(drawn.times_s[:row].max())

    bank, seen = step(bank, time_s=latest_s - 30.0, values=drawn.values[row], guards=drawn.guards)

    for name, array in to_arrays(bank).items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    assert (seen.active == last.active).all()
    assert not (seen.opened | seen.closed).any()


@settings(max_examples=25, deadline=None)
@given(drawn=streams(), joins=st.integers(0, ROWS), more=st.integers(1, 3))
def test_series_that_join_and_never_report_change_nothing(drawn, joins, more):
    n, guards = drawn.width, drawn.guards
    alone = judged(drawn)
    wide = Guards(
        direction=np.append(guards.direction, np.zeros(more, np.int8)),
        floor_abs=np.append(guards.floor_abs, np.zeros(more)),
        floor_rel=np.append(guards.floor_rel, np.zeros(more)),
        counter=None if guards.counter is None else np.append(guards.counter, np.zeros(more, bool)),
        budget=guards.budget,
    )
    bank, seen = new_state(n, step_s=60.0), []
    for row, time_s in enumerate(drawn.times_s.tolist()):
        if row == joins:
            bank = grow(bank, n + more)
        both = len(bank) > n
        column = np.append(drawn.values[row], np.full(more, np.nan)) if both else drawn.values[row]
        bank, one = step(bank, time_s=time_s, values=column, guards=wide if both else guards)
        seen.append(one)

    for name in FIELDS:
        np.testing.assert_array_equal(np.array([getattr(one, name)[:n] for one in seen]), alone[name], err_msg=name)


@settings(max_examples=25, deadline=None)
@given(drawn=streams(cadences=("even", "uneven")), beside=st.sampled_from(list(SERIES)))
def test_what_a_neighbour_does_moves_no_score_while_the_budget_is_ample(drawn, beside):
    ample = dataclasses.replace(drawn.guards, budget=1e12)
    neighbour = SERIES[beside](np.random.default_rng(7))
    wide = Guards(
        direction=np.append(ample.direction, np.int8(0)),
        floor_abs=np.append(ample.floor_abs, 0.0),
        floor_rel=np.append(ample.floor_rel, 0.0),
        counter=None if ample.counter is None else np.append(ample.counter, False),
        budget=ample.budget,
    )

    alone = judged(dataclasses.replace(drawn, guards=ample))
    both = judged(dataclasses.replace(drawn, guards=wide, values=np.column_stack([drawn.values, neighbour])))

    for name in ("z", "score", "novelty", "p", "judged", "gap", "reset"):
        until = first_disagreement(alone["active"], both["active"][:, :-1])
        np.testing.assert_array_equal(both[name][:until, :-1], alone[name][:until], err_msg=name)


def first_disagreement(one: np.ndarray, other: np.ndarray) -> int:
    """Discoveries are made over all series together, so decisions may differ; from there on baselines may too."""
    rows = np.flatnonzero((one != other).any(axis=1))
    return int(rows[0]) if len(rows) else len(one)


@settings(max_examples=25, deadline=None)
@given(drawn=streams(cadences=("even", "uneven", "with pauses", "hourly")), learnt=st.integers(0, ROWS))
def test_history_of_any_kind_can_be_learnt_and_lived_with(drawn, learnt):
    bank = warm(new_state(drawn.width, step_s=60.0), drawn.times_s[:learnt], drawn.values[:learnt], drawn.guards)

    for time_s, column in zip(drawn.times_s[learnt:].tolist(), drawn.values[learnt:], strict=True):
        bank, seen = step(bank, time_s=time_s, values=column, guards=drawn.guards)
        assert ((seen.score >= 0.0) & (seen.score <= 1.0)).all()
        assert not np.isinf(seen.expected).any()
