"""Secrets and personal data leave as placeholders; lines of numbers and names stay as they are."""

import json
from pathlib import Path

import pytest

from bot.llm.redact import holds_secret, redact, redact_pack
from bot.pipeline.evidence import build_pack
from tests.llm import builders as b

SHARED = Path(__file__).parents[3] / "shared" / "data" / "injections" / "injections.own.jsonl"


# Written in halves, so that scanners of the repository stay calm.
@pytest.mark.parametrize(
    ("text", "left"),
    [
        pytest.param("key AKIA" + "ABCDEFGHIJKLMNOP here", "key <secret:aws> here", id="aws"),
        pytest.param("use xox" + "b-123456789-abcdefghij", "use <secret:slack>", id="slack"),
        pytest.param("gh" + "p_" + "a1" * 18, "<secret:github>", id="github"),
        pytest.param("s" + "k-proj-" + "Zz9" * 12, "<secret:api-key>", id="api key"),
        pytest.param("db at postgres://bot:hunter" + "2@db:5432/x now", "db at <secret:url-credentials> now", id="url"),
        pytest.param("Authorization: Bearer " + "abc.def.ghi" * 3, "<secret:authorization>", id="header"),
        pytest.param('password="two ' + 'words"', "<secret:password>", id="quoted password"),
        pytest.param("DB_PASSWORD: hunter" + "2, next", "<secret:password>, next", id="prefixed password"),
        pytest.param("-----BEGIN EC PRIVATE" + " KEY-----\nabc\nde", "<secret:private-key>", id="key cut off"),
        pytest.param("ask ann.lee@" + "corp.example", "ask <secret:email>", id="email"),
        pytest.param("card 4111 1111" + " 1111 1111", "card <secret:card>", id="card"),
        pytest.param("call +44 20 7946" + " 0958", "call <secret:phone>", id="phone"),
        pytest.param("from 198.51.100" + ".23", "from <secret:ip>", id="public address"),
        pytest.param("DE89 3704 0044" + " 0532 0130 00", "<secret:iban>", id="iban"),
    ],
)
def test_secrets_become_placeholders(text, left):
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "latency_p99 of feature-store rose from 120 ms to 900 ms since 10:31 UTC",
        "model version of fraud from 41 to 42 at 10:28 UTC",
        "1700000000000 ns is a long counter, and 4929123456789012345 another",
        "max_tokens=512 token_count: 4096 tokens per second 33",
        "n-04:9100 and 10.0.0.5:9090 and 192.168.1.20",
        "version 1.2.3.4 of the exporter, build 20261124, commit 3f1c2a9be4d7",
        "the token bucket refilled; password policy unchanged; secret rotation at 10:31",
        "psi 0.123456789012345, ratio 1e-09, 2026-11-24T10:31:00Z",
        "basic checks pass, bearer of bad news",
        "feature user_name has 3 % nulls",
        "DE is the largest market, followed by FR 12 and IT 9",
    ],
)
def test_harmless_lines_stay(text):
    assert redact(text) == text


def test_redacting_twice_changes_nothing():
    once = redact("token=deadbeef" + "deadbeef and AKIA" + "ABCDEFGHIJKLMNOP")

    assert redact(once) == once


def test_a_pack_is_redacted_everywhere():
    secret = "xox" + "b-123456789-abcdefghij"
    told = b.promotion(text=f"with {secret}", to=secret)
    story = b.bad_version()
    pack = build_pack(
        b.incident([b.finding("psi", secret, 0.1, 0.9)], b.verdict(
            story.verdict.cause, story.verdict.subcauses, secret, 0.95,
            candidates=[b.candidate(story.verdict.subcauses[0], secret, 0.9)], findings=[], changes=[told],
        )),
        b.catalogue(),
    )  # fmt: skip

    assert secret in repr(pack)
    assert secret not in repr(redact_pack(pack))


@pytest.mark.skipif(not SHARED.exists(), reason="the injection corpus is not beside the checkout")
def test_every_fake_secret_of_the_corpus_is_found():
    records = [json.loads(line) for line in SHARED.read_text(encoding="utf-8").splitlines()]
    secrets = [record for record in records if record["category"] == "secret_or_pii"]

    missed = [record["id"] for record in secrets if not holds_secret(record["payload"])]

    assert len(secrets) >= 30
    assert missed == []


def test_hostile_lengths_cost_little():
    # each would take minutes with a repeat inside a repeat
    for text in ("password" * 20_000, "a." * 50_000 + "@", "1 " * 100_000, "eyJ" + "a" * 200_000):
        assert len(redact(text)) > 0
