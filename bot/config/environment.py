"""The one file that reads the environment. Secrets come from here or from files, and from nowhere else.

Each variable has a twin that ends in _FILE and names a file with the secret, as containers mount them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr, create_model
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from bot.errors import BadInputError

PREFIX = "FAULTLINE_"
MAX_SECRET = 16 * 1024  # bytes; a longer file is not a token
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = (
    "FAULTLINE_SLACK_BOT_TOKEN",
    "FAULTLINE_SLACK_APP_TOKEN",
    "FAULTLINE_SLACK_SIGNING_SECRET",
)
DATABASE_URL, LLM_API_KEY, RETRAIN_SECRET = (
    "FAULTLINE_DATABASE_URL",
    "FAULTLINE_LLM_API_KEY",
    "FAULTLINE_RETRAIN_SECRET",
)
FIXED = (BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, DATABASE_URL, LLM_API_KEY, RETRAIN_SECRET)
CONFIG = "FAULTLINE_CONFIG"  # where faultline.yaml lies; read by the command line


class Environment(BaseSettings):
    """The variables; one field and one `_file` twin a secret are added for each name that is expected."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, hide_input_in_errors=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is the library's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `SecretReader` hands in: a test's environment must not mix with the process's."""
        return (init_settings,)


def config_path(told: Path | None, environ: Mapping[str, str] | None = None) -> Path:
    """Where the configuration lies: as told, else FAULTLINE_CONFIG, else faultline.yaml in this folder."""
    return told or Path((os.environ if environ is None else environ).get(CONFIG) or "faultline.yaml")


def variable(*parts: str) -> str:
    """Name the variable of a secret.

    >>> variable("prom-eu", "token")
    'FAULTLINE_PROM_EU_TOKEN'
    """
    return PREFIX + re.sub(r"[^A-Z0-9]+", "_", "_".join(parts).upper())


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a server asks for; both None: nothing."""

    bearer: str | None = field(default=None, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)


class SecretReader:
    """Finds secrets by variable, file variable or path. Its messages name where it looked, never what it found.

    environ: the process's own when None.
    names:   the variables to expect; others of our prefix are `unknown`.
    """

    def __init__(self, environ: Mapping[str, str] | None, names: Iterable[str]) -> None:
        told = os.environ if environ is None else environ
        own = {name: value.strip() for name, value in told.items() if name.startswith(PREFIX)}
        expected = tuple(dict.fromkeys(names))
        fields: dict[str, Any] = {}
        for name in expected:
            fields[_field(name)] = (SecretStr | None, None)
            fields[_field(f"{name}_FILE")] = (Path | None, None)
        model = create_model("Environment", __base__=Environment, **fields)
        source = EnvSettingsSource(model, env_ignore_empty=True)
        source.env_vars = {name.lower(): value for name, value in own.items() if value}
        self._found = model(**source())
        read = {CONFIG, *expected, *(f"{name}_FILE" for name in expected)}
        self.expected = expected
        self.unknown = tuple(sorted(name for name in own if name not in read))

    def read(self, name: str, *, path: Path | None = None) -> SecretStr | None:
        """Look in the file that the configuration names, the variable, and the file that the variable's twin names.

        Raises BadInputError when a file is named but gives no secret, or when two places give the same one.
        """
        told: SecretStr | None = getattr(self._found, _field(name))
        told_file: Path | None = getattr(self._found, _field(f"{name}_FILE"))
        candidates = ((f"the file {path}", path), (name, told), (f"{name}_FILE", told_file))
        places = [place for place, there in candidates if there]
        if len(places) > 1:
            raise BadInputError(f"{' and '.join(places)} give the same secret: keep one of them")
        if path or told_file:
            return _from_file(path or told_file or Path(), name if path else f"{name}_FILE")
        return told


def _field(name: str) -> str:
    return name.removeprefix(PREFIX).lower()


def _from_file(path: Path, name: str) -> SecretStr:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8").strip()
    except OSError as error:
        raise BadInputError(f"{name}: the file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise BadInputError(f"{name}: the file {path} holds no text") from None
    if not text or len(content) > MAX_SECRET or "\n" in text:
        raise BadInputError(f"{name}: expected one secret on one line in the file {path}")
    return SecretStr(text)
