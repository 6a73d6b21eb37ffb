"""A made-up call told to one receiver at once, to see what comes back. Nothing of it is kept."""

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from bridge.centre.orders import CallEventKind
from bridge.crm.delivery import Sender
from bridge.crm.formats import State
from bridge.crm.subscribers import Receiver
from bridge.crm.told import Told, event_id
from bridge.errors import CallbridgeError

_MOST_REQUESTS = 5
_MOST_BYTES = 65_536
_SHOWN = 500  # characters of a reply


async def probe(receiver: Receiver, sender: Sender, *, seconds: float) -> AsyncIterator[tuple[bool, str]]:
    """Of each request whether it was accepted, and what came back, in words."""
    now = datetime.now(UTC)
    call = f"callbridge-test-{secrets.token_hex(4)}"
    told = Told(
        id=event_id(call, "offered"),
        type=CallEventKind.OFFERED.value,
        at=now,
        call_id=call,
        direction="in",
        number="+15555550100",
        e164="+15555550100",
        name="Callbridge test",
        offered_at=now,
    )
    peer: State = {}
    for step in range(_MOST_REQUESTS):
        request = receiver.format.request(told, receiver.target, peer, step, datetime.now(UTC))
        if request is None:
            if step == 0:
                yield True, "this format says nothing of a call that has just come"
            return
        try:
            response = await sender.send(request, seconds=seconds, most_bytes=_MOST_BYTES)
        except CallbridgeError as error:
            yield False, str(error)
            return
        reply = receiver.format.reply(told, receiver.target, peer, step, response)
        said = ascii(response.body[:_SHOWN].decode("utf-8", "replace"))
        words = f"HTTP {response.status}: {said}" + (f" ({reply.reason})" if reply.reason else "")
        yield reply.accepted, words
        if not reply.accepted:
            return
        peer = reply.state if reply.state is not None else peer
