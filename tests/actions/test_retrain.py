import hashlib
import hmac
import json

import pytest

from bot.actions.airflow import AirflowRetrainer
from bot.actions.webhook import WebhookRetrainer, sign
from bot.clock import ManualClock, from_epoch
from bot.errors import GiveUpError, UnknownOutcomeError
from bot.http import HttpClient
from tests.sources.loopback import api_server

pytestmark = pytest.mark.enable_socket

NOW = ManualClock(from_epoch(1_790_000_000))


async def hooked(answer):
    async with api_server(lambda _: answer) as (url, seen), HttpClient(f"{url}/hooks/retrain") as client:
        told = await WebhookRetrainer(client, secret="s3cret", clock=NOW).start("fraud", key="k1", reason="drift")
        return told, seen[0]


async def test_a_receiver_can_check_who_sent_it_and_when():
    _, asked = await hooked((200, {}))

    stamp, signature = asked.headers["X-Faultline-Timestamp"], asked.headers["X-Faultline-Signature"]
    expected = hmac.new(b"s3cret", f"v1:{stamp}:".encode() + asked.body, hashlib.sha256).hexdigest()
    assert (asked.path, stamp, signature) == ("/hooks/retrain", "1790000000", f"v1={expected}")
    assert asked.headers["Idempotency-Key"] == "k1"
    assert json.loads(asked.body) == {"action": "retrain", "model": "fraud", "key": "k1", "reason": "drift"}


@pytest.mark.parametrize(("body", "stamp"), [(b"other", "1"), (b"body", "2")])
def test_another_body_or_time_has_another_signature(body, stamp):
    assert sign(body, timestamp=stamp, secret="s") != sign(b"body", timestamp="1", secret="s")


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        pytest.param((200, {"run_id": "r7"}), "r7", id="named"),
        pytest.param((202, {"id": 17}), "17", id="a number"),
        pytest.param((200, {}), "k1", id="nothing named"),
        pytest.param((200, "ok"), "k1", id="a yes in words"),
    ],
)
async def test_the_reference_is_what_the_receiver_names_else_our_key(answer, reference):
    told, _ = await hooked(answer)

    assert told == reference


async def test_a_receiver_that_fails_may_have_begun():
    with pytest.raises(UnknownOutcomeError):
        await hooked((500, "x"))


async def triggered(answer, *, model="fraud"):
    async with api_server(lambda _: answer) as (url, seen), HttpClient(url, bearer="t") as client:
        told = await AirflowRetrainer(client, dags={"fraud": "train fraud"}).start(model, key="k1", reason="drift")
        return told, seen[0]


async def test_airflow_starts_one_run_named_by_our_key():
    told, asked = await triggered((200, {"dag_run_id": "k1", "state": "queued"}))

    assert told == "train fraud/k1"
    assert (asked.method, asked.path) == ("POST", "/api/v2/dags/train fraud/dagRuns")
    assert json.loads(asked.body) == {
        "dag_run_id": "k1",
        "logical_date": None,
        "conf": {"model": "fraud", "reason": "drift"},
    }


async def test_a_run_that_exists_was_asked_for_before():
    told, _ = await triggered((409, {"detail": "DAGRun with DAG ID and run id already exists"}))

    assert told == "train fraud/k1"


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        pytest.param("fraud", (404, {"detail": "The Dag with ID was not found"}), id="no such DAG"),
        pytest.param("ranking", (200, {}), id="no DAG configured"),
    ],
)
async def test_what_can_never_start_is_given_up(model, answer):
    with pytest.raises(GiveUpError, match=r"not found|no DAG"):
        await triggered(answer, model=model)
