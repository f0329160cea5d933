"""Act on what was approved, read back what happened, and watch whether it helped. One step a call, from the store.

Each call looks at what is recorded and at the registry, and takes at most one step; so a restart at any point
goes on where the last process stopped.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.cards import Cards
from bot.clock import Clock
from bot.domain.catalogue import Catalogue, Kind
from bot.domain.finding import FindingKind
from bot.domain.incident import Incident
from bot.domain.learning import Lesson
from bot.domain.policy import RollbackPolicy
from bot.domain.proposal import LIVE, ActionKind, AuditEntry, Check, Proposal, ProposalId, ProposalState
from bot.errors import GiveUpError, RetryLaterError, SourceDownError, UnknownOutcomeError
from bot.metrics import Metrics
from bot.pipeline.learning import from_rollback
from bot.ports import AliasMover, ConcurrentChangeError, Registry, Retrainer, Store

log = logging.getLogger(__name__)

MAX_SENDS = 2  # an operator who moves the alias back looks like "not applied": then a person decides


class Actor:
    def __init__(
        self,
        *,
        store: Store,
        registry: Registry | None,
        mover: AliasMover | None,
        retrainer: Retrainer | None,
        catalogue: Catalogue,
        clock: Clock,
        policy: RollbackPolicy,
        settle: timedelta,
        serving: Mapping[str, str],
        metrics: Metrics,
        log_settles: Mapping[str, timedelta] | None = None,
    ) -> None:
        """Serving is live: by model, the version that telemetry says serves now.

        log_settles: by model with a prediction log, how long after a change its windows tell of it.
        """
        self._store = store
        self._cards = Cards(store=store, catalogue=catalogue)
        self._registry = registry
        self._mover = mover
        self._retrainer = retrainer
        self._catalogue = catalogue
        self._clock = clock
        self._policy = policy
        self._settle = settle
        self._serving = serving
        self._metrics = metrics
        self._log_settles = dict(log_settles or {})
        self._tells_version = any(signal.kind is Kind.VERSION for signal in catalogue.signals)

    async def advance(self) -> int:
        """Take one step on every live proposal; returns how many moved on. One in trouble does not stop the others."""
        moved = 0
        for proposal in await self._store.proposals(states=LIVE):
            try:
                moved += await self._step(proposal)
            except ConcurrentChangeError:
                continue  # somebody clicked meanwhile: the next call sees it
            except GiveUpError as error:  # the registry does not know the model any more
                moved += await self._lost(proposal.id, str(error))
            except (SourceDownError, RetryLaterError) as error:
                log.warning("action waits", extra={"proposal": proposal.id, "because": str(error)})
        return moved

    async def _lost(self, proposal_id: ProposalId, because: str) -> bool:
        """End what can go no further; whether it was sent, only the newest record knows."""
        proposal = await self._store.proposal(proposal_id)
        if proposal is None or proposal.state.final:
            return False
        state = ProposalState.UNCONFIRMED if proposal.sends else ProposalState.FAILED
        return await self._end(proposal, state, f"the registry cannot be asked: {because}", self._clock.now())

    async def _step(self, proposal: Proposal) -> bool:
        now = self._clock.now()
        match proposal.state:
            case ProposalState.PENDING:
                if now < proposal.expires_at:
                    return False
                return await self._end(proposal, ProposalState.EXPIRED, "nobody decided in time", now)
            case ProposalState.APPROVED:
                return await self._begin(proposal, now)
            case ProposalState.EXECUTING:
                return await self._execute(proposal, now)
            case ProposalState.MOVED:
                return await self._verify(proposal, now)
            case _:
                return False

    # ------------------------------------------------------------ act

    async def _begin(self, proposal: Proposal, now: datetime) -> bool:
        if proposal.dry_run or self._policy.dry_run:  # set to dry run after the card was made: the stricter one holds
            what = (
                f"would have moved {proposal.model} from version {proposal.from_version} to {proposal.to_version}"
                if proposal.kind is ActionKind.ROLLBACK
                else f"would have asked for a retraining of {proposal.model}"
            )
            return await self._end(proposal, ProposalState.DRY_RUN, f"Dry run: {what}; nothing was touched", now)
        if now >= proposal.expires_at:
            return await self._end(
                proposal, ProposalState.EXPIRED, "the approval expired before it could be acted on", now
            )
        started = replace(proposal, state=ProposalState.EXECUTING)
        await self._save(proposal, started, "executing", now)
        return await self._execute(replace(started, revision=proposal.revision + 1), now)

    async def _execute(self, proposal: Proposal, now: datetime) -> bool:
        if self._policy.dry_run and not proposal.sends:
            return await self._end(proposal, ProposalState.FAILED, "actions were set to dry run; nothing was sent", now)
        if proposal.kind is ActionKind.RETRAIN:
            return await self._retrain(proposal, now)
        if self._registry is None or self._mover is None:
            return await self._end(proposal, ProposalState.FAILED, "no registry is configured any more", now)
        holder = await self._registry.holder(proposal.model)
        if holder == proposal.to_version:
            return await self._moved(proposal, now)
        if holder != proposal.from_version:
            neither = f"neither {proposal.from_version} nor {proposal.to_version}"
            text = f"version {holder} holds the alias of {proposal.model}, {neither}"
            return await self._end(proposal, ProposalState.CONFLICT, f"{text}; nothing was moved", now)
        return await self._move(proposal, now)

    async def _move(self, proposal: Proposal, now: datetime) -> bool:
        """Ask the registry once, and read back. The attempt is recorded before it is made."""
        assert self._registry is not None
        assert self._mover is not None
        if proposal.sends >= MAX_SENDS:
            text = f"the registry was asked {proposal.sends} times and still holds version {proposal.from_version}"
            return await self._end(proposal, ProposalState.UNCONFIRMED, f"{text}; please look", now)
        if now >= proposal.expires_at:
            return await self._end(
                proposal, ProposalState.EXPIRED, "the approval expired before the move succeeded", now
            )
        sending = replace(proposal, sends=proposal.sends + 1)
        await self._save(proposal, sending, "sent", now)
        sending = replace(sending, revision=proposal.revision + 1)
        try:
            await self._mover.move(proposal.model, to_version=proposal.to_version)
        except GiveUpError as error:
            return await self._end(sending, ProposalState.FAILED, f"the registry refused: {error}", now)
        except UnknownOutcomeError as error:
            log.warning("move of unknown outcome", extra={"proposal": proposal.id, "because": str(error)})
            return True  # the next step reads the alias before anything else
        if await self._registry.holder(proposal.model) == proposal.to_version:
            return await self._moved(sending, now)
        return True

    async def _retrain(self, proposal: Proposal, now: datetime) -> bool:
        if self._retrainer is None:
            return await self._end(proposal, ProposalState.FAILED, "retraining is not configured any more", now)
        if now >= proposal.expires_at:
            state = ProposalState.UNCONFIRMED if proposal.sends else ProposalState.EXPIRED
            return await self._end(proposal, state, "the approval expired before a retraining was accepted", now)
        try:
            reference = await self._retrainer.start(proposal.model, key=proposal.id, reason=proposal.advice_reason)
        except GiveUpError as error:
            return await self._end(proposal, ProposalState.FAILED, f"retraining was refused: {error}", now)
        except UnknownOutcomeError as error:  # the key makes asking again harmless
            if not proposal.sends:
                await self._save(proposal, replace(proposal, sends=1), "sent", now)
            raise RetryLaterError(str(error)) from error
        return await self._end(proposal, ProposalState.VERIFIED, f"retraining was accepted as {reference}", now)

    async def _moved(self, proposal: Proposal, now: datetime) -> bool:
        await self._save(proposal, replace(proposal, state=ProposalState.MOVED, moved_at=now), "moved", now, show=True)
        return True

    # ------------------------------------------------------------ verify

    async def _verify(self, proposal: Proposal, now: datetime) -> bool:
        """Does the alias still stand, does the version serve, and are the same detectors quiet?"""
        holder = await self._registry.holder(proposal.model) if self._registry is not None else proposal.to_version
        if holder != proposal.to_version:
            text = f"somebody moved {proposal.model} on to version {holder} while its recovery was watched"
            return await self._end(proposal, ProposalState.CONFLICT, text, now)
        serving = self._serving.get(proposal.model)
        if serving == proposal.to_version and proposal.serving_confirmed_at is None:
            confirmed = replace(proposal, serving_confirmed_at=now)
            await self._save(proposal, confirmed, "serving", now, show=True)
            return True
        moved_at = proposal.moved_at or now
        incident = await self._incident(proposal)
        ill = self._still_ill(proposal.model, incident, now)
        live = proposal.serving_confirmed_at is not None and serving == proposal.to_version
        over = now - moved_at >= self._watch_of(proposal.model, incident)
        if live and not ill and (incident is not None or over):
            return await self._conclude(proposal, ProposalState.VERIFIED, ill, now)
        if live and over:
            return await self._conclude(proposal, ProposalState.FAILED, ill, now)
        if not live and now - moved_at >= (self._policy.serving_timeout if self._tells_version else self._policy.watch):
            return await self._conclude(proposal, ProposalState.UNCONFIRMED, ill, now)
        return False

    def _watch_of(self, model: str, incident: Incident | None) -> timedelta:
        """How long recovery may take to show: what a log told of is only taken back by windows that have closed."""
        by_log = incident is not None and any(member.finding.kind is FindingKind.LOG for member in incident.members)
        return self._policy.watch + (self._log_settles.get(model, timedelta()) if by_log else timedelta())

    async def _incident(self, proposal: Proposal) -> Incident | None:
        return await self._store.incident(proposal.incident_id) if proposal.incident_id else None

    def _still_ill(self, model: str, incident: Incident | None, now: datetime) -> str:
        """Name what of the model is not back to usual, or has not been for long enough; empty when all is well."""
        if incident is None:
            return ""
        for member in incident.members:
            owner = self._catalogue.model_of(member.finding.key.entity)
            if owner is None or owner.name != model:
                continue
            if member.ended is None:
                return f"{member.finding.key} is not back to usual"
            if now - member.ended < self._settle:
                return f"{member.finding.key} is back, but only since {member.ended:%H:%M}"
        return ""

    async def _conclude(self, proposal: Proposal, state: ProposalState, ill: str, now: datetime) -> bool:
        serving = self._serving.get(proposal.model) if self._tells_version else None
        checks = (
            Check(
                name="alias moved",
                passed=True,
                detail=f"version {proposal.to_version} holds it",
            ),
            Check(
                name="serving",
                passed=serving == proposal.to_version,
                detail=f"version {serving} serves" if serving else "no signal tells which version serves",
            ),
            Check(name="recovered", passed=not ill, detail=ill or "the same detectors are quiet"),
        )
        minutes = max(1, round((now - (proposal.moved_at or now)).total_seconds() / 60))
        text = {
            ProposalState.VERIFIED: f"version {proposal.to_version} serves and {proposal.model} is back to usual",
            ProposalState.FAILED: f"version {proposal.to_version} serves, but {ill}",
        }.get(
            state,
            f"the alias holds version {proposal.to_version}, but "
            + (f"version {serving} still serves" if serving else "nothing tells which version serves"),
        )
        ended = replace(proposal, outcome_checks=checks)
        return await self._end(ended, state, f"{text}, {minutes} min after the move", now)

    # ------------------------------------------------------------ write

    async def _end(self, proposal: Proposal, state: ProposalState, text: str, now: datetime) -> bool:
        self._metrics.actions.labels(state).inc()
        ended = replace(proposal, state=state, outcome=text, ended_at=now)
        lesson = from_rollback(ended, await self._incident(ended), now=now)
        tell = state is not ProposalState.EXPIRED
        await self._save(proposal, ended, state.value, now, show=True, tell=tell, lesson=lesson)
        return True

    async def _save(
        self,
        before: Proposal,
        after: Proposal,
        what: str,
        now: datetime,
        *,
        show: bool = False,
        tell: bool = False,
        lesson: Lesson | None = None,
    ) -> None:
        """Record a step; `show` edits the card, `tell` adds a reply, because edits notify nobody."""
        after = replace(after, revision=before.revision + 1)
        detail = json.dumps({"model": after.model, "from": after.from_version, "to": after.to_version})
        entry = AuditEntry(at=now, who="faultline", what=f"{after.kind}.{what}", subject=after.id, detail=detail)
        await self._cards.write(
            after, expected=before.state, audit=entry, now=now, show=show or tell, tell=tell, lesson=lesson
        )
