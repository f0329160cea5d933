"""What `faultline detect --plot` draws: the series or channels, where alerts opened, and the score below."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

SIZE_IN, DPI = (10.0, 5.0), 110
HEIGHTS = (3, 1)  # the series is what people look at
LINE, ALERT, SCORE = "#1264a3", "#a30200", "#7a5195"  # told apart by shape too: line, triangle, area
FONT_ENDS = 0x0530  # Latin, Greek, Cyrillic; beyond that the bundled font has holes, drawn as boxes with a warning
LARGEST = 1e100  # what the detectors take for a sample
MOST_CHANNELS = 10  # as many as there are colours: those that are furthest from their usual range
WIDEST = 20.0  # spreads; one wild channel must not flatten the others


def draw_series(*, title: str, times_s: Floats, values: Floats, score: Floats, alert: Flags, late: Flags) -> bytes:
    """Draw one series and return a PNG. All arrays are (t,); late rows are left out, for they have no place in time."""
    shown = ~late
    moments = (times_s[shown] * 1e6).astype("datetime64[us]")
    measured = np.where(np.abs(values) <= LARGEST, values, np.nan)[shown]
    figure, above, below = _panels(title)
    above.plot(moments, measured, color=LINE, linewidth=0.9, label="value")
    at = alert[shown]
    # an alert may open on a row whose value is beyond drawing; it is marked all the same, at the foot
    foot = float(np.nanmin(measured)) if np.isfinite(measured).any() else 0.0
    _mark(above, moments[at], np.where(np.isfinite(measured[at]), measured[at], foot))
    above.set_ylabel("value")
    _score(below, moments, score[shown])
    below.set_xlabel("UTC", loc="left")  # at the right the axis writes year and month itself
    _dates(below)
    return _png(figure, above)


def draw_entity(*, title: str, train: Floats, test: Floats, step_s: float, score: Floats, alert: Flags) -> bytes:
    """Draw the test rows of an entity and return a PNG.

    train: (n, c), test: (m, c), score and alert: (m,). Each channel is drawn in its own usual spread in `train`.
    """
    hours = np.arange(len(test)) * step_s / 3600.0
    figure, above, below = _panels(title)
    channels = _in_spreads(train, test)
    far = np.nan_to_num(np.abs(channels), nan=0.0).mean(axis=0) if len(test) else np.zeros(test.shape[1])
    drawn = np.sort(np.argsort(-far, kind="stable")[:MOST_CHANNELS])
    for channel in drawn.tolist():
        above.plot(hours, channels[:, channel], linewidth=0.7, label=f"channel {channel}")
    # an entity's alert is on for two rows: what is marked is where it begins
    begins = np.flatnonzero(alert & ~np.concatenate([[False], alert[:-1]]))
    _mark(above, hours[begins], np.full(len(begins), WIDEST))
    above.set_ylabel("usual spreads from the middle")
    _score(below, hours, score)
    below.set_xlabel("hours since the first test row", loc="right")
    return _png(figure, above)


def _in_spreads(train: Floats, test: Floats) -> Floats:
    """(m, c) distance from the middle of `train` in its spread, clipped so that every channel can be seen."""
    usable = np.where(np.abs(train) <= LARGEST, train, np.nan) if len(train) else np.zeros((1, train.shape[1]))
    usable[:, ~np.isfinite(usable).any(axis=0)] = 0.0
    low, middle, high = np.nanpercentile(usable, (16, 50, 84), axis=0)
    spread = (high - low) / 2.0
    spread = np.where(spread > 0, spread, np.maximum(np.abs(middle), 1.0))
    with np.errstate(over="ignore", invalid="ignore"):
        clipped: Floats = np.clip((np.where(np.isfinite(test), test, np.nan) - middle) / spread, -WIDEST, WIDEST)
    return clipped


def _panels(title: str) -> tuple[Any, Any, Any]:
    # Lazily: matplotlib takes a second to import, and only --plot draws. No pyplot: it keeps global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=SIZE_IN, dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=HEIGHTS)
    known = "".join(c if c.isprintable() and ord(c) < FONT_ENDS else "?" for c in title)[-100:]
    above.set_title(known, loc="left", parse_math=False)  # "$" in a name is no mathematics
    for axis in (above, below):
        axis.grid(visible=True, alpha=0.25)
    return figure, above, below


def _mark(axis: Any, at: NDArray[Any], values: Floats) -> None:
    if len(at):
        axis.plot(at, values, linestyle="none", marker="v", markersize=8, color=ALERT, label="alert opens")


def _score(axis: Any, at: NDArray[Any], score: Floats) -> None:
    axis.fill_between(at, score, color=SCORE, alpha=0.35, linewidth=0)
    axis.plot(at, score, color=SCORE, linewidth=0.7)
    axis.set_ylim(0.0, 1.02)
    axis.set_ylabel("score")


def _dates(axis: Any) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 - lazily, as above

    locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def _png(figure: Any, above: Any) -> bytes:
    from matplotlib import rc_context  # noqa: PLC0415 - lazily, as above

    lines, names = above.get_legend_handles_labels()
    if lines:
        figure.legend(lines, names, fontsize=8, loc="outside upper center", ncols=7, frameon=False)
    out = io.BytesIO()
    with rc_context({"agg.path.chunksize": 10_000}):  # a long noisy line overflows the rasteriser in one piece
        figure.savefig(out, format="png", metadata={"Software": "Faultline"})
    return out.getvalue()
