"""The commands `faultline learn …`: what this installation has taught the bot, shown and set aside."""

from __future__ import annotations

import asyncio
import getpass
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

learn = typer.Typer(no_args_is_help=True, help="What this installation has taught the bot: show it, set it aside.")
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", help="faultline.yaml; else FAULTLINE_CONFIG, else ./faultline.yaml", show_default=False
    ),
]


@learn.command()
def show(
    config: Config = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show how far each cause was moved and by which lessons, and what came before what."""
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.wiring.learning import read_book  # noqa: PLC0415

    book = asyncio.run(read_book(load_settings(config_path(config))))
    typer.echo(json.dumps(book.as_json(), indent=2, default=str) if as_json else book.text())


Which = Annotated[str | None, typer.Option("--incident", help="Of this incident.", show_default=False)]


@learn.command()
def reset(
    config: Config = None,
    *,
    incident: Which = None,
    before: Annotated[datetime | None, typer.Option(help="Taught before then, UTC.", show_default=False)] = None,
    every: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Set lessons aside, so that they count no more; `restore` takes them back."""
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.wiring.learning import Chosen, set_aside  # noqa: PLC0415

    def sure(count: int) -> bool:
        return yes or typer.confirm(f"Set {count} lesson{'' if count == 1 else 's'} aside?")

    chosen = Chosen(incident=incident, before=before.replace(tzinfo=UTC) if before else None, every=every)
    done = asyncio.run(set_aside(load_settings(config_path(config)), chosen, by=_operator(), sure=sure))
    typer.echo(f"{done} set aside; `faultline learn restore` takes them back." if done else "Nothing was changed.")


@learn.command()
def restore(config: Config = None, *, incident: Which = None) -> None:
    """Let lessons that were set aside count again: of one incident, or all."""
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.wiring.learning import Chosen, take_back  # noqa: PLC0415

    chosen = Chosen(incident=incident, every=incident is None)
    done = asyncio.run(take_back(load_settings(config_path(config)), chosen, by=_operator()))
    typer.echo(f"{done} count again." if done else "Nothing was changed.")


def _operator() -> str:
    """Who works at this terminal, for the audit; Slack users are named by their ids, which begin otherwise."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):  # a container's user without a name
        return "cli"
