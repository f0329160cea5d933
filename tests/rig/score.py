"""Replays recordings of the rig and sets what the bot would have said beside the truth; nothing may be tuned on it.

python -m tests.rig.score FOLDER...

Prints one JSON object a recording: what was wrong, and of the first incident that opened while it lasted, what was said.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bot.errors import BadInputError
from bot.wiring.replaying import replay_folder

LATE_S = 120.0  # an incident opened so long after the end still speaks of the trouble


def score(folder: Path) -> dict[str, Any]:
    """Raises BadInputError, OSError."""
    lines = (folder / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    truth = json.loads(lines[0]) if lines else None
    incidents = replay_folder(folder).as_json()["incidents"]
    found: dict[str, Any] = {"recording": folder.name, "incidents": len(incidents)}
    if truth is None:
        return found
    during = [one for one in incidents if truth["start"] <= one["opened"] <= truth["end"] + LATE_S]
    said = during[0] if during else None
    return {
        **found,
        "truth": f"{truth['cause']}/{truth['subcause']}",
        "detectable": truth["detectable"],
        "said": f"{said['cause']}/{said['subcause']}" if said else None,
        "entity right": said["entity"] in truth["entities"] if said else None,
    }


def main() -> int:
    for name in sys.argv[1:]:
        try:
            found = score(Path(name))
        except (BadInputError, OSError) as reason:
            sys.stderr.write(f"cannot score {name}: {reason}\n")
            return 2
        sys.stdout.write(json.dumps(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
