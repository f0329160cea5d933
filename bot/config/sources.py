"""The sections about other servers: where samples and changes come from, and what may be asked of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from bot.catalog import Names
from bot.config.base import FilePath, HttpUrl, PositiveDuration, Section, SourceName, key
from bot.config.prediction_logs import PredictionsSection
from bot.domain.change import ChangeKind

MEGABYTE = 1024 * 1024
SECRET_HEADERS = ("authorization", "cookie", "x-api-key", "x-auth-token")


class ServerSection(Section):
    """How to reach one HTTP server. Its token or password comes from the environment or a file, never from here."""

    url: HttpUrl = Field(description="address, such as https://prometheus.example:9090; a path before /api is kept")
    auth: Literal["none", "bearer", "basic"] = key(
        "none", "`bearer` needs a token, `basic` a username and a password", why="inside a cluster there often is none"
    )
    token_file: FilePath | None = key(None, "file that holds the token; absent: the variable `FAULTLINE_<NAME>_TOKEN`")
    username: str | None = key(None, "for `basic`")
    password_file: FilePath | None = key(
        None, "file that holds the password; absent: the variable `FAULTLINE_<NAME>_PASSWORD`"
    )
    headers: Mapping[str, str] = key({}, "further headers, such as X-Scope-OrgID for Mimir; no credentials")
    ca_file: FilePath | None = key(None, "authorities to trust, PEM", why="absent: those of the system")
    client_cert: FilePath | None = key(None, "client certificate, PEM")
    client_key: FilePath | None = key(None, "key of the client certificate, PEM")
    insecure: bool = key(
        False, "do not check the server's certificate", why="an unchecked server could read the credentials"
    )
    deadline: PositiveDuration = key(
        timedelta(seconds=8),
        "longest wait for an answer, in real time",
        why="a tick must finish well inside its minute",
    )
    max_bytes: int = key(
        32 * MEGABYTE, "largest answer, in bytes", why="20,000 series with long labels fit into it", ge=1024
    )

    @field_validator("headers", mode="after")
    @classmethod
    def _no_credentials(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name in value:
            if name.lower() in SECRET_HEADERS:
                raise ValueError(f"expected no {name} here: set `auth`, and the secret in the environment or a file")
        return value

    @model_validator(mode="after")
    def _whole(self) -> ServerSection:
        if self.auth == "basic" and not self.username:
            raise ValueError("expected `username` beside auth basic")
        if self.client_key and not self.client_cert:
            raise ValueError("expected `client_cert` beside client_key")
        return self


class PrometheusSection(ServerSection):
    """Anything that speaks Prometheus' HTTP API: Prometheus, Thanos, Mimir, VictoriaMetrics."""

    name: SourceName = key("prometheus", "what people read, and part of its variables' names")
    signals: tuple[str, ...] | None = key(
        None, "names of the catalogue's signals to ask here", why="absent: every signal that has a query"
    )
    max_series: int = key(20_000, "series this source may bring", why="ten times a large team's", ge=1)


class MlflowSection(ServerSection):
    name: SourceName = key("mlflow", "what people read, and part of its variables' names")
    alias: str = key("champion", "the alias that serves", why="the name in MLflow's own documentation")
    models: Mapping[str, str] = key(
        {}, "by the catalogue's name of a model, its registered name", why="absent: the names are the same"
    )


class ChangesSection(Section):
    """A query whose series tell of rollouts and other changes."""

    source: str = Field(description="name of a Prometheus source")
    query: str = Field(description="PromQL: one series a state, such as a build-info metric", min_length=1)
    kind: ChangeKind = key(ChangeKind.DEPLOY, "what kind of change it is")
    entity: Names = key((), "the label, or labels, that name what changed")
    version: str | None = key(None, "the label that holds the version", why="absent: a value that moves is a change")
    text: str | None = key(None, "the label that holds words for people")


class SourcesSection(Section):
    prometheus: tuple[PrometheusSection, ...] = key((), "servers of samples")
    changes: tuple[ChangesSection, ...] = key((), "where changes are told")
    predictions: tuple[PredictionsSection, ...] = key((), "prediction logs, one a model: quality is judged from them")
    mlflow: MlflowSection | None = key(None, "the model registry; its alias moves become the ledger of deploys")
    recording: FilePath | None = key(None, "folder of a recording, read as if it were live; for rehearsals")


def _one_for_all(value: Any) -> Any:
    return {"*": value} if isinstance(value, str) else value


class WebhookSection(ServerSection):
    kind: Literal["webhook"] = Field(description="a signed POST to `url`")
    secret_file: FilePath | None = key(
        None, "file with the secret that signs; absent: the variable `FAULTLINE_RETRAIN_SECRET`"
    )


class AirflowSection(ServerSection):
    kind: Literal["airflow"] = Field(description="start a DAG run in Airflow 3")
    dags: Annotated[
        Mapping[str, str],
        BeforeValidator(_one_for_all),
        WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "string"}}]}),
    ] = Field(description="the DAG that retrains, by model, `*` for the others; or one name for all")


class ActionsSection(Section):
    mode: Literal["dry_run", "live"] = key(
        "dry_run", "`live` really moves aliases and starts retraining, once approved", why="nothing happens by surprise"
    )
    rollback: Literal["mlflow"] = key(
        "mlflow", "where a rollback moves the alias", why="the registry of sources.mlflow"
    )
    retrain: Annotated[WebhookSection | AirflowSection, Field(discriminator="kind")] | None = key(
        None, "who retrains a model", why="absent: retraining is not offered"
    )
