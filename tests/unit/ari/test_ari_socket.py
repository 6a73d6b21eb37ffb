"""The event socket's life: it comes up, breaks, and comes back; facts stay whole and in order."""

import asyncio
from collections.abc import Callable

import pytest

from bridge.ari import AriLink
from bridge.ari.socket import ApplicationTaken, SocketLimits, check_version
from bridge.ari.translate import WANTED_EVENTS
from bridge.centre.facts import CallOffered, DigitReceived, LegEnded
from bridge.centre.ids import LegId
from bridge.centre.orders import Answer
from bridge.errors import LinkDown, RequestTimeout, Unsupported
from tests.fakes.asterisk import FakeAsterisk
from tests.fakes.inbox import FactInbox, until
from tests.fakes.links import running

MakeLink = Callable[..., AriLink]


@pytest.mark.parametrize("version", ["22.5.0", "22.10.1+dfsg+~cs6", "23.0.0", "certified-22.8-cert1"])
def test_version_that_will_do(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("version", ["22.4.9", "20.9.0", "18.26.4", "certified/20.7-cert2"])
def test_version_that_is_too_old(version: str) -> None:
    with pytest.raises(Unsupported, match=r"needs 22\.5 or newer"):
        check_version(version)


@pytest.mark.parametrize("version", ["", "GIT-22-1a2b3c", "unknown"])
def test_version_that_nobody_can_read_is_let_through(version: str) -> None:
    check_version(version)


async def test_up_with_the_filter_set_and_never_subscribed_to_all(fake: FakeAsterisk, link: AriLink) -> None:
    assert link.state.up
    assert "22.10.1" in link.state.detail
    assert fake.filters == [{"allowed": [{"type": one} for one in WANTED_EVENTS], "disallowed": []}]
    (connect,) = [one for one in fake.requests if one.operation == "events.eventWebsocket"]
    assert connect.query == {"app": "callbridge"}


async def test_too_old_is_said_and_tried_again(fake: FakeAsterisk, make_link: MakeLink) -> None:
    fake.version = "20.9.0"
    link = make_link()
    async with running(link, up=False):
        await until(lambda: "too old" in link.state.detail)
        assert not link.state.up
        assert fake.connections == 0
        fake.version = "22.5.0"
        await until(lambda: link.state.up)


async def test_asterisk_without_ari(fake: FakeAsterisk, make_link: MakeLink) -> None:
    fake.failures["asterisk.getInfo"] = (404, "")
    link = make_link(limits=SocketLimits(unsupported=60))
    async with running(link, up=False):
        await until(lambda: "res_ari" in link.state.detail)
        del fake.failures["asterisk.getInfo"]  # it was only starting
        await until(lambda: link.state.up)


async def test_login_refused_is_in_the_state(make_link: MakeLink) -> None:
    link = make_link(password="wrong")
    async with running(link, up=False):
        await until(lambda: "ARI_PASSWORD" in link.state.detail)


async def test_it_comes_back_after_a_crash_and_sets_the_filter_again(
    fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox
) -> None:
    ups = 0

    async def on_up() -> None:
        nonlocal ups
        ups += 1

    link = make_link(on_up=on_up)
    async with running(link):
        for n in range(2, 5):
            await fake.drop_sockets()
            await until(lambda n=n: ups == n and link.state.up)
        assert (fake.connections, len(fake.filters)) == (4, 4)
        call = await fake.call_in()
        await inbox.wait(CallOffered, call=call)


async def test_asterisk_away_for_a_while(fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox) -> None:
    link = make_link()
    async with running(link):
        await fake.stop()
        await until(lambda: not link.state.up and "is Asterisk running" in link.state.detail)
        await fake.start()
        await until(lambda: link.state.up)
        call = await fake.call_in()
        await inbox.wait(CallOffered, call=call)


def quick(silence: float) -> SocketLimits:
    return SocketLimits(silence=silence, fresh_silence=silence, stable=5.0)


async def test_half_open_socket_is_noticed(fake: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link(limits=quick(0.1))
    async with running(link):
        fake.silent = True
        await until(lambda: fake.connections >= 2)
        fake.silent = False
        await until(lambda: link.state.up)


async def test_not_up_before_an_event_has_come(
    fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox
) -> None:
    """The end of a former connection may have taken the application from the new one (22.10)."""
    ups = 0

    async def on_up() -> None:
        nonlocal ups
        ups += 1

    fake.silent = True
    link = make_link(limits=quick(0.1), on_up=on_up)
    async with running(link, up=False):
        await until(lambda: fake.connections >= 3)
        assert "sends no events" in link.state.detail
        assert ups == 0
        fake.silent = False
        await until(lambda: ups == 1 and link.state.up)
        await inbox.wait(CallOffered, call=await fake.call_in())


async def test_application_that_is_not_active_is_noticed_although_the_socket_lives(
    fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox
) -> None:
    """As 22.10 does it: requests are answered, and so are pings, but no event ever comes."""
    link = make_link(limits=quick(0.2))
    async with running(link):
        await until(lambda: fake.pulses >= 2)
        fake.silent = True
        await until(lambda: not link.state.up and "silent" in link.state.detail)
        fake.silent = False
        await until(lambda: link.state.up)
        await inbox.wait(CallOffered, call=await fake.call_in())


async def test_pings_are_no_events(fake: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link(limits=quick(0.2))
    async with running(link):
        fake.silent = True

        async def ping() -> None:
            while link.state.up:
                await fake.ping()
                await asyncio.sleep(0.02)

        async with asyncio.timeout(5):
            await ping()
        assert "silent" in link.state.detail


async def test_application_that_is_gone_is_noticed_at_once(fake: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link(limits=quick(4))
    async with running(link):
        fake.failures["events.userEvent"] = (404, '{"message":"Application not found"}')
        await until(lambda: not link.state.up and "given up" in link.state.detail)
        del fake.failures["events.userEvent"]
        await until(lambda: link.state.up)


async def test_quiet_socket_stays(fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox) -> None:
    link = make_link(limits=quick(0.2))
    async with running(link):
        await until(lambda: fake.pulses >= 10)
        assert fake.connections == 1
        await inbox.wait(CallOffered, call=await fake.call_in())
        assert [type(fact) for fact in inbox.facts] == [CallOffered]


async def test_pulse_that_fails_is_no_end_while_events_come(
    fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox
) -> None:
    link = make_link(limits=quick(0.4))
    async with running(link):
        fake.failures["events.userEvent"] = (503, "")
        call = await fake.call_in()
        for digit in "0123456789" * 2:
            await asyncio.sleep(0.05)
            await fake.press(call, digit)
        assert fake.connections == 1


async def test_another_process_takes_the_application(fake: FakeAsterisk, make_link: MakeLink) -> None:
    link = make_link()
    async with running(link) as task:
        await fake.emit("ApplicationReplaced")
        with pytest.raises(ApplicationTaken, match=r"asterisk\.ari\.app"):
            await task
        assert "another process" in link.state.detail
        assert fake.connections == 1


async def test_a_handshake_of_our_own_is_no_other_process(fake: FakeAsterisk, make_link: MakeLink) -> None:
    fake.breaks_handshakes = True
    link = make_link()
    async with running(link, up=False):
        await until(lambda: "no connection" in link.state.detail)
        fake.breaks_handshakes = False
        await until(lambda: link.state.up)
        connections = fake.connections
        await fake.emit("ApplicationReplaced")
        await until(lambda: fake.connections == connections + 1 and link.state.up)


async def test_after_a_while_it_is_another_process_all_the_same(
    fake: FakeAsterisk, make_link: MakeLink
) -> None:
    fake.breaks_handshakes = True
    link = make_link(limits=SocketLimits(silence=1.0, fresh_silence=1.0, stable=0.2))
    async with running(link, up=False) as task:
        await until(lambda: "no connection" in link.state.detail)
        fake.breaks_handshakes = False
        await until(lambda: link.state.up)
        await asyncio.sleep(0.3)
        await fake.emit("ApplicationReplaced")
        with pytest.raises(ApplicationTaken):
            await task


async def test_a_fault_of_ours_with_one_event_does_not_end_the_link(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError

    first = await fake.call_in()
    await inbox.wait(CallOffered, call=first)
    with monkeypatch.context() as patch:
        patch.setattr(link._interest, "observe", broken)
        await fake.press(first, "1")
        await asyncio.sleep(0.05)
    await fake.press(first, "2")
    assert (await inbox.wait(DigitReceived)).digit == "2"
    assert fake.connections == 1


async def test_broken_and_unknown_messages_harm_nothing(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    await fake.send("{")
    await fake.send('{"type":"StasisStart"}')
    await fake.send("[1,2,3]")
    await fake.emit("ChannelTelepathy", channel={"id": "x"})
    call = await fake.call_in()
    await inbox.wait(CallOffered, call=call)
    assert fake.connections == 1


async def test_malformed_arguments_send_the_channel_back_to_the_dialplan(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await fake.call_in(args=["who", "knows"])
    await until(lambda: call in fake.continued)
    assert fake.continued[call] == {}
    assert inbox.facts == []


async def test_facts_keep_their_order(fake: FakeAsterisk, link: AriLink, inbox: FactInbox) -> None:
    call = await fake.call_in()
    digits = "0123456789*#" * 20
    for digit in digits:
        await fake.press(call, digit)
    await fake.hang_up(call)
    await inbox.wait(LegEnded, call=call)
    assert "".join(fact.digit for fact in inbox.of(DigitReceived)) == digits
    assert isinstance(inbox.facts[0], CallOffered)
    assert isinstance(inbox.facts[-1], LegEnded)


async def test_full_inbox_holds_the_socket_up_and_is_not_taken_for_silence(
    fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox
) -> None:
    link = make_link(limits=quick(0.1))
    async with running(link):
        inbox.gate.clear()
        call = await fake.call_in()
        for digit in "123":
            await fake.press(call, digit)
        await asyncio.sleep(0.3)
        assert inbox.facts == []
        inbox.gate.set()
        await inbox.wait(DigitReceived, digit="3")
        assert fake.connections == 1


async def test_facts_wait_until_on_up_has_compared(
    fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox
) -> None:
    compare, seen = asyncio.Event(), []
    old = await fake.call_in()

    async def on_up() -> None:
        await compare.wait()
        seen.append(await link.our_channels())

    link = make_link(on_up=on_up)
    async with running(link):
        new = await fake.call_in()
        await fake.press(old, "1")
        await fake.hang_up(old)
        await until(lambda: fake.connections == 1 and new in link._arrived)
        assert inbox.facts == []
        compare.set()
        await inbox.wait(LegEnded, call=old)
        # Neither the one that is told later as a new call, nor the one that is gone.
        assert seen == [frozenset()]
        assert [type(fact) for fact in inbox.facts] == [CallOffered, DigitReceived, LegEnded]
        assert await link.our_channels() == {new}


async def test_it_is_told_when_all_is_told_and_when_that_is_over(
    fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox
) -> None:
    happened: list[str] = []
    held = asyncio.Event()

    async def on_up() -> None:
        happened.append("up")
        await held.wait()

    async def on_told() -> None:
        happened.append(f"told, after {len(inbox.facts)} facts")

    fake.silent = True  # a connection that never came up has not gone down either
    link = make_link(limits=quick(0.1), on_up=on_up, on_told=on_told, on_down=lambda: happened.append("down"))
    async with running(link, up=False):
        await until(lambda: fake.connections >= 2)
        fake.silent = False
        await until(lambda: happened == ["up"])
        call = await fake.call_in()
        await until(lambda: call in link._arrived)
        held.set()
        await until(lambda: len(happened) == 2)
        await fake.drop_sockets()
        await until(lambda: len(happened) == 5)
    assert happened[:5] == ["up", "told, after 1 facts", "down", "up", "told, after 1 facts"]


async def test_request_in_flight_does_not_wait_for_a_connection_that_is_over(
    fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox
) -> None:
    fake.delays["channels.answer"] = 60
    link = make_link(request_seconds=60.0)
    async with running(link):
        call = await fake.call_in()
        await inbox.wait(CallOffered)
        answering = asyncio.create_task(link.carry_out(Answer(call, LegId(call))))
        await until(lambda: any(one.operation == "channels.answer" for one in fake.requests))
        await fake.drop_sockets()
        with pytest.raises(LinkDown):
            await answering


async def test_no_reply_is_the_links_fault_while_it_is_down(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    call = await fake.call_in()
    await inbox.wait(CallOffered)
    answer = Answer(call, LegId(call))
    fake.delays["channels.answer"] = 60
    link._rest._seconds = 0.1
    with pytest.raises(RequestTimeout):
        await link.carry_out(answer)
    fake.failures["asterisk.getInfo"] = (503, "")
    await fake.drop_sockets()
    await until(lambda: not link.state.up)
    with pytest.raises(LinkDown):
        await link.carry_out(answer)


async def test_failed_on_up_tells_the_facts_and_begins_again(
    fake: FakeAsterisk, make_link: MakeLink, inbox: FactInbox
) -> None:
    attempts = 0

    async def on_up() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await until(lambda: bool(link._arrived))
            raise RequestTimeout("no list of channels")

    link = make_link(on_up=on_up)
    async with running(link):
        call = await fake.call_in()
        await inbox.wait(CallOffered, call=call)
        await until(lambda: attempts == 2 and link.state.up)
