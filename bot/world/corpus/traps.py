"""Days on which nothing is wrong, though something moves: each is an incident to whoever looks at one series."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bot.world.corpus.slot import HOUR_S, MINUTE_S, Episodes, Slot
from bot.world.faults import innocent
from bot.world.faults.infrastructure import TelemetryGap


def _nothing(s: Slot) -> Episodes:  # noqa: ARG001 - one signature
    return ()


def _deploys(s: Slot) -> Episodes:
    found = []
    for number in range(5):
        name, start_s = s.pick(s.answering), s.start_s + number * 25 * MINUTE_S
        found.append(innocent.InnocentDeploy(target=name, start_s=start_s, end_s=start_s + 80, **s.rollout(name)))
    return tuple(found)


def _rolling(s: Slot) -> Episodes:
    name = s.pick(s.answering)
    length_s = float(s.rng.uniform(2, 4)) * MINUTE_S
    return (innocent.RollingRestart(target=name, start_s=s.start_s, end_s=s.start_s + length_s, **s.rollout(name)),)


def _benign(s: Slot) -> Episodes:
    model = s.model()
    return (
        innocent.BenignVersion(
            target=model.name,
            start_s=s.start_s,
            end_s=s.end_s,
            severity=float(s.rng.uniform(0.5, 2.0)),
            to_version=model.champion + 1,
        ),
    )


def _campaign(s: Slot) -> Episodes:
    return (innocent.Campaign(target=s.pick(s.services("gateway")), start_s=s.start_s, end_s=s.end_s),)


def _holiday(s: Slot) -> Episodes:
    return (innocent.Holiday(target=s.pick(s.services("gateway")), start_s=s.start_s, end_s=s.end_s + 3 * HOUR_S),)


def _autoscale(s: Slot) -> Episodes:
    return (innocent.Autoscale(target=s.pick(s.answering), start_s=s.start_s, end_s=s.end_s),)


def _late_labels(s: Slot) -> Episodes:
    return (innocent.LateLabels(target=s.model().name, start_s=s.start_s, end_s=s.end_s),)


def _gap(s: Slot) -> Episodes:
    names = [*s.answering, *(n.name for n in s.topology.nodes), *(m.name for m in s.topology.models)]
    length_s = max(3.0 * s.topology.step_s, float(s.rng.uniform(2, 4)) * MINUTE_S)
    return (TelemetryGap(target=s.pick(names), start_s=s.start_s, end_s=s.start_s + length_s),)


def _restart(s: Slot) -> Episodes:
    return (innocent.Restart(target=s.pick(s.answering), start_s=s.start_s, end_s=s.start_s + 60),)


def _spikes(s: Slot) -> Episodes:
    return tuple(
        innocent.Spike(
            target=s.pick(s.answering) if number % 2 else s.feature(),
            start_s=s.start_s + number * 17 * MINUTE_S,
            end_s=s.start_s + number * 17 * MINUTE_S + 60,
        )
        for number in range(6)
    )


def _unrelated(s: Slot) -> Episodes:
    entities = [*s.answering, *(m.name for m in s.topology.models), *(n.name for n in s.topology.nodes)]
    kinds = ("config", "data", "schema", "other")
    return tuple(
        innocent.Note(
            target=s.pick(entities),
            start_s=s.start_s + number * 13 * MINUTE_S,
            end_s=s.end_s,
            kind=s.pick(kinds),
            text="changed",
        )
        for number in range(6)
    )


def _backfill(s: Slot) -> Episodes:
    return (innocent.Backfill(target=s.pick(s.feeding), start_s=s.start_s, end_s=s.end_s),)


# Nothing is wrong, though something moves.
TRAPS: Mapping[str, Callable[[Slot], Episodes]] = {
    "quiet_day": _nothing,
    "small_numbers": _nothing,  # of labels, at night: the installation is drawn so
    "planned_deploys": _deploys,
    "rolling_restart": _rolling,
    "benign_version": _benign,
    "campaign": _campaign,
    "holiday": _holiday,
    "autoscale": _autoscale,
    "late_labels": _late_labels,
    "scrape_gap": _gap,
    "single_restart": _restart,
    "single_spikes": _spikes,
    "unrelated_changes": _unrelated,
    "backfill": _backfill,
}
