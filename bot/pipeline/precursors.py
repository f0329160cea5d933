"""What came before what: which infrastructure signs preceded which of a model's, and the other way round.

Counted from past incidents by the time of the cause, so that late labels do not seem to follow whatever happened
meanwhile. Only what is likelier than not, and likelier than chance, is worth a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp

import numpy as np

from bot.domain.catalogue import Catalogue, Kind, Side
from bot.domain.finding import Direction, Finding, FindingKind
from bot.domain.incident import Incident, IncidentId
from bot.domain.precursor import Precursor, Sign
from bot.pipeline.observe import Place
from bot.pipeline.phrasing import MAX_NAME, clean
from bot.pipeline.relate import LATE_KINDS, cause_time, kind_of
from bot.pipeline.words import KIND_WORDS
from detectors.rates import wilson

SPAN = timedelta(hours=6)  # in another incident, the second sign must follow within this: a disk takes that long
MIN_TIMES = 4  # fewer prove nothing, however regular
Z_80 = 1.2816  # standard errors on each side of an 80 % interval
SURE = 0.5  # likelier than not, at the lower end of that interval
KEPT = timedelta(days=180)  # as long as lessons take to lose half of their weight
INCIDENTS = 300  # past ones that are read when a process begins
SIGNS = 60  # of one incident, the earliest: more is a storm, in which everything follows everything
WARNINGS = 2  # told of one incident; more would bury its numbers
AGAIN = timedelta(hours=1)  # patterns are counted anew after this at the latest: the base rates move with time


@dataclass(frozen=True, slots=True, kw_only=True)
class Onset:
    """When a place left its usual range in an incident, for the first time."""

    incident_id: IncidentId
    place: Place
    at: datetime
    way: Direction


def onsets_of(incident: Incident, catalogue: Catalogue) -> tuple[Onset, ...]:
    """What got worse in an incident, each place once, the earliest first."""
    first: dict[Place, Onset] = {}
    for finding in incident.findings:
        place = _place_of(finding, catalogue)
        if place is None:
            continue
        way = finding.direction if finding.kind is not FindingKind.SPREAD else Direction.NONE
        onset = Onset(incident_id=incident.id, place=place, at=cause_time(finding, catalogue), way=way)
        known = first.get(place)
        if known is None or (onset.at, onset.way) < (known.at, known.way):
            first[place] = onset
    return tuple(sorted(first.values(), key=lambda onset: (onset.at, onset.place))[:SIGNS])


def _place_of(finding: Finding, catalogue: Catalogue) -> Place | None:
    """A model's features and segments count as the model: what people ask is whether it will suffer."""
    kind = kind_of(finding, catalogue)
    silent = finding.kind in (FindingKind.GAP, FindingKind.BLIND)
    if kind is None or kind is Kind.VERSION or silent or not finding.worse:
        return None
    if kind.side is Side.INFRASTRUCTURE:
        return finding.key.entity, kind
    model = catalogue.model_of(finding.key.entity)
    return None if model is None else (model.name, kind)


def _ours(place: Place) -> bool:
    """Whether a place is infrastructure's; every other one is a model's."""
    return place[1].side is Side.INFRASTRUCTURE


# ---------------------------------------------------------------- counting


def precursors(onsets: Iterable[Onset], *, now: datetime) -> tuple[Precursor, ...]:
    """Every pair that is strong enough to be told, the surest first.

    A sign that comes back within SPAN is the same sign. What is younger than SPAN is not counted: its sequel may be
    still to come.
    """
    known = sorted({one for one in onsets if now - KEPT <= one.at <= now}, key=lambda o: (o.at, o.incident_id, o.place))
    if not known:
        return ()
    places: dict[Place, list[Onset]] = {}
    for onset in known:
        places.setdefault(onset.place, []).append(onset)
    often = {place: seen for place, seen in places.items() if len(seen) >= MIN_TIMES}
    spells = {place: _spells(seen) for place, seen in often.items()}
    observed = max(SPAN, now - known[0].at)
    found = []
    for first, starts in spells.items():
        counting = [onset for onset in starts if now - onset.at >= SPAN]
        if len(counting) < MIN_TIMES:
            continue
        for second, seen in often.items():
            if _ours(first) == _ours(second):
                continue
            followers = _followers(counting, seen)
            if len(followers) >= MIN_TIMES:
                chance = 1.0 - exp(-len(spells[second]) * (SPAN / observed))
                found.append(_precursor(counting, followers, chance))
    return _told(found)


def _spells(seen: Sequence[Onset]) -> list[Onset]:
    """The beginnings of separate troubles of a place, oldest first."""
    kept: list[Onset] = []
    for onset in seen:
        if not kept or onset.at - kept[-1].at >= SPAN:
            kept.append(onset)
    return kept


def _followers(firsts: Sequence[Onset], seconds: Sequence[Onset]) -> list[tuple[Onset, Onset]]:
    """Each first with the nearest second after it: in its own incident whenever, in another one within SPAN."""
    times = np.asarray([onset.at.timestamp() for onset in seconds])
    inside = {onset.incident_id: onset for onset in seconds}
    nearest = np.searchsorted(times, [onset.at.timestamp() for onset in firsts], side="right")
    found = []
    for first, place in zip(firsts, nearest, strict=True):
        near = seconds[place] if place < len(seconds) and seconds[place].at - first.at <= SPAN else None
        own = inside.get(first.incident_id)
        choices = [one for one in (near, own) if one is not None and one.at > first.at]
        if choices:
            found.append((first, min(choices, key=lambda one: one.at)))
    return found


def _precursor(firsts: Sequence[Onset], followers: Sequence[tuple[Onset, Onset]], chance: float) -> Precursor:
    leads = np.asarray([(second.at - first.at).total_seconds() for first, second in followers])
    low, middle, high = (float(q) for q in np.quantile(leads, (0.25, 0.5, 0.75)))
    sure, _ = wilson(len(followers), len(firsts), z=Z_80)
    return Precursor(
        first=_sign(firsts),
        second=_sign([second for _, second in followers]),
        followed=len(followers),
        times=len(firsts),
        lead_s=middle,
        lead_low_s=low,
        lead_high_s=high,
        longest_s=float(leads.max()),
        sure=float(sure),
        chance=chance,
    )


def _sign(onsets: Sequence[Onset]) -> Sign:
    ways = {onset.way for onset in onsets}
    entity, kind = onsets[0].place
    return Sign(entity=entity, kind=kind, way=ways.pop() if len(ways) == 1 else Direction.NONE)


def _told(found: Iterable[Precursor]) -> tuple[Precursor, ...]:
    strong = [one for one in found if one.sure >= SURE and one.sure > one.chance]
    return tuple(sorted(strong, key=_rank))


def _rank(one: Precursor) -> tuple[float, float, str, str, str, str]:
    return -one.sure, one.lead_s, one.first.entity, one.first.kind, one.second.entity, one.second.kind


# ---------------------------------------------------------------- remembering


class Recollection:
    """The onsets of past incidents, and the patterns in them, counted again only when there are new ones."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._past: dict[IncidentId, tuple[datetime, tuple[Onset, ...]]] = {}  # with when each was resolved
        self._patterns: tuple[Precursor, ...] = ()
        self._counted: datetime | None = None  # None: there are new onsets
        self.begun = False  # whether what is stored has been read

    def keep(self, incidents: Iterable[Incident]) -> None:
        """Remember those that are over; one that came back and ended again replaces itself."""
        for incident in incidents:
            if incident.open or incident.resolved is None or not incident.members:
                continue
            known = self._past.get(incident.id)
            if known is None or known[0] != incident.resolved:
                self._past[incident.id] = incident.resolved, onsets_of(incident, self._catalogue)
                self._counted = None

    def stale(self, now: datetime) -> bool:
        """Whether the next question counts everything anew, which takes a while."""
        return self._counted is None or now - self._counted >= AGAIN

    def patterns(self, *, now: datetime) -> tuple[Precursor, ...]:
        """The surest first."""
        if self.stale(now):
            self._past = {i: (end, onsets) for i, (end, onsets) in self._past.items() if now - end <= KEPT}
            self._patterns = precursors((one for _, onsets in self._past.values() for one in onsets), now=now)
            self._counted = now
        return self._patterns

    def ahead(self, incident: Incident, everything: Sequence[Incident], *, now: datetime) -> tuple[Precursor, ...]:
        """What usually follows the signs of an open incident and has not come yet; one a thing that would suffer.

        everything: all that is open now: what is off already needs no warning.
        """
        begun = {onset.place: onset.at for onset in onsets_of(incident, self._catalogue)}
        off = {o.place for other in everything if other.open for o in onsets_of(other, self._catalogue)}
        chosen: dict[str, Precursor] = {}
        for pattern in self.patterns(now=now):
            since = begun.get((pattern.first.entity, pattern.first.kind))
            if since is None or (pattern.second.entity, pattern.second.kind) in off or self._over(pattern, since, now):
                continue
            chosen.setdefault(pattern.second.entity, pattern)
        return tuple(chosen.values())[:WARNINGS]

    def _over(self, pattern: Precursor, since: datetime, now: datetime) -> bool:
        """Whether it came and went meanwhile, or it is later than it ever came."""
        place = (pattern.second.entity, pattern.second.kind)
        model = self._catalogue.model_of(pattern.second.entity)
        late = model.label_delay_s if model is not None and pattern.second.kind in LATE_KINDS else 0.0
        if now - since > timedelta(seconds=pattern.longest_s + late):
            return True
        return any(o.place == place and o.at > since for end, past in self._past.values() if end > since for o in past)


# ---------------------------------------------------------------- in words

WAYS: Mapping[Direction, str] = {
    Direction.UP: "rose",
    Direction.DOWN: "fell",
    Direction.NONE: "left its usual range",
}


def precursor_text(one: Precursor) -> str:
    """A pattern in one sentence; holds names from outside.

    "5 of 6 times, quality of fraud fell 12 min (8 to 20) after disk use of n-04 rose"
    """
    low, middle, high = (_minutes(s) for s in (one.lead_low_s, one.lead_s, one.lead_high_s))
    between = f" ({low} to {high})" if low != high else ""
    return (
        f"{one.followed} of {one.times} times, {_sign_text(one.second)} {middle} min{between} after"
        f" {_sign_text(one.first)}"
    )


def _sign_text(sign: Sign) -> str:
    return f"{KIND_WORDS[sign.kind]} of {clean(sign.entity, limit=MAX_NAME)} {WAYS[sign.way]}"


def _minutes(seconds: float) -> int:
    return max(1, round(seconds / 60.0))
