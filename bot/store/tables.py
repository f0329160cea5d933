"""The tables: columns for what is searched, and one column with the whole value as bot.codec writes it.

SQLModel does not validate what goes into a table; values are validated by the domain and the codec. Statements are
written against the `Table` objects at the end of this file.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Index, LargeBinary, MetaData, text
from sqlmodel import Field, SQLModel

METADATA: Final = MetaData(
    naming_convention={
        # migrations can only drop what has a name, and SQLite gives none
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

LIVE_PROPOSAL = text("state IN ('pending', 'approved', 'executing', 'moved')")
WAITING = text("state = 'waiting'")
CLAIMED = text("state = 'claimed'")


class Row(SQLModel):
    metadata = METADATA


class IncidentRow(Row, table=True):
    __tablename__ = "incidents"
    id: str = Field(primary_key=True)
    state: str = Field(index=True)
    severity: str
    cause: str | None = None  # None: not yet judged
    opened: datetime = Field(index=True)
    updated: datetime
    resolved: datetime | None = Field(default=None, index=True)
    revision: int
    value: str


class FindingRow(Row, table=True):
    """Every finding an incident ever had, also those the incident has dropped since."""

    __tablename__ = "findings"
    incident_id: str = Field(primary_key=True, foreign_key="incidents.id")
    fingerprint: str = Field(primary_key=True)
    detected: datetime = Field(primary_key=True, index=True)  # the same series may come back within an incident
    signal: str
    entity: str
    kind: str
    value: str


class ToldRow(Row, table=True):
    __tablename__ = "told"
    incident_id: str = Field(primary_key=True)
    revision: int
    at: datetime
    value: str


class DecisionRow(Row, table=True):
    __tablename__ = "decisions"
    seq: int | None = Field(default=None, primary_key=True)
    incident_id: str = Field(index=True)
    revision: int
    tick: datetime | None = Field(default=None, index=True)  # None: a person's act between ticks
    word: str  # the reason to speak, or what held it
    value: str


class OutboxRow(Row, table=True):
    __tablename__ = "outbox"
    __table_args__ = (
        Index("uq_outbox_waiting", "thread", "slot", unique=True, sqlite_where=WAITING, postgresql_where=WAITING),
        Index("uq_outbox_claimed", "thread", unique=True, sqlite_where=CLAIMED, postgresql_where=CLAIMED),
    )
    seq: int | None = Field(default=None, primary_key=True)  # the order in a thread
    op: str = Field(index=True)
    thread: str
    slot: str
    revision: int
    state: str = Field(index=True)
    not_before: datetime
    created: datetime
    attempts: int = 0
    first_try: datetime | None = None
    owner: str = ""
    lease_until: datetime | None = None
    held_back: bool = False
    because: str = ""
    ended: datetime | None = None  # when it was known to stand in Slack
    value: str


class PostedRow(Row, table=True):
    __tablename__ = "posted"
    __table_args__ = (Index("uq_posted_channel_ts", "channel", "ts", unique=True),)
    thread: str = Field(primary_key=True)
    slot: str = Field(primary_key=True)
    channel: str
    ts: str
    revision: int
    digest: str


class SilenceRow(Row, table=True):
    __tablename__ = "silences"
    id: str = Field(primary_key=True)
    starts: datetime
    ends: datetime = Field(index=True)
    by: str
    value: str


class ProposalRow(Row, table=True):
    __tablename__ = "proposals"
    __table_args__ = (
        Index("uq_proposals_live", "model", unique=True, sqlite_where=LIVE_PROPOSAL, postgresql_where=LIVE_PROPOSAL),
    )
    id: str = Field(primary_key=True)
    kind: str
    model: str = Field(index=True)
    state: str = Field(index=True)
    requested_by: str
    requested_at: datetime
    expires_at: datetime
    incident_id: str | None = None
    value: str


class ApprovalRow(Row, table=True):
    """One answer a person: the first one counts."""

    __tablename__ = "approvals"
    proposal_id: str = Field(primary_key=True, foreign_key="proposals.id")
    user_id: str = Field(primary_key=True)
    approve: bool
    at: datetime
    value: str


class AuditRow(Row, table=True):
    """Append-only: triggers made by the first migration refuse everything else."""

    __tablename__ = "audit"
    seq: int | None = Field(default=None, primary_key=True)
    at: datetime
    who: str
    what: str
    subject: str = Field(index=True)
    detail: str


class DeployRow(Row, table=True):
    __tablename__ = "deploys"
    seq: int | None = Field(default=None, primary_key=True)
    model: str = Field(index=True)
    alias: str
    version: str | None = None
    at: datetime
    source: str
    value: str


class ChangeRow(Row, table=True):
    __tablename__ = "changes"
    identity: str = Field(primary_key=True)  # hash of the value: the same change is told again and again
    time: datetime = Field(index=True)
    kind: str
    entity: str
    value: str


class TickRow(Row, table=True):
    __tablename__ = "ticks"
    at: datetime = Field(primary_key=True)
    seconds: float
    series: int
    findings: int
    value: str


class SnapshotRow(Row, table=True):
    """One row: only the newest state is worth keeping."""

    __tablename__ = "snapshots"
    id: int = Field(primary_key=True)
    state: bytes = Field(sa_type=LargeBinary)


class ProfileRow(Row, table=True):
    """What a version's inputs and answers looked like while it served well. Kept for good: versions are compared."""

    __tablename__ = "profiles"
    model: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    id: str = Field(primary_key=True)  # hash of the body: the same profile is stored once
    made: datetime
    origin: str
    body: str


class LessonRow(Row, table=True):
    """What an incident taught, one row a source. Kept for good: old ones fade by themselves."""

    __tablename__ = "lessons"
    incident_id: str = Field(primary_key=True)
    source: str = Field(primary_key=True)
    at: datetime = Field(index=True)
    void_since: datetime | None = None
    value: str


class SeenRow(Row, table=True):
    __tablename__ = "inbound_seen"
    key: str = Field(primary_key=True)
    at: datetime = Field(index=True)


incidents = METADATA.tables["incidents"]
findings = METADATA.tables["findings"]
told = METADATA.tables["told"]
decisions = METADATA.tables["decisions"]
outbox = METADATA.tables["outbox"]
posted = METADATA.tables["posted"]
silences = METADATA.tables["silences"]
proposals = METADATA.tables["proposals"]
approvals = METADATA.tables["approvals"]
audit = METADATA.tables["audit"]
deploys = METADATA.tables["deploys"]
changes = METADATA.tables["changes"]
ticks = METADATA.tables["ticks"]
snapshots = METADATA.tables["snapshots"]
profiles = METADATA.tables["profiles"]
lessons = METADATA.tables["lessons"]
inbound_seen = METADATA.tables["inbound_seen"]
