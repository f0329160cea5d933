"""From settings to parts: each gets what the configuration says, its own secrets, and nobody else's."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.actions.dry_run import DryRunMover
from bot.actions.mlflow_alias import MlflowAliasMover
from bot.clock import ManualClock, ScaledClock, WallClock, from_epoch
from bot.domain.change import ChangeKind
from bot.domain.series import SeriesIndex
from bot.errors import BadInputError
from bot.llm.budget import Caps
from bot.metrics import Metrics
from bot.slack.options import SlackOptions, Transport
from bot.sources.recording import RecordingSource
from bot.wiring import parts
from tests.replay.recordings import T0, Told, write
from tests.sources.loopback import api_server

ROOT = Path(__file__).parents[2]
NOW = ManualClock(from_epoch(1_790_000_000))
EMPTY = (200, {"status": "success", "data": {"resultType": "vector", "result": []}})


def prometheus(url, **keys):
    return {"sources": {"prometheus": [{"name": "prom", "url": url, **keys}]}}


# ---------------------------------------------------------------- time


def test_time_is_the_walls_unless_the_demo_says_otherwise(settings):
    usual = settings()
    demo = settings({"clock": {"rate": 60, "origin": 1_790_000_000, "origin_wall": 0}})

    assert (type(parts.clock(usual)), parts.clock_rate(usual)) == (WallClock, 1.0)
    assert (type(parts.clock(demo)), parts.clock_rate(demo)) == (ScaledClock, 60.0)
    assert parts.clock(demo).now() > datetime.now(tz=UTC) + timedelta(days=365)
    assert parts.slack_timing(demo).on_clock(timedelta(seconds=1)) == timedelta(minutes=1)


# ---------------------------------------------------------------- Slack


def test_slack_is_told_all_that_stands_in_the_configuration(settings):
    slack = {
        "channel": "C01",
        "transport": "http",
        "base_url": "http://slack.example/api/",
        "team": "T1",
        "app_id": "A1",
        "mention_group": "S01",
        "http": {"bind": "0.0.0.0", "port": 3001, "path": "/slack"},
    }
    environ = {"FAULTLINE_SLACK_BOT_TOKEN": "xoxb-1", "FAULTLINE_SLACK_SIGNING_SECRET": "signing"}

    options = parts.slack_options(settings({"slack": slack}, environ))

    assert options == SlackOptions(
        bot_token="xoxb-1",
        app_token="",
        signing_secret="signing",
        channel="C01",
        base_url="http://slack.example/api/",
        transport=Transport.HTTP,
        team="T1",
        mention_group="S01",
        app_id="A1",
        http_host="0.0.0.0",
        http_port=3001,
        http_path="/slack",
    )


def test_slack_without_secrets_is_told_empty_ones_so_that_doctor_can_say_so(settings):
    options = parts.slack_options(settings())

    assert (options.bot_token, options.app_token, options.signing_secret) == ("", "", "")


# ---------------------------------------------------------------- credentials


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("keys", "environ", "authorization"),
    [
        pytest.param({}, {"FAULTLINE_PROM_TOKEN": "unused"}, None, id="none"),
        pytest.param({"auth": "bearer"}, {"FAULTLINE_PROM_TOKEN": "token-1"}, "Bearer token-1", id="bearer"),
        pytest.param(
            {"auth": "basic", "username": "me"},
            {"FAULTLINE_PROM_PASSWORD": "word-1"},
            f"Basic {base64.b64encode(b'me:word-1').decode()}",
            id="basic",
        ),
    ],
)
async def test_a_server_gets_its_credential_and_headers(settings, keys, environ, authorization):
    async with api_server(lambda _: EMPTY) as (url, seen), AsyncExitStack() as closing:
        given = settings(prometheus(f"{url}/below", headers={"X-Scope-OrgID": "team"}, **keys), environ)
        [source] = parts.metric_sources(given)
        closing.push_async_callback(source.close)

        await source.pull(SeriesIndex(), at=NOW.now())

    assert {asked.headers.get("Authorization") for asked in seen} == {authorization}
    assert {asked.headers["X-Scope-OrgID"] for asked in seen} == {"team"}
    assert {asked.path for asked in seen} == {"/below/api/v1/query"}


@pytest.mark.parametrize(
    ("keys", "variable"),
    [
        pytest.param({"auth": "bearer"}, "FAULTLINE_PROM_TOKEN", id="bearer"),
        pytest.param({"auth": "basic", "username": "me"}, "FAULTLINE_PROM_PASSWORD", id="basic"),
    ],
)
def test_a_part_whose_secret_is_missing_is_refused_by_its_variable(settings, keys, variable):
    given = settings(prometheus("http://prom.example", **keys))

    with pytest.raises(BadInputError, match=f"{variable} is not set, and prom needs it"):
        parts.metric_sources(given)


def test_a_file_of_authorities_that_is_missing_is_refused_by_name(settings, tmp_path):
    given = settings(prometheus("https://prom.example", ca_file="ca.pem"))

    with pytest.raises(BadInputError, match=r"ca\.pem"):
        parts.metric_sources(given)


# ---------------------------------------------------------------- sources


@pytest.mark.parametrize(
    ("keys", "asked"),
    [
        pytest.param({}, ("latency", "errors"), id="every signal that has a query"),
        pytest.param({"signals": ["errors"]}, ("errors",), id="those named"),
        pytest.param({"signals": ["errors", "score"]}, ("errors",), id="never one without a query"),
    ],
)
async def test_a_source_asks_for_its_signals(settings, keys, asked):
    [source] = parts.metric_sources(settings(prometheus("http://prom.example", **keys)))

    assert (source.name, source.signals) == ("prom", asked)
    await source.close()


async def test_a_recording_is_read_as_if_it_were_live(settings, tmp_path):
    write(
        tmp_path / "calm",
        Told(catalog={"signals": [{"name": "latency", "kind": "latency"}]}, rows=[(T0, "latency", "scoring", "{}", 7)]),
    )

    [source] = parts.metric_sources(settings({"sources": {"recording": "calm"}}))

    assert isinstance(source, RecordingSource)
    pull = await source.pull(SeriesIndex(), at=from_epoch(T0))
    assert pull.samples.values.tolist() == [7.0]


async def test_changes_are_asked_for_once_a_server(settings):
    two = [{"name": name, "url": f"http://{name}.example"} for name in ("eu", "us")]
    changes = [
        {"source": "eu", "query": "a", "entity": "service", "version": "version"},
        {"source": "us", "query": "b", "kind": "config"},
        {"source": "eu", "query": "c", "kind": "marketing", "entity": ["model", "feature"], "text": "words"},
    ]

    found = parts.change_sources(settings({"sources": {"prometheus": two, "changes": changes}}))

    assert [one.name for one in found] == ["eu changes", "us changes"]
    eu, us = ([(q.query, q.kind, q.entity_labels) for q in one._queries] for one in found)
    assert eu == [("a", ChangeKind.DEPLOY, ("service",)), ("c", ChangeKind.MARKETING, ("model", "feature"))]
    assert us == [("b", ChangeKind.CONFIG, ())]
    for one in found:
        await one.close()


# ---------------------------------------------------------------- registry and actions


def mlflow(url="http://mlflow.example", *, mode="dry_run", **keys):
    sources = {"prometheus": [{"url": "http://prom.example"}], "mlflow": {"url": url, **keys}}
    return {"sources": sources, "actions": {"mode": mode}}


def test_without_a_registry_there_is_neither_ledger_nor_rollback(settings):
    given = settings()

    assert (parts.registry(given), parts.mover(given)) == (None, None)


@pytest.mark.enable_socket
async def test_the_registry_is_asked_by_the_registered_name_and_alias(settings):
    answer = {"model_version": {"name": "fraud-detector", "version": "4"}}
    async with api_server(lambda _: (200, answer)) as (url, seen), AsyncExitStack() as closing:
        registry = parts.registry(settings(mlflow(url, alias="live", models={"fraud": "fraud-detector"})))
        closing.push_async_callback(registry.close)

        holder = await registry.holder("fraud")

    assert (registry.name, registry.alias, holder) == ("mlflow", "live", "4")
    assert [asked.query for asked in seen] == [{"name": "fraud-detector", "alias": "live"}]


@pytest.mark.parametrize(
    ("mode", "kind", "dry"),
    [
        pytest.param("dry_run", DryRunMover, True, id="dry run"),
        pytest.param("live", MlflowAliasMover, False, id="live"),
    ],
)
async def test_the_alias_moves_only_when_actions_are_live(settings, mode, kind, dry):
    mover = parts.mover(settings(mlflow(mode=mode)))

    assert (type(mover), mover.dry_run) == (kind, dry)
    if not dry:
        await mover.close()


@pytest.mark.enable_socket
async def test_a_dry_run_sends_nothing(settings):
    async with api_server(lambda _: (200, {})) as (url, seen):
        await parts.mover(settings(mlflow(url))).move("fraud", to_version="3")

    assert seen == []


@pytest.mark.enable_socket
async def test_a_live_move_sends_the_registered_name_and_alias(settings):
    async with api_server(lambda _: (200, {})) as (url, seen), AsyncExitStack() as closing:
        mover = parts.mover(settings(mlflow(url, mode="live", alias="live", models={"fraud": "fraud-detector"})))
        closing.push_async_callback(mover.close)

        await mover.move("fraud", to_version="3")

    assert [json.loads(asked.body) for asked in seen] == [{"name": "fraud-detector", "alias": "live", "version": "3"}]


def retrain(**keys):
    return {"actions": {"retrain": keys}}


def test_retraining_is_not_offered_unless_configured(settings):
    assert parts.retrainer(settings(), clock=NOW) is None


@pytest.mark.enable_socket
async def test_a_webhook_is_signed_with_its_secret(settings):
    from bot.actions.webhook import SIGNATURE, sign

    async with api_server(lambda _: (200, {"run_id": "r7"})) as (url, seen), AsyncExitStack() as closing:
        given = settings(retrain(kind="webhook", url=f"{url}/hook"), {"FAULTLINE_RETRAIN_SECRET": "signing-1"})
        retrainer = parts.retrainer(given, clock=NOW)
        closing.push_async_callback(retrainer.close)

        reference = await retrainer.start("fraud", key="k1", reason="drift")

    [asked] = seen
    assert (asked.path, reference) == ("/hook", "r7")
    assert asked.headers[SIGNATURE] == sign(asked.body, timestamp="1790000000", secret="signing-1")


def test_a_webhook_without_its_secret_is_refused_by_its_variable(settings):
    given = settings(retrain(kind="webhook", url="http://ci.example"))

    with pytest.raises(BadInputError, match="FAULTLINE_RETRAIN_SECRET is not set"):
        parts.retrainer(given, clock=NOW)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("dags", "dag"),
    [
        pytest.param("retrain-all", "retrain-all", id="one for all"),
        pytest.param({"*": "others", "fraud": "retrain-fraud"}, "retrain-fraud", id="its own"),
        pytest.param({"*": "others"}, "others", id="that of the others"),
    ],
)
async def test_airflow_starts_the_dag_of_the_model(settings, dags, dag):
    async with api_server(lambda _: (200, {})) as (url, seen), AsyncExitStack() as closing:
        retrainer = parts.retrainer(settings(retrain(kind="airflow", url=url, dags=dags)), clock=NOW)
        closing.push_async_callback(retrainer.close)

        await retrainer.start("fraud", key="k1", reason="drift")

    assert [asked.path for asked in seen] == [f"/api/v2/dags/{dag}/dagRuns"]


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("llm", "environ", "name"),
    [
        pytest.param({"provider": "ollama", "model": "small"}, {}, "ollama:small", id="on this machine"),
        pytest.param(
            {"provider": "openai", "model": "m"}, {"FAULTLINE_LLM_API_KEY": "sk-1"}, "openai:m", id="a vendor"
        ),
        pytest.param(
            {"provider": "anthropic", "model": "m"}, {"FAULTLINE_LLM_API_KEY": "sk-1"}, "anthropic:m", id="another"
        ),
        pytest.param(
            {"provider": "openai_compatible", "model": "m", "base_url": "http://127.0.0.1:9/v1"},
            {},
            "openai:m",
            id="what speaks its protocol",
        ),
    ],
)
async def test_a_language_model_is_the_one_that_is_configured(settings, llm, environ, name):
    provider = parts.provider(settings({"llm": llm}, environ))

    assert provider.name == name
    await provider.close()


def test_without_a_language_model_there_is_no_provider(settings):
    assert parts.provider(settings()) is None


def test_budgets_are_those_of_the_configuration(settings):
    llm = {"per_incident": 1, "per_hour": 2, "per_day": 3, "tokens_per_day": 4}

    explainer = parts.explainer(settings({"llm": llm}), clock=NOW, metrics=Metrics())

    assert explainer._budget.caps == Caps(per_incident=1, per_hour=2, per_day=3, tokens_per_day=4)


def test_a_bot_without_a_language_model_does_not_need_its_library():
    wanted = (
        "import sys, bot.wiring.running\n"
        "print(*sorted({'pydantic_ai', 'openai', 'anthropic', 'bot.emulator', 'bot.world'} & set(sys.modules)))"
    )

    done = subprocess.run(
        [sys.executable, "-c", wanted], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )

    assert done.stdout.split() == []
