"""The door for the catalogue: reads the `catalog` part of docs/recordings.md from YAML and checks it.

Used by the configuration and by recordings, so that both mean the same by the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from bot.domain.catalogue import Catalogue, Feature, Kind, Model, Node, Service, Signal, Worse
from bot.errors import BadInputError


def _as_tuple(value: Any) -> Any:
    """Accept one label name where several are allowed: `entity: model` and `entity: [model, feature]`."""
    return (value,) if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("a name must not be empty")
    return value


LONGEST_S = 366 * 86_400.0  # a year; no cadence and no label is slower, and infinity is no duration

Name = Annotated[str, AfterValidator(_not_blank)]
Names = Annotated[
    tuple[Name, ...],
    BeforeValidator(_as_tuple),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class _Door(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_default(cls, value: Any) -> Any:
        """`nodes:` or `depends_on:` with nothing behind it reads as null in YAML; people mean nothing."""
        if isinstance(value, Mapping):
            return {key: item for key, item in value.items() if item is not None}
        return value


class NodeEntry(_Door):
    name: Name = Field(description="the node as its samples name it")


class ServiceEntry(_Door):
    name: Name
    depends_on: Names = Field(default=(), description="services it calls")
    runs_on: Names = Field(default=(), description="nodes it runs on")
    role: str | None = Field(default=None, description="free text, such as gateway or store")


class FeatureEntry(_Door):
    name: Name
    from_: str | None = Field(default=None, alias="from", description="request, batch, or the service that fills it")


class ModelEntry(_Door):
    name: Name
    served_by: str | None = Field(default=None, description="the service that serves it")
    label_delay_s: float = Field(default=0.0, ge=0, le=LONGEST_S, description="how late true labels arrive, in seconds")
    features: tuple[FeatureEntry, ...] = ()


class SignalEntry(_Door):
    name: Name
    kind: Kind = Field(description="what it measures")
    unit: str = Field(default="", description="as people write it: ms, ratio, 1/s")
    worse: Worse = Field(default=Worse.BOTH, description="which way is worse: up, down or both")
    query: str | None = Field(default=None, description="PromQL, when pulled live")
    entity: Names = Field(default=(), description="the label, or labels, that name the entity")


class CatalogEntry(_Door):
    """What the team runs and which signals watch it."""

    step_s: float = Field(default=60.0, gt=0, le=LONGEST_S, description="nominal cadence in seconds")
    nodes: tuple[NodeEntry, ...] = ()
    services: tuple[ServiceEntry, ...] = ()
    models: tuple[ModelEntry, ...] = ()
    signals: tuple[SignalEntry, ...] = ()

    @model_validator(mode="after")
    def _names_are_unique(self) -> CatalogEntry:
        for what in ("nodes", "services", "models", "signals"):
            names = [entry.name for entry in getattr(self, what)]
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what}: {', '.join(twice)} stands there twice; names must be unique")
        return self

    def to_domain(self) -> Catalogue:
        return Catalogue(
            step_s=self.step_s,
            nodes=tuple(Node(name=node.name) for node in self.nodes),
            services=tuple(
                Service(name=entry.name, depends_on=entry.depends_on, runs_on=entry.runs_on, role=entry.role)
                for entry in self.services
            ),
            models=tuple(
                Model(
                    name=entry.name,
                    served_by=entry.served_by,
                    label_delay_s=entry.label_delay_s,
                    features=tuple(Feature(name=feature.name, source=feature.from_) for feature in entry.features),
                )
                for entry in self.models
            ),
            signals=tuple(
                Signal(
                    name=entry.name,
                    kind=entry.kind,
                    unit=entry.unit,
                    worse=entry.worse,
                    query=entry.query,
                    entity_labels=entry.entity,
                )
                for entry in self.signals
            ),
        )


def explain_validation(error: ValidationError, where: str) -> str:
    """One line a fault: file and key, what was found, what is expected."""
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "(top level)"
        found = "" if fault["type"] == "missing" else f" (found {str(fault['input'])[:80]!r})"
        lines.append(f"{where}: {key}: {fault['msg']}{found}")
    return "\n".join(lines)


def read_yaml(path: Path) -> Any:
    """Read a YAML file. Raises BadInputError naming file, line and column."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInputError(f"{path}: there is no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: cannot be read: {error}") from error
    except RecursionError as error:
        raise BadInputError(f"{path}: not valid YAML that can be read: it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date such as 2026-99-99
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise BadInputError(f"{path}: {place}: not valid YAML: {getattr(error, 'problem', error)}") from error


def parse_catalog(content: Any, *, where: str, further_keys: bool = False) -> Catalogue:
    """Check a parsed catalogue. Raises BadInputError with one line a fault.

    further_keys: keys that we do not know are passed over, as in recordings of others; else they are faults, since
        in a person's configuration they are typing errors.

    >>> parse_catalog({"nodes": [{"name": "n-07"}]}, where="catalog.yaml").nodes[0].name
    'n-07'
    """
    if not isinstance(content, Mapping):
        raise BadInputError(
            f"{where}: expected a mapping with nodes, services, models and signals, found {content!r:.60}"
        )
    try:
        return CatalogEntry.model_validate(_known(content) if further_keys else content).to_domain()
    except ValidationError as error:
        raise BadInputError(explain_validation(error, where)) from error


def _known(content: Mapping[str, Any]) -> Any:
    """A copy without the keys that no entry knows."""
    try:
        CatalogEntry.model_validate(content)
    except ValidationError as error:
        unknown = [fault["loc"] for fault in error.errors() if fault["type"] == "extra_forbidden"]
    else:
        return content
    kept = deepcopy(content)
    for *parents, key in unknown:
        place: Any = kept
        for step in parents:
            place = place[step]
        place.pop(key, None)
    return kept


def load_catalog(path: Path, *, further_keys: bool = False) -> Catalogue:
    """Read and check a catalogue file; see `parse_catalog`."""
    return parse_catalog(read_yaml(path), where=str(path), further_keys=further_keys)
