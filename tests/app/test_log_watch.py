"""A prediction log followed through time: references, versions, late labels, and a database that is down."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from bot.clock import from_epoch
from bot.domain.catalogue import Catalogue, Feature, Kind, Model
from bot.domain.prediction_log import LogColumns, Span
from bot.errors import SourceDownError
from bot.log_watch import LogTiming, LogWatch
from bot.pipeline.quality.signals import NAMES, with_log_signals
from tests.pipeline.quality import logs

START = datetime(2026, 5, 1, tzinfo=UTC)
WINDOW = timedelta(minutes=30)
A_WINDOW = 400  # rows
CATALOGUE = with_log_signals(Catalogue(models=(Model(name="m", features=(Feature(name="a", source="request"),)),)))
TIMING = LogTiming(
    window=WINDOW, lateness=timedelta(0), reference=timedelta(hours=10), labels_within=timedelta(hours=2)
)


class FakeLog:
    """Windows drawn when they are asked for first; what a version does, and whether labels are there, can be changed."""

    model = "m"
    columns = LogColumns(prediction="answer", scores=("score",), target="label", time="time", version="version")

    def __init__(self):
        self.versions: dict[int, str] = {}  # by number of the window: who answered; absent: nobody
        self.spoil = {}  # by number: keywords of logs.binary
        self.unlabelled = set()
        self.down = ""
        self.read = []  # (version, first number) of every reading of windows
        self.closed = False

    def answer(self, hours, *, version, since=0.0, **spoil):
        first, last = number(since), number(since + hours)
        for n in range(first, last):
            self.versions[n] = version
            self.spoil[n] = spoil

    def rows(self, n):
        drawn = logs.binary(np.random.default_rng(n), A_WINDOW, **self.spoil[n])
        return replace(drawn, label=np.full(A_WINDOW, np.nan)) if n in self.unlabelled else drawn

    def _within(self, start, end, version=None):
        if self.down:
            raise SourceDownError(self.down)
        s = WINDOW.total_seconds()
        return [
            n for n in sorted(self.versions)
            if start.timestamp() <= n * s < end.timestamp() and version in (None, self.versions[n])
        ]  # fmt: skip

    def spans(self, *, start, end):
        found = {}
        for n in self._within(start, end):
            found.setdefault(self.versions[n], []).append(n)
        s = WINDOW.total_seconds()
        return [
            Span(
                version=v, n=A_WINDOW * len(ns), first=from_epoch(ns[0] * s + 1), last=from_epoch((ns[-1] + 1) * s - 1)
            )
            for v, ns in found.items()
        ]

    def profile(self, *, stretch, start, end, version, now):
        ns = self._within(start, end, version)
        parts = [self.rows(n) for n in ns]
        whole = logs.Rows(
            features={k: np.concatenate([p.features[k] for p in parts]) for k in parts[0].features},
            score=np.concatenate([p.score for p in parts]),
            answer=np.concatenate([p.answer for p in parts]),
            label=np.concatenate([p.label for p in parts]),
        )
        return replace(logs.profile_of(whole, stretch=A_WINDOW), id=f"{version}:{ns[0]}", version=version, model="m")

    def windows(self, profile, *, stretch, start, end, version, now):
        ns = self._within(start, end, version)
        self.read.append((version, ns[0] if ns else None))
        s = WINDOW.total_seconds()
        return [
            replace(
                logs.window_of(profile, self.rows(n), number=n),
                version=version, start=from_epoch(n * s), end=from_epoch((n + 1) * s),
            )
            for n in ns
        ]  # fmt: skip

    def close(self):
        self.closed = True


def number(hours: float) -> int:
    return int((START + timedelta(hours=hours)).timestamp() // WINDOW.total_seconds())


class Shelf:
    def __init__(self):
        self.kept = {}
        self.origins = []

    async def profile(self, model, version):
        return self.kept.get(version)

    async def keep(self, profile, *, origin):
        self.kept[profile.version] = profile
        self.origins.append((profile.version, origin))


@pytest.fixture
def log():
    return FakeLog()


@pytest.fixture
def shelf():
    return Shelf()


def follow(log, shelf) -> LogWatch:
    return LogWatch("m-log", log, profiles=shelf, catalogue=CATALOGUE, timing=TIMING)


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours, seconds=5)


def signals(watch, now, known=None) -> set[str]:
    return {f"{f.key.signal} of {f.key.entity}" for f in watch.findings(now, known or {})}


async def test_a_reference_is_made_of_the_first_healthy_days_and_kept(log, shelf):
    log.answer(9, version="3")
    watch = follow(log, shelf)
    await watch.refresh(at(9))

    assert shelf.kept == {}
    assert "no reference yet" in watch.unready["3"]
    assert not watch.judged

    log.answer(3, version="3", since=9)
    await watch.refresh(at(12))

    assert shelf.origins == [("3", "healthy days")]
    assert watch.judged
    assert watch.unready == {}
    assert signals(watch, at(12)) == set()
    assert ("m", Kind.QUALITY) in watch.quiet(since=at(11))
    assert watch.quiet(since=at(12)) == frozenset()


async def test_a_loss_stands_from_its_first_window_until_three_clean_ones(log, shelf):
    log.answer(14, version="3")
    log.answer(2, version="3", since=14, loss=0.4)
    log.answer(4, version="3", since=16)
    watch = follow(log, shelf)
    seen = {}
    for hours in (14, 14.5, 16, 17, 18.5):
        await watch.refresh(at(hours))
        seen[hours] = signals(watch, at(hours))

    assert seen[14] == set()
    assert {"log_accuracy of m"} <= seen[14.5]
    assert {"log_accuracy of m"} <= seen[16]
    assert {"log_accuracy of m"} <= seen[17]
    assert seen[18.5] == set()


async def test_labels_that_come_late_are_read_again_and_change_what_was_said(log, shelf):
    log.answer(14, version="3")
    log.answer(1, version="3", since=14, loss=0.4)
    log.unlabelled |= {number(14), number(14.5)}
    watch = follow(log, shelf)
    await watch.refresh(at(14))
    await watch.refresh(at(15))
    before = signals(watch, at(15))
    log.unlabelled.clear()
    log.answer(0.5, version="3", since=15)
    await watch.refresh(at(15.5))

    assert before == set()
    assert "log_accuracy of m" in signals(watch, at(15.5))
    assert log.read[-1][1] <= number(14)


async def test_a_new_version_is_compared_with_the_one_before_it_until_it_has_a_reference(log, shelf):
    log.answer(12, version="3")
    log.answer(3, version="4", since=12, loss=0.4)
    watch = follow(log, shelf)
    await watch.refresh(at(12))
    await watch.refresh(at(15))
    found = watch.findings(at(15), {})

    assert set(shelf.kept) == {"3"}
    assert {"log_accuracy", "log_version_accuracy"} <= {f.key.signal for f in found}
    assert {dict(f.key.labels)["version"] for f in found} == {"4"}
    assert any("4" in f.evidence.account.what and "3" in f.evidence.account.what for f in found)


async def test_a_rollback_ends_what_the_version_did_and_finds_the_old_reference(log, shelf):
    log.answer(12, version="3")
    log.answer(2, version="4", since=12, loss=0.4)
    log.answer(1, version="3", since=14)
    watch = follow(log, shelf)
    for hours in (12, 14, 15):
        await watch.refresh(at(hours))

    assert signals(watch, at(15)) == set()
    assert [one[-1].report.profile for one in watch._judged.values() if one[-1].report.number == number(14.5)] == [
        shelf.kept["3"].id
    ]
    assert len(shelf.origins) == 1


async def test_a_stretch_with_calls_is_no_reference(log, shelf):
    log.answer(12, version="3")
    log.answer(12, version="4", since=12, loss=0.4)
    watch = follow(log, shelf)
    await watch.refresh(at(12))
    for hours in range(13, 25):
        await watch.refresh(at(hours))

    assert set(shelf.kept) == {"3"}


async def test_a_restart_says_the_same(log, shelf):
    log.answer(14, version="3")
    log.answer(2, version="3", since=14, loss=0.4)
    first = follow(log, shelf)
    for hours in (14, 15, 16):
        await first.refresh(at(hours))
    again = follow(log, shelf)
    await again.refresh(at(16))

    assert signals(again, at(16)) == signals(first, at(16)) != set()
    assert len(shelf.origins) == 1


async def test_a_log_that_cannot_be_read_blinds_and_what_stood_goes_on(log, shelf):
    log.answer(14, version="3")
    log.answer(2, version="3", since=14, loss=0.4)
    watch = follow(log, shelf)
    await watch.refresh(at(15))
    known = {f.fingerprint: f for f in watch.findings(at(15), {})}
    log.down = "connection refused"
    await watch.refresh(at(16))

    assert (watch.blind.source, watch.blind.because) == ("m-log", "connection refused")
    assert set(watch.blind.signals) == NAMES
    assert set(watch.findings(at(16), known)) == set(known.values()) != set()
    assert watch.quiet(since=START) == frozenset()
    assert not watch.judged

    log.down = ""
    await watch.refresh(at(16))
    assert watch.blind is None


async def test_nothing_is_read_while_no_window_has_closed(log, shelf):
    log.answer(14, version="3")
    watch = follow(log, shelf)
    await watch.refresh(at(13))
    reads = len(log.read)

    assert not await watch.refresh(at(13.2))
    assert len(log.read) == reads
    assert await watch.refresh(at(13.5))


async def test_a_reference_made_by_hand_is_used_from_the_next_window_on(log, shelf):
    log.answer(14, version="3")
    watch = follow(log, shelf)
    await watch.refresh(at(13))
    by_hand = replace(shelf.kept["3"], id="by hand")
    shelf.kept["3"] = by_hand
    await watch.refresh(at(13.5))

    assert [one[-1].report.profile for one in watch._judged.values() if one[-1].report.number == number(13)] == [
        "by hand"
    ]


async def test_predictions_that_stop_are_told(log, shelf):
    log.answer(16, version="3")
    watch = follow(log, shelf)
    await watch.refresh(at(16))
    await watch.refresh(at(16.5))

    assert signals(watch, at(16.5)) == {"log_volume of m"}


async def test_a_finding_is_drawn_over_its_windows(log, shelf):
    log.answer(14, version="3")
    log.answer(1, version="3", since=14, loss=0.4)
    watch = follow(log, shelf)
    await watch.refresh(at(15))
    finding = next(f for f in watch.findings(at(15), {}) if f.key.signal == "log_accuracy")
    drawn = watch.plot(finding)

    assert len(drawn.times_s) == 30
    assert drawn.values[-1] == pytest.approx(finding.evidence.observed)
    assert drawn.onset_s == (START + timedelta(hours=14)).timestamp()


async def test_closing_lets_go_of_the_database(log, shelf):
    await follow(log, shelf).close()

    assert log.closed
