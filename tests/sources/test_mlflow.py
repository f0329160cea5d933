import pytest

from bot.clock import from_epoch
from bot.errors import BadInputError, GiveUpError, SourceDownError
from bot.http import HttpClient
from bot.sources.mlflow import MlflowRegistry
from tests.sources.loopback import api_server, recorded

pytestmark = pytest.mark.enable_socket

RUN = {
    "run": {
        "info": {"run_id": "r1", "lifecycle_stage": "active"},
        "data": {"tags": [{"key": "mlflow.source.git.commit", "value": "abc123"}, {"key": "x", "value": "y"}]},
    }
}


async def asked_of(handler, call, **options):
    async with api_server(handler) as (url, seen), HttpClient(url) as client:
        return await call(MlflowRegistry("mlflow", client, **options)), seen


def holder(registry):
    return registry.holder("fraud")


@pytest.mark.parametrize(
    ("name", "version"),
    [pytest.param("mlflow_get_alias", "1", id="held"), pytest.param("mlflow_alias_missing", None, id="nobody")],
)
async def test_the_holder_of_the_alias_is_read(name, version):
    found, seen = await asked_of(lambda _: recorded(name), holder, alias="champion", names={"fraud": "team.fraud"})

    assert found == version
    assert seen[0].path == "/api/2.0/mlflow/registered-models/alias"
    assert seen[0].query == {"name": "team.fraud", "alias": "champion"}


async def test_an_unknown_model_is_given_up():
    with pytest.raises(GiveUpError, match="nope not found"):
        await asked_of(lambda _: recorded("mlflow_model_missing"), holder)


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        pytest.param(
            (403, "Invalid Host header - possible DNS rebinding attack detected"), "allowed-hosts", id="host guard"
        ),
        pytest.param(
            (401, {"error_code": "UNAUTHENTICATED", "message": "who are you"}), "who are you", id="credentials"
        ),
        pytest.param((404, "<html>not here</html>"), "404", id="wrong address"),
        pytest.param((500, {"error_code": "INTERNAL_ERROR", "message": "db"}), "db", id="broken"),
        pytest.param((200, {"model_version": {}}), "version", id="another form"),
        pytest.param((200, []), "another form", id="a list"),
    ],
)
async def test_an_answer_that_is_none_of_a_registry_means_it_is_down(answer, because):
    with pytest.raises(SourceDownError, match=because):
        await asked_of(lambda _: answer, holder)


def version_answers(run):
    def answers(asked):
        if asked.path.endswith("runs/get"):
            return run
        status, body = recorded("mlflow_get_alias")
        return status, {"model_version": body["model_version"] | {"run_id": "r1"}}

    return answers


@pytest.mark.parametrize(
    ("run", "active", "commit"),
    [
        pytest.param((200, RUN), True, "abc123", id="active"),
        pytest.param((200, {"run": {"info": {"lifecycle_stage": "deleted"}, "data": {}}}), False, None, id="deleted"),
        pytest.param((404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}), False, None, id="gone"),
    ],
)
async def test_a_version_is_described_with_its_run(run, active, commit):
    found, _ = await asked_of(version_answers(run), lambda registry: registry.version("fraud", "1"))

    assert (found.model, found.version, found.ready) == ("fraud", "1", True)
    assert (found.run_id, found.run_active, found.commit, found.source) == ("r1", active, commit, "s3://b/m")
    assert found.created == from_epoch(1_795_463_613.361)


async def test_a_version_without_a_run_asks_for_none():
    found, seen = await asked_of(
        lambda _: recorded("mlflow_get_alias"), lambda registry: registry.version("fraud", "1")
    )

    assert (found.run_id, found.run_active, len(seen)) == (None, None, 1)


@pytest.mark.parametrize("version", ["99", "abc", "", "\uff11"])  # a digit that MLflow does not count with
async def test_a_version_that_is_not_there_is_none(version):
    found, _ = await asked_of(
        lambda _: recorded("mlflow_alias_bad_version"), lambda registry: registry.version("f", version)
    )

    assert found is None


async def test_versions_are_asked_newest_first():
    found, seen = await asked_of(lambda _: recorded("mlflow_search_versions"), lambda r: r.versions("it's"), page=5)

    assert [one.version for one in found] == ["1"]
    assert seen[0].query == {"filter": 'name="it\'s"', "order_by": "version_number DESC", "max_results": "5"}


@pytest.mark.parametrize("alias", ["latest", "v7", "V7", "a b", "", "x" * 256])
def test_an_alias_that_mlflow_would_refuse_is_refused_at_once(alias):
    with pytest.raises(BadInputError, match="alias"):
        MlflowRegistry("mlflow", HttpClient("http://mlflow.example"), alias=alias)
