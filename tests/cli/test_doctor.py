"""`faultline doctor`: each part is ok, failed with what to do, or not configured; nothing raises and nothing hangs."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from bot.doctor import (
    check_approvers,
    check_config,
    check_llm,
    check_registry,
    check_secrets,
    check_source,
    check_store,
    examine,
    line_of,
)
from bot.domain.catalogue import Catalogue, Model, Service
from bot.domain.policy import ApproverPolicy
from bot.domain.series import BlindSpot, Samples, SeriesKey
from bot.errors import BadInputError, GiveUpError, RetryLaterError, SourceDownError
from bot.ports import Pull
from bot.slack.check import CheckResult
from bot.store.migrate import migrate
from tests.cli.conftest import PROMETHEUS
from tests.replay.recordings import T0, Told, write

NOW = datetime(2026, 9, 22, 10, 0, tzinfo=UTC)
FRAUD = Catalogue(models=(Model(name="fraud"),))


def states(found):
    return [(one.state, one.name) for one in found]


# ---------------------------------------------------------------- configuration and secrets


def test_a_configuration_is_told_in_numbers(settings):
    [found] = check_config(settings({"sources": {"prometheus": [PROMETHEUS], "mlflow": {"url": "http://m"}}}))

    assert found.state == "ok"
    assert found.detail.endswith("faultline.yaml: 0 nodes, 1 service, 1 model, 1 signal")


def test_what_was_probably_not_meant_is_a_note_and_no_failure(settings):
    found = check_config(settings(environ={"FAULTLINE_PROM_TOKENS": "x"}))

    assert {one.state for one in found} == {"ok"}
    assert [one.detail for one in found[1:]] == [
        "note: sources.mlflow is not configured: no ledger of versions, and no rollback",
        "note: the variable FAULTLINE_PROM_TOKENS is set, but nothing reads it; did you mean 'FAULTLINE_PROM_TOKEN'?",
    ]


def test_each_missing_secret_is_named_with_both_ways_to_give_it(settings):
    found = check_secrets(settings())

    assert states(found) == [("failed", "secrets")] * 2
    assert found[0].detail.startswith("FAULTLINE_SLACK_BOT_TOKEN is not set")
    assert "FAULTLINE_SLACK_BOT_TOKEN_FILE" in found[0].fix


def test_secrets_that_are_all_there_are_ok_and_not_shown(settings):
    environ = {"FAULTLINE_SLACK_BOT_TOKEN": "xoxb-hidden", "FAULTLINE_SLACK_APP_TOKEN": "xapp-hidden"}

    [found] = check_secrets(settings(environ=environ))

    assert found.state == "ok"
    assert "hidden" not in line_of(found)


# ---------------------------------------------------------------- sources


NUMBERED = Catalogue(services=(Service(name="0"), Service(name="1")))


class Source:
    """A source that brings these numbers of series, could not look at those signals, or is down."""

    def __init__(self, brings=None, *, blind=(), down=""):
        self.name, self.signals = "prom", ("latency", "errors", "rare")
        self._brings, self._blind, self._down = brings or {}, blind, down

    async def pull(self, index, *, at):
        if self._down:
            raise SourceDownError(self._down)
        keys = [SeriesKey(name, str(one)) for name, count in self._brings.items() for one in range(count)]
        rows = np.array([index.row(key) for key in keys], dtype=np.int64)
        return Pull(samples=Samples(rows=rows, values=np.ones(len(rows))), blind=self._blind)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        pytest.param(
            Source({"latency": 2, "errors": 1, "rare": 1}),
            [("ok", "answers; 4 series: latency 2, errors 1, rare 1", "")],
            id="all signals",
        ),
        pytest.param(
            Source({"latency": 2, "errors": 1}),
            [
                ("ok", "answers; 3 series: latency 2, errors 1", ""),
                ("ok", "note: no series just now: rare; fine for what is rare, else the query", ""),
            ],
            id="one signal has no series",
        ),
        pytest.param(
            Source(),
            [
                (
                    "failed",
                    "answers, but no signal has a series: latency, errors, rare",
                    "check the metric names and labels in the queries of the catalogue",
                )
            ],
            id="nothing at all",
        ),
        pytest.param(
            Source(
                {"latency": 1, "errors": 1}, blind=(BlindSpot(source="prom", because="bad query", signals=("rare",)),)
            ),
            [
                ("ok", "answers; 2 series: latency 1, errors 1", ""),
                ("failed", "rare: bad query", "try the query in Prometheus' own page"),
            ],
            id="one query is wrong",
        ),
        pytest.param(
            Source(down="refused"),
            [("failed", "refused", "check the address, the credentials and the network from this machine")],
            id="down",
        ),
    ],
)
async def test_a_source_is_asked_once_and_its_answer_counted(source, expected):
    found = await check_source(source, NUMBERED, at=NOW)

    assert [(one.state, one.detail, one.fix) for one in found] == expected
    assert {one.name for one in found} == {"source prom"}


async def test_series_that_name_what_the_catalogue_does_not_hold_are_told_with_both_names():
    catalogue = Catalogue(services=(Service(name="0"), Service(name="n-01")))

    found = await check_source(Source({"latency": 2, "errors": 1}), catalogue, at=NOW)

    strangers, known = (one for one in found if "catalogue" in one.detail)
    assert strangers.detail == "note: no node, service or model of the catalogue is called so: latency names '1'"
    assert "port included" in strangers.fix
    assert known.detail == "note: the catalogue's names are: 0, n-01"


# ---------------------------------------------------------------- registry


class Registry:
    name, alias = "mlflow", "champion"

    def __init__(self, **holders):
        self._holders, self.asked = holders, []

    async def holder(self, model):
        self.asked.append(model)
        answer = self._holders.get(model)
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        pytest.param("4", "ok", "fraud: version 4 holds the alias champion", id="held"),
        pytest.param(None, "failed", "set the alias champion in MLflow", id="no holder"),
        pytest.param(GiveUpError("not found"), "failed", "sources.mlflow.models: {fraud: ...}", id="other name there"),
        pytest.param(SourceDownError("refused"), "failed", "the address, the credentials", id="down"),
    ],
)
async def test_each_model_is_looked_up_in_the_registry(answer, state, words):
    [found] = await check_registry(Registry(fraud=answer), ["fraud"])

    assert (found.state, found.name) == (state, "registry mlflow")
    assert words in f"{found.detail} {found.fix}"


async def test_a_registry_that_is_down_is_asked_once_and_not_for_every_model():
    registry = Registry(a=SourceDownError("refused"), b="1")

    found = await check_registry(registry, ["a", "b"])

    assert states(found) == [("failed", "registry mlflow")]
    assert registry.asked == ["a"]


async def test_an_unknown_model_does_not_hide_the_next():
    found = await check_registry(Registry(a=GiveUpError("not found"), b="1"), ["a", "b"])

    assert [one.state for one in found] == ["failed", "ok"]


async def test_a_catalogue_without_models_needs_nothing_of_the_registry():
    assert states(await check_registry(Registry(), [])) == [("ok", "registry mlflow")]


# ---------------------------------------------------------------- store


async def test_a_store_of_this_version_opens_beside_a_running_bot(tmp_path):
    from bot.store.lock import FileLock

    url = f"sqlite:///{tmp_path}/faultline.db"
    await migrate(url)
    lock = FileLock.take(tmp_path / "faultline.db")
    try:
        found = await check_store(url)
    finally:
        lock.release()

    assert states(found) == [("ok", "store")]


async def test_a_store_that_is_not_there_is_not_made(tmp_path):
    [found] = await check_store(f"sqlite:///{tmp_path}/faultline.db")

    assert found.state == "ok"
    assert found.detail == f"note: {tmp_path}/faultline.db is not there yet: the first `faultline run` makes it"
    assert list(tmp_path.iterdir()) == []


async def test_a_store_address_that_cannot_be_read_names_its_key():
    [found] = await check_store("oracle://me:hidden-1@host/x")

    assert (found.state, found.fix) == ("failed", "see store.url")
    assert "hidden-1" not in line_of(found)


@pytest.mark.enable_socket
async def test_a_database_server_that_is_absent_is_a_failure_without_its_password():
    [found] = await check_store("postgresql://me:hidden-1@127.0.0.1:9/x")

    assert (found.state, found.fix) == ("failed", "check that the database runs and lets this machine in")
    assert "hidden-1" not in line_of(found)


# ---------------------------------------------------------------- language model


def _not_installed():
    raise BadInputError("the extra is not installed")


@pytest.mark.parametrize(
    ("build", "state", "words"),
    [
        pytest.param(None, "not configured", "explanations come from a template", id="none"),
        pytest.param(object, "ok", "openai:m can be used; not asked now", id="built"),
        pytest.param(_not_installed, "failed", "pip install 'faultline[llm]', or llm.provider: none", id="no extra"),
    ],
)
def test_a_language_model_is_built_and_not_asked(build, state, words):
    [found] = check_llm("openai:m", build)

    assert found.state == state
    assert words in f"{found.detail} {found.fix}"


# ---------------------------------------------------------------- approvers


class Directory:
    def __init__(self, **groups):
        self._groups = groups

    async def members(self, group):
        answer = self._groups[group]
        if isinstance(answer, Exception):
            raise answer
        return frozenset(answer)


ANNA = ApproverPolicy(users=frozenset({"U01"}))
TEAM = ApproverPolicy(groups=frozenset({"S01"}))


@pytest.mark.parametrize(
    ("policies", "live", "directory", "state", "words"),
    [
        pytest.param({"*": ANNA}, True, None, "ok", "fraud: 1 person", id="everybody's approver"),
        pytest.param({"fraud": ANNA, "*": ApproverPolicy()}, True, None, "ok", "1 person", id="its own approver"),
        pytest.param({}, True, None, "failed", "under approvers.'*'.users", id="live and nobody"),
        pytest.param({}, False, None, "not configured", "nobody may approve", id="dry run and nobody"),
        pytest.param(
            {"fraud": ApproverPolicy(), "*": ANNA}, True, None, "failed", "nobody", id="its own list is empty"
        ),
        pytest.param(
            {"*": replace(ANNA, four_eyes=True)},
            True,
            None,
            "failed",
            "add a second approver",
            id="four eyes, one person",
        ),
        pytest.param(
            {"*": ApproverPolicy(users=frozenset({"U01", "U02"}), four_eyes=True)},
            True,
            None,
            "ok",
            "2 people, four eyes",
            id="four eyes, two people",
        ),
        pytest.param({"*": TEAM}, True, Directory(S01={"U01", "U02"}), "ok", "2 people", id="a group"),
        pytest.param({"*": TEAM}, True, Directory(S01=()), "failed", "nobody may approve", id="an empty group"),
        pytest.param({"*": TEAM}, True, None, "ok", "user groups not read", id="a group and no token yet"),
        pytest.param(
            {"*": TEAM}, True, Directory(S01=GiveUpError("missing_scope")), "failed", "usergroups:read", id="no scope"
        ),
        pytest.param(
            {"*": TEAM}, True, Directory(S01=RetryLaterError("refused")), "failed", "cannot be read", id="Slack is down"
        ),
    ],
)
async def test_approvals_that_nobody_could_give_are_found(policies, live, directory, state, words):
    [found] = await check_approvers(policies, FRAUD, live=live, directory=directory)

    assert (found.state, found.name) == (state, "approvers")
    assert words in f"{found.detail} {found.fix}"


async def test_each_model_is_judged_by_its_own_approvers():
    two = Catalogue(models=(Model(name="fraud"), Model(name="fraud-eu")))

    found = await check_approvers({"fraud": ANNA}, two, live=True, directory=None)

    assert [(one.state, one.detail.partition(":")[0]) for one in found] == [("ok", "fraud"), ("failed", "fraud-eu")]


# ---------------------------------------------------------------- all of them

EVERYTHING = {
    "sources": {
        "prometheus": [PROMETHEUS, {"name": "second", "url": "http://127.0.0.1:9", "auth": "bearer"}],
        "mlflow": {"url": "http://127.0.0.1:9"},
        "recording": "nowhere",
    },
    "approvers": {"*": {"groups": ["S01"]}},
    "llm": {"provider": "ollama", "model": "m"},
    "actions": {"mode": "live", "retrain": {"kind": "webhook", "url": "http://127.0.0.1:9"}},
    "store": {"url": "sqlite:///nowhere/faultline.db"},
}
TOKENS = {"FAULTLINE_SLACK_BOT_TOKEN": "xoxb-1", "FAULTLINE_SLACK_APP_TOKEN": "xapp-1"}


async def every(settings):
    async with asyncio.timeout(20):
        return [one async for one in examine(settings)]


@pytest.mark.enable_socket
async def test_servers_that_are_all_absent_are_failures_and_the_end_comes(settings):
    found = await every(settings(EVERYTHING, TOKENS))

    failed = {one.name for one in found if one.state == "failed"}
    assert failed == {
        *("secrets", "Slack bot token", "Slack Socket Mode", "source prom", "source second", "recording"),
        *("registry mlflow", "approvers"),
    }
    assert [one.name for one in found if one.state == "failed" and not one.fix] == []


async def test_optional_parts_that_are_absent_are_no_failures(settings, tmp_path):
    url = f"sqlite:///{tmp_path}/faultline.db"
    await migrate(url)
    row = (T0, "latency", "scoring", "{}", 1)
    write(tmp_path / "calm", Told(catalog={"signals": [{"name": "latency", "kind": "latency"}]}, rows=[row]))

    found = await every(settings({"sources": {"recording": str(tmp_path / "calm")}, "store": {"url": url}}))

    assert {one.name for one in found if one.state == "failed"} == {"secrets"}
    assert {one.name for one in found if one.state == "not configured"} == {
        *("Slack", "registry", "language model", "retraining", "approvers"),
    }
    assert [one.detail for one in found if one.name == "recording"] == ["calm: 1 series, 1 ticks"]


# ---------------------------------------------------------------- words


def test_a_result_is_the_symptom_and_below_it_what_to_do():
    told = line_of(CheckResult(name="store", state="failed", detail="is locked", fix="stop the other bot"))

    first, second = told.splitlines()
    assert first.split() == ["FAILED", "store", "is", "locked"]
    assert second.strip() == "-> stop the other bot"


def test_a_result_without_a_remedy_is_one_line():
    assert len(line_of(CheckResult(name="store", state="ok", detail="opens")).splitlines()) == 1


@pytest.mark.parametrize(
    "letter",
    [
        pytest.param("\x1b", id="escape"),
        pytest.param("\n", id="line break"),
        pytest.param("\r", id="carriage return"),
        pytest.param("\x9b", id="C1 control"),
        pytest.param("\u202e", id="right to left"),
        pytest.param("\u2028", id="line separator"),
        pytest.param("\x07", id="bell"),
    ],
)
def test_words_of_other_systems_cannot_steer_the_terminal(letter):
    told = line_of(CheckResult(name="source prom", state="failed", detail=f"a{letter}[2Jb", fix=f"c{letter}d"))

    assert letter not in told.replace("\n" + " " * 38 + "  -> ", "")
    assert "a [2Jb" in told
    assert "c d" in told
