"""A real Prometheus, and a real VictoriaMetrics, each with a history that is there from the start."""

from __future__ import annotations

import shutil
import subprocess
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.integration.servers.process import OPENER, running
from tests.servers import ServerAbsentError, free_port

Line = tuple[str, str, float, float]  # metric name, labels as `a="b"`, value, time in seconds


def _binary(*names: str) -> str:
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise ServerAbsentError(f"no {names[0]} here: apt install {names[-1]}")


def _openmetrics(history: Iterable[Line]) -> str:
    """Write samples as OpenMetrics wants them: a metric's lines together, then the end."""
    lines: list[str] = []
    seen = ""
    for name, labels, value, at in sorted(history, key=lambda line: (line[0], line[1], line[3])):
        if name != seen:
            lines.append(f"# TYPE {name} gauge")
            seen = name
        lines.append(f"{name}{{{labels}}} {value!r} {at:.3f}")
    return "\n".join([*lines, "# EOF", ""])


@contextmanager
def prometheus(folder: Path, *, targets: Sequence[str] = (), history: Iterable[Line] = ()) -> Iterator[str]:
    """Run Prometheus, scraping `targets` every second; yields its URL. Raises ServerAbsentError."""
    binary, promtool = _binary("prometheus"), _binary("promtool", "prometheus")
    port = free_port()
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "900ms"},
        "scrape_configs": [{"job_name": "shop", "static_configs": [{"targets": list(targets)}]}] if targets else [],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    text = _openmetrics(history)
    (folder / "history.om").write_text(text)
    if text.count("\n") > 2:
        subprocess.run(
            [promtool, "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=336h", "history.om", "tsdb"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=60,
        )
    command = [
        binary,
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/tsdb",
        "--storage.tsdb.retention.time=90d",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, ready=f"{url}/-/ready", log=folder / "prometheus.log"):
        yield url


@contextmanager
def victoria_metrics(folder: Path, *, history: Iterable[Line] = ()) -> Iterator[str]:
    """Run VictoriaMetrics; yields its URL. Raises ServerAbsentError."""
    port = free_port()
    command = [
        _binary("victoria-metrics"),
        f"-storageDataPath={folder}/vm",
        f"-httpListenAddr=127.0.0.1:{port}",
        "-retentionPeriod=100y",
        "-search.latencyOffset=0s",
    ]
    url = f"http://127.0.0.1:{port}"
    with running(command, ready=f"{url}/health", log=folder / "vm.log"):
        body = "".join(f"{name}{{{labels}}} {value!r} {at * 1000:.0f}\n" for name, labels, value, at in history)
        for path, sent in (("api/v1/import/prometheus", body.encode()), ("internal/force_flush", b"")):
            with OPENER.open(urllib.request.Request(f"{url}/{path}", data=sent or None), timeout=10) as answer:
                answer.read()
        yield url
