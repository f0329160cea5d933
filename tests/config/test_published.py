"""The starter, the schema and the page: what people read is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bot.config import key_table, load_settings, schema_text
from bot.config.settings import Settings
from bot.errors import BadInputError
from bot.starter import starter_text, write_starter

ROOT = Path(__file__).parents[2]
AGAIN = "not current: run `.venv/bin/python -m bot.config`"


def test_the_schema_is_current():
    assert (ROOT / "docs/faultline.schema.json").read_text() == schema_text(), AGAIN


def test_the_table_of_keys_is_current():
    assert (ROOT / "docs/configuration.md").read_text().endswith(f"## Every key\n\n{key_table()}"), AGAIN


def test_every_section_refuses_unknown_keys_and_explains_its_own():
    for name, part in Settings.json_schema()["$defs"].items():
        if "properties" not in part:
            continue
        assert part["additionalProperties"] is False, name
        if not name.endswith("Entry"):  # the catalogue's own page is recording-format
            assert all(key.get("description") for key in part["properties"].values()), name


def test_no_key_of_the_schema_takes_a_secret():
    keys = {key for part in Settings.json_schema()["$defs"].values() for key in part.get("properties", {})}

    assert not [key for key in keys if re.search(r"(token|secret|password|key)$", key) and key != "client_key"]


def test_the_starter_loads_as_it_is(tmp_path):
    settings = load_settings(write_starter(tmp_path), {})

    assert settings.path == tmp_path / "faultline.yaml"
    assert not [warning for warning in settings.warnings if "declared" in warning or "query" in warning]
    assert settings.dry_run


def test_each_line_of_the_starter_that_is_commented_out_would_load(tmp_path):
    """A person who takes away the # must not meet an error."""
    wanted = starter_text()
    for comment, line in {
        "  # transport: socket ": "  transport: socket ",
        "  # private_channel:": "  private_channel:",
        "  # mention_group:": "  mention_group:",
        "      # auth:": "      auth:",
        "      # headers:": "      headers:",
        "      # ca_file:": "      ca_file:",
        "  # changes:": "  changes:",
        "  #   - {source:": "    - {source:",
        "  # mlflow:": "  mlflow:",
        "  #   url:": "    url:",
        "  #   alias:": "    alias:",
        "  #   models:": "    models:",
        "approvers: {}": "approvers:",
        '  # "*":': '  "*":',
        "# actions:": "actions:",
        "#   mode:": "  mode:",
        "#   retrain:": "  retrain:",
        "# policies:": "policies:",
        "#   debounce:": "  debounce:",
        "#   resolve_after:": "  resolve_after:",
        "#   proposal_expires_after:": "  proposal_expires_after:",
        "# store:": "store:",
        "#   url:": "  url:",
        "# llm:": "llm:",
        "#   provider:": "  provider:",
        "#   model:": "  model:",
        "# health:": "health:",
        "# log:": "log:",
    }.items():
        assert comment in wanted, comment
        wanted = wanted.replace(comment, line, 1)
    path = tmp_path / "all.yaml"
    path.write_text(wanted)

    settings = load_settings(path, {"FAULTLINE_PROMETHEUS_TOKEN": "t", "FAULTLINE_RETRAIN_SECRET": "s"})

    assert settings.sources.mlflow is not None
    assert settings.rollback_policy().approvers_of("fraud").users == {"U0123456789"}
    assert "#   " not in "".join(
        line
        for line in wanted.splitlines()
        if line.startswith("#   ") and "FAULTLINE" not in line and "faultline" not in line
    )


def test_the_starter_is_never_written_over_something(tmp_path):
    (tmp_path / "faultline.yaml").write_text("mine")

    with pytest.raises(BadInputError, match="stands there already and is not overwritten"):
        write_starter(tmp_path)

    assert (tmp_path / "faultline.yaml").read_text() == "mine"


def test_the_starter_says_when_its_folder_is_missing(tmp_path):
    with pytest.raises(BadInputError, match="cannot be written"):
        write_starter(tmp_path / "none" / "faultline.yaml")


def test_the_errors_on_the_page_are_those_of_the_code(tmp_path):
    page = (ROOT / "docs/configuration.md").read_text()
    path = tmp_path / "faultline.yaml"
    path.write_text(
        "\n\nslack:\n  transport: sockets\n  channel: C01\nsources:\n  prometheus:\n    - name: a\n      ulr: http://a\ncatalog: {}\n"
    )

    with pytest.raises(BadInputError) as error:
        load_settings(path, {})

    lines = re.findall(r"^(?:faultline: )?(faultline\.yaml:\d+: .*)$", page, flags=re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        assert line in str(error.value)


def test_the_yaml_of_the_pages_is_yaml():
    pages = [page.read_text() for page in sorted((ROOT / "docs").glob("*.md"))]
    blocks = [block for page in pages for block in re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)]

    told = [yaml.safe_load(block) for block in blocks]

    assert any(told)  # some hold more than a comment
