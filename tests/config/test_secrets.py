"""Secrets come from the environment or from files; they stand in no file of ours, no repr, no message."""

from __future__ import annotations

import pytest

from bot.config import load_settings
from bot.errors import BadInputError

CANARY = "xoxb-canary-8675309"
TOKENS = {"FAULTLINE_SLACK_BOT_TOKEN": CANARY, "FAULTLINE_SLACK_APP_TOKEN": "xapp-canary-1"}


def sources(**keys):
    return {"prometheus": [{"name": "prom-eu", "url": "http://prom:9090", **keys}]}


@pytest.mark.parametrize(
    ("sections", "place", "variable"),
    [
        pytest.param(
            {"slack": {"channel": "C01", "bot_token": CANARY}}, "slack.bot_token", "FAULTLINE_SLACK_BOT_TOKEN", id="bot"
        ),
        pytest.param(
            {"slack": {"channel": "C01", "app_token": CANARY}}, "slack.app_token", "FAULTLINE_SLACK_APP_TOKEN", id="app"
        ),
        pytest.param({"slack": {"channel": CANARY}}, "slack.channel", "FAULTLINE_SLACK_BOT_TOKEN", id="in a wrong key"),
        pytest.param({"llm": {"api_key": CANARY}}, "llm.api_key", "FAULTLINE_LLM_API_KEY", id="llm"),
        pytest.param(
            {"store": {"url": f"postgresql://u:{CANARY}@h/d"}}, "store.url", "FAULTLINE_DATABASE_URL", id="store"
        ),
        pytest.param(
            {"store": {"password": CANARY}}, "store.password", "FAULTLINE_DATABASE_URL", id="store's password"
        ),
        pytest.param(
            {"sources": sources(token=CANARY)}, "sources.prometheus[0].token", "FAULTLINE_PROM_EU_TOKEN", id="token"
        ),
        pytest.param(
            {"sources": sources(password=CANARY)},
            "sources.prometheus[0].password",
            "FAULTLINE_PROM_EU_PASSWORD",
            id="password",
        ),
        pytest.param(
            {"sources": sources(url=f"http://u:{CANARY}@h")},
            "sources.prometheus[0].url",
            "FAULTLINE_PROM_EU_PASSWORD",
            id="in an address",
        ),
        pytest.param(
            {"sources": sources(headers={"X-Extra": f"Bearer {CANARY}"})},
            "headers.X-Extra",
            "FAULTLINE_PROM_EU_TOKEN",
            id="in a header",
        ),
        pytest.param(
            {"sources": sources() | {"mlflow": {"url": "http://m", "token": CANARY}}},
            "sources.mlflow.token",
            "FAULTLINE_MLFLOW_TOKEN",
            id="mlflow",
        ),
        pytest.param(
            {"actions": {"retrain": {"kind": "webhook", "url": "http://x", "secret": CANARY}}},
            "actions.retrain.secret",
            "FAULTLINE_RETRAIN_SECRET",
            id="webhook",
        ),
        pytest.param(
            {"actions": {"retrain": {"kind": "webhook", "url": "http://x", "token": CANARY}}},
            "actions.retrain.token",
            "FAULTLINE_RETRAIN_TOKEN",
            id="webhook's token",
        ),
    ],
)
def test_a_secret_in_the_file_is_refused_and_sent_where_it_belongs(load, sections, place, variable):
    with pytest.raises(BadInputError) as error:
        load(sections)

    assert f"{place}: a secret must not stand in this file" in str(error.value)
    assert f"set {variable}," in str(error.value)
    assert CANARY not in str(error.value)
    assert CANARY not in repr(error.value.__context__)


@pytest.mark.parametrize(
    "text", ["signals: [{name: password, kind: cpu, query: up, entity: token}]", "nodes: [{name: secret}]"]
)
def test_names_in_the_catalogue_may_be_any(load, tmp_path, text):
    (tmp_path / "catalog.yaml").write_text(
        "signals: [{name: a, kind: cpu, query: up, entity: b}]\n" if "nodes" in text else text
    )

    assert load({"catalog": None, "catalog_file": "catalog.yaml"}).catalogue.signals


def test_secrets_come_from_variables_and_show_nowhere(load):
    settings = load(environ=TOKENS)

    assert settings.secrets.slack_bot_token.get_secret_value() == CANARY
    assert settings.secrets.values() == {CANARY, "xapp-canary-1"}
    assert "canary" not in repr(settings)
    assert "canary" not in str(settings)


def test_a_variable_may_name_a_file(load, tmp_path):
    (tmp_path / "token").write_text(f"{CANARY}\n")

    settings = load(environ={"FAULTLINE_SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")})

    assert settings.secrets.slack_bot_token.get_secret_value() == CANARY


def test_the_configuration_may_name_a_file_beside_it(load, tmp_path):
    (tmp_path / "token").write_text("prom-canary\n")

    settings = load({"sources": sources(auth="bearer", token_file="token")})

    assert settings.credential("prom-eu").bearer == "prom-canary"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(None, "cannot be read", id="absent"),
        pytest.param(b"", "expected one secret on one line", id="empty"),
        pytest.param(b"canary-1\ncanary-2\n", "expected one secret on one line", id="two lines"),
        pytest.param(b"\xff\xfecanary", "holds no text", id="binary"),
        pytest.param(b"canary" * 10_000, "expected one secret on one line", id="too long"),
    ],
)
def test_a_file_without_a_secret_is_refused_without_its_content(load, tmp_path, content, words):
    if content is not None:
        (tmp_path / "token").write_bytes(content)

    with pytest.raises(BadInputError) as error:
        load(environ={"FAULTLINE_SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")})

    assert words in str(error.value)
    assert "FAULTLINE_SLACK_BOT_TOKEN_FILE" in str(error.value)
    assert "canary" not in str(error.value)


def test_two_places_for_one_secret_are_refused(load, tmp_path):
    (tmp_path / "token").write_text(CANARY)

    with pytest.raises(
        BadInputError, match="FAULTLINE_SLACK_BOT_TOKEN and FAULTLINE_SLACK_BOT_TOKEN_FILE give the same"
    ):
        load(environ=TOKENS | {"FAULTLINE_SLACK_BOT_TOKEN_FILE": str(tmp_path / "token")})


def test_mixed_up_tokens_are_told_apart(load):
    with pytest.raises(BadInputError, match="FAULTLINE_SLACK_BOT_TOKEN: expected the bot token") as error:
        load(environ={"FAULTLINE_SLACK_BOT_TOKEN": "xapp-canary"})

    assert "canary" not in str(error.value)


def test_missing_secrets_do_not_stop_loading_but_running(load):
    settings = load({"sources": sources(auth="bearer"), "llm": {"provider": "openai", "model": "m"}})

    assert [one.variable for one in settings.missing_secrets()] == [
        "FAULTLINE_SLACK_BOT_TOKEN",
        "FAULTLINE_SLACK_APP_TOKEN",
        "FAULTLINE_LLM_API_KEY",
        "FAULTLINE_PROM_EU_TOKEN",
    ]
    with pytest.raises(BadInputError, match="FAULTLINE_PROM_EU_TOKEN is not set"):
        settings.require_secrets()
    with pytest.raises(BadInputError, match="FAULTLINE_PROM_EU_TOKEN is not set, and prom-eu needs it"):
        settings.credential("prom-eu")


def test_http_needs_the_signing_secret_and_no_app_token(load):
    settings = load({"slack": {"channel": "C01", "transport": "http"}})

    assert [one.variable for one in settings.missing_secrets()] == [
        "FAULTLINE_SLACK_BOT_TOKEN",
        "FAULTLINE_SLACK_SIGNING_SECRET",
    ]


def test_nothing_is_missing_when_all_is_set(load):
    load(environ=TOKENS).require_secrets()


def test_an_empty_variable_counts_as_absent(load):
    assert load(environ={"FAULTLINE_SLACK_BOT_TOKEN": " "}).secrets.slack_bot_token is None


def test_the_database_url_of_the_environment_wins(load):
    url = "postgresql://me:canary@db/faultline"
    settings = load(environ={"FAULTLINE_DATABASE_URL": url})

    assert settings.database_url == url
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        pytest.param({"FAULTLINE_SLACK_BOT_TOKN": "x"}, "did you mean 'FAULTLINE_SLACK_BOT_TOKEN'?", id="typo"),
        pytest.param({"FAULTLINE_PROM_EU_TOKEN": "x"}, "is set, but auth is none", id="unused"),
    ],
)
def test_a_variable_that_nobody_uses_is_a_warning(load, environ, words):
    settings = load({"sources": sources()}, environ=environ)

    assert any(words in warning for warning in settings.warnings)


def test_the_process_environment_is_read_when_none_is_given(load, monkeypatch, tmp_path):
    load()
    monkeypatch.setenv("FAULTLINE_SLACK_BOT_TOKEN", CANARY)

    assert load_settings(tmp_path / "faultline.yaml").secrets.slack_bot_token.get_secret_value() == CANARY
    assert load_settings(tmp_path / "faultline.yaml", {}).secrets.slack_bot_token is None
