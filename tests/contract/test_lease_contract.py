"""Who serves, as Asterisk keeps it: the fake and the real one must agree."""

import pytest

from bridge.ari import AriLink
from bridge.ari.lease import ApplicationBusy
from tests.contract.conftest import Side
from tests.fakes.inbox import FactInbox
from tests.fakes.links import ari_link, running


async def test_a_second_process_is_refused_and_one_that_takes_over_is_not(side: Side) -> None:
    def process(owner: str) -> AriLink:
        return ari_link(side.url, side.username, side.password, FactInbox(), app="lease", owner=owner)

    async with running(process("one")) as first:
        second = process("two")
        with pytest.raises(ApplicationBusy):
            await second.claim(forced=False)
        assert not first.done()
        third = process("three")
        await third.claim(forced=True)
        await third.close()
