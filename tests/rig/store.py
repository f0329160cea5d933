"""The door in front of Redis: a TCP proxy that can delay what passes, and exports what Redis says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from tests.rig.places import PLACES, REDIS_PORT, STORE_PORT
from tests.rig.redis_client import Redis, StoreError
from tests.rig.serving import Payload, server

CHUNK = 65_536
INFO_TIMEOUT_S = 0.5


class Door:
    def __init__(self) -> None:
        self._delay_s = 0.0

    def control(self, order: Payload) -> None:
        self._delay_s = order.get("delay_s", self._delay_s)

    async def serve(self) -> None:
        listening = await asyncio.start_server(self._connected, "0.0.0.0", STORE_PORT)
        async with listening:
            await listening.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", REDIS_PORT)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pump(reader, upstream_writer), self._pump(upstream_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # a reset on either side ends the pair; the caller opens another
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                writer.write(chunk)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            writer.close()


class RedisNumbers:
    """A collector: what INFO says, or that Redis does not answer."""

    def collect(self) -> Any:
        up = GaugeMetricFamily("redis_up", "Redis answers")
        try:
            with Redis("127.0.0.1", REDIS_PORT, timeout_s=INFO_TIMEOUT_S) as store:
                began = time.perf_counter()
                [found] = store.ask(("INFO",))
                took_s = time.perf_counter() - began
        except StoreError:
            up.add_metric([], 0.0)
            yield up
            return
        assert isinstance(found, bytes)
        info = dict(line.split(":", 1) for line in found.decode().splitlines() if ":" in line)
        up.add_metric([], 1.0)
        yield up
        for name, key in (("redis_commands", "total_commands_processed"), ("redis_hits", "keyspace_hits")):
            counter = CounterMetricFamily(name, key)
            counter.add_metric([], float(info[key]))
            yield counter
        for name, value in (("redis_memory_bytes", float(info["used_memory"])), ("redis_info_seconds", took_s)):
            gauge = GaugeMetricFamily(name, name)
            gauge.add_metric([], value)
            yield gauge


def main() -> None:
    door = Door()
    REGISTRY.register(RedisNumbers())
    http = server(PLACES["store"].port, control=door.control)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    asyncio.run(door.serve())


if __name__ == "__main__":
    main()
