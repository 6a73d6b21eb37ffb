"""One process serves: a second one elsewhere is refused while the first lives, and let in after that."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge.ari import AriLink
from bridge.ari.lease import ApplicationBusy, Lease
from bridge.ari.rest import Rest
from tests.fakes.asterisk import PASSWORD, USERNAME, FakeAsterisk
from tests.fakes.inbox import FactInbox, until
from tests.fakes.links import ari_link, running

SOON = 0.05


@pytest.fixture
async def rest(fake: FakeAsterisk) -> AsyncIterator[Rest]:
    made = Rest(fake.url, USERNAME, PASSWORD)
    yield made
    await made.close()


async def test_a_second_one_is_refused_while_the_first_renews_it(rest: Rest) -> None:
    first, second = Lease(rest, "callbridge", "one", SOON), Lease(rest, "callbridge", "two", SOON)
    await first.take()
    keeping = asyncio.create_task(first.keep())
    try:
        with pytest.raises(ApplicationBusy, match="--take-over"):
            await second.take()
    finally:
        keeping.cancel()
    await second.take()  # nobody renews it any more
    with pytest.raises(asyncio.CancelledError):
        await keeping


async def test_who_is_started_again_does_not_wait(rest: Rest) -> None:
    await Lease(rest, "callbridge", "one", 3600).take()
    await Lease(rest, "callbridge", "one", 3600).take()


async def test_who_is_told_to_take_over_does_not_wait(rest: Rest, fake: FakeAsterisk) -> None:
    await Lease(rest, "callbridge", "one", 3600).take()
    second = Lease(rest, "callbridge", "two", 3600)
    second.forced = True
    await second.take()
    assert list(fake.global_variables.values()) == ["two 1"]


async def test_another_application_is_no_matter(rest: Rest) -> None:
    await Lease(rest, "callbridge", "one", 3600).take()
    await Lease(rest, "callbridge-test", "two", 3600).take()


async def test_a_link_that_is_refused_does_not_connect(fake: FakeAsterisk, make_link) -> None:  # type: ignore[no-untyped-def]
    async with running(make_link(owner="one")) as serving:
        first = fake.connections
        second = make_link(owner="two")
        with pytest.raises(ApplicationBusy):
            await second.claim(forced=False)
        with pytest.raises(ApplicationBusy):
            await asyncio.wait_for(second.run(), 20)
        assert fake.connections == first
        assert not serving.done()


async def test_an_asterisk_that_is_not_there_refuses_nobody() -> None:
    link: AriLink = ari_link("http://127.0.0.1:9", USERNAME, PASSWORD, FactInbox(), owner="one")
    await link.claim(forced=False)
    await link.close()


async def test_it_is_taken_again_from_an_asterisk_that_was_restarted(fake: FakeAsterisk, make_link) -> None:  # type: ignore[no-untyped-def]
    link = make_link(owner="one")
    async with running(link):
        fake.global_variables.clear()
        await fake.drop_sockets()
        await until(lambda: bool(fake.global_variables) and link.state.up)
