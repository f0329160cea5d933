"""Proposals and the actor over one store, registry and clock. Every step is taken by a new process."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.acting import Actor
from bot.clock import ManualClock
from bot.domain.incident import Member
from bot.domain.policy import ApproverPolicy, RollbackPolicy
from bot.domain.proposal import Approval, ProposalState
from bot.metrics import Metrics
from bot.ports import Changeset, IncidentWrite, ProposalWrite
from bot.proposing import Proposals
from tests.app.builders import ANNA, BEN, HOUR, T0, TWO_MODELS, proposal, served
from tests.app.fakes import FakeDirectory, FakeMover, FakeRegistry, FakeRetrainer, WatchedStore, registered

SETTLE = timedelta(minutes=2)
POLICY = RollbackPolicy(approvers={"*": ApproverPolicy(users=frozenset({BEN}))}, dry_run=False)


class Bench:
    """Version 4 of fraud serves since an hour ago; version 3 served well for a day before, version 2 before that."""

    def __init__(
        self, *outcomes, policy=POLICY, catalogue=TWO_MODELS, registry=True, can_retrain=True, log_settles=None
    ):
        self.clock = ManualClock(T0)
        self.store = WatchedStore()
        self.registry = FakeRegistry({"fraud": "4", "churn": "1"}, registered("2", "3", "4")) if registry else None
        self.mover = FakeMover(self.registry, *outcomes)
        self.retrainer = FakeRetrainer(*outcomes)
        self.directory = FakeDirectory(S0ML={BEN})
        self.serving = {"fraud": "4"}
        self.policy = policy
        self.metrics = Metrics()
        self._catalogue = catalogue
        self._can_retrain = can_retrain
        self._log_settles = log_settles

    async def remember(self, *events):
        await self.store.commit(
            Changeset(
                deploys=events
                or (
                    served("2", at=T0 - 48 * HOUR),
                    served("3", at=T0 - 25 * HOUR, previous="2"),
                    served("4", at=T0 - HOUR, previous="3"),
                )
            )
        )

    @property
    def proposals(self):
        return Proposals(
            store=self.store,
            registry=self.registry,
            directory=self.directory,
            catalogue=self._catalogue,
            clock=self.clock,
            policy=self.policy,
            can_retrain=self._can_retrain,
        )

    @property
    def actor(self):
        return Actor(
            store=self.store,
            registry=self.registry,
            mover=self.mover,
            retrainer=self.retrainer if self._can_retrain else None,
            catalogue=self._catalogue,
            clock=self.clock,
            policy=self.policy,
            settle=SETTLE,
            serving=self.serving,
            log_settles=self._log_settles,
            metrics=self.metrics,
        )

    async def rollback(self, model="fraud", *, to_version=None, by=ANNA, incident=None):
        return await self.proposals.propose_rollback(model, to_version=to_version, by=by, incident=incident)

    async def decide(self, one, *, approve=True, by=BEN, nonce=None, comment=""):
        return await self.proposals.decide(
            one.id, nonce=one.nonce if nonce is None else nonce, approve=approve, by=by, comment=comment
        )

    async def put_proposal(self, **changes):
        """Let a proposal stand in the store as it is."""
        one = proposal(**changes)
        await self.store.commit(Changeset(proposals=(ProposalWrite(proposal=one, expected_state=None),)))
        return one

    async def approved(self, **changes):
        """An approved rollback of fraud from 4 to 3."""
        one = proposal(**changes)
        yes = Approval(proposal_id=one.id, user_id=BEN, approve=True, at=T0)
        return await self.put_proposal(**{**changes, "state": ProposalState.APPROVED, "approvals": (yes,)})

    async def step(self, times=1, *, apart=timedelta()):
        """Advance so often, each time by an actor that knows nothing but the store."""
        for _ in range(times):
            await self.actor.advance()
            await self.clock.advance(apart)

    async def state(self, name="prop-1"):
        return (await self.store.proposal(name)).state

    async def outcome(self, name="prop-1"):
        return (await self.store.proposal(name)).outcome

    async def recovered(self, name="inc-7f3a", *, only=None):
        """Let every series of an incident, or only one, be back since now."""
        old = await self.store.incident(name)
        now = self.clock.now()
        members = tuple(
            Member(finding=one.finding, ended=now) if only in (None, one.finding.key) else one for one in old.members
        )
        new = replace(old, members=members, revision=old.revision + 1)
        await self.store.commit(Changeset(incidents=(IncidentWrite(incident=new, expected_revision=old.revision),)))

    async def audited(self):
        """What was recorded so far, oldest first: (who, what)."""
        return [(one.who, one.what) for one in reversed(await self.store.audit(limit=100))]
