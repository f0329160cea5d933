"""The sections about the bot itself: Slack, store, language model, health, log, clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from bot.config.base import ChannelId, GroupId, HttpUrl, Port, PositiveDuration, Section, key

SLACK_API = "https://slack.com/api/"


def _absolute(value: str) -> str:
    if not value.startswith("/") or "?" in value or "#" in value:
        raise ValueError("expected a path that begins with /, such as /slack/events")
    return value


def _https(value: str) -> str:
    if urlsplit(value).scheme != "https":
        raise ValueError("expected an address that begins with https://: Slack calls no other")
    return value


class SlackHttpSection(Section):
    bind: str = key("127.0.0.1", "address to listen on", why="a proxy that ends TLS stands in front")
    port: Port = key(3000, "port to listen on", why="what Slack's own examples use")
    path: Annotated[str, AfterValidator(_absolute)] = key("/slack/events", "path of the requests", why="Bolt's default")
    public_url: Annotated[HttpUrl, AfterValidator(_https)] | None = key(
        None, "https address under which Slack reaches this bot, without the path; `faultline manifest` needs it"
    )


class SlackSection(Section):
    channel: ChannelId = Field(description="id of the channel where incidents are told; the bot must be in it")
    transport: Literal["socket", "http"] = key(
        "socket", "how Slack reaches the bot: `socket` or signed `http` requests", why="needs no public address"
    )
    http: SlackHttpSection = key(SlackHttpSection(), "only for transport `http`")
    base_url: HttpUrl = key(SLACK_API, "address of Slack's Web API", why="changed only for an emulator or GovSlack")
    team: str | None = key(
        None, "id of the only workspace that may talk to the bot", why="absent: the workspace of the bot's token"
    )
    app_id: str | None = key(None, "id of the app, compared with each request", why="absent: not compared")
    private_channel: bool = key(
        False, "the channel is private: the manifest asks for two more scopes", why="fewer scopes are safer"
    )
    mention_group: GroupId | None = key(
        None,
        "id of the user group that is mentioned when an incident opens critical or becomes so",
        why="absent: nobody is pinged",
    )


class StoreSection(Section):
    url: str = key(
        "sqlite:///faultline.db",
        "database: `sqlite:///relative.db`, `sqlite:////absolute.db` or `postgresql://user@host/name`; one with a"
        " password belongs into FAULTLINE_DATABASE_URL, which wins",
        why="needs no server; a relative file lies in the folder where the bot is started",
    )


class LlmSection(Section):
    """A language model may choose words for an explanation. Verdicts, severities and buttons never depend on it."""

    provider: Literal["none", "openai", "anthropic", "ollama", "openai_compatible"] = key(
        "none", "who writes explanations", why="without one, a template writes them from the same evidence"
    )
    model: str | None = key(None, "the provider's name of the model; required with a provider")
    base_url: HttpUrl | None = key(
        None, "address of the API; required for `openai_compatible`", why="absent: the vendor's, or this machine's"
    )
    deadline: PositiveDuration = key(
        timedelta(seconds=20), "longest wait for an answer", why="people read the numbers meanwhile"
    )
    max_output_tokens: int = key(900, "tokens an answer may have", why="five short claims and their ids", ge=100)
    per_incident: int = key(4, "calls an incident", why="a verdict seldom changes oftener", ge=0)
    per_hour: int = key(30, "calls an hour", why="stops a storm within the hour", ge=0)
    per_day: int = key(200, "calls a day", why="a bad day of some teams", ge=0)
    tokens_per_day: int = key(1_000_000, "tokens a day, both directions", why="bounds the bill", ge=0)

    @model_validator(mode="after")
    def _complete(self) -> LlmSection:
        if self.provider != "none" and not self.model:
            raise ValueError(f"expected `model`, the name of a model, beside provider {self.provider}")
        if self.provider == "openai_compatible" and not self.base_url:
            raise ValueError("expected `base_url` beside provider openai_compatible")
        return self

    @property
    def needs_key(self) -> bool:
        """A local server often has no key; the vendors always do."""
        return self.provider in ("openai", "anthropic")


class HealthSection(Section):
    bind: str = key(
        "127.0.0.1", "address of /healthz, /readyz and /metrics; `0.0.0.0` in a container", why="nothing is exposed"
    )
    port: Port = key(8080, "port of the health endpoints", why="the usual one for probes")


class LogSection(Section):
    level: Literal["debug", "info", "warning", "error"] = key(
        "info", "least severity that is written", why="a line for each decision, none for each sample"
    )
    format: Literal["json", "text"] = key("json", "`json` lines, or `text` for a terminal", why="collectors read it")


class ClockSection(Section):
    """For the demo only: a clock that runs faster than the wall. Leave it out in production."""

    rate: float = Field(gt=0, description="seconds of this clock in a second of real time")
    origin: float = Field(description="what this clock showed at `origin_wall`, in seconds since 1970")
    origin_wall: float = Field(description="real time at which it showed `origin`, in seconds since 1970")
