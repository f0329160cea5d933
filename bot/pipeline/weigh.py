"""Weigh one hypothesis: how well a way of going wrong, at an entity, accounts for what moved and what did not.

A noisy-or over the topology with tempering, after Shrink (2005) and Sherlock (2007). All weights are natural logarithms
of likelihood ratios against "nothing there".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from math import exp, log

from bot.domain.catalogue import Catalogue, EntityType, Kind, Side
from bot.domain.change import Change
from bot.domain.finding import Direction, Finding, FindingKind
from bot.domain.verdict import Subcause
from bot.pipeline.observe import Place, Scene
from bot.pipeline.relate import LATE_KINDS, cause_time, kind_of
from bot.pipeline.signatures import Signature
from bot.pipeline.weights import (
    ARGUABLE,
    CARRYING,
    CHANGE_CAP,
    CHANGE_LATE_TICKS,
    CHANGE_MEMORY,
    CHANGE_TAU,
    CHANGE_UNSEEN,
    DATED_TICKS,
    DECAY,
    DEMAND_ABOVE,
    EMPTY,
    FIRST_OF_ROOT,
    FULL,
    HELPING_CHANGE_CAP,
    ILL_CARRIER,
    LATE_A_TICK,
    LEAD_A_TICK,
    LEAD_CAP,
    LEAST_FILLED,
    NO_CHANGE,
    PATIENCE,
    PLAIN_SIGMAS,
    PRIOR_SPREAD,
    QUIET_BELOW,
    QUIET_RATE,
    ROOT_SIGN,
    SAME_TIME_TICKS,
    TEMPER,
    UNSEEN_ROOT,
    UPSTREAM_FIRST,
    UPSTREAM_TOGETHER,
)

SATURATES = {
    Subcause.CPU_SATURATION: Kind.CPU,
    Subcause.MEMORY_SATURATION: Kind.MEMORY,
    Subcause.DISK_SATURATION: Kind.DISK,
}


@dataclass(frozen=True, slots=True)
class Hypothesis:
    signature: Signature
    entity: str
    roots: int = 1  # entities that the cause could sit at here

    @property
    def prior(self) -> float:
        """Its share of all troubles: a larger system has more places to look at, not many more troubles."""
        return float(self.signature.prior / self.roots**PRIOR_SPREAD)

    @property
    def name(self) -> str:
        return f"{self.signature.name} at {self.entity}"


@dataclass(frozen=True, slots=True)
class Term:
    """One line of the argument. `about` names what it rests on, so that terms of two hypotheses can be compared."""

    about: tuple[str, str]  # ("moved", "fraud:prediction"), ("quiet", ...), ("order", ""), ("change", ...)
    weight: float


def chance(hypothesis: Hypothesis, kind: Kind, hops: int) -> float:
    """How likely a series of this kind, so many hops below the root, leaves its range. 0 <= p < 1."""
    signature = hypothesis.signature
    own = signature.own.get(kind, 0.0) if hops == 0 else 0.0
    below = signature.downstream.get(kind, 0.0) * DECAY ** max(0, hops - 1) if hops > 0 else 0.0
    return QUIET_RATE + (1.0 - QUIET_RATE) * max(own, below)  # exactly QUIET_RATE when it does nothing


@cache
def _worth_of_silence(signature: Signature, hops: int) -> Mapping[Kind, float]:
    """Nats by kind for a place that stayed quiet, so many hops below the root; kept, as each tick asks for thousands.

    Kinds of which too little is expected to argue from are absent: hundreds of such crumbs would drown the rest.
    """
    likely = {kind: chance(Hypothesis(signature, ""), kind, hops) for kind in {*signature.own, *signature.downstream}}
    return {kind: TEMPER * log((1.0 - p) / (1.0 - QUIET_RATE)) for kind, p in likely.items() if p >= ARGUABLE}


class Weigher:
    """Weighs hypotheses about one incident. Holds what is common to all of them, so that each costs little."""

    def __init__(self, findings: Sequence[Finding], catalogue: Catalogue, scene: Scene) -> None:
        self._catalogue = catalogue
        self.scene = scene
        self._findings = [f for f in findings if f.kind not in (FindingKind.GAP, FindingKind.BLIND)]
        self._reach: dict[tuple[str, bool], Mapping[str, int]] = {}
        self._moved: dict[Place, Finding] = {}
        for finding in self._findings:
            kind = kind_of(finding, catalogue)
            if kind is None:
                continue
            place = (_whole(finding.key.entity, kind, catalogue), kind)
            known = self._moved.get(place)
            if known is None or _rank(finding) < _rank(known):
                self._moved[place] = finding
        self._began, self._seen = _onset_between(self._findings, catalogue, scene)
        self._quiet: dict[str, list[Kind]] = {}
        for entity, kind in scene.quiet:
            self._quiet.setdefault(entity, []).append(kind)

    @property
    def places(self) -> Mapping[Place, Finding]:
        return self._moved

    def reach(self, entity: str, signature: Signature) -> Mapping[str, int]:
        """Hops from the root to everything it can affect.

        The features that a service fills count as its own, and so does what a model's features do in the
        case of a population that moved: the fault is in the values, wherever they are measured.
        """
        key = (entity, signature.by_load)
        if key not in self._reach:
            self._reach[key] = self._catalogue.downstream(entity, by_load=signature.by_load)
        hops = self._reach[key]
        if signature.subcause is Subcause.DATA_QUALITY and self._catalogue.entity_type(entity) is EntityType.SERVICE:
            return {e: 0 if self._catalogue.feature_source(e) == entity else n for e, n in hops.items()}
        return hops

    def terms(self, hypothesis: Hypothesis) -> list[Term]:
        """Every term of the score except the prior."""
        hops = self.reach(hypothesis.entity, hypothesis.signature)
        return [
            *self._explained(hypothesis, hops),
            *self._inferred(hypothesis, hops),
            *self._silent(hypothesis, hops),
            *self._order(hypothesis, hops),
            *self._first(hypothesis, hops),
            *self._upstream(hypothesis, hops),
            *self._ill(hypothesis),
            *self._demand(hypothesis),
            *self._changes(hypothesis),
        ]

    def _explained(self, hypothesis: Hypothesis, hops: Mapping[str, int]) -> Iterable[Term]:
        for (entity, kind), finding in self._moved.items():
            if entity not in hops:
                continue
            if self._against(finding, kind, hypothesis.signature):
                continue
            gain = log(chance(hypothesis, kind, hops[entity]) / QUIET_RATE)
            strength = min(1.0, abs(finding.evidence.peak_z) / PLAIN_SIGMAS)
            if gain > 0:
                strength *= self._filled(finding, kind, hops[entity], hypothesis.signature)
                yield Term(("moved", f"{entity}:{kind}"), TEMPER * strength * gain)

    def _against(self, finding: Finding, kind: Kind, signature: Signature) -> bool:
        """Whether it moved in a way that this cause does not move it.

        Fewer requests are no surge; more work a request is what is asked for, not a resource that runs out.
        """
        if signature.subcause not in (Subcause.TRAFFIC_SURGE, Subcause.CPU_SATURATION):
            return False
        signal = self._catalogue.signal.get(finding.key.signal)
        work = kind is Kind.CPU and signal is not None and signal.timed
        return work or (kind in (Kind.TRAFFIC, Kind.CPU) and finding.direction is Direction.DOWN)

    def _filled(self, finding: Finding, kind: Kind, hops: int, signature: Signature) -> float:
        """How much of a resource is used up, where that is known: one that is half empty starves nobody.

        Returns a factor on what the movement is worth to a cause that is this resource running out at its root.
        """
        signal = self._catalogue.signal.get(finding.key.signal)
        if hops > 0 or signal is None or SATURATES.get(signature.subcause) is not kind or not signal.whole:
            return 1.0
        used = (finding.evidence.expected + finding.evidence.peak_z * finding.evidence.scale) / signal.whole
        return max(LEAST_FILLED, min(1.0, (used - EMPTY) / (FULL - EMPTY)))

    def _inferred(self, hypothesis: Hypothesis, hops: Mapping[str, int]) -> Iterable[Term]:
        """A cause of which nothing was seen where it should sit is only a guess that fits."""
        model = hypothesis.entity if self._catalogue.entity_type(hypothesis.entity) is EntityType.MODEL else None
        for (entity, kind), finding in self._moved.items():
            if self._against(finding, kind, hypothesis.signature):
                continue
            at_root = hops.get(entity) == 0 or (model is not None and entity.startswith(f"{model}/"))
            if at_root and kind in hypothesis.signature.signs:
                return
        yield Term(("unseen", hypothesis.entity), UNSEEN_ROOT)

    def _silent(self, hypothesis: Hypothesis, hops: Mapping[str, int]) -> Iterable[Term]:
        age = self.scene.now - self._seen
        below: list[Term] = []
        for entity, distance in hops.items():
            worth = _worth_of_silence(hypothesis.signature, distance)
            for kind in self._quiet.get(entity, ()):
                if kind not in worth or (entity, kind) in self._moved:
                    continue  # quiet again is not quiet
                if distance > 0 and age < PATIENCE:
                    continue
                if kind in LATE_KINDS and age < PATIENCE + self._label_delay(entity):
                    continue
                term = Term(("quiet", f"{entity}:{kind}"), worth[kind])
                if distance == 0:
                    yield term
                else:
                    below.append(term)
        total = sum(term.weight for term in below)
        share = min(1.0, QUIET_BELOW / total) if total < 0 else 1.0
        yield from (Term(term.about, share * term.weight) for term in below)

    def _label_delay(self, entity: str) -> timedelta:
        model = self._catalogue.model_of(entity)
        return timedelta(seconds=model.label_delay_s if model else 0.0)

    def _order(self, hypothesis: Hypothesis, hops: Mapping[str, int]) -> Iterable[Term]:
        """A root moves before its symptoms: for it when it leads, against it when symptoms came first."""
        step = timedelta(seconds=self._catalogue.step_s)
        dated = {place: f for place, f in self._moved.items() if f.detected - f.onset <= DATED_TICKS * step}
        roots = [
            f.onset
            for (entity, kind), f in dated.items()
            if hops.get(entity) == 0 and hypothesis.signature.own.get(kind, 0.0) >= ROOT_SIGN and kind not in LATE_KINDS
        ]
        # when late labels began to tell is known to within their delay: too loose to say who came first
        symptoms = [
            f.onset for (entity, kind), f in dated.items() if hops.get(entity, 0) > 0 and kind not in LATE_KINDS
        ]
        if not roots or not symptoms:
            return
        lead = (min(symptoms) - min(roots)).total_seconds() / self._catalogue.step_s  # ticks
        if abs(lead) <= SAME_TIME_TICKS:
            return
        weight = max(-LEAD_CAP, LATE_A_TICK * lead) if lead < 0 else min(LEAD_CAP, LEAD_A_TICK * lead)
        yield Term(("order", hypothesis.entity), weight)

    def _first(self, hypothesis: Hypothesis, hops: Mapping[str, int]) -> Iterable[Term]:
        """At the root itself, what the cause is about moves first: replicas go, then the rest is slow."""
        about = hypothesis.signature.about
        slack = timedelta(seconds=DATED_TICKS * self._catalogue.step_s)
        there = {
            (kind, f.onset)
            for (entity, kind), f in self._moved.items()
            if hops.get(entity) == 0 and kind not in LATE_KINDS and f.detected - f.onset <= slack
        }
        own = [onset for kind, onset in there if kind in about]
        rest = [onset for kind, onset in there if kind not in about]
        if not own or not rest:
            return
        lead = (min(rest) - min(own)).total_seconds() / self._catalogue.step_s  # ticks
        if abs(lead) >= SAME_TIME_TICKS:
            yield Term(("first", hypothesis.entity), FIRST_OF_ROOT if lead > 0 else -FIRST_OF_ROOT)

    def _upstream(self, hypothesis: Hypothesis, hops: Mapping[str, int]) -> Iterable[Term]:
        """A root stands on nothing that was ill before it: stale features on a sick host are the host's."""
        begun = [
            f.onset for (entity, kind), f in self._moved.items() if hops.get(entity) == 0 and kind not in LATE_KINDS
        ]
        if not begun:
            return
        worst: tuple[float, str] | None = None
        for (entity, kind), finding in self._moved.items():
            if entity in hops or kind.side is not Side.INFRASTRUCTURE or not finding.worse:
                continue
            if hypothesis.entity not in self._catalogue.downstream(entity):
                continue
            lead = (min(begun) - finding.onset).total_seconds() / self._catalogue.step_s  # ticks
            strength = min(1.0, abs(finding.evidence.peak_z) / PLAIN_SIGMAS)
            before, beside = lead >= SAME_TIME_TICKS, lead > -SAME_TIME_TICKS
            weight = strength * (UPSTREAM_FIRST if before else UPSTREAM_TOGETHER if beside else 0.0)
            if weight < 0.0 and (worst is None or (weight, entity) < worst):
                worst = (weight, entity)
        if worst is not None:
            yield Term(("upstream", worst[1]), worst[0])

    def _ill(self, hypothesis: Hypothesis) -> Iterable[Term]:
        """Values are at fault only if what carries them is well: a store that fails turns them into defaults."""
        if hypothesis.signature.subcause is not Subcause.DATA_QUALITY:
            return
        worst: tuple[float, str] | None = None
        for (entity, kind), finding in self._moved.items():
            if kind not in CARRYING or not finding.worse or not self._carries(entity, kind, hypothesis.entity):
                continue
            weight = ILL_CARRIER * min(1.0, abs(finding.evidence.peak_z) / PLAIN_SIGMAS)
            if worst is None or (weight, entity) < worst:
                worst = (weight, entity)
        if worst is not None:
            yield Term(("ill", worst[1]), worst[0])

    def _demand(self, hypothesis: Hypothesis) -> Iterable[Term]:
        """Requests come from callers: a service whose caller is asked more, too, is not where they come in."""
        if hypothesis.signature.subcause is not Subcause.TRAFFIC_SURGE:
            return
        callers = [one.name for one in self._catalogue.services if hypothesis.entity in one.depends_on]
        for caller in sorted(callers):
            finding = self._moved.get((caller, Kind.TRAFFIC))
            if finding is not None and finding.direction is Direction.UP:
                yield Term(("demand", caller), DEMAND_ABOVE)
                return

    def _carries(self, entity: str, kind: Kind, root: str) -> bool:
        """Whether values of the root come by way of an entity whose signal of this kind is off."""
        catalogue = self._catalogue
        if kind is Kind.FALLBACK:  # of a model: its lookups fail; of one that shares the source
            model = catalogue.model_of(entity)
            owner = catalogue.model_of(root)
            if model is None:
                return False
            return model is owner or any(feature.source == root for feature in model.features)
        if entity not in catalogue.service or not any(entity in one.depends_on for one in catalogue.services):
            return False  # nobody waits for it: a pipeline that fails is where the fault is, not what carries it
        if entity == root:
            return True
        owner = catalogue.model_of(root)
        server = catalogue.service.get(owner.served_by or "") if owner is not None else None
        return catalogue.feature_source(root) == entity or (server is not None and entity in server.depends_on)

    def _changes(self, hypothesis: Hypothesis) -> Iterable[Term]:
        signature = hypothesis.signature
        wanted = signature.change | signature.helps
        if not wanted:
            return
        best = max((self.nearness(change) for change in self.matching(hypothesis)), default=0.0)
        if best > 0.0:
            cap = CHANGE_CAP if signature.change else HELPING_CHANGE_CAP
            if signature.change and any(
                True for _ in self._inferred(hypothesis, self.reach(hypothesis.entity, signature))
            ):
                cap *= CHANGE_UNSEEN  # a change of which nothing is seen where it was made
            yield Term(("change", hypothesis.entity), cap * best)
        elif signature.change:
            yield Term(("change", hypothesis.entity), NO_CHANGE)

    def foremost(self, hypothesis: Hypothesis) -> Change | None:
        """The change that speaks most for a hypothesis."""
        return max(self.matching(hypothesis), key=self.nearness, default=None)

    def matching(self, hypothesis: Hypothesis) -> list[Change]:
        """Changes of the right kind at the root, shortly before the onset."""
        wanted = hypothesis.signature.change | hypothesis.signature.helps
        return [
            change
            for change in self.scene.changes
            if change.kind in wanted and change.entity == hypothesis.entity and self.nearness(change) > 0.0
        ]

    def nearness(self, change: Change) -> float:
        """Between 0 and 1: how close to the onset a change came. Nothing for those well after it or long ago.

        Onsets are estimates and changes are polled, so one may seem to follow. The nearer is likelier: a rollback
        soon after the onset must not be blamed like the promotion just before it.
        """
        slack = timedelta(seconds=CHANGE_LATE_TICKS * self._catalogue.step_s)
        if change.time > self._seen + slack or self._began - change.time > CHANGE_MEMORY:
            return 0.0
        return exp(-min(abs(change.time - self._began), abs(change.time - self._seen)) / CHANGE_TAU)


def _whole(entity: str, kind: Kind, catalogue: Catalogue) -> str:
    """The entity that a finding counts at: what segments say of answers, their model says."""
    if kind.side is Side.QUALITY and catalogue.entity_type(entity) is EntityType.SEGMENT:
        return entity.partition("/")[0]
    return entity


def _rank(finding: Finding) -> tuple[float, datetime, str]:
    """Which of several series of one place speaks for it: the farthest off, of equals the earliest."""
    return -abs(finding.evidence.peak_z), finding.onset, str(finding.key)


def _onset_between(findings: Sequence[Finding], catalogue: Catalogue, scene: Scene) -> tuple[datetime, datetime]:
    """Between which times the trouble began. One moment, unless only late labels tell of it.

    A drop of labelled quality speaks of predictions made up to a label delay before, if it is such a series at all.
    """
    slack = timedelta(seconds=DATED_TICKS * catalogue.step_s)
    dated = [finding for finding in findings if finding.detected - finding.onset <= slack]
    findings = dated or findings  # a movement that was noticed late dates nothing, if others do
    if not findings:
        return scene.now, scene.now
    seen = min(finding.onset for finding in findings)
    prompt = [finding.onset for finding in findings if kind_of(finding, catalogue) not in LATE_KINDS]
    began = min(prompt) if prompt else min(cause_time(finding, catalogue) for finding in findings)
    return min(began, seen), seen
