"""Links to ARI for tests: quick to come back, and ended properly."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bridge.ari import AriLink
from bridge.ari.socket import SocketLimits
from bridge.engine.backoff import Backoff
from tests.fakes.inbox import FactInbox, until


def ari_link(url: str, username: str, password: str, inbox: FactInbox, **given: Any) -> AriLink:
    settings: dict[str, Any] = {
        "app": "callbridge",
        "request_seconds": 2.0,
        "backoff": Backoff(first=0.01, ceiling=0.05),
        # On a busy machine a test stands still for a second. Who tests silence gives limits of his own.
        "limits": SocketLimits(silence=4.0, fresh_silence=4.0, stable=5.0, unsupported=0.05),
    }
    return AriLink(url=url, username=username, password=password, inbox=inbox, **(settings | given))


@asynccontextmanager
async def running(link: AriLink, *, up: bool = True) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(link.run())
    try:
        if up:
            await until(lambda: link.state.up or task.done())
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
