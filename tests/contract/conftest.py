"""The same tests against the fake Asterisk and a real one, so that the fake cannot drift."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from bridge.ari import AriLink, models
from bridge.ari.rest import Rest
from bridge.centre.facts import CallOffered
from bridge.errors import Gone
from tests.contract import asterisk_container
from tests.contract.asterisk_container import AsteriskContainer
from tests.fakes.asterisk import PASSWORD, USERNAME, FakeAsterisk, Phone
from tests.fakes.inbox import FactInbox
from tests.fakes.links import ari_link, running

REAL = pytest.param("real", marks=pytest.mark.asterisk)


@dataclass(frozen=True, slots=True)
class Side:
    """One Asterisk, whichever. Its dialplan is that of asterisk_container.py."""

    url: str
    username: str
    password: str
    rest: Rest

    async def call_in(self, extension: str = "inbound", *, caller_does: str = "wait") -> None:
        """A client calls; when he is answered, he does what ``caller_does`` says."""
        await self.rest.call(
            "channels.originate",
            query={
                "endpoint": f"Local/{extension}@probe",
                "context": "probe",
                "extension": caller_does,
                "priority": "1",
                "callerId": "Ivan <+79161234567>",
            },
        )


@pytest.fixture(scope="session")
def container(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AsteriskContainer]:
    started = asterisk_container.start(tmp_path_factory.mktemp("asterisk"))
    yield started
    started.stop()


@pytest.fixture(params=["fake", REAL])
async def side(request: pytest.FixtureRequest) -> AsyncIterator[Side]:
    if request.param == "fake":
        async with FakeAsterisk() as fake:
            for name, does in {"rings": Phone.RINGS, "answers": Phone.ANSWERS, "busy": Phone.BUSY}.items():
                fake.phones[asterisk_container.phone(name)] = does
            async for made in _side(fake.url, USERNAME, PASSWORD):
                yield made
    else:
        real: AsteriskContainer = request.getfixturevalue("container")
        async for made in _side(real.url, asterisk_container.USERNAME, asterisk_container.PASSWORD):
            yield made


async def _side(url: str, username: str, password: str) -> AsyncIterator[Side]:
    rest = Rest(url, username, password, seconds=5.0)
    yield Side(url, username, password, rest)
    await rest.close()


@pytest.fixture
def inbox() -> FactInbox:
    return FactInbox()


@pytest.fixture
async def link(side: Side, inbox: FactInbox) -> AsyncIterator[AriLink]:
    made = ari_link(side.url, side.username, side.password, inbox, request_seconds=5.0)
    async with running(made):
        yield made
        await _leave_nothing(side)


@pytest.fixture
async def offered(side: Side, link: AriLink, inbox: FactInbox) -> CallOffered:
    await side.call_in()
    return await inbox.wait(CallOffered)


async def _leave_nothing(side: Side) -> None:
    """End what the test left, and wait until its last event is over: the next test shall not see it."""
    for channel in await side.rest.get(list[models.Channel], "channels.list"):
        with suppress(Gone):
            await side.rest.call("channels.hangup", channel.id)
    async with asyncio.timeout(10):
        while await side.rest.get(list[models.Channel], "channels.list"):
            await asyncio.sleep(0.02)
    for bridge in await side.rest.get(list[models.Bridge], "bridges.list"):
        await side.rest.call("bridges.destroy", bridge.id)
