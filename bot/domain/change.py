"""What people or machines changed, and the ledger of which version served when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ChangeKind(StrEnum):
    DEPLOY = "deploy"
    MODEL_VERSION = "model_version"
    CONFIG = "config"
    AUTOSCALE = "autoscale"
    CALENDAR = "calendar"
    MARKETING = "marketing"
    DATA = "data"
    SCHEMA = "schema"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Identity: what, when, who. Most changes are innocent."""

    time: datetime
    kind: ChangeKind
    entity: str
    text: str = ""
    from_: str | None = None
    to: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployEvent:
    """One line of the ledger: from `at` on, `version` held `alias` of `model`. MLflow keeps no such history."""

    model: str  # the catalogue's name
    alias: str
    version: str | None  # None: the alias vanished
    previous: str | None  # None: the first time we looked
    at: datetime  # when we saw it, or when telemetry says it began to serve
    source: str  # "registry", "telemetry", "changes"
