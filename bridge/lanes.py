"""Who carries out which order: one function for each lane, made of the adapters' ports."""

from collections.abc import Sequence
from typing import Protocol, cast

import structlog

from bridge.centre.facts import Fact
from bridge.centre.orders import (
    NOT_ANNOUNCED,
    AttachRecording,
    CallOrder,
    CloseCard,
    Lane,
    LookUpClient,
    MediaOrder,
    MuteRecording,
    NoteAudit,
    OpenCard,
    RecordsOrder,
    StartRecording,
    StopRecording,
)
from bridge.engine.dispatch import Handlers
from bridge.engine.ports import Directory, Media, Recorder, Records, Screen
from bridge.errors import InternalError, LinkDown

log = structlog.get_logger(__name__)


class MediaRecorder(Media, Recorder, Protocol):
    """ari/: it records only while ami/ is away."""


async def _recorded_by(recorder: Recorder, order: CallOrder) -> None:
    match order:
        case StartRecording():
            await recorder.start_recording(order)
        case StopRecording():
            await recorder.stop_recording(order)
        case MuteRecording():
            await recorder.mute_recording(order)
        case _:
            raise InternalError(f"{type(order).__name__} in the recorder's lane")


def handlers(
    *,
    ari: MediaRecorder,
    ami: Recorder,
    clients: Directory,
    store: Records,
    screens: Screen,
) -> Handlers:
    """An order's lane says who carries it out; where one lane has one kind of order, that is its type."""

    async def media(order: CallOrder) -> None:
        await ari.carry_out(cast("MediaOrder", order))

    async def recorder(order: CallOrder) -> None:
        try:
            await _recorded_by(ami, order)
        except LinkDown:
            await _recorded_by(ari, order)

    async def directory(order: CallOrder) -> Fact:
        return await clients.look_up(cast("LookUpClient", order))

    async def records(orders: Sequence[CallOrder]) -> Sequence[Fact]:
        kept = cast("Sequence[RecordsOrder]", orders)
        for order in kept:
            if isinstance(order, NoteAudit) and order.action == NOT_ANNOUNCED:
                log.warning(
                    "consent could not be announced: the call goes on, and is not recorded",
                    action="consent",
                    call_id=order.call,
                    about=order.about,
                    sound=order.detail,
                    remedy="put the sound where Asterisk finds it in the caller's language",
                )
        return await store.keep(kept)

    async def files(order: CallOrder) -> Fact | None:
        return await store.attach_recording(cast("AttachRecording", order))

    async def screen(order: CallOrder) -> None:
        match order:
            case OpenCard():
                await screens.open_card(order)
            case CloseCard():
                await screens.close_card(order)
            case _:
                raise InternalError(f"{type(order).__name__} in the screens' lane")

    alone = {
        Lane.MEDIA: media,
        Lane.RECORDER: recorder,
        Lane.DIRECTORY: directory,
        Lane.FILES: files,
        Lane.SCREEN: screen,
    }
    return Handlers(alone, {Lane.RECORDS: records})
