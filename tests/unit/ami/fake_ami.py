"""A small AMI server on loopback that can be as unkind as a network: split, silent, refusing, closing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from bridge.ami import AmiLink
from bridge.ami.listener import Timing
from bridge.centre.plan import Plan
from bridge.engine.ports import Inbox
from tests.unit.ami.fake_queues import ACTIONS, FakeQueues

QUICK = Timing(connect=2, reply=0.3, ping=0.1, first_retry=0.01, longest_retry=0.05, refused_retry=0.05)
PATIENT = Timing(connect=5, reply=5, ping=5, first_retry=0.01, longest_retry=0.05, refused_retry=0.05)

Action = dict[str, str]


def event(name: str, **headers: str) -> bytes:
    lines = [f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class FakeAmi:
    def __init__(self) -> None:
        self.port = 0
        self.actions: list[Action] = []
        self.password = "right"
        self.silent: set[str] = set()  # actions that are never answered
        self.refusals: dict[str, str] = {}  # action → message
        self.replies: dict[str, dict[str, str]] = {}  # action → further headers of its response
        self.variables: dict[str, str] = {}  # of every channel
        self.after: dict[str, bytes] = {}  # action → what is sent after its response
        self.queues = FakeQueues()
        self.database: dict[str, str] = {}  # "/family/key" → value
        self.mutes = True  # a recorder that is muted is told by an event
        self.cut_lists = False  # lists begin and do not end
        self.piece = 65_536  # bytes to a write
        self.logins = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._turn = asyncio.Lock()  # as Asterisk: one message after the other

    async def send(self, data: bytes) -> None:
        async with self._turn:
            for writer in list(self._writers):
                for start in range(0, len(data), self.piece):
                    writer.write(data[start : start + self.piece])
                    await writer.drain()
                    if self.piece < 64:
                        await asyncio.sleep(0)

    def hang_up(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def of(self, action: str) -> list[Action]:
        return [sent for sent in self.actions if sent["action"].lower() == action.lower()]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self.send(b"Asterisk Call Manager/11.0.0\r\n")
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                lines = block.decode().strip().split("\r\n")
                action = {key.lower(): value for key, _, value in (line.partition(": ") for line in lines)}
                self.actions.append(action)
                await self._answer(action)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, action: Action) -> None:
        name = action["action"]
        if name in self.silent:
            return
        response = {"Response": "Success", "ActionID": action["actionid"], **self.replies.get(name, {})}
        after = self.after.get(name, b"")
        if name == "Login" and action["secret"] != self.password:
            response |= {"Response": "Error", "Message": "Authentication failed"}
        elif name in self.refusals:
            response |= {"Response": "Error", "Message": self.refusals[name]}
        elif name == "Login":
            self.logins += 1
        elif name == "Getvar" and name not in self.replies:
            response["Value"] = self.variables.get(action["variable"], "")
        elif name in ACTIONS:
            headers, listed = self.queues.answer(action)
            response |= headers
            listed = listed[:-1] if self.cut_lists else listed
            named = [{**headers, "ActionID": action["actionid"]} for headers in listed]
            after = b"".join(event(headers.pop("Event"), **headers) for headers in named) + after
        elif name == "MixMonitorMute" and self.mutes:
            after = event("MixMonitorMute", **self._muted(action)) + after
        elif name == "DBGetTree":
            after = self._rows(action) + after
        elif name == "DBDelTree" and not self._forget(f"/{action['family']}/{action['key']}/"):
            response |= {"Response": "Error", "Message": "Database entry not found"}
        await self.send(("".join(f"{key}: {value}\r\n" for key, value in response.items()) + "\r\n").encode())
        await self.send(after)

    @staticmethod
    def _muted(action: Action) -> dict[str, str]:
        return {
            "Channel": "PJSIP/trunk1-00000001",
            "ChannelState": "6",
            "Uniqueid": action["channel"],
            "Linkedid": action["channel"],
            "Direction": action["direction"],
            "State": action["state"],
        }

    def _rows(self, action: Action) -> bytes:
        listed = {"ActionID": action["actionid"]}
        rows = [
            event("DBGetTreeResponse", Key=key, Val=value, **listed)
            for key, value in self.database.items()
            if key.startswith(f"/{action['family']}/")
        ]
        end = [] if self.cut_lists else [event("DBGetTreeComplete", **listed, ListItems=str(len(rows)))]
        return b"".join([*rows, *end])

    def _forget(self, tree: str) -> bool:
        gone = [key for key in self.database if key.startswith(tree)]
        for key in gone:
            del self.database[key]
        return bool(gone)


@asynccontextmanager
async def fake_ami() -> AsyncIterator[FakeAmi]:
    fake = FakeAmi()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        fake.hang_up()
        await asyncio.sleep(0)


def ami_link(
    fake: FakeAmi, inbox: Inbox, plan: Plan, *, trunk: str, timing: Timing = PATIENT, **options: Any
) -> AmiLink:
    return AmiLink(
        host="127.0.0.1",
        port=fake.port,
        username="callbridge",
        secret="right",
        inbox=inbox,
        plan=lambda: plan,
        trunks=lambda: {trunk},
        timing=timing,
        **options,
    )


@asynccontextmanager
async def running(work: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Runs it beside the test, and asserts that its end leaves no task behind."""
    before = asyncio.all_tasks()
    task = asyncio.ensure_future(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        left = {other for other in asyncio.all_tasks() - before if "ami" in other.get_name()}
        assert not left


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
