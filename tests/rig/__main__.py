"""A small real ML service with real faults, recorded: python -m tests.rig --out FOLDER [--only NAME...] [--list].

Needs Linux, root, control groups of version 1, and the programs named in NEEDED. Each run has namespaces of its own for
network, mounts and processes; when it ends, nothing is left but the recording.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from tests.rig.faults import FAMILIES
from tests.rig.hosts import CONTROLLERS, GROUPS, remove_groups
from tests.rig.run import Plan

NEEDED = {
    "prometheus": "prometheus",
    "redis-server": "redis-server",
    "ip": "iproute2",
    "iptables": "iptables",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "taskset": "util-linux",
}
APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
LIBRARIES = ("scikit-learn", "prometheus-client")
INSTALL_S, TRAIN_S = 900, 300
ROOT = Path(__file__).parents[2]


class CannotError(Exception):
    """The rig cannot run here; the text says what to do."""


def check() -> None:
    """Raises CannotError where something is missing."""
    missing = sorted({package for program, package in NEEDED.items() if shutil.which(program) is None})
    if missing:
        raise CannotError(f"not installed: {', '.join(missing)}; apt install {' '.join(missing)}")
    if os.geteuid() != 0:
        raise CannotError("namespaces and control groups need root: run it as root, on a machine of no importance")
    apart = subprocess.run([*APART, "true"], capture_output=True, text=True, timeout=20, check=False)
    if apart.returncode:
        raise CannotError(f"the kernel refuses namespaces: {apart.stderr.strip()}")
    lacking = [name for name in CONTROLLERS if not (GROUPS / name / "cgroup.procs").exists()]
    if lacking:
        raise CannotError(f"control groups of version 1 are needed, and {', '.join(lacking)} is not at {GROUPS}")


def environment(cache: Path) -> Path:
    """A Python with scikit-learn, made once in `cache`. Raises CannotError when it cannot be."""
    python = cache / f"venv-{sys.version_info.major}.{sys.version_info.minor}" / "bin" / "python"
    if python.exists() and _imports(python):
        return python
    sys.stderr.write(f"making an environment with {' and '.join(LIBRARIES)} in {cache}\n")
    steps = (
        [sys.executable, "-m", "venv", "--clear", str(python.parents[1])],
        [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", *LIBRARIES],
    )
    for step in steps:
        done = subprocess.run(step, capture_output=True, text=True, timeout=INSTALL_S, check=False)
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise CannotError(f"{' and '.join(LIBRARIES)} cannot be installed into {cache}: {last}")
    return python


def _imports(python: Path) -> bool:
    tried = [str(python), "-c", "import sklearn, prometheus_client"]
    return subprocess.run(tried, capture_output=True, timeout=60, check=False).returncode == 0


def models(cache: Path, python: Path) -> Path:
    """The trained models, made once in `cache`. Raises CannotError."""
    folder = cache / "models"
    if not (folder / "done").exists():
        command = [str(python), "-m", "tests.rig.train", str(folder)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=TRAIN_S, check=False)
        if done.returncode:
            raise CannotError(f"training failed: {done.stderr.strip()[-500:]}")
        (folder / "done").touch()
    return folder


def record(plan: Plan) -> bool:
    """Run one family in namespaces of its own; says whether it was recorded."""
    order = Path(plan.work) / "plan.json"
    order.write_text(json.dumps(asdict(plan)))
    try:
        inside = subprocess.run(
            [*APART, sys.executable, "-m", "tests.rig.run", str(order)], cwd=ROOT, stdin=subprocess.DEVNULL, check=False
        )
    finally:
        remove_groups(plan.root)
    return inside.returncode == 0


def arguments() -> argparse.Namespace:
    names = [family.name for family in FAMILIES]
    parser = argparse.ArgumentParser(prog="python -m tests.rig", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder of the recordings, one folder a family")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME")
    parser.add_argument("--list", action="store_true", help="print the families and end")
    parser.add_argument("--baseline", type=float, default=150.0, help="seconds before the trouble")
    parser.add_argument("--fault", type=float, default=70.0, help="seconds of trouble")
    parser.add_argument("--after", type=float, default=30.0, help="seconds after it")
    parser.add_argument("--rate", type=float, default=25.0, help="requests a second")
    parser.add_argument("--cpu", type=int, default=(os.cpu_count() or 1) - 1, help="the CPU that everything runs on")
    parser.add_argument("--for-at-most", type=float, default=5400.0, help="seconds after which no run begins")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "faultline-rig"
    parser.add_argument("--cache", type=Path, default=cache, help="where scikit-learn and the models are kept")
    found = parser.parse_args()
    if found.out is None and not found.list:
        parser.error("--out is needed: the folder of the recordings")
    return found


def main() -> int:
    wanted = arguments()
    if wanted.list:
        for family in FAMILIES:
            sys.stdout.write(f"{family.name:18s} {family.cause or '-':15s} {family.subcause or 'nothing wrong'}\n")
        return 0
    try:
        check()
        wanted.cache.mkdir(parents=True, exist_ok=True)
        python = environment(wanted.cache)
        trained = models(wanted.cache, python)
    except CannotError as reason:
        sys.stderr.write(f"the rig cannot run: {reason}\n")
        return 2
    began, failed = time.monotonic(), []
    for name in wanted.only:
        if time.monotonic() - began > wanted.for_at_most:
            sys.stderr.write(f"out of time before {name}\n")
            break
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {name}\n")
        with tempfile.TemporaryDirectory(prefix="faultline-rig-") as work:
            plan = Plan(
                family=name,
                out=str(wanted.out.resolve() / name),
                work=work,
                models=str(trained),
                python=str(python),
                root=f"faultline-rig-{os.getpid()}",
                cpu=wanted.cpu,
                rate=wanted.rate,
                baseline_s=wanted.baseline,
                fault_s=wanted.fault,
                after_s=wanted.after,
            )
            if not record(plan):
                failed.append(name)
    if failed:
        sys.stderr.write(f"not recorded: {', '.join(failed)}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
