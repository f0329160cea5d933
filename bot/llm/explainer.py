"""Words for an incident: a language model's when they hold, the template's otherwise. Never late, never an error."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import replace

from bot.clock import Clock
from bot.domain.explanation import EvidencePack, Explanation
from bot.llm import template
from bot.llm.budget import Breaker, Budget, Cache, CacheKey, Permit
from bot.llm.checks import checks_for, sentences
from bot.llm.prompts import Prompt, load, render_explain
from bot.llm.provider import Provider, Result, Unavailable
from bot.llm.redact import redact_pack
from bot.llm.reply import Reply
from bot.llm.verifier import Checked, Rejected, verify
from bot.metrics import Metrics

log = logging.getLogger(__name__)

CAP_NOTES = {
    Permit.INCIDENT_CAP: "the language model has been asked often enough about this incident",
    Permit.HOUR_CAP: "the language model is at its hourly cap",
    Permit.DAY_CAP: "the language model is at its daily cap",
    Permit.TOKENS_CAP: "the language model is at its daily cap",
    Permit.BREAKER_OPEN: "the language model is not available",
}


class GroundedExplainer:
    """Implements `ports.Explainer`.

    provider: None writes every explanation from the template.
    patience_s: how long one may wait for another's call to end before the template answers.
    """

    def __init__(
        self,
        provider: Provider | None,
        *,
        clock: Clock,
        metrics: Metrics,
        rng: random.Random | None = None,
        prompt: Prompt | None = None,
        budget: Budget | None = None,
        breaker: Breaker | None = None,
        cache: Cache | None = None,
        patience_s: float = 30.0,
    ) -> None:
        self._provider = provider
        self._clock = clock
        self._metrics = metrics
        self._rng = rng or random.SystemRandom()
        self._prompt = prompt or (load() if provider is not None else None)
        self._budget = budget or Budget()
        self._breaker = breaker or Breaker()
        self._cache = cache or Cache()
        self._patience_s = patience_s
        self._turn = asyncio.Lock()  # one call at a time: a storm queues here instead of at the provider

    async def explain(self, pack: EvidencePack) -> Explanation:
        pack = redact_pack(pack)
        if self._provider is None or self._prompt is None:
            return self._template(pack, "no_provider")
        try:
            return await self._with_model(pack, self._provider, self._prompt)
        except Exception:
            # The last line of a promise: whatever breaks above, the thread gets its explanation.
            log.exception("explaining failed", extra={"incident": pack.incident_id})
            return self._template(pack, "error", note="the language model could not be used")

    async def close(self) -> None:
        if self._provider is not None:
            await self._provider.close()

    async def _with_model(self, pack: EvidencePack, provider: Provider, prompt: Prompt) -> Explanation:
        try:
            async with asyncio.timeout(self._patience_s):
                await self._turn.acquire()
        except TimeoutError:
            return self._template(pack, "busy", note="the language model is busy")
        try:
            key: CacheKey = (prompt.sha256, pack.digest, provider.name)
            known = self._cache.get(key, now=self._clock.now())
            if known is not None:
                self._count("cached")
                return replace(known, incident_id=pack.incident_id)
            explanation = await self._ask(pack, provider, prompt)
            if explanation.author != template.AUTHOR:
                self._cache.put(key, explanation, now=self._clock.now())
            return explanation
        finally:
            self._turn.release()

    async def _ask(self, pack: EvidencePack, provider: Provider, prompt: Prompt) -> Explanation:
        now = self._clock.now()
        permit = Permit.BREAKER_OPEN if self._breaker.open(now=now) else self._budget.permit(pack.incident_id, now=now)
        if permit is not Permit.GRANTED:
            return self._template(pack, permit.value, note=CAP_NOTES[permit])
        rendered = render_explain(prompt, pack, rng=self._rng)
        if rendered.estimated_tokens > prompt.meta.max_input_tokens:
            return self._template(pack, "too_long", note="the evidence is too long for the language model")
        self._budget.called(pack.incident_id, now=now)
        answer = await provider.complete(Reply, rendered)
        if isinstance(answer, Unavailable):
            self._breaker.failed(now=self._clock.now())
            return self._template(pack, "unavailable", note=f"the language model was asked; {answer.because}")
        self._breaker.succeeded()
        self._spent(answer)
        checked = verify(answer.value.draft(), pack)
        if isinstance(checked, Rejected):
            log.info("explanation rejected", extra={"incident": pack.incident_id, "because": checked.because})
            return self._template(pack, "rejected", note="the language model's text failed its checks")
        self._count("written")
        return self._written(pack, checked, answer.value, provider.name, prompt.name)

    def _spent(self, answer: Result[Reply]) -> None:
        self._budget.spent(answer.tokens_in + answer.tokens_out, now=self._clock.now())
        self._metrics.llm_tokens.labels(direction="in").inc(answer.tokens_in)
        self._metrics.llm_tokens.labels(direction="out").inc(answer.tokens_out)

    def _count(self, outcome: str) -> None:
        self._metrics.llm_calls.labels(outcome=outcome).inc()

    def _template(self, pack: EvidencePack, outcome: str, *, note: str = "") -> Explanation:
        self._count(outcome)
        return template.explain(pack, note=note)

    def _written(self, pack: EvidencePack, checked: Checked, reply: Reply, author: str, prompt: str) -> Explanation:
        return Explanation(
            incident_id=pack.incident_id,
            hypothesis_id=checked.hypothesis_id,
            claims=checked.claims,
            facts=template.cited_facts(pack, checked.claims),
            next_checks=sentences(reply.next_checks or checks_for(pack)),
            author=author,
            prompt=prompt,
            checked=checked.checked,
            dropped=checked.dropped,
            note=_disagreement(pack, checked.hypothesis_id),
        )


def _disagreement(pack: EvidencePack, chosen: str | None) -> str:
    """Say it when the model chose otherwise than the verdict; the verdict stands in any case."""
    settled = template.settled(pack)
    if chosen is None or not settled or chosen in settled:
        return ""
    other = next(hypothesis.text for hypothesis in pack.hypotheses if hypothesis.id == chosen)
    return f"the language model favours another cause ({other}); the verdict stands"
