"""A front desk that remembers what it was asked and refuses when told to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain.incident import IncidentId
from bot.domain.silence import Audible, SilenceEffect, SilencePreview
from bot.errors import BadInputError
from tests.slack.builders import explanation, finding, incident, proposal, silence, status


class FakeDesk:
    def __init__(self) -> None:
        self.asked: list[tuple] = []
        self.raises: Exception | None = None
        self.one = incident()

    def _ask(self, *what):
        self.asked.append(what)
        if self.raises is not None:
            raise self.raises

    async def status(self):
        self._ask("status")
        return status()

    async def incidents(self):
        self._ask("incidents")
        return (self.one,)

    async def incident(self, incident_id):
        if not self.one.id.startswith(incident_id):
            raise BadInputError(f"there is no incident {incident_id}")
        return self.one

    async def explain(self, incident_id):
        self._ask("explain", incident_id)
        return explanation()

    async def acknowledge(self, incident_id, *, by):
        self._ask("acknowledge", incident_id, by)
        return replace(self.one, acknowledged_by=by)

    async def resolve(self, incident_id, *, by):
        self._ask("resolve", incident_id, by)
        return self.one

    async def feedback(self, incident_id, answer, *, by):
        self._ask("feedback", incident_id, answer, by)
        return self.one

    async def preview_silence(self, matchers):
        self._ask("preview", tuple(str(matcher) for matcher in matchers))
        return SilencePreview(days=7, incidents=2, findings=37, examples=(finding(),))

    async def silence(self, matchers, *, duration, reason, by):
        self._ask("silence", tuple(str(matcher) for matcher in matchers), duration, reason, by)
        return silence(matchers=tuple(matchers), reason=reason, by=by, ends=silence().starts + duration)

    async def silence_effect(self, silence):
        return SilenceEffect(
            muted=(IncidentId("inc-7f3a"),),
            audible=(Audible(incident_id=IncidentId("inc-9c01"), covered=1, active=15),),
        )

    async def unsilence(self, silence_id, *, by):
        self._ask("unsilence", silence_id, by)
        return silence(ended_early_by=by, ends=silence().starts + timedelta(minutes=5))

    async def propose_rollback(self, model, *, to_version, by, incident_id=None):
        self._ask("rollback", model, to_version, by, incident_id)
        return proposal(model=model, requested_by=by)

    async def propose_retrain(self, model, *, by, incident_id=None):
        self._ask("retrain", model, by)
        return proposal(model=model, requested_by=by)

    async def decide(self, proposal_id, *, nonce, approve, by, comment=""):
        self._ask("decide", proposal_id, nonce, approve, by, comment)
        return proposal()
