"""The commands `faultline bench …`: what a step costs on this machine, as JSON. What each measures is in its module."""

from __future__ import annotations

import json
from typing import Annotated

import typer

bench = typer.Typer(no_args_is_help=True, help="Measure on this machine; docs/benchmarks.md has figures to compare.")


@bench.callback()
def group() -> None:
    """Hold the group together: with one command alone, Typer would make it the group itself."""


@bench.command()
def ingest(
    series: Annotated[
        list[int] | None,
        typer.Option("--series", "-n", help="Size of an answer; may be given again.", min=1, show_default="10000"),
    ] = None,
) -> None:
    """From the bytes of a Prometheus answer to the column that is judged, beside parsing alone."""
    from bot.bench.ingest import measure  # noqa: PLC0415 - commands import what they use, so --help is quick

    typer.echo(json.dumps([measure(size) for size in series or [10_000]], indent=2))


@bench.command("detectors")
def time_detectors(
    series: Annotated[
        list[int] | None,
        typer.Option(
            "--series", "-n", help="Number of series; may be given again.", min=1, show_default="10000 100000 1000000"
        ),
    ] = None,
    more: Annotated[list[int] | None, typer.Argument(hidden=True, min=1)] = None,
) -> None:
    """A tick of all detectors over many series: time, memory, and what simpler scores cost."""
    from bot.bench.detectors import measure  # noqa: PLC0415 - as above

    # `--series 10 20` reads as two sizes to a person and as a size and an argument to the parser
    typer.echo(json.dumps(measure([*(series or ()), *(more or ())] or [10_000, 100_000, 1_000_000]), indent=2))
