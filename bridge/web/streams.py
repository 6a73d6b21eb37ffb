"""Owns server-sent events on the wire (WHATWG HTML 9.2) and the streams of pages. Not what the fragments say.

A page's stream keeps no queue: it keeps which of its topics are out of date. A slow browser therefore costs
nothing, and gets the newest state when it can take it; a page that connects again gets every topic anew.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from enum import Enum

from aiohttp import web

from bridge.centre.ids import AgentId
from bridge.errors import RemoteError
from bridge.web.principal import Person

HEARTBEAT = 15.0
WRITE_SECONDS = 20.0
FLOOR_SECONDS = 0.25  # a busy floor is drawn at most this often; a card never waits
PER_USER = 12
# What ends a stream without anybody's fault: the peer left, does not read, or a peer of ours does not answer.
GONE = (ConnectionError, TimeoutError, RemoteError)
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}


class Topic(Enum):
    """A page's events; each carries a whole fragment. The order is the priority: cards first."""

    CARD = "card"
    RING = "ring"
    STATE = "state"
    TALK = "talk"
    DISPOSITION = "disposition"
    WAITING = "waiting"
    CONTACTS = "contacts"
    NOTICES = "notices"
    FLOOR = "floor"


_PATIENT = frozenset({Topic.FLOOR, Topic.WAITING, Topic.NOTICES})
_ENDS_UNTOLD = frozenset({Topic.NOTICES})  # a ticket was closed: looked at again with each beat


class Wire:
    """One response that streams events, and ends when the peer does not read."""

    def __init__(self) -> None:
        self.response = web.StreamResponse(headers=_HEADERS)

    @staticmethod
    def head() -> web.Response:
        """To a HEAD: what a GET would begin with, without the stream that never ends."""
        return web.Response(headers=_HEADERS)

    async def open(self, request: web.Request) -> None:
        await self.response.prepare(request)
        await self._write("retry: 1000\n\n")

    async def send(self, event: str, data: str, *, identity: int | None = None) -> None:
        # Any of CR, LF, CRLF ends a line of the stream, so each line of the data needs a field of its own.
        lines = "".join(f"data: {line}\n" for line in data.replace("\r", "\n").split("\n"))
        number = "" if identity is None else f"id: {identity}\n"
        await self._write(f"event: {event}\n{number}{lines}\n")

    async def beat(self) -> None:
        await self._write(": beat\n\n")

    async def _write(self, text: str) -> None:
        async with asyncio.timeout(WRITE_SECONDS):
            await self.response.write(text.encode(errors="replace"))


Draw = Callable[["PageStream", Topic], Awaitable[str]]


class PageStream:
    """What one open page still has to be told."""

    def __init__(self, person: Person, language: str, topics: frozenset[Topic]) -> None:
        self.person = person
        self.language = language
        self.topics = topics
        self._stale = set(topics)
        self._sent: dict[Topic, str] = {}
        self._wake = asyncio.Event()
        self._wake.set()
        self._closed = False

    @property
    def agent(self) -> AgentId | None:
        return self.person.agent

    def mark(self, *topics: Topic) -> None:
        news = self.topics.intersection(topics)
        if news:
            self._stale |= news
            self._wake.set()

    def close(self) -> None:
        self._closed = True
        self._wake.set()

    async def run(self, wire: Wire, draw: Draw, still_welcome: Callable[[], Awaitable[bool]]) -> None:
        """Until the page, the session or the server goes."""
        drawn = -FLOOR_SECONDS
        beaten = time.monotonic()
        while not self._closed:
            self._wake.clear()
            now = time.monotonic()
            if now - beaten >= HEARTBEAT:
                beaten = now
                self.mark(*_ENDS_UNTOLD)
                await wire.beat()
                if not await still_welcome():
                    await wire.send("signed-out", "")
                    return
            urgent = self._stale - _PATIENT
            if now - drawn >= FLOOR_SECONDS and self._stale & _PATIENT:
                urgent = set(self._stale)
                drawn = now
            for topic in Topic:
                if topic in urgent:
                    self._stale.discard(topic)
                    await self._send(wire, topic, await draw(self, topic))
            pause = max(0.0, beaten + HEARTBEAT - now)
            if self._stale & _PATIENT:
                pause = min(pause, max(0.0, drawn + FLOOR_SECONDS - now))
            await self._sleep(pause)
        await wire.send("closing", "")

    async def _send(self, wire: Wire, topic: Topic, html: str) -> None:
        if self._sent.get(topic) != html:
            self._sent[topic] = html
            await wire.send(topic.value, html)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return


class Hub:
    """All open pages. ``add`` gives the stream; the caller removes it in the end."""

    def __init__(self) -> None:
        self._streams: list[PageStream] = []

    def add(self, stream: PageStream) -> None:
        own = [other for other in self._streams if other.person.user.id == stream.person.user.id]
        for oldest in own[: max(0, len(own) - PER_USER + 1)]:
            oldest.close()
        self._streams.append(stream)

    def remove(self, stream: PageStream) -> None:
        self._streams.remove(stream)

    def mark(self, *topics: Topic) -> None:
        for stream in self._streams:
            stream.mark(*topics)

    def mark_agent(self, agent: AgentId, *topics: Topic) -> None:
        for stream in self._streams:
            if stream.agent == agent:
                stream.mark(*topics)

    def mark_where(self, whom: Callable[[Person], bool], *topics: Topic) -> None:
        for stream in self._streams:
            if whom(stream.person):
                stream.mark(*topics)

    def close_session(self, session: str) -> None:
        for stream in self._streams:
            if stream.person.session == session:
                stream.close()

    def close_all(self) -> None:
        for stream in self._streams:
            stream.close()

    def __len__(self) -> int:
        return len(self._streams)
