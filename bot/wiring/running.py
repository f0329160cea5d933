"""One running bot: what it is made of, and in which order that starts and stops. The only place that knows it all."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from bot.acting import Actor
from bot.clock import Clock, from_epoch
from bot.config import Settings
from bot.digesting import Digesting
from bot.domain.notice import Notice
from bot.errors import BadInputError, FaultlineError, GiveUpError, RetryLaterError, StoreDownError
from bot.explaining import Explaining
from bot.health import HealthServer, Pulse, health_app
from bot.log_watch import LogWatch
from bot.lookout import Lookout
from bot.metrics import Metrics
from bot.ports import Store
from bot.proposing import Proposals
from bot.scheduler import Scheduler
from bot.service import Service
from bot.slack.adapter import SlackAdapter
from bot.slack.check import FIXES
from bot.store.sql import open_store
from bot.tick import Tick, TickResult
from bot.watch import Watch
from bot.wiring import parts

log = logging.getLogger(__name__)

LAG = 0.05  # of a period after the full one: scrapes of that moment have arrived by then
QUICK = timedelta(seconds=2)  # longest real wait until an approval is acted on, and until an incident is explained
TURN = timedelta(seconds=45)  # an explanation may first wait for another one's call to end
GAUGES_EVERY = timedelta(seconds=5)
LOG_PATIENCE = timedelta(minutes=10)
CONNECT_AGAIN_S = (2.0, 5.0, 15.0, 30.0, 60.0)  # Slack may be down when we start: detection goes on meanwhile


async def run_bot(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises BadInputError when a person must act first, which a token that Slack refuses is too.
    """
    store = await open_store(settings.database_url, create=True)
    try:
        bot = Bot(settings, store)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, bot.end)
        starting: asyncio.Future[None] = asyncio.ensure_future(bot.start())
        try:
            # reading two days of history may take a minute: whoever wants us to stop shall not wait for it
            await asyncio.wait([starting, bot.ended], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                await bot.ended
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await bot.stop()
    finally:
        await store.close()


def _log_tick(result: TickResult) -> None:
    """What a person will search for: which finding came into which incident, and why something was said or held."""
    tick = result.at.isoformat()
    for incident in result.incidents:
        for finding in incident.findings:
            if finding.detected == result.at:
                about = {"incident": incident.id, "fingerprint": finding.fingerprint, "series": str(finding.key)}
                log.info("finding", extra={**about, "tick": tick, "z": round(finding.evidence.z, 1)})
    for decision in result.decisions:
        if isinstance(decision, Notice):
            log.info("told", extra={"incident": decision.incident_id, "reason": decision.reason, "tick": tick})
        else:
            log.debug("held", extra={"incident": decision.incident_id, "by": decision.by, "tick": tick})


def slot_of(now: datetime, period: timedelta) -> datetime:
    """The full period that has begun last: every process that ticks agrees on it.

    >>> slot_of(from_epoch(1790000059.0), timedelta(minutes=1)).timestamp()
    1790000040.0
    """
    period_s = period.total_seconds()
    return from_epoch(now.timestamp() // period_s * period_s)


class Bot:
    """Construct inside a running loop. `ended` is done when it shall stop, or fails when nobody can wait it out."""

    def __init__(self, settings: Settings, store: Store) -> None:
        catalogue = settings.catalogue
        speaking, rollback, timing = settings.speaking_policy(), settings.rollback_policy(), settings.tick_policy()
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._store = store
        self._timing = timing
        self._wordless = settings.llm.deadline + TURN  # a language model that is slow is cut off by its own deadline
        self._rate = parts.clock_rate(settings)
        self._metrics = Metrics()
        self._clock: Clock = parts.clock(settings)
        registry, mover = parts.registry(settings), parts.mover(settings)
        retrainer = parts.retrainer(settings, clock=self._clock)
        explainer = parts.explainer(settings, clock=self._clock, metrics=self._metrics)
        sources, change_sources = parts.metric_sources(settings), parts.change_sources(settings)
        self._closing: list[Callable[[], Awaitable[None]]] = [
            part.close
            for part in (*sources, *change_sources, registry, mover, retrainer, explainer)
            if part is not None and hasattr(part, "close")
        ]
        self._logs = parts.log_watches(settings, store=store)
        self._closing += [one.close for one in self._logs]
        self.watch = Watch(catalogue, budget=settings.detectors.false_episodes_a_day)
        lookout = Lookout(
            sources=sources,
            change_sources=change_sources,
            registry=registry,
            store=store,
            watch=self.watch,
            timing=timing,
            metrics=self._metrics,
            logs=self._logs,
        )
        self._tick = Tick(
            lookout=lookout,
            store=store,
            speaking=speaking,
            rollback=rollback,
            timing=timing,
            metrics=self._metrics,
        )
        self.slack = SlackAdapter(
            parts.slack_options(settings),
            store=store,
            clock=self._clock,
            metrics=self._metrics,
            catalogue=catalogue,
            timing=parts.slack_timing(settings),
        )
        proposals = Proposals(
            store=store,
            registry=registry,
            directory=self.slack.directory,
            catalogue=catalogue,
            clock=self._clock,
            policy=rollback,
            can_retrain=retrainer is not None,
        )
        self.desk = Service(
            store=store,
            tick=self._tick,
            proposals=proposals,
            explainer=explainer,
            catalogue=catalogue,
            clock=self._clock,
            dry_run=settings.dry_run,
        )
        self._actor = Actor(
            store=store,
            registry=registry,
            mover=mover,
            retrainer=retrainer,
            catalogue=catalogue,
            clock=self._clock,
            policy=rollback,
            settle=speaking.debounce,
            serving=self.watch.versions,
            metrics=self._metrics,
            log_settles={one.model: one.settles for one in self._logs},
        )
        self._explaining = Explaining(store=store, explainer=explainer, catalogue=catalogue, clock=self._clock)
        self._digesting = Digesting(store=store, catalogue=catalogue, clock=self._clock, policy=speaking)
        self._scheduler = Scheduler(metrics=self._metrics)
        self._health = HealthServer(
            app=health_app(self._metrics, self.pulse), bind=settings.health.bind, port=settings.health.port
        )
        self._started = time.monotonic()
        self._ticked: float | None = None  # monotonic
        self._slot: datetime | None = None
        self._store_ok = True
        self._not_connected: str | None = "not connected yet"
        self._connecting: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ life

    async def start(self) -> None:
        """Answer probes, connect, learn what is usual, then tick."""
        try:
            await self._health.start()
        except OSError as error:
            raise BadInputError(f"health.port: cannot listen there: {error.strerror or error}") from error
        try:
            await self._connect()
        except RetryLaterError as error:
            log.warning("Slack cannot be reached; going on without it", extra={"because": str(error)})
            self._not_connected = str(error)
            self._connecting = asyncio.create_task(self._connect_later(), name="connect to Slack")
        now = slot_of(self._clock.now(), self._timing.period)
        await self._tick.warm_up(now)
        last = self.watch.last_time_s
        log.info(
            "warmed up",
            extra={"series": len(self.watch.index), "until": from_epoch(last).isoformat() if last else "nothing read"},
        )
        period = self._real(self._timing.period)
        into = (self._clock.now() - slot_of(self._clock.now(), self._timing.period)) / self._timing.period
        self._scheduler.every(period, "tick", self.tick, first=(1.0 + LAG - into) % 1.0 * period)
        self._scheduler.every(min(period, QUICK), "act", self._act)
        for one in self._logs:
            # statements have a limit of their own; the first reading takes several
            self._scheduler.every(
                period, f"read {one.name}", self._reading(one), first=timedelta(0), patience=LOG_PATIENCE
            )
        self._scheduler.every(min(period, QUICK), "explain", self._explain, patience=self._wordless)
        self._scheduler.every(period, "digest", self._digest)
        self._scheduler.every(GAUGES_EVERY, "gauges", self._gauge)
        self._scheduler.start()

    def end(self, error: FaultlineError | None = None) -> None:
        """Ask the bot to stop; the first word counts."""
        if self.ended.done():
            return
        if error is None:
            self.ended.set_result(None)
        else:
            self.ended.set_exception(error)

    async def stop(self) -> None:
        """Stop looking, keep what the detectors know, finish what people asked, let go of everything."""
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._connecting
        await self._scheduler.stop()
        if self._ticked is not None:
            try:
                await self._tick.save()
            except FaultlineError as error:
                log.warning("detector state not saved; the last snapshot stands", extra={"because": str(error)})
        await self.slack.stop()
        for close in self._closing:
            await close()
        await self._health.stop()
        log.info("stopped")

    async def _connect(self) -> None:
        try:
            await self.slack.start(self.desk)
        except GiveUpError as error:  # a wrong token is for a person to put right, like a wrong key
            raise BadInputError(f"{error} -> {FIXES.get(error.code, 'run `faultline doctor`')}") from error
        self._not_connected = None

    async def _connect_later(self) -> None:
        """Try until Slack answers; a refused token is for a person."""
        attempt = 0
        while True:
            await asyncio.sleep(CONNECT_AGAIN_S[min(attempt, len(CONNECT_AGAIN_S) - 1)])
            attempt += 1
            try:
                await self._connect()
            except RetryLaterError as error:
                self._not_connected = str(error)
            except FaultlineError as error:
                self.end(error)
                return
            else:
                return

    # ------------------------------------------------------------ jobs

    async def tick(self) -> None:
        """One pass over the full period that has begun last; a second ring in the same one does nothing."""
        slot = slot_of(self._clock.now(), self._timing.period)
        if self._slot is not None and slot <= self._slot:
            return
        try:
            result = await self._tick.run(slot)
        except StoreDownError as error:
            self._store_ok, self._ticked = False, time.monotonic()  # not stalled: restarting us repairs no database
            log.warning("tick not committed", extra={"tick": slot.isoformat(), "because": str(error)})
            return
        self._slot, self._store_ok, self._ticked = slot, True, time.monotonic()
        _log_tick(result)
        self.slack.publisher.wake()

    def _reading(self, one: LogWatch) -> Callable[[], Awaitable[None]]:
        """A prediction log is read beside the ticks: counting a large one takes longer than a tick may."""

        async def read() -> None:
            await one.refresh(self._clock.now())

        return read

    async def _act(self) -> None:
        if await self._actor.advance():
            self.slack.publisher.wake()

    async def _explain(self) -> None:
        if await self._explaining.catch_up():
            self.slack.publisher.wake()

    async def _digest(self) -> None:
        if await self._digesting.catch_up():
            self.slack.publisher.wake()

    async def _gauge(self) -> None:
        depth = await self._store.outbox_depth()
        age = (self._clock.now() - depth.oldest).total_seconds() if depth.oldest else 0.0
        self._metrics.outbox_age.set(max(0.0, age))
        self._metrics.outbox_depth.labels("waiting").set(depth.waiting)
        self._metrics.outbox_depth.labels("parked").set(depth.parked)

    # ------------------------------------------------------------ health

    def pulse(self) -> Pulse:
        trouble = self._not_connected or self.slack.trouble
        if trouble is None and not self.slack.connected:
            trouble = "the connection is down"
        return Pulse(
            last_tick_monotonic=self._ticked,
            started_monotonic=self._started,
            tick_period_s=self._real(self._timing.period).total_seconds(),
            store_ok=self._store_ok,
            slack_trouble=trouble,
        )

    def _real(self, duration: timedelta) -> timedelta:
        """How long the injected clock's `duration` takes in real time."""
        return duration / self._rate
