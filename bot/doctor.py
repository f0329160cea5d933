"""`faultline doctor`: looks at each part in turn and says what is wrong and what to do. Changes nothing anywhere."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from bot.clock import WallClock
from bot.config import Settings
from bot.domain.catalogue import Catalogue, EntityType
from bot.domain.policy import ApproverPolicy
from bot.domain.series import SeriesIndex
from bot.errors import BadInputError, FaultlineError, GiveUpError, RetryLaterError, SourceDownError
from bot.llm.provider import PydanticAiProvider
from bot.log_watch import PredictionLogReader
from bot.metrics import Metrics
from bot.ports import Directory, MetricSource, Registry
from bot.slack.api import SlackApi, make_client, make_session
from bot.slack.check import CheckResult, check_slack
from bot.slack.people import SlackDirectory
from bot.sources.recording import load_recording
from bot.store.sql import NoDatabaseError, open_store
from bot.wiring import parts
from bot.wiring.pulls import pulled_sources

Check = Callable[[], Awaitable[Sequence[CheckResult]]]
NAMED = 8  # signals listed by name in one line
NAMES = (
    "such series are judged, but no topology joins them: give the names exactly, port included, or relabel the query"
)
MARKS = {"ok": "ok", "failed": "FAILED", "not configured": "not configured"}


# ---------------------------------------------------------------- single checks


def check_config(settings: Settings) -> list[CheckResult]:
    """The file was read already; here is what it amounts to, and what in it was probably not meant."""
    catalogue = settings.catalogue
    counts = ", ".join(
        f"{len(things)} {word}{'' if len(things) == 1 else 's'}"
        for word, things in (
            ("node", catalogue.nodes),
            ("service", catalogue.services),
            ("model", catalogue.models),
            ("signal", catalogue.signals),
        )
    )
    found = [_ok("configuration", f"{settings.path}: {counts}")]
    return found + [_ok("configuration", f"note: {warning}") for warning in settings.warnings]


def check_secrets(settings: Settings) -> list[CheckResult]:
    missing = settings.missing_secrets()
    if not missing:
        return [_ok("secrets", "all that this configuration needs are set")]
    return [
        _failed(
            "secrets",
            f"{one.variable} is not set ({one.needed_for})",
            f"set it, or {one.variable}_FILE to the path of a file that holds it",
        )
        for one in missing
    ]


async def check_source(
    source: MetricSource, catalogue: Catalogue, *, at: datetime, section: str = ""
) -> list[CheckResult]:
    """Ask once, exactly as a tick does, count what came for each signal, and look whether the catalogue knows it.

    section: of the configuration, for statistics that others compute: having none just now is usual there.
    """
    name = f"source {source.name}"
    index = SeriesIndex()
    try:
        pull = await source.pull(index, at=at)
    except SourceDownError as error:
        return [_failed(name, str(error), "check the address, the credentials and the network from this machine")]
    counts = Counter(index[int(row)].signal for row in pull.samples.rows)
    blind = {signal for spot in pull.blind for signal in spot.signals}
    empty = [signal for signal in source.signals if not counts[signal] and signal not in blind]
    advice = f"see {section}" if section else ""
    found = [
        _failed(name, f"{_some(spot.signals)}: {spot.because}", advice or _spot_fix(spot.because))
        for spot in pull.blind
    ]
    strangers: dict[str, str] = {}  # one example a signal
    for row in pull.samples.rows:
        key = index[int(row)]
        if catalogue.entity_type(key.entity) is EntityType.UNKNOWN:
            strangers.setdefault(key.signal, key.entity)
    if strangers:
        listed = _some([f"{signal} names {entity!r}" for signal, entity in strangers.items()])
        names = [node.name for node in catalogue.nodes] + [*catalogue.service, *catalogue.model]
        known = _some(names) or "none"
        found.append(_ok(name, f"note: no node, service or model of the catalogue is called so: {listed}", fix=NAMES))
        found.append(_ok(name, f"note: the catalogue's names are: {known}"))
    if counts:
        listed = _some([f"{signal} {count}" for signal, count in counts.items()])
        found.insert(0, _ok(name, f"answers; {sum(counts.values())} series: {listed}"))
        if empty:
            found.append(_ok(name, f"note: no series just now: {_some(empty)}; fine for what is rare, else the query"))
    elif section and not found:
        found.append(_ok(name, f"answers; note: nothing new just now: {_some(empty)}"))
    elif not found:
        detail = f"answers, but no signal has a series: {_some(empty)}"
        found.append(_failed(name, detail, "check the metric names and labels in the queries of the catalogue"))
    return found


async def check_registry(registry: Registry, models: Iterable[str]) -> list[CheckResult]:
    """Which version of each model holds the alias."""
    name, found = f"registry {registry.name}", list[CheckResult]()
    for model in models:
        try:
            holder = await registry.holder(model)
        except SourceDownError as error:
            return [*found, _failed(name, str(error), "check sources.mlflow: the address, the credentials")]
        except GiveUpError as error:
            detail = f"{model}: {error}"
            found.append(_failed(name, detail, f"give its registered name: sources.mlflow.models: {{{model}: ...}}"))
            continue
        if holder is None:
            fix = f"set the alias {registry.alias} in MLflow, or sources.mlflow.alias to the one that serves"
            found.append(_failed(name, f"{model}: no version holds the alias {registry.alias}", fix))
        else:
            found.append(_ok(name, f"{model}: version {holder} holds the alias {registry.alias}"))
    return found or [_ok(name, "the catalogue holds no model")]


async def check_log(name: str, log: PredictionLogReader, *, at: datetime) -> list[CheckResult]:
    """Count a day of predictions, as a reading does; nothing but counts comes here."""
    name = f"log {name}"
    try:
        spans = await asyncio.to_thread(log.spans, start=at - timedelta(days=1), end=at)
    except SourceDownError as error:
        return [_failed(name, str(error), "check url, log and the credentials from this machine")]
    except BadInputError as error:
        return [_failed(name, str(error), "correct the names in sources.predictions")]
    if not spans:
        return [_failed(name, "can be read, and has no predictions of the last day", "check `log` and `time`")]
    listed = _some([f"{one.n:,} of version {one.version}" if one.version else f"{one.n:,}" for one in spans])
    return [_ok(name, f"can be read; predictions of the last day: {listed}")]


async def check_store(url: str) -> list[CheckResult]:
    """Open the database beside a running bot, without its lock and without writing."""
    try:
        store = await open_store(url, read_only=True)
    except NoDatabaseError as error:
        return [_ok("store", f"note: {error.path} is not there yet: the first `faultline run` makes it")]
    except BadInputError as error:
        return [_failed("store", str(error), "" if "faultline migrate" in str(error) else "see store.url")]
    except RetryLaterError as error:
        return [_failed("store", str(error), "check that the database runs and lets this machine in")]
    try:
        return [_ok("store", f"opens; schema {await store.schema()}")]
    except RetryLaterError as error:
        return [_failed("store", str(error), "check that the database runs and lets this machine in")]
    finally:
        await store.close()


def check_llm(provider: str, build: Callable[[], object] | None) -> list[CheckResult]:
    """A language model costs money, so it is built but not asked.

    build: makes the provider; None when none is configured.
    """
    name = "language model"
    if build is None:
        return [_absent(name, "explanations come from a template; verdicts never depend on a language model")]
    try:
        build()
    except BadInputError as error:
        return [_failed(name, str(error), "pip install 'faultline[llm]', or llm.provider: none")]
    return [_ok(name, f"{provider} can be used; not asked now, because each answer costs")]


async def check_approvers(
    policies: Mapping[str, ApproverPolicy], catalogue: Catalogue, *, live: bool, directory: Directory | None
) -> list[CheckResult]:
    """Find approvals that nobody could ever give.

    directory: reads Slack's user groups; None when there is no token yet, and then groups are taken as they are.
    """
    name, found = "approvers", list[CheckResult]()
    fix = "list Slack user ids under approvers.'*'.users, or under the model's own name"
    for model in [entry.name for entry in catalogue.models]:
        policy = policies.get(model) or policies.get("*") or ApproverPolicy()
        people = set(policy.users)
        unread = False
        for group in sorted(policy.groups):
            if directory is None:
                unread = True
                continue
            try:
                people |= await directory.members(group)
            except (RetryLaterError, GiveUpError) as error:
                unread = True
                detail = f"{model}: the user group {group} cannot be read: {error}"
                found.append(_failed(name, detail, "give the scope usergroups:read, or list users instead"))
        if not people and not unread:
            detail = f"{model}: nobody may approve a rollback"
            found.append(_failed(name, detail, fix) if live else _absent(name, detail, fix))
        elif policy.four_eyes and len(people) == 1 and not unread:
            detail = f"{model}: four_eyes with one approver: what that person asks for, nobody can approve"
            found.append(_failed(name, detail, "add a second approver, or four_eyes: false"))
        elif not any(one.detail.startswith(f"{model}:") for one in found):
            who = f"{len(people)} people" if len(people) != 1 else "1 person"
            known = who + (" and user groups not read" if unread and policy.groups else "")
            found.append(_ok(name, f"{model}: {known}" + (", four eyes" if policy.four_eyes else "")))
    return found


# ---------------------------------------------------------------- all of them


async def examine(settings: Settings) -> AsyncIterator[CheckResult]:
    """Check each part in turn; what is found comes as soon as it is known."""
    for one in (*check_config(settings), *check_secrets(settings)):
        yield one
    for check in _parts(settings):
        try:
            found = await check()
        except FaultlineError as error:
            found = [_failed("configuration", str(error), "")]
        for one in found:
            yield one


def _parts(settings: Settings) -> list[Check]:
    checks: list[Check] = [partial(_slack, settings)]
    checks += [partial(_prometheus, settings, source.name) for source in settings.sources.prometheus]
    checks += [partial(_pulled, settings)]
    checks += [partial(_log, settings, section.name) for section in settings.sources.predictions]
    checks += [partial(_recording, settings), partial(_mlflow, settings), partial(check_store, settings.database_url)]
    checks += [partial(_llm, settings), partial(_retrain, settings), partial(_approvers, settings)]
    return checks


async def _slack(settings: Settings) -> Sequence[CheckResult]:
    return await check_slack(
        parts.slack_options(settings),
        metrics=Metrics(),
        private_channels=settings.slack.private_channel,
        user_groups=settings.user_groups,
    )


async def _prometheus(settings: Settings, name: str) -> Sequence[CheckResult]:
    section = next(one for one in settings.sources.prometheus if one.name == name)
    try:
        source = parts.prometheus(settings, section)
    except BadInputError as error:
        return [_failed(f"source {name}", str(error), "see sources.prometheus")]
    try:
        if not source.signals:
            return []  # it is asked for changes or histograms only
        return await check_source(source, settings.catalogue, at=WallClock().now())
    finally:
        await source.close()


async def _pulled(settings: Settings) -> Sequence[CheckResult]:
    found: list[CheckResult] = []
    sources = pulled_sources(settings, parts.http_client)
    at = parts.clock(settings).now()
    try:
        for source in sources:
            found += await check_source(source, settings.catalogue, at=at, section=f"the section of {source.name}")
    finally:
        for source in sources:
            await source.close()
    return found


async def _log(settings: Settings, name: str) -> Sequence[CheckResult]:
    section = next(one for one in settings.sources.predictions if one.name == name)
    try:
        log = parts.prediction_log(settings, section)
    except BadInputError as error:
        return [_failed(f"log {name}", str(error), "see sources.predictions")]
    try:
        return await check_log(name, log, at=parts.clock(settings).now())
    finally:
        await asyncio.to_thread(log.close)


async def _recording(settings: Settings) -> Sequence[CheckResult]:
    folder = settings.sources.recording
    if folder is None:
        return []
    try:
        recording = load_recording(folder)
    except BadInputError as error:
        return [_failed("recording", str(error), "see sources.recording")]
    return [_ok("recording", f"{recording.name}: {len(recording.index)} series, {len(recording.times_s)} ticks")]


async def _mlflow(settings: Settings) -> Sequence[CheckResult]:
    section = settings.sources.mlflow
    if section is None:
        return [_absent("registry", "no ledger of versions and no rollback", "set sources.mlflow")]
    try:
        registry = parts.registry(settings)
    except BadInputError as error:
        return [_failed(f"registry {section.name}", str(error), "see sources.mlflow")]
    assert registry is not None, "its section is there"
    try:
        return await check_registry(registry, [model.name for model in settings.catalogue.models])
    finally:
        await registry.close()


async def _llm(settings: Settings) -> Sequence[CheckResult]:
    llm = settings.llm
    if llm.provider == "none":
        return check_llm("", None)
    built: list[PydanticAiProvider | None] = []
    try:
        return check_llm(f"{llm.provider}:{llm.model}", lambda: built.append(parts.provider(settings)))
    finally:
        for provider in built:
            if provider is not None:
                await provider.close()


async def _retrain(settings: Settings) -> Sequence[CheckResult]:
    retrain = settings.actions.retrain
    if retrain is None:
        return [_absent("retraining", "is not offered")]
    return [_ok("retraining", f"{retrain.kind}; not asked now, because asking starts it")]


async def _approvers(settings: Settings) -> Sequence[CheckResult]:
    policies = {model: entry.to_domain() for model, entry in settings.file.approvers.items()}
    options = parts.slack_options(settings)
    if not options.bot_token or not settings.user_groups:
        return await check_approvers(policies, settings.catalogue, live=not settings.dry_run, directory=None)
    session = make_session()
    try:
        api = SlackApi(make_client(options.bot_token, base_url=options.base_url, session=session), metrics=Metrics())
        return await check_approvers(
            policies, settings.catalogue, live=not settings.dry_run, directory=SlackDirectory(api)
        )
    finally:
        await session.close()


# ---------------------------------------------------------------- words


def line_of(result: CheckResult) -> str:
    """One result as people read it: the symptom, and below it what to do."""
    line = f"{MARKS[result.state]:14}  {result.name:20}  {_plain(result.detail)}"
    return f"{line}\n{'':38}  -> {_plain(result.fix)}" if result.fix else line


def _plain(text: str) -> str:
    """Other systems' words, without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _spot_fix(because: str) -> str:
    if "has the label" in because:
        return "correct `entity` of the signal, or keep that label in the query, as in sum by (label) (...)"
    return "try the query in Prometheus' own page"


def _ok(name: str, detail: str, fix: str = "") -> CheckResult:
    return CheckResult(name=name, state="ok", detail=detail, fix=fix)


def _failed(name: str, detail: str, fix: str) -> CheckResult:
    return CheckResult(name=name, state="failed", detail=detail, fix=fix)


def _absent(name: str, detail: str, fix: str = "") -> CheckResult:
    return CheckResult(name=name, state="not configured", detail=detail, fix=fix)
