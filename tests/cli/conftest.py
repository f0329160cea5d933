from __future__ import annotations

import logging
import os

import pytest
import yaml
from typer.testing import CliRunner

from bot.cli import app
from bot.config import load_settings

PROMETHEUS = {"name": "prom", "url": "http://127.0.0.1:9"}
GOOD = {
    "slack": {"channel": "C0123456789", "base_url": "http://127.0.0.1:9/api/"},
    "sources": {"prometheus": [PROMETHEUS]},
    "catalog": {
        "services": [{"name": "scoring"}],
        "models": [{"name": "fraud", "served_by": "scoring"}],
        "signals": [{"name": "latency", "kind": "latency", "query": "up", "entity": "service"}],
    },
}


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No configuration of whoever runs the tests, and a folder of its own."""
    for name in list(os.environ):
        if name.startswith("FAULTLINE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def own_logging():
    """Commands set up this process's log: give the test run its own back."""
    root = logging.getLogger()
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:], logging.raiseExceptions = handlers, raising
    root.setLevel(level)


@pytest.fixture
def config(tmp_path):
    """Write a configuration: the good one with some sections replaced, or a text as it is."""

    def write(sections=None, *, text=None):
        path = tmp_path / "faultline.yaml"
        path.write_text(yaml.safe_dump(GOOD | (sections or {}), sort_keys=False) if text is None else text)
        return path

    return write


@pytest.fixture
def settings(config):
    """The good configuration, loaded, with some sections replaced and these variables set."""
    return lambda sections=None, environ=None: load_settings(config(sections), environ or {})


@pytest.fixture
def faultline(monkeypatch):
    """Run a command as the console would."""

    def run(*arguments, **environ):
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, [str(one) for one in arguments])

    return run
