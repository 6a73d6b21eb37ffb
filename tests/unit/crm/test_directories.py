"""External directories over real HTTP: in parallel, in their own time, and never in a call's way."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from bridge.centre.facts import ClientIdentified, DirectoryAnswered, Fact, Verdict
from bridge.centre.ids import CallId
from bridge.centre.orders import LookUpClient
from bridge.config.directories import AnswerSettings, DirectorySettings
from bridge.crm.addresses import Allowed
from bridge.crm.directories import AnswerKind, Directories
from bridge.crm.directory import ClientDirectory
from bridge.crm.outside import Outside
from bridge.store import Store
from bridge.store.rows import NumberRow

NUMBER = "+79161234567"
CALL = CallId("1.1")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Box:
    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.news = asyncio.Event()

    async def put(self, fact: Fact, at: datetime | None = None) -> None:
        self.facts.append(fact)
        self.news.set()

    async def answers(self, count: int) -> list[DirectoryAnswered]:
        async with asyncio.timeout(10):
            while len(self.facts) < count:
                self.news.clear()
                await self.news.wait()
        return [fact for fact in self.facts if isinstance(fact, DirectoryAnswered)]


class House:
    """Directories by name, each a path of one server; what they answer is set by each test."""

    def __init__(self, store: Store, outside: Outside) -> None:
        self.box = Box()
        self.asked: list[tuple[str, str, str | None]] = []
        self.replies: dict[str, Handler] = {}
        self.settings: dict[str, DirectorySettings] = {}
        self.time = 0.0
        self.now = datetime(2026, 11, 28, 10, tzinfo=UTC)
        self.external = Directories(
            store,
            outside,
            self.box,
            lambda: self.settings,
            {"crm": "s3cret"},
            clock=lambda: self.time,
            now=lambda: self.now,
        )
        self.directory = ClientDirectory(store, lambda _: "RU", self.external)
        self.url = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        self.asked.append((name, request.query["phone"], request.headers.get("Authorization")))
        return await self.replies[name](request)

    def add(self, name: str, reply: Handler, **more: object) -> None:
        self.replies[name] = reply
        values = {
            "url": f"{self.url}/{name}?phone={{e164}}",
            "seconds": 5.0,
            "answer": AnswerSettings(url="url"),
        }
        self.settings[name] = DirectorySettings(**{**values, **more})  # type: ignore[arg-type]

    async def look_up(self, call: CallId = CALL, number: str = NUMBER) -> ClientIdentified:
        return await self.directory.look_up(LookUpClient(call, number, "lab"))


def knows(*names: str, status: int = 200) -> Handler:
    async def reply(_: web.Request) -> web.StreamResponse:
        clients = [{"id": name, "name": name, "url": f"https://crm/{name}"} for name in names]
        return web.json_response(clients, status=status)

    return reply


@pytest.fixture
async def house(store: Store) -> AsyncIterator[House]:
    async with Outside(lambda: Allowed.of(["127.0.0.1"])) as outside:
        house = House(store, outside)
        app = web.Application()
        app.router.add_get("/{name}", house.serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        house.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield house
        await house.external.close()
        await runner.cleanup()


async def test_without_directories_nothing_follows(house: House) -> None:
    assert not (await house.look_up()).more
    assert house.box.facts == []


async def test_own_clients_are_told_at_once_and_nobody_else_is_asked(house: House, store: Store) -> None:
    house.add("crm", knows("Zoë"))
    async with store.unit() as unit:
        await unit.clients.add("Anna", numbers=[NumberRow(NUMBER, NUMBER)])
    found = await house.look_up()
    assert (found.verdict, found.more) == (Verdict.KNOWN, False)
    assert house.asked == []


async def test_a_stranger_is_asked_about_and_becomes_a_client_of_our_own(house: House, store: Store) -> None:
    house.add("crm", knows("Zoë"), title="Our CRM", headers={"Authorization": "Bearer {token}"})
    found = await house.look_up()
    assert (found.verdict, found.clients, found.more) == (Verdict.UNKNOWN, (), True)
    (answered,) = await house.box.answers(1)
    (client,) = answered.clients
    assert answered == DirectoryAnswered(CALL, NUMBER, "Our CRM", (client,), last=True)
    assert house.asked == [("crm", NUMBER, "Bearer s3cret")]
    again = await house.look_up(CallId("1.2"))
    assert (again.verdict, again.clients, again.more) == (Verdict.KNOWN, (client,), False)
    async with store.view() as unit:
        (link,) = await unit.sources.of_clients([client.id])
    assert (link.source, link.external_id, link.url) == ("crm", "Zoë", "https://crm/Zoë")


async def test_each_answers_in_its_own_time(house: House) -> None:
    let = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await let.wait()
        return await knows("Slow")(request)

    house.add("slow", slow)
    house.add("fast", knows("Fast"))
    await house.look_up()
    (fast,) = await house.box.answers(1)
    assert (fast.directory, fast.last) == ("fast", False)
    let.set()
    _, last = await house.box.answers(2)
    assert (last.directory, last.last, [client.name for client in last.clients]) == ("slow", True, ["Slow"])


async def test_one_that_is_too_slow_is_told_as_such(house: House) -> None:
    async def never(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    house.add("crm", never, seconds=0.2)
    await house.look_up()
    (answered,) = await house.box.answers(1)
    assert (answered.answered, answered.last, answered.clients) == (False, True, ())
    assert house.external.counts == {("crm", AnswerKind.FAILED): 1}


async def test_one_that_fails_again_and_again_is_not_asked_for_a_while(house: House) -> None:
    house.add("crm", knows(status=500))
    for number in range(5):
        await house.look_up(CallId(f"1.{number}"), f"+7916000000{number}")
        await house.box.answers(number + 1)
    assert len(house.asked) == 3
    assert house.external.counts == {("crm", AnswerKind.FAILED): 3, ("crm", AnswerKind.NOT_ASKED): 2}
    house.add("crm", knows("Zoë"))
    house.time += 1000
    await house.look_up()
    assert (await house.box.answers(6))[-1].clients


async def test_nobody_is_remembered_for_a_while(house: House) -> None:
    house.add("crm", knows(), cache_seconds=60)
    for count in (1, 2):
        await house.look_up()
        await house.box.answers(count)
    assert len(house.asked) == 1
    house.time += 61
    await house.look_up()
    answers = await house.box.answers(3)
    assert len(house.asked) == 2
    assert all(one.answered and one.last and not one.clients for one in answers)


async def test_calls_from_one_number_ask_once(house: House) -> None:
    let = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await let.wait()
        return await knows("Zoë")(request)

    house.add("crm", slow, cache_seconds=0)
    for number in range(5):
        await house.look_up(CallId(f"1.{number}"))
    async with asyncio.timeout(5):
        while not house.asked:
            await asyncio.sleep(0.01)
    let.set()
    answers = await house.box.answers(5)
    assert len({one.clients for one in answers}) == 1
    assert len(house.asked) == 1


async def test_a_kept_client_is_told_at_once_and_refreshed_when_his_data_grow_old(
    house: House, store: Store
) -> None:
    house.add("crm", knows("Zoë"), cache_seconds=60)
    await house.look_up()
    await house.box.answers(1)

    async def renamed(_: web.Request) -> web.StreamResponse:
        return web.json_response([{"id": "Zoë", "name": "Zoë Q", "company": "Acme"}])

    house.add("crm", renamed, cache_seconds=60)
    house.time += 61
    house.now += timedelta(seconds=61)
    found = await house.look_up()
    assert (found.verdict, [client.name for client in found.clients], found.more) == (
        Verdict.KNOWN,
        ["Zoë"],
        True,
    )
    answered = (await house.box.answers(2))[-1]
    assert [(client.id, client.name) for client in answered.clients] == [(found.clients[0].id, "Zoë Q")]


async def test_a_store_that_cannot_keep_him_says_so(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.add("crm", knows("Zoë"))
    await house.look_up(CallId("1.0"), "+79160000000")
    await house.box.answers(1)

    def down(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(Store, "unit", down)
    await house.look_up()
    assert not (await house.box.answers(2))[-1].answered


async def test_one_in_our_own_network_must_be_allowed(house: House) -> None:
    house.add("crm", knows("Zoë"), url="http://127.0.0.2:8080/{digits}")
    await house.look_up()
    (answered,) = await house.box.answers(1)
    assert not answered.answered
