"""From settings to sources of statistics that others compute."""

from __future__ import annotations

import pytest
import yaml

from bot.config import load_settings
from bot.doctor import examine
from bot.domain.series import SeriesIndex
from bot.errors import SourceDownError
from bot.wiring import parts
from tests.config.test_pulls import ALL, CATALOG, EVIDENTLY, TABLE
from tests.servers import free_port
from tests.sources.loopback import api_server


@pytest.fixture
def settings(tmp_path):
    def from_(sources, environ=None):
        path = tmp_path / "faultline.yaml"
        told = {"slack": {"channel": "C0123456789"}, "sources": sources, "catalog": CATALOG}
        path.write_text(yaml.safe_dump(told))
        return load_settings(path, environ or {})

    return from_


async def test_each_section_becomes_a_source_with_its_signals(settings):
    found = parts.metric_sources(settings(ALL))

    assert [(one.name, one.signals) for one in found] == [
        ("prom", ("latency",)),
        ("mlflow metrics", ("auc",)),
        ("evidently", ("drift",)),
        ("nanny", ("table",)),
        ("prom histograms", ("shape",)),
    ]
    for one in found:
        await one.close()


@pytest.mark.enable_socket
async def test_a_password_reaches_the_database_and_no_message(settings):
    table = TABLE | {"url": f"postgresql://bot@127.0.0.1:{free_port()}/n"}
    given = settings({"sql_metrics": [table]}, {"FAULTLINE_NANNY_PASSWORD": "hunter2"})
    [source] = parts.metric_sources(given)

    with pytest.raises(SourceDownError) as error:
        await source.pull(SeriesIndex(), at=parts.clock(given).now())

    await source.close()
    assert "hunter2" not in str(error.value)


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        pytest.param((401, "who are you"), "failed", "401", id="refused"),
        pytest.param((200, {"version": "0.6.1"}), "failed", "only 0.7 is understood", id="another version"),
    ],
)
async def test_doctor_asks_them(settings, answer, state, words):
    async with api_server(lambda _: answer) as (url, _):
        found = [one async for one in examine(settings({"evidently": [EVIDENTLY | {"url": url}]}))]

    [result] = [one for one in found if one.name == "source evidently"]
    assert result.state == state
    assert words in result.detail


@pytest.mark.enable_socket
async def test_doctor_finds_nothing_new_usual(settings, tmp_path):
    (tmp_path / "m.csv").write_text("at,value\n2020-01-01,1\n")
    table = {"name": "own", "table": str(tmp_path / "m.csv"), "time": "at", "value": "value"}
    given = settings({"sql_metrics": [table | {"signal": "table", "entity": "fraud"}]})

    found = [one async for one in examine(given)]

    [result] = [one for one in found if one.name == "source own"]
    assert (result.state, "nothing new just now" in result.detail) == ("ok", True)
