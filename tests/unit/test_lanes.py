"""Which adapter carries out an order of the recorder's lane, and what is said aloud of the records' lane."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from bridge.centre.facts import Fact
from bridge.centre.ids import CallId, LegId, recording_id
from bridge.centre.orders import NOT_ANNOUNCED, CallOrder, Lane, NoteAudit, StartRecording, StopRecording
from bridge.engine.dispatch import Handlers
from bridge.errors import LinkDown
from bridge.lanes import handlers

CALL = CallId("1700000000.7")
START = StartRecording(CALL, LegId(CALL), recording_id(CALL, 1))
STOP = StopRecording(CALL, LegId(CALL), recording_id(CALL, 1))


@dataclass
class Recorder:
    """``not_mine``: the other one records, or there is no link."""

    not_mine: bool = False
    done: list[CallOrder] = field(default_factory=list)

    async def start_recording(self, order: StartRecording) -> None:
        self._do(order)

    async def stop_recording(self, order: StopRecording) -> None:
        self._do(order)

    def _do(self, order: CallOrder) -> None:
        if self.not_mine:
            raise LinkDown("the other one's")
        self.done.append(order)


@dataclass
class Records:
    entries: list[NoteAudit] = field(default_factory=list)

    async def keep(self, orders: Sequence[NoteAudit]) -> list[Fact]:
        self.entries += orders
        return []


def lanes(ari: Recorder, ami: Recorder, store: Records | None = None) -> Handlers:
    nobody: Any = None
    return handlers(ari=cast("Any", ari), ami=ami, clients=nobody, store=cast("Any", store), screens=nobody)


@pytest.mark.parametrize("order", [START, STOP], ids=lambda order: type(order).__name__)
@pytest.mark.parametrize("away", [False, True])
async def test_ami_records_and_ari_in_its_place(order: CallOrder, away: bool) -> None:
    ari, ami = Recorder(), Recorder(not_mine=away)
    await lanes(ari, ami).alone[Lane.RECORDER](order)
    assert (ari.done, ami.done) == (([order], []) if away else ([], [order]))


@pytest.mark.parametrize("order", [START, STOP], ids=lambda order: type(order).__name__)
async def test_what_neither_can_do_now_is_tried_again(order: CallOrder) -> None:
    with pytest.raises(LinkDown):
        await lanes(Recorder(not_mine=True), Recorder(not_mine=True)).alone[Lane.RECORDER](order)


@pytest.mark.parametrize(("action", "warnings"), [(NOT_ANNOUNCED, 1), ("listen", 0)])
async def test_who_could_not_be_told_is_said_aloud(action: str, warnings: int) -> None:
    store = Records()
    entry = NoteAudit(CALL, datetime(2026, 1, 1, tzinfo=UTC), "callbridge", action, "queue sales", "told")
    with capture_logs() as logs:
        await lanes(Recorder(), Recorder(), store).together[Lane.RECORDS]([entry])
    assert store.entries == [entry]
    assert [(log["log_level"], log["about"], log["sound"]) for log in logs] == [
        ("warning", "queue sales", "told")
    ] * warnings
