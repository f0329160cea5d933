"""What should stand in Slack, as values. Rendering to Block Kit happens at the very end, in slack/render."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from bot.domain.explanation import Explanation
from bot.domain.incident import Incident, IncidentId, Severity
from bot.domain.notice import Reason
from bot.domain.proposal import Proposal
from bot.domain.verdict import Cause, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SilenceMark:
    """A silence as the headline shows it."""

    id: str
    by: str
    ends: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineMessage:
    """The thread's first message, edited in place."""

    kind: Literal["headline"] = "headline"
    incident: Incident
    silenced: SilenceMark | None = None
    can_roll_back: str | None = None  # the model that could be rolled back from here
    flapping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotSeries:
    """A leading series with its baseline, ready to draw."""

    title: str
    unit: str
    times_s: tuple[float, ...]
    values: tuple[float | None, ...]  # None: no sample
    expected: float
    band: float  # half width of the usual range, in unit
    onset_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPlot:
    """What a drop of quality is made of, by each column that people fall into groups by, ready to draw."""

    title: str
    unit: str
    columns: tuple[str, ...]
    mix: tuple[float, ...]  # who is asking changed; negative is lost
    within: tuple[float, ...]  # the same groups are served differently; negative is lost


Plot = PlotSeries | SplitPlot


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceMessage:
    """The numbers; the first reply. The picture of `plot` is shared once, below it, when it is posted."""

    kind: Literal["evidence"] = "evidence"
    incident: Incident
    plot: tuple[Plot, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeMessage:
    """A short reply because edits notify nobody: verdict, severity, resolved, reopened, flapping."""

    kind: Literal["change"] = "change"
    incident_id: IncidentId
    reason: Reason
    at: datetime
    onset: datetime
    severity: Severity
    cause: Cause
    previous_cause: Cause | None = None
    previous_severity: Severity | None = None
    headline: str = ""  # the verdict in words
    by: str | None = None  # a person, when a person did it
    broadcast: bool = False  # severity rise, reopened


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplanationMessage:
    kind: Literal["explanation"] = "explanation"
    explanation: Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalMessage:
    """The approval card, edited in place through every state of the proposal."""

    kind: Literal["proposal"] = "proposal"
    proposal: Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeMessage:
    """A reply that says what an action came to."""

    kind: Literal["outcome"] = "outcome"
    proposal: Proposal


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMessage:
    """A plain reply in a thread: a silence began or ended, an answer to a question."""

    kind: Literal["text"] = "text"
    text: str  # our own words; outside text inside it is escaped by the renderer


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestEntry:
    """An incident in a line of the digest."""

    incident_id: IncidentId
    severity: Severity
    verdict: Verdict | None
    onset: datetime
    resolved: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestMessage:
    """The day in one message, in a thread of its own. Each part holds its first lines, and how many more there are."""

    kind: Literal["digest"] = "digest"
    since: datetime
    until: datetime
    at: datetime  # when it was written, which may be later than `until`
    told: tuple[DigestEntry, ...] = ()  # the worst first
    told_more: int = 0
    quiet: tuple[str, ...] = ()  # what was seen and called nobody
    quiet_more: int = 0
    blind: tuple[str, ...] = ()  # sources that cannot be read
    blind_more: int = 0
    pending: tuple[str, ...] = ()  # proposals that wait for an answer
    pending_more: int = 0


Message = (
    HeadlineMessage
    | EvidenceMessage
    | ChangeMessage
    | ExplanationMessage
    | ProposalMessage
    | OutcomeMessage
    | TextMessage
    | DigestMessage
)


class Slot(StrEnum):
    """The place in a thread that a message owns. A slot posted once is edited from then on."""

    HEADLINE = "headline"
    EVIDENCE = "evidence"
    REPLY = "reply"
    EXPLANATION = "explanation"
    PROPOSAL = "proposal"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """The content that a slot should have from `revision` on.

    op:   unique; travels in the message's metadata, so that Slack can be asked whether it arrived.
    slot: "headline", "evidence", "proposal:<id>", ...; (thread, slot) names one Slack message.
    """

    op: str
    thread: str  # the incident id, or the proposal id when there is no incident, or the digest's day
    slot: str
    revision: int
    message: Message
    not_before: datetime  # automatic edits wait, so that they can be folded into one
    created: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """Where a slot stands in Slack."""

    thread: str
    slot: str
    channel: str
    ts: str
    revision: int
    digest: str  # of the rendering: equal ones are not sent again
