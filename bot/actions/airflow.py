"""Starts a retraining DAG in Airflow 3; the run's id is our key, so that asking twice starts one run."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from bot.errors import GiveUpError
from bot.http import HttpClient, HttpRefusedError

CONFLICT = 409  # a run with this id exists: we have asked before


class AirflowRetrainer:
    """Implements ports.Retrainer.

    dags: by the catalogue's name of a model, the DAG that retrains it; "*" for the others.
    """

    def __init__(self, client: HttpClient, *, dags: Mapping[str, str]) -> None:
        self._client = client
        self._dags = dict(dags)

    async def close(self) -> None:
        await self._client.close()

    async def start(self, model: str, *, key: str, reason: str) -> str:
        dag = self._dags.get(model) or self._dags.get("*")
        if dag is None:
            raise GiveUpError(f"no DAG is configured that retrains {model}", code="not_configured")
        asked = {
            "dag_run_id": key,
            "logical_date": None,  # Airflow 3 wants it named; null is "now, for no interval"
            "conf": {"model": model, "reason": reason},
        }
        try:
            await self._client.post_json(f"api/v2/dags/{quote(dag, safe='')}/dagRuns", asked)
        except HttpRefusedError as error:
            if error.status != CONFLICT:
                raise
        return f"{dag}/{key}"
