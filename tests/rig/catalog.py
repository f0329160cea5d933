"""What the rig is and which signals watch it, as a catalogue with live queries: the one that its recordings carry."""

from __future__ import annotations

from typing import Any

from tests.rig.places import ADDRESS
from tests.rig.world import MODELS, REQUEST_FEATURE, STORED

STEP_S = 2
SCRAPE_S = 2
FAST, SLOW = "12s", "24s"  # windows: six samples for what is plentiful, twice that for labels
LABEL_DELAY_S = 6


def _quantile(metric: str, by: str, share: float) -> str:
    return f"1000 * histogram_quantile({share}, sum by ({by}, le) (rate({metric}_bucket[{FAST}])))"


def _mean(metric: str, by: str) -> str:
    return f"1000 * sum by ({by}) (rate({metric}_sum[{FAST}])) / sum by ({by}) (rate({metric}_count[{FAST}]))"


def _ratio(above: str, below: str, by: str, window: str = FAST) -> str:
    return f"sum by ({by}) (rate({above}[{window}])) / sum by ({by}) (rate({below}[{window}]))"


def _named_store(query: str) -> str:
    """What callers measure of the store is about the store."""
    return f'max by (store) (label_replace({query}, "store", "feature-store", "job", ".*"))'


def _signal(  # noqa: PLR0917 - a row of the tables below
    name: str, kind: str, unit: str, worse: str, entity: str | list[str], query: str
) -> dict[str, Any]:
    return {"name": name, "kind": kind, "unit": unit, "worse": worse, "entity": entity, "query": query}


def _nodes() -> list[dict[str, Any]]:
    return [
        _signal(
            *("node_cpu", "cpu", "ratio", "up", "node"),
            f"sum by (node) (rate(node_cpu_seconds_total[{FAST}])) / sum by (node) (node_cpu_quota_cores)",
        ),
        _signal(
            *("node_throttled", "cpu", "ratio", "up", "node"),
            _ratio("node_periods_throttled_total", "node_periods_total", "node"),
        ),
        _signal(
            *("node_memory", "memory", "ratio", "up", "node"),
            "sum by (node) (node_memory_bytes) / sum by (node) (node_memory_limit_bytes)",
        ),
        _signal("node_disk", "disk", "ratio", "up", "node", "sum by (node) (node_disk_used_ratio)"),
        _signal(
            *("node_retransmits", "network", "ratio", "up", "node"),
            _ratio("node_tcp_retransmitted_total", "node_tcp_sent_total", "node"),
        ),
        _signal("node_up", "availability", "ratio", "down", "node", 'avg by (node) (up{job="nodes"})'),
    ]


def _services() -> list[dict[str, Any]]:
    return [
        _signal(
            *("latency_p95", "latency", "ms", "up", "service"),
            _quantile("request_seconds", "service", 0.95),
        ),
        _signal("latency_mean", "latency", "ms", "up", "service", _mean("request_seconds", "service")),
        _signal(
            *("store_latency_p95", "latency", "ms", "up", "store"),
            _named_store(_quantile("store_seconds", "job", 0.95)),
        ),
        _signal(
            *("error_ratio", "errors", "ratio", "up", "service"),
            f'1 - sum by (service) (rate(requests_total{{code="200"}}[{FAST}]))'
            f" / sum by (service) (rate(requests_total[{FAST}]))",
        ),
        _signal(
            *("store_error_ratio", "errors", "ratio", "up", "store"),
            _named_store(
                f"sum by (job) (rate(store_reads_total{{outcome='failed'}}[{FAST}]))"
                f" / sum by (job) (rate(store_reads_total[{FAST}]))"
            ),
        ),
        _signal(
            *("pass_error_ratio", "errors", "ratio", "up", "service"),
            f"sum by (service) (rate(passes_total{{outcome='failed'}}[{FAST}]))"
            f" / sum by (service) (rate(passes_total[{FAST}]))",
        ),
        _signal("traffic", "traffic", "1/s", "both", "service", f"sum by (service) (rate(requests_total[{FAST}]))"),
        _signal(
            *("store_commands", "throughput", "1/s", "both", "service"),
            f"sum by (service) (rate(redis_commands_total[{FAST}]))",
        ),
        _signal(
            *("features_written", "throughput", "1/s", "down", "service"),
            f"sum by (service) (rate(features_written_total[{FAST}]))",
        ),
        _signal("requests_open", "backlog", "requests", "up", "service", "sum by (service) (requests_open)"),
        _signal("pass_lag", "freshness", "s", "up", "service", "max by (service) (pass_lag_seconds)"),
        _signal(
            *("service_up", "availability", "ratio", "down", "service"),
            'avg by (service) (redis_up or up{job="services", service!="feature-store"})',
        ),
        _signal("replicas", "availability", "count", "down", "service", 'sum by (service) (up{service="scoring"})'),
        _signal(
            *("restarts", "restarts", "count", "up", "service"),
            'sum by (service) (changes(process_start_time_seconds{job="services"}[60s]))',
        ),
        _signal(
            *("service_cpu", "cpu", "cores", "up", "service"),
            f'sum by (service) (rate(process_cpu_seconds_total{{job="services"}}[{FAST}]))',
        ),
        _signal(
            *("service_memory", "memory", "MiB", "up", "service"),
            'sum by (service) (process_resident_memory_bytes{job="services"}) / 2^20',
        ),
    ]


def _models() -> list[dict[str, Any]]:
    both = ["model", "feature"]
    labelled = f"sum by (model) (rate(labels_total[{SLOW}]))"
    return [
        _signal(
            "inference_p95", "inference_latency", "ms", "up", "model", _quantile("inference_seconds", "model", 0.95)
        ),
        _signal("inference_mean", "inference_latency", "ms", "up", "model", _mean("inference_seconds", "model")),
        _signal("fallback", "fallback", "ratio", "up", "model", _ratio("fallbacks_total", "answers_total", "model")),
        _signal("version", "version", "", "both", "model", "max by (model) (model_version)"),
        _signal("answers", "traffic", "1/s", "both", "model", f"sum by (model) (rate(answers_total[{FAST}]))"),
        _signal(
            "score_mean", "prediction", "score", "both", "model", _ratio("scores_total", "answers_total", "model", SLOW)
        ),
        _signal("score_psi", "prediction_drift", "PSI", "up", "model", "avg by (model) (score_psi)"),
        _signal(
            *("accuracy", "quality", "ratio", "down", "model"),
            _ratio("labels_correct_total", "labels_total", "model", SLOW),
        ),
        _signal(
            *("calibration_gap", "calibration", "score", "both", "model"),
            f"(sum by (model) (rate(labelled_scores_total[{SLOW}]))"
            f" - sum by (model) (rate(labels_positive_total[{SLOW}]))) / {labelled}",
        ),
        _signal(
            *("label_rate", "label_rate", "ratio", "both", "model"),
            _ratio("labels_positive_total", "labels_total", "model", SLOW),
        ),
        _signal("label_volume", "label_volume", "1/s", "down", "model", labelled),
        _signal(
            *("feature_null", "feature_null", "ratio", "up", both),
            _ratio("feature_null_total", "feature_total", "model, feature"),
        ),
        _signal("feature_mean", "feature_value", "", "both", both, "avg by (model, feature) (feature_recent_mean)"),
        _signal("feature_psi", "feature_drift", "PSI", "up", both, "avg by (model, feature) (feature_psi)"),
        _signal(
            *("feature_age", "freshness", "s", "up", both),
            _ratio("feature_age_seconds_sum", "feature_age_seconds_count", "model, feature"),
        ),
    ]


def catalog() -> dict[str, Any]:
    """The catalogue as docs/recordings.md writes it; its queries and entities are those that were pulled."""
    return {
        "step_s": STEP_S,
        "nodes": [{"name": node} for node in ADDRESS],
        "services": [
            {"name": "gateway", "depends_on": ["scoring"], "runs_on": ["edge-1"], "role": "gateway"},
            {"name": "scoring", "depends_on": ["feature-store"], "runs_on": ["serve-1"], "role": "model server"},
            {"name": "feature-store", "runs_on": ["data-1"], "role": "store"},
            {"name": "featuriser", "depends_on": ["feature-store"], "runs_on": ["data-1"], "role": "pipeline"},
        ],
        "models": [
            {
                "name": model,
                "served_by": "scoring",
                "label_delay_s": LABEL_DELAY_S,
                "features": [
                    {"name": REQUEST_FEATURE[model], "from": "request"},
                    *({"name": name, "from": "featuriser"} for name in STORED[model]),
                ],
            }
            for model in MODELS
        ],
        "signals": [*_nodes(), *_services(), *_models()],
    }
