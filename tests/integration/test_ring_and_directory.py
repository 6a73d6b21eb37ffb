"""A directory that does not answer is in nobody's way: the phone rings, and the card fills in when it does.

The whole way but Asterisk: the engine with its lanes, the store, HTTP to a real server, the agent's screen.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from aiohttp import web

from bridge.centre import facts as f
from bridge.centre import orders as o
from bridge.centre.floor import Floor
from bridge.centre.ids import CallId, Endpoint, LegId
from bridge.config.directories import DirectorySettings
from bridge.crm.addresses import Allowed
from bridge.crm.directories import Directories
from bridge.crm.directory import ClientDirectory
from bridge.crm.outside import Outside
from bridge.crm.records import CallRecords
from bridge.crm.tickets import CallTickets
from bridge.crm.vault import Vault
from bridge.engine.dispatch import Dispatch
from bridge.engine.history import History
from bridge.engine.inbox import BoundedInbox
from bridge.engine.loop import Engine
from bridge.engine.timers import Timers
from bridge.lanes import handlers
from bridge.store import Store
from bridge.web import CardScreens
from tests.fakes.journal import MemoryJournal
from tests.fakes.world import ANNA, plan

CALL = CallId("1700000000.1")
NUMBER = "+79161234567"


@dataclass
class Phones:
    """Asterisk, as far as it is needed: what is told to ring rings. ``orders`` are in their order."""

    inbox: BoundedInbox
    orders: list[o.CallOrder] = field(default_factory=list)

    async def carry_out(self, order: o.CallOrder) -> None:
        self.orders.append(order)
        if isinstance(order, o.RingAgent):
            await self.inbox.put(f.LegRinging(order.call, order.leg))

    @property
    def rung(self) -> list[str]:
        return [order.agent for order in self.orders if isinstance(order, o.RingAgent)]


@dataclass
class Server:
    """A directory that answers when it is let."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    let: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, _: web.Request) -> web.StreamResponse:
        self.asked.set()
        await self.let.wait()
        return web.json_response([{"id": "z-1", "name": "Zoë"}])


@dataclass
class Centre:
    phones: Phones
    screens: CardScreens
    server: Server
    inbox: BoundedInbox
    engine: Engine
    store: Store

    async def until(self, condition) -> None:  # type: ignore[no-untyped-def]
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)

    async def call_comes(self) -> None:
        await self.inbox.put(f.CallOffered(CALL, LegId(CALL), NUMBER, "", "200", "lab"))

    @property
    def card(self) -> o.OpenCard | None:
        opened = self.screens.current(ANNA)
        return opened.order if opened is not None else None

    @property
    def verdict(self) -> f.Verdict | None:
        return self.card.record.verdict if self.card is not None else None


@asynccontextmanager
async def centre(tmp_path: Path, *, with_directory: bool) -> AsyncIterator[Centre]:
    server = Server()
    app = web.Application()
    app.router.add_get("/", server.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/?phone={{e164}}"
    settings = {"crm": DirectorySettings(url=url, seconds=30)} if with_directory else {}
    store = await Store.open(f"sqlite:///{tmp_path / 'callbridge.db'}")
    inbox, journal = BoundedInbox(), MemoryJournal()
    phones, screens = Phones(inbox), CardScreens(store)
    async with Outside(lambda: Allowed.of(["127.0.0.1"])) as outside:
        directories = Directories(store, outside, inbox, lambda: settings, {})
        lanes = handlers(
            ari=cast("Any", phones),
            ami=cast("Any", phones),
            clients=ClientDirectory(store, lambda _: "RU", directories),
            store=CallRecords(
                store, cast("Any", None), Vault(tmp_path, lambda: None), lambda: CallTickets(lambda _: "")
            ),
            screens=screens,
        )
        dispatch, timers = Dispatch(lanes, inbox.put_now), Timers(inbox.put_now)
        engine = Engine(
            floor=Floor(),
            inbox=inbox,
            dispatch=dispatch,
            timers=timers,
            history=History(store, journal, run="run"),
            journal=journal,
        )
        running = asyncio.create_task(engine.run())
        await inbox.put(f.PlanLoaded(plan()))
        await inbox.put(f.EndpointChanged(Endpoint(f"PJSIP/{ANNA}"), True))
        yield Centre(phones, screens, server, inbox, engine, store)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await dispatch.drain(1)
        timers.close()
        await directories.close()
    await screens.close()
    server.let.set()
    await runner.cleanup()
    await store.close()


async def test_the_phone_rings_while_the_directory_still_thinks_and_the_card_fills_in(tmp_path: Path) -> None:
    async with centre(tmp_path, with_directory=True) as house:
        await house.call_comes()
        await house.until(lambda: house.phones.rung == [ANNA])
        await house.until(house.server.asked.is_set)
        await house.until(lambda: house.verdict is f.Verdict.UNKNOWN)
        assert house.card is not None
        assert house.card.asking
        assert not house.server.let.is_set()

        house.server.let.set()
        await house.until(lambda: house.verdict is f.Verdict.KNOWN)
        drawn = await house.screens.drawn(ANNA)
        assert drawn is not None
        assert drawn.card is not None
        assert drawn.card.client is not None
        assert drawn.card.client.name == "Zoë"
        assert [source.external_id for source in drawn.card.sources] == ["z-1"]
        assert not drawn.order.asking


async def test_what_is_ordered_for_the_ring_is_the_same_with_and_without_it(tmp_path: Path) -> None:
    ordered = []
    for name, with_directory in (("with", True), ("without", False)):
        (tmp_path / name).mkdir()
        async with centre(tmp_path / name, with_directory=with_directory) as house:
            await house.call_comes()
            await house.until(lambda house=house: house.phones.rung == [ANNA])
            ordered.append([type(order).__name__ for order in house.phones.orders])
            assert not house.server.let.is_set()
    assert ordered[0] == ordered[1]


async def test_a_call_that_ends_before_the_answer_still_gets_its_client(tmp_path: Path) -> None:
    async with centre(tmp_path, with_directory=True) as house:
        await house.call_comes()
        await house.until(house.server.asked.is_set)
        await house.until(lambda: house.phones.rung == [ANNA])
        for order in list(house.phones.orders):
            if isinstance(order, o.RingAgent):
                await house.inbox.put(f.LegEnded(CALL, order.leg, 26))
        await house.inbox.put(f.LegEnded(CALL, LegId(CALL), 16))
        house.server.let.set()
        await house.until(lambda: not house.engine.floor.calls)
        await house.engine.dispatch.drain(5)
        async with house.store.view() as unit:
            kept = await unit.calls.get(CALL)
            assert kept is not None
            assert kept.client is not None
            (link,) = await unit.sources.of_clients([kept.client])
    assert link.external_id == "z-1"
