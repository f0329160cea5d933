"""Models: how their version, their features and the machines under them become statistics of predictions and labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.world.answers import Answers, Inputs
from bot.world.machines import Machines
from bot.world.stretch import Stretch, channel_of
from bot.world.topology import Feature, Model, Topology, VersionTraits

Floats = NDArray[np.float64]
TraitsOf = Callable[[str, int], VersionTraits]

QUIET_PSI = 0.012  # of 10 bins over a minute's rows: about bins over rows
INSTANT_SHARE = 0.85  # of a loss of accuracy that instant feedback already shows
FEWEST_LABELS = 0.5  # a minute: below, nothing can be said of them
DEFAULTED = 0.9  # share of lost lookups that end in a default rather than in an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Which version answers and what that means, (n,) each."""

    version: Floats
    score_shift: Floats
    decision_shift: Floats
    drift: Floats
    accuracy_loss: Floats
    calibration_gap: Floats
    inference_factor: Floats


def serving_of(model: str, versions: NDArray[np.int64], traits_of: TraitsOf) -> Serving:
    """Spread the traits of each minute's version over the stretch."""
    traits = [traits_of(model, int(version)) for version in versions]

    def spread(name: str) -> Floats:
        return np.array([getattr(one, name) for one in traits], dtype=np.float64)

    return Serving(
        version=versions.astype(np.float64),
        score_shift=spread("score_shift"),
        decision_shift=spread("decision_shift"),
        drift=spread("drift"),
        accuracy_loss=spread("accuracy_loss"),
        calibration_gap=spread("calibration_gap"),
        inference_factor=spread("inference_factor"),
    )


def heavier(topology: Topology, serving: Mapping[str, Serving]) -> dict[str, Floats]:
    """By service: factor of the models it serves on its CPU time, their mean."""
    found: dict[str, list[Floats]] = {}
    for model in topology.models:
        found.setdefault(model.served_by, []).append(serving[model.name].inference_factor)
    return {service: np.asarray(np.mean(factors, axis=0)) for service, factors in found.items()}


def run(topology: Topology, model: Model, stretch: Stretch, machines: Machines, serving: Serving) -> Answers:
    """Let a stretch pass on one model, in the order in which its parts cause each other; tell what it answered."""
    server = topology.service(model.served_by)
    stores = [name for name in server.depends_on if topology.service(name).role == "store"]
    defaulted = np.zeros_like(stretch.times_s)
    for store in stores:
        defaulted = np.maximum(defaulted, DEFAULTED * machines.lost[server.name, store])
    stretch.shown[channel_of("model_version", model.name)] = serving.version
    inference_ms = model.inference_ms * serving.inference_factor * machines.wait[server.name]
    stretch.show_scale("inference_latency", model.name, inference_ms, noise=0.05)
    stretch.show_scale("fallback", model.name, 0.004 + 0.95 * defaulted, noise=0.12)
    damage, inputs = _features(model, stretch, machines, defaulted)
    return _scores(model, stretch, machines, serving, damage=damage, inputs=inputs, step_s=topology.step_s)


def _features(
    model: Model, stretch: Stretch, machines: Machines, defaulted: Floats
) -> tuple[Floats, dict[str, Inputs]]:
    """Show every feature; return the damage that wrong inputs do to predictions, (n,) from 0 to 1, and the inputs."""
    damage = np.zeros_like(stretch.times_s)
    inputs: dict[str, Inputs] = {}
    stale = np.zeros_like(damage)
    for feature in model.features:
        entity = f"{model.name}/{feature.name}"
        moved = stretch.drivers["shift", entity]
        factor = np.exp(stretch.drivers["scale", entity])
        empty = np.clip(stretch.drivers["null", entity] + (defaulted if feature.stored else 0), 0, 1)
        late_s = machines.late_s.get(feature.source, np.zeros_like(damage))
        old = 1 - np.exp(-np.clip(late_s - model.stale_after_s, 0, None) / model.stale_scale_s)
        stale = np.maximum(stale, old)
        inputs[feature.name] = _show_feature(feature, entity, stretch, moved=moved, factor=factor, empty=empty, old=old)
        if feature.stored:
            stretch.show_scale(
                "freshness", entity, feature.age_s + late_s, noise=0.08 * feature.age_s / (feature.age_s + late_s)
            )
        away = np.minimum(np.abs(moved) / 4 + np.abs(np.log(factor)) / 2, 1)
        damage = damage + feature.importance * np.maximum(away, empty)
    return np.clip(damage + model.stale_weight * stale, 0, 1), inputs


def _show_feature(
    feature: Feature, entity: str, stretch: Stretch, *, moved: Floats, factor: Floats, empty: Floats, old: Floats
) -> Inputs:
    null = 0.002 + 0.95 * empty
    stretch.show_scale("feature_null", entity, null, noise=0.15)
    mean = feature.mean * factor + feature.spread * moved
    stretch.show_level("feature_mean", entity, mean, noise=0.02 * feature.spread * factor)
    distance = np.minimum(0.5 * moved**2, 4) + np.minimum(1.5 * np.abs(np.log(factor)), 6) + 1.2 * empty + 0.05 * old
    quiet = QUIET_PSI * np.exp(0.25 * stretch.unit(channel_of("feature_drift", entity)))
    stretch.shown[channel_of("feature_drift", entity)] = quiet + distance * np.exp(
        0.05 * stretch.slow(channel_of("feature_drift", entity))
    )
    return Inputs(mean=mean, spread=feature.spread * factor, null=null)


def _scores(
    model: Model,
    stretch: Stretch,
    machines: Machines,
    serving: Serving,
    *,
    damage: Floats,
    inputs: dict[str, Inputs],
    step_s: float,
) -> Answers:
    rate = machines.rate[model.served_by]
    channel = channel_of("prediction_mean", model.name)
    hour = 0.012 * model.score * np.cos(2 * np.pi * stretch.times_s / 86_400)  # other people at other hours
    # a model that knows nothing falls back towards the middle
    mean = model.score + hour + serving.score_shift + 0.35 * (0.5 - model.score) * damage
    seen = mean + model.score * (0.012 * stretch.unit(channel))
    stretch.shown[channel] = np.clip(seen, 0, 1)
    positives = 1.1 * model.label_rate + 0.8 * (mean - model.score) + serving.decision_shift
    stretch.show_ratio("positive_rate", model.name, positives, noise=0.025 * model.label_rate)
    drift_channel = channel_of("prediction_drift", model.name)
    quiet = QUIET_PSI * np.exp(0.25 * stretch.unit(drift_channel))
    moved = (serving.drift + 0.08 * damage + 1.3 * damage**2) * np.exp(0.05 * stretch.slow(drift_channel))
    stretch.shown[drift_channel] = quiet + moved
    parts = [stretch.drivers["part", f"{model.name}/{segment}"] for segment in model.segments]
    loss = serving.accuracy_loss + 0.35 * damage + stretch.drivers["relation", model.name]
    loss = loss + (np.mean(parts, axis=0) if parts else 0.0)
    early = np.clip(model.accuracy - 0.02 - INSTANT_SHARE * loss, 0, 1)
    stretch.show_ratio("early_quality", model.name, early, noise=0.009)
    answers = Answers(
        times_s=stretch.times_s,
        version=serving.version,
        rate=rate,
        score=mean,
        score_shift=serving.score_shift,
        drift=serving.drift,
        damage=damage,
        accuracy=np.clip(model.accuracy - loss, 0, 1),
        gap=serving.calibration_gap + 0.22 * damage + 0.7 * stretch.drivers["relation", model.name],
        inputs=inputs,
    )
    _labels(model, stretch, answers, step_s=step_s)
    return answers


def _labels(model: Model, stretch: Stretch, answers: Answers, *, step_s: float) -> None:
    """Show what labels tell, a label delay later."""
    by = round(model.label_delay_s / step_s)
    name, carry, rate = model.name, stretch.carry, answers.rate
    accuracy = carry.delayed(f"accuracy|{name}", answers.accuracy, by=by)
    apart = carry.delayed(f"calibration|{name}", answers.gap, by=by)
    volume = carry.delayed(f"volume|{name}", 60 * rate * model.labelled, by=by)
    volume = volume * (1 - np.clip(stretch.drivers["unlabelled", name], 0, 1))
    wrong = np.clip(stretch.drivers["mislabel", name], 0, 0.5)
    accuracy = accuracy * (1 - wrong) + (1 - accuracy) * wrong
    apart = apart + wrong * (1 - 2 * model.label_rate)
    stretch.show_share("quality", name, accuracy, of=volume)
    losses = [stretch.drivers["part", f"{name}/{segment}"] for segment in model.segments]
    for segment, lost in zip(model.segments, losses, strict=True):
        there = carry.delayed(f"part|{name}/{segment}", lost - np.mean(losses, axis=0), by=by)
        of = volume / len(model.segments)
        stretch.show_share("segment_quality", f"{name}/{segment}", accuracy - there, of=of)
    stretch.show_scale("calibration_gap", name, 0.015 + apart, noise=0.2 * 0.015 / (0.015 + apart) + 0.02)
    labels = model.label_rate * (1 - wrong) + (1 - model.label_rate) * wrong
    stretch.show_share("label_rate", name, labels, of=volume)
    stretch.show_scale("label_volume", name, volume, noise=0.03)
    for channel in (channel_of("quality", name), channel_of("calibration_gap", name), channel_of("label_rate", name)):
        stretch.shown[channel] = np.where(volume < FEWEST_LABELS, np.nan, stretch.shown[channel])
