"""Starts MixMonitor on a client's leg, and knows by its events which recordings run.

Both sides are written to files of their own, in step with each other: ``r`` what the client says, ``t`` what
he hears. Without a file name no mix is written. A relative name is taken below ``monitor`` in Asterisk's
spool, so ``../recording`` is, wherever the spool is, where ARI lists and serves stored recordings; Asterisk
makes the directory if need be [run on 22.10.1].
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field

import structlog

from bridge.ami.headers import Headers
from bridge.ami.messages import (
    Hangup,
    Message,
    MixMonitorMute,
    MixMonitorStart,
    MixMonitorStop,
    Newchannel,
)
from bridge.centre.facts import Fact, RecordingEnded, RecordingPaused, RecordingStarted
from bridge.centre.ids import LegId, RecordingId, call_of, recording_id
from bridge.centre.orders import MuteRecording, StartRecording, StopRecording
from bridge.engine.ports import SNOOPED, recording_mark
from bridge.errors import BadInput, Gone, LinkDown, Refused

log = structlog.get_logger(__name__)

Ask = Callable[..., Awaitable[Headers]]

_SENT = "CHANNEL(rtcp,txcount)"  # packets to the client so far; empty where there is no RTP
_LOOKS, _BETWEEN_LOOKS = 25, 0.02  # half a second
_FORGETS = 0.06  # seconds: with the next packet after its last listener the channel forgets how it translated
_CONFIRMS = 2.0  # seconds after the reply, in which its event tells that a recorder was muted
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


@dataclass(slots=True)
class _Muting:
    order: MuteRecording
    told: asyncio.Event = field(default_factory=asyncio.Event)


class Recordings:
    """MixMonitor's events name only the channel, so it is noted beforehand what will be recorded on it."""

    def __init__(self) -> None:
        self._asked: dict[str, RecordingId] = {}  # channel → what we asked to be recorded
        self._begun: set[str] = set()  # of these channels, those of which we know it
        self._unheard: set[str] = set()  # and those where a gap may have hidden it
        self._untouched: set[str] = set()  # channels that we have seen from their beginning
        self._touched: set[str] = set()  # those on which we have tried to record
        self._anew: set[str] = set()  # that are being begun anew: an end is none
        self._muting: dict[str, _Muting] = {}  # channels whose recorder we have told to be silent, or not

    def on(self, leg: LegId) -> RecordingId | None:
        return self._asked.get(leg)

    def runs(self, leg: LegId, recording: RecordingId) -> bool:
        return self.on(leg) == recording and leg in self._begun

    def expect(self, leg: LegId, recording: RecordingId) -> None:
        """Before the action is sent: the event may come before the reply."""
        self._asked[leg] = recording

    def begun(self, leg: LegId) -> None:
        self._begun.add(leg)

    def forget(self, leg: LegId, recording: RecordingId) -> None:
        if self._asked.get(leg) == recording:
            self._drop(leg)

    def between(self, leg: LegId, *, stopped: bool) -> None:
        (self._anew.add if stopped else self._anew.discard)(leg)

    def touch(self, leg: LegId) -> bool:
        """Whether this is the first attempt on it, by any process of ours."""
        first = leg in self._untouched
        self._untouched.discard(leg)
        self._touched.add(leg)
        return first

    def expect_mute(self, order: MuteRecording) -> asyncio.Event:
        """Before the action is sent. Set when Asterisk tells that it was carried out."""
        muting = self._muting[order.leg] = _Muting(order)
        return muting.told

    def expect_no_mute(self, leg: LegId) -> None:
        self._muting.pop(leg, None)

    def take(self, message: Message) -> list[Fact]:
        match message:
            case MixMonitorMute(channel, "both", muted):
                return self._muted(channel.uniqueid, muted)
            case Newchannel(channel):
                if channel.uniqueid not in self._touched:  # we may be behind with what we read
                    self._untouched.add(channel.uniqueid)
            case MixMonitorStart(channel):
                recording = self._asked.get(channel.uniqueid)
                if recording is not None:
                    self._begun.add(channel.uniqueid)
                    return [RecordingStarted(call_of(recording), recording)]
            case MixMonitorStop(channel) if channel.uniqueid in self._anew:
                return []
            case MixMonitorStop(channel):
                return self._ended(channel.uniqueid)
            case Hangup(channel=channel):
                self._untouched.discard(channel.uniqueid)
                self._touched.discard(channel.uniqueid)
                # A recording that ends with its channel has no MixMonitorStop. Asterisk closes the files
                # while it hangs up, within a millisecond of this event [run]; the reader checks the header.
                return self._ended(channel.uniqueid)
            case _:
                pass
        return []

    def compare(self, living: Collection[str]) -> list[Fact]:
        """After a gap: what ended meanwhile has ended; what began meanwhile may have begun."""
        self._untouched.intersection_update(living)
        self._touched.intersection_update(living)
        self._unheard.update(self._asked)
        return [fact for leg in list(self._asked) if leg not in living for fact in self._ended(leg)]

    def _muted(self, leg: str, muted: bool) -> list[Fact]:
        """Of a recorder that we did not tell it is somebody else's doing."""
        muting = self._muting.get(leg)
        if muting is None or muting.order.muted is not muted or muting.told.is_set():
            return []
        muting.told.set()
        order = muting.order
        return [RecordingPaused(order.call, order.recording)] if muted else []

    def _ended(self, leg: str) -> list[Fact]:
        began = leg in self._begun or leg in self._unheard
        recording = self._drop(leg)
        return [RecordingEnded(call_of(recording), recording)] if recording is not None and began else []

    def _drop(self, leg: str) -> RecordingId | None:
        self._begun.discard(leg)
        self._unheard.discard(leg)
        self._anew.discard(leg)
        return self._asked.pop(leg, None)


async def start_recording(order: StartRecording, ask: Ask, recordings: Recordings) -> bool:
    """False when it runs already: the order may be sent twice, also by a process that has been restarted."""
    leg, recording = order.leg, order.recording
    for name in (leg, recording):
        if not _SAFE.fullmatch(name):
            raise BadInput(
                f"StartRecording: {name!r} cannot be part of a file name; use letters, digits, . _ -"
            )
    if order.anew:
        return await _begin_anew(order, ask, recordings)
    if recordings.runs(leg, recording):
        return False
    # MixMonitor itself leaves its id there. It is asked for wherever there may have been a first one.
    variable = recording_mark(recording)
    known = {} if recordings.touch(leg) else await ask("Getvar", Channel=leg, Variable=variable)
    if known.get("value") == SNOOPED:
        return False  # ARI tells its end
    recordings.expect(leg, recording)
    if known.get("value"):
        recordings.begun(leg)
        return False
    try:
        await ask("MixMonitor", Channel=leg, Options=_options(recording))
    except Exception:  # also a lost reply: whoever tries again finds the mark if it has begun
        recordings.forget(leg, recording)
        raise
    return True


async def _begin_anew(order: StartRecording, ask: Ask, recordings: Recordings) -> bool:
    """Behind what it has written. Of one that does not run there is nothing to be done, nor of snoops'."""
    leg, recording = order.leg, order.recording
    variable = recording_mark(recording)
    known = (await ask("Getvar", Channel=leg, Variable=variable)).get("value")
    if not known or known == SNOOPED or recordings.on(leg) not in (None, recording):
        return False
    recordings.expect(leg, recording)
    recordings.begun(leg)
    recordings.between(leg, stopped=True)
    await _stop(leg, known, ask)
    before = await _sent(leg, ask) if order.just_answered else None
    await asyncio.sleep(_FORGETS)
    if before is not None:
        await _until_sent(leg, before, ask)
    await ask("MixMonitor", Channel=leg, Options=_options(recording, again="a"))
    recordings.between(leg, stopped=False)
    return False


async def _until_sent(leg: LegId, before: int, ask: Ask) -> None:
    """Something more to the client; of a phone that is silent it is not waited for long."""
    for _ in range(_LOOKS):
        if await _sent(leg, ask) != before:
            return
        await asyncio.sleep(_BETWEEN_LOOKS)


async def _sent(leg: LegId, ask: Ask) -> int | None:
    try:
        value = (await ask("Getvar", Channel=leg, Variable=_SENT)).get("value", "")
    except Gone:
        raise
    except Refused:  # no channel of SIP
        return None
    return int(value) if value.isdecimal() else None


async def mute_recording(order: MuteRecording, ask: Ask, recordings: Recordings) -> bool:
    """False where Asterisk did not tell that it was carried out: then the recorder is stopped, for good.

    Raises LinkDown for what snoops record: that is ARI's.
    """
    leg, recording = order.leg, order.recording
    mark = (await ask("Getvar", Channel=leg, Variable=recording_mark(recording))).get("value")
    if mark == SNOOPED:
        raise LinkDown(f"{recording}: snoops record it, and ARI ends them")
    if not mark:
        log.warning("nothing to mute", action="ami.recorder", channel_id=leg, recording_id=recording)
        return False
    if recordings.on(leg) is None:  # of an earlier process: its end is to be told
        recordings.expect(leg, recording)
        recordings.begun(leg)
    told = recordings.expect_mute(order)
    try:
        state = "1" if order.muted else "0"
        # By its id, for the engineer may have a recorder of his own on this channel.
        await ask("MixMonitorMute", Channel=leg, MixMonitorID=mark, Direction="both", State=state)
        async with asyncio.timeout(_CONFIRMS):
            await told.wait()
        return True
    except Gone:
        raise
    except (Refused, TimeoutError) as error:  # a reply alone proves nothing
        why = str(error) or f"no event within {_CONFIRMS:g} s"
        fields = {"action": "ami.recorder", "channel_id": leg, "recording_id": recording, "reason": why}
        log.error("recorder stopped, for it could not be muted or unmuted", **fields)
    finally:
        recordings.expect_no_mute(leg)
    await _stop(leg, mark, ask)
    return False


async def stop_recording(order: StopRecording, ask: Ask, recordings: Recordings) -> None:
    """Its mark stays: nobody begins it again. Raises LinkDown of what snoops record."""
    leg, recording = order.leg, order.recording
    try:
        known = (await ask("Getvar", Channel=leg, Variable=recording_mark(recording))).get("value")
        if known == SNOOPED:
            raise LinkDown(f"{recording}: snoops record it, and ARI ends them")
        if not known or await _has_been_followed(leg, recording, ask):
            return
        if recordings.on(leg) is None:  # begun by a process before this one: its end is told all the same
            recordings.expect(leg, recording)
            recordings.begun(leg)
        await _stop(leg, known, ask)
    except Gone as error:
        log.info("recorded channel is gone", action="ami.recorder", channel_id=leg, error=str(error))


async def _has_been_followed(leg: LegId, recording: RecordingId, ask: Ask) -> bool:
    """By the next one, so it was stopped before: its id, an address in Asterisk, may be that one's by now."""
    call = call_of(recording)
    after = recording_id(call, int(recording.rpartition("-")[2]) + 1)
    return bool((await ask("Getvar", Channel=leg, Variable=recording_mark(after))).get("value"))


async def _stop(leg: LegId, monitor: str, ask: Ask) -> None:
    """That there is none is all that Asterisk says of one that an attempt stopped whose reply was lost."""
    try:
        await ask("StopMixMonitor", Channel=leg, MixMonitorID=monitor)
    except Gone:
        raise
    except Refused as error:
        if "permission" in str(error).lower():
            raise  # it runs
        log.info("recorder stopped already", action="ami.recorder", channel_id=leg, error=str(error))


def _options(recording: RecordingId, again: str = "") -> str:
    place = f"../recording/{recording}"
    return f"{again}r({place}-in.wav)t({place}-out.wav)i({recording_mark(recording)})"
