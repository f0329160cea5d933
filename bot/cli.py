"""The command `faultline`. Each command is thin: it loads the settings, calls one function, and prints."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from bot.bench import bench
from bot.cli_learn import Config, learn
from bot.errors import BadInputError, FaultlineError

if TYPE_CHECKING:
    from bot.replay.report import ReplayReport

BAD_INPUT = 2  # exit code: a person's file, flag or key is wrong
FAILED = 1


class _Plain(TyperGroup):
    """Turns our own errors into one message and an exit code; anything else is a bug and keeps its traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BadInputError as error:
            typer.echo(f"faultline: {error}", err=True)
            raise typer.Exit(BAD_INPUT) from None
        except FaultlineError as error:
            typer.echo(f"faultline: {error}", err=True)
            raise typer.Exit(FAILED) from None


app = typer.Typer(
    cls=_Plain,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its tracebacks show local variables, and so secrets
    help="Says on which side of the fault line an incident lies: the model, or the infrastructure under it.",
)
app.add_typer(bench, name="bench")
app.add_typer(learn, name="learn")


def _version(asked: bool) -> None:  # noqa: FBT001 - the signature is Typer's
    if asked:
        from importlib.metadata import version  # noqa: PLC0415 - commands import what they use, so --help is quick

        typer.echo(f"faultline {version('faultline')}")
        raise typer.Exit


@app.callback()
def options(
    *, version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which.")] = False
) -> None:
    """Hold the options before the command."""


@app.command()
def run(config: Config = None) -> None:
    """Run the bot."""
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.logs import set_up_logging  # noqa: PLC0415

    settings = load_settings(config_path(config))
    settings.require_secrets()
    set_up_logging(
        level=settings.log.level, json_lines=settings.log.format == "json", secrets=settings.secrets.values()
    )
    from bot.wiring.running import run_bot  # noqa: PLC0415

    asyncio.run(run_bot(settings))


@app.command()
def init(path: Annotated[Path, typer.Argument(help="File or folder.")] = Path("faultline.yaml")) -> None:
    """Write a commented starter configuration."""
    from bot.starter import write_starter  # noqa: PLC0415

    target = write_starter(path)
    typer.echo(f"{target} is written. Next: `faultline manifest --config {target}` for the Slack app,")
    typer.echo(f"then set its two tokens in the environment, then `faultline doctor --config {target}`.")


@app.command()
def doctor(config: Config = None) -> None:
    """Check each part, and say what is wrong and what to do."""
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.doctor import examine, line_of  # noqa: PLC0415

    settings = load_settings(config_path(config))

    async def every() -> int:
        failed = 0
        async for result in examine(settings):
            typer.echo(line_of(result))
            failed += result.state == "failed"
        return failed

    failed = asyncio.run(every())
    typer.echo("\nReady: `faultline run`." if not failed else f"\n{failed} to repair.")
    raise typer.Exit(FAILED if failed else 0)


@app.command()
def manifest(config: Config = None) -> None:
    """Print the Slack app manifest that matches the configuration."""
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.slack.manifest import manifest as slack_manifest  # noqa: PLC0415

    settings = load_settings(config_path(config))
    slack = settings.slack
    if slack.transport == "http" and slack.http.public_url is None:
        raise BadInputError(
            f"{settings.path}: slack.http.public_url: is missing: with transport http, Slack needs the https address"
            " under which it reaches this bot"
        )
    printed = slack_manifest(
        socket_mode=slack.transport == "socket",
        request_url=f"{(slack.http.public_url or '').rstrip('/')}{slack.http.path}" if slack.http.public_url else None,
        private_channels=slack.private_channel,
        user_groups=settings.user_groups,
    )
    typer.echo(json.dumps(printed, indent=2, ensure_ascii=False))


@app.command()
def migrate(config: Config = None) -> None:
    """Create the database or bring it to this version's schema, after a backup."""
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.store.migrate import migrate as upgrade  # noqa: PLC0415

    settings = load_settings(config_path(config))
    typer.echo(f"the store has schema {asyncio.run(upgrade(settings.database_url))}")


@app.command()
def schema() -> None:
    """Print the JSON schema of faultline.yaml, for editors."""
    from bot.config import schema_text  # noqa: PLC0415

    typer.echo(schema_text(), nl=False)


@app.command()
def replay(
    folders: Annotated[list[Path] | None, typer.Argument(help="Recordings.", show_default=False)] = None,
    *,
    from_: Annotated[
        str | None, typer.Option("--from", help="Of the configured sources: a date, a moment, or 7d before now.")
    ] = None,
    to: Annotated[str | None, typer.Option("--to", help="As --from.", show_default="now")] = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a folder, one a line.")] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder for report.txt, report.json and timeline.png.")
    ] = None,
) -> None:
    """Show what the bot would have said: over recordings, or over a span that your Prometheus remembers."""
    from bot.logs import set_up_logging  # noqa: PLC0415
    from bot.replay.folder import check_folder  # noqa: PLC0415
    from bot.wiring.replaying import replay_folder  # noqa: PLC0415

    if bool(folders) == (from_ is not None):
        raise BadInputError("replay takes either folders of recordings, or --from and --to for the configured sources")
    if folders and to is not None:
        raise BadInputError("--to belongs to --from; folders are replayed whole")
    if from_ is not None:
        _replay_past(from_, to, config=config, as_json=as_json, out=out)
        return
    if out is not None:
        check_folder(out)
    set_up_logging(level="warning", json_lines=False)
    raise typer.Exit(replay_each(folders or [], replay_folder=replay_folder, as_json=as_json, out=out))


def _replay_past(from_: str, to: str | None, *, config: Path | None, as_json: bool, out: Path | None) -> None:
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.logs import set_up_logging  # noqa: PLC0415
    from bot.replay.asked import span_of  # noqa: PLC0415
    from bot.replay.folder import check_folder, write_report  # noqa: PLC0415
    from bot.wiring.replaying import replay_span  # noqa: PLC0415

    span = span_of(from_, to, now=datetime.now(UTC))
    settings = load_settings(config_path(config))
    if out is not None:
        check_folder(out)
    set_up_logging(level="warning", json_lines=False, secrets=settings.secrets.values())
    report = replay_span(settings, span, say=lambda line: typer.echo(line, err=True))
    if out is not None:
        write_report(report, out)
    typer.echo(json.dumps(report.as_json()) if as_json else report.text())


@app.command()
def explain(
    incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, or the beginning of it.")],
    config: Config = None,
    *,
    why: Annotated[bool, typer.Option("--why", help="With the ledger: each line of evidence and its weight.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show a stored incident, open or past: what was seen, the verdict, and why."""
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.wiring.explaining import explain as explain_one  # noqa: PLC0415

    found = asyncio.run(explain_one(load_settings(config_path(config)), incident.strip(), why=why))
    typer.echo(json.dumps(found.as_json(), ensure_ascii=False) if as_json else "\n".join(found.lines()))


@app.command()
def detect(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A .csv, .csv.gz or .npz file, or a folder of them.")],
    *,
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the answers; IN's tree is mirrored in it.")],
    plot: Annotated[bool, typer.Option("--plot", help="A picture beside each answer.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", help="Processes.", min=1, show_default="one a core")
    ] = None,
) -> None:
    """Score your own series, row by row: timestamp,value in, anomaly_score,alert out."""
    from bot.detecting.folder import detect as detect_each  # noqa: PLC0415

    bad = detect_each(source, out, plot=plot, jobs=jobs, say=typer.echo)
    for line in bad:
        typer.echo(f"faultline: {line}", err=True)
    raise typer.Exit(BAD_INPUT if bad else 0)


@app.command()
def quality(
    *,
    reference: Annotated[Path, typer.Option(help="Rows of healthy days, with labels: .csv, .csv.gz or .parquet.")],
    log: Annotated[Path, typer.Option(help="Rows to judge.")],
    prediction: Annotated[str, typer.Option(help="Column of what was answered.")],
    target: Annotated[str, typer.Option(help="Column of what came true.")],
    chunk: Annotated[int, typer.Option(help="Rows judged together.", min=1)],
    labels: Annotated[Path | None, typer.Option(help="File with --id and --target, for a log without labels.")] = None,
    time: Annotated[str | None, typer.Option(help="Column of the time; rows are put in its order.")] = None,
    score: Annotated[str, typer.Option(help="Column of the probability; of several classes: one each, a,b,c.")] = "",
    id_: Annotated[str | None, typer.Option("--id", help="Column that joins labels to rows.")] = None,
    features: Annotated[
        str, typer.Option(help="Columns of inputs, a,b,c.", show_default="all that both files have")
    ] = "",
    segments: Annotated[str, typer.Option(help="Columns whose groups are judged one by one, a,b,c.")] = "",
    problem: Annotated[str | None, typer.Option(help="binary, multiclass or regression.", show_default="seen")] = None,
    positive: Annotated[str | None, typer.Option(help="The class that --score speaks of.", show_default="seen")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a chunk, one a line.")] = False,
    plot: Annotated[bool, typer.Option("--plot", help="A picture of every path, beside where you are.")] = False,
) -> None:
    """Judge a model from a file of its predictions: inputs, answers, and labels, chunk by chunk."""
    from bot.domain.prediction_log import LogColumns  # noqa: PLC0415
    from bot.grading.asked import names_of, problem_of  # noqa: PLC0415
    from bot.grading.told import tell  # noqa: PLC0415
    from bot.wiring.grading import Request, grade  # noqa: PLC0415

    columns = LogColumns(
        prediction=prediction,
        scores=names_of(score),
        target=target,
        time=time,
        id=id_,
        features=names_of(features),
        segments=names_of(segments),
    )
    request = Request(
        reference=reference,
        log=log,
        labels=labels,
        columns=columns,
        problem=problem_of(problem),
        positive=positive,
        chunk=chunk,
    )
    tell(grade(request, now=datetime.now(UTC)), log=log, as_json=as_json, plot=plot, say=typer.echo)


@app.command()
def reference(
    config: Config = None,
    *,
    model: Annotated[str | None, typer.Option(help="Of which model.", show_default="the only one")] = None,
    version: Annotated[str | None, typer.Option(help="Of which version.", show_default="the newest")] = None,
    start: Annotated[datetime | None, typer.Option(help="UTC.", show_default="as long ago as configured")] = None,
    end: Annotated[datetime | None, typer.Option(help="UTC.", show_default="now")] = None,
) -> None:
    """Freeze what a model version is compared with, from healthy days of its prediction log."""
    from bot.config import config_path, load_settings  # noqa: PLC0415
    from bot.wiring.references import Wanted, lines_of, make_reference  # noqa: PLC0415

    settings = load_settings(config_path(config))
    wanted = Wanted(
        model=model,
        version=version,
        start=start.replace(tzinfo=UTC) if start else None,
        end=end.replace(tzinfo=UTC) if end else None,
    )
    for line in lines_of(asyncio.run(make_reference(settings, wanted))):
        typer.echo(line)


@app.command()
def demo(
    *,
    headless: Annotated[bool, typer.Option("--headless", help="Play a person who approves, then stop.")] = False,
    port: Annotated[int, typer.Option(help="Of the page; 0 takes any free one.", min=0, max=65535)] = 8765,
) -> None:
    """Run the bot against a simulated production and a small local Slack."""
    from bot.demo import run_demo  # noqa: PLC0415

    raise typer.Exit(asyncio.run(run_demo(headless=headless, port=port)))


def replay_each(
    folders: Sequence[Path],
    *,
    replay_folder: Callable[[Path], ReplayReport],
    as_json: bool,
    out: Path | None = None,
) -> int:
    """Replay every folder; one that does not fit costs a line on standard error and the exit code, not the others.

    out: where each gets a folder of its own with its report.
    """
    from bot.replay.folder import subfolder, write_report  # noqa: PLC0415

    bad = 0
    taken: set[str] = set()
    for number, folder in enumerate(folders, start=1):
        typer.echo(f"[{number}/{len(folders)}] {folder}", err=True)
        try:
            report = replay_folder(folder)
            if out is not None:
                write_report(report, subfolder(out, report.recording, taken))
        except BadInputError as error:
            typer.echo(" ".join(str(error).split("\n")), err=True)
            bad += 1
            continue
        typer.echo(json.dumps(report.as_json()) if as_json else report.text())
        sys.stdout.flush()  # whoever reads the lines gets each one when it is done
    return BAD_INPUT if bad else 0


def main() -> None:
    """Entry point of the console command."""
    app()
