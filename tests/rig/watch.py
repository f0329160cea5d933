"""Watches a node of the rig from inside: what its control groups, its disk and its network say of themselves."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily

from tests.rig.places import PLACES
from tests.rig.serving import server

GROUPS = Path("/sys/fs/cgroup")


def pairs(text: str) -> dict[str, int]:
    """Read lines of a name and a number, as in cpu.stat."""
    return {name: int(number) for name, number in (line.split() for line in text.splitlines())}


def tcp_counters(text: str) -> dict[str, int]:
    """Read the two Tcp lines of /proc/net/snmp: names, then numbers."""
    names, numbers = (line.split()[1:] for line in text.splitlines() if line.startswith("Tcp:"))
    return {name: int(number) for name, number in zip(names, numbers, strict=True)}


class Node:
    """A collector: reads the files anew at each scrape. `disk` is a folder, or None for a node without one."""

    def __init__(self, group: str, disk: str | None) -> None:
        self._group, self._disk = group, disk

    def collect(self) -> Any:
        for name, value in self._counters().items():
            counter = CounterMetricFamily(name, name)
            counter.add_metric([], value)
            yield counter
        for name, value in self._gauges().items():
            gauge = GaugeMetricFamily(name, name)
            gauge.add_metric([], value)
            yield gauge

    def _read(self, controller: str, name: str) -> str:
        return (GROUPS / controller / self._group / name).read_text()

    def _counters(self) -> dict[str, float]:
        stat = pairs(self._read("cpu", "cpu.stat"))
        tcp = tcp_counters(Path("/proc/self/net/snmp").read_text())
        return {
            "node_cpu_seconds": int(self._read("cpuacct", "cpuacct.usage")) / 1e9,
            "node_periods": float(stat["nr_periods"]),
            "node_periods_throttled": float(stat["nr_throttled"]),
            "node_tcp_sent": float(tcp["OutSegs"]),
            "node_tcp_retransmitted": float(tcp["RetransSegs"]),
        }

    def _gauges(self) -> dict[str, float]:
        memory = pairs(self._read("memory", "memory.stat"))
        found = {
            "node_cpu_quota_cores": int(self._read("cpu", "cpu.cfs_quota_us"))
            / int(self._read("cpu", "cpu.cfs_period_us")),
            "node_memory_bytes": float(memory["total_rss"]),
            "node_memory_limit_bytes": float(self._read("memory", "memory.limit_in_bytes")),
        }
        if self._disk is not None:
            disk = os.statvfs(self._disk)
            found["node_disk_used_ratio"] = 1.0 - disk.f_bavail / disk.f_blocks
        return found


def main() -> None:
    process, group, *disk = sys.argv[1:]
    REGISTRY.register(Node(group, disk[0] if disk else None))
    server(PLACES[process].port, control=lambda order: None).serve_forever()


if __name__ == "__main__":
    main()
