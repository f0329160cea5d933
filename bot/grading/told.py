"""Print what was judged, as it comes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from bot.domain.model_quality import QualityReport
from bot.grading.lines import line_of, table_of
from bot.grading.picture import draw_paths


def tell(
    judged: Iterable[tuple[QualityReport, int]],
    *,
    log: Path,
    as_json: bool,
    plot: bool,
    say: Callable[[str], None],
) -> None:
    """Say one line a chunk, or a table, and draw the picture into the current folder."""
    reports: list[QualityReport] = []
    for report, row in judged:
        reports.append(report)
        if as_json:
            say(json.dumps(line_of(report, first_row=row), ensure_ascii=False))
            sys.stdout.flush()  # whoever reads the lines gets each one when it is done
    if not as_json:
        for line in table_of(reports):
            say(line)
    if plot:
        target = Path(f"{log.name.split('.')[0]}.quality.png")
        target.write_bytes(draw_paths(reports, title=log.name))
        sys.stderr.write(f"{target} is drawn\n")
