"""The command `faultline` as a person meets it: what is printed where, with which exit code, and never a secret."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from bot.config import load_settings, schema_text
from bot.slack.manifest import manifest
from bot.starter import starter_text
from bot.store.migrate import head
from tests.cli.conftest import GOOD, PROMETHEUS
from tests.cli.json_schema import faults

ROOT = Path(__file__).parents[2]
COMMANDS = ("run", "init", "doctor", "manifest", "migrate", "schema", "replay", "explain", "detect", "demo", "bench")
TOKENS = {"FAULTLINE_SLACK_BOT_TOKEN": "xoxb-secret-1", "FAULTLINE_SLACK_APP_TOKEN": "xapp-secret-2"}


def test_the_command_is_installed_and_says_its_version():
    done = subprocess.run(
        [Path(sys.executable).parent / "faultline", "--version"], capture_output=True, text=True, timeout=30, check=True
    )

    assert (done.stdout, done.stderr) == (f"faultline {version('faultline')}\n", "")


def test_python_m_bot_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "bot", "--version"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout == f"faultline {version('faultline')}\n"


@pytest.mark.parametrize("arguments", [["--help"], []], ids=["asked", "no command"])
def test_help_names_every_command(faultline, arguments):
    done = faultline(*arguments)

    assert [name for name in COMMANDS if name not in done.output] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(faultline, command):
    done = faultline(command, "--help")

    assert done.exit_code == 0
    assert "Usage:" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["rum"], id="no such command"),
        pytest.param(["run", "--confg", "x"], id="no such option"),
        pytest.param(["replay"], id="no folder"),
        pytest.param(["demo", "--port", "70000"], id="no such port"),
    ],
)
def test_a_mistyped_command_ends_with_two(faultline, arguments):
    done = faultline(*arguments)

    assert done.exit_code == 2
    assert done.stdout == ""


def test_help_does_not_wait_for_what_commands_need():
    wanted = "import sys, bot.cli; print(*sorted({'slack_bolt', 'sqlalchemy', 'scipy', 'duckdb'} & set(sys.modules)))"

    done = subprocess.run(
        [sys.executable, "-c", wanted], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )

    assert done.stdout.split() == []


# ---------------------------------------------------------------- init


@pytest.mark.parametrize(
    ("argument", "target"),
    [
        pytest.param([], "faultline.yaml", id="here"),
        pytest.param(["mine.yaml"], "mine.yaml", id="a file"),
        pytest.param(["."], "faultline.yaml", id="a folder"),
    ],
)
def test_init_writes_a_configuration_that_loads_and_says_what_comes_next(faultline, tmp_path, argument, target):
    done = faultline("init", *argument)

    assert done.exit_code == 0
    assert f"{target} is written. Next: `faultline manifest --config {target}`" in done.stdout
    assert load_settings(tmp_path / target, {}).slack.channel == "C0123456789"


def test_init_never_overwrites(faultline, tmp_path):
    (tmp_path / "faultline.yaml").write_text("mine")

    done = faultline("init")

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == "faultline: faultline.yaml: stands there already and is not overwritten; give another path\n"
    assert (tmp_path / "faultline.yaml").read_text() == "mine"


def test_init_says_when_it_cannot_write(faultline):
    done = faultline("init", "nowhere/faultline.yaml")

    assert done.exit_code == 2
    assert done.stderr == "faultline: nowhere/faultline.yaml: cannot be written: No such file or directory\n"


# ---------------------------------------------------------------- manifest


@pytest.mark.parametrize(
    ("sections", "needs"),
    [
        pytest.param(
            {},
            {"socket_mode": True, "request_url": None, "private_channels": False, "user_groups": False},
            id="as it comes",
        ),
        pytest.param(
            {"slack": {"channel": "C01", "private_channel": True}},
            {"socket_mode": True, "request_url": None, "private_channels": True, "user_groups": False},
            id="private channel",
        ),
        pytest.param(
            {"approvers": {"*": {"groups": ["S01"]}}},
            {"socket_mode": True, "request_url": None, "private_channels": False, "user_groups": True},
            id="approvers by group",
        ),
        pytest.param(
            {"slack": {"channel": "C01", "mention_group": "S01"}},
            {"socket_mode": True, "request_url": None, "private_channels": False, "user_groups": True},
            id="a group is mentioned",
        ),
        pytest.param(
            {"slack": {"channel": "C01", "transport": "http", "http": {"public_url": "https://bot.example/"}}},
            {
                "socket_mode": False,
                "request_url": "https://bot.example/slack/events",
                "private_channels": False,
                "user_groups": False,
            },
            id="http",
        ),
        pytest.param(
            {"slack": {"channel": "C01", "transport": "http", "http": {"public_url": "https://a/b", "path": "/c"}}},
            {
                "socket_mode": False,
                "request_url": "https://a/b/c",
                "private_channels": False,
                "user_groups": False,
            },
            id="http below a path",
        ),
    ],
)
def test_the_manifest_is_what_the_configuration_needs(faultline, config, sections, needs):
    done = faultline("manifest", "--config", config(sections))

    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout) == manifest(**needs)


def test_a_manifest_for_http_without_an_address_is_refused_by_its_key(faultline, config):
    path = config({"slack": {"channel": "C01", "transport": "http"}})

    done = faultline("manifest", "--config", path)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"faultline: {path}: slack.http.public_url: is missing: with transport http")


# ---------------------------------------------------------------- schema


def test_the_schema_printed_is_the_published_one(faultline):
    done = faultline("schema")

    assert (done.exit_code, done.stdout) == (0, schema_text())


def test_every_keyword_and_reference_of_the_schema_is_json_schema(faultline):
    schema = json.loads(faultline("schema").stdout)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    for name, part in schema["$defs"].items():
        assert list(faults(object(), part, root=schema, place=name)), "nothing of YAML is an object()"


LISTED = [{"name": "latency", "kind": "latency", "query": "up", "entity": ["service"]}]


@pytest.mark.parametrize(
    "sections",
    [
        pytest.param({}, id="the least"),
        pytest.param({"policies": {"watch": "1h30m", "flap_reopens": 2}}, id="policies"),
        pytest.param({"approvers": {"*": {"users": ["U01"]}, "fraud": {"four_eyes": True}}}, id="approvers"),
        pytest.param({"actions": {"retrain": {"kind": "webhook", "url": "http://a"}}}, id="webhook"),
        pytest.param({"actions": {"retrain": {"kind": "airflow", "url": "http://a", "dags": {"*": "d"}}}}, id="DAGs"),
        pytest.param({"clock": {"rate": 60, "origin": 0, "origin_wall": 1.5}}, id="clock"),
        pytest.param({"catalog": None, "catalog_file": "catalog.yaml"}, id="catalogue elsewhere"),
    ],
)
def test_the_schema_accepts_what_loading_accepts(faultline, config, tmp_path, sections):
    schema = json.loads(faultline("schema").stdout)
    given = {**GOOD, "catalog": {**GOOD["catalog"], "signals": LISTED}, **sections}
    (tmp_path / "catalog.yaml").write_text(yaml.safe_dump({**GOOD["catalog"], "signals": LISTED}))

    found = list(faults(given, schema, root=schema))

    assert found == []
    assert load_settings(config(given), {}).catalogue.models


@pytest.mark.parametrize(
    ("sections", "place"),
    [
        pytest.param({"slack": {"chanel": "C01"}}, ".slack.chanel: is no key", id="typo"),
        pytest.param({"slack": {}}, ".slack.channel: is missing", id="required"),
        pytest.param({"slack": {"channel": "#ops"}}, ".slack.channel: '#ops' is not like", id="pattern"),
        pytest.param({"policies": {"watch": 5}}, ".policies.watch: is no string", id="type"),
        pytest.param({"log": {"level": "loud"}}, ".log.level: 'loud' is not one of", id="choice"),
        pytest.param({"catalog": {"step_s": 0}}, ".catalog", id="range"),
    ],
)
def test_the_schema_refuses_what_loading_refuses(faultline, config, sections, place):
    schema = json.loads(faultline("schema").stdout)

    found = list(faults(GOOD | sections, schema, root=schema))

    assert [one for one in found if one.startswith(place)]
    assert faultline("migrate", "--config", config(sections)).exit_code == 2


# ---------------------------------------------------------------- migrate


def test_migrate_makes_a_database_and_again_leaves_it(faultline, config, tmp_path):
    path = config({"store": {"url": f"sqlite:///{tmp_path}/new/faultline.db"}})

    first = faultline("migrate", "--config", path)
    second = faultline("migrate", "--config", path)

    assert (first.exit_code, first.stdout) == (0, f"the store has schema {head()}\n")
    assert (second.exit_code, second.stdout) == (0, first.stdout)
    assert [one.name for one in (tmp_path / "new").glob("*.backup*")] == []


def test_migrate_refuses_a_database_of_a_newer_version(faultline, config, tmp_path):
    path = config({"store": {"url": f"sqlite:///{tmp_path}/faultline.db"}})
    faultline("migrate", "--config", path)
    with sqlite3.connect(tmp_path / "faultline.db") as base:
        base.execute("UPDATE alembic_version SET version_num = '9999'")
    base.close()

    done = faultline("migrate", "--config", path)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "has schema 9999, which is newer than this version's" in done.stderr
    assert "restore the backup" in done.stderr


def test_migrate_takes_the_database_of_the_environment_first(faultline, config, tmp_path):
    path = config({"store": {"url": f"sqlite:///{tmp_path}/file.db"}})

    faultline("migrate", "--config", path, FAULTLINE_DATABASE_URL=f"sqlite:///{tmp_path}/environment.db")

    assert [one.name for one in sorted(tmp_path.glob("*.db"))] == ["environment.db"]


# ---------------------------------------------------------------- configuration


@pytest.mark.parametrize("command", ["run", "doctor", "manifest", "migrate"])
def test_a_wrong_configuration_names_file_line_key_found_and_expected(faultline, config, command):
    path = config(text="slack:\n  channel: C01\n  transport: web\nsources: {}\ncatalog: {}\n")

    done = faultline(command, "--config", path)

    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr == f"faultline: {path}:3: slack.transport: found 'web', expected 'socket' or 'http'\n"


def test_without_a_configuration_a_person_learns_how_to_get_one(faultline):
    done = faultline("doctor")

    assert done.exit_code == 2
    assert done.stderr == "faultline: faultline.yaml: there is no such file; `faultline init` writes one\n"


@pytest.mark.parametrize(
    ("option", "environ", "chosen"),
    [
        pytest.param([], {}, "faultline.yaml", id="in this folder"),
        pytest.param([], {"FAULTLINE_CONFIG": "told.yaml"}, "told.yaml", id="variable"),
        pytest.param(["--config", "asked.yaml"], {"FAULTLINE_CONFIG": "told.yaml"}, "asked.yaml", id="option wins"),
    ],
)
def test_the_configuration_is_looked_for_in_order(faultline, option, environ, chosen):
    done = faultline("manifest", *option, **environ)

    assert done.stderr.startswith(f"faultline: {chosen}: there is no such file")


# ---------------------------------------------------------------- run


def test_running_without_tokens_names_every_variable(faultline, config):
    bearer = {**PROMETHEUS, "auth": "bearer"}
    llm = {"provider": "openai", "model": "m"}
    path = config({"sources": {"prometheus": [bearer]}, "llm": llm})

    done = faultline("run", "--config", path)

    assert (done.exit_code, done.stdout) == (2, "")
    for name in (*TOKENS, "FAULTLINE_PROM_TOKEN", "FAULTLINE_LLM_API_KEY"):
        assert f"{path}: {name} is not set (" in done.stderr
    assert "VARIABLE_FILE" in done.stderr
    assert not Path("faultline.db").exists()


def test_running_over_http_asks_for_the_signing_secret_instead(faultline, config):
    path = config({"slack": {"channel": "C01", "transport": "http"}})

    done = faultline("run", "--config", path)

    assert done.exit_code == 2
    assert "FAULTLINE_SLACK_SIGNING_SECRET is not set" in done.stderr
    assert "FAULTLINE_SLACK_APP_TOKEN" not in done.stderr


def test_running_beside_another_bot_on_the_same_database_is_refused(faultline, config, tmp_path):
    from bot.store.lock import FileLock

    path = config({"store": {"url": f"sqlite:///{tmp_path}/faultline.db"}})
    faultline("migrate", "--config", path)
    lock = FileLock.take(tmp_path / "faultline.db")
    try:
        done = faultline("run", "--config", path, **TOKENS)
    finally:
        lock.release()

    assert done.exit_code == 2
    assert "faultline.db" in done.stderr
    assert "Traceback" not in done.output


# ---------------------------------------------------------------- secrets

SECRETS = {
    **TOKENS,
    "FAULTLINE_SLACK_SIGNING_SECRET": "signing-secret-3",
    "FAULTLINE_DATABASE_URL": "postgresql://me:pass%2Fword-4@127.0.0.1:9/faultline",
    "FAULTLINE_LLM_API_KEY": "sk-secret-key-5",
    "FAULTLINE_RETRAIN_SECRET": "retrain-secret-6",
    "FAULTLINE_PROM_TOKEN": "prom-token-7",
    "FAULTLINE_MLFLOW_PASSWORD": "mlflow-password-8",
}
PLAIN = [*SECRETS.values(), "pass%2Fword-4", "pass/word-4"]
EVERYTHING = {
    "sources": {
        "prometheus": [{**PROMETHEUS, "auth": "bearer"}],
        "mlflow": {"url": "http://127.0.0.1:9", "auth": "basic", "username": "me"},
    },
    "llm": {"provider": "openai", "model": "m"},
    "actions": {"retrain": {"kind": "webhook", "url": "http://127.0.0.1:9"}},
}


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("command", "code"),
    [
        pytest.param("doctor", 1, id="doctor, nothing answers"),
        pytest.param("migrate", 1, id="migrate, no database there"),
        pytest.param("run", 1, id="run, no database there"),
        pytest.param("manifest", 0, id="manifest"),
        pytest.param("schema", 0, id="schema"),
    ],
)
def test_no_command_prints_a_secret(faultline, config, command, code):
    path = config(EVERYTHING)

    done = faultline(command, *([] if command == "schema" else ["--config", path]), **SECRETS)

    assert done.exit_code == code
    assert done.output
    assert [secret for secret in PLAIN if secret in done.output] == []
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_a_secret_in_the_file_is_refused_without_being_quoted(faultline, config):
    path = config({"slack": {"channel": "C01", "bot_token": "xoxb-1234567890-abcdefghij"}})

    done = faultline("doctor", "--config", path)

    assert done.exit_code == 2
    assert "slack.bot_token" in done.stderr
    assert "abcdefghij" not in done.output


def test_a_token_of_the_wrong_kind_is_refused_without_being_quoted(faultline, config):
    done = faultline("doctor", "--config", config(), FAULTLINE_SLACK_BOT_TOKEN="xapp-mixed-up-9")

    assert done.exit_code == 2
    assert "begins with xoxb-" in done.stderr
    assert "mixed-up-9" not in done.output


def test_the_starter_fits_the_schema():
    schema = json.loads(schema_text())

    assert list(faults(yaml.safe_load(starter_text()), schema, root=schema)) == []


def test_one_dag_for_all_fits_the_schema():
    schema = json.loads(schema_text())
    retrain = {"kind": "airflow", "url": "http://a", "dags": "retrain"}

    assert list(faults({**GOOD, "catalog": {}, "actions": {"retrain": retrain}}, schema, root=schema)) == []


def test_a_benchmark_prints_json_that_says_what_a_series_costs(faultline):
    done = faultline("bench", "ingest", "--series", "20", "-n", "30")

    told = json.loads(done.stdout)
    assert [one["series"] for one in told] == [20, 30]
    assert list(told[0]["us_a_series"]) == ["first", "steady", "reordered", "parsed"]
    assert all(cost > 0 for cost in told[0]["us_a_series"].values())
    assert told[0]["parsing_alone_to_steady"].keys() >= {"json.loads", "pydantic_core.from_json"}


def test_a_benchmark_of_no_series_is_refused(faultline):
    assert faultline("bench", "ingest", "--series", "0").exit_code == 2
