"""How to reach one HTTP server: the part that all sections about servers share."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from pydantic import Field, field_validator, model_validator

from bot.config.base import FilePath, HttpUrl, PositiveDuration, Section, key

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
