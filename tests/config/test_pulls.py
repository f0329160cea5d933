"""Statistics that others compute: what a person gets for a wrong section, and what is not complained about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bot.errors import BadInputError

PROMETHEUS = [{"name": "prom", "url": "http://prom:9090"}]
CATALOG = {
    "models": [{"name": "fraud"}],
    "signals": [
        {"name": "latency", "kind": "latency", "query": "up", "entity": "service"},
        {"name": "auc", "kind": "quality", "worse": "down"},
        {"name": "drift", "kind": "feature_drift", "worse": "up"},
        {"name": "table", "kind": "feature_drift", "worse": "up"},
        {"name": "shape", "kind": "prediction_drift", "worse": "up"},
    ],
}
MLFLOW = {"url": "http://mlflow:5000"}
RUNS = {"experiment": "fraud", "metric": "val_auc", "signal": "auc", "entity": "fraud"}
VALUE = {"metric": "evidently:metric_v2:ValueDrift", "labels": {"column": "a"}, "signal": "drift", "entity": "fraud/a"}
EVIDENTLY = {"url": "http://ev:8000", "project": "0190c1ff-0000-7000-8000-000000000001", "metrics": [VALUE]}
TABLE = {
    "name": "nanny",
    "url": "postgresql://bot@db/n",
    "preset": "nannyml_cbpe",
    "signal": "table",
    "entity": "fraud",
}
SHAPE = {"source": "prom", "query": "q", "entity": "model", "version": "version", "signal": "shape"}
ALL = {
    "prometheus": PROMETHEUS,
    "mlflow": MLFLOW,
    "mlflow_metrics": [RUNS],
    "evidently": [EVIDENTLY],
    "sql_metrics": [TABLE],
    "histograms": [SHAPE],
}


def without(section, name):
    return {key: value for key, value in section.items() if key != name}


def sections(**sources):
    return {"catalog": CATALOG, "sources": ALL | sources}


def test_signals_that_are_brought_need_no_query(load):
    settings = load(sections())

    assert settings.warnings == ()
    assert {name for _, name in settings.sources.pulled_signals()} == {"auc", "drift", "table", "shape"}


def test_a_signal_that_nobody_brings_is_still_noted(load):
    settings = load(sections(evidently=[]))

    assert settings.warnings == ("catalog: signal drift has no query, so nobody pulls it",)


@pytest.mark.parametrize(
    "sources",
    [
        pytest.param({"mlflow": MLFLOW, "mlflow_metrics": [RUNS]}, id="MLflow"),
        pytest.param({"evidently": [EVIDENTLY]}, id="Evidently"),
        pytest.param({"sql_metrics": [TABLE]}, id="a table"),
    ],
)
def test_each_of_them_is_a_source_by_itself(load, sources):
    assert load({"catalog": CATALOG, "sources": sources})


def test_a_prometheus_may_be_there_for_histograms_only(load):
    catalog = {"signals": [{"name": "shape", "kind": "prediction_drift"}]}

    assert load({"catalog": catalog, "sources": {"prometheus": PROMETHEUS, "histograms": [SHAPE]}})


def test_passwords_and_tokens_have_variables(load):
    environ = {"FAULTLINE_NANNY_PASSWORD": "p4ss", "FAULTLINE_EVIDENTLY_TOKEN": "t0ken"}

    settings = load(sections(evidently=[EVIDENTLY | {"auth": "bearer"}]), environ=environ)

    assert settings.secrets.values() == {"p4ss", "t0ken"}
    assert settings.credential("evidently").bearer == "t0ken"
    assert [one.variable for one in load(sections(evidently=[EVIDENTLY | {"auth": "bearer"}])).missing_secrets()][
        -1:
    ] == ["FAULTLINE_EVIDENTLY_TOKEN"]


@pytest.mark.parametrize(
    ("sources", "parts"),
    [
        pytest.param(
            {"mlflow_metrics": [RUNS | {"signal": "acu"}]},
            ["sources.mlflow_metrics[0].signal: found 'acu'", "did you mean 'auc'?"],
            id="MLflow's signal",
        ),
        pytest.param(
            {"evidently": [EVIDENTLY | {"metrics": [VALUE, VALUE | {"signal": "drft"}]}]},
            ["sources.evidently[0].metrics[1].signal: found 'drft'", "did you mean 'drift'?"],
            id="Evidently's signal",
        ),
        pytest.param(
            {"sql_metrics": [TABLE | {"signal": "tabel"}]},
            ["sources.sql_metrics[0].signal: found 'tabel'"],
            id="a table's signal",
        ),
        pytest.param(
            {"histograms": [SHAPE | {"signal": "shap"}]}, ["sources.histograms[0].signal: found 'shap'"], id="a shape's"
        ),
        pytest.param(
            {"histograms": [SHAPE | {"source": "prm"}]},
            ["sources.histograms[0].source: found 'prm', which is no Prometheus source; did you mean 'prom'?"],
            id="histograms of nobody",
        ),
        pytest.param({"mlflow": None}, ["sources.mlflow_metrics", "there is no sources.mlflow"], id="no MLflow"),
        pytest.param(
            {"evidently": [EVIDENTLY | {"name": "prom"}]},
            ["sources.evidently[0].name", "each server needs a name of its own"],
            id="Evidently's name",
        ),
        pytest.param(
            {"sql_metrics": [TABLE | {"name": "mlflow"}]},
            ["sources.sql_metrics[0].name", "each server needs a name of its own"],
            id="a table's name",
        ),
        pytest.param(
            {"evidently": [EVIDENTLY | {"metrics": [VALUE | {"signal": "latency"}]}]},
            ["sources.evidently[0].metrics[0].signal: found 'latency', which has a `query`"],
            id="asked from Prometheus, too",
        ),
        pytest.param(
            {"histograms": [SHAPE | {"signal": "auc"}]},
            ["sources.histograms[0].signal: found 'auc' of kind", "expected prediction_drift or feature_drift"],
            id="a shape of another kind",
        ),
        pytest.param({"evidently": [EVIDENTLY | {"project": "fraud"}]}, ["sources.evidently[0].project"], id="project"),
        pytest.param({"evidently": [EVIDENTLY | {"metrics": []}]}, ["sources.evidently[0].metrics"], id="no metric"),
        pytest.param({"sql_metrics": [without(TABLE, "entity")]}, ["expected `entity`, `entity_column`"], id="entity"),
        pytest.param({"sql_metrics": [without(TABLE, "preset")]}, ["expected `table`, `time`, `value`"], id="columns"),
        pytest.param(
            {"sql_metrics": [TABLE | {"preset": "databricks_drift"}]}, ["expected `table`, `value`"], id="Databricks"
        ),
        pytest.param({"sql_metrics": [without(TABLE, "url")]}, ["expected `table`"], id="files without a path"),
        pytest.param(
            {"sql_metrics": [TABLE | {"url": "postgresql://bot:hunter2@db/n"}]},
            ["sources.sql_metrics[0].url", "set FAULTLINE_NANNY_PASSWORD"],
            id="password",
        ),
    ],
)
def test_a_wrong_section_says_where_and_what(load, sources, parts):
    with pytest.raises(BadInputError) as error:
        load(sections(**sources))

    for part in parts:
        assert part in str(error.value)
    assert "hunter2" not in str(error.value)


def test_the_examples_of_the_page_load(load):
    page = (Path(__file__).parents[2] / "docs/pulls.md").read_text()
    together: dict = {"sources": {}}
    for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL):
        told = yaml.safe_load(block)
        together["sources"] |= told.pop("sources", {})
        together |= told
    together["catalog"]["services"] = [{"name": "scoring"}]

    assert load(together).warnings == ()
