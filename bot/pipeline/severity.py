"""How bad an incident is: by what its findings mean for users and decisions, not by how many sigmas they are."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.catalogue import Catalogue, Kind, Side, Signal
from bot.domain.finding import Direction, Evidence, Finding, FindingKind
from bot.domain.incident import Severity

# users or decisions are hit
CRITICAL = frozenset({Kind.AVAILABILITY, Kind.ERRORS, Kind.QUALITY, Kind.FALLBACK})
# one drifting input alone never calls; label counts and a lone resource reading are evidence, not trouble
EVIDENCE_ONLY = frozenset({Kind.FEATURE_DRIFT, Kind.FEATURE_VALUE, Kind.LABEL_RATE, Kind.LABEL_VOLUME})
LOAD_ONLY = frozenset({Kind.TRAFFIC, Kind.THROUGHPUT, Kind.CPU, Kind.CACHE, Kind.NETWORK, Kind.RESTARTS, Kind.BACKLOG})
RESOURCES = frozenset({Kind.CPU, Kind.CACHE, Kind.NETWORK, Kind.BACKLOG})  # of those, what nobody asks for
INPUTS = frozenset({Kind.FEATURE_DRIFT, Kind.FEATURE_VALUE})
LABELLED = frozenset({Kind.QUALITY, Kind.CALIBRATION, Kind.LABEL_RATE, Kind.LABEL_VOLUME})
SLIGHT_SIGMAS = 3.0  # a lasting shift nearer than this is no trouble of itself, where nobody's decisions are measured
SLIGHT_SIGMAS_OF_SCORES = 4.0  # and of scores, which move a little with who is asking at this hour
FEW_LABELS = 0.6  # of the usual count: with fewer, what labels say of quality has to wait
MANY_GONE = 0.4  # of the replicas: fewer are scaled away or rolled over every day
STANDING_SIGMAS, STANDING_S = 10.0, 1200.0  # so far off for so long, a resource alone is worth a look
SEVERAL, FAR_SIGMAS, LASTING_S = 2, 8.0, 1800.0  # inputs of one model, so far off for so long: whoever asks has changed
PLAIN_SIGMAS = 15.0  # a feature value this far out is a broken unit, not a drifting population


def _slight(finding: Finding, signal: Signal) -> bool:
    if finding.kind is not FindingKind.SHIFT or signal.kind in LABELLED:
        return False
    least = SLIGHT_SIGMAS_OF_SCORES if signal.kind.side is Side.QUALITY else SLIGHT_SIGMAS
    return abs(finding.evidence.peak_z) < least


def _weighty(finding: Finding, signal: Signal) -> Kind:
    """The kind that a finding counts as: a broken unit is no mild change of a mean, a replica less is no outage."""
    evidence = finding.evidence
    if signal.kind is Kind.FEATURE_VALUE and abs(evidence.peak_z) >= PLAIN_SIGMAS:
        return Kind.FEATURE_NULL
    if signal.kind is Kind.AVAILABILITY and signal.counted and evidence.observed > (1 - MANY_GONE) * evidence.expected:
        return Kind.RESTARTS
    return signal.kind


def _stands(findings: Iterable[Finding], catalogue: Catalogue) -> bool:
    """Whether a resource has been plainly off for long, and not only because more is asked of it."""
    kinds: dict[Kind, list[Evidence]] = {}
    for finding in findings:
        signal = catalogue.signal.get(finding.key.signal)
        if signal is not None and finding.worse and finding.kind is not FindingKind.GAP:
            kinds.setdefault(signal.kind, []).append(finding.evidence)
    if Kind.TRAFFIC in kinds:
        return False
    return any(
        abs(one.peak_z) >= STANDING_SIGMAS and one.window_s >= STANDING_S
        for kind in RESOURCES & set(kinds)
        for one in kinds[kind]
    )


def _inputs_moved(findings: Iterable[Finding], catalogue: Catalogue) -> bool:
    """Whether several inputs of one model have been far off for long: not one odd column, but who asks, or a source."""
    moved: dict[str, set[str]] = {}
    for finding in findings:
        signal = catalogue.signal.get(finding.key.signal)
        if signal is None or signal.kind not in INPUTS or finding.kind is FindingKind.LOG:
            continue  # the log has tests of its own for what calls
        if abs(finding.evidence.peak_z) >= FAR_SIGMAS and finding.evidence.window_s >= LASTING_S:
            moved.setdefault(_model(finding, catalogue), set()).add(finding.key.entity)
    return any(model and len(entities) >= SEVERAL for model, entities in moved.items())


def _model(finding: Finding, catalogue: Catalogue) -> str:
    model = catalogue.model_of(finding.key.entity)
    return model.name if model is not None else ""


def _unlabelled(findings: Iterable[Finding], catalogue: Catalogue) -> frozenset[str]:
    """Models whose labels come late, and whose label-based quality is therefore nothing to go by."""
    found = set()
    for finding in findings:
        signal = catalogue.signal.get(finding.key.signal)
        evidence = finding.evidence
        if signal is None or signal.kind is not Kind.LABEL_VOLUME or finding.direction is not Direction.DOWN:
            continue
        least = min(evidence.observed, evidence.expected + evidence.peak_z * evidence.scale)
        if least < FEW_LABELS * evidence.expected:
            found.add(_model(finding, catalogue))
    return frozenset(found)


def severity_of(findings: Iterable[Finding], catalogue: Catalogue, *, lately: Iterable[Finding] = ()) -> Severity:
    """Grade the findings that are active now. Movements that are not worse by the catalogue do not raise it.

    lately: those of the same trouble that are over; labels that were too few explain what is off after them.
    """
    kinds: set[Kind] = set()
    silent = False
    every = list(findings)
    waiting = _unlabelled([*every, *lately], catalogue)
    for finding in every:
        signal = catalogue.signal.get(finding.key.signal)
        if finding.kind is FindingKind.BLIND:
            silent = True
        elif finding.kind is FindingKind.GAP:
            silent |= finding.worse and (
                signal is None or signal.kind not in LABELLED
            )  # no labels, no quality: that is no outage
        elif signal is not None and finding.worse and not _slight(finding, signal):
            if signal.kind in LABELLED and _model(finding, catalogue) in waiting:
                continue
            kinds.add(_weighty(finding, signal))
    if kinds & CRITICAL:
        return Severity.CRITICAL
    if _stands(every, catalogue) or _inputs_moved(every, catalogue):
        return Severity.WARNING
    telling = kinds - EVIDENCE_ONLY
    if telling - LOAD_ONLY or (telling & LOAD_ONLY and len(telling) > 1):
        return Severity.WARNING
    return Severity.WARNING if silent else Severity.INFO
