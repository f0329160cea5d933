"""Prompts are files with a version: read once, checked, rendered with data that cannot pose as instructions."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any

import jinja2
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.domain.explanation import EvidencePack, Fact
from bot.errors import BadInputError

USER_PART = "<!-- user -->"  # what stands above is the system prompt
EXPLAIN = "explain/v1"


class FrontMatter(BaseModel):
    """What a prompt file says of itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    version: Annotated[int, Field(ge=1)]
    max_input_tokens: Annotated[int, Field(gt=0)]
    max_output_tokens: Annotated[int, Field(gt=0)]
    schema_sha256: str  # of the answer's form, shortened
    changelog: dict[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What goes to a provider."""

    system: str
    user: str

    @property
    def estimated_tokens(self) -> int:
        """Three characters a token: English with many numbers and names, on the safe side."""
        return (len(self.system) + len(self.user)) // 3 + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    name: str  # "explain/v1"
    sha256: str  # of the whole file; stored with each call
    meta: FrontMatter
    system: str
    user: str

    def render(self, values: dict[str, Any]) -> Rendered:
        """Fill the placeholders; a missing one is an error, never an empty string."""
        # nothing here is HTML, and JSON must arrive as it is
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
        system, user = (environment.from_string(part).render(**values).strip() for part in (self.system, self.user))
        return Rendered(system=system, user=user)


def folder() -> Traversable:
    """The prompts of a wheel (`bot/prompts`), or those of the checkout."""
    packed = resources.files("bot") / "prompts"
    return packed if packed.is_dir() else Path(__file__).parents[2] / "prompts"


def load(name: str = EXPLAIN, *, root: Traversable | None = None) -> Prompt:
    """Read a prompt by its name, as "explain/v1". Raises BadInputError."""
    where = (root or folder()).joinpath(*f"{name}.md".split("/"))
    try:
        text = where.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"the prompt {name} cannot be read: {error}") from error
    head, found, body = text.removeprefix("---\n").partition("\n---\n")
    if not text.startswith("---\n") or not found or body.count(USER_PART) != 1:
        raise BadInputError(f"the prompt {name} needs front matter between --- lines and one {USER_PART} line")
    try:
        meta = FrontMatter.model_validate(yaml.safe_load(head))
    except (ValidationError, yaml.YAMLError) as error:
        raise BadInputError(f"the front matter of prompt {name} is wrong: {error}") from error
    if f"{meta.id}/v{meta.version}" != name or meta.version not in meta.changelog:
        raise BadInputError(f"the prompt {name} calls itself {meta.id}/v{meta.version}, or its changelog lacks it")
    system, _, user = body.partition(USER_PART)
    return Prompt(
        name=name, sha256=hashlib.sha256(text.encode()).hexdigest(), meta=meta, system=system.strip(), user=user.strip()
    )


def render_explain(prompt: Prompt, pack: EvidencePack, *, rng: random.Random) -> Rendered:
    """Render the explanation prompt: the pack as JSON inside a fence whose name nobody could know beforehand."""
    data = json.dumps(_data(pack), ensure_ascii=True, indent=1)
    return prompt.render({"delimiter": f"DATA-{rng.getrandbits(96):024x}", "data": data})


def _data(pack: EvidencePack) -> dict[str, Any]:
    return {
        "verdict": pack.headline,
        "facts": [_fact(fact) for fact in pack.facts],
        "hypotheses": [
            {
                "id": hypothesis.id,
                "cause": hypothesis.text,
                "supported_by": list(hypothesis.supporting),
                "contradicted_by": list(hypothesis.contradicting),
                "score": round(hypothesis.score, 3),
            }
            for hypothesis in pack.hypotheses
        ],
    }


def _fact(fact: Fact) -> dict[str, Any]:
    found: dict[str, Any] = {"id": fact.id, "source": fact.source, "text": fact.text}
    if fact.user_controlled:
        found["user_controlled"] = True
    return found
