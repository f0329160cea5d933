"""The commands `faultline bench …`: what a step costs on this machine, as JSON. What each measures is in its module."""

from __future__ import annotations

import json
from pathlib import Path
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


@bench.command()
def verdicts(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(help="Recordings with truth.jsonl, of your own; none: the generator's.", show_default=False),
    ] = None,
    *,
    seeds: Annotated[int, typer.Option(help="Of the generator: recordings a family.", min=1)] = 2,
    first: Annotated[
        int, typer.Option(help="The first seed; 1000 to 1999 and 2000 to 2999 were looked at, later ones were not.")
    ] = 3000,
    noise: Annotated[bool, typer.Option("--noise", help="The control: every series replaced by noise.")] = False,
    workers: Annotated[int | None, typer.Option(help="Processes; one a core.", min=1, show_default=False)] = None,
) -> None:
    """How often the verdict is right: replays recordings whose truth is known, beside three plain rules."""
    from bot.bench.verdicts.run import cases, corpus_jobs, folder_jobs, report  # noqa: PLC0415 - as above

    jobs = folder_jobs(folders) if folders else corpus_jobs(range(first, first + seeds), noise=noise)
    found = []
    for number, case in enumerate(cases(jobs, workers=workers), start=1):
        typer.echo(f"[{number}/{len(jobs)}] {case.recording}", err=True)
        found.append(case)
    typer.echo(json.dumps(report(found, ours=not folders), indent=2))
