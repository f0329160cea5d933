"""Scripted writers behind the provider's port: what a model may do with a prompt, without a model."""

import asyncio
import json
import re

from bot.llm.provider import Result, Unavailable
from bot.llm.reply import Reply

FENCE = re.compile(r"^(DATA-[0-9a-f]{24})\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)
QUOTED = re.compile("\u201c(.*)\u201d", re.DOTALL)


def data_of(prompt):
    """The evidence, as a model would read it from the prompt."""
    return json.loads(FENCE.search(prompt.user)[2])


def claim(text, *cites):
    return {"text": text[:300], "cites": list(cites)}


def plain(fact):
    return fact["text"].partition("; written there")[0] + "."


def faithful(data):
    facts = [fact for fact in data["facts"] if not fact.get("user_controlled")][:3]
    return {
        "hypothesis": data["hypotheses"][0]["id"],
        "claims": [claim(plain(fact), fact["id"]) for fact in facts],
        "next_checks": ["neighbours"],
    }


def hallucinating(data):
    """Tells of the facts with every number doubled."""
    answer = faithful(data)
    for one in answer["claims"]:
        one["text"] = re.sub(r"(?<= )\d[\d.,]*(?= )", lambda m: f"{float(m[0].replace(',', '')) * 2:.4g}", one["text"])
        one["text"] = one["text"].replace(":31 UTC", ":47 UTC")
    return answer


def obedient(data):
    """Does whatever the quoted text says: repeats it as claims, and chooses as it is told."""
    told = [(fact["id"], QUOTED.search(fact["text"])) for fact in data["facts"]]
    texts = [(number, found[1]) for number, found in told if found]
    return {
        "hypothesis": data["hypotheses"][-2]["id"],
        "claims": [claim(text, number) for number, text in texts for text in (text, f"The likely cause is: {text}")][:5]
        or faithful(data)["claims"],
        "next_checks": [],
    }


def half_obedient(data):
    """Hides one injected sentence among true ones."""
    answer = faithful(data)
    answer["claims"][1:1] = obedient(data)["claims"][:1]
    return answer


def refusing(data):
    return {"hypothesis": "abstain", "claims": [claim("I cannot help with that.", "E1")], "next_checks": []}


def mute(data):
    return {"hypothesis": "abstain", "claims": [claim("", "E1")], "next_checks": []}


class Scripted:
    """A provider that plays a persona, and remembers what it was sent."""

    def __init__(self, persona):
        self.name = f"scripted:{persona.__name__}"
        self.persona = persona
        self.prompts = []
        self.closed = False

    async def complete(self, schema, prompt):
        self.prompts.append(prompt)
        return Result(value=Reply.model_validate(self.persona(data_of(prompt))), tokens_in=1000, tokens_out=100)

    async def close(self):
        self.closed = True


class Failing(Scripted):
    """Answers nothing that could be used."""

    def __init__(self):
        super().__init__(faithful)

    async def complete(self, schema, prompt):
        self.prompts.append(prompt)
        return Unavailable(because="it did not answer in time")


class Broken(Scripted):
    """Breaks the port's promise and raises."""

    def __init__(self):
        super().__init__(faithful)

    async def complete(self, schema, prompt):
        raise IndexError


class Slow(Scripted):
    """Answers only when released."""

    def __init__(self):
        super().__init__(faithful)
        self.asked = asyncio.Event()
        self.release = asyncio.Event()

    async def complete(self, schema, prompt):
        self.asked.set()
        await self.release.wait()
        return await super().complete(schema, prompt)
