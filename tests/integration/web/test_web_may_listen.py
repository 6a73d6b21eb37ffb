"""The floor's button and the centre have one rule: who is rung to be beside an agent, and who is not."""

from collections.abc import Callable

import pytest

from bridge.centre import facts as f
from bridge.centre.ids import CallId, Endpoint
from bridge.engine.desk import EngineDesk
from bridge.engine.ports import FloorView
from bridge.web.supervision import may_supervise, why_nobody
from tests.fakes.world import ANNA, VERA, World
from tests.integration.web.test_web_supervision import supervised
from tests.integration.web.web_house import House
from tests.unit.centre.talk_scene import talking
from tests.unit.engine.test_loop import Rig

DIRECT = CallId("direct")


def nothing(_: World) -> None:
    """She is ready."""


def pauses(world: World) -> None:
    world.tell(f.AgentPaused(VERA, "lunch"))


def logs_out(world: World) -> None:
    """Her phone is there all the same."""
    world.tell(f.AgentLoggedOut(VERA))


def unplugs(world: World) -> None:
    world.tell(f.EndpointChanged(Endpoint(f"PJSIP/{VERA}"), False, "not registered"))


def is_rung(world: World) -> None:
    world.tell(f.OutsideRinging(DIRECT, VERA, "+79160000000", "", "1003"))


def talks_directly(world: World) -> None:
    is_rung(world)
    world.tell(f.OutsideAnswered(DIRECT, VERA))


def logs_out_and_talks(world: World) -> None:
    logs_out(world)
    talks_directly(world)


def pauses_and_talks(world: World) -> None:
    pauses(world)
    talks_directly(world)


def has_a_client(world: World) -> None:
    world.caller("600", "+15550177")
    world.talk(VERA)


@pytest.mark.parametrize(
    ("before", "may", "why"),
    [
        (nothing, True, ""),
        (pauses, True, ""),
        (logs_out, True, ""),
        (unplugs, False, "not connected"),
        (is_rung, False, "in a call"),
        (talks_directly, False, "in a call"),
        (logs_out_and_talks, False, "in a call"),
        (pauses_and_talks, False, "in a call"),
        (has_a_client, False, "in a call"),
    ],
)
async def test_the_button_is_where_the_centre_rings(
    before: Callable[[World], None], why: str, *, may: bool
) -> None:
    world, call = talking(VERA)
    before(world)
    view, plan = await seen(world), world.floor.plan
    assert may_supervise(view, plan, VERA) == ({ANNA} if may else set())
    assert why in why_nobody(view, plan, VERA)
    assert bool(why_nobody(view, plan, VERA)) is not may
    world.tell(f.SupervisionWished(VERA, ANNA, f.Supervise.LISTEN, "vera"))
    assert bool(world.floor.calls[call].watches) is may


async def seen(world: World) -> FloorView:
    rig = Rig()
    rig.engine.floor = world.floor
    desk = EngineDesk(rig.engine, lambda: ())
    view = desk.floor()
    desk.close()
    await rig.dispatch.drain(1)
    rig.timers.close()
    return view


async def test_who_is_logged_out_has_his_direct_call_on_the_floor() -> None:
    world, _ = talking(VERA)
    logs_out_and_talks(world)
    vera = next(one for one in (await seen(world)).agents if one.agent == VERA)
    assert (vera.state, vera.call) == ("logged_out", DIRECT)


async def test_a_direct_call_is_told_since_its_own_beginning() -> None:
    world, _ = talking(VERA)
    for happens in (is_rung, talks_directly):
        world.pass_time(60)
        happens(world)
        vera = next(one for one in (await seen(world)).agents if one.agent == VERA)
        assert (vera.since, vera.call) == (world.now, DIRECT)


@pytest.mark.parametrize(
    ("language", "change", "words"),
    [
        (
            "en",
            {"state": "talking"},
            "Nobody can be listened to now. The phone that would ring is in a call.",
        ),
        ("en", {"call": DIRECT, "state": "logged_out"}, "The phone that would ring is in a call."),
        ("en", {"reachable": False}, "The phone that would ring is not connected."),
        ("ru", {"reachable": False}, "Слушать сейчас нельзя."),
    ],
)
async def test_the_floor_tells_why_there_is_no_button(
    house: House, language: str, change: dict[str, object], words: str
) -> None:
    supervised(house, VERA)
    client = await house.supervisor("vera", VERA, language=language)
    html = await (await client.get("/floor")).text()
    assert 'id="listen-1001"' in html
    assert words not in html
    house.desk.change(VERA, **change)
    html = await (await client.get("/floor")).text()
    assert 'id="listen-1001"' not in html
    assert words in html


async def test_it_is_not_told_where_there_is_nobody_anyhow(house: House) -> None:
    supervised(house)
    house.desk.change(VERA, reachable=False)
    client = await house.supervisor("vera", VERA)
    assert "Nobody can be listened to now." not in await (await client.get("/floor")).text()
