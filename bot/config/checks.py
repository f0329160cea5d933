"""What must hold between the sections, and what is allowed but probably not meant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from bot.config.environment import variable
from bot.config.faults import suggest
from bot.config.places import Place
from bot.config.settings import ConfigFile, Secrets, servers_of
from bot.config.sources import AirflowSection
from bot.domain.catalogue import Catalogue, Kind
from bot.pipeline.quality.signals import NAMES

Fault = tuple[Place, str]
SHAPES = (Kind.PREDICTION_DRIFT, Kind.FEATURE_DRIFT)  # what the distance of a histogram can be
BATCH, REQUEST = "batch", "request"  # where a feature may come from besides a service


def contradictions(file: ConfigFile, catalogue: Catalogue) -> Iterator[Fault]:
    """What cannot work: the place, and what is wrong there."""
    yield from _names(file)
    yield from _queries(file, catalogue)
    yield from _pulls(file, catalogue)
    yield from _models(file, catalogue)
    if file.actions.mode == "live" and file.sources.mlflow is None:
        yield ("actions", "mode"), "found 'live', but there is no sources.mlflow whose alias could be moved"
    for number, source in enumerate(file.sources.prometheus):
        if source.deadline > file.policies.source_deadline:
            yield (
                ("sources", "prometheus", number, "deadline"),
                "expected at most policies.source_deadline, which cuts the whole source off",
            )


def _names(file: ConfigFile) -> Iterator[Fault]:
    """Two servers must not share a name, nor the variable that follows from it."""
    places: list[tuple[Place, str]] = [
        (("sources", "prometheus", number, "name"), source.name)
        for number, source in enumerate(file.sources.prometheus)
    ]
    if file.sources.mlflow is not None:
        places.append((("sources", "mlflow", "name"), file.sources.mlflow.name))
    places += [(("sources", "predictions", at, "name"), one.name) for at, one in enumerate(file.sources.predictions)]
    places += [(("sources", "evidently", at, "name"), one.name) for at, one in enumerate(file.sources.evidently)]
    places += [(("sources", "sql_metrics", at, "name"), one.name) for at, one in enumerate(file.sources.sql_metrics)]
    taken = {variable("retrain", "token"): "actions.retrain"} if file.actions.retrain else {}
    for place, name in places:
        other = taken.setdefault(variable(name, "token"), name)
        if other is not name or sum(found == name for _, found in places) > 1:
            yield (
                place,
                (
                    f"found {name!r} beside {other!r}: each server needs a name of its own,"
                    f" because {variable(name, 'token')} follows from it"
                ),
            )


def _queries(file: ConfigFile, catalogue: Catalogue) -> Iterator[Fault]:
    sources = file.sources
    others = (sources.recording, sources.predictions, sources.mlflow_metrics, sources.evidently, sources.sql_metrics)
    if not sources.prometheus and not any(others):
        listed = "`prometheus`, `predictions`, `mlflow_metrics`, `evidently`, `sql_metrics` or `recording`"
        yield ("sources",), f"expected at least one source: {listed}"
    shapes = {histogram.source for histogram in sources.histograms}
    asked = {signal.name for signal in catalogue.signals if signal.query}
    known = {signal.name for signal in catalogue.signals}
    for number, source in enumerate(sources.prometheus):
        place: Place = ("sources", "prometheus", number)
        for position, name in enumerate(source.signals or ()):
            if name not in known:
                yield (
                    (*place, "signals", position),
                    f"found {name!r}, which the catalogue does not hold; {suggest(name, known)}",
                )
        if not (asked if source.signals is None else asked & set(source.signals)) and source.name not in shapes:
            yield place, f"{source.name} has nothing to ask: none of its signals in the catalogue has a `query`"
    names = {source.name for source in sources.prometheus}
    for number, changes in enumerate(sources.changes):
        if changes.source not in names:
            yield (
                ("sources", "changes", number, "source"),
                f"found {changes.source!r}, which is no Prometheus source; {suggest(changes.source, names)}",
            )


def _pulls(file: ConfigFile, catalogue: Catalogue) -> Iterator[Fault]:
    """What other programs compute must have a signal, and somebody to ask."""
    sources = file.sources
    known = catalogue.signal
    for place, name in sources.pulled_signals():
        if name not in known:
            yield ("sources", *place), f"found {name!r}, which the catalogue does not hold; {suggest(name, set(known))}"
        elif known[name].query:
            yield ("sources", *place), f"found {name!r}, which has a `query`: Prometheus would be asked for it, too"
        elif place[0] == "histograms" and known[name].kind not in SHAPES:
            yield ("sources", *place), f"found {name!r} of kind {known[name].kind}, expected {' or '.join(SHAPES)}"
    if sources.mlflow_metrics and sources.mlflow is None:
        yield ("sources", "mlflow_metrics"), "found metrics, but there is no sources.mlflow whose server has them"
    names = {source.name for source in sources.prometheus}
    for number, histogram in enumerate(sources.histograms):
        if histogram.source not in names:
            yield (
                ("sources", "histograms", number, "source"),
                f"found {histogram.source!r}, which is no Prometheus source; {suggest(histogram.source, names)}",
            )


def _models(file: ConfigFile, catalogue: Catalogue) -> Iterator[Fault]:
    models = {model.name for model in catalogue.models}
    named: list[tuple[Place, str]] = [(("approvers", name), name) for name in file.approvers]
    if file.sources.mlflow is not None:
        named += [(("sources", "mlflow", "models", name), name) for name in file.sources.mlflow.models]
    named += [(("sources", "predictions", at, "model"), one.model) for at, one in enumerate(file.sources.predictions)]
    if isinstance(file.actions.retrain, AirflowSection):
        named += [(("actions", "retrain", "dags", name), name) for name in file.actions.retrain.dags]
    for place, name in named:
        if name not in models and not (name == "*" and place[0] != "sources"):
            yield place, f"found {name!r}, which is no model of the catalogue; {suggest(name, models)}"


def warnings(
    file: ConfigFile, catalogue: Catalogue, secrets: Secrets, *, unknown: Iterable[str], expected: Iterable[str]
) -> Iterator[str]:
    """What is allowed but probably not meant.

    unknown, expected: variables of our prefix that nobody reads, and those that are read.
    """
    yield from undeclared(catalogue)
    brought = {name for _, name in file.sources.pulled_signals()} | NAMES
    for signal in catalogue.signals:
        if not signal.query and file.sources.recording is None and signal.name not in brought:
            yield f"catalog: signal {signal.name} has no query, so nobody pulls it"
        elif signal.query and not signal.entity_labels:
            yield f"catalog: signal {signal.name} has no entity: its series cannot be told apart by what they are about"
    if catalogue.models and file.sources.mlflow is None:
        yield "sources.mlflow is not configured: no ledger of versions, and no rollback"
    for name, server in servers_of(file).items():
        if server.insecure:
            yield f"{name}: insecure is on: its certificate is not checked"
        if server.auth != "bearer" and name in secrets.tokens:
            yield f"{name}: {variable(name, 'token')} is set, but auth is {server.auth}"
        if server.auth != "basic" and name in secrets.passwords:
            yield f"{name}: {variable(name, 'password')} is set, but auth is {server.auth}"
    if file.clock is not None:
        yield "clock is set: times are not those of the wall; for the demo only"
    readable = set(expected)
    for name in unknown:
        yield f"the variable {name} is set, but nothing reads it; {suggest(name, readable)}"


def undeclared(catalogue: Catalogue) -> Iterator[str]:
    """Names that the catalogue uses but does not declare: the links between them are lost."""
    services = {service.name for service in catalogue.services}
    nodes = {node.name for node in catalogue.nodes}
    used: Counter[tuple[str, str, str]] = Counter()
    for service in catalogue.services:
        used.update((service.name, "depends_on", name) for name in service.depends_on if name not in services)
        used.update((service.name, "runs_on", name) for name in service.runs_on if name not in nodes)
    for model in catalogue.models:
        if model.served_by is not None and model.served_by not in services:
            used[(model.name, "served_by", model.served_by)] += 1
        for feature in model.features:
            if feature.source not in (None, REQUEST, BATCH) and feature.source not in services:
                used[(f"{model.name}/{feature.name}", "from", feature.source or "")] += 1
    for owner, link, name in used:
        known = nodes if link == "runs_on" else services
        yield f"catalog: {owner}: {link} {name!r} is not declared; {suggest(name, known)}"
