"""How patient, how quiet and how careful this installation is. Each default carries its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakingPolicy:
    """When an incident is told."""

    debounce: timedelta = timedelta(minutes=2)  # most blips of a rollout are over by then; critical ones wait half
    silence_patience: timedelta = timedelta(minutes=15)  # scrapes fail for some minutes and come back by themselves
    resolve_after: timedelta = timedelta(minutes=5)  # quiet that long before we call it over
    reopen_within: timedelta = timedelta(hours=1)  # the same trouble back within this keeps its thread
    verdict_hold: timedelta = timedelta(minutes=2)  # a new cause must hold this long before it is announced
    edit_debounce: timedelta = timedelta(seconds=45)  # automatic edits are folded; people's show at once
    flap_reopens: int = 3  # reopened so often within a day: say so once, then only edit
    reply_budget: int = 5  # replies an ordinary incident may cost, headline not counted
    digest_at: time | None = time(9)  # UTC: when most people begin; None: no digest


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproverPolicy:
    """Who may approve an action on a model. Empty means nobody."""

    users: frozenset[str] = frozenset()  # Slack user ids
    groups: frozenset[str] = frozenset()  # Slack user group ids (paid plans)
    four_eyes: bool = False  # the requester may not approve; a policy, not a default: it blocks teams of one


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackPolicy:
    approvers: Mapping[str, ApproverPolicy] = field(default_factory=dict)  # by model; "*" for the others
    expires_after: timedelta = timedelta(minutes=30)  # an approval given to an old picture is no approval
    watch: timedelta = timedelta(minutes=15)  # how long the same detectors are watched afterwards
    serving_timeout: timedelta = timedelta(minutes=10)  # alias moved, but not served by then: say so
    min_hold: timedelta = timedelta(hours=1)  # a version that served less than this proved nothing
    dry_run: bool = True  # until configured, we only say what we would do

    def approvers_of(self, model: str) -> ApproverPolicy:
        return self.approvers.get(model) or self.approvers.get("*") or ApproverPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class TickPolicy:
    period: timedelta = timedelta(seconds=60)
    warm_up: timedelta = timedelta(hours=48)  # two of each hour of the day: the least that shows a season
    snapshot_every: timedelta = timedelta(minutes=5)  # a restart re-reads at most this much
    source_deadline: timedelta = timedelta(seconds=10)  # real time a source; a tick must finish well inside its period
