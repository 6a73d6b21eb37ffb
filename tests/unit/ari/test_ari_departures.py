"""Channels that leave the application: whether they live on in the dialplan, and when they end there."""

import asyncio

from bridge.ari import AriLink
from bridge.centre.facts import LegEnded
from tests.fakes.asterisk import FakeAsterisk
from tests.fakes.inbox import FactInbox, until


async def test_channel_that_leaves_and_lives_is_watched(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    link._departures._seconds = 0.02
    call = await fake.call_in()
    channel = fake.channels[call]
    channel.in_app = False
    await fake.emit("StasisEnd", channel=fake._shown(channel))
    await until(lambda: fake.subscriptions == [f"channel:{call}"])
    assert inbox.of(LegEnded) == []


async def test_channel_that_leaves_and_dies_unseen_has_ended(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    link._departures._seconds = 0.02
    call = await fake.call_in()
    channel = fake.channels.pop(call)
    await fake.emit("StasisEnd", channel=fake._shown(channel))
    await inbox.wait(LegEnded, call=call, leg=call)


async def test_channel_that_ends_properly_is_not_asked_for(
    fake: FakeAsterisk, link: AriLink, inbox: FactInbox
) -> None:
    link._departures._seconds = 0.02
    call = await fake.call_in()
    await fake.hang_up(call)
    await inbox.wait(LegEnded, call=call)
    await asyncio.sleep(0.1)
    assert len(inbox.of(LegEnded)) == 1
    assert fake.subscriptions == []
