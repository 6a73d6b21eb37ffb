"""Receivers on loopback that behave badly: what a call's events lose, double or mix up by it is nothing."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bridge.callbacks import reader_of
from bridge.crm.delivery import Limits
from bridge.crm.formats import Dial, Reject, ToQueue
from bridge.crm.told import event_id
from bridge.errors import BadInput
from tests.bench.callbacks import outage
from tests.fakes.receiver import Receiver, receiving, says, takes
from tests.integration.crm.callback_house import ORDER, QUICK, SECRET, House, events_of, housed, until
from tests.unit.crm.at_rest import shelf_of

CALL = "1700000000.1"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(SECRET) as made:
        yield made


async def test_a_call_is_told_in_order_signed_and_once(house: House, receiver: Receiver) -> None:
    await house.subscribe(receiver.url)
    await house.tell(*events_of(CALL), *events_of(CALL))
    await until(lambda: len(receiver.told(CALL)) == 4)
    assert receiver.told(CALL) == ORDER
    assert receiver.badly_signed == receiver.overlaps == 0
    assert receiver.accepted[CALL][0][0] == event_id(CALL, "offered")
    offered, ringing, *_ = (body["data"] for body in receiver.bodies)
    assert (offered["e164"], offered["name"], offered["direction"]) == ("+79161234567", "Анна", "in")
    assert [one["name"] for one in ringing["ringing"]] == ["Agent 1001"]
    assert offered["ringing"] == []


async def test_an_agent_is_known_by_his_address_too(house: House, receiver: Receiver) -> None:
    await house.subscribe(receiver.url)
    await house.tell(*events_of(CALL))
    await until(lambda: len(receiver.told(CALL)) == 4)
    (ringing,) = [body["data"]["ringing"] for body in receiver.bodies if body["type"] == "call.ringing"]
    assert [one["email"] for one in ringing] == ["1001@example.org"]


async def test_without_receivers_nothing_is_written(house: House, receiver: Receiver) -> None:
    house.anew()
    assert all(map(house.outbox.wants, events_of(CALL))), "not looked yet"
    await house.tell(*events_of(CALL))
    assert await house.states() == []
    assert not any(map(house.outbox.wants, events_of(CALL)))
    assert await house.store.read(lambda unit: unit.calls.get(CALL)) is None
    await house.restart()
    await house.subscribe(receiver.url, events=["call.ended"])
    assert [one.kind.value for one in events_of(CALL) if house.outbox.wants(one)] == ["call.ended"]
    await house.tell(*events_of(CALL))
    await until(lambda: receiver.told(CALL))
    assert receiver.told(CALL) == ["call.ended"]
    assert await house.store.read(lambda unit: unit.calls.get(CALL)) is not None


@pytest.mark.parametrize("fault", ["500", "redirect", "too much", "never", "slow", "broken", "no http"])
async def test_what_fails_is_tried_again_and_nothing_overtakes_it(
    house: House, receiver: Receiver, fault: str
) -> None:
    # Where the limit is waited for it costs as much; all else is answered in time on a busy machine too.
    house.limits = Limits(seconds=1 if fault in ("never", "slow") else 10, delays=QUICK)

    async def answer(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        if len(receiver.tries) > 3:
            return await takes(request, body)
        match fault:
            case "500":
                return web.Response(status=500, text="<html>oops</html>")
            case "redirect":
                raise web.HTTPTemporaryRedirect("/elsewhere")
            case "too much":
                return web.Response(status=500, body=b"x" * 10_000_000)
            case "never":
                await asyncio.sleep(60)
            case "slow":
                drop = web.StreamResponse()
                await drop.prepare(request)
                while True:
                    await drop.write(b" ")
                    await asyncio.sleep(0.01)
            case "broken":
                reply = web.StreamResponse(status=203, headers={"content-length": "1000"})
                await reply.prepare(request)
                await reply.write(b"half")
            case "no http":
                assert request.transport is not None
                request.transport.write(b"\x00\xff nonsense\r\n\r\n")
        assert request.transport is not None
        request.transport.close()
        return web.Response(status=500)

    receiver.answer = answer
    await house.subscribe(receiver.url)
    await house.tell(*events_of(CALL))
    await until(lambda: len(receiver.told(CALL)) == 4)
    assert receiver.told(CALL) == ORDER
    assert [kind for _, _, kind in receiver.tries[:4]] == ["call.offered"] * 4
    assert len({id for _, id, _ in receiver.tries[:4]}) == 1, "the same event, by its id"
    assert all("elsewhere" not in str(body) for body in receiver.bodies)


async def test_a_yes_of_ten_megabytes_is_none_and_is_told_again_as_the_same_event(
    house: House, receiver: Receiver
) -> None:
    async def answer(_: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(body=b"x" * (10_000_000 if len(receiver.tries) < 3 else 10))

    receiver.answer = answer
    await house.subscribe(receiver.url)
    await house.tell(*events_of(CALL))
    await until(lambda: receiver.told(CALL)[-1:] == ["call.ended"])
    assert [kind for _, _, kind in receiver.tries] == ["call.offered"] * 2 + ORDER
    assert len({id for _, id, _ in receiver.tries}) == 4


async def test_a_reply_in_small_pieces_is_a_reply(house: House, receiver: Receiver) -> None:
    async def answer(request: web.Request, _: dict[str, Any]) -> web.StreamResponse:
        reply = web.StreamResponse()
        await reply.prepare(request)
        for mark in b'{"a": "b"}':
            await reply.write(bytes([mark]))
            await asyncio.sleep(0.001)
        return reply

    receiver.answer = answer
    await house.subscribe(receiver.url)
    await house.tell(*events_of(CALL))
    await until(lambda: len(receiver.told(CALL)) == 4)
    assert receiver.told(CALL) == ORDER
    assert len(receiver.tries) == 4


async def test_410_switches_it_off_and_what_waits_stays(house: House, receiver: Receiver) -> None:
    receiver.answer = says(410)
    id = await house.subscribe(receiver.url)
    await house.tell(events_of(CALL)[0], events_of(CALL)[1])
    await until(lambda: receiver.tries)

    async def row():
        return await house.subscribers.get(id)

    async with asyncio.timeout(10):
        while (await row()).active:
            await asyncio.sleep(0.005)
    assert "410" in (await row()).disabled_reason
    await house.outbox.look()
    await house.tell(*events_of("1700000000.2"))
    assert await house.states() == ["waiting", "waiting"]
    receiver.answer = takes
    await house.subscribers.change(id, active=True, by="chief")
    await house.outbox.look()
    await until(lambda: len(receiver.told(CALL)) == 2)
    assert receiver.told(CALL) == ORDER[:2]


async def test_429_leaves_it_alone_as_long_as_it_says(house: House, receiver: Receiver) -> None:
    receiver.answer = says(429, **{"Retry-After": "1"})
    id = await house.subscribe(receiver.url)
    await house.tell(events_of(CALL)[0])
    await until(lambda: receiver.tries)
    await until(lambda: not house.outbox._lines[id].flying)
    row = await house.subscribers.get(id)
    assert row.slow_until is not None
    receiver.answer = takes
    for number in range(5):
        await house.tell(*events_of(f"call.{number}"))
    assert len(receiver.tries) == 1, "nor is it told of other calls meanwhile"
    await until(lambda: len(receiver.accepted) == 6 and all(map(len, receiver.accepted.values())))
    assert datetime.now(UTC) >= row.slow_until
    await until(lambda: all(receiver.told(f"call.{number}") == ORDER for number in range(5)))


async def test_after_the_last_try_it_is_a_dead_letter_and_the_call_goes_on(
    house: House, receiver: Receiver
) -> None:
    async def answer(_: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        return web.Response(status=500 if body["type"] == "call.ringing" else 200)

    receiver.answer = answer
    house.limits = Limits(seconds=0.5, delays=QUICK[:2])
    await house.subscribe(receiver.url)
    await house.tell(*events_of(CALL))
    await until(lambda: receiver.told(CALL)[-1:] == ["call.ended"])
    assert receiver.told(CALL) == ["call.offered", "call.answered", "call.ended"]
    assert [kind for _, _, kind in receiver.tries].count("call.ringing") == 3
    page = await house.store.read(lambda unit: unit.outbox.page(None, 9, state="dead"))
    (dead,) = page.items
    assert (dead.kind, dead.tries, dead.last_status) == ("call.ringing", 3, 500)
    receiver.answer = takes
    await house.store.write(lambda unit: unit.outbox.replay(dead.seq, datetime.now(UTC)))
    await house.outbox.look()
    await until(lambda: receiver.told(CALL)[-1:] == ["call.ringing"])


async def test_one_dead_receiver_delays_no_other(house: House, receiver: Receiver) -> None:
    async def never(*_: object) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    async with receiving(SECRET, never) as dead:
        house.limits = Limits(seconds=5, delays=QUICK)
        await house.subscribe(dead.url, "dead")
        await house.subscribe(receiver.url, "alive")
        calls = [f"call.{number}" for number in range(20)]
        for call in calls:
            await house.tell(*events_of(call))
        await until(lambda: all(receiver.told(call) == ORDER for call in calls), seconds=4.5)
        assert dead.most_at_once <= 4, "and has so many of our requests at most"
        await house.end()


async def test_it_dies_in_the_middle_and_comes_back(house: House, receiver: Receiver) -> None:
    await house.subscribe(receiver.url)
    calls = [f"call.{number}" for number in range(12)]
    for number, call in enumerate(calls):
        if number == 4:
            await receiver.stop()
        await house.tell(*events_of(call))
    await until(lambda: any(line.silent >= 3 for line in house.outbox._lines.values()))
    await receiver.start()
    await until(lambda: all(len(receiver.told(call)) >= 4 for call in calls))
    for call in calls:
        told = list(dict.fromkeys(receiver.accepted[call]))  # the last before the fall may come twice
        assert [kind for _, kind in told] == ORDER
    assert receiver.overlaps == 0


async def test_it_comes_back_while_we_were_away(house: House, receiver: Receiver) -> None:
    house.limits = Limits(seconds=5, delays=(timedelta(hours=1),))
    await house.subscribe(receiver.url)
    await receiver.stop()
    await house.tell(*events_of("before"))
    await until(lambda: any(line.silent for line in house.outbox._lines.values()))
    await house.restart()
    await receiver.start()
    await house.tell(*events_of("after"))
    await until(lambda: receiver.told("before") == ORDER)


async def test_a_restart_loses_and_mixes_up_nothing(house: House, receiver: Receiver) -> None:
    async def slow(request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return await takes(request, body)

    receiver.answer = slow
    await house.subscribe(receiver.url)
    calls = [f"call.{number}" for number in range(10)]
    for number, call in enumerate(calls):
        await house.tell(*events_of(call))
        if number % 3 == 2:
            await house.restart()
            await house.tell(*events_of(call))  # the engine's own recovery tells it once more
    await until(lambda: all(receiver.told(call)[-1:] == ["call.ended"] for call in calls))
    for call in calls:
        assert [kind for _, kind in dict.fromkeys(receiver.accepted[call])] == ORDER


@pytest.mark.parametrize(
    ("said", "steer"),
    [
        ({"action": "reject", "reason": "busy"}, Reject("busy")),
        ({"action": "dial", "number": "+74951112233"}, Dial("+74951112233")),
        ({"action": "queue", "queue": "sales"}, ToQueue("sales")),
        ({"action": "fly"}, None),
    ],
)
async def test_the_reply_to_a_new_call_steers_it_and_no_other_reply_does(
    house: House, receiver: Receiver, said: dict[str, str], steer: object
) -> None:
    async def answer(*_: object) -> web.StreamResponse:
        return web.json_response(said)

    house.limits = Limits(steer=timedelta(minutes=1))  # in time, however busy the machine is
    receiver.answer = answer
    await house.subscribe(receiver.url)
    await house.tell(*events_of(CALL))
    await until(lambda: len(receiver.told(CALL)) == 4)
    assert house.steered == ([(CALL, steer)] if steer is not None else [])


async def test_a_wish_that_comes_late_is_not_obeyed(house: House, receiver: Receiver) -> None:
    async def answer(*_: object) -> web.StreamResponse:
        return web.json_response({"action": "reject"})

    receiver.answer = answer
    await house.subscribe(receiver.url)
    await house.tell(*events_of(CALL, datetime.now(UTC) - timedelta(seconds=3)))
    await until(lambda: len(receiver.told(CALL)) == 4)
    assert house.steered == []


async def test_while_a_secret_is_replaced_both_sign(house: House, receiver: Receiver) -> None:
    id = await house.subscribe(receiver.url)
    made = await house.subscribers.change(id, secret="", by="chief")
    assert made.secret.startswith("whsec_")
    await house.outbox.look()
    await house.tell(events_of(CALL)[0])
    await until(lambda: receiver.told(CALL))
    receiver.secret = made.secret
    await house.tell(events_of(CALL)[1])
    await until(lambda: len(receiver.told(CALL)) == 2)
    assert receiver.badly_signed == 0
    row = await house.subscribers.get(id)
    assert made.secret not in row.sealed
    assert "hook" not in row.shown


async def test_what_the_key_does_not_open_is_said_and_waits(house: House, receiver: Receiver) -> None:
    id = await house.subscribe(receiver.url)
    good = (await house.subscribers.get(id)).sealed
    await house.store.write(lambda unit: unit.subscriptions.change(id, sealed="bm90aGluZw=="))
    await house.outbox.look()
    await house.tell(*events_of(CALL))
    assert house.outbox.unreadable == 1
    assert await house.states() == ["waiting"] * 4
    await house.store.write(lambda unit: unit.subscriptions.change(id, sealed=good))
    await house.outbox.look()
    await until(lambda: receiver.told(CALL) == ORDER)
    assert house.outbox.unreadable == 0


async def test_away_for_a_while_under_load(tmp_path: Path) -> None:
    """As ``python -m tests.bench.callbacks --minutes 10``, with all of its times scaled down."""
    report = await outage(tmp_path, minutes=0.03, calls_per_second=10, around=0.3)
    assert report.events > 60
    assert (report.lost, report.out_of_order, report.overlapping) == (0, 0, 0)


async def test_the_log_names_a_receiver_that_is_away_and_not_each_of_its_events(
    house: House, receiver: Receiver
) -> None:
    receiver.answer = says(500)
    now = datetime.now(UTC)
    house.outbox._delivery._clock = lambda: now
    house.limits = Limits(seconds=5, delays=(timedelta(hours=1),) * 5)
    with capture_logs() as logs:
        id = await house.subscribe(receiver.url)

        def named() -> list[int]:
            return [one["more_since_the_last"] for one in logs if one.get("action") == "callback.retry"]

        for number in range(5):
            await house.tell(*events_of(f"170000000{number}.1")[:1])
        await until(lambda: len(receiver.tries) == 5 and not house.outbox._lines[id].flying)
        assert named() == [0]
        now += timedelta(minutes=2)
        await house.tell(*events_of("1700000005.1")[:1])
        await until(lambda: len(named()) == 2)
        assert named() == [0, 4], "how many there were is not lost"
        assert "HTTP 500" in str(await house.store.read(lambda unit: unit.outbox.page(None, 500)))


async def test_a_call_that_was_expected_in_vain_is_forgotten_after_a_while(
    house: House, receiver: Receiver
) -> None:
    id = await house.subscribe(receiver.url)
    now = datetime.now(UTC)
    expected = {"of last week": now - timedelta(days=8), "of today": now}
    for call, at in expected.items():
        await house.store.write(lambda unit, call=call, at=at: unit.outbox.expect(call, id, {}, at))
    await house.restart()

    async def left() -> list[str]:
        found = await house.store.read(lambda unit: unit.outbox.never_told(now + timedelta(days=1), 10))
        return [call for call, _ in found]

    async with asyncio.timeout(15):
        while await left() != ["of today"]:
            await asyncio.sleep(0.01)


async def test_a_recording_is_read_whole_to_be_sent(house: House, tmp_path: Path) -> None:
    shelf = shelf_of(house.store, tmp_path)
    row = await shelf.add(CALL, "support", at=datetime.now(UTC))
    read = reader_of(house.store, shelf.vault)
    sound = await read(row.id)
    assert (sound[:4], len(sound)) == (b"RIFF", row.bytes)
    with pytest.raises(BadInput, match="not there"):
        await read("another")
