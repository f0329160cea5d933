"""Reads an MLflow model registry over REST: which version holds the alias, and what a version is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.clock import from_epoch
from bot.errors import BadInputError, GiveUpError, SourceDownError
from bot.http import HttpClient, HttpRefusedError
from bot.ports import ModelVersion

BASE = "api/2.0/mlflow"
NO_SUCH_ALIAS = "INVALID_PARAMETER_VALUE"  # with status 400; only a missing model is a 404
NOT_THERE = "RESOURCE_DOES_NOT_EXIST"
ALIAS = re.compile(r"(?!latest$|v\d+$)[A-Za-z0-9_-]{1,255}", re.IGNORECASE)  # what MLflow accepts; it reserves the rest
COMMIT_TAG = "mlflow.source.git.commit"


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, protected_namespaces=())


Reply = TypeVar("Reply", bound=_Reply)


class _Version(_Reply):
    version: str = Field(coerce_numbers_to_str=True)
    status: str = "READY"
    creation_timestamp: int | None = None  # milliseconds
    run_id: str = ""
    source: str = ""


class _OneVersion(_Reply):
    model_version: _Version


class _Versions(_Reply):
    model_versions: tuple[_Version, ...] = ()


class _Tag(_Reply):
    key: str
    value: str = ""


class _RunInfo(_Reply):
    lifecycle_stage: str = "active"


class _RunData(_Reply):
    tags: tuple[_Tag, ...] = ()


class _Run(_Reply):
    info: _RunInfo
    data: _RunData = _RunData()


class _OneRun(_Reply):
    run: _Run


class MlflowRegistry:
    """Implements ports.Registry.

    alias: the one that serves.
    names: by the catalogue's name of a model, its name in the registry; absent means the same.
    page:  how many versions `versions` tells at most.
    """

    def __init__(
        self,
        name: str,
        client: HttpClient,
        *,
        alias: str = "champion",
        names: Mapping[str, str] | None = None,
        page: int = 25,
    ) -> None:
        if not ALIAS.fullmatch(alias):
            raise BadInputError(
                f"{alias!r} cannot be an alias in MLflow: letters, digits, _ and -, neither latest nor v with a number"
            )
        self._name = name
        self._client = client
        self._alias = alias
        self._names = dict(names or {})
        self._page = page

    @property
    def name(self) -> str:
        return self._name

    @property
    def alias(self) -> str:
        return self._alias

    async def close(self) -> None:
        await self._client.close()

    async def holder(self, model: str) -> str | None:
        params = {"name": self._registered(model), "alias": self._alias}
        try:
            told = await self._get("registered-models/alias", params)
        except HttpRefusedError as error:
            if error.code == NO_SUCH_ALIAS:
                return None  # the alias itself is well formed, so this can only mean that nobody holds it
            raise
        return self._read(_OneVersion, told).model_version.version

    async def version(self, model: str, version: str) -> ModelVersion | None:
        if not version.isascii() or not version.isdigit():
            return None  # MLflow counts its versions
        try:
            told = await self._get("model-versions/get", {"name": self._registered(model), "version": version})
        except HttpRefusedError as error:
            if error.code == NOT_THERE:
                return None
            raise
        found = self._read(_OneVersion, told).model_version
        if not found.run_id:
            return _described(model, found)
        active, commit = await self._run(found.run_id)
        return _described(model, found, run_active=active, commit=commit)

    async def versions(self, model: str) -> Sequence[ModelVersion]:
        """Newest first; runs are not looked up."""
        registered = self._registered(model)
        quote = '"' if "'" in registered else "'"
        told = await self._get(
            "model-versions/search",
            {
                "filter": f"name={quote}{registered}{quote}",
                "order_by": "version_number DESC",
                "max_results": str(self._page),
            },
        )
        return [_described(model, one) for one in self._read(_Versions, told).model_versions]

    async def _run(self, run_id: str) -> tuple[bool | None, str | None]:
        """Look the run up: is it active, and of which commit. A run that is gone is not active."""
        try:
            told = await self._get("runs/get", {"run_id": run_id})
        except HttpRefusedError as error:
            if error.code == NOT_THERE:
                return False, None
            raise
        run = self._read(_OneRun, told).run
        commit = next((tag.value for tag in run.data.tags if tag.key == COMMIT_TAG and tag.value), None)
        return run.info.lifecycle_stage == "active", commit

    async def _get(self, path: str, params: Mapping[str, str]) -> Any:
        """Ask. A refusal in MLflow's own words goes up; any other is no answer of a registry."""
        try:
            return await self._client.get_json(f"{BASE}/{path}", params)
        except HttpRefusedError as error:
            if error.status == 403 and "Invalid Host header" in str(error):
                raise SourceDownError(
                    f"{self._client.where} does not know itself by this name: start MLflow with it in --allowed-hosts"
                ) from error
            if error.status in (401, 403) or error.code.startswith("http_"):
                raise SourceDownError(str(error)) from error
            raise

    def _read(self, form: type[Reply], told: Any) -> Reply:
        try:
            return form.model_validate(told)
        except ValidationError as error:
            fault = error.errors()[0]
            where = ".".join(map(str, fault["loc"]))
            raise SourceDownError(
                f"{self._client.where} answered in another form than MLflow: {where}: {fault['msg']}"
            ) from error

    def _registered(self, model: str) -> str:
        name = self._names.get(model, model)
        if "'" in name and '"' in name:
            raise GiveUpError(f"a registered model with both kinds of quotes cannot be searched for: {name}")
        return name


def _described(
    model: str, found: _Version, *, run_active: bool | None = None, commit: str | None = None
) -> ModelVersion:
    return ModelVersion(
        model=model,
        version=found.version,
        ready=found.status == "READY",
        created=_time(found.creation_timestamp),
        run_id=found.run_id or None,
        run_active=run_active,
        commit=commit,
        source=found.source or None,
    )


def _time(milliseconds: int | None) -> datetime | None:
    if milliseconds is None or not 0 < milliseconds < 1e14:  # outside, no datetime exists
        return None
    return from_epoch(milliseconds / 1000.0)
