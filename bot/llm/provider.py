"""The one door to a language model: told plain values, asked once, never later than its deadline."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from bot.errors import BadInputError
from bot.llm.prompts import Rendered

if TYPE_CHECKING:
    import httpx2
    from pydantic_ai import Agent
    from pydantic_ai.models import Model

log = logging.getLogger(__name__)

Form = TypeVar("Form", bound=BaseModel)
MAX_REQUESTS = 2  # the call, and one repair when its form is wrong


class ProviderKind(StrEnum):
    OPENAI = "openai"  # and everything that speaks its API
    ANTHROPIC = "anthropic"
    OLLAMA = "ollama"


DEFAULT_URLS = {
    ProviderKind.OPENAI: "https://api.openai.com/v1",
    ProviderKind.ANTHROPIC: "https://api.anthropic.com",
    ProviderKind.OLLAMA: "http://127.0.0.1:11434/v1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderOptions:
    kind: ProviderKind
    model: str
    base_url: str | None = None  # None: the vendor's own, or this machine's for Ollama
    api_key: str | None = field(default=None, repr=False)
    deadline_s: float = 20.0  # people read the numbers meanwhile; later than this nobody waits
    max_output_tokens: int = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Generic[Form]):
    value: Form
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unavailable:
    """No answer that could be used. `because` is ours: nothing of what the other side said."""

    because: str


class Provider(Protocol):
    @property
    def name(self) -> str:
        """Provider and model, as people read it."""
        ...

    async def complete(self, schema: type[Form], prompt: Rendered) -> Result[Form] | Unavailable:
        """Ask once. Never raises and never takes longer than its deadline."""
        ...

    async def close(self) -> None: ...


class PydanticAiProvider:
    """Any of the providers that pydantic-ai speaks to, without tools and behind guard rails.

    Raises BadInputError when the optional extra is not installed or a value cannot be used.
    """

    def __init__(self, options: ProviderOptions) -> None:
        self._options = options
        try:
            self._model, self._client = _model(options)
        except ImportError as error:
            raise BadInputError(
                "llm: the libraries for language models are not installed; install faultline[llm]"
            ) from error

    @property
    def name(self) -> str:
        return f"{self._options.kind}:{self._options.model}"

    async def complete(self, schema: type[Form], prompt: Rendered) -> Result[Form] | Unavailable:
        try:
            async with asyncio.timeout(self._options.deadline_s):
                return await self._ask(schema, prompt)
        except TimeoutError:
            log.warning("language model too slow", extra={"provider": self.name})
            return Unavailable(because="it did not answer in time")
        except Exception as error:
            # Vendor libraries raise from many families, down to a bare IndexError on an empty answer. Their messages
            # quote the answer, so they stay below the level at which payloads are logged.
            log.warning("language model failed", extra={"provider": self.name, "error": type(error).__name__})
            log.debug("language model failed", exc_info=True)
            return Unavailable(because="it failed or answered in a form that cannot be read")

    async def _ask(self, schema: type[Form], prompt: Rendered) -> Result[Form]:
        from pydantic_ai import UsageLimits  # noqa: PLC0415 - seconds to import, and optional

        agent = self._agent(schema, prompt.system)
        run = await agent.run(prompt.user, usage_limits=UsageLimits(request_limit=MAX_REQUESTS))
        return Result(value=run.output, tokens_in=run.usage.input_tokens, tokens_out=run.usage.output_tokens)

    def _agent(self, schema: type[Form], system: str) -> Agent[None, Form]:
        from pydantic_ai import Agent  # noqa: PLC0415 - as above
        from pydantic_ai.settings import ModelSettings  # noqa: PLC0415

        settings = ModelSettings(max_tokens=self._options.max_output_tokens)
        return Agent(self._model, output_type=schema, system_prompt=system, retries=1, model_settings=settings)

    async def close(self) -> None:
        await self._client.aclose()


def _model(options: ProviderOptions) -> tuple[Model, httpx2.AsyncClient]:
    """Build the model on a guarded client, with the vendors' own retries off."""
    from bot.llm.transport import guarded_client  # noqa: PLC0415 - needs the optional extra

    base_url = options.base_url or DEFAULT_URLS[options.kind]
    if not base_url.startswith(("http://", "https://")):
        raise BadInputError(f"llm.base_url: {base_url[:40]!r} is not an http(s) URL")
    client = guarded_client(base_url, deadline_s=options.deadline_s)
    common: dict[str, Any] = {"base_url": base_url, "http_client": client, "max_retries": 0}
    if options.kind is ProviderKind.ANTHROPIC:
        from anthropic import AsyncAnthropic  # noqa: PLC0415
        from pydantic_ai.models.anthropic import AnthropicModel  # noqa: PLC0415
        from pydantic_ai.providers.anthropic import AnthropicProvider  # noqa: PLC0415

        vendor = AsyncAnthropic(api_key=options.api_key or "none", **common)
        return AnthropicModel(options.model, provider=AnthropicProvider(anthropic_client=vendor)), client
    from openai import AsyncOpenAI  # noqa: PLC0415
    from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415

    speaker = AsyncOpenAI(api_key=options.api_key or "none", **common)
    if options.kind is ProviderKind.OLLAMA:
        from pydantic_ai.providers.ollama import OllamaProvider  # noqa: PLC0415

        return OpenAIChatModel(options.model, provider=OllamaProvider(openai_client=speaker)), client
    from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415

    return OpenAIChatModel(options.model, provider=OpenAIProvider(openai_client=speaker)), client
