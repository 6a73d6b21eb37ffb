"""Records a client's leg while the manager (AMI) is away, and nobody could start MixMonitor.

Two snoops on his channel, each recorded to a file: what he says and what he hears. A snoop ends with the
channel that it listens to, and its recording with it. It costs Asterisk two channels more a call, so it is
not how recordings are made otherwise.
"""

import asyncio

import msgspec
import structlog

from bridge.ari import models
from bridge.ari.ears import Ears
from bridge.ari.rest import Rest, all_of
from bridge.centre.ids import LegId, RecordingId
from bridge.centre.orders import MuteRecording, StartRecording, StopRecording
from bridge.engine.ports import SNOOPED, recording_mark
from bridge.errors import Gone, LinkDown

log = structlog.get_logger(__name__)

_SIDES = ("in", "out")  # Asterisk's words for what comes from a channel and what goes to it


def _snoops_of(recording: RecordingId) -> dict[str, LegId]:
    return {side: LegId(f"{recording}-snoop-{side}") for side in _SIDES}


class SnoopRecorder:
    def __init__(self, rest: Rest, ears: Ears) -> None:
        self._rest = rest
        self._ears = ears

    async def start(self, order: StartRecording) -> None:
        """Returns when both sides are recorded. Raises LinkDown where MixMonitor does it: that is AMI's."""
        mark = recording_mark(order.recording)
        begun = await self._begun(order.leg, mark)
        if begun == SNOOPED:
            return
        if begun:
            raise LinkDown(f"{order.recording}: MixMonitor runs, and its end would be told by AMI")
        snoops = _snoops_of(order.recording)
        try:
            # First both, then both: they must be in step.
            await all_of(*(self._ears.put(order.leg, snoop, spy=side) for side, snoop in snoops.items()))
            await all_of(*(self._record(snoop) for snoop in snoops.values()))
            query = {"variable": mark, "value": SNOOPED}
            await self._rest.call("channels.setChannelVar", order.leg, query=query)
        except BaseException:
            # Whatever happened, also when this very task is cancelled: no snoop is left behind.
            await asyncio.shield(all_of(*(self._ears.drop(snoop) for snoop in snoops.values())))
            raise
        log.info("recorded without AMI", action="ari.snoop", call_id=order.call, recording_id=order.recording)

    async def stop(self, order: StopRecording) -> None:
        """Their end is told by that of their files. The mark stays: nobody begins this one again.

        Raises LinkDown where MixMonitor records: only AMI can stop that.
        """
        begun = await self._begun(order.leg, recording_mark(order.recording))
        if not begun:
            return
        if begun != SNOOPED:
            raise LinkDown(f"{order.recording}: MixMonitor runs, and only AMI can stop it")
        await self._hang_up(order.recording)

    async def end(self, order: StartRecording | MuteRecording) -> bool:
        """They cannot be muted. False when an order to go on finds them at work.

        Raises LinkDown where MixMonitor does it: that is AMI's.
        """
        begun = await self._begun(order.leg, recording_mark(order.recording))
        if begun and begun != SNOOPED:
            raise LinkDown(f"{order.recording}: MixMonitor runs, and AMI mutes it")
        if begun and not order.muted and await self._lives(_snoops_of(order.recording)["out"]):
            return False
        await self._hang_up(order.recording)
        log.warning("recording cut", action="ari.snoop", call_id=order.call, recording_id=order.recording)
        return True

    async def _lives(self, snoop: LegId) -> bool:
        try:
            await self._rest.call("channels.get", snoop)
        except Gone:
            return False
        return True

    async def _hang_up(self, recording: RecordingId) -> None:
        snoops = _snoops_of(recording).values()
        await all_of(*(self._rest.unless_gone("channels.hangup", snoop) for snoop in snoops))

    async def _begun(self, leg: LegId, mark: str) -> str:
        try:
            reply = await self._rest.call("channels.getChannelVar", leg, query={"variable": mark})
        except Gone:
            return ""  # the variable, or the channel: then it cannot be listened to either
        return msgspec.json.decode(reply, type=models.Variable).value

    async def _record(self, snoop: LegId) -> None:
        query = {"name": snoop, "format": "wav", "ifExists": "fail"}
        await self._rest.call("channels.record", snoop, query=query)
