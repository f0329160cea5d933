"""A whole installation in one process under a hand-turned clock: production, Slack, and the bot between them.

The clock of the bot, of the simulated production and of the emulated Slack is the same, so a story reads in its own
time. Everything is real but three things: nothing rings by itself (the story ticks, acts, explains and publishes), the
pacer does not wait, and nothing asks for words.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from aiohttp import web

from bot.acting import Actor
from bot.actions.dry_run import DryRunMover
from bot.actions.mlflow_alias import MlflowAliasMover
from bot.catalog import parse_catalog
from bot.clock import ManualClock
from bot.digesting import Digesting
from bot.domain.catalogue import Catalogue
from bot.domain.change import ChangeKind
from bot.domain.policy import ApproverPolicy, RollbackPolicy, SpeakingPolicy, TickPolicy
from bot.emulator import AppDefinition, Definition, Server, Settings, SlashCommand, serve
from bot.emulator.message import Message
from bot.emulator.transcript import content_lines
from bot.explaining import Explaining
from bot.http import HttpClient
from bot.llm.explainer import GroundedExplainer
from bot.lookout import Lookout
from bot.metrics import Metrics
from bot.proposing import Proposals
from bot.service import Service
from bot.slack.adapter import SlackAdapter
from bot.slack.manifest import manifest
from bot.slack.options import SlackOptions
from bot.slack.pacing import Pacer
from bot.sources.mlflow import MlflowRegistry
from bot.sources.prometheus import PrometheusSource
from bot.sources.prometheus_changes import PrometheusChanges
from bot.sources.version_watch import ChangeQuery
from bot.store.sql import SqlStore, open_store
from bot.tick import Tick
from bot.watch import Watch
from bot.world.clock import VirtualClock
from bot.world.faults.episode import Episode
from bot.world.server import application
from bot.world.signals import catalog
from bot.world.simulate import World
from bot.world.topology import Topology, shop

START = datetime(2026, 9, 22, 10, 0, tzinfo=UTC)  # a working day, not near the top of the daily swing
HISTORY = timedelta(hours=6)  # enough to be judged by; a season takes days, and reading them takes seconds
MINUTE = timedelta(minutes=1)
DIGEST_AT = time(10, 50)  # most stories are over by then
EDITS_SHOW = timedelta(seconds=50)  # into a minute: automatic edits wait 45 s, and the next tick must not fold them
CHANNEL, BOT = "incidents", "U0BOT"
ALICE, BOB = "U0ALICE", "U0BOB"
ROUNDS = 20  # of acting, explaining and publishing after a moment; more would be a loop
FREE = 1e6  # messages a second: the emulator does not limit, and Slack's real seconds are not the story's

IDS = re.compile(r"\b(inc|prop|sil)-[0-9a-f]{7,16}\b")
STAMP = re.compile(r"^(\s*)\[(\d\d:\d\d):\d\d\]", re.MULTILINE)
UNTIL = re.compile(r"(~ until \d\d:\d\d):\d\d")
BYTES = re.compile(r", \d+ bytes\]")
ADDRESS = re.compile(r"127\.0\.0\.1:\d+")


def topology(*, label_delay: timedelta = timedelta(minutes=5)) -> Topology:
    """A shop whose labels come soon, so that a story need not last an hour."""
    place = shop()
    return place.with_models({m.name: replace(m, label_delay_s=label_delay.total_seconds()) for m in place.models})


@dataclass(slots=True)
class Weather:
    """How the servers that the bot asks feel today."""

    down: set[str] = field(default_factory=set)  # beginnings of paths that answer 503

    @web.middleware
    async def middleware(self, request: web.Request, handler) -> web.StreamResponse:
        if any(request.path.startswith(path) for path in self.down):
            return web.Response(status=503, text="upstream connect error")
        return await handler(request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Production:
    """What the bot watches: it goes on whether the bot runs or not."""

    world: World
    url: str
    catalogue: Catalogue
    weather: Weather


class Bot:
    """The parts of bot.wiring.running, put together the same way, without its scheduler and its probes."""

    def __init__(
        self, production: Production, slack: Server, store: SqlStore, clock: ManualClock, rollback: RollbackPolicy
    ) -> None:
        catalogue, metrics, speaking = production.catalogue, Metrics(), SpeakingPolicy(digest_at=DIGEST_AT)
        self.store = store
        self.client = HttpClient(production.url)
        self.registry = MlflowRegistry("mlflow", self.client)
        self.watch = Watch(catalogue)
        rollouts = ChangeQuery(
            query="service:deploy_time:seconds",
            kind=ChangeKind.DEPLOY,
            entity_labels=("service",),
            version_label="version",
        )
        timing = TickPolicy(warm_up=HISTORY)
        lookout = Lookout(
            sources=[PrometheusSource("prometheus", self.client, catalogue.signals)],
            change_sources=[PrometheusChanges("prometheus changes", self.client, [rollouts])],
            registry=self.registry,
            store=store,
            watch=self.watch,
            timing=timing,
            metrics=metrics,
        )
        self.tick = Tick(
            lookout=lookout, store=store, speaking=speaking, rollback=rollback, timing=timing, metrics=metrics
        )
        app = slack.emulator.definition.app
        self.slack = SlackAdapter(
            SlackOptions(
                bot_token=app.bot_token, app_token=app.app_token, channel="C0INCIDENTS", base_url=slack.api_url
            ),
            store=store,
            clock=clock,
            metrics=metrics,
            catalogue=catalogue,
        )
        self.slack.publisher._pacer = Pacer(rate=FREE, burst=1000)
        explainer = GroundedExplainer(None, clock=clock, metrics=metrics)
        proposals = Proposals(
            store=store,
            registry=self.registry,
            directory=self.slack.directory,
            catalogue=catalogue,
            clock=clock,
            policy=rollback,
            can_retrain=False,
        )
        self.desk = Service(
            store=store,
            tick=self.tick,
            proposals=proposals,
            explainer=explainer,
            catalogue=catalogue,
            clock=clock,
            dry_run=rollback.dry_run,
        )
        self.actor = Actor(
            store=store,
            registry=self.registry,
            mover=DryRunMover() if rollback.dry_run else MlflowAliasMover(self.client),
            retrainer=None,
            catalogue=catalogue,
            clock=clock,
            policy=rollback,
            settle=speaking.debounce,
            serving=self.watch.versions,
            metrics=metrics,
        )
        self.explaining = Explaining(store=store, explainer=explainer, catalogue=catalogue, clock=clock)
        self.digesting = Digesting(store=store, catalogue=catalogue, clock=clock, policy=speaking)

    async def start(self, now: datetime) -> None:
        await self.slack.start(self.desk)
        self.slack._publishing.cancel()  # the story publishes, so that it knows when all is said
        await self.tick.warm_up(now)

    async def stop(self, *, ticked: bool) -> None:
        if ticked:
            await self.tick.save()
        await self.slack.stop()
        await self.client.close()
        await self.store.close()


class Story:
    """A timeline in; the channel's transcript out."""

    def __init__(
        self, production: Production, slack: Server, clock: ManualClock, database: str, rollback: RollbackPolicy
    ) -> None:
        self.production, self.slack, self.clock = production, slack, clock
        self.beginning = clock.now()
        self._database, self._rollback = database, rollback
        self._bot: Bot | None = None
        self._ticked = False

    # ------------------------------------------------------------ life

    @property
    def bot(self) -> Bot:
        assert self._bot is not None, "the bot does not run"
        return self._bot

    async def start(self) -> None:
        store = await open_store(self._database, create=True)
        self._bot, self._ticked = Bot(self.production, self.slack, store, self.clock, self._rollback), False
        await self._bot.start(self.clock.now())

    async def stop(self) -> None:
        if self._bot is not None:
            bot, self._bot = self._bot, None
            await bot.stop(ticked=self._ticked)

    async def restart(self, *, down: int = 0) -> None:
        """Stop everything of the bot, let minutes pass, and build it anew on the same database."""
        await self.stop()
        for _ in range(down):
            await self._turn(MINUTE)
        await self.start()

    # ------------------------------------------------------------ time

    def after(self, minutes: float) -> float:
        """Seconds since 1970 at so many minutes from now, for episodes."""
        return self.clock.now().timestamp() + 60 * minutes

    def happen(self, *episodes: Episode) -> None:
        for episode in episodes:
            self.production.world.add(episode)

    async def minutes(self, count: int, *, publish: bool = True) -> None:
        """Let minutes pass; each ends with a tick.

        publish: otherwise the last tick is committed, and nothing that follows from it has happened yet.
        """
        for minute in range(1, count + 1):
            await self._turn(EDITS_SHOW)
            await self.settle()
            await self._turn(MINUTE - EDITS_SHOW)
            await self.bot.tick.run(self.clock.now())
            self._ticked = True
            if publish or minute < count:
                await self.settle()

    async def until(self, words: str, *, within: int) -> None:
        """Let minutes pass until the channel reads `words`."""
        for _ in range(within + 1):
            if words in self.transcript():
                return
            await self.minutes(1)
        raise AssertionError(f"{words!r} was not said within {within} minutes:\n{self.transcript()}")

    async def _turn(self, duration: timedelta) -> None:
        await self.clock.advance(duration)
        self.slack.emulator.clock.set(self.clock.now().timestamp())
        self.production.world.advance(self.clock.now().timestamp())

    async def settle(self) -> None:
        """Finish what people asked for, act, explain and publish until nothing moves any more."""
        await self.bot.slack._tasks.idle()
        for _ in range(ROUNDS):
            bot = self.bot
            moved = await bot.actor.advance() + await bot.explaining.catch_up() + await bot.digesting.catch_up()
            if not moved + await self.bot.slack.publisher.drain():
                break
        else:
            raise AssertionError("the bot does not come to rest")
        files = self.slack.emulator.workspace.files.values()
        while any(file.completed and not file.shares for file in files):  # noqa: ASYNC110 - a workspace has no event
            await asyncio.sleep(0)  # Slack shows an upload a moment after it has taken it

    # ------------------------------------------------------------ people

    async def press(self, who: str, label: str, *, act: bool = True) -> None:
        """Press the newest button with this label that stands in the channel, and confirm it.

        act: let the bot do at once what follows; otherwise only what was asked for is taken down.
        """
        message, action_id = self._button(label)
        outcome = await self.slack.emulator.clicks.press(user=who, channel=CHANNEL, ts=message.ts, action_id=action_id)
        assert outcome.acked, outcome.problem
        await (self.settle() if act else self.bot.slack._tasks.idle())

    async def answer(self, who: str, label: str) -> None:
        """Choose an entry of the newest menu that has it."""
        for message in sorted(self._messages(), key=lambda one: float(one.ts), reverse=True):
            for element in _elements(message):
                for option in element.get("options", ()):
                    if option["text"]["text"] == label:
                        outcome = await self.slack.emulator.clicks.press(
                            user=who,
                            channel=CHANNEL,
                            ts=message.ts,
                            action_id=element["action_id"],
                            choice=option["value"],
                        )
                        assert outcome.acked, outcome.problem
                        return await self.settle()
        raise AssertionError(f"no menu offers {label!r}:\n{self.transcript()}")

    def _button(self, label: str) -> tuple[Message, str]:
        for message in sorted(self._messages(), key=lambda one: float(one.ts), reverse=True):
            for element in _elements(message):
                if element.get("type") == "button" and element["text"]["text"] == label:
                    return message, element["action_id"]
        raise AssertionError(f"nothing can be pressed that says {label!r}:\n{self.transcript()}")

    async def slash(self, who: str, line: str) -> str:
        """Type a command; returns the answer, which only this person reads."""
        before = len(self.private(who))
        outcome = await self.slack.emulator.people.slash(user=who, channel=CHANNEL, text=line)
        assert outcome.acked, outcome.problem
        await self.settle()
        return "\n".join(self.private(who)[before:])

    # ------------------------------------------------------------ what was said

    @property
    def _channel(self):
        return self.slack.emulator.workspace.channel(CHANNEL)

    def _messages(self) -> list[Message]:
        return [message for message in self._channel.messages.values() if not message.deleted]

    def said(self) -> list[Message]:
        """Everything of the bot that stands in the channel and its threads, oldest first."""
        return sorted((one for one in self._messages() if one.user == BOT), key=lambda one: float(one.ts))

    def headlines(self) -> list[str]:
        """What a notification of each thread's first message says now."""
        return [one.text for one in self.said() if not one.is_reply]

    def places(self) -> list[tuple[str, str]]:
        """Thread and slot of each of our messages, as its metadata says; a picture has none."""
        found = [one.metadata["event_payload"] for one in self.said() if one.metadata]
        return [(payload["thread"], payload["slot"]) for payload in found]

    def private(self, who: str) -> list[str]:
        """What this person alone was told, oldest first, ids as they are."""
        workspace = self.slack.emulator.workspace
        mine = [one for one in self._channel.ephemerals.values() if one.ephemeral_for == workspace.person(who).id]
        return ["\n".join(content_lines(workspace, one.text, one.blocks, one.attachments)) for one in mine]

    async def holder(self, model: str) -> str | None:
        """Ask the registry itself, as the bot's own client does."""
        return await self.bot.registry.holder(model)

    def moves(self, model: str) -> list[tuple[str | None, str | None, str | None]]:
        """Every move of the alias that serves: from, to, and who did it."""
        changes = self.production.world.changes
        return [(c.before, c.after, c.by) for c in changes if c.kind == "model_version" and c.entity == model]

    def move_alias(self, model: str, version: int, *, by: str) -> None:
        """Somebody works in the registry by hand."""
        self.production.world.move_alias(model, version, time_s=self.clock.now().timestamp(), by=by)

    def transcript(self, *, history: bool = False) -> str:
        """The channel as people read it at this moment; ids are numbered, times are those of the story."""
        return tidy(self.slack.emulator.transcript(CHANNEL, history=history))


def tidy(text: str) -> str:
    """Number the ids in the order in which they appear, and drop what differs from run to run."""
    names: dict[str, str] = {}

    def number(found: re.Match[str]) -> str:
        kind = found[1]
        count = sum(name.startswith(f"{kind}-") for name in names.values())
        return names.setdefault(found[0], f"{kind}-{count + 1}")

    text = IDS.sub(number, text)
    text = UNTIL.sub(r"\1", STAMP.sub(r"\1[\2]", text))
    return ADDRESS.sub("127.0.0.1", BYTES.sub("]", text))


def _elements(message: Message) -> Iterator[dict]:
    for block in (*message.blocks, *(block for bar in message.attachments for block in bar.get("blocks", ()))):
        yield from block.get("elements", ())


@asynccontextmanager
async def stage(
    folder: Path,
    *,
    place: Topology | None = None,
    approvers: Iterable[str] = (ALICE, BOB),
    four_eyes: bool = True,
    dry_run: bool = False,
    seed: int = 7,
) -> AsyncIterator[Story]:
    """Open the curtain: a day of history, an empty channel, a bot that has warmed up."""
    clock = ManualClock(START)
    place = place or topology()
    world = World(place, seed=seed, start_s=(START - HISTORY).timestamp())
    world.advance(START.timestamp())
    weather = Weather()
    watch_hand = VirtualClock(
        origin_s=START.timestamp(), origin_wall_s=START.timestamp(), wall=lambda: clock.now().timestamp()
    )
    app = application(world, watch_hand, scenario="story")
    app.middlewares.append(weather.middleware)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    rollback = RollbackPolicy(
        approvers={"*": ApproverPolicy(users=frozenset(approvers), four_eyes=four_eyes)}, dry_run=dry_run
    )
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        production = Production(
            world=world,
            url=f"http://127.0.0.1:{runner.addresses[0][1]}",
            catalogue=parse_catalog(catalog(place), where="story"),
            weather=weather,
        )
        async with await serve(_workspace()) as slack:
            slack.emulator.clock.set(START.timestamp())
            told = Story(production, slack, clock, f"sqlite:///{folder / 'story.db'}", rollback)
            try:
                await told.start()
                yield told
            finally:
                await told.stop()
    finally:
        await runner.cleanup()


def _workspace() -> Definition:
    """The app as its manifest describes it."""
    described = manifest(socket_mode=True, request_url=None, private_channels=False, user_groups=False)
    return Definition(
        app=AppDefinition(
            name="faultline",
            scopes=tuple(described["oauth_config"]["scopes"]["bot"]),
            slash_commands=tuple(SlashCommand(**one) for one in described["features"]["slash_commands"]),
        ),
        settings=Settings(share_delay_s=0.0, ack_timeout_s=30.0),  # a busy machine is no news
    )
