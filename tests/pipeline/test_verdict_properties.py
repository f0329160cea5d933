"""What must hold of every verdict, whatever is run, watched and wrong: order, units, what is missing, and names."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bot.domain.catalogue import REQUEST, Catalogue, Feature, Kind, Model, Node, Service
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import Finding, FindingKind
from bot.domain.incident import Incident
from bot.domain.series import SeriesKey
from bot.domain.verdict import Cause, Verdict
from bot.pipeline.classify import classify
from bot.pipeline.observe import Scene, recent
from bot.pipeline.signatures import SIGNATURES
from bot.pipeline.weigh import SATURATES, Hypothesis, Weigher, chance
from bot.pipeline.weights import ARGUABLE
from tests.pipeline import builders as b

K = Kind
CLOSE = 1e-6  # sums of the same terms in another order
ROUNDED = 2e-4  # ledgers keep four digits of a probability
OFTEN = settings(max_examples=60, deadline=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that a verdict rests on."""

    catalogue: Catalogue
    findings: tuple[Finding, ...]
    scene: Scene

    def verdict(self) -> Verdict:
        return classify(self.incident(), self.catalogue, self.scene)

    def incident(self) -> Incident:
        return b.incident(*self.findings)


@st.composite
def catalogues(draw) -> Catalogue:
    """A production of a few nodes, services that call each other without a circle, and models with features."""
    nodes = tuple(Node(name=f"n-{i}") for i in range(draw(st.integers(1, 3))))
    services: list[Service] = []
    for i in range(draw(st.integers(1, 4))):
        calls = draw(st.sets(st.sampled_from([s.name for s in services]))) if services else set()
        hosts = draw(st.sets(st.sampled_from([n.name for n in nodes]), max_size=2))
        services.append(Service(name=f"s-{i}", depends_on=tuple(sorted(calls)), runs_on=tuple(sorted(hosts))))
    sources = st.sampled_from([REQUEST, *(s.name for s in services)])
    models = tuple(
        Model(
            name=f"m-{i}",
            served_by=draw(st.sampled_from([s.name for s in services])),
            label_delay_s=draw(st.sampled_from([0.0, 3600.0])),
            features=tuple(Feature(name=f"f-{j}", source=draw(sources)) for j in range(draw(st.integers(0, 2)))),
        )
        for i in range(draw(st.integers(1, 2)))
    )
    return Catalogue(nodes=nodes, services=tuple(services), models=models, signals=b.CATALOGUE.signals)


@st.composite
def worlds(draw, *, silent: bool = True) -> World:
    """A catalogue, one to seven findings in it, what else was watched and quiet, and what people changed.

    silent: with series that fell silent among the findings.
    """
    catalogue = draw(catalogues())
    watched = sorted(b.watched(catalogue))
    moved = draw(st.lists(st.sampled_from(watched), min_size=1, max_size=7, unique=True))
    findings = []
    for entity, kind in moved:
        far = draw(st.sampled_from([-25.0, -9.0, -5.0, 5.0, 9.0, 25.0]))
        shapes = [FindingKind.LEVEL] * 5 + ([FindingKind.GAP] if silent else [])
        shape = draw(st.sampled_from(shapes))
        minutes = draw(st.integers(0, 12))
        findings.append(b.finding(kind, entity, minutes=minutes, z=far, shape=shape, labels=(("zone", "a"),)))
    quiet = draw(st.sets(st.sampled_from(watched)))
    entities = sorted({entity for entity, _ in watched})
    changed = st.builds(
        lambda kind, entity, at: b.change(kind, entity, minutes=float(at), from_="1", to="2"),
        st.sampled_from(list(ChangeKind)),
        st.sampled_from(entities),
        st.integers(-25, 10),
    )
    changes = draw(st.lists(changed, max_size=4, unique_by=lambda c: (c.time, c.kind, c.entity)))
    versions = st.one_of(st.none(), st.sampled_from(["0", "1", "2"]))
    names = [model.name for model in catalogue.models]
    scene = Scene(
        quiet=frozenset(quiet - set(moved)),
        changes=recent(changes, since=b.ONSET - b.HOUR, until=b.ONSET + b.HOUR),
        healthy_before={name: draw(versions) for name in names},
        serving={name: draw(versions) for name in names},
        blind_signals=frozenset(),
        now=b.ONSET + draw(st.sampled_from([3, 20, 90])) * b.MINUTE,
    )
    return World(catalogue=catalogue, findings=tuple(findings), scene=scene)


def tied(verdict: Verdict) -> bool:
    """Whether what is named has a rival that is just as likely: which of two twins is named may depend on anything."""
    if not verdict.ledgers:
        return True  # only silence was found: of entities with equally many silent series one is named
    named = {verdict.candidates[0].probability} if verdict.candidates else set()
    named |= {
        ledger.probability for ledger in verdict.ledgers if ledger.entity == verdict.entity and not ledger.side < 0.5
    }
    shares = [candidate.probability for candidate in verdict.candidates]
    return any(sum(abs(share - one) <= ROUNDED for share in shares) != 1 for one in named)


def core(verdict: Verdict) -> tuple[object, ...]:
    """What people act on, but the probability."""
    return verdict.cause, verdict.subcauses, verdict.rollback, verdict.rolled_back


def same(one: Verdict, other: Verdict) -> bool:
    return core(one) == core(other) and abs(one.model_probability - other.model_probability) < CLOSE


# ---------------------------------------------------------------- order


def shuffled(world: World, seed: int) -> World:
    """The same world, with everything in another order that has no order of its own."""
    rng = random.Random(seed)

    def mixed(items):
        return tuple(rng.sample(items, len(items)))

    catalogue = world.catalogue
    return World(
        catalogue=replace(
            catalogue,
            nodes=mixed(catalogue.nodes),
            services=mixed(
                [replace(s, depends_on=mixed(s.depends_on), runs_on=mixed(s.runs_on)) for s in catalogue.services]
            ),
            models=mixed([replace(m, features=mixed(m.features)) for m in catalogue.models]),
            signals=mixed(catalogue.signals),
        ),
        findings=mixed(world.findings),
        scene=replace(
            world.scene,
            changes=recent(mixed(world.scene.changes), since=b.ONSET - b.HOUR, until=b.ONSET + b.HOUR),
        ),
    )


@OFTEN
@given(worlds(), st.integers(0, 2**32))
def test_the_order_in_which_things_are_told_does_not_matter(world, seed):
    one, other = world.verdict(), shuffled(world, seed).verdict()

    assert abs(one.model_probability - other.model_probability) < CLOSE
    assert core(one) == core(other) or tied(one)
    # where nothing could be weighed, the entity is only that of the first finding: nothing rests on it
    assert one.entity == other.entity or tied(one) or not one.candidates


@OFTEN
@given(st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("12")), unique=True), st.integers(0, 2**32))
def test_changes_of_one_moment_have_one_order(texts, seed):
    """Two changes of one kind at one time and place differ only in their words; a set has no order to keep."""
    changes = [b.change(ChangeKind.DEPLOY, "scoring", text=text, to=to) for text, to in texts]
    again = random.Random(seed).sample(changes, len(changes))
    span = {"since": b.ONSET - b.HOUR, "until": b.ONSET + b.HOUR}

    assert recent(changes, **span) == recent(again, **span)


# ---------------------------------------------------------------- units


@OFTEN
@given(worlds(), st.data())
def test_the_unit_of_a_signal_does_not_matter(world, data):
    # of a resource, the unit tells what the whole is, and so how full it is: such a number is no matter of units
    names = sorted({f.key.signal for f in world.findings} - {str(kind) for kind in SATURATES.values()})
    assume(names)
    name = data.draw(st.sampled_from(names))
    by = data.draw(st.sampled_from([1e-3, 0.01, 60.0, 1e6]))

    def scaled(finding: Finding) -> Finding:
        seen = finding.evidence
        if finding.key.signal != name:
            return finding
        return replace(
            finding,
            evidence=replace(seen, observed=seen.observed * by, expected=seen.expected * by, scale=seen.scale * by),
        )

    other = replace(world, findings=tuple(map(scaled, world.findings))).verdict()
    one = world.verdict()

    assert same(one, other)
    assert (one.entity, one.candidates, one.suspects) == (other.entity, other.candidates, other.suspects)
    assert [line.weight for line in one.reasoning if line.kind != "moved"] == [
        line.weight for line in other.reasoning if line.kind != "moved"
    ]


# ---------------------------------------------------------------- what is missing


def side_of(verdict: Verdict) -> Cause:
    return max(verdict.ledgers, key=lambda ledger: ledger.side).cause


def share(verdict: Verdict, side: Cause) -> float:
    """Probability of all hypotheses of a side, whatever was named."""
    return next((ledger.side for ledger in verdict.ledgers if ledger.cause is side), 0.0)


def without(world: World, place) -> World:
    seen = world.scene
    return replace(world, scene=replace(seen, quiet=seen.quiet - {place}, unseen=seen.unseen | {place}))


def expected_by(world: World, place, side: Cause) -> bool:
    """Whether any hypothesis of a side would have its silence held against it."""
    entity, kind = place
    weigher = Weigher(world.findings, world.catalogue, world.scene)
    catalogue = world.catalogue
    roots = [e.name for e in (*catalogue.nodes, *catalogue.services, *catalogue.models)]
    roots += [f.key.entity for f in world.findings]
    for signature in SIGNATURES:
        for root in roots:
            hops = weigher.reach(root, signature).get(entity)
            if (
                signature.subcause.cause is side
                and hops is not None
                and chance(Hypothesis(signature, root), kind, hops) >= ARGUABLE
            ):
                return True
    return False


@OFTEN
@given(worlds(silent=False))
def test_what_is_missing_lifts_no_side_that_it_would_not_have_tested(world):
    """A quiet place that no hypothesis of the side expected to move spoke only against its rivals: gone, it frees them."""
    before = world.verdict()
    if not before.ledgers:
        return
    side = side_of(before)
    for place in sorted(world.scene.quiet):
        if not expected_by(world, place, side):
            assert share(without(world, place).verdict(), side) <= share(before, side) + ROUNDED


@OFTEN
@given(worlds(silent=False), st.data())
def test_what_cannot_be_read_settles_nothing(world, data):
    name = data.draw(st.sampled_from(sorted({f.key.signal for f in world.findings})))
    after = replace(world, scene=replace(world.scene, blind_signals=frozenset({name}))).verdict()

    assert after.cause is Cause.UNDETERMINED


def test_what_is_missing_never_raises_confidence():
    """The smallest example: a feature drifts while its values stay usual, and then those cannot be seen any more.

    Seen, they leave it open. Were they only left out, the model would be named.
    """
    place = ("fraud/velocity", K.FEATURE_VALUE)
    findings = (b.finding(K.FEATURE_DRIFT, "fraud/velocity"),)
    world = World(catalogue=b.CATALOGUE, findings=findings, scene=b.scene(*findings, quiet={place}))
    before, after = world.verdict(), without(world, place).verdict()

    assert 0.5 < after.model_probability <= before.model_probability + ROUNDED
    assert after.cause is Cause.UNDETERMINED
    left_out = replace(world, scene=replace(world.scene, quiet=frozenset())).verdict()
    assert left_out.model_probability > before.model_probability + 0.1  # so it is no accident


# ---------------------------------------------------------------- names


def renamed(world: World, seed: int) -> tuple[World, dict[str, str]]:
    """The same world under other names, and what each entity is called there."""
    rng = random.Random(seed)
    catalogue = world.catalogue
    base = [x.name for x in (*catalogue.nodes, *catalogue.services, *catalogue.models)]
    base += [feature.name for model in catalogue.models for feature in model.features]
    base += [signal.name for signal in catalogue.signals]
    known = sorted(set(base))
    fresh = [f"{rng.choice('abcxyz')}{number}" for number in rng.sample(range(1000), len(known))]
    name = dict(zip(known, fresh, strict=True))
    to = {REQUEST: REQUEST, **name}

    def entity(old: str) -> str:
        return "/".join(name[part] for part in old.split("/"))

    def moved(finding: Finding) -> Finding:
        key = SeriesKey(name[finding.key.signal], entity(finding.key.entity), (("label", str(seed)),))
        return replace(finding, key=key)

    def changed(change: Change) -> Change:
        return replace(change, entity=entity(change.entity))

    scene = world.scene
    other = World(
        catalogue=replace(
            catalogue,
            nodes=tuple(replace(n, name=name[n.name]) for n in catalogue.nodes),
            services=tuple(
                replace(
                    s,
                    name=name[s.name],
                    depends_on=tuple(name[d] for d in s.depends_on),
                    runs_on=tuple(name[n] for n in s.runs_on),
                )
                for s in catalogue.services
            ),
            models=tuple(
                replace(
                    m,
                    name=name[m.name],
                    served_by=name[m.served_by],
                    features=tuple(replace(f, name=name[f.name], source=to[f.source]) for f in m.features),
                )
                for m in catalogue.models
            ),
            signals=tuple(replace(s, name=name[s.name]) for s in catalogue.signals),
        ),
        findings=tuple(map(moved, world.findings)),
        scene=replace(
            scene,
            quiet=frozenset((entity(e), kind) for e, kind in scene.quiet),
            changes=recent(map(changed, scene.changes), since=b.ONSET - b.HOUR, until=b.ONSET + b.HOUR),
            healthy_before={name[m]: v for m, v in scene.healthy_before.items()},
            serving={name[m]: v for m, v in scene.serving.items()},
        ),
    )
    entities = {f.key.entity for f in world.findings} | {e for e, _ in b.watched(catalogue)}
    return other, {"": "", **{old: entity(old) for old in entities}}


@OFTEN
@given(worlds(), st.integers(0, 2**32))
def test_names_do_not_matter(world, seed):
    other, name = renamed(world, seed)
    before, after = world.verdict(), other.verdict()

    assert (before.cause, before.subcauses) == (after.cause, after.subcauses)
    assert abs(before.model_probability - after.model_probability) < CLOSE
    assert [c.probability for c in before.candidates] == [c.probability for c in after.candidates]
    if before.candidates and not tied(before):
        assert name[before.entity] == after.entity
        assert (before.rollback, before.rolled_back) == (after.rollback, after.rolled_back)
        assert {name[s.key.entity]: s.score for s in before.suspects} == {s.key.entity: s.score for s in after.suspects}
