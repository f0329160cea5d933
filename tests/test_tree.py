"""The tree: what lies where, how long it is, and that the page about it tells the truth."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOP = {
    *("pyproject.toml", "README.md", "CHANGELOG.md", "LICENSE", "Makefile", "Dockerfile", "requirements.lock"),
    *("docs", "prompts", "detectors", "bot", "tests"),
}
MACHINERY = {"__init__.py", "__main__.py", "py.typed", "__pycache__"}  # of any package; says nothing about this one
LONGEST = 400  # lines of a module; a longer one holds more than one idea
LAYERS = "Rooms in one direction; a new module must choose its layer"
ELSEWHERE = "|work|".replace("|", "/")  # where this was written: the tree must work anywhere


@pytest.fixture(scope="module")
def tracked():
    """Every file that git holds and that is still there."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=30, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def children(folder: str) -> set[str]:
    """Modules and packages directly in a package, as the page writes them."""
    found = {
        path.relative_to(ROOT).as_posix() + ("/" if path.is_dir() else "")
        for path in (ROOT / folder).iterdir()
        if path.name not in MACHINERY
    }
    assert found
    return found


def test_the_top_holds_what_is_expected_and_nothing_else(tracked):
    top = {path.relative_to(ROOT).parts[0] for path in tracked}

    assert {name for name in top if not name.startswith(".")} == TOP


@pytest.mark.parametrize("lock", ["requirements.lock", ".ci/runtime.lock"])
def test_a_lock_names_no_server(lock):
    text = (ROOT / lock).read_text()

    assert "--hash=sha256:" in text
    assert "://" not in text


@pytest.mark.parametrize("package", ["bot", "detectors"])
def test_no_module_is_too_long_to_read(package):
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / package).rglob("*.py")}

    assert lengths
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > LONGEST} == {}


def test_no_file_knows_where_it_was_written(tracked):
    assert [str(path.relative_to(ROOT)) for path in tracked if ELSEWHERE.encode() in path.read_bytes()] == []


def test_the_layers_are_the_modules_of_the_bot():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    [layers] = [contract["layers"] for contract in settings["contracts"] if contract["name"] == LAYERS]
    named = [name.strip() for layer in layers for name in layer.split("|")]

    modules = {path.stem for path in (ROOT / "bot").glob("*.py") if path.name != "__init__.py"}
    packages = {path.parent.name for path in (ROOT / "bot").glob("*/__init__.py")}
    assert sorted(named) == sorted(modules | packages)


@pytest.fixture(scope="module")
def on_the_page():
    """Every path below bot/ and detectors/ that docs/architecture.md names in backticks."""
    page = ROOT / "docs/architecture.md"
    if not page.exists():
        pytest.skip("docs/architecture.md is not written yet")
    found = set(re.findall(r"`((?:bot|detectors)/[^`\s]*)`", page.read_text()))
    assert found
    return found


def test_every_path_on_the_page_exists(on_the_page):
    assert [path for path in sorted(on_the_page) if not (ROOT / path).exists()] == []


def test_a_folder_on_the_page_ends_with_a_slash_and_a_file_does_not(on_the_page):
    assert [path for path in sorted(on_the_page) if (ROOT / path).is_dir() != path.endswith("/")] == []


@pytest.mark.parametrize("package", ["bot", "detectors"])
def test_the_page_names_every_module_and_package(on_the_page, package):
    assert sorted(children(package) - on_the_page) == []
