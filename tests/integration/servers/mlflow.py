"""A real MLflow server from a venv of its own; started once a test run, because it takes half a minute."""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import tempfile
from pathlib import Path

from aiohttp import ClientSession

from bot.http import HttpClient
from tests.integration.servers.process import running
from tests.servers import ServerAbsentError, free_port

OWN_PYTHON = Path(__file__).parents[3] / ".mlflow-venv" / "bin" / "python"


def _python() -> Path:
    found = Path(os.environ.get("FAULTLINE_MLFLOW_PYTHON", str(OWN_PYTHON)))
    if not (found.parent / "mlflow").exists():
        raise ServerAbsentError("no MLflow here: .ci/servers makes .mlflow-venv, or set FAULTLINE_MLFLOW_PYTHON")
    return found


@functools.cache
def mlflow() -> str:
    """Start the server on its first use; it lives until the run ends. Returns its URL. Raises ServerAbsentError."""
    python = _python()
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faultline-mlflow-")))
    port = free_port()
    # the app itself without MLflow's launcher: half the time, one process; the names with _ are why the pin is exact
    env = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "_MLFLOW_SERVER_FILE_STORE": f"sqlite:///{folder}/mlflow.db",
        "_MLFLOW_SERVER_REGISTRY_STORE": f"sqlite:///{folder}/mlflow.db",
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(folder / "artifacts"),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
    }
    command = [str(python), "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    url = f"http://127.0.0.1:{port}"
    stack.enter_context(
        running(
            [*command, "mlflow.server.fastapi_app:app"],
            ready=f"{url}/health",
            log=folder / "mlflow.log",
            env=env,
            within_s=180.0,
        )
    )
    return url


async def delete(client: HttpClient, path: str, **payload: str) -> None:
    """Delete as an operator would: the bot's own client knows no such verb."""
    async with (
        ClientSession() as session,
        session.delete(f"{client.where}/api/2.0/mlflow/{path}", json=payload) as answer,
    ):
        answer.raise_for_status()
