"""Sentences about findings and verdicts, made by code from numbers. Shared by the thread, the template and replay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log

from bot.domain.catalogue import Kind
from bot.domain.change import Change, ChangeKind
from bot.domain.finding import Finding, FindingKind
from bot.domain.proposal import ActionKind, Proposal, ProposalState
from bot.domain.verdict import Cause, Subcause, Verdict
from bot.pipeline.observe import Place
from bot.pipeline.phrasing import amount
from bot.pipeline.weigh import Hypothesis
from bot.pipeline.weights import (
    CHANGE_CAP,
    DECAY,
    HELPING_CHANGE_CAP,
    LEAD_CAP,
    NO_CHANGE,
    PLAIN_SIGMAS,
    UPSTREAM_FIRST,
)

KIND_WORDS: Mapping[Kind, str] = {
    Kind.CPU: "CPU use", Kind.MEMORY: "memory use", Kind.DISK: "disk use", Kind.NETWORK: "network trouble",
    Kind.LATENCY: "latency", Kind.ERRORS: "errors", Kind.TRAFFIC: "traffic", Kind.AVAILABILITY: "availability",
    Kind.RESTARTS: "restarts", Kind.CACHE: "cache hits", Kind.BACKLOG: "backlog", Kind.THROUGHPUT: "throughput",
    Kind.INFERENCE_LATENCY: "inference time", Kind.FALLBACK: "fallback answers", Kind.VERSION: "version",
    Kind.FEATURE_NULL: "missing values", Kind.FEATURE_VALUE: "feature values", Kind.FEATURE_DRIFT: "feature drift",
    Kind.FRESHNESS: "age of features", Kind.PREDICTION: "predictions", Kind.PREDICTION_DRIFT: "prediction drift",
    Kind.QUALITY: "quality", Kind.CALIBRATION: "calibration", Kind.LABEL_RATE: "label rate",
    Kind.LABEL_VOLUME: "label volume",
}  # fmt: skip

SUBCAUSE_WORDS: Mapping[Subcause, str] = {
    Subcause.BAD_VERSION: "a bad version of {0}",
    Subcause.DATA_QUALITY: "faulty feature data from {0}",
    Subcause.COVARIATE_DRIFT: "a changed population before {0}",
    Subcause.CONCEPT_DRIFT: "a world that {0} no longer fits",
    Subcause.CPU_SATURATION: "saturated CPU on {0}",
    Subcause.MEMORY_SATURATION: "exhausted memory on {0}",
    Subcause.DISK_SATURATION: "a full disk on {0}",
    Subcause.NETWORK: "network trouble at {0}",
    Subcause.DEPENDENCY_FAILURE: "failure of {0}",
    Subcause.BAD_DEPLOY: "a bad deploy of {0}",
    Subcause.CAPACITY_LOSS: "lost capacity of {0}",
    Subcause.TRAFFIC_SURGE: "a traffic surge at {0}",
    Subcause.TELEMETRY_LOSS: "no telemetry from {0}",
}


# the odds become tenfold, threefold, half as much again
STRENGTHS = ((log(10.0), "strongly"), (log(3.0), "clearly"), (log(1.5), "somewhat"))
FARTHEST = 99.0  # sigmas; beyond, a baseline was flat and the number says nothing


def subcause_text(subcause: Subcause, entity: str, *, version: str | None = None) -> str:
    """Name a cause in words.

    >>> subcause_text(Subcause.DISK_SATURATION, "n-04")
    'a full disk on n-04'
    >>> subcause_text(Subcause.BAD_VERSION, "fraud", version="4")
    'bad version 4 of fraud'
    """
    if subcause is Subcause.BAD_VERSION and version is not None:
        return f"bad version {version} of {entity}"
    return SUBCAUSE_WORDS[subcause].format(entity or "an unknown entity")


def version_at_fault(verdict: Verdict) -> str | None:
    """The version that was put in front of traffic, when a change names it."""
    owners = (verdict.entity, verdict.entity.partition("/")[0])
    return next(
        (
            suspect.change.to
            for suspect in verdict.changes
            if suspect.change.kind is ChangeKind.MODEL_VERSION and suspect.change.to and suspect.change.entity in owners
        ),
        None,
    )


def causes_text(verdict: Verdict) -> str:
    """What the verdict names, in words: one cause, or two joined."""
    joint = " or " if verdict.cause is Cause.UNDETERMINED else " and "
    version = version_at_fault(verdict)
    return joint.join(
        subcause_text(subcause, _candidate_entity(verdict, subcause), version=version)
        for subcause in verdict.subcauses[:2]
    )


def verdict_text(verdict: Verdict) -> str:
    """The verdict in one clause, without probability."""
    causes = causes_text(verdict)
    return f"{verdict.cause}: {causes}" if causes else str(verdict.cause)


def _candidate_entity(verdict: Verdict, subcause: Subcause) -> str:
    if verdict.cause in (Cause.MODEL, Cause.INFRASTRUCTURE):
        return verdict.entity
    return next((c.entity for c in verdict.candidates if c.subcause is subcause), verdict.entity)


def departure_text(finding: Finding) -> str:
    """What moved, by how much, against what is usual."""
    evidence = finding.evidence
    if finding.kind in (FindingKind.GAP, FindingKind.BLIND):
        return f"{finding.key} has been silent for {evidence.window_s / 60:.0f} min"
    if finding.kind is FindingKind.SPREAD:
        around = f" around {amount(evidence.expected, evidence.unit)}" if isfinite(evidence.expected) else ""
        return f"{finding.key} swings wilder than usual{around}, by {abs(evidence.peak_z):.0f} sigma at its widest"
    way = "above" if evidence.peak_z > 0 else "below"
    far = f"{abs(evidence.peak_z):.0f} sigma" if abs(evidence.peak_z) < FARTHEST else "far"
    usual = f", usual {amount(evidence.expected, evidence.unit)}" if isfinite(evidence.expected) else ""
    back = abs(evidence.z) < abs(evidence.peak_z) / 2.0  # what is told as "now" would contradict the rest
    when = " at its worst" if back else ""
    now = amount(evidence.observed, evidence.unit)
    new = ", where it was never seen at this time of day" if finding.kind is FindingKind.NOVEL else ""
    return f"{finding.key} went {far} {way} usual{new}{when} ({'at last' if back else 'now'} {now}{usual})"


def _when(weight: float) -> str:
    return "before" if weight > 0 else "after"


def term_text(
    about: tuple[str, str],
    hypothesis: Hypothesis,
    moved: Mapping[Place, Finding],
    change: Change | None,
    *,
    weight: float,
) -> str:
    """One line of the argument in words.

    change: the one that speaks most for the hypothesis.
    weight: what the line is worth to its own hypothesis, in nats.
    """
    what, subject = about
    entity, _, kind = subject.rpartition(":")
    match what:
        case "moved":
            return departure_text(moved[entity, Kind(kind)])
        case "quiet":
            return f"{KIND_WORDS[Kind(kind)]} of {entity} stayed usual"
        case "order":
            return f"{subject} moved before what it can reach" if weight > 0 else f"others moved before {subject}"
        case "upstream":
            return f"{subject}, which {hypothesis.entity} stands on, was off before it"
        case "first" | "ill" | "demand" | "unseen" | "learnt":
            return {
                "first": f"what {hypothesis.signature.name} is about moved {_when(weight)} the rest at {subject}",
                "ill": f"{subject}, by way of which values come, is ill itself",
                "demand": f"{subject}, which calls {hypothesis.entity}, is asked more, too",
                "unseen": f"nothing at {subject} itself is off",
                "learnt": f"what was learnt here of {subject.replace('_', ' ')}",
            }[what]
        case "change":
            if change is None:
                names = " or ".join(sorted(kind.value.replace("_", " ") for kind in hypothesis.signature.change))
                return f"no {names} of {subject} is known shortly before the onset"
            return change_text(change)
        case _:
            raise ValueError(f"there are no words for evidence of kind {what!r}")


def note_text(
    about: tuple[str, str], hypothesis: Hypothesis, moved: Mapping[Place, Finding], *, weight: float, hops: int
) -> str:
    """What of a line was capped or counts less, and why; empty when nothing was.

    weight: what the line is worth to its own hypothesis, in nats.
    hops:   from the root to what moved.
    """
    what, subject = about
    said = []
    match what:
        case "moved":
            entity, _, kind = subject.rpartition(":")
            far = abs(moved[entity, Kind(kind)].evidence.peak_z)
            if far < PLAIN_SIGMAS:
                said.append(f"counts {far / PLAIN_SIGMAS:.0%}, being less than {PLAIN_SIGMAS:.0f} sigma off")
            if hops > 1:
                said.append(f"{hops} hops away, where {DECAY ** (hops - 1):.0%} of an effect is expected")
        case "order" if abs(weight) >= LEAD_CAP:
            said.append(f"no more than {LEAD_CAP:.0f}, because onsets are estimates")
        case "upstream" if weight > UPSTREAM_FIRST:
            said.append(f"less than {-UPSTREAM_FIRST:.0f}, because it is barely off, or began at the same time")
        case "change" if weight > 0.0:
            cap = CHANGE_CAP if hypothesis.signature.change else HELPING_CHANGE_CAP
            said.append(f"{weight / cap:.0%} of at most {cap:.1f}, by how near to the onset it came")
        case "change":
            said.append(f"no less than {NO_CHANGE:.0f}, because not every change may be known")
        case _:
            pass
    return "; ".join(said)


def strength_word(weight: float) -> str:
    """How far a line moves the scales, in a word.

    weight: nats, of either sign.

    >>> [strength_word(one) for one in (-4.0, 1.5, 0.5, 0.1)]
    ['strongly', 'clearly', 'somewhat', 'slightly']
    """
    return next((word for least, word in STRENGTHS if abs(weight) >= least), "slightly")


def change_text(change: Change) -> str:
    """A change in words."""
    moved = f" from {change.from_} to {change.to}" if change.from_ or change.to else ""
    said = f" ({change.text})" if change.text else ""
    return f"{change.kind.replace('_', ' ')} of {change.entity}{moved} at {change.time:%H:%M}{said}"


ACTION_WORDS: Mapping[ProposalState, str] = {
    ProposalState.PENDING: "waits for approval",
    ProposalState.APPROVED: "approved, about to begin",
    ProposalState.EXECUTING: "approved, under way",
    ProposalState.MOVED: "the alias is moved, recovery is being watched",
    ProposalState.VERIFIED: "done and verified",
    ProposalState.FAILED: "failed, see the thread",
    ProposalState.UNCONFIRMED: "done but not confirmed, see the thread",
    ProposalState.CONFLICT: "stopped, somebody else moved the alias",
    ProposalState.DRY_RUN: "a dry run, nothing was moved",
    ProposalState.DENIED: "denied",
    ProposalState.EXPIRED: "expired, nobody decided in time",
}


def action_text(proposal: Proposal) -> str:
    """What is being done about an incident, in one clause for its headline."""
    if proposal.kind is ActionKind.ROLLBACK:
        return f"rollback of {proposal.model} to version {proposal.to_version}: {ACTION_WORDS[proposal.state]}"
    asked = proposal.state is ProposalState.VERIFIED
    return f"retraining of {proposal.model}: {'accepted' if asked else ACTION_WORDS[proposal.state]}"


def blind_text(findings: Sequence[Finding]) -> str:
    """What cannot be seen, by whom it would have been told."""
    sources = sorted({finding.key.entity for finding in findings if finding.kind is FindingKind.BLIND})
    silent = [finding for finding in findings if finding.kind is not FindingKind.BLIND]
    said = [f"{source} cannot be read" for source in sources[:3]]
    if silent:
        names = sorted({finding.key.entity for finding in silent})
        more = f" and {len(names) - 4} more" if len(names) > 4 else ""
        said.append(f"{len(silent)} series of {', '.join(names[:4])}{more} fell silent")
    return f"{', and '.join(said)}; nothing else moved"


def settle_text(one: Hypothesis, two: Hypothesis) -> str:
    """Which observation would decide between two hypotheses."""
    first = {**one.signature.downstream, **one.signature.own}
    second = {**two.signature.downstream, **two.signature.own}
    gaps = {kind: abs(first.get(kind, 0.0) - second.get(kind, 0.0)) for kind in {*first, *second}}
    kind = max(sorted(gaps), key=lambda k: gaps[k])
    owner = one if first.get(kind, 0.0) >= second.get(kind, 0.0) else two
    return (
        f"{KIND_WORDS[kind]} near {owner.entity}: a departure there would speak for "
        f"{subcause_text(owner.signature.subcause, owner.entity)}"
    )


def advice_text(verdict: Verdict, *, target: str | None) -> str:
    """Why a rollback would help, or would not."""
    what = verdict_text(verdict).partition(": ")[2] or "the cause"
    if verdict.cause is Cause.INFRASTRUCTURE:
        return f"the cause is infrastructure ({what}); an older model would suffer the same"
    if target is not None:
        return f"the trouble began with the new version, and version {target} served well before it"
    if Subcause.BAD_VERSION in verdict.subcauses:
        if verdict.cause is Cause.MODEL:
            return "the version looks bad, but no earlier version is known to have served well"
        return "a new version is one of two candidates; settle that first"
    if Subcause.DATA_QUALITY in verdict.subcauses:
        return "the data is at fault; an older model would read the same data"
    if verdict.cause is Cause.UNDETERMINED:
        return "no change of version precedes the trouble"
    return "no change of version precedes the trouble; an older model would meet the same world"
