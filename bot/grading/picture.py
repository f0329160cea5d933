"""What `faultline quality --plot` draws: every path over the windows, and where somebody would have been called."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from bot.domain.model_quality import QualityPath, QualityReport

WIDTH_IN, ROW_IN, DPI = 9.0, 1.25, 110
LINE, CALL, NOTE = "#1264a3", "#a30200", "#7a5195"  # told apart by shape too: line, triangle, ring
TITLES = {
    QualityPath.REALISED_QUALITY: "realised (labels)",
    QualityPath.ESTIMATED_QUALITY: "estimated accuracy",
    QualityPath.PREDICTION_DRIFT: "answers moved (PSI)",
    QualityPath.DATA_QUALITY: "faulty inputs",
    QualityPath.CALIBRATION: "bias",
    QualityPath.FEATURE_DRIFT: "inputs moved (PSI)",
}
FONT_ENDS = 0x0530  # Latin, Greek, Cyrillic; beyond that the bundled font has holes, drawn as boxes with a warning


def draw_paths(reports: Sequence[QualityReport], *, title: str) -> bytes:
    """Draw one row a path that was measured at all, and return a PNG."""
    # Lazily: matplotlib takes a second to import, and only --plot draws. No pyplot: it keeps global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    shown = [path for path in TITLES if any(path in report.measured for report in reports)]
    rows = max(1, len(shown))
    figure = Figure(figsize=(WIDTH_IN, 0.9 + ROW_IN * rows), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 1, squeeze=False, sharex=True)[:, 0]
    known = "".join(c if c.isprintable() and ord(c) < FONT_ENDS else "?" for c in title)[-100:]
    axes[0].set_title(known, loc="left", parse_math=False)  # "$" in a name is no mathematics
    timed = all(report.start is not None for report in reports)
    at: list[Any] = [report.start if timed else report.number for report in reports]
    for axis, path in zip(axes, shown, strict=False):
        _row(axis, path, at, reports)
    axes[-1].set_xlabel("UTC" if timed else "chunk", loc="left")
    lines, names = axes[0].get_legend_handles_labels()
    figure.legend(lines, names, fontsize=8, loc="outside upper right", ncols=3, frameon=False)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": "Faultline"})
    return out.getvalue()


def _row(axis: Any, path: QualityPath, at: Sequence[Any], reports: Sequence[QualityReport]) -> None:
    values = np.array([report.measured.get(path, np.nan) for report in reports])
    paged = [any(one.path is path and one.page for one in report.findings) for report in reports]
    noted = [any(one.path is path and not one.page for one in report.findings) for report in reports]
    axis.plot(at, values, color=LINE, linewidth=1.0, marker=".", label="measured")
    for marks, style, colour, name in ((paged, "v", CALL, "calls somebody"), (noted, "o", NOTE, "noted")):
        chosen = np.flatnonzero(marks)
        places = [at[int(place)] for place in chosen]
        height = np.nan_to_num(values[chosen], nan=0.0)
        # drawn without points, too: the legend of the first row speaks for all
        axis.plot(places, height, linestyle="none", marker=style, markersize=8, color=colour, mfc="none", label=name)
    axis.set_ylabel(TITLES[path], rotation=0, ha="right", va="center", fontsize=8)
    axis.grid(visible=True, alpha=0.25)
    axis.tick_params(labelsize=7)
