"""Everything the store is asked about what it remembers, outbox aside."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError
from sqlalchemy import Select, and_, func, or_, select

from bot.codec import decode
from bot.domain.change import Change, DeployEvent
from bot.domain.finding import Finding
from bot.domain.incident import Incident, IncidentId, State
from bot.domain.learning import Lesson
from bot.domain.notice import Told
from bot.domain.proposal import AuditEntry, Proposal, ProposalId, ProposalState
from bot.domain.silence import Silence, SilenceId
from bot.errors import BadInputError, StoreDownError
from bot.ports import StoredProfile, TickMark
from bot.store import tables as t
from bot.store.database import Database
from bot.store.migrate import revision_of
from bot.store.records import profile_of

log = logging.getLogger(__name__)

T = TypeVar("T")


class Reads:
    """Half of a Store: short reading transactions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def live_incidents(self, *, resolved_since: datetime) -> Sequence[Incident]:
        where = or_(t.incidents.c.state != State.RESOLVED.value, t.incidents.c.resolved > resolved_since)
        rows = select(t.incidents.c.value).where(where).order_by(t.incidents.c.opened, t.incidents.c.id)
        return await self._values(Incident, rows)

    async def incident(self, incident_id: IncidentId) -> Incident | None:
        return await self._value(Incident, select(t.incidents.c.value).where(t.incidents.c.id == incident_id))

    async def incidents(self, *, limit: int) -> Sequence[Incident]:
        order = (t.incidents.c.opened.desc(), t.incidents.c.id.desc())
        return await self._values(Incident, select(t.incidents.c.value).order_by(*order).limit(limit))

    async def told(self, incident_ids: Collection[IncidentId]) -> Mapping[IncidentId, Told]:
        rows = select(t.told.c.value).where(t.told.c.incident_id.in_(list(incident_ids)))
        return {told.incident_id: told for told in await self._values(Told, rows)}

    async def findings(self, *, since: datetime) -> Sequence[tuple[IncidentId, Finding]]:
        c = t.findings.c
        query = (
            select(c.incident_id, c.value).where(c.detected > since).order_by(c.detected, c.incident_id, c.fingerprint)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
            return [(IncidentId(row.incident_id), decode(Finding, row.value)) for row in rows]

    async def silences(self, *, active_at: datetime) -> Sequence[Silence]:
        c = t.silences.c
        rows = select(c.value).where(c.starts <= active_at, c.ends > active_at).order_by(c.starts, c.id)
        found = []
        async with self._database.read() as connection:
            for value in (await connection.execute(rows)).scalars():
                try:
                    found.append(decode(Silence, value))
                except (BadInputError, ValidationError) as error:
                    # Unsure? Speak: one that cannot be read mutes nothing.
                    log.warning("a silence cannot be read and mutes nothing", extra={"because": str(error)[:300]})
        return found

    async def silence(self, silence_id: SilenceId) -> Silence | None:
        return await self._value(Silence, select(t.silences.c.value).where(t.silences.c.id == silence_id))

    async def proposal(self, proposal_id: ProposalId) -> Proposal | None:
        return await self._value(Proposal, select(t.proposals.c.value).where(t.proposals.c.id == proposal_id))

    async def proposals(
        self, *, states: Collection[ProposalState] | None = None, model: str | None = None
    ) -> Sequence[Proposal]:
        c = t.proposals.c
        rows = select(c.value).order_by(c.requested_at.desc(), c.id.desc())
        if states is not None:
            rows = rows.where(c.state.in_([state.value for state in states]))
        if model is not None:
            rows = rows.where(c.model == model)
        return await self._values(Proposal, rows)

    async def deploys(self, model: str | None = None) -> Sequence[DeployEvent]:
        rows = select(t.deploys.c.value).order_by(t.deploys.c.at, t.deploys.c.seq)
        if model is not None:
            rows = rows.where(t.deploys.c.model == model)
        return await self._values(DeployEvent, rows)

    async def changes(self, *, since: datetime) -> Sequence[Change]:
        c = t.changes.c
        return await self._values(Change, select(c.value).where(c.time > since).order_by(c.time, c.identity))

    async def audit(self, *, limit: int) -> Sequence[AuditEntry]:
        async with self._database.read() as connection:
            rows = (await connection.execute(select(t.audit).order_by(t.audit.c.seq.desc()).limit(limit))).all()
        return [
            AuditEntry(at=row.at, who=row.who, what=row.what, subject=row.subject, detail=row.detail) for row in rows
        ]

    async def lessons(self, *, since: datetime) -> Sequence[Lesson]:
        c = t.lessons.c
        return await self._values(Lesson, select(c.value).where(c.at > since).order_by(c.at, c.incident_id, c.source))

    async def last_tick(self) -> TickMark | None:
        return await self._value(TickMark, select(t.ticks.c.value).order_by(t.ticks.c.at.desc()).limit(1))

    async def snapshot(self) -> bytes | None:
        async with self._database.read() as connection:
            found = (await connection.execute(select(t.snapshots.c.state))).scalar()
        return None if found is None else bytes(found)

    async def profile(self, model: str, version: str) -> StoredProfile | None:
        c = t.profiles.c
        query = select(t.profiles).where(c.model == model, c.version == version)
        async with self._database.read() as connection:
            row = (await connection.execute(query.order_by(c.made.desc(), c.id.desc()).limit(1))).first()
        return None if row is None else profile_of(row)

    async def profiles(self, model: str) -> Sequence[StoredProfile]:
        c = t.profiles.c
        newest = func.row_number().over(partition_by=c.version, order_by=(c.made.desc(), c.id.desc())).label("nth")
        # ranked without the bodies: a database sorts what it ranks, and a body may have 300 kB
        ranked = select(c.version, c.id, newest).where(c.model == model).subquery()
        same = and_(c.version == ranked.c.version, c.id == ranked.c.id)
        query = select(t.profiles).join(ranked, same).where(c.model == model, ranked.c.nth == 1)
        async with self._database.read() as connection:
            rows = (await connection.execute(query.order_by(c.made.desc(), c.version.desc()))).all()
        return [profile_of(row) for row in rows]

    async def schema(self) -> str:
        found = await revision_of(self._database)
        if found is None:
            raise StoreDownError("the database has lost its schema")
        return found

    async def _values(self, kind: type[T], query: Select[Any]) -> list[T]:
        async with self._database.read() as connection:
            return [decode(kind, text) for text in (await connection.execute(query)).scalars()]

    async def _value(self, kind: type[T], query: Select[Any]) -> T | None:
        async with self._database.read() as connection:
            text = (await connection.execute(query)).scalar()
            return None if text is None else decode(kind, text)
