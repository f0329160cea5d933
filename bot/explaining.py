"""Explain afterwards, never in the way: the thread stands with its numbers before anybody looks for words."""

from __future__ import annotations

import logging

from bot.clock import Clock
from bot.domain.catalogue import Catalogue
from bot.domain.incident import Incident, IncidentId
from bot.domain.message import ExplanationMessage, Slot
from bot.pipeline.evidence import build_pack
from bot.pipeline.speak import item
from bot.ports import Changeset, Explainer, Store

log = logging.getLogger(__name__)


class Explaining:
    """Explains a verdict once, and again when it or its reach changes; repeats of an alert cost nothing."""

    def __init__(self, *, store: Store, explainer: Explainer, catalogue: Catalogue, clock: Clock) -> None:
        self._store = store
        self._explainer = explainer
        self._catalogue = catalogue
        self._clock = clock
        self._done: dict[IncidentId, str] = {}

    async def catch_up(self) -> int:
        """Explain one incident that people were told of and have no words for yet; the worst first.

        One a call, so that no answer is cut off for the length of the queue. Returns how many were explained.
        """
        now = self._clock.now()
        live = [i for i in await self._store.live_incidents(resolved_since=now) if i.open]
        told = await self._store.told([i.id for i in live])
        self._done = {i: key for i, key in self._done.items() if i in told}
        for incident in sorted(live, key=lambda i: (-i.severity.rank, i.opened)):
            if incident.id in told and await self._wants_words(incident):
                await self._explain(incident)
                return 1
        return 0

    async def _wants_words(self, incident: Incident) -> bool:
        key = verdict_key(incident, self._catalogue)
        known = self._done.get(incident.id)
        if known is None and await self._store.posted(incident.id, Slot.EXPLANATION) is not None:
            self._done[incident.id] = key  # explained by an earlier process
            return False
        return known != key

    async def _explain(self, incident: Incident) -> None:
        explanation = await self._explainer.explain(build_pack(incident, self._catalogue))
        now = self._clock.now()
        message = ExplanationMessage(explanation=explanation)
        await self._store.commit(
            Changeset(outbox=(item(incident.id, Slot.EXPLANATION, message, revision=incident.revision, now=now),))
        )
        self._done[incident.id] = verdict_key(incident, self._catalogue)
        log.info("explained", extra={"incident": incident.id, "author": explanation.author})


def verdict_key(incident: Incident, catalogue: Catalogue) -> str:
    """What an explanation is about; numbers and times stay out, or every tick would ask for new words.

    The verdict, how bad it is, and which models feel it: when a full disk has reached a model, that must be said.
    """
    verdict = incident.verdict
    if verdict is None:
        return ""
    models = sorted({owner.name for entity in incident.entities if (owner := catalogue.model_of(entity))})
    return "/".join((verdict.cause, verdict.subcause_words, verdict.entity, incident.severity, *models))
