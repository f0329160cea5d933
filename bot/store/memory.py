"""The store in dictionaries: for replays and tests, held to the same contract as the one in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.change import Change, DeployEvent
from bot.domain.finding import Finding, Fingerprint
from bot.domain.incident import Incident, IncidentId
from bot.domain.learning import Lesson, LessonSource
from bot.domain.message import OutboxItem, Posted
from bot.domain.notice import Decision, Told
from bot.domain.proposal import LIVE, AuditEntry, Proposal, ProposalId, ProposalState
from bot.domain.silence import Silence, SilenceId
from bot.ports import Changeset, Claimed, ConcurrentChangeError, OutboxDepth, StoredProfile, TickMark
from bot.store.queue import Entry, ItemState, Ticket, admit, choose, give_back, root_of

SEEN_FOR = timedelta(days=1)


class MemoryStore:
    """Implements bot.ports.Store. No method awaits, so each is one transaction."""

    def __init__(self) -> None:
        self._incidents: dict[IncidentId, Incident] = {}
        self._findings: dict[tuple[IncidentId, Fingerprint, datetime], Finding] = {}
        self._told: dict[IncidentId, Told] = {}
        self._silences: dict[SilenceId, Silence] = {}
        self._proposals: dict[ProposalId, Proposal] = {}
        self._deploys: list[DeployEvent] = []
        self._changes: dict[Change, None] = {}
        self._audit: list[AuditEntry] = []
        self._ticks: dict[datetime, TickMark] = {}
        self._snapshot: bytes | None = None
        self._profiles: dict[tuple[str, str, str], StoredProfile] = {}
        self._lessons: dict[tuple[IncidentId, LessonSource], Lesson] = {}
        self._outbox: dict[int, Entry] = {}  # by seq; what was sent is forgotten
        self._next_seq = 1
        self._posted: dict[tuple[str, str], Posted] = {}
        self._seen: dict[str, datetime] = {}
        self.decisions: list[Decision] = []  # every decision so far, for replays that print why

    async def commit(self, changeset: Changeset) -> None:
        self._check(changeset)
        for incident in (write.incident for write in changeset.incidents):
            self._incidents[incident.id] = incident
            for finding in incident.findings:
                self._findings[incident.id, finding.fingerprint, finding.detected] = finding
        self._proposals.update((write.proposal.id, write.proposal) for write in changeset.proposals)
        self._told.update((told.incident_id, told) for told in changeset.told)
        self._silences.update((silence.id, silence) for silence in changeset.silences)
        self._changes.update(dict.fromkeys(changeset.changes))
        self._lessons.update(((one.incident_id, one.source), one) for one in changeset.lessons)
        for profile in changeset.profiles:
            self._profiles.setdefault((profile.model, profile.version, profile.id), profile)
        self._deploys.extend(changeset.deploys)
        self._audit.extend(changeset.audit)
        self.decisions.extend(changeset.decisions)
        for item in changeset.outbox:
            self._queue(item)
        if changeset.snapshot is not None:
            self._snapshot = changeset.snapshot
        if changeset.tick is not None:
            self._ticks[changeset.tick.at] = changeset.tick

    def _check(self, changeset: Changeset) -> None:
        """Look at every expectation before anything is written."""
        for incident_write in changeset.incidents:
            known = self._incidents.get(incident_write.incident.id)
            if (known.revision if known else None) != incident_write.expected_revision:
                raise ConcurrentChangeError(f"incident {incident_write.incident.id} was changed: read it again")
        after = dict(self._proposals)
        for write in changeset.proposals:
            proposal = self._proposals.get(write.proposal.id)
            if (proposal.state if proposal else None) != write.expected_state:
                raise ConcurrentChangeError(f"proposal {write.proposal.id} was changed: read it again")
            after[write.proposal.id] = write.proposal
        live = [proposal.model for proposal in after.values() if proposal.state in LIVE]
        if len(live) != len(set(live)):
            raise ConcurrentChangeError("another proposal of the same model is open")

    async def live_incidents(self, *, resolved_since: datetime) -> Sequence[Incident]:
        found = (i for i in self._incidents.values() if i.open or (i.resolved and i.resolved > resolved_since))
        return sorted(found, key=_age)

    async def incident(self, incident_id: IncidentId) -> Incident | None:
        return self._incidents.get(incident_id)

    async def incidents(self, *, limit: int) -> Sequence[Incident]:
        return sorted(self._incidents.values(), key=_age, reverse=True)[:limit]

    async def told(self, incident_ids: Collection[IncidentId]) -> Mapping[IncidentId, Told]:
        return {one: self._told[one] for one in incident_ids if one in self._told}

    async def findings(self, *, since: datetime) -> Sequence[tuple[IncidentId, Finding]]:
        found = [(key, finding) for key, finding in self._findings.items() if finding.detected > since]
        found.sort(key=lambda pair: (pair[0][2], pair[0][0], pair[0][1]))
        return [(key[0], finding) for key, finding in found]

    async def silences(self, *, active_at: datetime) -> Sequence[Silence]:
        found = (silence for silence in self._silences.values() if silence.starts <= active_at < silence.ends)
        return sorted(found, key=lambda silence: (silence.starts, silence.id))

    async def silence(self, silence_id: SilenceId) -> Silence | None:
        return self._silences.get(silence_id)

    async def proposal(self, proposal_id: ProposalId) -> Proposal | None:
        return self._proposals.get(proposal_id)

    async def proposals(
        self, *, states: Collection[ProposalState] | None = None, model: str | None = None
    ) -> Sequence[Proposal]:
        found = (
            proposal
            for proposal in self._proposals.values()
            if (states is None or proposal.state in states) and (model is None or proposal.model == model)
        )
        return sorted(found, key=lambda proposal: (proposal.requested_at, proposal.id), reverse=True)

    async def deploys(self, model: str | None = None) -> Sequence[DeployEvent]:
        found = (event for event in self._deploys if model is None or event.model == model)
        return sorted(found, key=lambda event: event.at)  # stable: events of one moment stay as they came

    async def changes(self, *, since: datetime) -> Sequence[Change]:
        return sorted((change for change in self._changes if change.time > since), key=lambda change: change.time)

    async def audit(self, *, limit: int) -> Sequence[AuditEntry]:
        return self._audit[::-1][:limit]

    async def lessons(self, *, since: datetime) -> Sequence[Lesson]:
        found = (lesson for lesson in self._lessons.values() if lesson.at > since)
        return sorted(found, key=lambda lesson: (lesson.at, lesson.incident_id, lesson.source))

    async def last_tick(self) -> TickMark | None:
        return self._ticks[max(self._ticks)] if self._ticks else None

    async def snapshot(self) -> bytes | None:
        return self._snapshot

    async def profile(self, model: str, version: str) -> StoredProfile | None:
        return next((one for one in await self.profiles(model) if one.version == version), None)

    async def profiles(self, model: str) -> Sequence[StoredProfile]:
        mine = sorted((one for one in self._profiles.values() if one.model == model), key=lambda p: (p.made, p.id))
        newest = {profile.version: profile for profile in mine}
        return sorted(newest.values(), key=lambda profile: (profile.made, profile.version), reverse=True)

    # ------------------------------------------------------------ outbox

    def _queue(self, item: OutboxItem) -> None:
        seq, waiting = self._find(item.thread, item.slot, ItemState.WAITING)
        _, claimed = self._find(item.thread, item.slot, ItemState.CLAIMED)
        entry = admit(item, waiting=waiting, claimed=claimed, posted=self._posted.get((item.thread, item.slot)))
        if entry is None:
            return
        if seq is None:
            seq, self._next_seq = self._next_seq, self._next_seq + 1
        self._outbox[seq] = entry

    def _find(self, thread: str, slot: str, state: ItemState) -> tuple[int | None, Entry | None]:
        for seq, entry in self._outbox.items():
            if (entry.item.thread, entry.item.slot, entry.state) == (thread, slot, state):
                return seq, entry
        return None, None

    def _mine(self, claimed: Claimed, owner: str) -> int | None:
        for seq, entry in self._outbox.items():
            ours = (claimed.item.op, ItemState.CLAIMED, owner, claimed.attempt)
            if (entry.item.op, entry.state, entry.owner, entry.attempts) == ours:
                return seq
        return None

    async def claim(self, *, owner: str, now: datetime, lease: timedelta, limit: int) -> Sequence[Claimed]:
        tickets = [
            Ticket(
                seq=seq,
                thread=entry.item.thread,
                slot=entry.item.slot,
                state=entry.state,
                not_before=entry.item.not_before,
                lease_until=entry.lease_until,
                held_back=entry.held_back,
            )
            for seq, entry in self._outbox.items()
        ]
        opened = {thread for thread, _ in self._posted}
        seqs = choose(tickets, opened=opened, now=now, limit=limit)
        return [self._take(seq, owner=owner, now=now, lease=lease) for seq in seqs]

    def _take(self, seq: int, *, owner: str, now: datetime, lease: timedelta) -> Claimed:
        before = self._outbox[seq]
        entry = replace(
            before,
            state=ItemState.CLAIMED,
            owner=owner,
            lease_until=now + lease,
            attempts=before.attempts + 1,
            first_try=before.first_try or now,
            held_back=False,
        )
        self._outbox[seq] = entry
        thread = entry.item.thread
        return Claimed(
            item=entry.item,
            attempt=entry.attempts,
            first_try=entry.first_try or now,
            posted=self._posted.get((thread, entry.item.slot)),
            root=root_of(place for place in self._posted.values() if place.thread == thread),
        )

    async def sent(self, claimed: Claimed, posted: Posted, *, owner: str) -> bool:
        seq = self._mine(claimed, owner)
        if seq is None:
            return False
        del self._outbox[seq]
        self._posted[posted.thread, posted.slot] = posted
        overtaken = [
            parked
            for parked, entry in self._outbox.items()
            if (entry.item.thread, entry.item.slot, entry.state) == (posted.thread, posted.slot, ItemState.PARKED)
            and entry.item.revision <= posted.revision
        ]
        for parked in overtaken:
            del self._outbox[parked]
        return True

    async def release(self, claimed: Claimed, *, owner: str, not_before: datetime, sure: bool) -> None:
        seq = self._mine(claimed, owner)
        if seq is None:
            return
        other, newer = self._find(claimed.item.thread, claimed.item.slot, ItemState.WAITING)
        self._outbox[seq] = give_back(self._outbox[seq], newer, not_before=not_before, sure=sure)
        if other is not None:
            del self._outbox[other]

    async def park(self, claimed: Claimed, *, owner: str, because: str) -> None:
        seq = self._mine(claimed, owner)
        if seq is not None:
            self._outbox[seq] = replace(
                self._outbox[seq], state=ItemState.PARKED, because=because, owner="", lease_until=None
            )

    async def posted(self, thread: str, slot: str) -> Posted | None:
        return self._posted.get((thread, slot))

    async def posted_at(self, channel: str, ts: str) -> Posted | None:
        return next((one for one in self._posted.values() if (one.channel, one.ts) == (channel, ts)), None)

    async def outbox_depth(self) -> OutboxDepth:
        unsent = [entry for entry in self._outbox.values() if entry.state is not ItemState.PARKED]
        return OutboxDepth(
            waiting=len(unsent),
            parked=len(self._outbox) - len(unsent),
            oldest=min((entry.item.created for entry in unsent), default=None),
        )

    # ------------------------------------------------------------ the rest

    async def first_time(self, key: str, *, now: datetime) -> bool:
        self._seen = {known: at for known, at in self._seen.items() if at > now - SEEN_FOR}
        if key in self._seen:
            return False
        self._seen[key] = now
        return True

    async def schema(self) -> str:
        return "memory"

    async def close(self) -> None:
        """Nothing is kept elsewhere."""


def _age(incident: Incident) -> tuple[datetime, str]:
    return incident.opened, incident.id
