"""An HTTP process of the rig: its work, its metrics at /metrics, and /control, by which a fault is switched on."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import REGISTRY, generate_latest

Payload = dict[str, Any]
Answer = tuple[int, Payload]
FAST_BUCKETS = (
    0.002,
    0.004,
    0.006,
    0.008,
    0.012,
    0.016,
    0.024,
    0.032,
    0.05,
    0.075,
    0.1,
    0.15,
    0.25,
    0.4,
    0.8,
    2.0,
)  # s


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True


def nothing(path: str, payload: Payload) -> Answer:
    return 404, {"error": f"nothing at {path}"}


def server(
    port: int,
    *,
    control: Callable[[Payload], None],
    work: Callable[[str, Payload], Answer] = nothing,
) -> Server:
    """Bind the port on every address of the node; the caller decides in which thread it serves."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # head and body in one packet

        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._send(200, generate_latest(REGISTRY), "text/plain; version=0.0.4")
            else:
                self._send(404, b"{}", "application/json")

        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
            if self.path == "/control":
                control(payload)
                status, answer = 200, {}
            else:
                status, answer = work(self.path, payload)
            self._send(status, json.dumps(answer).encode(), "application/json")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response_only(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            """Requests are counted, not logged."""

    return Server(("0.0.0.0", port), Handler)
