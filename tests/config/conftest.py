from __future__ import annotations

import pytest
import yaml

from bot.config import load_settings

GOOD = {
    "slack": {"channel": "C0123456789"},
    "sources": {"prometheus": [{"name": "prom", "url": "http://prom.example:9090"}]},
    "catalog": {
        "services": [{"name": "scoring"}],
        "models": [{"name": "fraud", "served_by": "scoring"}],
        "signals": [{"name": "latency", "kind": "latency", "query": "up", "entity": "service"}],
    },
}


@pytest.fixture
def load(tmp_path):
    """Load a configuration: the good one with some sections replaced, or a text as it is."""

    def from_(sections=None, *, text=None, environ=None):
        path = tmp_path / "faultline.yaml"
        path.write_text(yaml.safe_dump(GOOD | (sections or {}), sort_keys=False) if text is None else text)
        return load_settings(path, environ or {})

    return from_
