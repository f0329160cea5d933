"""True claims about built incidents, and ten ways of making them false.

Two halves that share no phrase, cause or invented name: "tuning", which the tests and their authors may look at,
and "reported", which the benchmark's published figures come from.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.explanation import Claim, EvidencePack, Fact, Hypothesis
from bot.pipeline.evidence import build_pack
from tests.llm import builders
from tests.llm.phrases import (
    CAUSE_PHRASES,
    FREE_CAUSES,
    FREE_FORMS,
    INVENTED,
    OPPOSITE,
    PHRASES,
    VERBS,
    VERSION_PHRASES,
)

KINDS = (
    "wrong_number",
    "wrong_unit",
    "wrong_direction",
    "wrong_model",
    "invented_entity",
    "unknown_id",
    "no_citation",
    "wrong_citation",
    "wrong_time",
    "free_cause",
)
UNIT_SWAPS = {"ms": "s", "s": "ms", "%": "ms", "GB": "MB", "MB": "GB", "1/s": "%", "rows": "s", "score": "ms", "": "ms"}


@dataclass(frozen=True)
class Case:
    kind: str  # "true", or one of KINDS
    claim: Claim
    pack: EvidencePack
    chosen: Hypothesis | None


def packs(rng: random.Random) -> Iterator[EvidencePack]:
    """Incidents without end, each with its own numbers."""
    catalogue = builders.catalogue()
    while True:
        for make in builders.STORIES.values():
            yield build_pack(make(rng), catalogue)


def digits(value: float, rng: random.Random) -> str:
    """As people write it: two to four significant digits, thousands with or without a comma."""
    rounded = float(f"{value:.{rng.choice((2, 3, 4))}g}")
    text = f"{rounded:,.6f}" if rng.random() < 0.5 else f"{rounded:.6f}"
    return text.rstrip("0").rstrip(".")


def written(value: float, unit: str, rng: random.Random) -> str:
    if unit == "ratio":
        return f"{digits(value * 100, rng)} %"
    if unit == "bytes":
        return f"{digits(value / 1e9, rng)} GB"
    if unit == "ms" and value >= 1000 and rng.random() < 0.3:
        return f"{digits(value / 1000, rng)} s"
    return f"{digits(value, rng)} {unit}".strip()


def _filled(phrase: str, fact: Fact, half: str, rng: random.Random, **more: str) -> str:
    assert fact.before is not None
    assert fact.after is not None
    assert fact.time is not None
    way = "up" if fact.after > fact.before else "down"
    return phrase.format(
        signal=fact.signal,
        entity=fact.entity,
        verb=rng.choice(VERBS[half][way]),
        rise="rise" if way == "up" else "fall",
        verb3="risen" if way == "up" else "fallen",
        higher="higher" if way == "up" else "lower",
        side="above" if way == "up" else "below",
        before=written(fact.before, fact.unit, rng),
        after=written(fact.after, fact.unit, rng),
        difference=written(abs(fact.after - fact.before), fact.unit, rng),
        ratio=digits(fact.after / fact.before, rng),
        percent=digits(abs(fact.after - fact.before) / fact.before * 100, rng),
        time=f"{fact.time:%H:%M}",
        **more,
    )


def true_case(pack: EvidencePack, half: str, rng: random.Random) -> Case:
    """One claim that holds."""
    chosen = pack.hypotheses[0]
    measured = [fact for fact in pack.facts if fact.before is not None and fact.after is not None]
    moved = [fact for fact in pack.facts if len(fact.versions) == 2]
    if moved and rng.random() < 0.2:
        fact = rng.choice(moved)
        old, new = fact.versions
        phrase = rng.choice(VERSION_PHRASES[half])
        text = phrase.format(entity=fact.entity, old=old, new=new, time=f"{fact.time:%H:%M}")
        return Case("true", Claim(text=text, cites=(fact.id,)), pack, chosen)
    if not measured:  # silence: the facts' own sentences are all there is to say
        fact = rng.choice([fact for fact in pack.facts if fact.time is not None and not fact.user_controlled])
        return Case("true", Claim(text=f"{fact.text}.", cites=(fact.id,)), pack, chosen)
    fact = rng.choice(measured)
    roots = [one for one in measured if one.entity == chosen.entity]
    if roots and rng.random() < 0.15:
        fact = rng.choice(roots)
        text = _filled(rng.choice(CAUSE_PHRASES[half]), fact, half, rng, cause=chosen.text)
        return Case("true", Claim(text=text[0].upper() + text[1:], cites=(fact.id,)), pack, chosen)
    text = _filled(rng.choice(PHRASES[half]), fact, half, rng)
    return Case("true", Claim(text=text, cites=(fact.id,)), pack, chosen)


NUMBER = re.compile(
    r"(?<![\w.:\-/,])\d[\d,]*(?:\.\d+)?(?![\d:])(?=\s?(%|ms\b|s\b|GB\b|1/s|rows\b|score\b|percent\b|times\b)?)"
)
CLOCK = re.compile(r"\b(\d\d):(\d\d)\b")


def corrupt(case: Case, kind: str, half: str, rng: random.Random) -> Case | None:  # noqa: C901 - one case a kind
    """Make a true claim false in one way; None when it offers no hold for that."""
    text, cites, pack = case.claim.text, case.claim.cites, case.pack
    fact = next(fact for fact in pack.facts if fact.id == cites[0])
    match kind:
        case "wrong_number":
            text = _other_number(text, rng)
        case "wrong_unit":
            text = _other_unit(text, rng)
        case "wrong_direction":
            found = [word for word in OPPOSITE if re.search(rf"\b{word}\b", text)]
            for word in found:
                text = re.sub(rf"\b{word}\b", OPPOSITE[word], text)
        case "wrong_model":
            others = sorted(
                {f.entity for f in pack.facts if f.entity and f.entity not in fact.text and f.entity != fact.entity}
            )
            text = text.replace(fact.entity, rng.choice(others)) if others else text
        case "invented_entity":
            text = text.replace(fact.entity, rng.choice(INVENTED[half]))
        case "unknown_id":
            cites = (f"E{rng.randint(31, 99)}",)
        case "no_citation":
            cites = ()
        case "wrong_citation":
            others = [f for f in pack.facts if f.signal and (f.entity, f.signal) != (fact.entity, fact.signal)]
            cites = (rng.choice(others).id,) if others else cites
        case "wrong_time":
            text = CLOCK.sub(lambda match: _other_time(match, rng), text)
        case "free_cause":
            cause = rng.choice(FREE_CAUSES[half])
            form = rng.choice(FREE_FORMS[half])
            text = form.format(claim=text.rstrip("."), cause=cause, Cause=cause[0].upper() + cause[1:])
    if (text, cites) == (case.claim.text, case.claim.cites):
        return None
    return Case(kind, Claim(text=text, cites=cites), pack, case.chosen)


def _other_number(text: str, rng: random.Random) -> str:
    found = list(NUMBER.finditer(text))
    if not found:
        return text
    match = rng.choice(found)
    factor = rng.choice((rng.uniform(0.3, 0.8), rng.uniform(1.25, 4.0), 10.0, 0.1))
    value = float(match[0].replace(",", "")) * factor
    return (
        text[: match.start()] + f"{value:.3g}" + text[match.end() :]
        if value < 1000
        else (text[: match.start()] + f"{value:.0f}" + text[match.end() :])
    )


def _other_unit(text: str, rng: random.Random) -> str:
    found = [
        m
        for m in NUMBER.finditer(text)
        if m[1] not in ("percent", "times") and not text[m.end() :].startswith(" times")
    ]
    found = [m for m in found if not re.search(r"(?:version|factor of)\s*$", text[: m.start()], re.IGNORECASE)]
    if not found:
        return text
    match = rng.choice(found)
    unit = match[1] or ""
    tail = text[match.end() :]
    tail = re.sub(rf"^\s?{re.escape(unit)}", "", tail) if unit else tail
    return f"{text[: match.end()]} {UNIT_SWAPS[unit]}{tail}"


def _other_time(match: re.Match[str], rng: random.Random) -> str:
    minutes = (int(match[1]) * 60 + int(match[2]) + rng.choice((-1, 1)) * rng.randint(3, 400)) % 1440
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def cases(kind: str, half: str, *, count: int, seed: int) -> Iterator[Case]:
    """`count` cases of one kind, "true" or one of KINDS; the same seed gives the same cases."""
    rng = random.Random(f"{seed}/{half}/{kind}")
    made = 0
    for pack in packs(rng):
        case: Case | None = true_case(pack, half, rng)
        if kind != "true" and case is not None:
            case = corrupt(case, kind, half, rng)
        if case is None:
            continue
        yield case
        made += 1
        if made == count:
            return
