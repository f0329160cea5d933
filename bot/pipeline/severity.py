"""How bad an incident is: by what its findings mean for users and decisions, not by how many sigmas they are."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain.catalogue import Catalogue, Kind
from bot.domain.finding import Finding, FindingKind
from bot.domain.incident import Severity

# users or decisions are hit
CRITICAL = frozenset({Kind.AVAILABILITY, Kind.ERRORS, Kind.QUALITY, Kind.FALLBACK})
# feature drift alone never pages; label counts and a lone resource reading are evidence, not trouble
EVIDENCE_ONLY = frozenset({Kind.FEATURE_DRIFT, Kind.FEATURE_VALUE, Kind.LABEL_RATE, Kind.LABEL_VOLUME})
LOAD_ONLY = frozenset({Kind.TRAFFIC, Kind.THROUGHPUT, Kind.CPU, Kind.CACHE, Kind.NETWORK, Kind.RESTARTS})
PLAIN_SIGMAS = 15.0  # a feature value this far out is a broken unit, not a drifting population


def severity_of(findings: Iterable[Finding], catalogue: Catalogue) -> Severity:
    """Grade the findings that are active now. Movements that are not worse by the catalogue do not raise it."""
    kinds: set[Kind] = set()
    silent = False
    for finding in findings:
        signal = catalogue.signal.get(finding.key.signal)
        if finding.kind in (FindingKind.GAP, FindingKind.BLIND):
            silent = True
        elif signal is not None and finding.worse:
            broken = signal.kind is Kind.FEATURE_VALUE and abs(finding.evidence.peak_z) >= PLAIN_SIGMAS
            kinds.add(Kind.FEATURE_NULL if broken else signal.kind)
    if kinds & CRITICAL:
        return Severity.CRITICAL
    telling = kinds - EVIDENCE_ONLY
    if telling - LOAD_ONLY or (telling & LOAD_ONLY and len(telling) > 1):
        return Severity.WARNING
    return Severity.WARNING if silent else Severity.INFO
