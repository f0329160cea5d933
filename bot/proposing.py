"""Propose and approve: who asked for which action, whether it can work, and who said yes. Nothing is moved here."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from bot.cards import Cards
from bot.clock import Clock
from bot.domain.catalogue import Catalogue
from bot.domain.incident import Incident, IncidentId
from bot.domain.policy import ApproverPolicy, RollbackPolicy
from bot.domain.proposal import LIVE, ActionKind, Approval, AuditEntry, Check, Proposal, ProposalId, ProposalState
from bot.domain.verdict import RollbackAdvice
from bot.errors import FaultlineError, GiveUpError, RefusedError, RetryLaterError, SourceDownError
from bot.pipeline.ledger import HEALTH_REMEMBERED, holds, rollback_target
from bot.pipeline.words import verdict_text
from bot.ports import Changeset, ConcurrentChangeError, Directory, Registry, Store


class Proposals:
    def __init__(
        self,
        *,
        store: Store,
        registry: Registry | None,
        directory: Directory,
        catalogue: Catalogue,
        clock: Clock,
        policy: RollbackPolicy,
        can_retrain: bool,
        token: Callable[[], str] = lambda: secrets.token_hex(8),
    ) -> None:
        self._store = store
        self._cards = Cards(store=store, catalogue=catalogue)
        self._registry = registry
        self._directory = directory
        self._catalogue = catalogue
        self._clock = clock
        self._policy = policy
        self._can_retrain = can_retrain
        self._token = token

    # ------------------------------------------------------------ propose

    async def propose_rollback(
        self, model: str, *, to_version: str | None, by: str, incident: Incident | None
    ) -> Proposal:
        """Open a proposal. Raises RefusedError with what is missing and what to do."""
        self._known(model)
        registry = self._registry
        if registry is None:
            raise RefusedError("no model registry is configured, so there is nothing to roll back: set sources.mlflow")
        await self._nothing_pending(model)
        now = self._clock.now()
        try:
            current = await registry.holder(model)
            if current is None:
                raise RefusedError(f"nothing holds the alias {registry.alias} of {model}; there is no version to leave")
            target = to_version or await self._last_healthy(model, now)
            if target is None:
                raise RefusedError(
                    f"no earlier version of {model} is known to have served well for"
                    f" {_hours(self._policy.min_hold.total_seconds())}; name one: /rollback {model} VERSION"
                )
            if target == current:
                raise RefusedError(f"version {current} of {model} already holds the alias {registry.alias}")
            checks = await self._preflight(registry, model, target, now)
        except SourceDownError as error:
            raise RetryLaterError(f"the registry cannot be read now ({error}); try again in a minute") from error
        except GiveUpError as error:
            raise RefusedError(f"the registry does not know {model}: {error}") from error
        advice, reason = _advice(incident)
        return await self._open(
            kind=ActionKind.ROLLBACK,
            model=model,
            versions=(current, target),
            by=by,
            incident=incident,
            advice=(advice, reason),
            checks=checks,
            now=now,
        )

    async def propose_retrain(self, model: str, *, by: str, incident: Incident | None) -> Proposal:
        """Ask for a retraining; approved and audited like a rollback."""
        self._known(model)
        if not self._can_retrain:
            raise RefusedError("retraining is not configured: set actions.retrain to a webhook or to Airflow")
        await self._nothing_pending(model)
        now = self._clock.now()
        current = ""
        if self._registry is not None:
            try:
                current = await self._registry.holder(model) or ""
            except (SourceDownError, GiveUpError):
                current = ""  # a retraining needs no registry
        reason = verdict_text(incident.verdict) if incident and incident.verdict else "asked for by a person"
        return await self._open(
            kind=ActionKind.RETRAIN,
            model=model,
            versions=(current, ""),
            by=by,
            incident=incident,
            advice=(RollbackAdvice.UNKNOWN, reason),
            checks=(),
            now=now,
        )

    def _known(self, model: str) -> None:
        if model not in self._catalogue.model:
            names = ", ".join(sorted(self._catalogue.model)) or "none"
            raise RefusedError(f"there is no model {model!r} in the catalogue; known are: {names}")

    async def _nothing_pending(self, model: str) -> None:
        now = self._clock.now()
        for other in await self._store.proposals(states=LIVE, model=model):
            if other.state is not ProposalState.PENDING or other.expires_at > now:
                raise RefusedError(f"an action on {model} is already {other.state}: decide that one first")
            await self._expire(other, now)  # the actor has not come by yet

    async def _last_healthy(self, model: str, now: datetime) -> str | None:
        ledger = await self._store.deploys(model)
        incidents = await self._store.live_incidents(resolved_since=now - HEALTH_REMEMBERED)
        return rollback_target(model, ledger, incidents, now=now, min_hold=self._policy.min_hold)

    async def _preflight(self, registry: Registry, model: str, target: str, now: datetime) -> tuple[Check, ...]:
        found = await registry.version(model, target)
        if found is None:
            have = ", ".join(v.version for v in await registry.versions(model)) or "none"
            raise RefusedError(f"version {target} of {model} is not in the registry; there are: {have}")
        if not found.ready:
            raise RefusedError(f"version {target} of {model} is registered but not ready to serve")
        spells = [s for s in holds(await self._store.deploys(model), now=now) if s[0] == target]
        served = sum(((end - start) for _, start, end in spells), start=now - now)
        checks = [
            Check(name="target exists", passed=True, detail=f"version {target} is in the registry and ready"),
            Check(
                name="served before",
                passed=served >= self._policy.min_hold,
                detail=f"held the alias for {_hours(served.total_seconds())} as far as we saw"
                if spells
                else "we never saw it hold the alias",
            ),
        ]
        if found.run_active is not None:
            checks.append(
                Check(
                    name="training run",
                    passed=found.run_active,
                    detail=f"run {(found.run_id or '')[:8]} is {'there' if found.run_active else 'deleted'}",
                )
            )
        return tuple(checks)

    async def _open(
        self,
        *,
        kind: ActionKind,
        model: str,
        versions: tuple[str, str],
        by: str,
        incident: Incident | None,
        advice: tuple[RollbackAdvice, str],
        checks: tuple[Check, ...],
        now: datetime,
    ) -> Proposal:
        approvers = self._policy.approvers_of(model)
        proposal = Proposal(
            id=ProposalId(f"prop-{self._token()[:8]}"),
            kind=kind,
            model=model,
            from_version=versions[0],
            to_version=versions[1],
            requested_by=by,
            requested_at=now,
            expires_at=now + self._policy.expires_after,
            nonce=self._token(),
            incident_id=IncidentId(incident.id) if incident else None,
            advice=advice[0],
            advice_reason=advice[1],
            checks=checks,
            approvers_text=_approvers_text(approvers),
            four_eyes=approvers.four_eyes,
            dry_run=self._policy.dry_run,
        )
        try:
            await self._cards.write(proposal, expected=None, audit=self._entry(proposal, by, "proposed", now), now=now)
        except ConcurrentChangeError as error:
            raise RefusedError(f"somebody else has just opened an action on {model}") from error
        return proposal

    # ------------------------------------------------------------ decide

    async def decide(self, proposal_id: str, *, nonce: str, approve: bool, by: str, comment: str = "") -> Proposal:
        """Approve or deny, if this person may, now. Every refusal is audited and told only to them."""
        now = self._clock.now()
        proposal = await self._store.proposal(ProposalId(proposal_id))
        if proposal is None:
            raise RefusedError("this proposal is not known here; open a new one")
        try:
            await self._may_decide(proposal, nonce=nonce, approve=approve, by=by, now=now)
            return await self._decided(proposal, approve=approve, by=by, comment=comment, now=now)
        except (RefusedError, RetryLaterError) as refusal:
            entry = self._entry(proposal, by, "refused", now, because=str(refusal))
            await self._store.commit(Changeset(audit=(entry,)))
            raise

    async def _decided(self, proposal: Proposal, *, approve: bool, by: str, comment: str, now: datetime) -> Proposal:
        decided = replace(
            proposal,
            state=ProposalState.APPROVED if approve else ProposalState.DENIED,
            approvals=(
                *proposal.approvals,
                Approval(proposal_id=proposal.id, user_id=by, approve=approve, at=now, comment=comment),
            ),
            ended_at=None if approve else now,
            revision=proposal.revision + 1,
        )
        await self._write(proposal, decided, by, "approved" if approve else "denied", now)
        return decided

    async def _may_decide(self, proposal: Proposal, *, nonce: str, approve: bool, by: str, now: datetime) -> None:
        if not secrets.compare_digest(nonce.encode(), proposal.nonce.encode()):
            raise RefusedError("this button belongs to an older card; use the newest one")
        if proposal.state is not ProposalState.PENDING:
            who = proposal.approvals[-1].user_id if proposal.approvals else None
            raise RefusedError(f"already {proposal.state}" + (f" by <@{who}>" if who else ""))
        if now >= proposal.expires_at:
            await self._expire(proposal, now)
            raise RefusedError("this proposal has expired; open a new one")
        if not approve and by == proposal.requested_by:
            return  # taking back one's own request needs no authority
        await self._authorised(proposal.model, by)
        if not approve:
            return
        if self._policy.approvers_of(proposal.model).four_eyes and by == proposal.requested_by:
            raise RefusedError("four-eyes: somebody other than the requester must approve")
        await self._unchanged(proposal, now)

    async def _authorised(self, model: str, by: str) -> None:
        """Read who may, now. A list that cannot be read refuses."""
        policy = self._policy.approvers_of(model)
        if by in policy.users:
            return
        for group in sorted(policy.groups):
            try:
                members = await self._directory.members(group)
            except FaultlineError as error:
                raise RefusedError(f"the user group {group} cannot be read now, so nobody is let through") from error
            if by in members:
                return
        raise RefusedError(f"you may not decide about {model}; {_approvers_text(policy)} may")

    async def _unchanged(self, proposal: Proposal, now: datetime) -> None:
        if self._registry is None or proposal.kind is not ActionKind.ROLLBACK:
            return
        try:
            holder = await self._registry.holder(proposal.model)
        except (SourceDownError, GiveUpError) as error:
            raise RefusedError(f"the registry cannot be read now ({error}); nothing was approved") from error
        if holder != proposal.from_version:
            ended = replace(
                proposal,
                state=ProposalState.CONFLICT,
                ended_at=now,
                revision=proposal.revision + 1,
                outcome=f"version {holder} of {proposal.model} took the alias from {proposal.from_version} meanwhile",
            )
            await self._write(proposal, ended, "faultline", "conflict", now)
            raise RefusedError(f"version {holder} of {proposal.model} holds the alias by now; open a new proposal")

    async def _expire(self, proposal: Proposal, now: datetime) -> None:
        ended = replace(proposal, state=ProposalState.EXPIRED, ended_at=now, revision=proposal.revision + 1)
        await self._write(proposal, ended, "faultline", "expired", now)

    async def _write(self, before: Proposal, after: Proposal, by: str, what: str, now: datetime) -> None:
        try:
            await self._cards.write(
                after,
                expected=before.state,
                audit=self._entry(after, by, what, now),
                now=now,
                tell=after.state is ProposalState.CONFLICT,
            )
        except ConcurrentChangeError as error:
            raise RefusedError("somebody else decided a moment ago; see the card") from error

    @staticmethod
    def _entry(proposal: Proposal, by: str, what: str, now: datetime, *, because: str = "") -> AuditEntry:
        detail = {
            "model": proposal.model,
            "from": proposal.from_version,
            "to": proposal.to_version,
            "dry_run": proposal.dry_run,
            **({"because": because} if because else {}),
        }
        return AuditEntry(
            at=now, who=by, what=f"{proposal.kind}.{what}", subject=proposal.id, detail=json.dumps(detail)
        )


def _advice(incident: Incident | None) -> tuple[RollbackAdvice, str]:
    if incident is None or incident.verdict is None:
        return RollbackAdvice.UNKNOWN, "no open incident speaks for or against it"
    return incident.verdict.rollback, incident.verdict.rollback_reason


def _approvers_text(policy: ApproverPolicy) -> str:
    """Who may, as Slack mentions that the renderer keeps: they come from our own configuration."""
    people = [f"<@{user}>" for user in sorted(policy.users)]
    groups = [f"<!subteam^{group}>" for group in sorted(policy.groups)]
    return " or ".join(people + groups) or "nobody (approvers are not configured)"


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"
