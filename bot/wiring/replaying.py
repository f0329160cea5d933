"""`faultline replay`: a recording, the store in memory and the template, put under the live pipeline."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.clock import ManualClock, from_epoch
from bot.llm.explainer import GroundedExplainer
from bot.metrics import Metrics
from bot.replay import ReplayReport, replay
from bot.sources.recording import RecordingSource, load_recording
from bot.store.memory import MemoryStore


def replay_folder(folder: Path) -> ReplayReport:
    """Replay one folder. Raises BadInputError in one line that names the file, the row and the reason."""
    recording = load_recording(folder)
    source = RecordingSource(recording)
    # words come from the template: a replay must say the same every time and cost nothing
    explainer = GroundedExplainer(None, clock=ManualClock(from_epoch(0.0)), metrics=Metrics())
    return asyncio.run(replay(recording, source=source, changes=source, store=MemoryStore(), explainer=explainer))
