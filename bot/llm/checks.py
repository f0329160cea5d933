"""What to look at next, by cause: a closed list, so that no advice can be invented."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from bot.domain.explanation import EvidencePack
from bot.domain.verdict import Cause, Subcause
from bot.pipeline.evidence import cause_of

SHOWN = 3


class Check(StrEnum):
    """One thing a person can look at. The value is what a language model may choose; the sentence is ours."""

    COMPARE_VERSIONS = "compare_versions"
    SCORE_OLD_VERSION = "score_old_version"
    VERSION_HISTORY = "version_history"
    INPUT_SOURCE = "input_source"
    INPUT_UNITS = "input_units"
    PIPELINE_RUNS = "pipeline_runs"
    LABEL_JOB = "label_job"
    POPULATION = "population"
    FRESH_LABELS = "fresh_labels"
    HOST_CPU = "host_cpu"
    HOST_MEMORY = "host_memory"
    HOST_DISK = "host_disk"
    NETWORK_PATH = "network_path"
    DEPENDENCY_ERRORS = "dependency_errors"
    DEPLOY_DIFF = "deploy_diff"
    REPLICAS = "replicas"
    TRAFFIC_ORIGIN = "traffic_origin"
    EXPORTER = "exporter"
    NEIGHBOURS = "neighbours"
    WAIT_FOR_DATA = "wait_for_data"


SENTENCES: Mapping[Check, str] = {
    Check.COMPARE_VERSIONS: "Compare the predictions of the new and the previous version on the same rows",
    Check.SCORE_OLD_VERSION: "Score recent labelled rows with the previous version",
    Check.VERSION_HISTORY: "Look at which version served when, and what its training run recorded",
    Check.INPUT_SOURCE: "Look at the source that fills the affected features: nulls, volume, schema",
    Check.INPUT_UNITS: "Compare means and ranges of the affected features with last week's: units and encodings",
    Check.PIPELINE_RUNS: "Look at the last runs of the feature pipeline and when each finished",
    Check.LABEL_JOB: "Look at the job that brings labels: volume, delay, share of positives",
    Check.POPULATION: "Compare the mix of segments with last week: campaigns, new customers, a changed client",
    Check.FRESH_LABELS: "Compare quality by age of the training data; retraining may be the answer",
    Check.HOST_CPU: "Look at what uses the CPU of the host, and at what else runs there",
    Check.HOST_MEMORY: "Look at memory by process and at restarts of the service",
    Check.HOST_DISK: "Look at what fills the disk, and free or extend it",
    Check.NETWORK_PATH: "Look at loss and retransmits between the two ends",
    Check.DEPENDENCY_ERRORS: "Look at errors and latency of the dependency, by caller",
    Check.DEPLOY_DIFF: "Look at what the last deploy changed, and compare old and new replicas",
    Check.REPLICAS: "Count the ready replicas against the wanted ones",
    Check.TRAFFIC_ORIGIN: "Look at which clients send the additional traffic, and at the cost of one request",
    Check.EXPORTER: "Look at whether the exporter and its scrape still work",
    Check.NEIGHBOURS: "Look at whether other models on the same host are affected too",
    Check.WAIT_FOR_DATA: "Wait for the observation that would settle it before acting",
}

BY_SUBCAUSE: Mapping[Subcause, tuple[Check, ...]] = {
    Subcause.BAD_VERSION: (Check.COMPARE_VERSIONS, Check.SCORE_OLD_VERSION, Check.VERSION_HISTORY),
    Subcause.DATA_QUALITY: (Check.INPUT_SOURCE, Check.INPUT_UNITS, Check.LABEL_JOB),
    Subcause.COVARIATE_DRIFT: (Check.POPULATION, Check.INPUT_UNITS, Check.FRESH_LABELS),
    Subcause.CONCEPT_DRIFT: (Check.FRESH_LABELS, Check.LABEL_JOB, Check.POPULATION),
    Subcause.CPU_SATURATION: (Check.HOST_CPU, Check.NEIGHBOURS, Check.DEPLOY_DIFF),
    Subcause.MEMORY_SATURATION: (Check.HOST_MEMORY, Check.DEPLOY_DIFF, Check.NEIGHBOURS),
    Subcause.DISK_SATURATION: (Check.HOST_DISK, Check.PIPELINE_RUNS, Check.NEIGHBOURS),
    Subcause.NETWORK: (Check.NETWORK_PATH, Check.DEPENDENCY_ERRORS, Check.NEIGHBOURS),
    Subcause.DEPENDENCY_FAILURE: (Check.DEPENDENCY_ERRORS, Check.NETWORK_PATH, Check.DEPLOY_DIFF),
    Subcause.BAD_DEPLOY: (Check.DEPLOY_DIFF, Check.REPLICAS, Check.DEPENDENCY_ERRORS),
    Subcause.CAPACITY_LOSS: (Check.REPLICAS, Check.HOST_CPU, Check.TRAFFIC_ORIGIN),
    Subcause.TRAFFIC_SURGE: (Check.TRAFFIC_ORIGIN, Check.REPLICAS, Check.HOST_CPU),
    Subcause.TELEMETRY_LOSS: (Check.EXPORTER, Check.NETWORK_PATH),
}


def sentences(checks: Sequence[Check]) -> tuple[str, ...]:
    """At most three sentences, each once."""
    return tuple(SENTENCES[check] for check in dict.fromkeys(checks))[:SHOWN]


def checks_for(pack: EvidencePack) -> tuple[Check, ...]:
    """The checks of the causes that the verdict names, the first of each in turn."""
    cause = cause_of(pack)
    named = pack.hypotheses[: 1 if cause in (Cause.MODEL, Cause.INFRASTRUCTURE) else 2]
    lists = [BY_SUBCAUSE[h.subcause] for h in named if h.subcause is not None]
    turns = [check for turn in zip(*lists, strict=False) for check in turn]
    found = list(dict.fromkeys(turns))
    return (*found[:2], Check.WAIT_FOR_DATA) if cause is Cause.UNDETERMINED else tuple(found)
