"""The bot's own numbers, for Prometheus. One object, passed to whoever counts something."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """Names follow Prometheus' conventions: base units, `_total` for counters."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.tick_seconds = Histogram(
            "faultline_tick_step_seconds",
            "Duration of each step of a tick",
            ["step"],
            buckets=(0.005, 0.02, 0.1, 0.5, 2, 10, 30, 60),
            registry=self.registry,
        )
        self.last_tick = Gauge(
            "faultline_last_tick_timestamp_seconds", "When the last tick was committed", registry=self.registry
        )
        self.ticks = Counter("faultline_ticks_total", "Ticks by outcome", ["outcome"], registry=self.registry)
        self.series = Gauge("faultline_series", "Series known, and judged", ["state"], registry=self.registry)
        self.findings = Gauge("faultline_findings", "Findings active now", registry=self.registry)
        self.incidents = Gauge("faultline_incidents", "Open incidents", ["cause"], registry=self.registry)
        self.decisions = Counter(
            "faultline_decisions_total", "Why we spoke, or did not", ["reason"], registry=self.registry
        )
        self.source_errors = Counter(
            "faultline_source_errors_total", "Failed pulls by source", ["source"], registry=self.registry
        )
        self.outbox_age = Gauge(
            "faultline_outbox_oldest_seconds", "Age of the oldest message not yet sent", registry=self.registry
        )
        self.outbox_depth = Gauge("faultline_outbox_messages", "Messages by state", ["state"], registry=self.registry)
        self.slack_calls = Counter(
            "faultline_slack_calls_total",
            "Calls to Slack by method and outcome",
            ["method", "outcome"],
            registry=self.registry,
        )
        self.slack_limited = Counter(
            "faultline_slack_limited_total", "Times Slack asked us to wait", ["method"], registry=self.registry
        )
        self.llm_calls = Counter(
            "faultline_llm_calls_total",
            "Explanations by author and outcome",
            ["outcome"],
            registry=self.registry,
        )
        self.llm_tokens = Counter("faultline_llm_tokens_total", "Tokens spent", ["direction"], registry=self.registry)
        self.actions = Counter("faultline_actions_total", "Actions by outcome", ["outcome"], registry=self.registry)
        self.jobs = Counter(
            "faultline_jobs_total", "Scheduled jobs by outcome", ["job", "outcome"], registry=self.registry
        )
