"""Media orders → ARI requests. Owns how Asterisk is asked; when and why is decided in the centre.

Every order may be sent twice, and its channel may be gone: where the order's aim is an end (hang up, stop,
clear), Gone is success; elsewhere Gone is raised. Ids are the call's own, so nothing is ever made twice.
"""

import asyncio
import math
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, assert_never

import structlog

from bridge.ari.ears import Ears
from bridge.ari.interest import Arrival, Interest
from bridge.ari.rest import REQUEST_SECONDS, Rest, all_of
from bridge.ari.rooms import Rooms
from bridge.ari.sounds import Sounds
from bridge.ari.stasis import agent_arguments
from bridge.ari.watches import Watches
from bridge.centre.causes import Cause
from bridge.centre.ids import CallId, Endpoint, LegId
from bridge.centre.orders import (
    Answer,
    CancelReason,
    CancelRing,
    ClearCall,
    Connect,
    EndWatch,
    EnterWaitingRoom,
    HangUp,
    Hold,
    Join,
    LeaveWaitingRoom,
    MakeLeg,
    MediaOrder,
    Mute,
    Play,
    RingAgent,
    RingBack,
    RingNumber,
    StopPrompt,
    ToDialplan,
    ToFallback,
    Watch,
)
from bridge.errors import Gone, LinkDown, Refused, RemoteError, RequestTimeout, Unreachable

log = structlog.get_logger(__name__)

FALLBACK_CONTEXT = "callbridge-fallback"
_CONFLICT = 409
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST_CALLER = 80
_REASONS = {
    CancelReason.ANSWERED_ELSEWHERE: "answered_elsewhere",  # the phone shows no missed call (RFC 3326)
    CancelReason.CALLER_GONE: "normal",
    CancelReason.NO_ANSWER: "no_answer",
}


class MediaDesk:
    def __init__(
        self, rest: Rest, interest: Interest, ears: Ears, app: str, dialled: Callable[[Endpoint], str]
    ) -> None:
        self._rest = rest
        self._dialled = dialled
        self._interest = interest
        self._app = app
        self._sounds = Sounds(rest, interest)
        self._rooms = Rooms(rest, interest, self._sounds, app)
        self._watches = Watches(rest, interest, self._rooms, ears)
        self._background: set[asyncio.Task[None]] = set()

    async def carry_out(self, order: MediaOrder) -> None:
        match order:
            case Answer():
                await self._rest.call("channels.answer", order.leg)
            case Play():
                await self._sounds.play(order)
            case StopPrompt():
                await self._sounds.stop_prompt(order.prompt)
            case EnterWaitingRoom():
                await self._rooms.enter_waiting_room(order)
            case LeaveWaitingRoom():
                await self._sounds.silence(order.leg)
            case RingAgent() | RingNumber():
                await self._ring(order)
            case MakeLeg():
                await self._make(order)
            case CancelRing():
                self._interest.take_back(order.leg)
                await self._rest.unless_gone(
                    "channels.hangup", order.leg, query={"reason": _REASONS[order.reason]}
                )
            case Connect():
                await self._rooms.connect(order)
            case Join():
                await self._rooms.join(order)
            case Hold():
                await self._rooms.hold(order)
            case RingBack():
                await self._rooms.ring_back(order)
            case Mute():
                operation = "channels.mute" if order.muted else "channels.unmute"
                await self._rest.call(operation, order.leg, query={"direction": "in"})
            case Watch():
                await self._watches.watch(order)
            case EndWatch():
                await self._watches.end(order)
            case HangUp():
                await self._hang_up(order.leg, order.cause)
            case ToFallback():
                await self._to_fallback(order)
            case ToDialplan():
                await self._rest.unless_gone("channels.continueInDialplan", order.leg)
            case ClearCall():
                await self._clear_call(order.call)
            case _:
                assert_never(order)

    async def close(self) -> None:
        """Wait for clean-up that is under way."""
        await asyncio.gather(*self._background, return_exceptions=True)

    def drop_stray(self, leg: LegId) -> None:
        """End an agent's leg for which nobody waits: its creation was given up before it came."""
        log.warning("agent's leg that nobody waits for", action="ari.stray_leg", channel_id=leg)
        self._in_background(self._drop(leg))

    def drop_half(self, channel_id: str) -> None:
        """Of a Local channel, which Asterisk puts in the place of a phone that transfers: both halves go."""
        self._in_background(self._drop(LegId(channel_id)))

    def send_back(self, channel_id: str) -> None:
        """Let a channel that we cannot serve go on in the dialplan, behind its Stasis()."""
        self._in_background(self._send_back(channel_id))

    # ── the legs that we make ────────────────────────────────────────────────────

    async def _ring(self, order: RingAgent | RingNumber) -> None:
        if self._interest.is_over(order.originator) or self._interest.is_over(order.call):
            if self._interest.take_made(order.leg):
                await self._drop(order.leg)
            raise Gone(f"{order.leg}: {Arrival.CALLER_GONE.value}")
        if not self._interest.begin_ring(order.leg):
            return
        made = self._interest.take_made(order.leg)
        async with self._or_no_leg(order.leg, order.originator) as entered:
            if made:
                await self._dial(order)
            elif await self._is_new(order):
                # A dial that comes before the leg has entered the application is refused with 409 (22.10).
                await self._entered(entered, order.leg)
                await self._dial(order)

    async def _make(self, order: MakeLeg) -> None:
        if self._interest.is_over(order.call):
            raise Gone(f"{order.leg}: {Arrival.ENDED.value}")
        async with self._or_no_leg(order.leg, order.leg) as entered:
            try:
                await self._create(order)
            except Refused as error:
                # Also an id with which that of a living channel begins is a conflict, and no leg is there.
                if error.status != _CONFLICT or not self._interest.has(order.leg):
                    raise
                return
            await self._entered(entered, order.leg)
            self._interest.note_made(order.leg)

    @asynccontextmanager
    async def _or_no_leg(self, leg: LegId, originator: LegId) -> "AsyncIterator[asyncio.Future[Arrival]]":
        """Whatever happens, also when this very task is cancelled: no leg is left behind."""
        try:
            yield self._interest.expect(leg, originator)
        except BaseException as error:
            retryable = isinstance(error, RemoteError) and error.retryable
            self._interest.ring_failed(leg, retryable=retryable)
            if not isinstance(error, Unreachable):
                await asyncio.shield(self._in_background(self._drop(leg)))
            raise
        finally:
            self._interest.forget(leg)

    async def _is_new(self, order: RingAgent | RingNumber) -> bool:
        """Creates it; False when the leg is there already, from before this process."""
        try:
            await self._create(order)
        except Refused as error:
            if error.status != _CONFLICT:
                raise
            log.warning(
                "agent's leg exists already", action="ari.ring", call_id=order.call, channel_id=order.leg
            )
            return False
        return True

    async def _create(self, order: RingAgent | RingNumber | MakeLeg) -> None:
        query = {
            "endpoint": self._dialled(order.endpoint),
            "app": self._app,
            "appArgs": agent_arguments(order.call),
            "channelId": order.leg,
        }
        if not isinstance(order, MakeLeg):
            # Its formats become the leg's, so nothing is transcoded. Asterisk accepts one that is gone.
            query["originator"] = order.originator
        # The dialplan writes down when and why it ended, should nobody of us hear it; also of a leg like this
        # one, which runs no dialplan (22.10).
        end = {"CHANNEL(hangup_handler_push)": "callbridge-ended,leg,1"}
        variables = {"CALLBRIDGE_CALL": order.call, **_caller_shown(order), **_of_agents(order), **end}
        await self._rest.call("channels.create", query=query, body={"variables": variables})

    async def _entered(self, entered: "asyncio.Future[Arrival]", leg: LegId) -> None:
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                arrival = await entered
        except TimeoutError as error:
            raise RequestTimeout(f"{leg}: created, but it never entered the application") from error
        if arrival is Arrival.LINK_LOST:
            raise LinkDown(f"{leg}: {arrival.value}")
        if arrival is not Arrival.ENTERED:
            raise Gone(f"{leg}: {arrival.value}")

    async def _dial(self, order: RingAgent | RingNumber) -> None:
        # Not caller=: Asterisk would show that channel's caller ID instead of what _caller_shown() set.
        seconds = max(1, math.ceil(order.ring.total_seconds()))
        await self._rest.call("channels.dial", order.leg, query={"timeout": str(seconds)})

    # ── ends ─────────────────────────────────────────────────────────────────

    async def _hang_up(self, leg: LegId, cause: int) -> None:
        code = cause if 0 < cause <= Cause.INTERWORKING else Cause.NORMAL_CLEARING
        await self._rest.unless_gone("channels.hangup", leg, query={"reason_code": str(int(code))})

    async def _to_fallback(self, order: ToFallback) -> None:
        await self._sounds.silence(order.leg)
        # Leaves whatever bridge he is in by itself.
        query = {"context": FALLBACK_CONTEXT, "extension": order.queue or "s", "priority": "1"}
        await self._rest.call("channels.continueInDialplan", order.leg, query=query)
        await all_of(*(self._rooms.drop(room) for room in self._interest.rooms(order.call)))

    async def _clear_call(self, call: CallId) -> None:
        left = self._interest.clear(call)
        await all_of(*(self._hang_up(leg, Cause.NORMAL_CLEARING) for leg in left.legs))
        await all_of(*(self._rooms.drop(room, empty=left.empty) for room in left.rooms))

    async def _drop(self, leg: LegId) -> None:
        try:
            await self._hang_up(leg, Cause.NORMAL_CLEARING)
        except (LinkDown, RequestTimeout) as error:
            log.info(
                "the next comparison ends this leg", action="ari.drop_leg", channel_id=leg, error=str(error)
            )
        except RemoteError as error:
            log.error("leg could not be ended", action="ari.drop_leg", channel_id=leg, error=str(error))

    async def _send_back(self, channel_id: str) -> None:
        try:
            await self._rest.unless_gone("channels.continueInDialplan", channel_id)
        except RemoteError as error:
            log.error("not sent back", action="ari.send_back", channel_id=channel_id, error=str(error))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _caller_shown(order: RingAgent | RingNumber | MakeLeg) -> dict[str, str]:
    """What the phone shows: PJSIP writes From and P-Asserted-Identity from the connected line.

    ``,i`` keeps Asterisk from signalling the change by itself. CALLERID() would be the agent's own identity.
    """
    if not order.caller_number:
        return {"CONNECTEDLINE(num,i)": "", "CONNECTEDLINE(name,i)": "", "CONNECTEDLINE(pres,i)": "prohib"}
    return {
        "CONNECTEDLINE(num,i)": _printable(order.caller_number),
        "CONNECTEDLINE(name,i)": _printable(order.caller_name) if isinstance(order, RingAgent) else "",
        "CONNECTEDLINE(pres,i)": "allowed",
    }


def _of_agents(order: RingAgent | RingNumber | MakeLeg) -> dict[str, str]:
    """Where its REFER leads; and for the dialplan of its other lines, that it has a call of ours."""
    if not isinstance(order, RingAgent):
        return {}
    name = order.endpoint.rpartition("/")[2]
    return {"TRANSFER_CONTEXT": "callbridge-transfer", "GROUP(callbridge)": name}


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:_LONGEST_CALLER]
