"""What people may ask of us, in one place: the front desk behind slash commands, buttons and the App Home."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from bot.clock import Clock
from bot.domain.catalogue import Catalogue
from bot.domain.explanation import Explanation
from bot.domain.incident import Feedback, Incident, IncidentId, State
from bot.domain.labels import Matcher, all_match
from bot.domain.learning import Lesson
from bot.domain.message import OutboxItem, Slot
from bot.domain.notice import Reason, Told
from bot.domain.proposal import LIVE, AuditEntry, Proposal
from bot.domain.silence import MAX_SILENCE, Audible, Silence, SilenceEffect, SilenceId, SilencePreview
from bot.errors import BadInputError, RefusedError, RetryLaterError
from bot.pipeline.decide import covering, labels_for_silence
from bot.pipeline.evidence import build_pack
from bot.pipeline.learning import from_feedback, from_resolution
from bot.pipeline.speak import change_message, flaps, headline_of, item
from bot.ports import (
    Changeset,
    ConcurrentChangeError,
    Explainer,
    IncidentWrite,
    ModelStatus,
    Status,
    Store,
)
from bot.proposing import Proposals
from bot.tick import Tick

PREVIEW_DAYS = 7
EXAMPLES = 5
T = TypeVar("T")

NOBODY = "\u2603 nobody is called so"  # a matcher that fits this name as well fits every name
RECENT = 20  # incidents that `incidents` shows
SEARCHED = 500  # incidents that a shortened id is looked up in
TRIES = 5  # the tick writes the same incidents once a minute


async def find_incident(store: Store, wanted: str) -> tuple[Sequence[Incident], Sequence[Incident]]:
    """Return the incidents that an id, or its beginning, may mean; and the recent ones it was looked up in.

    A whole id wins, however old its incident is and whatever begins like it.
    """
    exact = await store.incident(IncidentId(wanted))
    if exact is not None:
        return (exact,), (exact,)
    recent = await store.incidents(limit=SEARCHED)
    bare = wanted.removeprefix("inc-")
    return [one for one in recent if bare and one.id.removeprefix("inc-").startswith(bare)], recent


class Service:
    """Implements ports.FrontDesk."""

    def __init__(
        self,
        *,
        store: Store,
        tick: Tick,
        proposals: Proposals,
        explainer: Explainer,
        catalogue: Catalogue,
        clock: Clock,
        dry_run: bool,
    ) -> None:
        self._store = store
        self._tick = tick
        self._proposals = proposals
        self._explainer = explainer
        self._catalogue = catalogue
        self._clock = clock
        self._dry_run = dry_run

    # ------------------------------------------------------------ look

    async def status(self) -> Status:
        now = self._clock.now()
        live = [i for i in await self._store.live_incidents(resolved_since=now) if i.open]
        silences = await self._store.silences(active_at=now)
        ledger = await self._store.deploys()
        models = []
        for model in self._catalogue.models:
            spells = [event for event in ledger if event.model == model.name]
            touching = [i for i in live if any(self._belongs(entity, model.name) for entity in i.entities)]
            models.append(
                ModelStatus(
                    name=model.name,
                    version=spells[-1].version if spells else None,
                    since=spells[-1].at if spells else None,
                    since_at_least=bool(spells) and spells[-1].previous is None,
                    incident=max(touching, key=lambda i: i.severity.rank) if touching else None,
                    judged=self._tick.watched(model.name),
                )
            )
        return Status(
            now=now,
            models=tuple(models),
            incidents=tuple(live),
            silences=tuple(silences),
            silenced=frozenset(i.id for i in live if covering(i, silences, self._catalogue, now=now)),
            pending=tuple(await self._store.proposals(states=LIVE)),
            last_tick=await self._store.last_tick(),
            series=len(self._tick.watch.index),
            series_judged=self._tick.watch.judged,
            dry_run=self._dry_run,
        )

    def _belongs(self, entity: str, model: str) -> bool:
        owner = self._catalogue.model_of(entity)
        return owner is not None and owner.name == model

    async def incidents(self) -> Sequence[Incident]:
        return await self._store.incidents(limit=RECENT)

    async def incident(self, incident_id: str) -> Incident:
        wanted = incident_id.strip().strip("`")
        found, _ = await find_incident(self._store, wanted)
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(i.id for i in found[:5])
            raise BadInputError(f"{wanted!r} fits {len(found)} incidents ({names}): give one more character")
        raise BadInputError(f"there is no incident {wanted!r}; /faultline incidents lists them")

    async def explain(self, incident_id: str) -> Explanation:
        incident = await self.incident(incident_id)
        return await self._explainer.explain(build_pack(incident, self._catalogue))

    # ------------------------------------------------------------ answer an incident

    async def acknowledge(self, incident_id: str, *, by: str) -> Incident:
        def change(incident: Incident, now: datetime) -> Incident:
            if not incident.open:
                raise RefusedError("this incident is over already")
            if incident.acknowledged_by is not None:
                raise RefusedError(f"already acknowledged by <@{incident.acknowledged_by}>")
            return replace(incident, acknowledged_by=by, acknowledged_at=now)

        return await self._change(incident_id, change, by=by, what="incident.acknowledged")

    async def resolve(self, incident_id: str, *, by: str) -> Incident:
        """Close it by hand. If its findings go on, the next tick opens it again: a person cannot wish them away."""

        def change(incident: Incident, now: datetime) -> Incident:
            if not incident.open:
                raise RefusedError("this incident is over already")
            members = tuple(m if m.ended else replace(m, ended=now) for m in incident.members)
            return replace(
                incident, state=State.RESOLVED, resolved=now, resolved_by=by, members=members, clean_since=now
            )

        what = "incident.resolved"
        return await self._change(incident_id, change, by=by, what=what, reply=Reason.RESOLVED, teaches=from_resolution)

    async def feedback(self, incident_id: str, answer: Feedback, *, by: str) -> Incident:
        return await self._change(
            incident_id,
            lambda incident, _: replace(incident, feedback=answer, feedback_by=by),
            by=by,
            what=f"incident.feedback.{answer}",
            teaches=from_feedback,
        )

    async def _change(
        self,
        incident_id: str,
        change: Callable[[Incident, datetime], Incident],
        *,
        by: str,
        what: str,
        reply: Reason | None = None,
        teaches: Callable[..., Lesson | None] | None = None,
    ) -> Incident:
        """Apply a person's act to the newest state, show it at once, and keep what it teaches."""

        async def attempt() -> Incident:
            old = await self.incident(incident_id)
            now = self._clock.now()
            new = replace(change(old, now), revision=old.revision + 1, updated=now)
            told = (await self._store.told([new.id])).get(new.id)
            lesson = teaches(new, now=now) if teaches is not None and told is not None else None
            outbox: list[OutboxItem] = []
            said: tuple[Told, ...] = ()
            if told is not None:
                silences = await self._store.silences(active_at=now)
                headline = headline_of(new, silences, self._catalogue, now=now, flapping=flaps(told))
                outbox.append(item(new.id, Slot.HEADLINE, headline, revision=new.revision, now=now))
                if reply is not None:
                    message = change_message(reply, new, told, now=now, by=by)
                    outbox.append(item(new.id, f"{Slot.REPLY}:{new.revision}", message, revision=new.revision, now=now))
                    firing = new.firing if new.open else frozenset()
                    said = (replace(told, state=new.state, firing=firing, revision=new.revision, at=now),)
            await self._store.commit(
                Changeset(
                    incidents=(IncidentWrite(incident=new, expected_revision=old.revision),),
                    outbox=tuple(outbox),
                    told=said,
                    audit=(AuditEntry(at=now, who=by, what=what, subject=new.id),),
                    lessons=(lesson,) if lesson is not None else (),
                )
            )
            return new

        return await _again(attempt)

    # ------------------------------------------------------------ silences

    async def preview_silence(self, matchers: Sequence[Matcher]) -> SilencePreview:
        now = self._clock.now()
        since = now - timedelta(days=PREVIEW_DAYS)
        rows = await self._store.findings(since=since)
        incidents = {i.id: i for i in await self._store.incidents(limit=SEARCHED)}
        muted, silent = [], set()
        for incident_id, finding in rows:
            incident = incidents.get(incident_id)
            if incident and all_match(matchers, labels_for_silence(finding, incident, self._catalogue)):
                muted.append(finding)
                silent.add(incident_id)
        whole = sum(
            all(
                all_match(matchers, labels_for_silence(f, incidents[i], self._catalogue)) for f in incidents[i].findings
            )
            for i in silent
        )
        newest = sorted(muted, key=lambda finding: finding.detected, reverse=True)
        return SilencePreview(
            days=PREVIEW_DAYS, incidents=whole, findings=len(muted), examples=tuple(newest[:EXAMPLES])
        )

    async def silence(self, matchers: Sequence[Matcher], *, duration: timedelta, reason: str, by: str) -> Silence:
        if not matchers:
            raise BadInputError('a silence needs at least one matcher, for example model="fraud"')
        if all(matcher.matches({}) or matcher.matches({matcher.name: NOBODY}) for matcher in matchers):
            raise BadInputError("these matchers would mute everything; name a model, a signal, an entity or a severity")
        if not reason.strip():
            raise BadInputError("say why, so that others understand the silence later")
        if duration < timedelta(minutes=1) or duration > MAX_SILENCE:
            raise BadInputError(f"a silence lasts between 1 minute and {MAX_SILENCE.days} days")
        now = self._clock.now()
        silence = Silence(
            id=SilenceId(f"sil-{secrets.token_hex(4)}"),
            matchers=tuple(matchers),
            starts=now,
            ends=now + duration,
            reason=reason.strip()[:500],
            by=by,
        )
        await self._with_silence(silence, by=by, what="silence.created")
        return silence

    async def silence_effect(self, silence: Silence) -> SilenceEffect:
        """Which open incidents it mutes, together with the other silences, and which it only touches."""
        now = self._clock.now()
        silences = await self._store.silences(active_at=now)
        muted: list[IncidentId] = []
        audible: list[Audible] = []
        for incident in await self._store.live_incidents(resolved_since=now):
            active = incident.active_findings
            touched = [silence.covers(labels_for_silence(f, incident, self._catalogue), now=now) for f in active]
            if not incident.open or not any(touched):
                continue
            if covering(incident, silences, self._catalogue, now=now) is not None:
                muted.append(incident.id)
            else:
                audible.append(Audible(incident_id=incident.id, covered=sum(touched), active=len(active)))
        return SilenceEffect(muted=tuple(muted), audible=tuple(audible))

    async def unsilence(self, silence_id: str, *, by: str) -> Silence:
        now = self._clock.now()
        wanted = silence_id.strip().strip("`")
        silence = await self._store.silence(SilenceId(wanted))
        if silence is None or silence.ends <= now:
            active = ", ".join(s.id for s in await self._store.silences(active_at=now)) or "none"
            raise BadInputError(f"there is no active silence {wanted!r}; active are: {active}")
        ended = replace(silence, ends=now, ended_early_by=by)
        await self._with_silence(ended, by=by, what="silence.ended")
        return ended

    async def _with_silence(self, silence: Silence, *, by: str, what: str) -> None:
        """Store a silence and show it at once on every headline whose state it changes."""

        async def attempt() -> None:
            now = self._clock.now()
            others = [s for s in await self._store.silences(active_at=now) if s.id != silence.id]
            after = [*others, *((silence,) if silence.ends > now else ())]
            live = [i for i in await self._store.live_incidents(resolved_since=now) if i.open]
            told = await self._store.told([i.id for i in live])
            writes, outbox = [], []
            for old in live:
                before = covering(old, [s for s in (*others, silence) if s.ends > now], self._catalogue, now=now)
                was_muted = old.id in told and (before is not None or silence.ends <= now)
                if not was_muted and covering(old, after, self._catalogue, now=now) is None:
                    continue
                new = replace(old, revision=old.revision + 1, updated=now)
                writes.append(IncidentWrite(incident=new, expected_revision=old.revision))
                if new.id in told:
                    headline = headline_of(new, after, self._catalogue, now=now, flapping=flaps(told.get(new.id)))
                    outbox.append(item(new.id, Slot.HEADLINE, headline, revision=new.revision, now=now))
            detail = json.dumps({"matchers": [str(m) for m in silence.matchers], "ends": silence.ends.isoformat()})
            await self._store.commit(
                Changeset(
                    silences=(silence,),
                    incidents=tuple(writes),
                    outbox=tuple(outbox),
                    audit=(AuditEntry(at=now, who=by, what=what, subject=silence.id, detail=detail),),
                )
            )

        await _again(attempt)

    # ------------------------------------------------------------ actions

    async def propose_rollback(
        self, model: str, *, to_version: str | None, by: str, incident_id: str | None = None
    ) -> Proposal:
        incident = await self._about(model, incident_id)
        return await self._proposals.propose_rollback(model, to_version=to_version, by=by, incident=incident)

    async def propose_retrain(self, model: str, *, by: str, incident_id: str | None = None) -> Proposal:
        return await self._proposals.propose_retrain(model, by=by, incident=await self._about(model, incident_id))

    async def _about(self, model: str, incident_id: str | None) -> Incident | None:
        """The incident a proposal belongs to: the one named, else the newest told one that touches the model."""
        if incident_id is not None:
            return await self.incident(incident_id)
        live = [i for i in await self._store.live_incidents(resolved_since=self._clock.now()) if i.open]
        told = await self._store.told([i.id for i in live])
        touching = [i for i in live if i.id in told and any(self._belongs(e, model) for e in i.entities)]
        blamed = [i for i in touching if i.verdict and i.verdict.entity == model]
        return next(iter(sorted(blamed or touching, key=lambda i: i.opened, reverse=True)), None)

    async def decide(self, proposal_id: str, *, nonce: str, approve: bool, by: str, comment: str = "") -> Proposal:
        return await self._proposals.decide(proposal_id, nonce=nonce, approve=approve, by=by, comment=comment)


async def _again(attempt: Callable[[], Awaitable[T]]) -> T:
    """Decide again on the newest state when the tick got in between."""
    for _ in range(TRIES):
        try:
            return await attempt()
        except ConcurrentChangeError:
            continue
    raise RetryLaterError("too much is changing at this moment; try again in a minute")
