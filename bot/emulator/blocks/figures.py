"""The blocks that show numbers or stack other things: tables, charts, cards, containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bot.emulator.blocks.elements import check_element, check_image
from bot.emulator.blocks.layout import rich_text
from bot.emulator.blocks.report import EITHER, PLAIN, Report

TABLE_CHARACTERS: Final = {"table": 10_000, "data_table": 20_000}
TABLE_ROWS: Final = {"table": 100, "data_table": 201}  # a data table's header is its first row
COLUMNS = 20
CHARTS: Final = frozenset({"line", "bar", "area", "pie"})
SERIES, CATEGORIES, LABEL = 12, 20, 20


def table(report: Report, block: Mapping[str, Any], at: str) -> None:
    kind = str(block.get("type"))
    report.known(block, {"rows", "column_settings", "caption", "page_size", "row_header_column_index"}, at)
    before = report.characters
    for number, row in enumerate(report.items(block, "rows", at, most=TABLE_ROWS[kind])):
        place = f"{at}/rows/{number}"
        if not isinstance(row, list) or not 1 <= len(row) <= COLUMNS:
            report.fail(f"must have 1 to {COLUMNS} cells", place)
            continue
        for column, cell in enumerate(row):
            _cell(report, cell, f"{place}/{column}")
    if report.characters - before > TABLE_CHARACTERS[kind]:
        report.fail(f"no more than {TABLE_CHARACTERS[kind]} characters allowed", f"{at}/rows")
    report.items(block, "column_settings", at, most=COLUMNS, required=False)
    report.characters = before  # a table has a budget of its own


def _cell(report: Report, cell: Any, at: str) -> None:
    kind = cell.get("type") if isinstance(cell, Mapping) else None
    if kind == "raw_text":
        report.characters += len(report.string(cell, "text", at, most=10_000, required=True) or "")
    elif kind == "raw_number":
        report.number(cell, "value", at)
    elif kind == "rich_text":
        rich_text(report, cell, at)
    else:
        report.fail(f"unsupported cell type: {kind}", at)


def chart(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.string(block, "title", at, most=50, required=True)
    shown = block.get("chart")
    if not isinstance(shown, Mapping) or shown.get("type") not in CHARTS:
        report.fail("must be one of: area, bar, line, pie", f"{at}/chart/type")
        return
    place = f"{at}/chart"
    if shown["type"] == "pie":
        for number, slice_ in enumerate(report.items(shown, "segments", place, most=SERIES)):
            _pie_slice(report, slice_, f"{place}/segments/{number}")
        return
    settings = shown.get("axis_config")
    names = (
        report.items(settings, "categories", f"{place}/axis_config", most=CATEGORIES)
        if isinstance(settings, Mapping)
        else []
    )
    if not names:
        report.fail("missing required field: axis_config", place)
    for number, series in enumerate(report.items(shown, "series", place, most=SERIES)):
        _series(report, series, f"{place}/series/{number}", categories=[str(name) for name in names])


def _series(report: Report, series: Any, at: str, *, categories: list[str]) -> None:
    if not isinstance(series, Mapping):
        report.fail("expected an object", at)
        return
    report.string(series, "name", at, most=LABEL, required=True)
    points = report.items(series, "data", at, most=CATEGORIES)
    if [point.get("label") if isinstance(point, Mapping) else None for point in points] != categories:
        report.fail("every series must cover every category", f"{at}/data")
    for number, point in enumerate(points):
        if isinstance(point, Mapping):
            report.string(point, "label", f"{at}/data/{number}", most=LABEL, required=True)
            report.number(point, "value", f"{at}/data/{number}")


def _pie_slice(report: Report, value: Any, at: str) -> None:
    if not isinstance(value, Mapping):
        report.fail("expected an object", at)
        return
    report.string(value, "label", at, most=LABEL, required=True)
    number = value.get("value")
    if not isinstance(number, int | float) or number <= 0:
        report.fail("must be greater than 0", f"{at}/value")


def card(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.text(block, "title", at, most=150, kinds=EITHER)
    report.text(block, "subtitle", at, most=150, kinds=EITHER)
    report.text(block, "body", at, most=200, kinds=EITHER)
    if isinstance(block.get("hero_image"), Mapping):
        check_image(report, block["hero_image"], f"{at}/hero_image")
    if not any(key in block for key in ("title", "body", "hero_image", "actions")):
        report.fail("must provide title, body, hero_image or actions", at)
    for number, button in enumerate(report.items(block, "actions", at, most=3, required=False)):
        check_element(report, button, f"{at}/actions/{number}", allowed=frozenset({"button"}))


def carousel(report: Report, block: Mapping[str, Any], at: str) -> None:
    for number, element in enumerate(report.items(block, "elements", at, most=10)):
        if isinstance(element, Mapping) and element.get("type") == "card":
            card(report, element, f"{at}/elements/{number}")
        else:
            report.fail("unsupported type", f"{at}/elements/{number}/type")


def container(report: Report, block: Mapping[str, Any], at: str) -> None:
    report.text(block, "title", at, most=150, kinds=PLAIN)
    report.items(block, "child_blocks", at, most=10)
