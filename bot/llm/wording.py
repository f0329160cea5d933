"""Words that a claim may not use, or only when its facts bear them out: directions, causes, orders, markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from bot.domain.explanation import Fact, Hypothesis
from bot.domain.verdict import Subcause
from bot.llm import vocabulary
from bot.llm.numbers import UNITS
from bot.llm.redact import holds_secret
from bot.pipeline.phrasing import own_text

UP, DOWN, STILL = "up", "down", "still"
_WORDS = {UP: vocabulary.UP, DOWN: vocabulary.DOWN, STILL: vocabulary.STILL}
DIRECTION = {
    way: re.compile(rf"\b(?:{'|'.join(sorted(words - vocabulary.WEAK))})\b", re.IGNORECASE)
    for way, words in _WORDS.items()
}
# "broke down", "up to", "down the line", "under load" say nothing of a value
NO_DIRECTION = re.compile(
    r"\b(?:(?:by|of|for|at|is|was|with|takes?|reach\w*) up to|up and running|bro(?:ke|ken) down|slow(?:ed|s|ing)? down"
    r"|follow(?:ed|s)? up|caught up|ended up|backed up|traffic surge|lost capacity|up (?:till|until) now"
    r"|take[ns]? (?:up|down)|further down)\b",
    re.IGNORECASE,
)

# A sentence that argues. What it may argue with is settled by the closed vocabulary; this asks that it argue for the
# hypothesis that was chosen.
CAUSAL = re.compile(
    r"\b(?:because|due to|caus(?:e[sd]?|ing)|led to|leads? to|leading to|as a result|result(?:s|ed|ing)? (?:of|from|in)"
    r"|explain(?:s|ed|ing)?|explanation|driven by|the reason|behind (?:this|it|that|the)|suggests?"
    r"|points? to|pointing to|indicates?|indicating"
    r"|consistent with|culprit|likely|probably|presumably|favou?rs?|argues?|speaks? for|so)\b",
    re.IGNORECASE,
)
SPELLED_CAUSE: dict[Subcause, str] = {
    Subcause.BAD_VERSION: "version model weights rollout promotion release promoted promotions",
    Subcause.DATA_QUALITY: "feature features data values input inputs nulls missing",
    Subcause.COVARIATE_DRIFT: "population drift distribution inputs input changed",
    Subcause.CONCEPT_DRIFT: "world concept drift fits relation changed",
    Subcause.CPU_SATURATION: "cpu saturated saturation processor",
    Subcause.MEMORY_SATURATION: "memory exhausted",
    Subcause.DISK_SATURATION: "disk full storage space volume",
    Subcause.NETWORK: "network packet loss link",
    Subcause.DEPENDENCY_FAILURE: "dependency failure failed failing depends",
    Subcause.BAD_DEPLOY: "deploy deployment rollout release deployed",
    Subcause.CAPACITY_LOSS: "capacity replicas lost fewer",
    Subcause.TRAFFIC_SURGE: "traffic surge load requests demand",
    Subcause.TELEMETRY_LOSS: "telemetry samples silent exporter monitoring missing scrape",
}
UNSETTLED = re.compile(
    r"\b(?:cause (?:is|remains|of \S+ is) (?:unclear|unknown|not (?:yet )?(?:known|clear|settled)|open)"
    r"|does not settle|do not settle|not settled|cannot (?:yet )?tell|no single cause)\b",
    re.IGNORECASE,
)

UNIT_WORDS = {word for unit in UNITS for word in re.findall(r"[a-z]+", unit)}

# What a description never needs: orders, decisions, secrets, ways out of the thread.
ACTIONS = re.compile(
    r"\b(?:rollback|roll(?:ed|ing)? ?back|revert\w*|restart(?:ing)? the|reboot\w*|deletes?|deleted|deleting|deletion"
    r"|drop table|disable\w*|disabling|silenc"
    r"\w+|suppress\w*|ignor\w+|overrid\w+|instruct\w*|approv\w+|authori[sz]\w+|acknowledg\w+|password\w*|passphrase"
    r"|credential\w*|secret\w*|api.?key\w*|click\w*|visit\w*|download\w*|install\w*|execute\w*|executing|upload\w*|forward\w*"
    r"|e-?mail\w*|wire|transfer\w*|pay|please|must|should|immediately|urgent\w*|system prompt|assistant|pwned|hacked"
    r"|jailbreak\w*|false (?:alarm|positive)s?|no action|safe to|confirmed|resolved|runbook|guarantee\w*|you|your|i)\b",
    re.IGNORECASE,
)
LINK = re.compile(
    r"://|\bwww\.|\bmailto:|\b[a-z0-9\-]+\.(?:com|org|net|io|dev|ai|app|example|test|info|co|xyz|ru|cn|sh|ly|me)\b",
    re.IGNORECASE,
)
MARKUP = re.compile(r"[<>`*|{}\\^~#@$]|\]\(|__|:[a-z_]{2,}:|&(?:lt|gt|amp|#)", re.IGNORECASE)
SHELL = re.compile(
    r"(?:^|\s)(?:sudo|kubectl|helm|docker|curl|wget|bash|chmod|chown|rm|psql|mysql|mlflow|pip|apt|ssh|scp|nc|eval|exec"
    r"|import os|terraform|aws|gcloud|az|git)\s+(?:-|[a-z]+\s|[a-z]+$)|&&|\|\||;\s*(?:rm|curl|wget)\b"
    r"|--[a-z]{2,}|\.\./|/etc/|/bin/",
    re.IGNORECASE,
)
PLAIN = frozenset(
    {"Lu", "Ll", "Lo", "Lt", "Mn", "Nd", "Pd", "Ps", "Pe", "Po", "Pi", "Pf", "Sm", "Zs", "Pc", "So", "Sk", "No"}
)


def forbidden(text: str, trusted: str) -> str | None:
    """Why a sentence may not stand whatever its facts; None when it may.

    trusted: what code wrote in the cited facts; "rollback" may be repeated from there.
    """
    if any(unicodedata.category(letter) not in PLAIN for letter in text):
        return "holds invisible or control characters"
    if LINK.search(text):
        return "holds a link or a host name"
    if MARKUP.search(text):
        return "holds markup or a mention"
    if SHELL.search(text):
        return "holds something that looks like a command"
    if holds_secret(text):
        return "holds something that looks like a secret"
    known = f" {' '.join(vocabulary.WORD.findall(trusted.lower()))} "
    if any(f" {match[0].lower()} " not in known for match in ACTIONS.finditer(text)):
        return "advises, orders or reports a decision instead of describing"
    return None


def direction_of(fact: Fact) -> frozenset[str]:
    """Which ways a fact's value moved: from its numbers, else from the words that code wrote."""
    if fact.before is not None and fact.after is not None and fact.before != fact.after:
        return frozenset({UP if fact.after > fact.before else DOWN})
    return frozenset() if fact.user_controlled else directions_in(own_text(fact))


def directions_in(text: str) -> frozenset[str]:
    plain = NO_DIRECTION.sub(" ", text)
    return frozenset(way for way, pattern in DIRECTION.items() if pattern.search(plain))


def causal_fault(text: str, facts: Iterable[Fact], allowed: Iterable[Hypothesis]) -> str | None:
    """Why a sentence argues for a cause that was not chosen; None when it does not.

    allowed: the chosen hypothesis (both, for a mixed verdict); empty after abstaining.
    """
    choices = list(allowed)
    said_by_code = text.strip().rstrip(".").lower()
    if any(said_by_code in own_text(fact).lower() for fact in facts if not fact.user_controlled):
        return None  # repeats a fact word for word
    lowered = text.lower()
    if CAUSAL.search(lowered) is None or UNSETTLED.search(lowered):
        return None
    if not choices:
        return "claims a cause after abstaining"
    named = set[str]().union(*(_cause_words(choice) for choice in choices))
    return None if named & _words(lowered) else "argues for a cause that is not the chosen hypothesis"


def strange_fault(text: str, trusted: str, allowed: Iterable[Hypothesis]) -> str | None:
    """Why a sentence, its names blanked, uses words that nobody gave it; None when it does not.

    trusted: what code wrote in the cited facts, with their names.
    """
    given = _words(trusted) | UNIT_WORDS
    for choice in allowed:
        given |= _cause_words(choice) | _words(choice.text)
    strange = vocabulary.strange_words(text, given=frozenset(given))
    return "uses words that are in no cited fact and are not plain" if strange else None


def _words(text: str) -> set[str]:
    return {word.lower() for word in vocabulary.WORD.findall(text)}


def _cause_words(hypothesis: Hypothesis) -> set[str]:
    if hypothesis.subcause is None:
        return set()
    return set(SPELLED_CAUSE[hypothesis.subcause].split()) | _words(hypothesis.entity)
