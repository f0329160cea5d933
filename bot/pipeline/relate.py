"""Whether two findings may belong to one trouble: by time, by topology, and by which can bring about which."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.catalogue import Catalogue, Kind, Side
from bot.domain.finding import Finding, FindingKind
from bot.domain.incident import Incident
from bot.pipeline.weights import (
    EARLY_TICKS,
    ECHO_SLACK,
    FILLING,
    FILLING_LAG,
    INPUTS_LATE,
    LAGS,
    MAX_HOPS,
    NEAR_HOPS,
    SAME_SUBJECT,
    TOGETHER_TICKS,
)

ORDER = {Side.INFRASTRUCTURE: 0, Side.SERVING: 0, Side.DATA: 1, Side.QUALITY: 2}
LATE_KINDS = frozenset({Kind.QUALITY, Kind.CALIBRATION, Kind.LABEL_RATE})


def kind_of(finding: Finding, catalogue: Catalogue) -> Kind | None:
    signal = catalogue.signal.get(finding.key.signal)
    return signal.kind if signal else None


def cause_time(finding: Finding, catalogue: Catalogue) -> datetime:
    """When the change behind a finding happened: labelled quality published now speaks of predictions made earlier.

    Without this every drop of quality "follows" whatever happened a label delay later. What a prediction log tells is
    dated by its predictions, however late their labels came.
    """
    if finding.kind is FindingKind.LOG:
        return finding.onset
    if kind_of(finding, catalogue) in LATE_KINDS:
        model = catalogue.model_of(finding.key.entity)
        if model is not None:
            return finding.onset - timedelta(seconds=model.label_delay_s)
    return finding.onset


def label_delay(finding: Finding, catalogue: Catalogue) -> timedelta:
    model = catalogue.model_of(finding.key.entity)
    return timedelta(seconds=model.label_delay_s if model is not None else 0.0)


def echoes(finding: Finding, incident: Incident, catalogue: Catalogue) -> bool:
    """Whether labels tell late of predictions that were made while an incident stood that can have hurt them."""
    if finding.kind is FindingKind.LOG or kind_of(finding, catalogue) not in LATE_KINDS:
        return False
    model = catalogue.model_of(finding.key.entity)
    if model is None:
        return False
    until = incident.resolved or finding.onset
    made = finding.onset - label_delay(finding, catalogue)
    if made > until + ECHO_SLACK or finding.onset < incident.onset - ECHO_SLACK:
        return False
    hurt = (m.finding for m in incident.members if m.finding.kind not in (FindingKind.GAP, FindingKind.BLIND))
    return any(catalogue.downstream(f.key.entity).get(model.name, MAX_HOPS + 1) <= MAX_HOPS for f in hurt)


def explains(cause: Finding, effect: Finding, catalogue: Catalogue) -> bool:
    """Say whether the first finding could have brought about the second."""
    first, second = kind_of(cause, catalogue), kind_of(effect, catalogue)
    if first is None or second is None or ORDER[first.side] > ORDER[second.side]:
        return False
    hops = catalogue.downstream(cause.key.entity).get(effect.key.entity)
    if hops is None or hops > MAX_HOPS:
        return False
    lag = cause_time(effect, catalogue) - cause_time(cause, catalogue)
    slack = timedelta(seconds=EARLY_TICKS * catalogue.step_s)
    delay = timedelta()
    if second in LATE_KINDS:  # the onset of late labels is known only to within the delay itself
        model = catalogue.model_of(effect.key.entity)
        delay = timedelta(seconds=model.label_delay_s if model else 0.0)
    longest = FILLING_LAG if first in FILLING else LAGS[second.side]
    return -slack - delay <= lag <= longest + delay


def together(a: Finding, b: Finding, catalogue: Catalogue) -> bool:
    """Say whether two findings began at once and near each other, as two symptoms of a cause we cannot see do."""
    blind_a, blind_b = (f.kind in (FindingKind.GAP, FindingKind.BLIND) for f in (a, b))
    if blind_a != blind_b:
        return False
    apart = abs(cause_time(a, catalogue) - cause_time(b, catalogue))
    if blind_a:
        return apart <= timedelta(seconds=TOGETHER_TICKS * catalogue.step_s)  # series of one exporter end together
    if apart > timedelta(seconds=TOGETHER_TICKS * catalogue.step_s):
        return False
    return catalogue.distance(a.key.entity, b.key.entity, limit=NEAR_HOPS) is not None


def same_subject(a: Finding, b: Finding, catalogue: Catalogue) -> bool:
    """Say whether both are about one entity, or one model and its parts, and not hours apart."""
    if a.kind is FindingKind.BLIND or b.kind is FindingKind.BLIND:
        return a.key.entity == b.key.entity
    first, second = kind_of(a, catalogue), kind_of(b, catalogue)
    if first is not None and second is not None and {first.side, second.side} == {Side.DATA, Side.QUALITY}:
        data, quality = (a, b) if first.side is Side.DATA else (b, a)
        if cause_time(data, catalogue) - cause_time(quality, catalogue) > INPUTS_LATE:
            return False
    apart = abs(cause_time(a, catalogue) - cause_time(b, catalogue))
    if apart > SAME_SUBJECT:
        return False
    if a.key.entity == b.key.entity:
        return True
    owner = catalogue.model_of(a.key.entity)  # segments say what their model says
    felt = first is not None and second is not None and first.side is second.side is Side.QUALITY
    return felt and owner is not None and owner is catalogue.model_of(b.key.entity)


def related(a: Finding, b: Finding, catalogue: Catalogue) -> bool:
    """Say whether two findings may belong to one trouble."""
    return related_otherwise(a, b, catalogue) or explains(a, b, catalogue)


def related_otherwise(a: Finding, b: Finding, catalogue: Catalogue) -> bool:
    """The same, but not by the first having brought about the second."""
    return same_subject(a, b, catalogue) or together(a, b, catalogue) or explains(b, a, catalogue)
