"""Loads `faultline.yaml`, its catalogue and its secrets; every complaint names file, line, key, found and expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr, ValidationError

from bot.catalog import CatalogEntry
from bot.config.checks import contradictions, warnings
from bot.config.environment import (
    APP_TOKEN,
    BOT_TOKEN,
    DATABASE_URL,
    FIXED,
    LLM_API_KEY,
    RETRAIN_SECRET,
    SIGNING_SECRET,
    SecretReader,
    variable,
)
from bot.config.faults import dotted, explain_faults, shown
from bot.config.misplaced import misplaced_secrets
from bot.config.places import YamlFile, read_yaml_file
from bot.config.settings import ConfigFile, Secrets, Settings, servers_of
from bot.config.sources import WebhookSection
from bot.domain.catalogue import Catalogue
from bot.errors import BadInputError
from bot.pipeline.quality.signals import with_log_signals

Form = TypeVar("Form", ConfigFile, CatalogEntry)


def load_settings(path: Path, environ: Mapping[str, str] | None = None) -> Settings:
    """Read and check a configuration.

    environ: the process's own when None.
    Raises BadInputError with one line a fault. A secret that is merely absent is no fault here
    (`Settings.require_secrets` is for those who need it), so that `doctor` and `manifest` work before Slack is set up.
    """
    file = read_yaml_file(path)
    parsed = _checked(file, ConfigFile)
    catalogue = _catalogue(parsed)
    if parsed.sources.predictions:
        catalogue = with_log_signals(catalogue)
    if faults := [f"{file.at(place)}: {dotted(place)}: {text}" for place, text in contradictions(parsed, catalogue)]:
        raise BadInputError("\n".join(faults))
    servers = servers_of(parsed)
    reader = SecretReader(
        environ,
        (
            *FIXED,
            *(variable(name, what) for name in servers for what in ("token", "password")),
            *(variable(one.name, "password") for one in parsed.sources.databases),
        ),
    )
    secrets = _secrets(parsed, reader)
    return Settings(
        path=path,
        file=parsed,
        catalogue=catalogue,
        secrets=secrets,
        warnings=tuple(warnings(parsed, catalogue, secrets, unknown=reader.unknown, expected=reader.expected)),
    )


def _checked(file: YamlFile, form: type[Form]) -> Form:
    """Validate a file. The original error is not chained: it would carry the values that were found."""
    if not isinstance(file.content, Mapping):
        raise BadInputError(f"{file.path}: found {shown(file.content)}, expected a mapping of keys")
    misplaced = misplaced_secrets(file)
    faults = [
        (file.line(place) or 0, f"{file.at(place)}: {dotted(place)}: {text}") for place, text in misplaced.items()
    ]
    try:
        parsed = form.model_validate(file.content, context={"folder": file.path.parent})
    except ValidationError as error:
        faults += explain_faults(error, file, form, without=misplaced)
    else:
        if not faults:
            return parsed
    raise BadInputError("\n".join(text for _, text in sorted(faults)))


def _catalogue(parsed: ConfigFile) -> Catalogue:
    if parsed.catalog is not None:
        return parsed.catalog.to_domain()
    assert parsed.catalog_file is not None  # ConfigFile demands one of the two
    return _checked(read_yaml_file(parsed.catalog_file), CatalogEntry).to_domain()


def _secrets(parsed: ConfigFile, reader: SecretReader) -> Secrets:
    tokens: dict[str, SecretStr] = {}
    passwords: dict[str, SecretStr] = {}
    for name, server in servers_of(parsed).items():
        if token := reader.read(variable(name, "token"), path=server.token_file):
            tokens[name] = token
        if password := reader.read(variable(name, "password"), path=server.password_file):
            passwords[name] = password
    for section in parsed.sources.databases:
        if password := reader.read(variable(section.name, "password"), path=section.password_file):
            passwords[section.name] = password
    retrain = parsed.actions.retrain
    signs = retrain.secret_file if isinstance(retrain, WebhookSection) else None
    found = Secrets(
        slack_bot_token=reader.read(BOT_TOKEN),
        slack_app_token=reader.read(APP_TOKEN),
        slack_signing_secret=reader.read(SIGNING_SECRET),
        database_url=reader.read(DATABASE_URL),
        llm_api_key=reader.read(LLM_API_KEY),
        retrain_secret=reader.read(RETRAIN_SECRET, path=signs),
        tokens=tokens,
        passwords=passwords,
    )
    _not_mixed_up(found)
    return found


def _not_mixed_up(secrets: Secrets) -> None:
    """Two tokens from two pages of Slack's site: the commonest mistake of a first start."""
    for name, secret, prefix, where in (
        (BOT_TOKEN, secrets.slack_bot_token, "xoxb-", "the bot token of OAuth & Permissions"),
        (APP_TOKEN, secrets.slack_app_token, "xapp-", "the app-level token of Basic Information"),
    ):
        if secret is not None and not secret.get_secret_value().startswith(prefix):
            raise BadInputError(f"{name}: expected {where}, which begins with {prefix}; found something else")
