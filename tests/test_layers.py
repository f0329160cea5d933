"""Every import rule of pyproject.toml bites: a copy of the code with one violation of it fails by that rule's name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = "Rooms in one direction; a new module must choose its layer"

# By contract: the module that breaks it, and the imports that do.
SEEDS = {
    "Numbers stand alone: detectors never import the bot": ("detectors/level.py", ["bot.errors"]),
    LAYERS: ("bot/clock.py", ["bot.tick"]),
    "The middle is pure: no adapter, no event loop, no I/O": ("bot/pipeline/decide.py", ["asyncio", "logging", "time"]),
    "The domain knows only time and errors": ("bot/domain/labels.py", ["bot.metrics", "pydantic", "yaml"]),
    "The emulator and the world know nothing of the bot": ("bot/world/season.py", ["bot.clock"]),
    "Only demo and bench know the emulator and the world": ("bot/sources/mlflow.py", ["bot.world", "bot.emulator"]),
    "Only wiring sees the settings (and those who check or print them)": ("bot/tick.py", ["bot.config"]),
    "Only wiring knows concrete adapters": ("bot/service.py", ["bot.store", "bot.slack"]),
    "Slack's libraries live in slack": ("bot/sources/mlflow.py", ["slack_bolt", "slack_sdk"]),
    "The database's libraries live in store": (
        "bot/slack/home.py",
        ["sqlmodel", "sqlalchemy", "alembic", "aiosqlite", "asyncpg"],
    ),
    "One home each for apscheduler, httpx, pydantic-ai, duckdb and matplotlib": (
        "bot/store/rows.py",
        ["apscheduler", "httpx", "pydantic_ai", "openai", "anthropic", "duckdb", "matplotlib"],
    ),
}


def contracts() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    return [contract["name"] for contract in settings["contracts"]]


@pytest.fixture
def house(tmp_path):
    """A copy of what the rules are about."""
    for package in ("bot", "detectors"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "page"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(house: Path) -> tuple[int, str]:
    """Run lint-imports over the copy; its exit code and its report on one line."""
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        cwd=house,
        env={**os.environ, "PYTHONPATH": str(house), "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_the_rules_hold(house):
    code, report = lint(house)

    assert code == 0, report
    assert f"{len(contracts())} kept, 0 broken" in report


def test_every_rule_has_a_violation_here():
    assert sorted(SEEDS) == sorted(contracts())


@pytest.mark.parametrize("name", [pytest.param(name, id=name.partition(":")[0]) for name in SEEDS])
def test_a_violation_is_caught_by_name(house, name):
    path, imports = SEEDS[name]
    module = path.removesuffix(".py").replace("/", ".")
    with (house / path).open("r+") as file:
        file.seek(0, os.SEEK_END)
        file.writelines(f"import {one}\n" for one in imports)

    code, report = lint(house)

    assert code == 1
    assert f"{name} BROKEN" in report
    for one in imports:
        assert f"{module} -> {one} (" in report


def test_a_new_module_must_choose_its_layer(house):
    (house / "bot/newcomer.py").touch()

    code, report = lint(house)

    assert code == 1
    assert f"{LAYERS} BROKEN" in report
    assert "newcomer" in report
