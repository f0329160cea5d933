"""The rules of evidence stand in one place: with a reason each, in the docs as in the code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bot.pipeline import weights
from bot.pipeline.weights import RULES, SETTLED

ROOT = Path(__file__).parents[2]
SOURCE = Path(weights.__file__).read_text()


def numbers(function: ast.AST) -> set[float]:
    """Every number written in a function, but 0 and 1."""
    found = (node.value for node in ast.walk(function) if isinstance(node, ast.Constant))
    return {value for value in found if type(value) in (int, float) and value not in (0, 1)}


def test_the_docs_show_the_rules_as_they_are():
    table = ["| evidence | what it is worth to the hypothesis, in nats | why |", "|---|---|---|"]
    table += [f"| {rule.evidence} | {rule.worth} | {rule.reason} |" for rule in RULES]

    assert "\n".join(table) in (ROOT / "docs/verdicts.md").read_text(), "\n".join(table)


def test_the_docs_name_the_probability_from_which_a_side_is_named():
    assert f"{SETTLED * 100:.0f} % of the probability" in (ROOT / "docs/verdicts.md").read_text()


@pytest.mark.parametrize(
    "name", [node.targets[0].id for node in ast.parse(SOURCE).body if isinstance(node, ast.Assign)]
)
def test_every_number_says_why(name):
    lines = SOURCE.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"{name} ="))

    assert name in ("RULES", "FILLING_LAG") or "  # " in lines[at] or lines[at - 1].startswith("# ")


@pytest.mark.parametrize("module", ["weigh", "relate"])
def test_the_arithmetic_holds_no_number_of_its_own(module):
    tree = ast.parse((ROOT / f"bot/pipeline/{module}.py").read_text())
    found = {node.name: numbers(node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}

    assert {name: values for name, values in found.items() if values} == {}
