"""How long a trouble is watched before anybody is called: most of what begins is over before a person could look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.domain.catalogue import Catalogue
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import Finding, FindingKind
from bot.domain.incident import Severity
from bot.domain.policy import SpeakingPolicy
from bot.pipeline.weights import (
    BLIP,
    BLIP_REACH,
    CHANGE_LATE_TICKS,
    CHANGE_MEMORY,
    SILENCE_TICKS,
    STILL_OFF,
)

BLIPPING = frozenset({ChangeKind.DEPLOY, ChangeKind.CONFIG, ChangeKind.AUTOSCALE})
LASTING = frozenset({FindingKind.SHIFT, FindingKind.SPREAD, FindingKind.BLIND, FindingKind.LOG})


def ripe(
    active: Sequence[Finding],
    severity: Severity,
    changes: Sequence[Change],
    catalogue: Catalogue,
    *,
    now: datetime,
    policy: SpeakingPolicy,
) -> bool:
    """Say whether what is active now has stood long enough to be told."""
    step = timedelta(seconds=catalogue.step_s)
    told = [finding for finding in active if finding.kind is not FindingKind.GAP]
    if not told:  # a scrape that fails for some minutes is nobody's trouble
        silent = now - min(finding.onset for finding in active)
        return silent >= max(policy.silence_patience, SILENCE_TICKS * step)
    if not any(still_off(finding) for finding in told):
        return False  # on its way back already
    wait = policy.debounce / 2 if severity is Severity.CRITICAL else policy.debounce
    if now - min(finding.detected for finding in told) < max(wait, step):
        return False
    return not _blip(told, changes, catalogue, now=now)


def still_off(finding: Finding) -> bool:
    """Whether a finding is off now, and does not only wait for the proof that it is back."""
    return finding.kind in LASTING or abs(finding.evidence.z) >= STILL_OFF


def _blip(told: Sequence[Finding], changes: Iterable[Change], catalogue: Catalogue, *, now: datetime) -> bool:
    """Whether all of it may be what a rollout costs while it happens: there and at its callers, just after it."""
    slack = timedelta(seconds=CHANGE_LATE_TICKS * catalogue.step_s)
    for change in changes:
        if change.kind not in BLIPPING or now - change.time >= BLIP:
            continue
        reach = catalogue.downstream(change.entity)
        begun = min(finding.onset for finding in told)
        if not change.time - slack <= begun <= change.time + CHANGE_MEMORY:
            continue
        if all(reach.get(finding.key.entity, BLIP_REACH + 1) <= BLIP_REACH for finding in told):
            return True
    return False
