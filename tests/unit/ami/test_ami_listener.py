"""One session after another against a server that is refusing, silent, slow or gone."""

import asyncio
from dataclasses import replace

import pytest

from bridge.ami.headers import Headers
from bridge.ami.listener import Listener, Timing
from bridge.errors import BadInput, Gone, LinkDown, Refused, RequestTimeout
from tests.unit.ami.fake_ami import PATIENT, QUICK, FakeAmi, event, fake_ami, running, until


class Heard:
    """What the listener handed on; while ``gate`` is closed it takes nothing, like a full inbox."""

    def __init__(self) -> None:
        self.events: list[Headers] = []
        self.logins = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def handle(self, headers: Headers) -> None:
        await self.gate.wait()
        if headers:
            self.events.append(headers)

    async def on_login(self) -> None:
        self.logins += 1


def listener(
    fake: FakeAmi, heard: Heard, timing: Timing = PATIENT, *, secret: str = "right", high_water: int = 5_000
) -> Listener:
    return Listener(
        host="127.0.0.1",
        port=fake.port,
        username="callbridge",
        secret=secret,
        handle=heard.handle,
        on_login=heard.on_login,
        timing=timing,
        high_water=high_water,
        low_water=high_water // 2,
    )


async def test_logs_in_and_hands_events_on_in_order() -> None:
    async with fake_ami() as fake:
        heard = Heard()
        ami = listener(fake, heard)
        assert not ami.state.up
        async with running(ami.run):
            await until(lambda: ami.state.up)
            for number in range(200):
                await fake.send(event("Newstate", Number=str(number)))
            await until(lambda: len(heard.events) == 200)

        assert [headers["number"] for headers in heard.events] == [str(number) for number in range(200)]
        assert fake.of("Login")[0]["username"] == "callbridge"


async def test_a_stream_in_single_bytes_over_a_socket() -> None:
    async with fake_ami() as fake:
        fake.piece = 1
        heard = Heard()
        ami = listener(fake, heard)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            await fake.send(event("Newchannel", CallerIDName="Иван 🎧"))
            await until(lambda: heard.events)

        assert heard.events[0]["calleridname"] == "Иван 🎧"


async def test_connects_again_after_asterisk_closes() -> None:
    async with fake_ami() as fake:
        heard = Heard()
        ami = listener(fake, heard)
        async with running(ami.run):
            for session in (1, 2, 3):
                await until(lambda session=session: ami.state.up and fake.logins == session)  # type: ignore[misc]
                fake.hang_up()
                await until(lambda: not ami.state.up)
                assert "closed the connection" in ami.state.detail
            await until(lambda: heard.logins == 4)


async def test_a_half_open_socket_is_noticed() -> None:
    async with fake_ami() as fake:
        heard = Heard()
        ami = listener(fake, heard, QUICK)
        async with running(ami.run):
            await until(lambda: fake.of("Ping"))
            fake.silent.add("Ping")
            await until(lambda: fake.logins >= 2)
            fake.silent.clear()
            await until(lambda: ami.state.up)


async def test_a_wrong_password_is_said_with_its_remedy_and_tried_again() -> None:
    async with fake_ami() as fake:
        ami = listener(fake, Heard(), QUICK, secret="wrong")
        async with running(ami.run):
            await until(lambda: len(fake.of("Login")) >= 2)
            assert not ami.state.up
            assert "Authentication failed for callbridge" in ami.state.detail
            assert "AMI_PASSWORD" in ami.state.detail
            assert "wrong" not in ami.state.detail
            fake.password = "wrong"
            await until(lambda: ami.state.up)


async def test_an_asterisk_that_is_shutting_down_is_tried_again_at_once() -> None:
    """The next one comes up in a second or two: half a minute without it would lose recordings."""
    async with fake_ami() as fake:
        fake.refusals["Login"] = "Asterisk is shutting down"
        ami = listener(fake, Heard(), replace(QUICK, refused_retry=3600))
        async with running(ami.run):
            await until(lambda: len(fake.of("Login")) >= 2)
            assert "shutting down" in ami.state.detail
            del fake.refusals["Login"]
            await until(lambda: ami.state.up)


async def test_a_port_that_is_not_ami() -> None:
    async with fake_ami() as fake:
        fake.silent.add("Login")
        ami = listener(fake, Heard(), QUICK)
        async with running(ami.run):
            await until(lambda: "manager port?" in ami.state.detail)


async def test_nobody_listens_there() -> None:
    async with fake_ami() as fake:
        pass
    ami = listener(fake, Heard(), QUICK)
    async with running(ami.run):
        await until(lambda: f"no connection to 127.0.0.1:{fake.port}" in ami.state.detail)


async def test_back_pressure_loses_nothing_and_does_not_drop_the_connection() -> None:
    async with fake_ami() as fake:
        heard = Heard()
        ami = listener(fake, heard, QUICK, high_water=100)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            heard.gate.clear()
            flood = asyncio.create_task(
                fake.send(b"".join(event("Newstate", Number=str(n), Pad="x" * 2_000) for n in range(6_000)))
            )
            await until(lambda: ami._paused)
            held = len(ami._events)
            await asyncio.sleep(QUICK.ping + QUICK.reply * 2)  # several ping deadlines pass unread
            assert len(ami._events) <= held + 10
            assert not flood.done()
            heard.gate.set()
            await until(lambda: len(heard.events) == 6_000)
            await flood

            assert fake.logins == 1
            assert [headers["number"] for headers in heard.events] == [str(n) for n in range(6_000)]


async def test_errors_of_actions_are_typed() -> None:
    async with fake_ami() as fake:
        fake.refusals = {
            "MixMonitor": "No such channel",
            "CoreShowChannels": "Permission denied",
            "Getvar": "Invalid",
        }
        fake.silent = {"DeviceStateList"}
        ami = listener(fake, Heard(), Timing(reply=0.2))
        with pytest.raises(LinkDown):
            await ami.ask("Ping")
        async with running(ami.run):
            await until(lambda: ami.state.up)
            with pytest.raises(Gone):
                await ami.ask("MixMonitor", Channel="1.1")
            with pytest.raises(Refused, match="write = system,reporting"):
                await ami.ask("CoreShowChannels")
            with pytest.raises(Refused, match="Getvar: Invalid"):
                await ami.ask("Getvar")
            with pytest.raises(RequestTimeout):
                await ami.ask("DeviceStateList")
            with pytest.raises(BadInput):
                await ami.ask("Getvar", Channel="1\r\nAction: Originate")
            assert await ami.ask("Ping")

        assert not fake.of("Originate")


async def test_events_of_a_lost_session_are_still_handed_on() -> None:
    async with fake_ami() as fake:
        heard = Heard()
        ami = listener(fake, heard)
        async with running(ami.run):
            await until(lambda: ami.state.up)
            heard.gate.clear()
            await fake.send(b"".join(event("Newstate", Number=str(n)) for n in range(50)))
            await until(lambda: len(ami._events) >= 49)
            fake.hang_up()
            await until(lambda: fake.logins == 2)
            heard.gate.set()
            await until(lambda: len(heard.events) == 50)
