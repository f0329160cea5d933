"""MLflow's registry API over the world's registry, with the answers and errors that MLflow 3.17 gives."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from bot.world import mlflow_search
from bot.world.mlflow_json import (
    Answer,
    model_json,
    model_key,
    run_json,
    tag_keys,
    version_json,
    version_key,
    version_row,
)
from bot.world.registry import Registered, Version
from bot.world.simulate import World

BASE = "/api/2.0/mlflow"
MLFLOW_VERSION = "3.17.2"
ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
RESERVED = re.compile(r"v\d+", re.IGNORECASE)
MAX_TAG = 100_000  # characters of a tag's value
DEFAULT_RESULTS = {"registered-models": 100, "model-versions": 10_000}
VERSION_KEYS = {"name": str, "run_id": str, "source_path": str, "version_number": int}
HOST_REFUSED = "Invalid Host header - possible DNS rebinding attack detected"

Given = Mapping[str, Any]


class MlflowError(Exception):
    """An answer that is an error; carries MLflow's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def response(self) -> web.Response:
        missing = self.code == "RESOURCE_DOES_NOT_EXIST"
        body = {
            "error_code": self.code,
            "message": str(self),
            "sqlstate": "KAM00",
            "error_class": "RESOURCE_NOT_FOUND" if missing else self.code,
        }
        return web.json_response(body, status=404 if missing else 400)


class MlflowApi:
    def __init__(self, world: World, now_s: Callable[[], float]) -> None:
        self._world = world
        self._now_s = now_s

    def routes(self) -> list[web.RouteDef]:
        models, versions = f"{BASE}/registered-models", f"{BASE}/model-versions"
        return [
            web.get("/health", _health),
            web.get("/version", _version),
            web.post(f"{models}/create", self._door(self.create_model)),
            web.get(f"{models}/get", self._door(self.get_model)),
            web.get(f"{models}/search", self._door(self.search_models)),
            web.get(f"{models}/alias", self._door(self.get_alias)),
            web.post(f"{models}/alias", self._door(self.set_alias)),
            web.delete(f"{models}/alias", self._door(self.delete_alias)),
            web.post(f"{models}/set-tag", self._door(self.tag_model)),
            web.post(f"{versions}/create", self._door(self.create_version)),
            web.get(f"{versions}/get", self._door(self.get_version)),
            web.get(f"{versions}/search", self._door(self.search_versions)),
            web.post(f"{versions}/set-tag", self._door(self.tag_version)),
            web.get(f"{BASE}/runs/get", self._door(self.get_run)),
        ]

    def _door(self, handler: Callable[[Given], Answer]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            if not _host_allowed(request):
                return web.Response(status=403, text=HOST_REFUSED)
            self._world.advance(self._now_s())
            try:
                return web.json_response(handler(await _given(request)))
            except MlflowError as error:
                return error.response()
            except mlflow_search.InvalidSearchError as error:
                return MlflowError("INVALID_PARAMETER_VALUE", str(error)).response()

        return answer

    def create_model(self, given: Given) -> Answer:
        name = _required(given, "name")
        if name in self._models:
            raise MlflowError("RESOURCE_ALREADY_EXISTS", f"Registered Model (name={name}) already exists.")
        now_ms = self._now_ms()
        entry = Registered(
            name=name, created_ms=now_ms, updated_ms=now_ms, description=str(given.get("description", ""))
        )
        self._models[name] = entry
        return {"registered_model": {"name": name, "creation_timestamp": now_ms, "last_updated_timestamp": now_ms}}

    def get_model(self, given: Given) -> Answer:
        return {"registered_model": model_json(self._model(_required(given, "name")))}

    def search_models(self, given: Given) -> Answer:
        wanted = mlflow_search.clauses(str(given.get("filter", "")), attributes={"name": str})
        rows = [
            one
            for one in self._models.values()
            if all(clause.holds({"name": one.name, **tag_keys(one.tags)}) for clause in wanted)
        ]
        rows = mlflow_search.ordered(rows, given.get("order_by") or ["name ASC"], key=model_key)
        page, token = _page([model_json(one) for one in rows], given, kind="registered-models")
        # an empty list is left out, as protocol buffers do
        return ({"registered_models": page} if page else {}) | token

    def get_alias(self, given: Given) -> Answer:
        name, alias = _required(given, "name"), _required(given, "alias")
        model = self._model(name)
        if alias not in model.aliases:
            raise MlflowError("INVALID_PARAMETER_VALUE", f"Registered model alias {alias} not found.")
        return {"model_version": version_json(model, model.versions[model.aliases[alias]], aliases=True)}

    def set_alias(self, given: Given) -> Answer:
        name, alias, version = (_required(given, key) for key in ("name", "alias", "version"))
        if not ALIAS.fullmatch(alias):
            raise MlflowError("INVALID_PARAMETER_VALUE", f"Invalid alias name: '{alias}'")
        if alias.lower() == "latest" or RESERVED.fullmatch(alias):
            raise MlflowError("INVALID_PARAMETER_VALUE", f"'{alias}' alias name (case insensitive) is reserved.")
        found = self._version(name, version)
        by = str(given.get("_by", "registry client"))
        self._world.move_alias(name, found.number, time_s=self._now_s(), by=by, alias=alias)
        return {}

    def delete_alias(self, given: Given) -> Answer:
        self._model(_required(given, "name")).aliases.pop(_required(given, "alias"), None)
        return {}

    def tag_model(self, given: Given) -> Answer:
        model = self._model(_required(given, "name"))
        key, value = _tag(given)
        model.tags[key] = value
        return {}

    def create_version(self, given: Given) -> Answer:
        model = self._model(_required(given, "name"))
        now_ms = self._now_ms()
        version = Version(
            number=max(model.versions, default=0) + 1,
            created_ms=now_ms,
            updated_ms=now_ms,
            source=_required(given, "source"),
            run_id=str(given.get("run_id", "")),
            description=str(given.get("description", "")),
        )
        model.versions[version.number] = version
        model.updated_ms = now_ms
        return {"model_version": version_json(model, version)}

    def get_version(self, given: Given) -> Answer:
        name, number = _required(given, "name"), _required(given, "version")
        version = self._version(name, number)
        return {"model_version": version_json(self._model(name), version, aliases=True)}

    def search_versions(self, given: Given) -> Answer:
        wanted = mlflow_search.clauses(str(given.get("filter", "")), attributes=VERSION_KEYS)
        rows = [
            (model, version)
            for model in self._models.values()
            for version in model.versions.values()
            if all(clause.holds(version_row(model, version)) for clause in wanted)
        ]
        orders = given.get("order_by") or ["last_updated_timestamp DESC", "name ASC", "version_number DESC"]
        rows = mlflow_search.ordered(rows, orders, key=version_key)
        page, token = _page([version_json(model, version) for model, version in rows], given, kind="model-versions")
        return ({"model_versions": page} if page else {}) | token

    def tag_version(self, given: Given) -> Answer:
        version = self._version(_required(given, "name"), _required(given, "version"))
        key, value = _tag(given)
        version.tags[key] = value
        return {}

    def get_run(self, given: Given) -> Answer:
        run_id = _required(given, "run_id")
        for model in self._models.values():
            for version in model.versions.values():
                if version.run_id == run_id:
                    return {"run": run_json(model, version)}
        raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Run with id={run_id} not found")

    @property
    def _models(self) -> dict[str, Registered]:
        return self._world.registry.models

    def _now_ms(self) -> int:
        return int(self._now_s() * 1000)

    def _model(self, name: str) -> Registered:
        if name not in self._models:
            raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Registered Model with name={name} not found")
        return self._models[name]

    def _version(self, name: str, number: str) -> Version:
        model = self._models.get(name)
        if not number.isdigit():
            raise MlflowError("INVALID_PARAMETER_VALUE", f"Parameter 'version' must be an integer, got '{number}'.")
        if model is None or int(number) not in model.versions:
            raise MlflowError("RESOURCE_DOES_NOT_EXIST", f"Model Version (name={name}, version={number}) not found")
        return model.versions[int(number)]


async def _health(request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp's signature
    return web.Response(text="OK")


async def _version(request: web.Request) -> web.Response:  # noqa: ARG001 - aiohttp's signature
    return web.Response(text=MLFLOW_VERSION)


def _host_allowed(request: web.Request) -> bool:
    """Allow loopback and private addresses alone, as MLflow does unless it is told otherwise."""
    host = urlsplit(f"//{request.host}").hostname or ""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_private


async def _given(request: web.Request) -> Given:
    if request.method == "GET":
        found: dict[str, Any] = dict(request.query)
        if "order_by" in request.query:
            found["order_by"] = request.query.getall("order_by")
        return found
    try:
        body = await request.json() if request.can_read_body else {}
    except json.JSONDecodeError as error:
        raise MlflowError("BAD_REQUEST", f"Malformed request body: {error}") from error
    if not isinstance(body, dict):
        raise MlflowError("BAD_REQUEST", "The body must be a JSON object")
    return body


def _required(given: Given, name: str) -> str:
    value = given.get(name)
    if value is None or value == "":
        raise MlflowError(
            "INVALID_PARAMETER_VALUE",
            f"Missing value for required parameter '{name}'. "
            "See the API docs for more information about request parameters.",
        )
    return str(value)


def _tag(given: Given) -> tuple[str, str]:
    key, value = _required(given, "key"), str(given.get("value", ""))
    if len(value) > MAX_TAG:
        raise MlflowError("INVALID_PARAMETER_VALUE", f"'value' exceeds the maximum length of {MAX_TAG} characters")
    return key, value


def _page(rows: list[Answer], given: Given, *, kind: str) -> tuple[list[Answer], Answer]:
    """Cut one page; its token is the offset of the next, opaque to clients."""
    try:
        size, first = int(given.get("max_results") or DEFAULT_RESULTS[kind]), int(given.get("page_token") or 0)
    except ValueError as error:
        raise MlflowError("INVALID_PARAMETER_VALUE", f"Invalid page parameters: {error}") from error
    page = rows[first : first + size]
    return page, ({"next_page_token": str(first + size)} if first + size < len(rows) else {})
