"""The streams themselves: endings, slow readers, many pages, the supervisor's floor."""

import asyncio
from datetime import UTC, datetime

import pytest

from bridge.web import streams
from bridge.web.context import SESSIONS
from bridge.web.live import HUB
from bridge.web.sessions import IDLE
from bridge.web.streams import PER_USER, PageStream, Topic
from tests.integration.web.web_house import House, csrf_of
from tests.integration.web.web_samples import busy_floor, card, record


async def test_the_floor_is_live(house: House) -> None:
    chief = await house.sign_in("chief")
    stream = await house.listen(chief, "/events?page=floor")
    await stream.until("floor", "Nobody is waiting")
    house.desk.show(busy_floor(datetime.now(UTC)))
    sent = await stream.until("floor", "+7 495 111-22-33")
    for word in ("Number withheld", "Hanna Weber", "Анна Смирнова", "Lunch", "not registered", "Поддержка"):
        assert word in sent.data


async def test_an_agent_gets_no_floor_even_if_he_asks(house: House) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=floor")
    house.desk.show(busy_floor(datetime.now(UTC)))
    await house.screens.open_card(card(record()))
    await stream.until("ring", "Your phone rings")
    assert {sent.event for sent in stream.seen} <= {"ring", "notices"}


async def test_an_unknown_page_is_refused(house: House) -> None:
    anna = await house.sign_in("1001")
    assert (await anna.get("/events?page=x")).status == 400
    assert (await anna.get("/events")).status == 400


async def test_streams_end_when_the_server_goes_and_it_goes_at_once(house: House) -> None:
    anna, chief = await house.sign_in("1001"), await house.sign_in("chief")
    pages = [
        await house.listen(anna, "/events?page=desktop"),
        await house.listen(chief, "/events?page=floor"),
    ]
    api = await house.listen(chief, "/api/v1/events")
    for page in pages:
        await page.next()
    async with asyncio.timeout(10):
        await house.server.close()
    for listener in (*pages, api):
        while await listener.next() is not None:
            pass
    assert len(house.server.app[HUB]) == 0


async def test_signing_out_ends_the_session_s_streams(house: House) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    await stream.until("contacts")
    await anna.post("/logout", data={"csrf": await csrf_of(anna)}, allow_redirects=False)
    await stream.until("closing")
    assert await stream.next() is None


async def test_a_stream_ends_with_its_session(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    await stream.until("contacts")
    async with house.store.unit() as unit:
        user = await unit.users.by_login("1001")
        assert user is not None
        await unit.users.set_password("1001", user.password_hash)
    await stream.until("signed-out")
    assert await stream.next() is None


async def test_an_open_page_does_not_keep_its_session_from_becoming_idle(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    anna = await house.sign_in("1001")
    sessions = house.server.app[SESSIONS]
    (digest,) = sessions._used
    sessions._used[digest] -= IDLE.total_seconds() / 2
    used = sessions._used[digest]
    stream = await house.listen(anna, "/events?page=desktop")
    await stream.beats(3)
    assert sessions._used[digest] == used, "neither a stream nor its beats are somebody's work"
    sessions._used[digest] -= IDLE.total_seconds()
    await stream.until("signed-out")
    assert (await anna.get("/tickets", allow_redirects=False)).status == 303


async def test_the_idle_clock_starts_anew_after_a_restart_for_a_page_that_is_only_open(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT", 0.05)
    anna = await house.sign_in("1001")
    sessions = house.server.app[SESSIONS]
    (digest,) = sessions._used
    sessions._used.clear()
    stream = await house.listen(anna, "/events?page=desktop")
    used = sessions._used[digest]
    await stream.beats(2)
    assert sessions._used[digest] == used


async def test_a_user_s_oldest_page_gives_way(house: House) -> None:
    anna = await house.sign_in("1001")
    listeners = [await house.listen(anna, "/events?page=other") for _ in range(PER_USER + 1)]
    await listeners[0].until("closing")
    await listeners[-1].next()
    assert len(house.server.app[HUB]) <= PER_USER + 1


class _StuckWire:
    """A browser that reads one event and then nothing for a while."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.reads = asyncio.Event()

    async def send(self, event: str, data: str, *, identity: int | None = None) -> None:
        self.sent.append((event, data))
        await self.reads.wait()

    async def beat(self) -> None:
        await self.reads.wait()


async def test_a_slow_browser_costs_nothing_and_gets_the_newest_state(house: House) -> None:
    from bridge.web.principal import Person

    async with house.store.view() as unit:
        user = await unit.users.by_login("1001")
    assert user is not None
    stream = PageStream(Person(user, "s", "c"), "en", frozenset({Topic.CARD, Topic.STATE}))
    wire, state = _StuckWire(), {"n": 0}

    async def draw(_: PageStream, topic: Topic) -> str:
        return f"{topic.value} {state['n']}"

    async def welcome() -> bool:
        return True

    running = asyncio.create_task(stream.run(wire, draw, welcome))  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        while not wire.sent:
            await asyncio.sleep(0)
    for n in range(1, 1001):
        state["n"] = n
        stream.mark(Topic.CARD, Topic.STATE)
    wire.reads.set()
    async with asyncio.timeout(5):
        while ("card", "card 1000") not in wire.sent:
            await asyncio.sleep(0)
    stream.close()
    await running
    assert len(wire.sent) <= 5, wire.sent


async def test_what_did_not_change_is_not_sent_again(house: House) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    await stream.until("contacts")
    for _ in range(20):
        house.desk.show(house.desk.view)
    house.desk.set_agent("1001", "paused", "lunch")
    await stream.until("state", "Lunch")
    assert [sent.event for sent in stream.seen].count("state") == 2


async def test_a_head_request_does_not_hang_in_a_stream(house: House) -> None:
    chief = await house.sign_in("chief")
    for path in ("/events?page=floor", "/api/v1/events"):
        async with asyncio.timeout(10):
            answer = await chief.head(path)
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"


async def test_a_page_that_goes_away_leaves_nothing_behind(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    anna = await house.sign_in("1001")
    stream = await house.listen(anna, "/events?page=desktop")
    await stream.until("contacts")
    stream.close()
    async with asyncio.timeout(10):
        number = 0
        while len(house.server.app[HUB]):
            number += 1
            house.desk.set_agent("1001", "paused", f"reason {number}")
            await asyncio.sleep(0.01)
    assert not caplog.records, "a browser that left is no error"
