"""What all receivers of call events share: a real server, a transcript, and the rules that were broken."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from aiohttp import web


@dataclass
class Receiver(ABC):
    """``transcript`` is what it understood, in order; ``problems`` what a real one would not have taken."""

    url: str = ""
    transcript: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @abstractmethod
    def add_routes(self, router: web.UrlDispatcher) -> None: ...

    def problem(self, what: str) -> None:
        self.problems.append(what)


R = TypeVar("R", bound=Receiver)


@asynccontextmanager
async def serving(receiver: R, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[R]:
    """While the context lasts. Port 0: one that is free; another one is where it was before."""
    app = web.Application()
    receiver.add_routes(app.router)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port, reuse_address=True)
    await site.start()
    receiver.url = f"http://{host}:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
