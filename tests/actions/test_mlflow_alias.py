import json
import logging

import pytest

from bot.actions.dry_run import DryRunMover
from bot.actions.mlflow_alias import MlflowAliasMover
from bot.errors import GiveUpError, RetryLaterError, UnknownOutcomeError
from bot.http import HttpClient
from tests.sources.loopback import api_server, recorded


async def moved(answer):
    async with api_server(lambda _: answer) as (url, seen), HttpClient(url) as client:
        mover = MlflowAliasMover(client, alias="champion", names={"fraud": "team.fraud"})
        try:
            await mover.move("fraud", to_version="3")
        finally:
            moved.seen = seen


@pytest.mark.enable_socket
async def test_the_alias_is_moved_by_one_request():
    await moved(recorded("mlflow_set_alias"))

    (asked,) = moved.seen
    assert (asked.method, asked.path) == ("POST", "/api/2.0/mlflow/registered-models/alias")
    assert json.loads(asked.body) == {"name": "team.fraud", "alias": "champion", "version": "3"}


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(recorded("mlflow_alias_bad_version"), GiveUpError, id="no such version"),
        pytest.param((403, "Invalid Host header - possible DNS rebinding"), GiveUpError, id="host guard"),
        pytest.param(
            (400, {"error_code": "BAD_REQUEST", "message": "(sqlite3.IntegrityError) UNIQUE constraint failed"}),
            RetryLaterError,
            id="lost the race to create it",
        ),
        pytest.param((500, {"error_code": "INTERNAL_ERROR", "message": "x"}), UnknownOutcomeError, id="failed within"),
        pytest.param((200, "<html>"), UnknownOutcomeError, id="a proxy says yes"),
    ],
)
async def test_the_error_tells_what_may_be_done_next_and_nothing_is_sent_twice(answer, error):
    with pytest.raises(error):
        await moved(answer)

    assert len(moved.seen) == 1


async def test_a_dry_run_says_what_it_would_do(caplog):
    mover = DryRunMover()

    with caplog.at_level(logging.INFO):
        await mover.move("fraud", to_version="3")

    assert mover.dry_run
    assert [(record.model, record.to_version) for record in caplog.records] == [("fraud", "3")]
