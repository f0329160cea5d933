"""Writes the published forms of the configuration again: `python -m bot.config` in the checkout."""

from __future__ import annotations

from pathlib import Path

from bot.config.reference import key_table, schema_text

SCHEMA, PAGE = Path("docs/faultline.schema.json"), Path("docs/configuration.md")
HEADING = "## Every key\n"  # what stands below it on the page is generated


def page_with_table(page: str) -> str:
    """Put the table of keys below its heading."""
    return f"{page.partition(HEADING)[0]}{HEADING}\n{key_table()}"


if __name__ == "__main__":
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
