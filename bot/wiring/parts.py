"""From settings to single parts. Each function knows one concrete class, and what of the settings it needs."""

from __future__ import annotations

from bot.actions.airflow import AirflowRetrainer
from bot.actions.dry_run import DryRunMover
from bot.actions.mlflow_alias import MlflowAliasMover
from bot.actions.webhook import WebhookRetrainer
from bot.clock import Clock, ScaledClock, WallClock
from bot.config import Settings
from bot.config.prediction_logs import PredictionsSection
from bot.config.sources import AirflowSection, PrometheusSection
from bot.errors import BadInputError
from bot.http import HttpClient
from bot.llm.budget import Budget, Caps
from bot.llm.explainer import GroundedExplainer
from bot.llm.provider import ProviderKind, ProviderOptions, PydanticAiProvider
from bot.log_watch import LogTiming, LogWatch
from bot.metrics import Metrics
from bot.ports import MetricSource, Store
from bot.slack.options import SlackOptions, Transport
from bot.slack.publisher import Timing
from bot.sources.mlflow import MlflowRegistry
from bot.sources.prediction_log.log import PredictionLog
from bot.sources.prometheus import PrometheusSource
from bot.sources.prometheus_changes import PrometheusChanges
from bot.sources.recording import RecordingSource, load_recording
from bot.sources.version_watch import ChangeQuery
from bot.sources.warehouse import Warehouse, with_password
from bot.wiring.profiles import StoredProfiles
from bot.wiring.pulls import pulled_sources

LOG, LABELS = "log", "labels"  # what statements call the files of a log

# ---------------------------------------------------------------- time


def clock(settings: Settings) -> Clock:
    """The wall's, except in the demo."""
    told = settings.clock
    return ScaledClock(rate=told.rate, origin=told.origin, origin_wall=told.origin_wall) if told else WallClock()


def clock_rate(settings: Settings) -> float:
    """Seconds of the clock in a second of real time."""
    return settings.clock.rate if settings.clock else 1.0


# ---------------------------------------------------------------- Slack


def slack_options(settings: Settings) -> SlackOptions:
    """What the Slack adapter must be told; a secret that is absent is an empty string."""
    slack, secrets = settings.slack, settings.secrets
    return SlackOptions(
        bot_token=secrets.slack_bot_token.get_secret_value() if secrets.slack_bot_token else "",
        app_token=secrets.slack_app_token.get_secret_value() if secrets.slack_app_token else "",
        signing_secret=secrets.slack_signing_secret.get_secret_value() if secrets.slack_signing_secret else "",
        channel=slack.channel,
        base_url=slack.base_url,
        transport=Transport(slack.transport),
        team=slack.team or "",
        mention_group=slack.mention_group or "",
        app_id=slack.app_id or "",
        http_host=slack.http.bind,
        http_port=slack.http.port,
        http_path=slack.http.path,
    )


def slack_timing(settings: Settings) -> Timing:
    return Timing(clock_rate=clock_rate(settings))


# ---------------------------------------------------------------- sources


def http_client(settings: Settings, name: str) -> HttpClient:
    """A client of the server that the configuration calls `name`. Raises BadInputError when its secret is missing."""
    server, credential = settings.servers()[name], settings.credential(name)
    return HttpClient(
        server.url,
        deadline_s=server.deadline.total_seconds(),
        max_bytes=server.max_bytes,
        bearer=credential.bearer,
        basic=credential.basic,
        headers=server.headers,
        ca_file=server.ca_file,
        client_cert=server.client_cert,
        client_key=server.client_key,
        verify=not server.insecure,
    )


def prometheus(settings: Settings, section: PrometheusSection, *, whole: bool = False) -> PrometheusSource:
    """whole: a past that cannot be read whole is none."""
    wanted = None if section.signals is None else frozenset(section.signals)
    return PrometheusSource(
        section.name,
        http_client(settings, section.name),
        [signal for signal in settings.catalogue.signals if wanted is None or signal.name in wanted],
        max_series=section.max_series,
        deadline_s=section.deadline.total_seconds(),
        whole=whole,
    )


def metric_sources(settings: Settings, *, whole: bool = False) -> list[MetricSource]:
    """Every source of samples that is configured. whole: see `prometheus`."""
    found: list[MetricSource] = [prometheus(settings, section, whole=whole) for section in settings.sources.prometheus]
    found += pulled_sources(settings, http_client)
    if settings.sources.recording is not None:
        found.append(RecordingSource(load_recording(settings.sources.recording)))
    return found


def change_sources(settings: Settings) -> list[PrometheusChanges]:
    """One a server that is asked for changes, whatever the number of its queries."""
    by_server: dict[str, list[ChangeQuery]] = {}
    for section in settings.sources.changes:
        query = ChangeQuery(
            query=section.query,
            kind=section.kind,
            entity_labels=section.entity,
            version_label=section.version,
            text_label=section.text,
        )
        by_server.setdefault(section.source, []).append(query)
    period = settings.tick_policy().period
    return [
        PrometheusChanges(f"{name} changes", http_client(settings, name), queries, step=period)
        for name, queries in by_server.items()
    ]


def warehouse(settings: Settings, section: PredictionsSection) -> Warehouse:
    """The database, or the files, that a prediction log lies in."""
    password = settings.secrets.passwords.get(section.name)
    url = with_password(section.name, section.url, password.get_secret_value() if password else None)
    files = {}
    if section.in_files:
        files = {LOG: section.log, **({LABELS: section.labels} if section.labels is not None else {})}
    return Warehouse(
        section.name, url, timeout_s=section.timeout.total_seconds(), max_rows=section.max_rows, files=files
    )


def prediction_log(settings: Settings, section: PredictionsSection) -> PredictionLog:
    labels = None if section.labels is None else (LABELS if section.in_files else section.labels)
    return PredictionLog(
        warehouse(settings, section),
        model=section.model,
        table=LOG if section.in_files else section.log,
        columns=section.columns(),
        labels=labels,
        problem=section.kind(),
        positive=section.positive,
    )


def log_watches(settings: Settings, *, store: Store) -> list[LogWatch]:
    """One a prediction log, each with its own rhythm."""
    return [
        LogWatch(
            section.name,
            prediction_log(settings, section),
            profiles=StoredProfiles(store),
            catalogue=settings.catalogue,
            timing=LogTiming(
                window=section.window,
                lateness=section.lateness,
                reference=section.reference,
                labels_within=section.labels_within,
            ),
        )
        for section in settings.sources.predictions
    ]


def registry(settings: Settings) -> MlflowRegistry | None:
    section = settings.sources.mlflow
    if section is None:
        return None
    return MlflowRegistry(section.name, http_client(settings, section.name), alias=section.alias, names=section.models)


# ---------------------------------------------------------------- actions


def mover(settings: Settings) -> MlflowAliasMover | DryRunMover | None:
    """What moves the alias; None without a registry to move it in."""
    section = settings.sources.mlflow
    if section is None:
        return None
    if settings.dry_run:
        return DryRunMover()
    return MlflowAliasMover(http_client(settings, section.name), alias=section.alias, names=section.models)


def retrainer(settings: Settings, *, clock: Clock) -> WebhookRetrainer | AirflowRetrainer | None:
    section = settings.actions.retrain
    if section is None:
        return None
    client = http_client(settings, "retrain")
    if isinstance(section, AirflowSection):
        return AirflowRetrainer(client, dags=section.dags)
    secret = settings.secrets.retrain_secret
    if secret is None:
        raise BadInputError("FAULTLINE_RETRAIN_SECRET is not set, and the webhook of actions.retrain is signed with it")
    return WebhookRetrainer(client, secret=secret.get_secret_value(), clock=clock)


# ---------------------------------------------------------------- words


def provider(settings: Settings) -> PydanticAiProvider | None:
    """The language model; None when none is configured. Raises BadInputError when its extra is not installed."""
    llm = settings.llm
    if llm.provider == "none":
        return None
    api_key = settings.secrets.llm_api_key
    return PydanticAiProvider(
        ProviderOptions(
            kind=ProviderKind.OPENAI if llm.provider == "openai_compatible" else ProviderKind(llm.provider),
            model=llm.model or "",
            base_url=llm.base_url,
            api_key=api_key.get_secret_value() if api_key else None,
            deadline_s=llm.deadline.total_seconds(),
            max_output_tokens=llm.max_output_tokens,
        )
    )


def explainer(settings: Settings, *, clock: Clock, metrics: Metrics) -> GroundedExplainer:
    llm = settings.llm
    caps = Caps(
        per_incident=llm.per_incident,
        per_hour=llm.per_hour,
        per_day=llm.per_day,
        tokens_per_day=llm.tokens_per_day,
    )
    return GroundedExplainer(provider(settings), clock=clock, metrics=metrics, budget=Budget(caps=caps))
