"""The inbox: bounded, in order, nothing dropped."""

import asyncio

from bridge.centre.facts import AgentReady
from bridge.centre.ids import AgentId
from bridge.engine.inbox import BoundedInbox


def ready(number: int) -> AgentReady:
    return AgentReady(AgentId(str(number)))


async def test_a_full_inbox_makes_peers_wait_raises_one_alarm_and_drops_nothing() -> None:
    inbox = BoundedInbox(capacity=4)
    senders = [asyncio.create_task(inbox.put(ready(number))) for number in range(10)]
    await asyncio.sleep(0)
    assert len(inbox) == 4
    assert inbox.alarms == 1
    taken = [(await inbox.take()).fact for _ in range(10)]
    assert taken == [ready(number) for number in range(10)]
    await asyncio.gather(*senders)


async def test_the_engines_own_facts_never_wait() -> None:
    inbox = BoundedInbox(capacity=1)
    for number in range(3):
        inbox.put_now(ready(number))
    assert len(inbox) == 3


async def test_put_and_wait_returns_when_it_is_decided() -> None:
    inbox = BoundedInbox()
    sender = asyncio.create_task(inbox.put_and_wait(ready(1)))
    letter = await inbox.take()
    assert not sender.done()
    assert letter.decided is not None
    letter.decided.set()
    await sender
