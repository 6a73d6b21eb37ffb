"""Asterisk's own queues and agents' phones over AMI: the fake and the real Asterisk must agree.

The real one is that of the other contract tests; the manager interface and its queues are added here.
"""

import asyncio
import shutil
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from structlog.testing import capture_logs

from bridge.ami import AmiLink
from bridge.ami.listener import NotPermitted
from bridge.ami.native_queues import Had, Pace
from bridge.centre.facts import EndpointChanged, PhoneTaken
from bridge.centre.ids import AgentId, QueueName
from bridge.errors import Refused
from tests.contract.asterisk_container import AsteriskContainer
from tests.contract.conftest import REAL
from tests.fakes.inbox import FactInbox
from tests.unit.ami.fake_ami import PATIENT, event, fake_ami, running, until
from tests.unit.ami.fake_queues import FakeQueues, static
from tests.unit.ami.members import ANNA, BORIS, NAMES, SALES, SUPPORT, VERA, Floor, link_of, paused, ready
from tests.unit.ami.witness import Members, Witness

pytestmark = pytest.mark.timeout(120)

_USERS = """
secret = right
permit = 0.0.0.0/0.0.0.0
read = call,system,agent,user
eventfilter(action(include),name(Newchannel)) =
eventfilter(action(include),name(Hangup)) =
eventfilter(action(include),name(DeviceStateChange)) =
eventfilter(action(include),name(ContactStatus)) =
eventfilter(action(include),name(Reload)) =
"""
_FILES = {
    "manager.conf": f"""
[general]
enabled = yes
bindaddr = 0.0.0.0
port = 5038

[callbridge]{_USERS}
write = system,reporting,agent

[without-agent]{_USERS}
write = system,reporting
""",
    "queues.conf": """
[general]
persistentmembers = no

[support]
strategy = leastrecent
member = PJSIP/1001,0,Anna,PJSIP/1001
member = PJSIP/1002,2,Boris,PJSIP/1002

[sales]
strategy = leastrecent
member = PJSIP/1002,0,Boris,PJSIP/1002
""",
}
STATIC: Members = {
    SUPPORT: {ANNA: Had(0, False, "", dynamic=False), BORIS: Had(2, False, "", dynamic=False)},
    SALES: {BORIS: Had(0, False, "", dynamic=False)},
}
AT_HOME = {SUPPORT: {ANNA: ready(ANNA), BORIS: ready(BORIS, 2)}, SALES: {BORIS: ready(BORIS)}}
QUICK = Pace(rest=0.05, learn=60, again=0.05, list=10)


@dataclass(frozen=True, slots=True)
class Manager:
    """One Asterisk's manager interface, whichever."""

    host: str
    port: int
    witness: Witness
    reload: Callable[[], Awaitable[None]]

    @asynccontextmanager
    async def kept(self, floor: Floor) -> AsyncIterator[AmiLink]:
        ami = link_of(self.port, floor, QUICK, PATIENT, FactInbox(), self.host)
        async with running(ami.run):
            yield ami


def docker(*arguments: str) -> None:
    path = shutil.which("docker")
    assert path is not None
    subprocess.run([path, *arguments], check=True, capture_output=True, timeout=60)


def cli(container: AsteriskContainer, command: str) -> None:
    asterisk = ("asterisk", "-C", "/callbridge-contract/asterisk.conf")
    docker("exec", container.name, *asterisk, "-rx", command)


@pytest.fixture(scope="session")
def with_manager(container: AsteriskContainer, tmp_path_factory: pytest.TempPathFactory) -> AsteriskContainer:
    directory = tmp_path_factory.mktemp("manager")
    directory.chmod(0o755)
    for file, content in _FILES.items():
        (directory / file).write_text(content.lstrip(), encoding="utf-8")
    docker("cp", f"{directory}/.", f"{container.name}:/callbridge-contract")
    cli(container, "module reload manager")
    # It was not loaded: there was no queues.conf.
    cli(container, "module load app_queue.so")
    return container


@pytest.fixture(params=["fake", REAL])
async def manager(request: pytest.FixtureRequest) -> AsyncIterator[Manager]:
    if request.param == "fake":
        async with fake_ami() as fake:
            fake.queues = FakeQueues(
                support={ANNA: static("Anna"), BORIS: static("Boris", 2)}, sales={BORIS: static("Boris")}
            )

            async def tell_reload() -> None:
                await fake.send(event("Reload", Module="app_queue", Status="0"))

            witness = Witness("127.0.0.1", fake.port)
            async with running(witness.listener.run):
                await until(lambda: witness.listener.state.up)
                yield Manager("127.0.0.1", fake.port, witness, tell_reload)
    else:
        real: AsteriskContainer = request.getfixturevalue("with_manager")

        async def reload_queues() -> None:
            await asyncio.to_thread(cli, real, "module reload app_queue")

        host = urlsplit(real.url).hostname or ""
        witness = Witness(host, 5038)
        async with running(witness.listener.run):
            await until(lambda: witness.listener.state.up)
            made = Manager(host, 5038, witness, reload_queues)
            floor = Floor()
            floor.wanted = dict(AT_HOME)
            async with made.kept(floor):
                await witness.sees(STATIC)
            yield made


# ── queues ───────────────────────────────────────────────────────────────────


async def test_members_follow_the_floor(manager: Manager) -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {ANNA: paused(ANNA, "lunch", 4), VERA: paused(VERA, "обед", 3)}, SALES: {}}
    async with manager.kept(floor) as ami:
        await manager.witness.sees(
            {
                SUPPORT: {
                    ANNA: Had(4, True, "lunch", dynamic=False),
                    BORIS: Had(2, True, "not in this queue now", dynamic=False),
                    VERA: Had(3, True, "обед", dynamic=True),
                },
                SALES: {BORIS: Had(0, True, "not in this queue now", dynamic=False)},
            }
        )
        floor.wanted = {SUPPORT: {ANNA: ready(ANNA, 4), VERA: ready(VERA, 1)}, SALES: {VERA: ready(VERA)}}
        ami.queues_changed()
        await manager.witness.sees(
            {
                SUPPORT: {
                    ANNA: Had(4, False, "", dynamic=False),
                    BORIS: Had(2, True, "not in this queue now", dynamic=False),
                    VERA: Had(1, False, "", dynamic=True),
                },
                SALES: {
                    BORIS: Had(0, True, "not in this queue now", dynamic=False),
                    VERA: Had(0, False, "", dynamic=True),
                },
            }
        )
        floor.wanted = dict(AT_HOME)
        ami.queues_changed()
        await manager.witness.sees(STATIC)


async def test_members_of_a_process_that_is_gone_are_taken_over(manager: Manager) -> None:
    floor = Floor()
    floor.wanted = {SUPPORT: {**AT_HOME[SUPPORT], VERA: ready(VERA)}}
    async with manager.kept(floor):
        await manager.witness.sees(
            {**STATIC, SUPPORT: {**STATIC[SUPPORT], VERA: Had(0, False, "", dynamic=True)}}
        )
    floor.wanted = dict(AT_HOME)
    async with manager.kept(floor):
        await manager.witness.sees(STATIC)


async def test_drift_is_repaired_after_a_reload(manager: Manager) -> None:
    floor = Floor()
    floor.wanted = {**AT_HOME, SALES: {BORIS: paused(BORIS, "lunch")}}
    in_step: Members = {**STATIC, SALES: {BORIS: Had(0, True, "lunch", dynamic=False)}}
    async with manager.kept(floor):
        await manager.witness.sees(in_step)
        by_hand = {"Queue": SUPPORT, "Interface": ANNA, "Penalty": "9"}
        await manager.witness.listener.ask("QueuePenalty", **by_hand)
        await manager.reload()
        await manager.witness.sees(in_step)


async def test_a_long_reason_comes_back_as_it_was_sent(manager: Manager) -> None:
    floor = Floor()
    floor.wanted = {**AT_HOME, SUPPORT: {ANNA: paused(ANNA, "я" * 60), BORIS: ready(BORIS, 2)}}
    async with manager.kept(floor):
        anna = Had(0, True, "я" * 39, dynamic=False)
        await manager.witness.sees({**STATIC, SUPPORT: {**STATIC[SUPPORT], ANNA: anna}})


async def test_a_queue_that_asterisk_does_not_have(manager: Manager) -> None:
    floor = Floor()
    floor.wanted = {**AT_HOME, QueueName("late"): {ANNA: ready(ANNA)}, SALES: {VERA: ready(VERA)}}
    with capture_logs() as logs:
        async with manager.kept(floor):
            boris = Had(0, True, "not in this queue now", dynamic=False)
            await manager.witness.sees(
                {**STATIC, SALES: {BORIS: boris, VERA: Had(0, False, "", dynamic=True)}}
            )
    assert [log["queue"] for log in logs if log["event"] == "Asterisk does not have this queue"] == ["late"]


@pytest.mark.parametrize(
    ("action", "queue", "phone", "words"),
    [
        ("QueueAdd", "late", VERA, "Unable to add interface to queue: No such queue"),
        ("QueueAdd", SUPPORT, ANNA, "Unable to add interface: Already there"),
        ("QueueRemove", "late", ANNA, "Unable to remove interface from queue: No such queue"),
        ("QueueRemove", SUPPORT, VERA, "Unable to remove interface: Not there"),
        ("QueueRemove", SUPPORT, ANNA, "Member not dynamic"),
        ("QueuePause", "late", ANNA, "Interface not found"),
        ("QueuePause", SUPPORT, VERA, "Interface not found"),
        ("QueuePenalty", "late", ANNA, "Invalid interface, queuename or penalty"),
        ("QueuePenalty", SUPPORT, VERA, "Invalid interface, queuename or penalty"),
    ],
)
async def test_what_asterisk_says_when_it_refuses(
    manager: Manager, action: str, queue: str, phone: str, words: str
) -> None:
    more = {"MemberName": NAMES[VERA], "Paused": "true", "Penalty": "0"}
    with pytest.raises(Refused) as caught:
        await manager.witness.listener.ask(action, Queue=queue, Interface=phone, **more)
    assert str(caught.value) == f"{action}: {words}"


@pytest.mark.asterisk
async def test_without_the_class_agent_nothing_is_changed(with_manager: AsteriskContainer) -> None:
    other = Witness(urlsplit(with_manager.url).hostname or "", 5038, "without-agent")
    async with running(other.listener.run):
        await until(lambda: other.listener.state.up)
        assert ANNA in (await other.members())[SUPPORT]
        with pytest.raises(NotPermitted, match="write = system,reporting,agent"):
            await other.listener.ask("QueueAdd", Queue=SUPPORT, Interface=VERA)


# ── phones ───────────────────────────────────────────────────────────────────


class SipPhone(asyncio.DatagramProtocol):
    """The least that registers as 1001, and calls ``sip:wait@…``, which is never answered."""

    def __init__(self, host: str) -> None:
        self._host = host
        self._call_id = uuid.uuid4().hex
        self._branch = ""
        self._number = 0
        self._statuses: asyncio.Queue[int] = asyncio.Queue()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect((host, 5060))
            self.address: str = probe.getsockname()[0]

    def connection_made(self, transport: Any) -> None:
        self.transport: asyncio.DatagramTransport = transport
        self._port: int = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
        if data.startswith(b"SIP/2.0 "):
            self._statuses.put_nowait(int(data[8:11]))

    def _send(self, method: str, user: str, *headers: str) -> None:
        if method not in ("CANCEL", "ACK"):
            self._number += 1
            self._branch = f"z9hG4bK{uuid.uuid4().hex}"
        target = f"sip:{user}{self._host}:5060"
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address}:{self._port};branch={self._branch};rport",
            f"From: <sip:1001@{self._host}>;tag=one",
            f"To: <{target if user else f'sip:1001@{self._host}'}>",
            f"Call-ID: {self._call_id}",
            f"CSeq: {self._number} {method}",
            f"Contact: <sip:1001@{self.address}:{self._port}>",
            "Max-Forwards: 70",
            *headers,
            "Content-Length: 0",
        ]
        self.transport.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), (self._host, 5060))

    async def register(self, seconds: int) -> None:
        self._send("REGISTER", "", f"Expires: {seconds}")
        await self._until(200)

    async def _until(self, status: int) -> None:
        async with asyncio.timeout(10):
            while await self._statuses.get() != status:
                pass

    def call(self) -> None:
        self._send("INVITE", "wait@")

    async def give_up(self) -> None:
        self._send("CANCEL", "wait@")
        await self._until(487)
        self._send("ACK", "wait@")


@pytest.fixture
async def phone(with_manager: AsteriskContainer) -> AsyncIterator[SipPhone]:
    host = urlsplit(with_manager.url).hostname or ""
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(lambda: SipPhone(host), local_addr=("0.0.0.0", 0))
    yield made
    await made.register(0)  # to other tests it is a phone that never registered
    transport.close()


@pytest.fixture
def real(with_manager: AsteriskContainer) -> Manager:
    host = urlsplit(with_manager.url).hostname or ""

    async def nothing() -> None:
        pass

    return Manager(host, 5038, Witness(host, 5038), nothing)


@asynccontextmanager
async def heard(manager: Manager) -> AsyncIterator[FactInbox]:
    inbox = FactInbox()
    ami = link_of(manager.port, Floor(ANNA), QUICK, PATIENT, inbox, manager.host)
    async with running(ami.run):
        await until(lambda: ami.state.up)
        yield inbox


@pytest.mark.asterisk
async def test_a_phone_registers_and_unregisters(real: Manager, phone: SipPhone) -> None:
    async with heard(real) as inbox:
        await inbox.wait(EndpointChanged, endpoint=ANNA, reachable=False, detail="not registered")
        await phone.register(3600)
        await inbox.wait(EndpointChanged, endpoint=ANNA, reachable=True, detail="idle")
        before = len(inbox.facts)
        await phone.register(0)
        await until(lambda: not all(getattr(fact, "reachable", True) for fact in inbox.facts[before:]))
        assert inbox.facts[-1] == EndpointChanged(ANNA, False, "not registered")


@pytest.mark.asterisk
async def test_a_phone_that_dials_is_taken_also_after_a_reconnect(real: Manager, phone: SipPhone) -> None:
    anna = AgentId("1001")
    async with heard(real) as inbox:
        phone.call()
        taken = await inbox.wait(PhoneTaken, agent=anna, taken=True)
        async with heard(real) as later:
            assert await later.wait(PhoneTaken) == taken
            await phone.give_up()
            await later.wait(PhoneTaken, call=taken.call, taken=False)
        await inbox.wait(PhoneTaken, call=taken.call, taken=False)
        assert len(inbox.of(PhoneTaken)) == 2
