"""Recordings on both databases: pending, attached, faulty."""

import pytest

from bridge.errors import BadInput
from bridge.store import Store

REC = "1700000000.1-rec-1"


async def test_from_pending_to_attached(store: Store, make_ended) -> None:
    call = make_ended()
    async with store.unit() as unit:
        ticket = await unit.tickets.open_for_call(call, "s", "d")
        noted = await unit.recordings.note(REC, call.id, call.offered_at)
        assert (noted.state, noted.file, noted.ticket) == ("pending", "", None)
        assert await unit.recordings.note(REC, call.id, call.ended_at) == noted
        assert await unit.recordings.pending() == [noted]
        attached = await unit.recordings.attach(
            REC,
            ticket=ticket.id,
            file="2025/03/01/x.wav",
            bytes=2**33,
            duration_ms=60_000,
            sample_rate=8000,
            channels=2,
            sha256="0" * 64,
        )
        assert await unit.recordings.fault(REC, "too late") == attached
        assert await unit.recordings.note(REC, call.id, call.offered_at) == attached
    async with store.view() as unit:
        assert await unit.recordings.pending() == []
        assert await unit.recordings.of_call(call.id) == [attached]
        assert await unit.recordings.of_ticket(ticket.id) == [attached]
        assert await unit.recordings.of_calls([call.id, "other"]) == [attached]
        assert (await unit.recordings.page(None, 5)).items == (attached,)
    assert (attached.state, attached.bytes) == ("attached", 2**33)
    assert attached.attached_at is not None


async def test_a_faulty_one_keeps_its_reason_and_may_be_mended(store: Store, make_ended) -> None:
    call = make_ended()
    async with store.unit() as unit:
        ticket = await unit.tickets.open_for_call(call, "s", "d")
        await unit.recordings.note(REC, call.id, call.offered_at)
        faulty = await unit.recordings.fault(REC, "one side is missing")
        assert (faulty.state, faulty.fault) == ("faulty", "one side is missing")
        assert await unit.recordings.pending() == []
        mended = await unit.recordings.attach(
            REC, ticket=ticket.id, file="f", bytes=1, duration_ms=1, sample_rate=8000, channels=2, sha256="x"
        )
        assert (mended.state, mended.fault) == ("attached", "")


async def test_an_unknown_call_or_recording_is_refused(store: Store, make_ended) -> None:
    async with store.unit() as unit:
        with pytest.raises(BadInput, match="no call"):
            await unit.recordings.note(REC, "no.such", make_ended().offered_at)
        with pytest.raises(BadInput, match="never noted"):
            await unit.recordings.fault(REC, "x")


async def test_pages_hold_each_once(store: Store, make_ended) -> None:
    call = make_ended()
    async with store.unit() as unit:
        await unit.calls.save(call)
        for number in range(9):
            await unit.recordings.note(f"{call.id}-rec-{number}", call.id, call.offered_at)
        seen, cursor = [], None
        while True:
            page = await unit.recordings.page(cursor, 4)
            seen += [row.id for row in page.items]
            if (cursor := page.cursor) is None:
                break
    assert seen == [f"{call.id}-rec-{number}" for number in reversed(range(9))]
