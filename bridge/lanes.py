"""Who carries out which order: one function for each lane, made of the adapters' ports."""

from typing import Protocol, cast

import structlog

from bridge.centre.facts import Fact
from bridge.centre.orders import (
    NOT_ANNOUNCED,
    AttachRecording,
    CallOrder,
    CloseCard,
    EndOffer,
    Lane,
    LookUpClient,
    MediaOrder,
    MuteRecording,
    NoteAudit,
    OpenCard,
    OpenTicket,
    SaveCall,
    SaveOffer,
    SaveWrapUp,
    SetDisposition,
    StartRecording,
    StopRecording,
    TellCrm,
)
from bridge.engine.dispatch import Handler
from bridge.engine.ports import Crm, Directory, Media, Recorder, Records, Screen
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
    crm: Crm,
    screens: Screen,
) -> dict[Lane, Handler]:
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

    async def records(order: CallOrder) -> Fact | None:
        match order:
            case SaveCall():
                return await store.save_call(order)
            case OpenTicket():
                return await store.open_ticket(order)
            case SaveOffer():
                await store.save_offer(order)
                return None
            case EndOffer():
                await store.end_offer(order)
                return None
            case SaveWrapUp():
                return await store.save_wrap_up(order)
            case NoteAudit():
                if order.action == NOT_ANNOUNCED:
                    log.warning(
                        "consent could not be announced: the call goes on, and is not recorded",
                        action="consent",
                        call_id=order.call,
                        about=order.about,
                        sound=order.detail,
                        remedy="put the sound where Asterisk finds it in the caller's language",
                    )
                await store.note_audit(order)
                return None
            case TellCrm():
                await crm.tell(order)
                return None
            case SetDisposition():
                return await store.set_disposition(order)
            case _:
                raise InternalError(f"{type(order).__name__} in the records' lane")

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

    return {
        Lane.MEDIA: media,
        Lane.RECORDER: recorder,
        Lane.DIRECTORY: directory,
        Lane.RECORDS: records,
        Lane.FILES: files,
        Lane.SCREEN: screen,
    }
