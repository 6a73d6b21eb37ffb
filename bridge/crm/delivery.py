"""One try to tell one receiver of one event, and what follows from its reply. Not when, nor in which order.

An event is told when the format says that the receiver has accepted it, after each of the requests that it
needs. What a cut-off try has done is done again by the next one, under the same id: at least once.
"""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import structlog

from bridge.centre.ids import CallId
from bridge.centre.orders import CallEventKind
from bridge.crm.formats import Reply, Steer, Upload
from bridge.crm.outside import Request, Response
from bridge.crm.retries import DELAYS, GONE, next_try, slow_until
from bridge.crm.subscribers import Receiver, Subscribers
from bridge.crm.told import Told
from bridge.errors import BadInput, CallbridgeError, RemoteError
from bridge.store import SyncUnit
from bridge.store.outbox import DEAD, DELIVERED, SKIPPED
from bridge.store.outbox_rows import DueEvent, OutboxRow

T = TypeVar("T")
log = structlog.get_logger(__name__)

MOST_REPLY = 65_536  # bytes that are read of a reply
_MOST_REQUESTS = 10  # for one event
_MOST_AGAIN = 4
_NAMED_EVERY = timedelta(minutes=1)
_UPLOAD_SECONDS = 60.0

SteerWish = Callable[[CallId, Steer, str], None]
"""What a receiver, by its name, wishes to happen to a call that has just come."""

ReadRecording = Callable[[str], Awaitable[bytes]]
"""A recording's sound by its id. Raises BadInput."""


class Writer(Protocol):
    """As much of the store as is needed here."""

    async def write(self, do: Callable[[SyncUnit], T], *, quick: bool = False) -> T: ...


class Sender(Protocol):
    """As much of ``Outside`` as is needed here."""

    async def send(self, request: Request, *, seconds: float, most_bytes: int = ...) -> Response: ...


@dataclass(frozen=True, slots=True)
class Limits:
    seconds: float = 5.0  # for a whole reply
    steer: timedelta = timedelta(seconds=2)
    delays: tuple[timedelta, ...] = DELAYS


@dataclass(frozen=True, slots=True)
class Attempt:
    """``following``: the call's next event, when this one is done."""

    following: DueEvent | None = None
    is_told: bool = False
    tried: bool = True  # something was sent
    answered: bool = False  # the receiver is there, whatever it said
    slow_until: datetime | None = None
    disabled: bool = False
    receiver: Receiver | None = None  # as it is now, if it has given a new secret


@dataclass(slots=True)
class _Named:
    """A failure that the log has named, and how many like it came since."""

    at: datetime
    more: int = 0


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why it is not told by this try."""

    reason: str
    status: int | None = None
    permanent: bool = False
    slow_until: datetime | None = None
    peer: Mapping[str, str] | None = None


@dataclass(slots=True)
class _Try:
    """One try under way."""

    receiver: Receiver
    row: OutboxRow
    told: Told
    peer: Mapping[str, str]
    step: int
    status: int | None = None
    again: int = field(default=0)


async def no_recording(recording: str) -> bytes:
    raise BadInput(f"recording {recording}: there is nobody here who could read it")


class Delivery:
    def __init__(
        self,
        writer: Writer,
        subscribers: Subscribers,
        sender: Sender,
        *,
        limits: Callable[[], Limits],
        steer: SteerWish,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        recording: ReadRecording = no_recording,
    ) -> None:
        self._writer = writer
        self._subscribers = subscribers
        self._sender = sender
        self._limits = limits
        self._steer = steer
        self._clock = clock
        self._random = random
        self._recording = recording
        self._named: dict[tuple[int, str], _Named] = {}

    async def attempt(self, receiver: Receiver, due: DueEvent) -> Attempt:
        """Raises RemoteError when the store does not take what became of it: then it is tried again."""
        row = due.row
        try:
            told = Told.from_json(row.body.encode())
        except BadInput as error:
            return await self._finish(receiver, row, DEAD, error=str(error))
        one = _Try(receiver, row, told, dict(due.peer), row.step)
        try:
            fault = await self._tell(one)
        except RemoteError:
            raise
        except Exception as error:  # our own fault in one event must not keep the others back
            log.exception("an event could not be told", action="callback", event_id=row.event_id)
            fault = _Fault(f"a fault of Callbridge itself: {type(error).__name__}", permanent=True)
        if fault is not None:
            return await self._failed(one, fault)
        state = DELIVERED if one.step else SKIPPED
        news = one.peer if one.peer != due.peer else None
        return await self._finish(one.receiver, row, state, status=one.status, peer=news)

    async def _tell(self, one: _Try) -> _Fault | None:
        """None when all that is to be sent was accepted."""
        told = one.told
        for sent in range(_MOST_REQUESTS):
            target = one.receiver.target
            request = one.receiver.format.request(told, target, one.peer, one.step, self._clock())
            if request is None:
                return None
            if sent and not one.again:
                await self._step_done(one)
            try:
                response = await self._send(request)
            except CallbridgeError as error:
                return _Fault(str(error))
            one.status = response.status
            fault = await self._took(one, response)
            if fault is not None:
                return fault
        return _Fault(f"more than {_MOST_REQUESTS} requests for one event", permanent=True)

    async def _send(self, request: Request) -> Response:
        seconds = self._limits().seconds
        if isinstance(request, Upload):
            sound = await self._recording(request.recording)
            request, seconds = _multipart(request, sound), _UPLOAD_SECONDS
        response = await self._sender.send(request, seconds=seconds, most_bytes=MOST_REPLY)
        if not response.whole:
            raise BadInput(f"the reply has more than {MOST_REPLY} bytes")
        return response

    async def _took(self, one: _Try, response: Response) -> _Fault | None:
        status, now = response.status, self._clock()
        if status == GONE:
            return _Fault("the receiver wants no more events (HTTP 410)", GONE)
        if 300 <= status < 400:
            return _Fault(
                f"HTTP {status}: a redirect is not followed; write the address that it leads to", status
            )
        slow = slow_until(status, response.headers, now)
        if slow is not None:
            return _Fault(f"HTTP {status}: the receiver is busy", status, slow_until=slow)
        reply = one.receiver.format.reply(one.told, one.receiver.target, one.peer, one.step, response)
        if reply.secret is not None:
            one.receiver = await self._subscribers.keep_secret(one.receiver, reply.secret)
        peer = reply.state if reply.state is not None else one.peer
        if reply.again and one.again < _MOST_AGAIN:
            one.again, one.peer = one.again + 1, peer
            return None
        if not reply.accepted:
            return _Fault(reply.reason or f"HTTP {status}", status, permanent=reply.permanent, peer=peer)
        if reply.reason:
            log.info("not all of a reply was obeyed", action="callback", reason=reply.reason, **_of(one.row))
        self._steered(one, reply, now)
        one.peer, one.step, one.again = peer, one.step + 1, 0
        return None

    def _steered(self, one: _Try, reply: Reply, now: datetime) -> None:
        if reply.steer is None:
            return
        offered = one.told.type == CallEventKind.OFFERED.value
        if offered and now - one.told.at <= self._limits().steer:
            self._steer(CallId(one.row.call), reply.steer, one.receiver.row.name)
        else:
            log.info("a wish for this call came too late", action="callback.steer", **_of(one.row))

    # ── what is kept of it ───────────────────────────────────────────────────

    async def _step_done(self, one: _Try) -> None:
        step, peer, now = one.step, one.peer, self._clock()
        await self._writer.write(lambda unit: unit.outbox.step_done(one.row, step, peer, now), quick=True)

    async def _finish(
        self,
        receiver: Receiver,
        row: OutboxRow,
        state: str,
        *,
        status: int | None = None,
        error: str = "",
        peer: Mapping[str, str] | None = None,
    ) -> Attempt:
        now = self._clock()
        following = await self._writer.write(
            lambda unit: unit.outbox.finish(row, state, now, status=status, error=error, peer=peer),
            quick=True,
        )
        if state == DEAD and (more := self._unnamed(row, DEAD)) is not None:
            log.error(
                "an event could not be told: it is kept until it is replayed or dropped",
                action="callback.dead",
                reason=error,
                more_since_the_last=more,
                **_of(row),
            )
        is_told = state == DELIVERED
        return Attempt(
            following,
            is_told=is_told,
            tried=state != SKIPPED,
            answered=status is not None,
            receiver=receiver,
        )

    async def _failed(self, one: _Try, fault: _Fault) -> Attempt:
        row, now = one.row, self._clock()
        if fault.status == GONE:
            await self._writer.write(lambda unit: _disable(unit, row, fault.reason, now))
            log.error("a receiver is told nothing any more", action="callback.gone", **_of(row))
            return Attempt(disabled=True, answered=True)
        again = None if fault.permanent else next_try(row.tries + 1, now, self._random, self._limits().delays)
        if again is None:
            return await self._finish(
                one.receiver, row, DEAD, status=fault.status, error=fault.reason, peer=fault.peer
            )
        slow = fault.slow_until
        next_at = max(again, slow) if slow is not None else again

        def failed(unit: SyncUnit) -> None:
            unit.outbox.failed(
                row, next_at=next_at, status=fault.status, error=fault.reason, at=now, peer=fault.peer
            )
            if slow is not None:
                unit.subscriptions.change(row.subscription, slow_until=slow)

        await self._writer.write(failed, quick=True)
        if (more := self._unnamed(row, "retry")) is not None:
            log.warning(
                "an event was not accepted: it is tried again",
                action="callback.retry",
                reason=fault.reason,
                tries=row.tries + 1,
                next_at=next_at.isoformat(),
                more_since_the_last=more,
                **_of(row),
            )
        return Attempt(answered=fault.status is not None, slow_until=slow, receiver=one.receiver)

    def _unnamed(self, row: OutboxRow, kind: str) -> int | None:
        """How many were not named since the last that was; None: nor is this one. The row has why it failed.

        Of a receiver that is away each event of each call fails: the log would be full of nothing else.
        """
        now, key = self._clock(), (row.subscription, kind)
        last = self._named.get(key)
        if last is not None and timedelta(0) <= now - last.at < _NAMED_EVERY:
            last.more += 1
            return None
        self._named[key] = _Named(now)
        return last.more if last is not None else 0


def _disable(unit: SyncUnit, row: OutboxRow, reason: str, now: datetime) -> None:
    unit.outbox.failed(row, next_at=now, status=GONE, error=reason, at=now)
    unit.subscriptions.disable(row.subscription, reason)


def _multipart(upload: Upload, sound: bytes) -> Request:
    """RFC 7578. The boundary is random: no sound holds it."""
    boundary = secrets.token_hex(16)
    name = "".join(mark for mark in upload.file_name if mark.isalnum() or mark in "._-") or "recording"
    head = (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{upload.form_field}"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + sound + f"\r\n--{boundary}--\r\n".encode()
    headers = {**upload.headers, "content-type": f"multipart/form-data; boundary={boundary}"}
    return Request(upload.method, upload.url, headers, body)


def _of(row: OutboxRow) -> dict[str, object]:
    return {"call_id": row.call, "event_id": row.event_id, "kind": row.kind, "subscription": row.subscription}
