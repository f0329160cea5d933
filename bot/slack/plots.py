"""The picture beside the evidence: the leading series, their usual range, and where the change began."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from bot.clock import from_epoch
from bot.domain.message import Plot, PlotSeries, SplitPlot

WIDTH_IN, ROW_IN, DPI = 5.2, 1.6, 160  # Slack shows about 360 px a column; text must survive the shrinking
MAX_ROWS = 4
FONT_ENDS = 0x0530  # Latin, Greek, Cyrillic; beyond that the bundled font has holes, drawn as boxes with a warning
LINE, BAND, ONSET = "#1264a3", "#9ecae1", "#a30200"  # told apart by shape too: line, area, dashes


def draw(series: Sequence[Plot]) -> bytes:
    """Draw at most MAX_ROWS series below each other, what a drop is made of last, and return a PNG.

    Blocking, a few hundred milliseconds the first time: call it in a thread.
    """
    # Lazily: matplotlib takes a second to import, and most processes never draw. No pyplot: it keeps global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    rows = list(series[:MAX_ROWS])
    figure = Figure(figsize=(WIDTH_IN, 0.5 + ROW_IN * max(1, len(rows))), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(max(1, len(rows)), 1, squeeze=False)[:, 0]
    timed = [axis for axis, one in zip(axes, rows, strict=False) if isinstance(one, PlotSeries)]
    for axis, one in zip(axes, rows, strict=False):
        if isinstance(one, SplitPlot):
            _draw_split(axis, one)
        else:
            _draw_one(axis, one)
    if timed:
        for axis in timed[1:]:
            axis.sharex(timed[0])
        for axis in timed[:-1]:
            axis.tick_params(labelbottom=False)
        lines, names = timed[0].get_legend_handles_labels()
        figure.legend(lines, names, fontsize=8, loc="outside upper center", ncols=3, frameon=False)
        timed[-1].set_xlabel("UTC", fontsize=8, loc="right")
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": "Faultline"})
    return out.getvalue()


def _draw_one(axis: Any, one: PlotSeries) -> None:
    from matplotlib.dates import AutoDateLocator, DateFormatter  # noqa: PLC0415 - lazily, as above
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - lazily, as above

    times: list[datetime] = [from_epoch(second) for second in one.times_s]
    percent = one.unit.lower() == "ratio"
    scale, shown = (100.0, "%") if percent else (1.0, one.unit)  # as the text beside it says
    values = [math.nan if value is None else value * scale for value in one.values]
    low, high = (one.expected - one.band) * scale, (one.expected + one.band) * scale
    axis.axhspan(low, high, color=BAND, alpha=0.45, label="usual range")
    axis.axhline(one.expected * scale, color=BAND, linewidth=1)
    axis.plot(times, values, color=LINE, linewidth=1.6, label="measured")
    if math.isfinite(one.onset_s):
        axis.axvline(from_epoch(one.onset_s), color=ONSET, linestyle="--", linewidth=1.4, label="onset")
    # "$" would start mathematics in a label that came from outside
    unit = f" [{_literal(shown)}]" if shown else ""
    axis.set_title(f"{_literal(one.title)}{unit}", fontsize=10, loc="left")
    axis.tick_params(labelsize=8)
    axis.grid(visible=True, alpha=0.25)
    axis.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=6))  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_formatter(DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    axis.yaxis.set_major_locator(MaxNLocator(nbins=4))


def _draw_split(axis: Any, one: SplitPlot) -> None:
    """Bars a column: who is asking, and what changed for the same people, end to end."""
    percent = one.unit.lower() in ("accuracy", "ratio")
    scale, shown = (100.0, "points") if percent else (1.0, one.unit)
    places = range(len(one.columns))
    mix, within = [value * scale for value in one.mix], [value * scale for value in one.within]
    axis.barh(places, mix, height=0.38, align="edge", color=BAND, edgecolor=LINE, label="who is asking")
    axis.barh(places, within, height=-0.38, align="edge", color=ONSET, hatch="//", label="the same people")
    axis.axvline(0.0, color="black", linewidth=0.8)
    axis.set_yticks(list(places), [_literal(name)[:24] for name in one.columns])
    axis.invert_yaxis()  # the column that explains most is read first
    axis.set_title(f"{_literal(one.title)} [{_literal(shown)}]", fontsize=10, loc="left")
    axis.tick_params(labelsize=8)
    axis.legend(fontsize=7, frameon=False)
    axis.grid(visible=True, axis="x", alpha=0.25)


def _literal(text: str) -> str:
    """Outside text for a title: no mathematics, and only letters that matplotlib's own font has."""
    seen = "".join(c if ord(c) < FONT_ENDS else "?" for c in text if c.isprintable())[:90]
    return seen.replace("$", r"\$")
