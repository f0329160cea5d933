from __future__ import annotations

import pytest
import yaml

from bot.config import load_settings

GOOD = {
    "slack": {"channel": "C0INCIDENTS"},
    "sources": {"prometheus": [{"name": "prom", "url": "http://prom.example:9090"}]},
    "catalog": {
        "services": [{"name": "scoring"}],
        "models": [{"name": "fraud", "served_by": "scoring"}],
        "signals": [
            {"name": "latency", "kind": "latency", "query": "latency", "entity": "service"},
            {"name": "errors", "kind": "errors", "query": "errors", "entity": "service"},
            {"name": "score", "kind": "prediction"},
        ],
    },
}


@pytest.fixture
def settings(tmp_path):
    """Load the good configuration with some sections replaced."""

    def load(sections=None, environ=None):
        path = tmp_path / "faultline.yaml"
        path.write_text(yaml.safe_dump(GOOD | (sections or {}), sort_keys=False))
        return load_settings(path, environ or {})

    return load
