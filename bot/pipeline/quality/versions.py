"""After a deploy or a rollback: does the version that came answer worse than the one before it?

There is a time at which it began, so each look may count: the test stays valid however often one looks.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.model_quality import QualityFinding, QualityPath
from bot.domain.prediction_log import Problem, Profile
from bot.pipeline.quality.realised import Hits, hits_of
from bot.pipeline.quality.rules import ENOUGH_LABELS, QUALITY_FLOOR, QUALITY_SIGMAS
from bot.pipeline.quality.windows import Judged
from bot.pipeline.quality.words import percent, points
from detectors.versions import always_valid

LOOKED_FOR = 0.02  # difference of error rates
WORSE_P = 0.01  # one healthy deploy in a hundred may be called worse, ever


def compare(
    new: Sequence[Judged], old: Sequence[Judged], reference: Profile | None, *, version: str, before: str
) -> QualityFinding | None:
    """Compare labelled answers of two versions, window by window since the new one began.

    new, old: their windows, oldest first; only those whose labels are complete count. reference: of the old version,
    used when none of its windows is at hand.
    """
    if reference is not None and reference.problem is Problem.REGRESSION:
        return None
    hits = [hits_of(one.window.joint) for one in new if _mature(one)]
    usual = _sum([hits_of(one.window.joint) for one in old if _mature(one)])
    if usual.labelled < ENOUGH_LABELS and reference is not None:
        usual = hits_of(reference.total.joint)
    so_far, p = Hits(labelled=0, right=0), 1.0
    for one in hits:
        so_far = _sum([so_far, one])
        p = float(
            always_valid(
                so_far.labelled - so_far.right,
                so_far.labelled,
                usual.labelled - usual.right,
                usual.labelled,
                tau=LOOKED_FOR,
                before=p,
            )
        )
    enough = min(so_far.labelled, usual.labelled) >= ENOUGH_LABELS
    if not enough or p >= WORSE_P or so_far.accuracy > usual.accuracy - QUALITY_FLOOR:
        return None
    return QualityFinding(
        path=QualityPath.REALISED_QUALITY,
        page=True,
        what=f"version {version} is right in {percent(so_far.accuracy)} of cases since it came, version {before} in"
        f" {percent(usual.accuracy)}: {points(so_far.accuracy - usual.accuracy)} lower",
        about="",
        statistic="versions",
        value=so_far.accuracy,
        expected=usual.accuracy,
        scale=QUALITY_FLOOR / QUALITY_SIGMAS,
        p=p,
        worse=True,
        n=so_far.labelled,
        rule=f"always-valid test of the difference (mixture, {LOOKED_FOR:.0%}), p < {WORSE_P}, and {QUALITY_FLOOR:.0%}",
    )


def _mature(one: Judged) -> bool:
    return one.report.labels is not None and one.report.labels.mature


def _sum(hits: Sequence[Hits]) -> Hits:
    return Hits(labelled=sum(one.labelled for one in hits), right=sum(one.right for one in hits))
