"""Who records: AMI, and ARI while AMI is away or where it has begun."""

from typing import Any

import pytest

from bridge.centre.ids import CallId, LegId, recording_id
from bridge.centre.orders import CallOrder, Lane, MuteRecording, StartRecording
from bridge.engine.dispatch import Handler
from bridge.errors import LinkDown, Refused
from bridge.lanes import handlers

CALL = CallId("c.1")
START = StartRecording(CALL, LegId(CALL), recording_id(CALL, 1))
MUTE = MuteRecording(CALL, LegId(CALL), recording_id(CALL, 1), muted=True)


class Recorder:
    def __init__(self, error: Exception | None = None) -> None:
        self.taken: list[CallOrder] = []
        self.error = error

    async def take(self, order: CallOrder) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(order)

    start_recording = mute_recording = take


def recorder(ami: Recorder, ari: Recorder) -> Handler:
    parts: dict[str, Any] = dict.fromkeys(("clients", "store", "screens"))
    return handlers(ami=ami, ari=ari, **parts).alone[Lane.RECORDER]


@pytest.mark.parametrize("order", [START, MUTE])
async def test_ami_records(order: CallOrder) -> None:
    ami, ari = Recorder(), Recorder()
    await recorder(ami, ari)(order)
    assert (ami.taken, ari.taken) == ([order], [])


@pytest.mark.parametrize("order", [START, MUTE])
async def test_ari_does_what_ami_cannot_reach(order: CallOrder) -> None:
    ari = Recorder()
    await recorder(Recorder(LinkDown("away")), ari)(order)
    assert ari.taken == [order]


@pytest.mark.parametrize("order", [START, MUTE])
async def test_while_neither_can_it_is_to_be_tried_again(order: CallOrder) -> None:
    with pytest.raises(LinkDown):
        await recorder(Recorder(LinkDown("away")), Recorder(LinkDown("away too")))(order)


async def test_what_ami_refuses_is_not_asked_of_ari() -> None:
    ari = Recorder()
    with pytest.raises(Refused):
        await recorder(Recorder(Refused("no")), ari)(START)
    assert ari.taken == []
