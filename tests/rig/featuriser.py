"""The pipeline of the rig: writes events to a spool on disk, folds them into features, puts those into Redis."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import numpy as np
from prometheus_client import Counter, Gauge

from tests.rig.places import PLACES, REDIS_PORT
from tests.rig.redis_client import Redis, StoreError
from tests.rig.serving import Payload, server
from tests.rig.world import ACCOUNTS, STORED, population

EVERY_S = 1.0
KEPT = 40  # segments of the spool that are kept for a second reading
TIMEOUT_S = 1.0

WRITTEN = Counter("features_written_total", "values put into the store")
PASSES = Counter("passes_total", "passes over the accounts", ["outcome"])
LAG = Gauge("pass_lag_seconds", "how far the newest features are behind")


class Featuriser:
    def __init__(self, spool: Path) -> None:
        self._spool = spool
        self._people = population()
        self._null_share = 0.0
        self._rng = np.random.default_rng(3)
        self._done_at = time.time()
        LAG.set_function(lambda: time.time() - self._done_at)

    def control(self, order: Payload) -> None:
        self._null_share = order.get("null_share", self._null_share)

    def run(self) -> None:
        number = 0
        while True:
            began = time.monotonic()
            number += 1
            try:
                self._pass(number)
            except (OSError, StoreError):
                PASSES.labels("failed").inc()
            else:
                PASSES.labels("done").inc()
                self._done_at = time.time()
            time.sleep(max(EVERY_S - (time.monotonic() - began), 0.05))

    def _pass(self, number: int) -> None:
        """One pass: events to disk, back from disk, into the store. Raises OSError, StoreError."""
        at = time.time()
        names = [name for stored in STORED.values() for name in stored]
        values = {name: self._people.at(name, at).round(4).tolist() for name in names}
        segment = self._spool / f"segment-{number % KEPT:03d}"
        segment.unlink(missing_ok=True)
        with segment.open("w") as out:
            for account in range(ACCOUNTS):
                out.write(json.dumps({"account": account, **{name: values[name][account] for name in names}}) + "\n")
        commands = []
        with segment.open() as events:
            for line in events:
                event = json.loads(line)
                account = event.pop("account")
                if self._null_share and self._rng.random() < self._null_share:
                    event["merchant_risk"] = ""
                fields = [word for name, value in event.items() for word in (name, str(value))]
                commands.append(("HSET", f"account:{account}", *fields, "at", repr(at)))
        with Redis("127.0.0.1", REDIS_PORT, timeout_s=TIMEOUT_S) as store:
            store.ask(*commands)
        WRITTEN.inc(ACCOUNTS * len(names))


def main() -> None:
    featuriser = Featuriser(Path(sys.argv[1]))
    for outcome in ("done", "failed"):
        PASSES.labels(outcome)
    threading.Thread(target=featuriser.run, daemon=True).start()
    server(PLACES["featuriser"].port, control=featuriser.control).serve_forever()


if __name__ == "__main__":
    main()
