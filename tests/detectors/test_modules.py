"""What every module and function in `detectors/` keeps; found in the package, so a new file is held to it at once.

A function's own example is the sample: it is run, its arguments are noted, and the function is called again with them
beside a second, spoilt set of series. So whoever writes an example gets these tests for nothing.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import detectors

MODULES = [f"detectors.{found.name}" for found in pkgutil.iter_modules(detectors.__path__)]
STATE = {"BankState", "Tick", "Hot", "Memory", "Around", "Table", "Batch"}  # what only the bank can make
FORBIDDEN = {"asyncio", "bot", "datetime", "logging", "os", "pathlib", "random", "socket", "sys", "time"}
DRAWN = {"Generator", "SeedSequence"}  # of numpy.random: types, not the state that all share
SAMPLES = {"residuals", "samples", "test", "train", "values"}  # arguments that hold what was measured
UNIT = re.compile(r"unit|sigma|seconds|counter|score|column")
TOGETHER = {  # series are meant to count for each other
    "detectors.discover.discoveries": "the number of series is the point",
    "detectors.entity.judge": "channels of one thing",
    "detectors.channels.mean_of_present": "channels of one thing",
    "detectors.severity.mean_of_worst": "channels of one thing",
    "detectors.confidence.calibration": "score bins of one model, which lean on their neighbours",
    "detectors.homogeneity.pool_rare": "bins of one column; columns are rows, held apart in test_counts.py",
    "detectors.homogeneity.p_value": "the same",
}
WITHOUT_EXAMPLE = {
    "detectors.state.put": "writes back what `take` copied",
    "detectors.upgrade.from_first": "an old snapshot is a file of its own, among the tests",
}


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in map(importlib.import_module, MODULES):
        for name, one in vars(module).items():
            if inspect.isfunction(one) and one.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{module.__name__}.{name}", one


FUNCTIONS = dict(functions())


def words_of(one: Callable[..., Any]) -> str:
    """Its annotations in one string."""
    return " ".join(str(annotation) for annotation in inspect.get_annotations(one).values())


def takes_state(one: Callable[..., Any]) -> bool:
    return bool(STATE & set(re.findall(r"\w+", words_of(one))))


def test_something_is_found():
    assert {"detectors.bank", "detectors.season"} <= set(MODULES)
    assert {"detectors.bank.step", "detectors.tail.p_value"} <= set(FUNCTIONS)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_opens_with_a_sentence(module):
    first = (importlib.import_module(module).__doc__ or "").split("\n\n")[0]

    assert len(first.split()) >= 4
    assert first.rstrip()[-1] in ".;:"


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        if isinstance(node, ast.ImportFrom):
            found |= {node.module or ""}
    return found


@pytest.mark.parametrize("module", MODULES)
def test_a_module_reads_no_clock_no_disk_and_no_shared_randomness(module):
    source = inspect.getsource(importlib.import_module(module))
    tree = ast.parse(source)

    drawn = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "random"
    }
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert {name.split(".")[0] for name in imported(tree)} & FORBIDDEN == set()
    assert drawn <= DRAWN
    assert called & {"open", "print", "input", "exec", "eval"} == set()


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_function_says_what_it_does(name):
    assert (inspect.getdoc(FUNCTIONS[name]) or "").split("\n")[0].rstrip().endswith((".", ";", ":"))


@pytest.mark.parametrize("name", sorted(name for name, one in FUNCTIONS.items() if not takes_state(one)))
def test_a_function_that_can_be_called_by_itself_has_an_example(name):
    assert name in WITHOUT_EXAMPLE or ">>>" in (FUNCTIONS[name].__doc__ or "")


def door(name: str) -> bool:
    """Takes samples, and can be called by itself or from outside."""
    one = FUNCTIONS[name]
    outer = name in {"detectors.bank.step", "detectors.bank.warm"} or not takes_state(one)
    return outer and bool(SAMPLES & set(inspect.signature(one).parameters))


@pytest.mark.parametrize("name", sorted(filter(door, FUNCTIONS)))
def test_a_function_that_takes_samples_says_their_unit_and_what_nan_means(name):
    text = FUNCTIONS[name].__doc__ or ""

    assert "NaN" in text
    assert UNIT.search(text)


@dataclasses.dataclass(frozen=True)
class Called:
    """One call in an example: what went in, what came out, and what it left in its arguments."""

    name: str
    given: tuple[tuple[Any, ...], dict[str, Any]]
    left: tuple[tuple[Any, ...], dict[str, Any]]
    result: Any


def called_in_examples() -> list[Called]:
    """Every call that the examples of a module make to the public functions of that module."""
    calls: list[Called] = []

    def noting(name: str, one: Callable[..., Any]) -> Callable[..., Any]:
        def note(*args: Any, **kwargs: Any) -> Any:
            given = copy.deepcopy((args, kwargs))
            result = one(*args, **kwargs)
            if not isinstance(result, Iterator):
                calls.append(Called(name, given, copy.deepcopy((args, kwargs)), copy.deepcopy(result)))
            return result

        return note

    finder, runner = doctest.DocTestFinder(recurse=True), doctest.DocTestRunner(verbose=False)
    for module in map(importlib.import_module, MODULES):
        for example in finder.find(module, module.__name__):
            plain = {
                name for name, one in FUNCTIONS.items() if one.__module__ == module.__name__ and not takes_state(one)
            }
            example.globs |= {name.rsplit(".", 1)[1]: noting(name, FUNCTIONS[name]) for name in plain}
            runner.run(example, clear_globs=False, out=lambda _: None)
    return calls


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Arrays anywhere in a value, with the way to each."""
    if isinstance(value, np.ndarray):
        yield path, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from leaves(one, f"{path}.{key}")
    elif isinstance(value, tuple | list):
        for place, one in enumerate(value):
            yield from leaves(one, f"{path}.{place}")


def changed(call: Called) -> list[str]:
    before, after = dict(leaves(call.given)), dict(leaves(call.left))
    return [
        path
        for path, array in before.items()
        if not np.array_equal(array, after[path], equal_nan=array.dtype.kind == "f")
    ]


CALLS = called_in_examples()


def out_of(call: Called) -> dict[str, np.ndarray]:
    """What the call tells: arrays of its result, and arguments it changed."""
    moved = changed(call)
    return {f"result{path}": one for path, one in leaves(call.result)} | {
        path: one for path, one in leaves(call.left) if path in moved
    }


def side_by_side(value: Any, n: int, other: Callable[[np.ndarray], np.ndarray]) -> Any:
    """The same value with a second set of series beside the first; arrays of another width stay."""
    if isinstance(value, np.ndarray):
        wide = value.ndim and value.shape[-1] == n
        return np.concatenate([value, other(value)], axis=-1) if wide else value.copy()
    if isinstance(value, dict):
        return {key: side_by_side(one, n, other) for key, one in value.items()}
    if isinstance(value, tuple | list):
        made = [side_by_side(one, n, other) for one in value]
        return type(value)(*made) if hasattr(value, "_fields") else type(value)(made)
    return copy.deepcopy(value)


def spoilt(array: np.ndarray) -> np.ndarray:
    return np.full_like(array, np.nan) if array.dtype.kind == "f" else array.copy()


def width(call: Called) -> int | None:
    """Number of series in an example, when its results and arguments agree that there is such a thing."""
    widths = {one.shape[-1] for one in out_of(call).values() if one.ndim}
    given = {one.shape[-1] for _, one in leaves(call.given) if one.ndim}
    return widths.pop() if len(widths) == 1 and widths <= given else None


COLUMNS = [
    pytest.param(call, id=f"{call.name}-{place}")
    for place, call in enumerate(CALLS)
    if call.name not in TOGETHER and width(call) is not None
]


def test_examples_show_most_of_what_works_on_columns():
    assert len({call.name for call in CALLS}) >= 15
    assert len({param.values[0].name for param in COLUMNS}) >= 10


@pytest.mark.parametrize("call", [pytest.param(call, id=f"{call.name}-{place}") for place, call in enumerate(CALLS)])
def test_only_a_function_that_says_in_place_changes_what_it_is_given(call):
    text = FUNCTIONS[call.name].__doc__ or ""

    assert changed(call) == [] or re.search(r"in place|changed|out:", text)


@pytest.mark.parametrize("call", COLUMNS)
@pytest.mark.parametrize("other", [pytest.param(np.copy, id="a twin"), pytest.param(spoilt, id="NaN")])
def test_a_series_beside_it_changes_nothing_for_another(call, other):
    n = width(call)
    args, kwargs = side_by_side(call.given, n, other)
    with np.errstate(all="ignore"):
        result = FUNCTIONS[call.name](*args, **kwargs)

    found = {f"result{path}": one for path, one in leaves(result)} | dict(leaves((args, kwargs)))
    for path, expected in out_of(call).items():
        assert found[path].shape == (*expected.shape[:-1], 2 * n)
        np.testing.assert_array_equal(found[path][..., :n], expected, err_msg=path)


def rows(rng: np.random.Generator, t: int, c: int | None) -> np.ndarray:
    values = 50.0 + rng.standard_normal((t, c) if c else t)
    values[t // 2 : t // 2 + 20] += 25.0
    values[rng.random(values.shape) < 0.02] = np.nan
    return values


def driven(name: str, *, kept: int, unit: float = 1.0) -> dict[str, np.ndarray]:
    """Every array of a driver's answer; it judges a stream by itself, row by row."""
    rng = np.random.default_rng(6)
    given = {
        "times_s": np.arange(400) * 60.0,
        "values": rows(rng, 400, None) * unit,
        "train": rows(rng, 400, 3) * unit,
        "test": rows(rng, 400, 3) * unit,
        "step_s": 60.0,
    }
    cut = {key: value[:kept] if key in {"times_s", "values", "test"} else value for key, value in given.items()}
    asked = inspect.signature(FUNCTIONS[name]).parameters.values()
    answer = FUNCTIONS[name](**{one.name: cut[one.name] for one in asked if one.default is inspect.Parameter.empty})
    if dataclasses.is_dataclass(answer):
        answer = {field.name: getattr(answer, field.name) for field in dataclasses.fields(answer)}
    return dict(leaves(answer))


DRIVERS = [name for name, one in FUNCTIONS.items() if one.__name__ == "judge" and not takes_state(one)]


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize("kept", [1, 150, 210, 399])
def test_a_driver_never_changes_its_answer_for_what_comes_later(name, kept):
    whole, short = driven(name, kept=400), driven(name, kept=kept)

    assert whole.keys() == short.keys()
    for path, answer in short.items():
        np.testing.assert_array_equal(answer, whole[path][:kept], err_msg=path)


@pytest.mark.parametrize("name", DRIVERS)
@pytest.mark.parametrize("power", [-20, 20])
def test_a_driver_answers_the_same_in_any_unit_and_never_with_nan(name, power):
    plain, scaled = driven(name, kept=400), driven(name, kept=400, unit=2.0**power)

    for path, answer in scaled.items():
        assert np.isfinite(answer).all()
        np.testing.assert_allclose(answer, plain[path], rtol=1e-5, err_msg=path)
