"""What MLflow writes about models, versions and runs, and the keys by which it searches them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from bot.world.registry import Registered, Version

Answer = dict[str, Any]


def version_json(model: Registered, version: Version, *, aliases: bool = False) -> Answer:
    """Describe a version; searches never name its aliases."""
    holding = [alias for alias, number in model.aliases.items() if number == version.number]
    return {
        "name": model.name,
        "version": str(version.number),
        "creation_timestamp": version.created_ms,
        "last_updated_timestamp": version.updated_ms,
        "current_stage": "None",
        "description": version.description,
        "source": version.source,
        "run_id": version.run_id,
        "status": "READY",
        **({"tags": tags_json(version.tags)} if version.tags else {}),
        "run_link": "",
        **({"aliases": holding} if aliases and holding else {}),
    }


def model_json(model: Registered) -> Answer:
    newest = max(model.versions.values(), key=lambda version: version.number, default=None)
    return {
        "name": model.name,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
        **({"description": model.description} if model.description else {}),
        **({"latest_versions": [version_json(model, newest)]} if newest else {}),
        **({"tags": tags_json(model.tags)} if model.tags else {}),
        **(
            {"aliases": [{"alias": alias, "version": str(number)} for alias, number in model.aliases.items()]}
            if model.aliases
            else {}
        ),
    }


def tags_json(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def tag_keys(tags: Mapping[str, str]) -> dict[str, str]:
    return {f"tags.{key}": value for key, value in tags.items()}


def version_row(model: Registered, version: Version) -> dict[str, str | int]:
    return {
        "name": model.name,
        "run_id": version.run_id,
        "source_path": version.source,
        "version_number": version.number,
        **tag_keys(version.tags),
    }


def model_key(model: Registered, key: str) -> str | int | None:
    known: dict[str, str | int] = {
        "name": model.name,
        "creation_timestamp": model.created_ms,
        "last_updated_timestamp": model.updated_ms,
    }
    return known.get(key)


def version_key(row: tuple[Registered, Version], key: str) -> str | int | None:
    model, version = row
    known: dict[str, str | int] = {
        "name": model.name,
        "version_number": version.number,
        "creation_timestamp": version.created_ms,
        "last_updated_timestamp": version.updated_ms,
    }
    return known.get(key)


def run_json(model: Registered, version: Version) -> Answer:
    commit = hashlib.sha256(f"commit of {version.run_id}".encode()).hexdigest()[:40]
    tags = {
        "mlflow.runName": f"{model.name}-{version.number}",
        "mlflow.source.git.commit": commit,
        "mlflow.source.name": f"train_{model.name}.py",
        "mlflow.user": "trainer",
    }
    return {
        "info": {
            "run_id": version.run_id,
            "run_uuid": version.run_id,
            "run_name": tags["mlflow.runName"],
            "experiment_id": "1",
            "user_id": "trainer",
            "status": "FINISHED",
            "start_time": version.created_ms - 3_600_000,
            "end_time": version.created_ms - 60_000,
            "artifact_uri": version.source.removesuffix("/model"),
            "lifecycle_stage": "active",
        },
        "data": {"tags": tags_json(tags)},
        "inputs": {},
    }
