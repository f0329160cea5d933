"""What a person gets for a wrong configuration, and what wiring gets for a right one."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import time, timedelta

import pytest
from pydantic import ValidationError

from bot.config import Credential
from bot.domain.policy import ApproverPolicy, RollbackPolicy, SpeakingPolicy, TickPolicy
from bot.errors import BadInputError
from detectors.discover import BUDGET

MLFLOW = {"prometheus": [{"name": "prom", "url": "http://prom:9090"}], "mlflow": {"url": "http://mlflow:5000"}}


def prometheus(**keys):
    return {"sources": {"prometheus": [{"name": "prom", "url": "http://prom:9090", **keys}]}}


def test_defaults_are_those_of_the_domain(load):
    settings = load()

    assert settings.speaking_policy() == SpeakingPolicy()
    assert settings.tick_policy() == TickPolicy()
    assert settings.rollback_policy() == RollbackPolicy()
    assert settings.detectors.false_episodes_a_day == BUDGET


@pytest.mark.parametrize(
    "wrong",
    [pytest.param(0, id="never"), pytest.param(-1, id="less than never"), pytest.param(float("inf"), id="always")],
)
def test_false_episodes_are_some_and_not_endless(load, wrong):
    with pytest.raises(BadInputError, match=r"detectors\.false_episodes_a_day"):
        load({"detectors": {"false_episodes_a_day": wrong}})


def test_policies_and_approvers_arrive_in_the_domain(load):
    settings = load(
        {
            "policies": {"debounce": "45s", "proposal_expires_after": "1h30m", "warm_up": "7d"},
            "approvers": {"*": {"users": ["U01"]}, "fraud": {"groups": ["S01"], "four_eyes": True}},
            "actions": {"mode": "live"},
            "sources": MLFLOW,
        }
    )

    assert settings.speaking_policy().debounce == timedelta(seconds=45)
    assert settings.tick_policy().warm_up == timedelta(days=7)
    assert settings.rollback_policy().expires_after == timedelta(minutes=90)
    assert not settings.rollback_policy().dry_run
    assert settings.rollback_policy().approvers_of("fraud") == ApproverPolicy(groups=frozenset({"S01"}), four_eyes=True)
    assert settings.rollback_policy().approvers_of("other") == ApproverPolicy(users=frozenset({"U01"}))


@pytest.mark.parametrize(
    ("policies", "at"),
    [
        pytest.param({}, time(9), id="as it is"),
        pytest.param({"digest_at": "17:30"}, time(17, 30), id="set"),
        pytest.param({"digest_at": None}, None, id="off"),
        pytest.param(None, time(9), id="nothing in the section"),
    ],
)
def test_a_digest_is_posted_daily_until_it_is_turned_off(load, policies, at):
    assert load({"policies": policies}).speaking_policy().digest_at == at


def test_the_period_follows_the_catalogue_until_it_is_set(load):
    catalog = {"step_s": 30, "signals": [{"name": "a", "kind": "cpu", "query": "up", "entity": "node"}]}

    assert load({"catalog": catalog}).tick_policy().period == timedelta(seconds=30)
    assert load({"catalog": catalog, "policies": {"period": "2m"}}).tick_policy().period == timedelta(minutes=2)


def test_settings_do_not_change(load):
    settings = load()

    with pytest.raises(FrozenInstanceError):
        settings.path = None
    with pytest.raises(ValidationError, match="frozen"):
        settings.slack.channel = "C1"


def test_paths_are_read_from_the_folder_of_the_file(load, tmp_path):
    settings = load(prometheus(ca_file="certs/ca.pem"))

    assert settings.sources.prometheus[0].ca_file == tmp_path / "certs" / "ca.pem"


def test_a_catalogue_may_stand_in_a_file_of_its_own(load, tmp_path):
    (tmp_path / "catalog.yaml").write_text("signals: [{name: a, kind: cpu, query: up, entity: node}]\n")

    settings = load({"catalog": None, "catalog_file": "catalog.yaml"})

    assert [signal.name for signal in settings.catalogue.signals] == ["a"]


def test_a_fault_in_that_file_names_that_file(load, tmp_path):
    (tmp_path / "catalog.yaml").write_text("signals:\n  - {name: a, kind: cpux}\n")

    with pytest.raises(BadInputError, match=r"catalog\.yaml:2: signals\[0\]\.kind: found 'cpux', expected 'cpu'"):
        load({"catalog": None, "catalog_file": "catalog.yaml"})


@pytest.mark.parametrize(
    ("sections", "parts"),
    [
        pytest.param({"slack": {}}, ["slack.channel: is missing: id of the channel"], id="required key"),
        pytest.param(
            {"slack": {"channel": None}},
            ["slack.channel: found nothing (an unquoted # begins a comment), expected: id of the channel"],
            id="channel: #incidents",
        ),
        pytest.param(
            {"slack": {"chanel": "C0123456789"}}, ["slack.chanel: is no key here; did you mean 'channel'?"], id="typo"
        ),
        pytest.param({"slak": {}}, ["slak: is no key here; did you mean 'slack'?"], id="typo in a section"),
        pytest.param({"slack": {"channel": "#ops"}}, ["found '#ops'", "expected a channel's id"], id="channel name"),
        pytest.param({"slack": {"channel": "C01", "transport": "web"}}, ["expected 'socket' or 'http'"], id="choice"),
        pytest.param({"log": {"level": "loud"}}, ["log.level: found 'loud', expected 'debug'"], id="log level"),
        pytest.param({"health": {"port": 0}}, ["health.port: found 0, expected greater than"], id="port"),
        pytest.param({"health": "yes"}, ["health: found 'yes'"], id="no mapping"),
        pytest.param(
            {"policies": {"debounce": 90}},
            ["policies.debounce: found 90, expected a duration with its unit"],
            id="unit",
        ),
        pytest.param(
            {"policies": {"watch": "0s"}}, ["policies.watch: found '0s', expected more than nothing"], id="zero"
        ),
        pytest.param({"policies": {"digest_at": 600}}, ["digest_at: found 600, expected a time of day"], id="10:00"),
        pytest.param({"policies": {"digest_at": "24:00"}}, ['in quotes, such as "09:00"'], id="no time of day"),
        pytest.param({"policies": {"period": "1ms"}}, ["expected a `period` of at least 1s"], id="too short"),
        pytest.param(
            prometheus(url="prom:9090"), ["sources.prometheus[0].url: found 'prom:9090', expected an address"], id="url"
        ),
        pytest.param(prometheus(url="http://prom:9090?x=1"), ["ends before ? and #"], id="query in url"),
        pytest.param(prometheus(auth="basic"), ["expected `username` beside auth basic"], id="basic"),
        pytest.param(prometheus(client_key="k.pem"), ["expected `client_cert` beside client_key"], id="key only"),
        pytest.param(prometheus(headers={"Authorization": "x"}), ["expected no Authorization here"], id="header"),
        pytest.param(
            prometheus(deadline="30s"), ["deadline: expected at most policies.source_deadline"], id="deadline"
        ),
        pytest.param(
            prometheus(signals=["latencies"]),
            ["sources.prometheus[0].signals[0]: found 'latencies'", "did you mean 'latency'?"],
            id="unknown signal",
        ),
        pytest.param({"sources": {}}, ["sources: expected at least one source: `prometheus`"], id="no source"),
        pytest.param(
            {"sources": {"prometheus": [{"url": "http://a"}, {"url": "http://b"}]}},
            ["sources.prometheus[1]", "each server needs a name of its own"],
            id="same name",
        ),
        pytest.param(
            {"sources": {"prometheus": [{"url": "http://a", "name": "a-b"}, {"url": "http://b", "name": "A_B"}]}},
            ["FAULTLINE_A_B_TOKEN"],
            id="same variable",
        ),
        pytest.param(
            {"sources": prometheus()["sources"] | {"changes": [{"source": "prm", "query": "x"}]}},
            ["sources.changes[0].source: found 'prm', which is no Prometheus source; did you mean 'prom'?"],
            id="changes of nobody",
        ),
        pytest.param(
            {"sources": MLFLOW | {"mlflow": {"url": "http://m", "models": {"frod": "x"}}}},
            ["sources.mlflow.models.frod: found 'frod'", "did you mean 'fraud'?"],
            id="registered name of no model",
        ),
        pytest.param(
            {"approvers": {"frod": {"users": ["U01"]}}},
            ["approvers.frod: found 'frod', which is no model of the catalogue; did you mean 'fraud'?"],
            id="approvers of no model",
        ),
        pytest.param(
            {"approvers": {"*": {"users": ["alice"]}}},
            ["approvers.*.users[0]: found 'alice'", "member's id"],
            id="name",
        ),
        pytest.param(
            {"actions": {"mode": "live"}}, ["actions.mode: found 'live'", "sources.mlflow"], id="live on what"
        ),
        pytest.param({"actions": {"retrain": {"url": "http://x"}}}, ["expected the key 'kind'"], id="no kind"),
        pytest.param(
            {"actions": {"retrain": {"kind": "hook", "url": "http://x"}}},
            ["'webhook', 'airflow' as its 'kind'"],
            id="kind",
        ),
        pytest.param({"llm": {"provider": "openai"}}, ["llm: ", "expected `model`"], id="no model"),
        pytest.param(
            {"llm": {"provider": "openai_compatible", "model": "m"}}, ["expected `base_url`"], id="compatible with what"
        ),
        pytest.param({"catalog": None}, ["expected either `catalog` or `catalog_file`"], id="no catalogue"),
        pytest.param(
            {"catalog": {"signals": [{"name": "a", "kind": "cpu"}]}},
            ["prom has nothing to ask"],
            id="no query anywhere",
        ),
        pytest.param(
            {"catalog": {"models": [{"name": "a"}, {"name": "a"}]}}, ["names must be unique"], id="a model twice"
        ),
    ],
)
def test_a_wrong_configuration_says_where_what_and_what_instead(load, sections, parts):
    with pytest.raises(BadInputError) as error:
        load(sections)

    assert "faultline.yaml" in str(error.value)
    for part in parts:
        assert part in str(error.value)


def test_every_fault_is_told_at_once_in_the_order_of_the_file(load):
    text = "slack:\n  channel: ops\n  transport: web\nlog: {level: loud}\nsources: {prometheus: []}\ncatalog: {}\n"

    with pytest.raises(BadInputError) as error:
        load(text=text)

    places = [line.partition("faultline.yaml:")[2].partition(":")[0] for line in str(error.value).splitlines()]
    assert places == ["2", "3", "4"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("slack: {channel: C01\n", ["faultline.yaml:2", "not valid YAML"], id="broken"),
        pytest.param("slack:\n\tchannel: C01\n", ["faultline.yaml:2", "not valid YAML"], id="tab"),
        pytest.param(
            "a: 1\nb: 2\na: 3\n", ["faultline.yaml:3: a: stands there twice, first in line 1"], id="key twice"
        ),
        pytest.param("- a\n", ["found a list of 1, expected a mapping"], id="list"),
        pytest.param("", ["found nothing, expected a mapping"], id="empty"),
        pytest.param("x: !!python/object:os.system {}\n", ["not valid YAML"], id="object"),
        pytest.param("x: 2026-99-99\n", ["not valid YAML"], id="impossible date"),
        pytest.param("a: " + "[" * 5000 + "]" * 5000 + "\n", ["not valid YAML", "nested"], id="deep"),
        pytest.param(
            "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
            + "".join(
                f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
                for a, b in zip("abcdefg", "bcdefgh", strict=True)
            ),
            ["unfolds to more than"],
            id="bomb",
        ),
    ],
)
def test_a_file_that_cannot_be_read_names_its_line(load, text, parts):
    with pytest.raises(BadInputError) as error:
        load(text=text)

    for part in parts:
        assert part in str(error.value)


def test_a_missing_file_says_how_to_get_one(load, tmp_path):
    from bot.config import load_settings

    with pytest.raises(BadInputError, match="there is no such file; `faultline init` writes one"):
        load_settings(tmp_path / "none.yaml", {})


def test_a_section_with_nothing_behind_it_means_its_defaults(load):
    settings = load({"llm": None, "policies": None, "approvers": None})

    assert settings.llm.provider == "none"
    assert settings.speaking_policy() == SpeakingPolicy()


@pytest.mark.parametrize(
    ("catalog", "words"),
    [
        pytest.param(
            {"services": [{"name": "a", "depends_on": ["scorin"]}]}, "depends_on 'scorin' is not declared", id="service"
        ),
        pytest.param({"services": [{"name": "a", "runs_on": ["n-7"]}]}, "runs_on 'n-7' is not declared", id="node"),
        pytest.param({"models": [{"name": "a", "served_by": "x"}]}, "served_by 'x' is not declared", id="served by"),
        pytest.param(
            {"models": [{"name": "a", "features": [{"name": "f", "from": "x"}]}]},
            "a/f: from 'x' is not declared",
            id="feature",
        ),
        pytest.param({"signals": [{"name": "b", "kind": "cpu"}]}, "signal b has no query", id="never pulled"),
    ],
)
def test_what_is_probably_not_meant_is_a_warning_and_no_error(load, catalog, words):
    signal = {"name": "latency", "kind": "latency", "query": "up", "entity": "service"}
    signals = [signal, *catalog.get("signals", [])]

    settings = load({"catalog": catalog | {"signals": signals}})

    assert any(words in warning for warning in settings.warnings)


def test_requests_and_batches_are_known_origins_of_features(load):
    features = [{"name": "a", "from": "request"}, {"name": "b", "from": "batch"}, {"name": "c"}]
    signal = {"name": "latency", "kind": "latency", "query": "up", "entity": "service"}

    settings = load({"catalog": {"models": [{"name": "m", "features": features}], "signals": [signal]}})

    assert not [warning for warning in settings.warnings if "declared" in warning]


def test_credentials_reach_their_server_only(load):
    sources = {
        "prometheus": [
            {"name": "prom-eu", "url": "http://a", "auth": "bearer"},
            {"name": "prom-us", "url": "http://b", "auth": "basic", "username": "me"},
            {"name": "open", "url": "http://c"},
        ]
    }
    environ = {"FAULTLINE_PROM_EU_TOKEN": "token-eu-1", "FAULTLINE_PROM_US_PASSWORD": "password-us-1"}

    settings = load({"sources": sources}, environ=environ)

    assert settings.credential("prom-eu") == Credential(bearer="token-eu-1")
    assert settings.credential("prom-us") == Credential(basic=("me", "password-us-1"))
    assert settings.credential("open") == Credential()
