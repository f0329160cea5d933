"""Fakes of the ports that the application layer talks to; each does what it is told and remembers what was asked."""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np

from bot.clock import from_epoch
from bot.domain.explanation import Explanation
from bot.domain.series import History, Samples
from bot.errors import GiveUpError, RetryLaterError, SourceDownError, StoreDownError, UnknownOutcomeError
from bot.ports import ModelVersion, Pull
from bot.store.memory import MemoryStore

# What a mover or a retrainer is told to do with one request.
OK = "ok"
LATER = "certainly did not happen"
LOST_APPLIED = "the answer was lost, it happened"
LOST = "the answer was lost, it did not happen"
REFUSED = "refused"
CRASH_APPLIED = "our process died, it happened"
CRASH = "our process died, it did not happen"
THEN_BLIND = "it happened, and then the registry could not be read"


class Crash(BaseException):
    """The process is gone; nothing of ours may catch it."""


class WatchedStore(MemoryStore):
    """A store in memory that counts commits, can go down, and lets somebody else in just before a commit."""

    def __init__(self):
        super().__init__()
        self.commits = []
        self.down = False
        self.before_commit = deque()  # each awaited once, in front of one commit
        self._dies = None

    def die(self, *, step, written):
        """Let the process end at a later step of a proposal, the next being 1, before or after it is written."""
        self._dies = (step, written)

    async def commit(self, changeset):
        self._answer()
        if self.before_commit:
            await self.before_commit.popleft()()
        dies = self._fate(changeset)
        if dies is False:
            raise Crash
        await super().commit(changeset)
        self.commits.append(changeset)
        if dies:
            raise Crash

    def _fate(self, changeset):
        """None: live on; else whether the commit is written before the end."""
        if self._dies is None or not changeset.proposals:
            return None
        step, written = self._dies
        self._dies = (step - 1, written) if step > 1 else None
        return written if step == 1 else None

    async def live_incidents(self, *, resolved_since):
        self._answer()
        return await super().live_incidents(resolved_since=resolved_since)

    async def proposals(self, *, states=None, model=None):
        self._answer()
        return await super().proposals(states=states, model=model)

    def _answer(self):
        if self.down:
            raise StoreDownError("connection refused")


class ScriptedSource:
    """Samples by rule: each series is a function of the time; None means that it is absent then."""

    def __init__(self, series, *, name="prometheus"):
        self.name = name
        self.series = dict(series)
        self.down = None  # what it says when it cannot answer
        self.hangs = False
        self.blind = ()  # what it says of signals that it could not read

    @property
    def signals(self):
        return tuple(sorted({key.signal for key in self.series}))

    async def history(self, index, *, start, end, step_s):
        await self._answer()
        times = np.arange(start.timestamp(), end.timestamp() + step_s / 2, step_s)
        columns = [[self._value(key, from_epoch(float(at))) for key in self.series] for at in times]
        return History(
            times_s=times,
            rows=self._rows(index),
            values=np.array(columns, dtype=float).reshape(len(times), -1),
            blind=self.blind,
        )

    async def pull(self, index, *, at):
        await self._answer()
        values = np.array([self._value(key, at) for key in self.series], dtype=float)
        return Pull(samples=Samples(rows=self._rows(index), values=values), blind=self.blind)

    async def close(self):
        pass

    def _rows(self, index):
        return np.array([index.row(key) for key in self.series], dtype=np.int64)

    def _value(self, key, at):
        value = self.series[key](at)
        return float("nan") if value is None else value

    async def _answer(self):
        if self.hangs:
            await asyncio.Event().wait()
        if self.down is not None:
            raise SourceDownError(self.down)


class ScriptedChanges:
    """A feed of changes that remembers which windows it was asked for."""

    def __init__(self, *changes, name="changes"):
        self.name = name
        self.feed = list(changes)
        self.asked = []
        self.down = None

    async def changes(self, *, since, until):
        if self.down is not None:
            raise SourceDownError(self.down)
        self.asked.append((since, until))
        return [change for change in self.feed if since < change.time <= until]

    async def close(self):
        pass


class FakeRegistry:
    """A model registry: who holds the alias, and which versions there are."""

    name = "registry"
    alias = "champion"

    def __init__(self, holders=None, versions=()):
        self.holders = dict(holders or {})  # a model that is absent is not known here
        self.known = {(one.model, one.version): one for one in versions}
        self.down = None

    async def holder(self, model):
        self._answer()
        if model not in self.holders:
            raise GiveUpError(f"no registered model {model}")
        return self.holders[model]

    async def version(self, model, version):
        self._answer()
        return self.known.get((model, version))

    async def versions(self, model):
        self._answer()
        return [one for one in self.known.values() if one.model == model]

    async def close(self):
        pass

    def _answer(self):
        if self.down is not None:
            raise SourceDownError(self.down)


def registered(*versions, model="fraud", ready=True, **more):
    return [ModelVersion(model=model, version=version, ready=ready, created=None, **more) for version in versions]


class Scripted:
    """Plays outcomes in order, then says yes."""

    def __init__(self, *outcomes):
        self._outcomes = deque(outcomes)

    def play(self, apply):
        """Do what comes next in the script; returns what that was."""
        outcome = self._outcomes.popleft() if self._outcomes else OK
        if outcome in (OK, LOST_APPLIED, CRASH_APPLIED, THEN_BLIND):
            apply()
        if outcome in (CRASH, CRASH_APPLIED):
            raise Crash
        if outcome == LATER:
            raise RetryLaterError("too many requests")
        if outcome in (LOST, LOST_APPLIED):
            raise UnknownOutcomeError("connection reset while reading the answer")
        if outcome == REFUSED:
            raise GiveUpError("permission denied")
        return outcome


class FakeMover(Scripted):
    """Moves the alias in a FakeRegistry, or fails as scripted."""

    dry_run = False

    def __init__(self, registry, *outcomes):
        super().__init__(*outcomes)
        self._registry = registry
        self.sent = []  # every request
        self.moves = []  # those that took effect

    async def move(self, model, *, to_version):
        self.sent.append((model, to_version))
        if self.play(lambda: self._apply(model, to_version)) == THEN_BLIND:
            self._registry.down = "timeout"

    def _apply(self, model, version):
        self.moves.append((model, version))
        self._registry.holders[model] = version


class FakeRetrainer(Scripted):
    """Accepts retrainings; the same key starts one run only."""

    def __init__(self, *outcomes):
        super().__init__(*outcomes)
        self.asked = []  # (model, key, reason)
        self.runs = {}

    async def start(self, model, *, key, reason):
        self.asked.append((model, key, reason))
        self.play(lambda: self.runs.setdefault(key, f"run-{len(self.runs) + 1}"))
        return self.runs[key]


class FakeDirectory:
    """User groups of a workspace."""

    def __init__(self, **groups):
        self.groups = {name: set(members) for name, members in groups.items()}
        self.error = None

    async def members(self, group_id):
        if self.error is not None:
            raise self.error
        return frozenset(self.groups.get(group_id, ()))


class FakeExplainer:
    """Writes the headline of the evidence back, and remembers what it was shown."""

    def __init__(self):
        self.packs = []

    async def explain(self, pack):
        self.packs.append(pack)
        return Explanation(
            incident_id=pack.incident_id, hypothesis_id=None, claims=(), facts=(), next_checks=(), author="fake"
        )
