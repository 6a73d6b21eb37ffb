"""Media orders → ARI requests. Owns how Asterisk is asked; when and why is decided in the centre.

Every order may be sent twice, and its channel may be gone: where the order's aim is an end (hang up, stop,
clear), Gone is success; elsewhere Gone is raised. Ids are the call's own, so nothing is ever made twice.
"""

import asyncio
import math
import re
from collections.abc import Coroutine
from typing import Any, assert_never

import structlog

from bridge.ari import models
from bridge.ari.interest import UNKNOWN_MUSIC, Arrival, Interest, Prompt
from bridge.ari.rest import REQUEST_SECONDS, Rest
from bridge.ari.stasis import agent_arguments
from bridge.centre.causes import Cause
from bridge.centre.ids import CallId, LegId, PromptId, conversation_id
from bridge.centre.orders import (
    Answer,
    CancelReason,
    CancelRing,
    ClearCall,
    Connect,
    EnterWaitingRoom,
    HangUp,
    LeaveWaitingRoom,
    MediaOrder,
    Play,
    RingAgent,
    RingNumber,
    StopPrompt,
    ToFallback,
)
from bridge.errors import Gone, InternalError, LinkDown, Refused, RemoteError, RequestTimeout, Unreachable

log = structlog.get_logger(__name__)

FALLBACK_CONTEXT = "callbridge-fallback"
_CONFLICT = 409
_NOT_NOW = 500
_STOP_PAUSES = (0.005, 0.02, 0.05, 0.1, 0.2)  # seconds
_LEAVING_PAUSES = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)  # seconds
_SOUND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST_CALLER = 80
_REASONS = {
    CancelReason.ANSWERED_ELSEWHERE: "answered_elsewhere",  # the phone shows no missed call (RFC 3326)
    CancelReason.CALLER_GONE: "normal",
    CancelReason.NO_ANSWER: "no_answer",
}


class MediaDesk:
    def __init__(self, rest: Rest, interest: Interest, app: str) -> None:
        self._rest = rest
        self._interest = interest
        self._app = app
        self._background: set[asyncio.Task[None]] = set()

    async def carry_out(self, order: MediaOrder) -> None:
        match order:
            case Answer():
                await self._rest.call("channels.answer", order.leg)
            case Play():
                await self._play(order)
            case StopPrompt():
                await self._stop_prompt(order.prompt)
            case EnterWaitingRoom():
                await self._enter_waiting_room(order)
            case LeaveWaitingRoom():
                await self._silence(order.leg)
            case RingAgent() | RingNumber():
                await self._ring(order)
            case CancelRing():
                self._interest.take_back(order.leg)
                await self._unless_gone(
                    "channels.hangup", order.leg, query={"reason": _REASONS[order.reason]}
                )
            case Connect():
                await self._connect(order)
            case HangUp():
                await self._hang_up(order.leg, order.cause)
            case ToFallback():
                await self._to_fallback(order)
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

    def send_back(self, channel_id: str) -> None:
        """Let a channel that we cannot serve go on in the dialplan, behind its Stasis()."""
        self._in_background(self._send_back(channel_id))

    # ── prompts ──────────────────────────────────────────────────────────────

    async def _play(self, order: Play) -> None:
        wrong = [sound for sound in order.sounds if not _SOUND.fullmatch(sound) or ".." in sound]
        if wrong or not order.sounds:
            raise InternalError(f"{order.prompt}: no sound to play, or no name of a sound: {wrong!r:.200}")
        match self._interest.prompt(order.leg, order.prompt):
            case Prompt.RUNNING | Prompt.FINISHED:
                return
            case Prompt.UNSURE if await self._exists("playbacks.get", order.prompt):
                return
            case _:
                pass
        self._interest.note_prompt(order.leg, order.prompt, Prompt.RUNNING)
        media = ",".join(f"sound:{sound}" for sound in order.sounds)
        query = {"media": media, "lang": order.language}
        try:
            await self._rest.call("channels.playWithId", order.leg, order.prompt, query=query)
        except (RequestTimeout, LinkDown):
            self._interest.note_prompt(order.leg, order.prompt, Prompt.UNSURE)
            await self._music_again(order.leg)
            raise
        except RemoteError:
            self._interest.note_prompt(order.leg, order.prompt, Prompt.FINISHED)
            raise
        await self._music_again(order.leg)

    async def _music_again(self, leg: LegId) -> None:
        """Behind a prompt, which ends it. Asked for while one plays, it starts when that has ended."""
        music = self._interest.music_wanted(leg)
        if music:
            await self._start_music(leg, music)

    async def _start_music(self, leg: LegId, music: str) -> None:
        self._interest.note_music(leg, music, confirmed=False)
        await self._rest.call("channels.startMoh", leg, query={"mohClass": music})
        self._interest.note_music(leg, music)

    async def _silence(self, leg: LegId) -> None:
        """Stop what plays.

        A channel's next command, addChannel above all, waits for the prompt's end; and music goes on in a
        bridge, where nobody else would be heard (22.10).
        """
        for prompt in self._interest.running_prompts(leg):
            await self._stop_prompt(prompt)
        if self._interest.music(leg) is not None:
            await self._rest.call("channels.stopMoh", leg)
            self._interest.note_music(leg, None)

    async def _stop_prompt(self, prompt: PromptId) -> None:
        # Between two sounds of a list Asterisk cannot stop it and says 500 (22.10): a moment later it can.
        for pause in _STOP_PAUSES:
            try:
                return await self._unless_gone("playbacks.stop", prompt)
            except Refused as error:
                if error.status != _NOT_NOW:
                    raise
            await asyncio.sleep(pause)
        log.warning("prompt could not be stopped", action="ari.stop_prompt", prompt_id=prompt)
        return None

    # ── bridges ──────────────────────────────────────────────────────────────

    async def _enter_waiting_room(self, order: EnterWaitingRoom) -> None:
        music = self._interest.music(order.leg)
        if music == order.music:
            return  # asking again would begin it anew
        # Who may be waiting already is told about it, and that goes on: the music begins after it.
        if music != UNKNOWN_MUSIC:
            for prompt in self._interest.running_prompts(order.leg):
                await self._stop_prompt(prompt)
        if self._interest.may_converse(order.call):
            await self._leave_conversation(order.call, order.leg)
        await self._start_music(order.leg, order.music)

    async def _leave_conversation(self, call: CallId, leg: LegId) -> None:
        """His agent was lost. The empty bridge stays until the call is cleared: see _connect."""
        try:
            await self._rest.call("bridges.removeChannel", conversation_id(call), query={"channel": leg})
        except Gone as error:
            log.debug("in no conversation", action="bridges.removeChannel", channel_id=leg, error=str(error))

    async def _connect(self, order: Connect) -> None:
        # Without dtmf_events: what the client keys in to the agent (a card number) stays between the two and
        # never comes here, so it cannot get into the log either.
        self._interest.note_conversation(order.call)
        present, _ = await all_of(self._make_conversation(order.call), self._silence(order.client))
        joining = [leg for leg in (order.client, order.agent) if leg not in present]
        if joining:
            # One request for both: Asterisk looks for all of them before it moves the first. Should he have
            # to wait again, the empty bridge stays: its id must not be used for a second one (#211).
            # Without connected line updates: Asterisk would send a re-INVITE to the agent's phone with the
            # client's own identity, withheld or not, and one to the client's trunk with the agent's (22.10).
            query = {"channel": ",".join(joining), "inhibitConnectedLineUpdates": "true"}
            await self._rest.call("bridges.addChannel", conversation_id(order.call), query=query)

    async def _make_conversation(self, call: CallId) -> frozenset[str]:
        """Returns the channels that are in it already: none in a new one."""
        bridge = conversation_id(call)
        try:
            # The name tells whose it is: ids of other applications' bridges may look like ours.
            query = {"type": "mixing", "name": self._app}
            await self._rest.call("bridges.createWithId", bridge, query=query)
        except Refused as error:
            if error.status != _CONFLICT:
                raise
            found = await self._rest.get(models.Bridge, "bridges.get", bridge)
            return frozenset(found.channels)
        return frozenset()

    # ── the legs that we make ────────────────────────────────────────────────────

    async def _ring(self, order: RingAgent | RingNumber) -> None:
        if self._interest.is_over(order.originator) or self._interest.is_over(order.call):
            raise Gone(f"{order.leg}: {Arrival.CALLER_GONE.value}")
        if not self._interest.begin_ring(order.leg):
            return
        made = self._interest.take_made(order.leg)
        entered = self._interest.expect(order.leg, order.originator)
        try:
            if made:
                await self._dial(order)
            elif await self._create(order):
                await self._dial_when(entered, order)
        except BaseException as error:
            # Whatever happened, also when this very task is cancelled: no leg is left behind.
            retryable = isinstance(error, RemoteError) and error.retryable
            self._interest.ring_failed(order.leg, retryable=retryable)
            if not isinstance(error, Unreachable):
                await asyncio.shield(self._in_background(self._drop(order.leg)))
            raise
        finally:
            self._interest.forget(order.leg)

    async def _create(self, order: RingAgent | RingNumber) -> bool:
        """False when the leg is there already, from before this process."""
        query = {
            "endpoint": order.endpoint,
            "app": self._app,
            "appArgs": agent_arguments(order.call),
            "channelId": order.leg,
            # Its formats become the leg's, so nothing is transcoded. Asterisk accepts one that is gone.
            "originator": order.originator,
        }
        # The dialplan writes down when and why it ended, should nobody of us hear it; also of a leg like this
        # one, which runs no dialplan (22.10).
        end = {"CHANNEL(hangup_handler_push)": "callbridge-ended,leg,1"}
        variables = {"CALLBRIDGE_CALL": order.call, **_caller_shown(order), **end}
        try:
            await self._rest.call("channels.create", query=query, body={"variables": variables})
        except Refused as error:
            if error.status != _CONFLICT:
                raise
            log.warning(
                "agent's leg exists already", action="ari.ring", call_id=order.call, channel_id=order.leg
            )
            return False
        return True

    async def _dial_when(self, entered: "asyncio.Future[Arrival]", order: RingAgent | RingNumber) -> None:
        # A dial that comes before the leg has entered the application is refused with 409 (22.10).
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                arrival = await entered
        except TimeoutError as error:
            raise RequestTimeout(f"{order.leg}: created, but it never entered the application") from error
        if arrival is Arrival.LINK_LOST:
            raise LinkDown(f"{order.leg}: {arrival.value}")
        if arrival is not Arrival.ENTERED:
            raise Gone(f"{order.leg}: {arrival.value}")
        await self._dial(order)

    async def _dial(self, order: RingAgent | RingNumber) -> None:
        # Not caller=: Asterisk would show that channel's caller ID instead of what _caller_shown() set.
        seconds = max(1, math.ceil(order.ring.total_seconds()))
        await self._rest.call("channels.dial", order.leg, query={"timeout": str(seconds)})

    # ── ends ─────────────────────────────────────────────────────────────────

    async def _hang_up(self, leg: LegId, cause: int) -> None:
        code = cause if 0 < cause <= Cause.INTERWORKING else Cause.NORMAL_CLEARING
        await self._unless_gone("channels.hangup", leg, query={"reason_code": str(int(code))})

    async def _to_fallback(self, order: ToFallback) -> None:
        await self._silence(order.leg)
        # Leaves whatever bridge he is in by itself.
        query = {"context": FALLBACK_CONTEXT, "extension": order.queue or "s", "priority": "1"}
        await self._rest.call("channels.continueInDialplan", order.leg, query=query)
        if self._interest.may_converse(order.call):
            await self._drop_bridge(conversation_id(order.call))

    async def _clear_call(self, call: CallId) -> None:
        left = self._interest.clear(call)
        await all_of(*(self._hang_up(leg, Cause.NORMAL_CLEARING) for leg in left.legs))
        if left.conversation:
            await self._drop_bridge(conversation_id(call), empty=left.empty)

    async def _drop_bridge(self, bridge: str, *, empty: bool = False) -> None:
        """Destroy it when it is empty; ``empty``: that is known already.

        A channel that is just leaving (hung up, or sent back to the dialplan) when its bridge is destroyed
        stays in Asterisk for ever and cannot even be hung up: 11 of 1,600 (22.10.1). Of 1,600 whose bridge
        was empty first, none.
        """
        try:
            if not empty:
                await self._until_empty(bridge)
            await self._rest.call("bridges.destroy", bridge)
        except Gone:
            return

    async def _until_empty(self, bridge: str) -> None:
        for pause in _LEAVING_PAUSES:
            found = await self._rest.get(models.Bridge, "bridges.get", bridge)
            if not found.channels:
                return
            await asyncio.sleep(pause)
        log.warning("bridge destroyed with channels in it", action="ari.drop_bridge", bridge_id=bridge)

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
            await self._unless_gone("channels.continueInDialplan", channel_id)
        except RemoteError as error:
            log.error("not sent back", action="ari.send_back", channel_id=channel_id, error=str(error))

    async def _unless_gone(self, operation: str, one: str, *, query: dict[str, str] | None = None) -> None:
        try:
            await self._rest.call(operation, one, query=query)
        except Gone as error:
            log.debug("already gone", action=operation, object_id=one, error=str(error))

    async def _exists(self, operation: str, one: str) -> bool:
        try:
            await self._rest.call(operation, one)
        except Gone:
            return False
        return True

    def _in_background(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


async def all_of(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """Side by side, and all of them to their end; then the first failure is raised."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def _caller_shown(order: RingAgent | RingNumber) -> dict[str, str]:
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


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:_LONGEST_CALLER]
