"""The only form in which a language model may answer: a choice from lists, and short claims that cite facts."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from bot.domain.explanation import Claim
from bot.llm.checks import Check
from bot.llm.verifier import MAX_CITES, MAX_CLAIM, MAX_CLAIMS, Draft

ABSTAIN = "abstain"


class ReplyClaim(BaseModel):
    """One statement and the facts that bear it out."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, StringConstraints(max_length=MAX_CLAIM)] = Field(description="one plain sentence")
    cites: Annotated[list[Annotated[str, StringConstraints(pattern=r"^E\d{1,3}$")]], Field(max_length=MAX_CITES)]


class Reply(BaseModel):
    """No field acts on anything, and none names a severity or a verdict."""

    model_config = ConfigDict(extra="forbid")

    hypothesis: Annotated[str, StringConstraints(pattern=r"^(H\d{1,2}|abstain)$")]
    claims: Annotated[list[ReplyClaim], Field(max_length=MAX_CLAIMS)]
    next_checks: Annotated[list[Check], Field(max_length=3)]

    def draft(self) -> Draft:
        return Draft(
            hypothesis_id=None if self.hypothesis == ABSTAIN else self.hypothesis,
            claims=tuple(Claim(text=claim.text, cites=tuple(dict.fromkeys(claim.cites))) for claim in self.claims),
        )


def schema_digest() -> str:
    """Names the answer's form; a prompt states which one it was written for."""
    return hashlib.sha256(json.dumps(Reply.model_json_schema(), sort_keys=True).encode()).hexdigest()[:16]
