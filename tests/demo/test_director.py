import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from bot.demo.director import LATEST_MINUTE, Cue, cue, direct
from bot.demo.player import Said
from bot.demo.stage import CHANNEL, Stage
from bot.world.clock import VirtualClock
from bot.world.server import application, live_world

ORIGIN_S = 1_795_509_360.0  # a full minute
MODEL = "Very likely model: bad version 4 of fraud"
FIRING, RESOLVED = f"Firing · {MODEL}", f"Resolved · {MODEL}"


def head(words, ts="1.0"):
    return Said(ts=ts, root=ts, words=words, actions=frozenset())


def reply(words):
    return Said(ts="1.5", root="1.0", words=words, actions=frozenset())


@pytest.mark.parametrize(
    ("said", "versions", "expected"),
    [
        pytest.param([], [], None, id="nothing has happened yet"),
        pytest.param([head("Resolved · a blip")], [], None, id="something ended before the bad version came"),
        pytest.param([], ["4"], None, id="not told yet"),
        pytest.param([head(FIRING)], ["4"], None, id="told, and nobody acts"),
        pytest.param([head(RESOLVED)], ["4"], None, id="called over while the bad version serves"),
        pytest.param([head(FIRING)], ["4", "3"], None, id="rolled back, not recovered yet"),
        pytest.param([head(FIRING), reply("fraud is back to usual")], ["4", "3"], None, id="verified, still open"),
        pytest.param([head(RESOLVED), head(FIRING, "2.0")], ["4", "3"], None, id="another incident is open"),
        pytest.param([head(RESOLVED), reply("*Verified*")], ["4", "3"], Cue.OVER, id="rolled back and resolved"),
    ],
)
def test_the_disk_waits_until_the_first_trouble_is_over(said, versions, expected):
    assert cue(said, versions, minute=LATEST_MINUTE - 1) is expected


def test_the_disk_does_not_wait_for_ever():
    assert cue([head(FIRING)], ["4"], minute=LATEST_MINUTE) is Cue.LATE


@pytest.fixture
def wall():
    return [0.0]


@pytest.fixture
async def world(wall):
    clock = VirtualClock(origin_s=ORIGIN_S, origin_wall_s=0.0, rate=60.0, wall=lambda: wall[0])
    app = application(live_world(clock, seed=7, scenario="demo", history_h=2), clock, scenario="demo")
    async with TestServer(app) as server:
        yield server


@pytest.fixture
async def scene(world, tmp_path):
    """The demo's own world, and a channel in which one incident came and went."""

    async def snapshot(_request):
        message = {"ts": "1.0", "bot_id": "B0BOT", "deleted": False, "text": RESOLVED}
        return web.json_response({"channels": [{"id": CHANNEL, "messages": [message]}]})

    app = web.Application()
    app.add_routes([web.get("/_control/snapshot", snapshot)])
    async with TestServer(app) as slack:
        yield Stage(
            page=str(slack.make_url("/")), world=str(world.make_url("")).rstrip("/"), health="", folder=tmp_path
        )


async def troubles(session, scene):
    async with session.get(f"{scene.world}/_world/scenario") as answer:
        episodes = (await answer.json())["episodes"]
    return {one["kind"]: (one["minute"], one["end_s"] - one["start_s"]) for one in episodes if not one["innocent"]}


@pytest.mark.enable_socket
@pytest.mark.parametrize("minute", [20, 200], ids=["by a quick reader", "by a slow reader"])
async def test_a_rollback_brings_the_disk_on(scene, wall, minute):
    wall[0] = float(minute)  # a minute there is a second here
    async with ClientSession() as session:
        async with session.post(f"{scene.world}/_world/alias", json={"model": "fraud", "version": 3}) as answer:
            assert answer.ok

        why = await direct(scene, disk_lasts_s=1860.0)

        assert (why, (await troubles(session, scene))["disk_full"]) == (Cue.OVER, (minute, 1860.0))


@pytest.mark.enable_socket
async def test_a_bad_version_that_nobody_rolls_back_is_taken_back_and_the_disk_still_comes(scene, wall):
    wall[0] = LATEST_MINUTE - 1
    async with ClientSession() as session:
        why = await direct(scene, disk_lasts_s=1860.0)

        assert (why, set(await troubles(session, scene))) == (Cue.OVER, {"bad_version", "disk_full"})
