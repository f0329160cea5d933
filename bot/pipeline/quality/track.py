"""Follow a log through its windows: which findings stand now, told from the last few windows alone.

Nothing is remembered between calls, so a restart that reads the same windows says the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.model_quality import QualityFinding, QualityPath, QualityReport
from bot.pipeline.quality.windows import Judged

OPENS_AFTER, OF = 2, 3  # windows
CLOSES_AFTER = 3  # clean windows
PLAIN = 0.25  # excess PSI that waits for no second window: what the folklore calls major
AT_ONCE = frozenset({QualityPath.DATA_QUALITY, QualityPath.REALISED_QUALITY})  # their own rules ask for near certainty

Name = tuple[QualityPath, str, str]  # path, what it is about, statistic


def name_of(finding: QualityFinding) -> Name:
    return finding.path, finding.about, finding.statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A finding that stands."""

    finding: QualityFinding  # as of the last window that showed it
    report: QualityReport  # of that window
    first: QualityReport  # of the window that it began in


def judged_by(report: QualityReport, path: QualityPath, about: str) -> bool:
    """Whether the path could say anything in this window of what a finding is about."""
    return not any(one.path is path and one.about in ("", about) for one in report.not_judged)


def standing(judged: Sequence[Judged]) -> tuple[Standing, ...]:
    """Walk through windows of one version, oldest first, and tell what stands at the end."""
    names = dict.fromkeys(name_of(finding) for one in judged for finding in one.report.findings)
    found = []
    for name in names:
        path, about, _ = name
        reports = [one.report for one in judged if judged_by(one.report, path, about)]
        if (stands := _walk(name, reports)) is not None:
            found.append(stands)
    return tuple(found)


def _walk(name: Name, reports: Iterable[QualityReport]) -> Standing | None:
    hits: list[bool] = []
    begun: QualityReport | None = None
    last: tuple[QualityFinding, QualityReport] | None = None
    opened = False
    for report in reports:
        finding = next((one for one in report.findings if name_of(one) == name), None)
        hits.append(finding is not None)
        if finding is not None:
            begun, last = begun or report, (finding, report)
            opened = opened or _plain(finding) or sum(hits[-OF:]) >= OPENS_AFTER
        if not any(hits[-CLOSES_AFTER:]):
            opened, begun, last = False, None, None
        elif not opened and not any(hits[-OF:]):
            begun = None
    if not opened or begun is None or last is None:
        return None
    return Standing(finding=last[0], report=last[1], first=begun)


def _plain(finding: QualityFinding) -> bool:
    """So plain that waiting for a second window would only cost time."""
    return finding.path in AT_ONCE or (finding.statistic == "psi" and finding.value >= PLAIN)


def serving(windows: Mapping[str, Sequence[Judged]]) -> Mapping[str, Sequence[Judged]]:
    """Leave out versions that had no predictions in the newest stretch: what they did wrong is over."""
    newest = max((judged[-1].report.number for judged in windows.values() if judged), default=0)
    return {version: judged for version, judged in windows.items() if judged and judged[-1].report.number == newest}
