"""`faultline explain`: a stored incident as Slack shows it, and on request the ledger of its verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from bot.config import Settings
from bot.domain.catalogue import Catalogue
from bot.domain.incident import Incident
from bot.domain.message import EvidenceMessage
from bot.domain.verdict import Verdict
from bot.errors import BadInputError
from bot.pipeline.phrasing import MAX_NAME, MAX_TEXT, clean
from bot.pipeline.why import why_json, why_lines
from bot.ports import Store
from bot.service import find_incident
from bot.slack.render.blocks import texts_of
from bot.slack.render.evidence import render_evidence
from bot.slack.render.headline import rollback_line, title_of
from bot.slack.render.numbers import clock_text
from bot.slack.render.replies import plainly
from bot.store.sql import open_store

NEAREST = 5  # ids that are offered for one that is not there


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One incident, ready to be printed."""

    incident: Incident
    catalogue: Catalogue
    why: bool

    def lines(self) -> Iterator[str]:
        """For a person: the headline, the verdict, what the thread shows, and the ledger when it was asked for."""
        incident, verdict = self.incident, self.incident.verdict
        yield plainly(title_of(incident))
        ended = f"resolved {clock_text(incident.resolved)}" if incident.resolved else "not resolved"
        yield f"{clean(incident.id, limit=MAX_NAME)}, {incident.severity}, since {clock_text(incident.onset)}, {ended}"
        if verdict is not None:
            model = verdict.model_probability
            yield f"Verdict: {verdict.cause}; model {model:.1%}, infrastructure {1.0 - model:.1%}"
            yield plainly(rollback_line(verdict))
        for text in _thread(incident, self.catalogue):
            yield ""
            yield from text.split("\n")
        if self.why:
            yield ""
            yield from why_lines(verdict) if verdict is not None else ("This incident was never judged.",)

    def as_json(self) -> dict[str, Any]:
        """For a program: the same facts as values; times are ISO 8601 in UTC."""
        incident, verdict = self.incident, self.incident.verdict
        found = {
            "incident": incident.id,
            "state": incident.state.value,
            "severity": incident.severity.value,
            "onset": incident.onset.isoformat(),
            "opened": incident.opened.isoformat(),
            "resolved": incident.resolved.isoformat() if incident.resolved else None,
            "headline": plainly(title_of(incident)),
            "facts": [text.split("\n") for text in _thread(incident, self.catalogue)],
            "verdict": _verdict_json(verdict) if verdict is not None else None,
        }
        if self.why:
            found["why"] = why_json(verdict) if verdict is not None else None
        return found


def _thread(incident: Incident, catalogue: Catalogue) -> list[str]:
    """Give the evidence as the thread shows it, section by section, without markup."""
    rendered = render_evidence(EvidenceMessage(incident=incident), catalogue=catalogue)
    return [plainly(text) for text in texts_of(rendered.all_blocks())]


def _verdict_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "cause": verdict.cause.value,
        "subcauses": [one.value for one in verdict.subcauses],
        "entity": verdict.entity,
        "probability": verdict.probability,
        "model_probability": verdict.model_probability,
        "reasons": [
            {"kind": one.kind, "entity": one.entity, "text": one.text, "nats_for_model": one.weight}
            for one in verdict.reasoning
        ],
        "candidates": [
            {"cause": c.cause.value, "subcause": c.subcause.value, "entity": c.entity, "probability": c.probability}
            for c in verdict.candidates
        ],
        "settle": verdict.settle,
        "rollback": verdict.rollback.value,
        "rollback_reason": verdict.rollback_reason,
        "rolled_back": verdict.rolled_back,
    }


async def explain(settings: Settings, wanted: str, *, why: bool) -> Explained:
    """Read one incident beside a running bot. Raises BadInputError, StoreDownError."""
    store = await open_store(settings.database_url, read_only=True)
    try:
        return Explained(incident=await _incident(store, wanted), catalogue=settings.catalogue, why=why)
    finally:
        await store.close()


async def _incident(store: Store, wanted: str) -> Incident:
    found, recent = await find_incident(store, wanted)
    if len(found) == 1:
        return found[0]
    if found:
        raise BadInputError(f"INCIDENT: {_names(found)} begin so: give one more character")
    if not recent:
        raise BadInputError("INCIDENT: the store holds no incident yet")
    ids = [one.id for one in recent]
    near = get_close_matches(wanted, ids, n=NEAREST, cutoff=0.0)
    names = clean(", ".join(near), limit=MAX_TEXT)
    raise BadInputError(f"INCIDENT: {clean(wanted, limit=MAX_NAME)!r} is not there; the nearest ids are {names}")


def _names(found: Sequence[Incident]) -> str:
    return clean(", ".join(one.id for one in found[:NEAREST]), limit=MAX_TEXT)
