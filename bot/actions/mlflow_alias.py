"""Moves the alias that serves in an MLflow registry. One request, never repeated: MLflow has no compare-and-set."""

from __future__ import annotations

from collections.abc import Mapping

from bot.errors import GiveUpError, RetryLaterError
from bot.http import HttpClient, HttpRefusedError

PATH = "api/2.0/mlflow/registered-models/alias"


class MlflowAliasMover:
    """Implements ports.AliasMover.

    names: by the catalogue's name of a model, its name in the registry; absent means the same.
    """

    def __init__(self, client: HttpClient, *, alias: str = "champion", names: Mapping[str, str] | None = None) -> None:
        self._client = client
        self._alias = alias
        self._names = dict(names or {})

    @property
    def dry_run(self) -> bool:
        return False

    async def close(self) -> None:
        await self._client.close()

    async def move(self, model: str, *, to_version: str) -> None:
        asked = {"name": self._names.get(model, model), "alias": self._alias, "version": to_version}
        try:
            await self._client.post_json(PATH, asked)
        except HttpRefusedError as error:
            if "IntegrityError" in str(error):  # two first creations at once: the other one won, ours wrote nothing
                raise RetryLaterError(str(error)) from error
            if error.status == 403 and "Invalid Host header" in str(error):
                raise GiveUpError(
                    f"{self._client.where} does not know itself by this name: start MLflow with it in --allowed-hosts",
                    code=error.code,
                ) from error
            raise
