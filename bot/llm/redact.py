"""Replace secrets and personal data in outside text by typed placeholders, before it is sent or shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.domain.explanation import EvidencePack, Fact

Rule = tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool]]


def _always(_: re.Match[str]) -> bool:
    return True


def _luhn(match: re.Match[str]) -> bool:
    """Whether digits form a card number; most long counters do not."""
    digits = [int(letter) for letter in match[0] if letter.isdigit()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [d if place % 2 == 0 else sum(divmod(2 * d, 10)) for place, d in enumerate(reversed(digits))]
    return sum(doubled) % 10 == 0


def _iban(match: re.Match[str]) -> bool:
    """Whether the check digits of an IBAN hold."""
    text = match[0].replace(" ", "").upper()
    turned = text[4:] + text[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _rule(name: str, pattern: str, check: Callable[[re.Match[str]], bool] = _always, flags: int = 0) -> Rule:
    return name, re.compile(pattern, flags), check


I = re.IGNORECASE  # noqa: E741 - the flag's usual short name
# Every pattern is linear: no repeat inside a repeat. Known shapes first, then words that announce a secret.
RULES: Sequence[Rule] = (
    _rule("private-key", r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]{0,8000}?(?:-----END [A-Z ]{0,30}KEY-----|\Z)"),
    _rule("private-key", r"\bAGE-SECRET-KEY-1[0-9A-Z]{20,}"),
    _rule("url-credentials", r"\b[a-z][a-z0-9+.\-]{1,30}://[^\s/@:]{0,100}:[^\s/@]{1,200}@[^\s\"']{0,200}", flags=I),
    _rule("slack", r"https?://hooks\.slack\.com/[^\s\"']{1,200}", flags=I),
    _rule("slack", r"\bx(?:ox[a-z]|app)-[A-Za-z0-9\-]{6,}"),
    _rule("aws", r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{12,}"),
    _rule("google", r"\bAIza[A-Za-z0-9_\-]{20,}"),
    _rule("google", r"\bya29\.[A-Za-z0-9_\-]{20,}"),
    _rule("api-key", r"\b(?:sk|rk|pk)[-_](?:proj|ant|live|test|svcacct|or)?[-_A-Za-z0-9]{16,}"),
    _rule("github", r"\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]{16,}"),
    _rule("gitlab", r"\bgl(?:pat|ptt|dt|rt|cbt)-[A-Za-z0-9_\-]{16,}"),
    _rule("sendgrid", r"\bSG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}"),
    _rule("npm", r"\bnpm_[A-Za-z0-9]{20,}"),
    _rule("pypi", r"\bpypi-[A-Za-z0-9_\-]{20,}"),
    _rule("huggingface", r"\bhf_[A-Za-z0-9]{20,}"),
    _rule("databricks", r"\bdapi[0-9a-f]{30,}"),
    _rule("vault", r"\bhv[sbr]\.[A-Za-z0-9_\-]{20,}"),
    _rule("jwt", r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*)?"),
    _rule("authorization", r"\b(?:authorization|proxy-authorization)\s*[:=]\s*[^\r\n]{1,500}", flags=I),
    _rule("authorization", r"\b(?:bearer|basic)\s+[A-Za-z0-9+/_\-.~]{12,}={0,2}", flags=I),
    _rule("cookie", r"\b(?:set-)?cookie\s*:\s*[^\r\n]{1,500}", flags=I),
    _rule(
        "password",
        r"(?<![<\w.\-])[\w.\-]{0,40}(?:password|passwd|passphrase|pwd|secret|api[_\-]?key|access[_\-]?key|private[_\-]?key"
        r"|auth[_\-]?key|token|credential)s?[\w\-]{0,20}[\"']?\s*(?:=|:(?!\d))\s*"
        r"(?:\"[^\"\r\n]{1,200}\"|'[^'\r\n]{1,200}'|(?!\d{1,6}\b(?![\w\-]))[^\s,;\"']{4,200})",
        flags=I,
    ),
    _rule(
        "person",
        r"\b(?:customer|user|first|last|full|patient|holder|contact)_?name\s*[=:]\s*"
        r"(?:\"[^\"\r\n]{1,80}\"|[^\s,;=]{1,40}(?:\s[A-Z][^\s,;=]{0,40}(?!\S*=)){0,2})",
        flags=0,
    ),
    _rule("passport", r"\bpassport(?:[_ ]?(?:no|number|id))?\s*[=:#]\s*[A-Z0-9]{5,12}\b", flags=I),
    _rule("email", r"\b[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]{1,63}(?:\.[A-Za-z0-9\-]{1,63}){1,5}\b"),
    _rule("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b", _iban),
    _rule("card", r"(?<![\d.\-])\d(?:[ \-]?\d){12,18}(?![\d.])", _luhn),
    _rule("national-id", r"(?<![\d\-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d\-])"),
    _rule("phone", r"(?<![\w.])\+\d{1,3}[ \-.]?(?:\(\d{1,4}\)[ \-.]?)?\d{1,4}(?:[ \-.]\d{2,5}){1,4}(?!\w)"),
    _rule("phone", r"(?<![\w.+\-])\+\d{9,15}\b"),
    _rule(  # private addresses are names of machines here, and four-part versions are no addresses
        "ip",
        r"(?<![\w.])(?<!version )(?!(?:10|127|192\.168|172\.(?:1[6-9]|2\d|3[01]))\.)"
        r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\d)",
    ),
)


def redact(text: str) -> str:
    """Put `<secret:kind>` where a secret or a personal datum stood; its length does not show.

    >>> redact("token=deadbeefdeadbeef, latency 120 ms")
    '<secret:password>, latency 120 ms'
    """
    for name, pattern, check in RULES:
        text = pattern.sub(lambda match, name=name, check=check: f"<secret:{name}>" if check(match) else match[0], text)  # type: ignore[misc]
    return text


def holds_secret(text: str) -> bool:
    return redact(text) != text


def redact_pack(pack: EvidencePack) -> EvidencePack:
    """Redact every text of a pack. The digest stays: it names the facts, not their wording."""
    return replace(
        pack,
        headline=redact(pack.headline),
        facts=tuple(_fact(fact) for fact in pack.facts),
        hypotheses=tuple(
            replace(hypothesis, text=redact(hypothesis.text), entity=redact(hypothesis.entity))
            for hypothesis in pack.hypotheses
        ),
    )


def _fact(fact: Fact) -> Fact:
    return replace(
        fact,
        text=redact(fact.text),
        entity=redact(fact.entity),
        signal=redact(fact.signal),
        versions=tuple(redact(version) for version in fact.versions),
    )
