"""A judged window as a line of JSON, and all of them as a table for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from math import isfinite
from typing import Any

from bot.domain.model_quality import Attribution, QualityFinding, QualityReport
from bot.pipeline.quality.attribution import in_words
from bot.pipeline.quality.words import percent

SHARES = {"accuracy", "auc"}


def line_of(report: QualityReport, *, first_row: int) -> dict[str, Any]:
    """Write one window, with the keys of `docs/model-quality.md`. Without times, rows say where it is.

    first_row: of the window in the log, counted from 0.
    """
    return {
        "chunk": report.number,
        "start": _time(report.start, first_row),
        "end": _time(report.end, first_row + max(report.n - 1, 0)),
        "n": report.n,
        "page": report.page,
        "findings": [_finding(one) for one in report.findings],
        "estimated": _numbers(report.estimated),
        "realised": _numbers(report.realised),
        "attribution": [_attribution(one) for one in report.attribution],
        "not_judged": [
            {"path": str(one.path), "about": one.about, "because": one.because} for one in report.not_judged
        ],
        "blind": list(report.blind),
    }


def _time(time: datetime | None, row: int) -> str | int:
    return row if time is None else time.isoformat()


def _finding(one: QualityFinding) -> dict[str, Any]:
    return {
        "path": str(one.path),
        "page": one.page,
        "what": one.what,
        "value": _number(one.value),
        "expected": _number(one.expected),
        "p": None if one.p is None else _number(one.p),
        "about": one.about,
        "statistic": one.statistic,
        "n": one.n,
        "rule": one.rule,
    }


def _attribution(one: Attribution) -> dict[str, Any]:
    return {name: _number(value) if isinstance(value, float) else value for name, value in asdict(one).items()}


def _numbers(told: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _number(value) for name, value in told.items()}


def _number(value: float) -> float | None:
    """JSON knows no NaN."""
    return float(f"{value:.10g}") if isfinite(value) else None


def table_of(reports: Iterable[QualityReport]) -> Iterator[str]:
    """Write the windows one below the other; what was found stands below its window."""
    yield f"{'chunk':>5}  {'start':<16}  {'rows':>8}  {'estimated':>9}  {'realised':>9}  page"
    unjudged: dict[str, int] = {}
    seen = 0
    for report in reports:
        seen += 1
        start = report.start.strftime("%Y-%m-%d %H:%M") if report.start else ""
        yield (
            f"{report.number:>5}  {start:<16}  {report.n:>8,}  {_told(report.estimated):>9}"
            f"  {_told(report.realised):>9}  {'PAGE' if report.page else ''}"
        ).rstrip()
        for one in report.findings:
            yield f"{'':>7}{'!' if one.page else '·'} {one.path.replace('_', ' ')}: {one.what}"
        if report.attribution and (words := in_words(report.attribution, shares="mae" not in report.realised)):
            yield f"{'':>9}{words}"
        for unsaid in report.not_judged:
            line = f"{unsaid.path.replace('_', ' ')}{' of ' + unsaid.about if unsaid.about else ''}: {unsaid.because}"
            unjudged[line] = unjudged.get(line, 0) + 1
    if not seen:
        yield "no predictions in the log"
    if unjudged:
        yield "\nNot judged:"
        for line, count in unjudged.items():
            yield f"  {line}{'' if count == seen else f' ({count} of {seen} chunks)'}"


def _told(values: Mapping[str, float]) -> str:
    """The leading metric of a path."""
    for name, value in values.items():
        return percent(value) if name in SHARES else f"{value:,.4g}"
    return ""
