"""Turn a judged incident into numbered facts and a closed list of hypotheses: all that words may rest on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from itertools import islice
from math import isfinite

from bot.domain.catalogue import Catalogue, Side
from bot.domain.explanation import EvidencePack, Fact, Hypothesis
from bot.domain.finding import Direction, Finding, FindingKind
from bot.domain.incident import Incident
from bot.domain.labels import labels_json
from bot.domain.verdict import Cause, Reasoning, RollbackAdvice, SuspectChange, Verdict
from bot.pipeline.course import limit_text, pace_text, unsure
from bot.pipeline.hypotheses import hypotheses_of
from bot.pipeline.paths import path_text
from bot.pipeline.phrasing import MAX_NAME, MAX_TEXT, amount, clean, with_quote
from bot.pipeline.quality.words import PATH_WORDS
from bot.pipeline.relate import kind_of
from bot.pipeline.words import verdict_text

MAX_FACTS = 34  # the parts below, one line on the order and three conclusions make exactly this
MAX_FINDINGS = 10  # the rest repeats what these say
MAX_LOOKS = 4
MAX_REASONS = 5
MAX_CHANGES = 4
MAX_PATHS = 3
MAX_QUIET = 4
SILENT = frozenset({FindingKind.GAP, FindingKind.BLIND})
ADVICE = {
    RollbackAdvice.ADVISED: "A rollback is advised",
    RollbackAdvice.NOT_ADVISED: "A rollback is not advised",
    RollbackAdvice.UNKNOWN: "Whether a rollback would help is not known",
}


def build_pack(incident: Incident, catalogue: Catalogue) -> EvidencePack:
    """Collect what an explanation may see. The same incident gives the same pack, in whatever order it arrived."""
    verdict = incident.verdict
    ranked = _ranked(incident)
    drafts = [
        *(_finding_fact(finding, catalogue, incident) for finding in ranked[:MAX_FINDINGS]),
        *islice(_look_facts(ranked, catalogue, incident), MAX_LOOKS),
        *_order_fact(ranked, incident, verdict),
        *_change_facts(verdict, incident),
        *_path_facts(ranked, catalogue, verdict),
        *islice(_quiet_facts(incident, catalogue), MAX_QUIET),
        *_verdict_facts(verdict),
    ]
    facts = tuple(replace(fact, id=f"E{number}") for number, fact in enumerate(drafts[:MAX_FACTS], start=1))
    hypotheses = hypotheses_of(verdict, facts, catalogue)
    headline = clean(verdict_text(verdict), limit=MAX_TEXT) if verdict is not None else "undetermined"
    return EvidencePack(
        incident_id=incident.id,
        headline=headline,
        facts=facts,
        hypotheses=hypotheses,
        digest=digest_of(headline, facts, hypotheses),
    )


def cause_of(pack: EvidencePack) -> Cause:
    """The verdict's side, read back from the headline that `verdict_text` wrote."""
    return Cause(pack.headline.partition(":")[0])


def digest_of(headline: str, facts: Sequence[Fact], hypotheses: Sequence[Hypothesis]) -> str:
    """Name a pack by its content: no time of writing, no generated text, no incident id."""
    content = [headline, [asdict(fact) for fact in facts], [asdict(hypothesis) for hypothesis in hypotheses]]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def clock_of(at: datetime, incident: Incident) -> str:
    """A minute, with its day when that is not the incident's."""
    return f"{at:%H:%M} UTC" if at.date() == incident.onset.date() else f"{at:%H:%M} UTC on {at:%Y-%m-%d}"


# ---------------------------------------------------------------- what moved


def _ranked(incident: Incident) -> list[Finding]:
    """Suspects of the verdict first, then what is worse, early and far off."""
    suspects = incident.verdict.suspects if incident.verdict else ()
    place = {suspect.key: number for number, suspect in enumerate(suspects)}
    return sorted(
        incident.findings,
        key=lambda f: (
            place.get(f.key, len(place)),
            not f.worse,
            f.onset,
            -abs(f.evidence.peak_z) if isfinite(f.evidence.peak_z) else 0.0,
            str(f.key),
            f.kind,
        ),
    )


def subject_of(finding: Finding) -> tuple[str, str, str]:
    """Entity and signal, cleaned, and "signal of entity" as sentences say it."""
    entity, signal = clean(finding.key.entity, limit=MAX_NAME), clean(finding.key.signal, limit=MAX_NAME)
    return entity, signal, f"{signal} of {entity}"


def _finding_fact(finding: Finding, catalogue: Catalogue, incident: Incident) -> Fact:
    entity, signal, subject = subject_of(finding)
    seen = finding.evidence
    unit = clean(seen.unit or getattr(catalogue.signal.get(finding.key.signal), "unit", ""), limit=20)
    since = clock_of(finding.onset, incident)
    quoted = labels_json(finding.key.labels) if finding.key.labels else finding.because
    before = seen.expected if isfinite(seen.expected) else None
    after = seen.observed if isfinite(seen.observed) and finding.kind not in SILENT else None
    if finding.kind is FindingKind.BLIND:
        said = f"{subject} cannot be read since {since}"
    elif finding.kind is FindingKind.GAP or after is None:
        said = f"{subject} has sent no samples since {since}"
    elif before is None:
        said = f"{subject} is at {amount(after, unit)} since {since}, without a usual value to compare"
    elif finding.kind is FindingKind.SPREAD:
        said = f"{subject} swings wilder than usual around {amount(before, unit)} since {since}"
        said += f" and is now at {amount(after, unit)}"
    elif (after > before) != (finding.direction is Direction.UP) or amount(after, unit) == amount(before, unit):
        said = f"{subject} left its usual {amount(before, unit)} at {since} and is now at {amount(after, unit)}"
    else:
        verb = "rose" if finding.direction is Direction.UP else "fell"
        said = f"{subject} {verb} from {amount(before, unit)} to {amount(after, unit)} since {since}"
        if finding.kind is FindingKind.NOVEL:
            said += ", where it was never seen at this time of day"
    return Fact(
        id="",
        text=with_quote(said, quoted),
        source="telemetry",
        entity=entity,
        signal=signal,
        unit=unit,
        before=before,
        after=after,
        time=finding.onset,
        user_controlled=bool(quoted),
    )


def _look_facts(ranked: Sequence[Finding], catalogue: Catalogue, incident: Incident) -> Iterator[Fact]:
    """What a closer look adds: where a ramp runs to, when it looked like this before, and a loosely known onset."""
    firing = incident.firing
    for finding in ranked:
        course = finding.evidence.course
        if (account := finding.evidence.account) is not None and finding.fingerprint in firing:
            parts = (f"{subject_of(finding)[2]} is told by {PATH_WORDS[account.path]}", account.labels, account.blind)
            yield _look_fact(finding, "; ".join(part for part in parts if part), account.until)
        if course is None or finding.fingerprint not in firing:
            continue  # a pace of what is over would mislead
        kind = kind_of(finding, catalogue)
        subject = subject_of(finding)[2]
        if pace := pace_text(finding, kind):
            limit = limit_text(finding, kind)
            ahead = f"; {limit}, about {clock_of(course.limit_at, incident)}" if limit and course.limit_at else ""
            yield _look_fact(finding, f"{subject} {pace}{ahead}", course.limit_at)
        if course.alike is not None:
            when = f"{course.alike:%Y-%m-%d} at {course.alike:%H:%M} UTC"
            yield _look_fact(finding, f"{subject} looked like this before, on {when}", course.alike)
        if unsure(finding) and course.earliest is not None and course.latest is not None:
            span = f"{clock_of(course.earliest, incident)} and {clock_of(course.latest, incident)}"
            yield _look_fact(finding, f"The change of {subject} began between {span}", finding.onset)


def _look_fact(finding: Finding, said: str, time: datetime | None) -> Fact:
    """Its source is not telemetry: it measures no value, so that it neither shows nor denies a cause."""
    entity, signal, _ = subject_of(finding)
    return Fact(id="", text=clean(said, limit=MAX_TEXT), source="look", entity=entity, signal=signal, time=time)


def _order_fact(ranked: Sequence[Finding], incident: Incident, verdict: Verdict | None) -> Iterator[Fact]:
    """What moved first at the root, and how long after it the first thing elsewhere did."""
    moved = [finding for finding in ranked if finding.kind not in SILENT]
    root = verdict.entity if verdict is not None else ""
    firsts = sorted((f for f in moved if f.key.entity == root), key=lambda f: (f.onset, str(f.key)))
    others = sorted((f for f in moved if f.key.entity != root), key=lambda f: (f.onset, str(f.key)))
    if not firsts or not others:
        return
    minutes = round((others[0].onset - firsts[0].onset).total_seconds() / 60)
    (entity, _, one), (_, _, two) = subject_of(firsts[0]), subject_of(others[0])
    if minutes == 0:
        said = f"{one} and {two} began within a minute, at {clock_of(firsts[0].onset, incident)}"
    else:
        word = "after" if minutes > 0 else "before"
        said = f"{two} began {abs(minutes)} min {word} {one}, which began at {clock_of(firsts[0].onset, incident)}"
    yield Fact(
        id="",
        text=clean(said, limit=MAX_TEXT),
        source="telemetry",
        entity=entity,
        time=firsts[0].onset,
    )


# ---------------------------------------------------------------- what was changed, and how things hang together


def _change_facts(verdict: Verdict | None, incident: Incident) -> Iterator[Fact]:
    suspects = sorted(
        verdict.changes if verdict is not None else (),
        key=lambda s: (-s.weight, s.change.time, s.change.entity, s.change.kind, s.change.text),
    )
    for suspect in suspects[:MAX_CHANGES]:
        yield _change_fact(suspect, incident)


def _change_fact(suspect: SuspectChange, incident: Incident) -> Fact:
    change = suspect.change
    entity = clean(change.entity, limit=MAX_NAME)
    versions = tuple(clean(version, limit=40) for version in (change.from_, change.to) if version)
    said = f"{change.kind.replace('_', ' ')} of {entity}"
    if change.from_ and change.to:
        said += f" from {versions[0]} to {versions[1]}"
    elif versions:
        said += f" {'to' if change.to else 'from'} {versions[0]}"
    said += f" at {clock_of(change.time, incident)}"
    return Fact(
        id="",
        text=with_quote(said, change.text),
        source="registry" if change.kind == "model_version" else "changes",
        entity=entity,
        time=change.time,
        versions=versions,
        user_controlled=bool(change.text),
    )


def _path_facts(ranked: Sequence[Finding], catalogue: Catalogue, verdict: Verdict | None) -> Iterator[Fact]:
    """How a trouble at the root reaches what else moved, the nearest first."""
    root = verdict.entity if verdict is not None else ""
    if not root:
        return
    reach = catalogue.downstream(root)
    hit = sorted({f.key.entity for f in ranked if f.key.entity != root and f.key.entity in reach})
    told = 0
    for entity in sorted(hit, key=lambda name: (reach[name], name)):
        said = path_text(root, entity, catalogue)
        if said is None or told == MAX_PATHS:
            continue
        told += 1
        yield Fact(
            id="",
            text=clean(f"A trouble of {root} can reach {entity}: {said}", limit=MAX_TEXT),
            source="catalogue",
            entity=clean(root, limit=MAX_NAME),
        )


def _quiet_facts(incident: Incident, catalogue: Catalogue) -> Iterator[Fact]:
    """Sides of the models concerned on which nothing was found; true of the findings, whatever was watched."""
    models = sorted({model.name for f in incident.findings if (model := catalogue.model_of(f.key.entity)) is not None})
    kinds = [(f.key.entity, kind) for f in incident.findings if (kind := kind_of(f, catalogue)) is not None]
    for name in models[:2]:
        model = catalogue.model[name]
        service = catalogue.service.get(model.served_by or "")
        below = {name, *((service.name, *service.runs_on) if service else ())}
        if not any(entity in below and kind.side is Side.INFRASTRUCTURE for entity, kind in kinds):
            where = " and ".join(sorted(below - {name})) or name
            yield _quiet_fact(
                name, f"No infrastructure signal of {where}, which {name} stands on, is among the findings"
            )
        ours = {kind.side for entity, kind in kinds if catalogue.model_of(entity) is model}
        for side, word in ((Side.DATA, "input data"), (Side.QUALITY, "predictions or quality")):
            if side not in ours:
                yield _quiet_fact(name, f"No signal of the {word} of {name} is among the findings")


def _quiet_fact(entity: str, said: str) -> Fact:
    return Fact(id="", text=clean(said, limit=MAX_TEXT), source="telemetry", entity=clean(entity, limit=MAX_NAME))


# ---------------------------------------------------------------- what was concluded


def _verdict_facts(verdict: Verdict | None) -> Iterator[Fact]:
    if verdict is None:
        return
    entity = clean(verdict.entity, limit=MAX_NAME)
    model = round(verdict.model_probability * 100)
    weighed = f"The evidence weighs {model} % for the model and {100 - model} % for infrastructure"
    yield Fact(id="", text=weighed, source="verdict", entity=entity)
    yield Fact(
        id="",
        text=clean(f"{ADVICE[verdict.rollback]}: {verdict.rollback_reason or 'no reason is known'}", limit=MAX_TEXT),
        source="verdict",
        entity=entity,
    )
    if verdict.settle:
        yield Fact(
            id="",
            text=clean(f"What would settle it: {verdict.settle}", limit=MAX_TEXT),
            source="verdict",
            entity=entity,
        )
    for line in verdict.reasoning[:MAX_REASONS]:
        yield _reason_fact(line, verdict)


def _reason_fact(line: Reasoning, verdict: Verdict) -> Fact:
    """A line of the argument, with what somebody typed taken out: changes and silences quote outside text."""
    said = line.text
    quoted = {s.change.text for s in verdict.changes if s.change.text}
    outside = "{" in said or any(text in said for text in quoted)
    if " of " in said and ") " not in said and said.endswith(")") and "sigma" not in said:
        said, outside = said.partition(" (")[0], True  # "deploy of a from 1 to 2 at 10:31 (what its author wrote)"
    side = "the model" if line.weight > 0 else "infrastructure"
    return Fact(
        id="",
        text=clean(f"Speaks for {side}: {said}", limit=MAX_TEXT),
        source="verdict",
        entity=clean(line.entity, limit=MAX_NAME),
        user_controlled=outside,
    )
