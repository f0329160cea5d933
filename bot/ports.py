"""What the middle asks of the world. Adapters implement these; only wiring knows which."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from bot.domain.change import Change, DeployEvent
from bot.domain.explanation import EvidencePack, Explanation
from bot.domain.finding import Finding
from bot.domain.incident import Feedback, Incident, IncidentId
from bot.domain.labels import Matcher
from bot.domain.learning import Lesson
from bot.domain.message import OutboxItem, Posted
from bot.domain.notice import Decision, Told
from bot.domain.proposal import AuditEntry, Proposal, ProposalId, ProposalState
from bot.domain.series import BlindSpot, History, Samples, SeriesIndex
from bot.domain.silence import Silence, SilenceEffect, SilenceId, SilencePreview
from bot.errors import RetryLaterError

# ---------------------------------------------------------------- sources


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """What one source brought, and where it could not look."""

    samples: Samples
    blind: tuple[BlindSpot, ...] = ()


class MetricSource(Protocol):
    """Brings samples. Raises SourceDownError when it cannot answer at all."""

    @property
    def name(self) -> str: ...

    @property
    def signals(self) -> tuple[str, ...]: ...

    async def history(self, index: SeriesIndex, *, start: datetime, end: datetime, step_s: float) -> History:
        """Past columns on the grid start, start + step, ... <= end; new series get rows in the index."""
        ...

    async def pull(self, index: SeriesIndex, *, at: datetime) -> Pull:
        """The newest samples at `at`; new series get rows in the index."""
        ...

    async def close(self) -> None: ...


class ChangeSource(Protocol):
    """Tells what people or machines changed. Raises SourceDownError."""

    @property
    def name(self) -> str: ...

    async def changes(self, *, since: datetime, until: datetime) -> Sequence[Change]:
        """Changes with since < time <= until, oldest first; the same change may be told twice."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelVersion:
    """A registered version, as the registry describes it."""

    model: str  # the catalogue's name
    version: str
    ready: bool
    created: datetime | None
    run_id: str | None = None
    run_active: bool | None = None  # None: no run, or not looked up
    commit: str | None = None  # git commit of the run, if recorded
    source: str | None = None  # artefact location


class Registry(Protocol):
    """Reads a model registry. Raises SourceDownError; GiveUpError when the model is unknown there."""

    @property
    def name(self) -> str: ...

    @property
    def alias(self) -> str:
        """The alias that serves, e.g. "champion"."""
        ...

    async def holder(self, model: str) -> str | None:
        """The version that holds the alias now; None when nobody does."""
        ...

    async def version(self, model: str, version: str) -> ModelVersion | None: ...

    async def versions(self, model: str) -> Sequence[ModelVersion]:
        """Newest first, at most a page."""
        ...

    async def close(self) -> None: ...


# ---------------------------------------------------------------- actions


class AliasMover(Protocol):
    """Moves the alias that serves. One attempt, no retry of its own.

    Raises RetryLaterError when it certainly did not happen, UnknownOutcomeError when it may have,
    GiveUpError when it never will.
    """

    @property
    def dry_run(self) -> bool: ...

    async def move(self, model: str, *, to_version: str) -> None: ...


class Retrainer(Protocol):
    """Asks another system to retrain. The key makes asking twice harmless. Errors as AliasMover."""

    async def start(self, model: str, *, key: str, reason: str) -> str:
        """Return the other system's reference for the run."""
        ...


# ---------------------------------------------------------------- store


class ConcurrentChangeError(RetryLaterError):
    """Somebody else changed what we were about to write: read again, decide again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TickMark:
    """One tick, as remembered."""

    at: datetime
    seconds: float
    series: int
    findings: int
    blind: tuple[str, ...] = ()  # names of the sources that could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentWrite:
    incident: Incident
    expected_revision: int | None  # None: must not exist yet


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalWrite:
    proposal: Proposal
    expected_state: ProposalState | None  # None: must not exist yet


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfile:
    """A frozen reference profile of a model version: what later windows of it are compared with."""

    model: str
    version: str
    id: str  # hash of the body
    made: datetime
    origin: str  # "command" or "healthy days"
    body: str  # JSON, some 10 to 300 kB; the store does not look into it


@dataclass(frozen=True, slots=True, kw_only=True)
class Changeset:
    """Everything that becomes true together. One commit: all of it, or none."""

    incidents: tuple[IncidentWrite, ...] = ()
    decisions: tuple[Decision, ...] = ()
    told: tuple[Told, ...] = ()
    outbox: tuple[OutboxItem, ...] = ()
    silences: tuple[Silence, ...] = ()  # inserted, or replaced by id
    proposals: tuple[ProposalWrite, ...] = ()
    deploys: tuple[DeployEvent, ...] = ()
    changes: tuple[Change, ...] = ()  # those already known are ignored
    audit: tuple[AuditEntry, ...] = ()
    lessons: tuple[Lesson, ...] = ()  # inserted, or replaced by (incident, source)
    profiles: tuple[StoredProfile, ...] = ()  # never replaced: the same (model, version, id) again is ignored
    tick: TickMark | None = None
    snapshot: bytes | None = None  # detector state and series index


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An outbox item in our hands until the lease ends."""

    item: OutboxItem
    attempt: int  # 1 at the first try
    first_try: datetime
    posted: Posted | None  # where the slot stands already: edit it
    root: Posted | None  # the thread's headline; None: not posted yet


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxDepth:
    waiting: int
    parked: int
    oldest: datetime | None


class Store(Protocol):
    """What we remember. Every method raises StoreDownError when the database cannot answer."""

    async def commit(self, changeset: Changeset) -> None:
        """Write all of it in one transaction.

        Outbox items replace a waiting item of the same (thread, slot) with a lower revision: only the newest
        content of a place in a thread is worth sending. A claimed item is left alone.
        Raises ConcurrentChangeError when an expected revision or state does not hold; nothing is written then.
        """
        ...

    async def live_incidents(self, *, resolved_since: datetime) -> Sequence[Incident]:
        """Open incidents, and those resolved after `resolved_since`, oldest first."""
        ...

    async def incident(self, incident_id: IncidentId) -> Incident | None: ...

    async def incidents(self, *, limit: int) -> Sequence[Incident]:
        """The newest first."""
        ...

    async def told(self, incident_ids: Collection[IncidentId]) -> Mapping[IncidentId, Told]: ...

    async def findings(self, *, since: datetime) -> Sequence[tuple[IncidentId, Finding]]:
        """Findings detected after `since`, for previews of silences."""
        ...

    async def silences(self, *, active_at: datetime) -> Sequence[Silence]: ...

    async def silence(self, silence_id: SilenceId) -> Silence | None: ...

    async def proposal(self, proposal_id: ProposalId) -> Proposal | None: ...

    async def proposals(
        self, *, states: Collection[ProposalState] | None = None, model: str | None = None
    ) -> Sequence[Proposal]:
        """The newest first."""
        ...

    async def deploys(self, model: str | None = None) -> Sequence[DeployEvent]:
        """The ledger, oldest first."""
        ...

    async def changes(self, *, since: datetime) -> Sequence[Change]: ...

    async def audit(self, *, limit: int) -> Sequence[AuditEntry]:
        """The newest first."""
        ...

    async def profile(self, model: str, version: str) -> StoredProfile | None:
        """The newest by `made` of that version."""
        ...

    async def profiles(self, model: str) -> Sequence[StoredProfile]:
        """The newest of each version, bodies included; the newest first."""
        ...

    async def lessons(self, *, since: datetime) -> Sequence[Lesson]:
        """Those taught after `since`, the void ones too, oldest first."""
        ...

    async def last_tick(self) -> TickMark | None: ...

    async def snapshot(self) -> bytes | None: ...

    async def claim(self, *, owner: str, now: datetime, lease: timedelta, limit: int) -> Sequence[Claimed]:
        """Take due items: waiting ones, and claimed ones whose lease ran out.

        At most one item a thread at a time and the headline before its replies, so that order in a thread holds.
        """
        ...

    async def sent(self, claimed: Claimed, posted: Posted, *, owner: str) -> bool:
        """Record that the slot stands in Slack. False when the lease was lost meanwhile."""
        ...

    async def release(self, claimed: Claimed, *, owner: str, not_before: datetime, sure: bool) -> None:
        """Give an item back. sure: it was certainly not sent, so the attempt does not count."""
        ...

    async def park(self, claimed: Claimed, *, owner: str, because: str) -> None:
        """Set an item aside for a person; never tried again by itself."""
        ...

    async def posted(self, thread: str, slot: str) -> Posted | None: ...

    async def posted_at(self, channel: str, ts: str) -> Posted | None:
        """Which message of ours stands there."""
        ...

    async def outbox_depth(self) -> OutboxDepth: ...

    async def first_time(self, key: str, *, now: datetime) -> bool:
        """Remember an inbound event for a day; False when it was seen before."""
        ...

    async def schema(self) -> str:
        """The revision of the database's schema."""
        ...

    async def close(self) -> None: ...


# ---------------------------------------------------------------- words


class Explainer(Protocol):
    async def explain(self, pack: EvidencePack) -> Explanation:
        """Never raises and never hangs: without a provider, a template writes from the same facts."""
        ...


# ---------------------------------------------------------------- people


class Directory(Protocol):
    async def members(self, group_id: str) -> frozenset[str]:
        """User ids of a Slack user group, read fresh. Raises RetryLaterError or GiveUpError: then refuse."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    name: str
    version: str | None  # what holds the alias, as far as we saw
    since: datetime | None
    since_at_least: bool = False  # it served already when our history begins
    incident: Incident | None  # the newest open one that touches it
    judged: bool  # enough data to say anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `/faultline status` and the App Home show."""

    now: datetime
    models: tuple[ModelStatus, ...]
    incidents: tuple[Incident, ...]  # open ones, told or not
    silences: tuple[Silence, ...]
    pending: tuple[Proposal, ...]
    silenced: frozenset[IncidentId]  # open ones that a silence mutes now
    last_tick: TickMark | None
    series: int
    series_judged: int
    dry_run: bool


class FrontDesk(Protocol):
    """What people may ask of us; the Slack adapter acknowledges first, then calls this, then renders.

    Raises RefusedError or BadInputError with a sentence for the person, RetryLaterError when we cannot now.
    `by` is always a Slack user id. Incident ids may be shortened to an unambiguous beginning.
    """

    async def status(self) -> Status: ...

    async def incidents(self) -> Sequence[Incident]: ...

    async def incident(self, incident_id: str) -> Incident: ...

    async def explain(self, incident_id: str) -> Explanation: ...

    async def acknowledge(self, incident_id: str, *, by: str) -> Incident: ...

    async def resolve(self, incident_id: str, *, by: str) -> Incident: ...

    async def feedback(self, incident_id: str, answer: Feedback, *, by: str) -> Incident: ...

    async def preview_silence(self, matchers: Sequence[Matcher]) -> SilencePreview: ...

    async def silence(self, matchers: Sequence[Matcher], *, duration: timedelta, reason: str, by: str) -> Silence: ...

    async def silence_effect(self, silence: Silence) -> SilenceEffect: ...

    async def unsilence(self, silence_id: str, *, by: str) -> Silence: ...

    async def propose_rollback(
        self, model: str, *, to_version: str | None, by: str, incident_id: str | None = None
    ) -> Proposal: ...

    async def propose_retrain(self, model: str, *, by: str, incident_id: str | None = None) -> Proposal: ...

    async def decide(self, proposal_id: str, *, nonce: str, approve: bool, by: str, comment: str = "") -> Proposal: ...
