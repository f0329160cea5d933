"""What every judgement keeps, whichever detectors stand behind it: fields are found, not listed.

A new field of `Judgements` is held to all of this at once. When it bears the series' unit or is a time, say so below;
when it may be NaN, say "NaN" in the comment beside it.
"""

from __future__ import annotations

import dataclasses
import gc
import inspect
import io
import re
import tracemalloc

import numpy as np
import pytest

from detectors.bank import Guards, Judgements, from_arrays, grow, new_state, step, to_arrays, warm
from detectors.state import PART
from tests.detectors.generator import CHANGES, DAY_S, NOISES, generate

STEP_S = 300.0
DAY = 288  # rows
ROWS, LEARNT = 4 * DAY, 2 * DAY
SIZES = {"step": 5.0, "ramp": 3.0, "spike": 20.0, "spread": 5.0, "season shifted": 6.0}

FIELDS = [field.name for field in dataclasses.fields(Judgements)]
PLACES = {"expected", "observed"}  # in the series' unit, and move with its zero
WIDTHS = {"scale"}  # in the series' unit, and do not
TIMES = {"onset_s"}  # seconds since 1970


def eventful() -> tuple[np.ndarray, np.ndarray]:
    """Every noise with every change: values (t, n), and which of them are counters (n,)."""
    rng = np.random.default_rng(1)
    drawn = [
        generate(
            9,
            noise=noise,
            change=change,
            size=SIZES.get(change, 0.0),
            onset=int(rng.integers(LEARNT + 50, ROWS - 50)),
            rows=ROWS,
            series=1,
            step_s=STEP_S,
        )
        for noise in NOISES
        for change in CHANGES
    ]
    values = np.hstack([one.values for one in drawn])
    values[rng.random(values.shape) < 0.01] = np.nan
    values[: LEARNT + 100, 1::7] = np.nan  # born later
    return values, np.array([one.counter for one in drawn])


def guards_of(counter: np.ndarray, **changed: np.ndarray) -> Guards:
    return dataclasses.replace(Guards.neutral(len(counter)), counter=counter, **changed)


def run(values, guards, *, learnt=LEARNT, step_s=STEP_S, from_s=0.0, state=None, first=0) -> dict[str, np.ndarray]:
    """Every field of every judgement, stacked: (t, n) by name."""
    times_s = from_s + step_s * np.arange(first, first + len(values))
    bank = new_state(values.shape[1], step_s=step_s) if state is None else state
    if learnt:
        bank = warm(bank, times_s[:learnt], values[:learnt], guards)
    seen = []
    for row in range(learnt, len(values)):
        bank, judged = step(bank, time_s=times_s[row], values=values[row], guards=guards)
        seen.append(judged)
    return {name: np.array([getattr(one, name) for one in seen]) for name in FIELDS}


@pytest.fixture(scope="module")
def stream():
    return eventful()


@pytest.fixture(scope="module")
def plain(stream):
    values, counter = stream
    return run(values, guards_of(counter))


def test_the_streams_make_every_decision_at_least_once(plain):
    decided = [name for name in FIELDS if plain[name].dtype == np.bool_]

    assert [name for name in decided if not plain[name].any()] == []


@pytest.mark.parametrize("power", [-30, 20])
def test_a_change_of_unit_changes_nothing_but_the_unit(stream, plain, power):
    values, counter = stream
    unit = 2.0**power

    scaled = run(values * unit, guards_of(counter))

    for name in FIELDS:
        found, expected = scaled[name], plain[name] * unit if name in PLACES | WIDTHS else plain[name]
        known = plain["judged"] | (name not in WIDTHS)  # a width is its floor until there is one
        np.testing.assert_array_equal(found[known], expected[known], err_msg=name)


@pytest.mark.parametrize("shift", [-731.3, 2e4])
def test_a_moved_zero_changes_no_decision(stream, plain, shift):
    values, counter = stream
    gauges = ~counter  # a counter counts from zero

    moved = run(values + shift * gauges, guards_of(counter))

    for name in FIELDS:
        found, expected = moved[name][:, gauges], plain[name][:, gauges] + (shift if name in PLACES else 0)
        if found.dtype.kind == "f":
            np.testing.assert_allclose(found, expected, rtol=2e-2, atol=2e-3, err_msg=name)
        else:
            np.testing.assert_array_equal(found, expected, err_msg=name)


def test_whole_days_later_everything_is_the_same(stream, plain):
    values, counter = stream
    later_s = 20_000 * DAY_S

    later = run(values, guards_of(counter), from_s=later_s)

    for name in FIELDS:
        expected = plain[name] + later_s if name in TIMES else plain[name]
        np.testing.assert_array_equal(later[name], expected, err_msg=name)


@pytest.mark.parametrize("kept", [LEARNT + 60, 3 * DAY + 131])
def test_what_comes_later_changes_nothing_that_was_said(stream, plain, kept):
    values, counter = stream
    other = values.copy()
    other[kept:] = np.random.default_rng(2).normal(-1e6, 1e6, other[kept:].shape)

    again = run(other, guards_of(counter))

    for name in FIELDS:
        np.testing.assert_array_equal(again[name][: kept - LEARNT], plain[name][: kept - LEARNT], err_msg=name)


def test_the_order_of_the_series_does_not_matter(stream, plain):
    values, counter = stream
    order = np.random.default_rng(3).permutation(len(counter))

    mixed = run(values[:, order], guards_of(counter[order]))

    for name in FIELDS:
        np.testing.assert_array_equal(mixed[name], plain[name][:, order], err_msg=name)


def test_the_parts_in_which_series_are_worked_on_change_no_decision(stream):
    values, counter = (one[..., :8] for one in stream)
    wide = np.arange(PART + 8) % 8  # PART is a multiple of eight
    guards = guards_of(counter[wide], budget=1e12)

    found = run(values[2 * DAY : 2 * DAY + 150, wide], guards, learnt=0)

    # parts take turns at learning, so numbers differ a little from part to part; what is said does not
    for name in ("judged", "active", "direction", "gap", "novel", "reset"):
        np.testing.assert_array_equal(found[name][:, PART:], found[name][:, :8], err_msg=name)
    np.testing.assert_allclose(found["expected"][-1, PART:], found["expected"][-1, :8], rtol=0.05)


@pytest.mark.parametrize("nothing", [np.nan, -np.inf])
def test_a_series_that_never_comes_is_not_judged_and_touches_no_other(stream, plain, nothing):
    values, counter = stream
    absent = np.full((ROWS, 2), nothing)

    beside = run(np.hstack([absent, values]), guards_of(np.append([False, False], counter)))

    for name in FIELDS:
        np.testing.assert_array_equal(beside[name][:, 2:], plain[name], err_msg=name)
    assert not any(beside[name][:, :2].any() for name in ("judged", "active", "opened", "closed", "gap", "novel"))


def may_be_nan() -> set[str]:
    """Names of the fields whose comment, at their line or below it, says so."""
    source = inspect.getsource(Judgements)
    starts = [(name, re.search(rf"^    {name}:", source, re.MULTILINE).start()) for name in FIELDS]
    ends = [start for _, start in starts[1:]] + [len(source)]
    return {name for (name, start), end in zip(starts, ends, strict=True) if "NaN" in source[start:end]}


@pytest.fixture(scope="module")
def young(stream):
    values, counter = stream
    return run(values[: DAY // 2], guards_of(counter), learnt=0)


@pytest.mark.parametrize("name", FIELDS)
def test_a_number_is_nan_only_where_its_comment_says_so(plain, young, name):
    nan = np.isnan(plain[name].astype(float)).any() or np.isnan(young[name].astype(float)).any()

    assert not nan or name in may_be_nan()
    assert not np.isinf(plain[name].astype(float)).any()


def test_a_snapshot_at_any_moment_loses_nothing(stream, plain):
    values, counter = stream
    guards, times_s = guards_of(counter), STEP_S * np.arange(ROWS)
    bank = warm(new_state(len(counter), step_s=STEP_S), times_s[:LEARNT], values[:LEARNT], guards)
    seen = []
    for row in range(LEARNT, ROWS):
        if row % 97 == 0:
            file = io.BytesIO()
            np.savez(file, **to_arrays(bank))
            bank = from_arrays(np.load(io.BytesIO(file.getvalue())))
        bank, judged = step(bank, time_s=times_s[row], values=values[row], guards=guards)
        seen.append(judged)

    for name in FIELDS:
        np.testing.assert_array_equal(np.array([getattr(one, name) for one in seen]), plain[name], err_msg=name)


def shared(bank, other: dict[str, np.ndarray]) -> list[str]:
    mine = {field.name: getattr(bank, field.name) for field in dataclasses.fields(bank)}
    arrays = {name: value for name, value in mine.items() if isinstance(value, np.ndarray)}
    return [name for name, value in arrays.items() if any(np.shares_memory(value, one) for one in other.values())]


def test_snapshots_and_grown_banks_share_no_memory_with_what_they_came_from():
    bank = new_state(3, step_s=STEP_S)
    written = to_arrays(bank)
    grown, read = grow(bank, 4), from_arrays(written)

    assert shared(bank, written) == []
    assert shared(bank, to_arrays(grown)) == []
    assert (
        shared(
            grown, {f.name: v for f in dataclasses.fields(bank) if isinstance(v := getattr(bank, f.name), np.ndarray)}
        )
        == []
    )
    assert shared(read, written) == []


def test_judgements_share_no_memory_with_the_state_the_samples_or_the_guards(stream):
    values, counter = stream
    bank, guards = new_state(len(counter), step_s=STEP_S), guards_of(counter)
    for row in range(200):
        column = values[row].copy()
        bank, judged = step(bank, time_s=row * STEP_S, values=column, guards=guards)

    given = {f.name: v for f in dataclasses.fields(bank) if isinstance(v := getattr(bank, f.name), np.ndarray)}
    given |= {
        "values": column,
        **{f.name: v for f in dataclasses.fields(guards) if isinstance(v := getattr(guards, f.name), np.ndarray)},
    }
    assert shared(judged, given) == []


def test_samples_and_guards_are_only_read(stream):
    values, counter = stream
    given, guards = values[:200].copy(), guards_of(counter)
    given.setflags(write=False)
    for field in dataclasses.fields(guards):
        if isinstance(array := getattr(guards, field.name), np.ndarray):
            array.setflags(write=False)

    run(given, guards, learnt=100)


def test_ten_thousand_ticks_leave_no_more_memory_than_two_thousand():
    guards, column = Guards.neutral(3), np.random.default_rng(4).standard_normal((10_000, 3))
    column[::500] += 50.0
    column[3_000:3_100, 1] = np.nan
    bank = new_state(3, step_s=STEP_S)
    arrays = {field.name: getattr(bank, field.name) for field in dataclasses.fields(bank)}
    sizes = {name: value.nbytes for name, value in arrays.items() if isinstance(value, np.ndarray)}
    held = []
    for row in range(10_000):
        bank, _ = step(bank, time_s=row * STEP_S, values=column[row], guards=guards)
        if row in {1_900, 9_900}:
            tracemalloc.start()
        if row in {1_999, 9_999}:
            gc.collect()
            held.append(tracemalloc.get_traced_memory()[0])
            tracemalloc.stop()

    assert [name for name, value in arrays.items() if getattr(bank, name) is not value] == ["step_s"] * (
        bank.step_s is not arrays["step_s"]
    )
    assert {name: getattr(bank, name).nbytes for name in sizes} == sizes
    assert max(held) < 16_000  # bytes that a hundred ticks left behind, of which none is the bank's
