"""Blame: on which side of the fault line an incident lies, and where its root is. Transparent, and able to abstain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from math import exp, log

from bot.domain.catalogue import Catalogue, EntityType
from bot.domain.finding import Finding, FindingKind
from bot.domain.incident import Incident
from bot.domain.verdict import (
    Candidate,
    Cause,
    Reasoning,
    RollbackAdvice,
    Subcause,
    Suspect,
    SuspectChange,
    Verdict,
)
from bot.pipeline.learning import with_lesson
from bot.pipeline.observe import Scene
from bot.pipeline.reasons import heaviest, ledgers
from bot.pipeline.relate import cause_time, kind_of
from bot.pipeline.signatures import SIGNATURES, Signature
from bot.pipeline.weigh import Hypothesis, Weigher
from bot.pipeline.weights import MIXED_PENALTY, SETTLED
from bot.pipeline.words import advice_text, blind_text, settle_text, term_text

CANDIDATES = 5  # shown, and considered for "mixed"
MAX_REASONS = 12
DUST = 1e-9  # nats: what rounding leaves of nothing
MAX_SUSPECTS = 10


def classify(incident: Incident, catalogue: Catalogue, scene: Scene) -> Verdict:
    """Weigh every hypothesis near the findings of an incident and say what the evidence supports."""
    findings = incident.findings
    if all(f.kind in (FindingKind.GAP, FindingKind.BLIND) for f in findings):
        return _telemetry_loss(findings)
    weigher = Weigher(findings, catalogue, scene)
    scored = _scored(weigher, findings, catalogue)
    if not scored:
        return _nothing_known(findings, catalogue)
    odds = [exp(s.score - scored[0].score) for s in scored]
    shares = [one / sum(odds) for one in odds]
    model = _doubted(_share_of_model(scored), findings, catalogue, scene)
    mixed = _mixed(scored, weigher)
    verdict = _settled(scored, model, mixed)
    verdict = replace(
        verdict,
        reasoning=_reasoning(scored, weigher),
        candidates=_candidates(scored, shares),
        suspects=_suspects(scored[0], weigher, catalogue),
        changes=_changes(scored[0], weigher, catalogue),
        ledgers=ledgers(scored, shares, mixed, weigher),
    )
    verdict = _doubt_blindness(with_lesson(verdict, scene.learnt), incident, scene)
    return _with_advice(verdict, catalogue, scene)


def _share_of_model(scored: Sequence[_Scored]) -> float:
    odds = [exp(s.score - scored[0].score) for s in scored]
    return sum((one for s, one in zip(scored, odds, strict=True) if s.cause is Cause.MODEL), 0.0) / sum(odds)


def _doubted(model: float, findings: Sequence[Finding], catalogue: Catalogue, scene: Scene) -> float:
    """What cannot be seen any more may have stayed quiet: where that would speak less for a side, it counts as quiet.

    So a signal that falls silent never makes a verdict surer than it was.
    """
    if not scene.unseen:
        return model
    quiet = replace(scene, quiet=scene.quiet | scene.unseen, unseen=frozenset())
    scored = _scored(Weigher(findings, catalogue, quiet), findings, catalogue)
    other = _share_of_model(scored) if scored else 0.5
    if (model - 0.5) * (other - 0.5) <= 0.0:
        return 0.5
    return min(model, other) if model > 0.5 else max(model, other)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    hypothesis: Hypothesis
    terms: Mapping[tuple[str, str], float]  # nats, by what each rests on
    score: float  # log prior plus all terms

    @property
    def subcause(self) -> Subcause:
        return self.hypothesis.signature.subcause

    @property
    def cause(self) -> Cause:
        return self.subcause.cause

    @property
    def entity(self) -> str:
        return self.hypothesis.entity


def _weighed(hypothesis: Hypothesis, weigher: Weigher) -> _Scored:
    terms = {term.about: term.weight for term in weigher.terms(hypothesis)}
    moved = weigher.scene.learnt.nats_of(hypothesis.signature.subcause)
    if abs(moved) > DUST:
        terms["learnt", hypothesis.signature.subcause.value] = moved
    return _Scored(hypothesis=hypothesis, terms=terms, score=log(hypothesis.prior) + sum(terms.values()))


def _scored(weigher: Weigher, findings: Sequence[Finding], catalogue: Catalogue) -> list[_Scored]:
    """Every signature at every entity from which the findings could come, the best first; one a (subcause, entity)."""
    moved = {entity for entity, _ in weigher.places}
    near = _near(moved | {finding.key.entity for finding in findings}, catalogue)
    best: dict[tuple[Subcause, str], _Scored] = {}
    for signature in SIGNATURES:
        roots = [entity for entity in near if _may_root(signature, entity, moved, catalogue)]
        for entity in roots:
            found = _weighed(Hypothesis(signature, entity, roots=len(roots)), weigher)
            if not any(about[0] == "moved" for about in found.terms):
                continue  # explains nothing
            known = best.get((found.subcause, entity))
            if known is None or found.score > known.score:
                best[found.subcause, entity] = found
    return sorted(best.values(), key=lambda s: (-s.score, s.subcause, s.entity))


def _may_root(signature: Signature, entity: str, moved: Collection[str], catalogue: Catalogue) -> bool:
    """Data is faulty where it is made: in a service that fills features, or at a model that itself shows something."""
    type_ = catalogue.entity_type(entity)
    if type_ not in signature.entities:
        return False
    if signature.subcause is not Subcause.DATA_QUALITY:
        return True
    if type_ is EntityType.SERVICE:
        return any(feature.source == entity for model in catalogue.models for feature in model.features)
    return any(catalogue.model_of(one) is catalogue.model_of(entity) for one in moved)


def _near(moved: AbstractSet[str], catalogue: Catalogue) -> tuple[str, ...]:
    """Entities that may be the root: what moved, and everything whose trouble could reach it."""
    everything = {
        *(node.name for node in catalogue.nodes),
        *(service.name for service in catalogue.services),
        *(model.name for model in catalogue.models),
        *moved,
    }
    return tuple(sorted(entity for entity in everything if moved & catalogue.downstream(entity).keys()))


def _settled(scored: Sequence[_Scored], model: float, mixed: tuple[_Scored, _Scored] | None) -> Verdict:
    best = scored[0]
    if mixed is not None:
        return Verdict(
            cause=Cause.MIXED,
            subcauses=tuple(s.subcause for s in mixed),
            entity=mixed[0].entity,
            model_probability=0.5,
        )
    if max(model, 1.0 - model) < SETTLED:
        rivals = [best, *(s for s in scored if s.cause is not best.cause)][:2]
        return Verdict(
            cause=Cause.UNDETERMINED,
            subcauses=tuple(s.subcause for s in rivals),
            entity="",
            model_probability=model,
            settle=settle_text(rivals[0].hypothesis, rivals[-1].hypothesis),
        )
    side = Cause.MODEL if model >= SETTLED else Cause.INFRASTRUCTURE
    winner = next(s for s in scored if s.cause is side)
    return Verdict(cause=side, subcauses=(winner.subcause,), entity=winner.entity, model_probability=model)


def _mixed(scored: Sequence[_Scored], weigher: Weigher) -> tuple[_Scored, _Scored] | None:
    """Two causes, one of each side, that together explain so much more than either that two troubles are likelier."""
    models = [s for s in scored if s.cause is Cause.MODEL][:CANDIDATES]
    others = [s for s in scored if s.cause is Cause.INFRASTRUCTURE][:CANDIDATES]
    best: tuple[float, tuple[_Scored, _Scored]] | None = None
    for one in models:
        for two in others:
            if not (_own_sign(one) and _own_sign(two)):
                continue
            about = {*one.terms, *two.terms}
            joint = sum(
                max(one.terms.get(a, 0.0), two.terms.get(a, 0.0))
                if a[0] == "moved"
                else one.terms.get(a, 0.0) + two.terms.get(a, 0.0)
                for a in about
            )
            score = joint + log(one.hypothesis.prior) + log(two.hypothesis.prior) - MIXED_PENALTY
            if best is None or score > best[0]:
                best = (score, (one, two))
    if best is None or best[0] <= scored[0].score + log(max(2, len(weigher.places))):
        return None
    return best[1]


def _own_sign(scored: _Scored) -> bool:
    """Whether something that tells this cause from others has moved at its root."""
    return ("unseen", scored.entity) not in scored.terms


def _reasoning(scored: Sequence[_Scored], weigher: Weigher) -> tuple[Reasoning, ...]:
    """What separates the best explanation of one side from the best of the other, heaviest first."""
    model = next((s for s in scored if s.cause is Cause.MODEL), None)
    infra = next((s for s in scored if s.cause is Cause.INFRASTRUCTURE), None)
    lines = []
    for about in {*(model.terms if model else ()), *(infra.terms if infra else ())}:
        weight = (model.terms.get(about, 0.0) if model else 0.0) - (infra.terms.get(about, 0.0) if infra else 0.0)
        if abs(weight) < 0.1 or about[0] == "learnt":  # what was learnt gets one line of its own, in words
            continue
        owner = model if model and about in model.terms else infra
        assert owner is not None
        change = weigher.foremost(owner.hypothesis)
        text = term_text(about, owner.hypothesis, weigher.places, change, weight=owner.terms[about])
        entity = about[1].rpartition(":")[0] if about[0] in ("moved", "quiet") else about[1]
        lines.append(Reasoning(text=text, weight=round(weight, 2), entity=entity, kind=about[0]))
    return heaviest(lines, MAX_REASONS)


def _candidates(scored: Sequence[_Scored], shares: Sequence[float]) -> tuple[Candidate, ...]:
    return tuple(
        Candidate(cause=s.cause, subcause=s.subcause, entity=s.entity, probability=round(p, 4))
        for s, p in list(zip(scored, shares, strict=True))[:CANDIDATES]
    )


def _suspects(best: _Scored, weigher: Weigher, catalogue: Catalogue) -> tuple[Suspect, ...]:
    """Series that may be the root: the root's own signs first, then early ones; never by loudness alone."""
    hops = weigher.reach(best.entity, best.hypothesis.signature)
    first = min(cause_time(f, catalogue) for f in weigher.places.values())
    ranked = []
    for (entity, kind), finding in weigher.places.items():
        own = best.hypothesis.signature.own.get(kind, 0.0) if hops.get(entity) == 0 else 0.0
        late = (cause_time(finding, catalogue) - first).total_seconds() / catalogue.step_s
        loud = min(1.0, abs(finding.evidence.peak_z) / 30.0)
        score = 0.6 * own + 0.25 * exp(-late / 5.0) + 0.15 * loud
        ranked.append(Suspect(key=finding.key, onset=finding.onset, score=round(score, 3)))
    return tuple(sorted(ranked, key=lambda s: (-s.score, s.onset, str(s.key)))[:MAX_SUSPECTS])


def _changes(best: _Scored, weigher: Weigher, catalogue: Catalogue) -> tuple[SuspectChange, ...]:
    """Changes near the onset at entities involved; those that the best explanation needs weigh full."""
    needed = set(weigher.matching(best.hypothesis))
    moved = {entity for entity, _ in weigher.places}
    found = []
    for change in weigher.scene.changes:
        weight = weigher.nearness(change)
        if weight <= 0.0 or not moved & set(catalogue.downstream(change.entity)):
            continue
        found.append(SuspectChange(change=change, weight=round(weight if change in needed else 0.3 * weight, 3)))
    return tuple(sorted(found, key=lambda c: -c.weight)[:CANDIDATES])


def _telemetry_loss(findings: Sequence[Finding]) -> Verdict:
    silent = Counter(finding.key.entity for finding in findings)
    blind = sorted({f.key.entity for f in findings if f.kind is FindingKind.BLIND})
    root = blind[0] if blind else min(silent, key=lambda entity: (-silent[entity], entity))
    return Verdict(
        cause=Cause.INFRASTRUCTURE,
        subcauses=(Subcause.TELEMETRY_LOSS,),
        entity=root,
        model_probability=0.05,
        reasoning=(Reasoning(text=blind_text(findings), weight=-3.0, entity=root),),
        candidates=(
            Candidate(cause=Cause.INFRASTRUCTURE, subcause=Subcause.TELEMETRY_LOSS, entity=root, probability=0.95),
        ),
        suspects=tuple(Suspect(key=f.key, onset=f.onset, score=0.5) for f in findings[:MAX_SUSPECTS]),
        rollback=RollbackAdvice.NOT_ADVISED,
        rollback_reason="data is missing; nothing says that a model is at fault",
    )


def _nothing_known(findings: Sequence[Finding], catalogue: Catalogue) -> Verdict:
    """Findings about things the catalogue does not place: say so instead of guessing."""
    kinds = {kind for f in findings if (kind := kind_of(f, catalogue))}
    return Verdict(
        cause=Cause.UNDETERMINED,
        subcauses=(),
        entity=findings[0].key.entity,
        model_probability=0.5,
        settle="declare the entities of these signals in the catalogue, so that the topology can be used"
        if kinds
        else "declare these signals in the catalogue",
    )


def _doubt_blindness(verdict: Verdict, incident: Incident, scene: Scene) -> Verdict:
    """A verdict that rests on signals we can no longer see is not a verdict."""
    unseen = sorted({f.key.signal for f in incident.active_findings if f.key.signal in scene.blind_signals})
    if not unseen:
        return verdict
    return replace(
        verdict,
        cause=Cause.UNDETERMINED,
        settle=f"{', '.join(unseen[:4])} cannot be read now; the verdict waits for the data to return",
    )


def _with_advice(verdict: Verdict, catalogue: Catalogue, scene: Scene) -> Verdict:
    """Would a rollback help? Only a version that precedes the trouble is undone by undoing it."""

    def advised(advice: RollbackAdvice, reason: str, *, done: bool = False) -> Verdict:
        return replace(verdict, rollback=advice, rollback_reason=reason, rolled_back=done)

    if Subcause.BAD_VERSION not in verdict.subcauses:
        return advised(RollbackAdvice.NOT_ADVISED, advice_text(verdict, target=None))
    if verdict.cause is not Cause.MODEL or catalogue.entity_type(verdict.entity) is not EntityType.MODEL:
        return advised(RollbackAdvice.UNKNOWN, advice_text(verdict, target=None))
    model = verdict.entity
    target, serving = scene.healthy_before.get(model), scene.serving.get(model)
    blamed = next((c.change.to for c in verdict.changes if c.change.entity == model and c.change.to), None)
    if blamed is not None and serving is not None and serving != blamed:
        return advised(RollbackAdvice.ADVISED, f"and it is done: version {serving} serves again", done=True)
    if target is None or blamed is None:
        return advised(RollbackAdvice.UNKNOWN, advice_text(verdict, target=None))
    return advised(RollbackAdvice.ADVISED, advice_text(verdict, target=target))
