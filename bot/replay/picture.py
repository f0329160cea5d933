"""The picture of a replay: one lane an incident, the changes above, the blind spots below."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bot.domain.change import Change, ChangeKind
from bot.domain.incident import Incident
from bot.domain.verdict import Cause
from bot.pipeline.words import causes_text
from bot.replay.report import BlindSpell, ReplayReport
from bot.replay.words import count

WIDTH_IN, LANE_IN, FRAME_IN, DPI = 12.5, 0.42, 1.55, 110
MOST_INCIDENTS = 50  # lanes; a picture that is taller is scrolled, not seen
MOST_BLIND = 8
FONT_ENDS = 0x0530  # Latin, Greek, Cyrillic; beyond that the bundled font has holes, drawn as boxes with a warning
# the palette of Okabe and Ito, told apart by the colour-blind; by hatch and by words besides
SIDES: dict[Cause, tuple[str, str]] = {
    Cause.MODEL: ("#d55e00", "///"),
    Cause.INFRASTRUCTURE: ("#0072b2", ""),
    Cause.MIXED: ("#cc79a7", "xx"),
    Cause.UNDETERMINED: ("#999999", ""),
}
MARKS: dict[ChangeKind, str] = {ChangeKind.MODEL_VERSION: "D", ChangeKind.DEPLOY: "^"}  # all others: a circle
VERSION, CHANGE, BLIND, GRID, BAND = "#009e73", "#333333", "#5b5b5b", "#c8c8c8", "#f4f6f8"
NARROWEST = 0.004  # of the width: an incident of minutes must be seen in a week
BYSTANDER = 0.3  # weight of a change that was near and that the verdict does not need
TEXT_TURNS = 0.5  # of the width: beyond it there is more room on the left of a bar


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lane:
    label: str
    incident: Incident | None = None
    messages: int = 0
    changes: tuple[Change, ...] = ()
    spells: tuple[BlindSpell, ...] = ()


def draw_timeline(report: ReplayReport) -> bytes | None:
    """Draw a replay and return a PNG; None when nothing was judged, for then there is no time to draw."""
    if report.begin is None or report.end is None:
        return None
    # Lazily: matplotlib takes a second to import, and only --out draws. No pyplot: it keeps global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    lanes = list(_lanes(report))
    begin, end = report.begin, max(report.end, report.begin + timedelta(minutes=10))
    figure = Figure(figsize=(WIDTH_IN, FRAME_IN + LANE_IN * max(len(lanes), 2)), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    axis.set_xlim(begin, end)  # type: ignore[arg-type]  # dates are what the axis is of
    axis.set_ylim(max(len(lanes), 2) - 0.4, -0.6)
    for place, lane in enumerate(lanes):
        _draw(axis, place, lane, begin, end)
    _frame(figure, axis, report, lanes)
    out = io.BytesIO()
    figure.savefig(out, format="png", metadata={"Software": "Faultline"})
    return out.getvalue()


def _lanes(report: ReplayReport) -> Iterator[_Lane]:
    for kind in ChangeKind:
        if changes := tuple(change for change in report.changes if change.kind is kind):
            yield _Lane(label=f"{kind.replace('_', ' ')} ({len(changes):,})", changes=changes)
    shown = _worst(report)
    for number, incident in enumerate(report.incidents, start=1):
        if incident in shown:
            messages = report.messages.get(incident.id, 0)
            yield _Lane(label=f"{number}. {_side(incident)}", incident=incident, messages=messages)
    sources: dict[str, list[BlindSpell]] = {}
    for spell in report.blind:
        sources.setdefault(spell.source, []).append(spell)
    for source, spells in list(sources.items())[:MOST_BLIND]:
        yield _Lane(label=f"cannot read {source}", spells=tuple(spells))


def _worst(report: ReplayReport) -> Sequence[Incident]:
    """Those that have a lane: the worst, and of two equally bad ones the one that cost more messages."""
    rank = sorted(report.incidents, key=lambda one: (-one.severity.rank, -report.messages.get(one.id, 0)))
    return rank[:MOST_INCIDENTS]


def _side(incident: Incident) -> Cause:
    return incident.verdict.cause if incident.verdict else Cause.UNDETERMINED


def _draw(axis: Any, place: int, lane: _Lane, begin: datetime, end: datetime) -> None:
    if lane.incident is not None:
        _draw_incident(axis, place, lane.incident, lane.messages, (begin, end))
    for change in lane.changes:
        version = change.kind is ChangeKind.MODEL_VERSION
        colour, mark = VERSION if version else CHANGE, MARKS.get(change.kind, "o")
        axis.plot([change.time], [place], linestyle="none", marker=mark, markersize=7, color=colour, clip_on=False)
        if version:  # what a verdict on a model hangs on: seen in every lane
            axis.axvline(change.time, color=VERSION, linewidth=0.9, linestyle=(0, (4, 3)), zorder=1)
    for spell in lane.spells:
        width = max(spell.end - spell.start, NARROWEST * (end - begin))
        axis.barh(
            place, width, left=spell.start, height=0.5, color="white", edgecolor=BLIND, hatch="\\\\\\\\", zorder=2
        )


def _draw_incident(axis: Any, place: int, incident: Incident, messages: int, shown: tuple[datetime, datetime]) -> None:
    begin, end = shown
    colour, hatch = SIDES[_side(incident)]
    opened, span = incident.opened, end - begin
    until = max(incident.resolved or end, opened + NARROWEST * span)
    onset = max(incident.onset, begin)
    axis.plot([onset, opened], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt", zorder=2)
    axis.plot([onset, onset], [place - 0.2, place + 0.2], color=colour, linewidth=1.6, zorder=2)
    axis.barh(
        place,
        until - opened,
        left=opened,
        height=0.56,
        color=colour,
        edgecolor="white",
        hatch=hatch,
        linewidth=0,
        zorder=3,
    )
    blamed = [
        suspect.change
        for suspect in (incident.verdict.changes if incident.verdict else ())
        if begin <= suspect.change.time <= end and suspect.weight > BYSTANDER
    ]
    for change in blamed:
        mark = MARKS.get(change.kind, "o")
        axis.plot([change.time], [place], marker=mark, markersize=6, color="black", mec="white", zorder=4)
    left = opened - begin > TEXT_TURNS * span
    anchor, shift, align = (
        (min([onset, *(change.time for change in blamed)]), -7, "right") if left else (until, 7, "left")
    )
    axis.annotate(
        _said(incident, messages),
        (anchor, place),
        xytext=(shift, 0),
        textcoords="offset points",
        ha=align,
        va="center",
        fontsize=8.5,
        parse_math=False,
        zorder=5,
        bbox={"boxstyle": "square,pad=0.1", "facecolor": BAND if place % 2 == 0 else "white", "edgecolor": "none"},
    )


def _said(incident: Incident, messages: int) -> str:
    verdict = incident.verdict
    what = causes_text(verdict) if verdict else ""
    sure = f", {verdict.probability:.0%}" if verdict else ""
    open_ = ", still open" if incident.resolved is None else ""
    return f"{_literal(what or 'no cause named', 70)}{sure}, {count(messages, 'message')}{open_}"


def _frame(figure: Any, axis: Any, report: ReplayReport, lanes: Sequence[_Lane]) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # noqa: PLC0415 - lazily, as above
    from matplotlib.lines import Line2D  # noqa: PLC0415
    from matplotlib.patches import Patch  # noqa: PLC0415

    for place in range(0, len(lanes), 2):
        axis.axhspan(place - 0.5, place + 0.5, color=BAND, zorder=0, linewidth=0)
    axis.set_yticks(range(len(lanes)), [_literal(lane.label, 36) for lane in lanes], fontsize=9, parse_math=False)
    axis.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    locator = AutoDateLocator(minticks=5, maxticks=12)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axis.grid(visible=True, axis="x", color=GRID, linewidth=0.6, zorder=0)
    axis.set_axisbelow(True)
    axis.set_xlabel("UTC", loc="left", fontsize=9)
    messages, hidden = sum(report.messages.values()), len(report.incidents) - MOST_INCIDENTS
    told = f"{count(len(report.incidents), 'incident')}, {count(messages, 'message')}" + (
        f" ({hidden} of lesser weight not drawn)" if hidden > 0 else ""
    )
    axis.set_title(f"{_literal(report.recording, 70)}: {told}", loc="left", fontsize=11, parse_math=False)
    if not report.incidents:
        middle = len(lanes) if len(lanes) < 2 else len(lanes) - 0.5
        axis.text(0.5, middle, "nothing would have been told", transform=axis.get_yaxis_transform(), ha="center",
                  va="center", fontsize=11, color=BLIND)  # fmt: skip
    sides = {_side(incident) for incident in report.incidents}
    keys: list[Any] = [
        Patch(facecolor=colour, hatch=hatch, edgecolor="white", label=str(side))
        for side, (colour, hatch) in SIDES.items()
        if side in sides
    ]
    if sides:
        keys.append(Line2D([], [], color=CHANGE, linewidth=2.2, label="from onset to the incident"))
    kinds = {change.kind for change in report.changes}
    names = {"D": "version of a model", "^": "deploy", "o": "other change"}
    for mark in dict.fromkeys(MARKS.get(kind, "o") for kind in ChangeKind if kind in kinds):
        colour = VERSION if mark == "D" else CHANGE
        keys.append(Line2D([], [], linestyle="none", marker=mark, color=colour, label=names[mark]))
    if report.blind:
        keys.append(Patch(facecolor="white", edgecolor=BLIND, hatch="\\\\\\\\", label="could not be read"))
    if keys:
        apart: dict[str, Any] = {"ncols": 9, "columnspacing": 1.4, "handletextpad": 0.6}
        figure.legend(handles=keys, fontsize=8.5, loc="outside lower center", frameon=False, **apart)


def _literal(text: str, most: int) -> str:
    """Outside text for a picture: only letters that matplotlib's own font has, and no more than there is room for."""
    known = "".join(c if ord(c) < FONT_ENDS else "?" for c in text if c.isprintable())
    return known if len(known) <= most else known[: most - 1] + "…"
