"""The machines of the rig: each node is a network namespace and a control group with a share of one core.

Runs inside namespaces of its own (see __main__.py), so that neither addresses, nor mounts, nor processes outlive it.
Control groups do: whoever started us removes them.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.rig.places import ADDRESS, OUTSIDE

GROUPS = Path("/sys/fs/cgroup")
CONTROLLERS = ("cpu", "cpuacct", "memory")
PERIOD_US = 20_000  # short, so that a throttled request waits milliseconds and not a tenth of a second
PREFIX = 16  # of addresses on the bridge
MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    cores: float
    memory_mib: int


SIZES = {
    "edge-1": Size(cores=0.20, memory_mib=200),
    "serve-1": Size(cores=0.20, memory_mib=620),
    "data-1": Size(cores=0.20, memory_mib=250),
}
SPOOL_MIB = 4


def run(*command: str) -> None:
    """Raises RuntimeError with what the command said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr.strip()}")


def group_of(root: str, node: str) -> str:
    return f"{root}/{node}"


def remove_groups(root: str) -> None:
    """Remove the control groups of a rig whose processes are gone."""
    for controller in CONTROLLERS:
        base = GROUPS / controller / root
        if not base.is_dir():
            continue
        for folder in (*(path for path in base.iterdir() if path.is_dir()), base):
            for _ in range(50):  # the kernel lets go of the dead a little later
                try:
                    folder.rmdir()
                except OSError:
                    time.sleep(0.1)
                else:
                    break


class Hosts:
    """Lays the network and the control groups on construction. Raises RuntimeError where the kernel refuses."""

    def __init__(self, *, root: str, spool: Path) -> None:
        self.root, self.spool = root, spool
        self._lay_network()
        for node, size in SIZES.items():
            for controller in CONTROLLERS:
                (GROUPS / controller / group_of(root, node)).mkdir(parents=True, exist_ok=True)
            self.set_cores(node, size.cores)
            self.set_memory(node, size.memory_mib)
        spool.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "-o", f"size={SPOOL_MIB}m", "rig-spool", str(spool))

    def _lay_network(self) -> None:
        Path("/run/netns").mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "rig-netns", "/run/netns")
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "rig0", "type", "bridge")
        run("ip", "address", "add", f"{OUTSIDE}/{PREFIX}", "dev", "rig0")
        run("ip", "link", "set", "rig0", "up")
        for number, (node, address) in enumerate(ADDRESS.items()):
            run("ip", "netns", "add", node)
            run("ip", "link", "add", f"rig-v{number}", "type", "veth", "peer", "name", "eth0", "netns", node)
            run("ip", "link", "set", f"rig-v{number}", "master", "rig0", "up")
            for words in (
                ("address", "add", f"{address}/{PREFIX}", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
                ("link", "set", "lo", "up"),
            ):
                run("ip", "-n", node, *words)

    def set_cores(self, node: str, cores: float) -> None:
        folder = GROUPS / "cpu" / group_of(self.root, node)
        (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
        (folder / "cpu.cfs_quota_us").write_text(str(int(cores * PERIOD_US)))

    def set_memory(self, node: str, mib: int) -> None:
        (GROUPS / "memory" / group_of(self.root, node) / "memory.limit_in_bytes").write_text(str(mib * MIB))

    def command(self, node: str, words: Sequence[str], *, cpu: int) -> list[str]:
        """Word a command that runs on a node ("" is outside), pinned to a CPU; its process is the one started."""
        pinned = ["taskset", "-c", str(cpu), *words]
        if not node:
            return pinned
        groups = " ".join(
            shlex.quote(str(GROUPS / controller / group_of(self.root, node) / "cgroup.procs"))
            for controller in CONTROLLERS
        )
        entered = shlex.join(["nsenter", f"--net=/run/netns/{node}", *pinned])
        return ["sh", "-c", f"for group in {groups}; do echo $$ > $group || exit 1; done; exec {entered}"]

    def lose_packets(self, node: str, share: float) -> None:
        """Drop this share of all that the node sends; 0 ends it."""
        inside = ("nsenter", f"--net=/run/netns/{node}")
        run(*inside, "iptables", "-F", "OUTPUT")
        if share:
            chance = ("-m", "statistic", "--mode", "random", "--probability", str(share))
            run(*inside, "iptables", "-A", "OUTPUT", "-o", "eth0", "-p", "tcp", *chance, "-j", "DROP")


class Process:
    """A process of the rig, started again when it dies unless it was stopped on purpose."""

    def __init__(self, name: str, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self.name, self._command, self._env, self._log = name, list(command), dict(env), log
        self.wanted = True
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self._env
            )
        self.wanted = True

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def keep(self) -> bool:
        """Start it again if it died by itself; says whether that was so."""
        if self.alive or not self.wanted:
            return False
        self.start()
        return True

    def send(self, number: signal.Signals) -> None:
        if self.alive:
            os.kill(self._process.pid, number)

    def stop(self, *, hard: bool = False) -> None:
        """End it for good. `hard` as the kernel would: nothing is tidied."""
        self.wanted = False
        self.send(signal.SIGCONT)
        self.send(signal.SIGKILL if hard else signal.SIGTERM)
        try:
            self._process.wait(3)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
