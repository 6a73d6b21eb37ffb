"""panoramisk walled in: the one file that knows it. Bytes in, headers out; actions out, their responses in.

What is replaced, and why: its decoder drops bytes of a UTF-8 character that is split over two reads, so bytes
are cut into messages first; an event, of which there are dozens in a call, costs it six times what it does
here, so it is given only the responses to actions; its Manager starts unordered tasks for events and
reconnects by a fixed timer for ever, so there is no Manager; a pending action of a lost connection would be
sent again later, so it fails instead.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from bridge.ami.headers import Headers, joined
from bridge.errors import BadInput, LinkDown

_log = structlog.get_logger(__name__)

_LONGEST_MESSAGE = 256 * 1024
_MOST_HEADERS = 1_000
_FORBIDDEN = frozenset("\r\n\0")
_END = b"\r\n\r\n"


def from_wire(value: str) -> str:
    """Latin-1 text, one character a byte, as the UTF-8 that it is; never fails."""
    return value.encode("latin-1").decode("utf-8", "replace")


def to_wire(value: str) -> str:
    return value.encode("utf-8", "replace").decode("latin-1")


def check_action(headers: Mapping[str, str]) -> None:
    """Whoever could put a line end into a value could send Asterisk an action of his own."""
    for name, value in headers.items():
        if _FORBIDDEN & set(value) or _FORBIDDEN & set(name) or ":" in name:
            raise BadInput(f"AMI header {name!r}: a line end or NUL in {value!r}; remove it")


class Wire(AMIProtocol):  # type: ignore[misc]  # panoramisk is not typed
    """One connection. ``on_event`` is called synchronously and in order; ``on_lost`` once."""

    responses: dict[str, Any]  # actions without an answer yet, by their id

    def __init__(self, on_event: Callable[[Headers], None], on_lost: Callable[[], None]) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._rest = b""
        self.reads = 0  # how often something was received: a sign of life
        self.transport: asyncio.Transport

    def data_received(self, data: bytes) -> None:
        self.reads += 1
        *messages, self._rest = (self._rest + data).split(_END)
        for message in messages:
            self._take(message.strip())
        if len(self._rest) > _LONGEST_MESSAGE:
            _log.error("AMI message without an end, connection dropped", action="ami_read")
            self.transport.abort()

    def _take(self, message: bytes) -> None:
        if self.responses and b"\r\nActionID: " in message:
            self._answer(Message.from_line(message.decode("latin-1")))
        headers = _event(message)
        if "event" not in headers:
            return
        if len(headers) > _MOST_HEADERS:
            _log.error(
                "AMI event with too many headers skipped", action="ami_read", event_name=headers["event"]
            )
            return
        self._on_event(headers)

    def _answer(self, message: Any) -> None:
        """To the action that waits for it, if one does."""
        action = self.responses.get(message.id) if message is not None else None
        if action is not None and action.add_message(message):
            self.responses.pop(action.id, None)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.closed = True
        pending, self.responses = list(self.responses.values()), {}
        for action in pending:
            if not action.future.done():
                action.future.set_exception(LinkDown("the connection to Asterisk's manager was lost"))
        self._on_lost()

    async def ask(self, headers: Mapping[str, str], timeout: float) -> Headers:
        """Send an action and give its first response; TimeoutError when none comes, LinkDown when lost."""
        check_action(headers)
        if self.closed or self.transport.is_closing():
            raise LinkDown("not connected to Asterisk's manager")
        action = Action({name: to_wire(value) for name, value in headers.items()}, as_list=False)
        self.responses[action.id] = action
        self.transport.write(str(action).encode("latin-1"))
        try:
            async with asyncio.timeout(timeout):
                return _headers(await action.future)
        finally:
            self.responses.pop(action.id, None)


def _event(message: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in message.decode("utf-8", "replace").split("\r\n"):
        name, colon, value = line.partition(": ")
        if colon:
            name = name.lower()
            headers[name] = joined(name, (headers[name], value)) if name in headers else value
    return headers


def _headers(message: Any) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in message.items():
        lower = from_wire(name).lower()
        headers[lower] = from_wire(joined(lower, value) if isinstance(value, list) else value)
    return headers
