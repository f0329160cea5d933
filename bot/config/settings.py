"""`faultline.yaml` as a whole, and with its secrets and its catalogue: what wiring gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, model_validator
from pydantic.json_schema import GenerateJsonSchema

from bot.catalog import CatalogEntry
from bot.config.base import FilePath, Section, key, write_duration
from bot.config.environment import (
    APP_TOKEN,
    BOT_TOKEN,
    LLM_API_KEY,
    RETRAIN_SECRET,
    SIGNING_SECRET,
    Credential,
    variable,
)
from bot.config.parts import ClockSection, HealthSection, LlmSection, LogSection, SlackSection, StoreSection
from bot.config.people import ApproverEntry, DetectorsSection, PoliciesSection
from bot.config.servers import ServerSection
from bot.config.sources import ActionsSection, SourcesSection, WebhookSection
from bot.domain.catalogue import Catalogue
from bot.domain.policy import RollbackPolicy, SpeakingPolicy, TickPolicy
from bot.errors import BadInputError

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _SchemaForEditors(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        """Show defaults as people would write them."""
        if isinstance(dft, timedelta):
            return write_duration(dft)
        return {} if isinstance(dft, Section) else super().encode_default(dft)


class ConfigFile(Section):
    """Faultline's configuration. Secrets never stand here: they come from the environment or from files."""

    slack: SlackSection = Field(description="where incidents are told")
    sources: SourcesSection = Field(description="where samples, changes and model versions come from")
    catalog: CatalogEntry | None = key(None, "what the team runs and which signals watch it")
    catalog_file: FilePath | None = key(None, "file with the same content as `catalog`; one of the two is needed")
    approvers: Mapping[str, ApproverEntry] = key(
        {}, "who may approve, by model; `*` for the models not named", why="nobody approves until you say who"
    )
    actions: ActionsSection = key(ActionsSection(), "what may be done once approved")
    detectors: DetectorsSection = key(DetectorsSection(), "how easily the detectors complain")
    policies: PoliciesSection = key(PoliciesSection(), "how patient, how quiet and how careful")
    store: StoreSection = key(StoreSection(), "what is remembered, and where")
    llm: LlmSection = key(LlmSection(), "a language model that chooses words")
    health: HealthSection = key(HealthSection(), "the bot's own health")
    log: LogSection = key(LogSection(), "the bot's own log")
    clock: ClockSection | None = key(None, "a faster clock, for the demo only")

    @model_validator(mode="after")
    def _one_catalogue(self) -> ConfigFile:
        if (self.catalog is None) == (self.catalog_file is None):
            raise ValueError("expected either `catalog` or `catalog_file`")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What the environment and its files gave; None: not given."""

    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    database_url: SecretStr | None = None
    llm_api_key: SecretStr | None = None
    retrain_secret: SecretStr | None = None
    tokens: Mapping[str, SecretStr] = field(default_factory=dict)  # by the server's name
    passwords: Mapping[str, SecretStr] = field(default_factory=dict)

    def values(self) -> frozenset[str]:
        """Every secret in the clear, for the log's filter and nothing else."""
        single = (
            self.slack_bot_token,
            self.slack_app_token,
            self.slack_signing_secret,
            self.database_url,
            self.llm_api_key,
            self.retrain_secret,
        )
        every = [*single, *self.tokens.values(), *self.passwords.values()]
        return frozenset(secret.get_secret_value() for secret in every if secret is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingSecret:
    variable: str
    needed_for: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Checked, complete and frozen. The sections are those of the file; what follows from them is a property."""

    path: Path
    file: ConfigFile
    catalogue: Catalogue
    secrets: Secrets
    warnings: tuple[str, ...] = ()  # what is allowed but probably not meant; doctor shows them

    @property
    def slack(self) -> SlackSection:
        return self.file.slack

    @property
    def sources(self) -> SourcesSection:
        return self.file.sources

    @property
    def actions(self) -> ActionsSection:
        return self.file.actions

    @property
    def detectors(self) -> DetectorsSection:
        return self.file.detectors

    @property
    def policies(self) -> PoliciesSection:
        return self.file.policies

    @property
    def llm(self) -> LlmSection:
        return self.file.llm

    @property
    def health(self) -> HealthSection:
        return self.file.health

    @property
    def log(self) -> LogSection:
        return self.file.log

    @property
    def clock(self) -> ClockSection | None:
        return self.file.clock

    @property
    def dry_run(self) -> bool:
        return self.actions.mode == "dry_run"

    @property
    def database_url(self) -> str:
        """May hold a password: for the store only."""
        told = self.secrets.database_url
        return told.get_secret_value() if told else self.file.store.url

    @property
    def user_groups(self) -> bool:
        """Whether Slack's user groups are read, which takes one more scope."""
        return bool(self.slack.mention_group) or any(entry.groups for entry in self.file.approvers.values())

    def speaking_policy(self) -> SpeakingPolicy:
        return self.policies.speaking()

    def tick_policy(self) -> TickPolicy:
        return self.policies.tick(step_s=self.catalogue.step_s)

    def rollback_policy(self) -> RollbackPolicy:
        return RollbackPolicy(
            approvers={model: entry.to_domain() for model, entry in self.file.approvers.items()},
            expires_after=self.policies.proposal_expires_after,
            watch=self.policies.watch,
            serving_timeout=self.policies.serving_timeout,
            min_hold=self.policies.min_hold,
            dry_run=self.dry_run,
        )

    def servers(self) -> dict[str, ServerSection]:
        """Every HTTP server but Slack and the language model, by the name in its variables."""
        return servers_of(self.file)

    def credential(self, name: str) -> Credential:
        """The credential of the server called `name`. Raises BadInputError when a configured one is missing."""
        server = self.servers()[name]
        if server.auth == "bearer":
            return Credential(bearer=_needed(self.secrets.tokens.get(name), variable(name, "token"), name))
        if server.auth == "basic":
            password = _needed(self.secrets.passwords.get(name), variable(name, "password"), name)
            return Credential(basic=(server.username or "", password))
        return Credential()

    def missing_secrets(self) -> tuple[MissingSecret, ...]:
        """Secrets that this configuration needs and nobody gave. Loading succeeds without them; running does not."""
        found: list[MissingSecret] = []

        def need(secret: SecretStr | None, name: str, why: str) -> None:
            if secret is None:
                found.append(MissingSecret(variable=name, needed_for=why))

        need(self.secrets.slack_bot_token, BOT_TOKEN, "Slack: the bot token, xoxb-...")
        if self.slack.transport == "socket":
            need(self.secrets.slack_app_token, APP_TOKEN, "Slack's Socket Mode: the app-level token, xapp-...")
        else:
            need(self.secrets.slack_signing_secret, SIGNING_SECRET, "Slack's signed requests over HTTP")
        if self.llm.needs_key:
            need(self.secrets.llm_api_key, LLM_API_KEY, f"the language model of {self.llm.provider}")
        if isinstance(self.actions.retrain, WebhookSection):
            need(self.secrets.retrain_secret, RETRAIN_SECRET, "signing the webhook of actions.retrain")
        for name, server in self.servers().items():
            if server.auth == "bearer":
                need(self.secrets.tokens.get(name), variable(name, "token"), f"{name}: auth bearer")
            if server.auth == "basic":
                need(self.secrets.passwords.get(name), variable(name, "password"), f"{name}: auth basic")
        return tuple(found)

    def require_secrets(self) -> None:
        """Raises BadInputError that names every variable to set."""
        if missing := self.missing_secrets():
            lines = [f"{self.path}: {one.variable} is not set ({one.needed_for})" for one in missing]
            raise BadInputError("\n".join([*lines, "set them, or VARIABLE_FILE to the path of a file with the secret"]))

    @staticmethod
    def json_schema() -> dict[str, Any]:
        """The schema of the file, for editors."""
        return {
            "$schema": SCHEMA_DIALECT,
            **ConfigFile.model_json_schema(by_alias=True, schema_generator=_SchemaForEditors),
        }


def _needed(secret: SecretStr | None, name: str, server: str) -> str:
    if secret is None:
        raise BadInputError(f"{name} is not set, and {server} needs it")
    return secret.get_secret_value()


def servers_of(file: ConfigFile) -> dict[str, ServerSection]:
    """Servers by name; a name that stands there twice is refused before (bot.config.checks)."""
    found: dict[str, ServerSection] = {source.name: source for source in file.sources.prometheus}
    if file.sources.mlflow is not None:
        found[file.sources.mlflow.name] = file.sources.mlflow
    found |= {source.name: source for source in file.sources.evidently}
    if file.actions.retrain is not None:
        found["retrain"] = file.actions.retrain
    return found
