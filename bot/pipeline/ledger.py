"""Which version served when: kept by us, because registries keep no history of their aliases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from bot.domain.change import Change, ChangeKind, DeployEvent
from bot.domain.incident import Incident
from bot.domain.verdict import Subcause

HEALTH_REMEMBERED = timedelta(days=14)  # incidents so old speak against no version any more
BEFORE_HISTORY = timedelta(days=1)  # how long something served that was there before we looked: long enough
SAME_MOVE = timedelta(minutes=10)  # registry, telemetry and a change feed tell of one promotion within this


def ledger_events(
    latest: Mapping[str, DeployEvent], holders: Mapping[str, str | None], *, alias: str, at: datetime
) -> tuple[DeployEvent, ...]:
    """Compare what holds the alias now with the ledger's last line a model.

    holders: only models whose registry answered; one that could not be asked has not changed.
    """
    events = []
    for model, version in sorted(holders.items()):
        last = latest.get(model)
        if last is not None and last.version == version:
            continue
        if last is None and version is None:
            continue  # never had a holder: nothing to remember
        previous = last.version if last else None
        events.append(
            DeployEvent(model=model, alias=alias, version=version, previous=previous, at=at, source="registry")
        )
    return tuple(events)


def change_of(event: DeployEvent) -> Change | None:
    """A line of the ledger as a change that may be to blame; the first look at a model changed nothing."""
    if event.previous is None:
        return None
    gone = event.version is None
    return Change(
        time=event.at,
        kind=ChangeKind.MODEL_VERSION,
        entity=event.model,
        text=f"alias {event.alias} {'vanished' if gone else 'moved'}",
        from_=event.previous,
        to=event.version,
    )


def once(changes: Iterable[Change], known: Iterable[Change]) -> tuple[Change, ...]:
    """Drop changes that another source has told already: same kind and entity, near in time, no contradiction."""
    kept: list[Change] = list(known)
    new = []
    for change in changes:
        if any(_same(change, other) for other in kept):
            continue
        kept.append(change)
        new.append(change)
    return tuple(new)


def _same(a: Change, b: Change) -> bool:
    if a == b:
        return True
    if (a.kind, a.entity) != (b.kind, b.entity) or a.kind is not ChangeKind.MODEL_VERSION:
        return False
    # one that knows the version is kept beside one that does not: a rollback is judged by it
    return abs(a.time - b.time) <= SAME_MOVE and a.to in (b.to, None)


def holds(ledger: Sequence[DeployEvent], *, now: datetime) -> list[tuple[str, datetime, datetime]]:
    """Spells of one model's alias, oldest first: (version, from, until)."""
    spells = []
    if ledger and ledger[0].previous is not None:  # a feed of changes names what served before it
        spells.append((ledger[0].previous, ledger[0].at - BEFORE_HISTORY, ledger[0].at))
    for event, following in zip(ledger, [*ledger, None][1:], strict=True):
        if event.version is not None:
            spells.append((event.version, event.at, following.at if following else now))
    return spells


def rollback_target(
    model: str,
    ledger: Iterable[DeployEvent],
    incidents: Iterable[Incident],
    *,
    now: datetime,
    min_hold: timedelta,
) -> str | None:
    """The last version that held the alias long enough and in health; never "version minus one".

    In health: no incident during its spell was blamed on a bad version of this model.
    """
    spells = holds(sorted((e for e in ledger if e.model == model), key=lambda e: e.at), now=now)
    if not spells:
        return None
    current = spells[-1][0]
    blamed = [
        (incident.onset, incident.resolved or now)
        for incident in incidents
        if incident.verdict and incident.verdict.entity == model and Subcause.BAD_VERSION in incident.verdict.subcauses
    ]
    for version, start, end in reversed(spells[:-1]):
        if version == current or end - start < min_hold:
            continue
        if not any(onset < end and start < until for onset, until in _within(blamed, start, end)):
            return version
    return None


def _within(
    spells: Iterable[tuple[datetime, datetime]], start: datetime, end: datetime
) -> list[tuple[datetime, datetime]]:
    """Incidents that began under this version; one that began at its very end belongs to the next."""
    slack = min((end - start) / 10, timedelta(minutes=5))  # onsets are estimates
    return [(onset, until) for onset, until in spells if start <= onset < end - slack]
