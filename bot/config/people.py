"""The sections about people and patience: who may approve, when to speak, how long to wait."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import model_validator

from bot.config.base import Duration, GroupId, PositiveDuration, Section, TimeOfDay, UserId, key
from bot.domain.policy import ApproverPolicy, RollbackPolicy, SpeakingPolicy, TickPolicy
from detectors.discover import BUDGET

SPEAKING, ROLLBACK, TICK = SpeakingPolicy(), RollbackPolicy(), TickPolicy()


class ApproverEntry(Section):
    """Who may approve. Both lists empty: nobody."""

    users: tuple[UserId, ...] = key((), "Slack user ids", why="nobody approves until you say who")
    groups: tuple[GroupId, ...] = key((), "Slack user group ids (paid plans)", why="read fresh at each click")
    four_eyes: bool = key(False, "the requester may not approve", why="it would block a team of one")

    def to_domain(self) -> ApproverPolicy:
        return ApproverPolicy(users=frozenset(self.users), groups=frozenset(self.groups), four_eyes=self.four_eyes)


class DetectorsSection(Section):
    """How easily the detectors complain: one knob for all series."""

    false_episodes_a_day: float = key(
        BUDGET,
        "false episodes that all series together may open a day: less is quieter and slower, more quicker and noisier",
        why="what somebody on call forgives",
        gt=0,
        allow_inf_nan=False,
    )


class PoliciesSection(Section):
    """How patient, how quiet and how careful this installation is."""

    debounce: Duration = key(
        SPEAKING.debounce,
        "trouble must last this long before it is told; critical trouble half of it",
        why="most blips of a rollout are over by then",
    )
    silence_patience: Duration = key(
        SPEAKING.silence_patience,
        "series that fell silent together are told after this; a source that cannot be read is told at once",
        why="scrapes fail for some minutes and come back by themselves",
    )
    resolve_after: Duration = key(
        SPEAKING.resolve_after, "quiet this long ends an incident", why="shorter would flap with five-minute windows"
    )
    reopen_within: Duration = key(
        SPEAKING.reopen_within, "the same trouble back within this keeps its thread", why="one story, one thread"
    )
    verdict_hold: Duration = key(
        SPEAKING.verdict_hold, "a new cause must hold this long before it is announced", why="first evidence misleads"
    )
    edit_debounce: Duration = key(
        SPEAKING.edit_debounce, "automatic edits of a headline are folded over this time", why="people's show at once"
    )
    flap_reopens: int = key(
        SPEAKING.flap_reopens,
        "reopened so often within a day, an incident counts as flapping",
        why="said once, then only edited",
        ge=1,
    )
    reply_budget: int = key(
        SPEAKING.reply_budget,
        "replies an ordinary incident may cost, headline not counted",
        why="a thread stays readable",
        ge=1,
    )
    digest_at: TimeOfDay | None = key(
        SPEAKING.digest_at,
        "when the day is summed up in one message, in UTC, in quotes; `null` for never",
        why="what called nobody is seen once a day, when people begin",
    )
    proposal_expires_after: PositiveDuration = key(
        ROLLBACK.expires_after, "an unanswered proposal expires", why="an approval of an old picture is no approval"
    )
    watch: PositiveDuration = key(
        ROLLBACK.watch, "how long the same detectors are watched after a rollback", why="a season of short windows"
    )
    serving_timeout: PositiveDuration = key(
        ROLLBACK.serving_timeout,
        "alias moved but not served by then: said in the thread",
        why="servers reload in minutes",
    )
    min_hold: Duration = key(
        ROLLBACK.min_hold, "a version that served less than this is no rollback target", why="it has proved nothing"
    )
    period: PositiveDuration | None = key(None, "time between two looks", why="absent: the catalogue's step_s")
    warm_up: PositiveDuration = key(
        TICK.warm_up,
        "history that is read at the first start",
        why="two of each hour of the day: the least that shows a season",
    )
    snapshot_every: PositiveDuration = key(
        TICK.snapshot_every, "how often the detectors' state is stored", why="a restart re-reads at most this much"
    )
    source_deadline: PositiveDuration = key(
        TICK.source_deadline,
        "longest wait for a whole source, in real time",
        why="a tick must finish well inside its minute",
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, value: Any) -> Any:
        """As everywhere, but that no `digest_at` is a choice."""
        if isinstance(value, Mapping):
            return {name: item for name, item in value.items() if item is not None or name == "digest_at"}
        return {} if value is None else value

    @model_validator(mode="after")
    def _consistent(self) -> PoliciesSection:
        if self.period is not None and self.period < timedelta(seconds=1):
            raise ValueError("expected a `period` of at least 1s")
        return self

    def speaking(self) -> SpeakingPolicy:
        return SpeakingPolicy(
            debounce=self.debounce,
            silence_patience=self.silence_patience,
            resolve_after=self.resolve_after,
            reopen_within=self.reopen_within,
            verdict_hold=self.verdict_hold,
            edit_debounce=self.edit_debounce,
            flap_reopens=self.flap_reopens,
            reply_budget=self.reply_budget,
            digest_at=self.digest_at,
        )

    def tick(self, *, step_s: float) -> TickPolicy:
        """step_s: of the catalogue, for a period that is not set."""
        return TickPolicy(
            period=self.period or timedelta(seconds=step_s),
            warm_up=self.warm_up,
            snapshot_every=self.snapshot_every,
            source_deadline=self.source_deadline,
        )
