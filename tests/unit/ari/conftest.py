"""A fake Asterisk and a link to it."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from bridge.ari import AriLink
from tests.fakes.asterisk import PASSWORD, USERNAME, FakeAsterisk
from tests.fakes.inbox import FactInbox
from tests.fakes.links import ari_link, running


@pytest.fixture
async def fake() -> AsyncIterator[FakeAsterisk]:
    async with FakeAsterisk() as started:
        yield started


@pytest.fixture
def inbox() -> FactInbox:
    return FactInbox()


@pytest.fixture
def make_link(fake: FakeAsterisk, inbox: FactInbox) -> Callable[..., AriLink]:
    def make(**given: Any) -> AriLink:
        return ari_link(fake.url, USERNAME, given.pop("password", PASSWORD), inbox, **given)

    return make


@pytest.fixture
async def link(make_link: Callable[..., AriLink]) -> AsyncIterator[AriLink]:
    made = make_link()
    async with running(made):
        yield made
