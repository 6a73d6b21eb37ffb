"""When recordings are worked on: after a start, after a failure, at once when woken; never in a loop."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.centre.facts import RecordingAttached
from bridge.centre.ids import CallId, RecordingId
from bridge.crm.keeper import RecordingKeeper, Result
from bridge.crm.recordings import Reconciler, Round
from bridge.crm.vault import INCOMING, Vault
from bridge.errors import LinkDown
from bridge.store import Store, recordings


def rec(number: int) -> str:
    return f"17000000{number:02}.1-rec-1"


@pytest.fixture
def keeper(store: Store, spool, tmp_path: Path, departments, clock) -> RecordingKeeper:
    return RecordingKeeper(store, spool, Vault(tmp_path / "recordings"), departments, clock=clock)


@pytest.fixture
def reconciler(keeper: RecordingKeeper, box, clock) -> Reconciler:
    return Reconciler(keeper, box, clock=clock)


@pytest.fixture
async def ten(store: Store, spool, make_ended, make_wav) -> None:
    """Ten calls that ended while we were away."""
    async with store.unit() as unit:
        for number in range(10):
            await unit.calls.save(make_ended(f"17000000{number:02}.1"))
    for number in range(10):
        for side in ("in", "out"):
            spool.files[f"{rec(number)}-{side}"] = make_wav([number] * 1600)


@pytest.mark.usefixtures("ten")
async def test_what_an_interrupted_run_left_behind_is_found(
    reconciler: Reconciler, store: Store, spool, box
) -> None:
    done = await reconciler.run_once()
    assert sorted(done.attached) == [rec(number) for number in range(10)]
    assert spool.files == {}
    async with store.view() as unit:
        tickets = (await unit.tickets.page(None, 50)).items
        recordings = (await unit.recordings.page(None, 50)).items
    assert len(tickets) == len(recordings) == 10
    assert {row.ticket for row in recordings} == {ticket.id for ticket in tickets}
    assert {fact.recording for fact in box.facts} == {rec(number) for number in range(10)}
    assert all(isinstance(fact, RecordingAttached) for fact in box.facts)
    reconciler.wake()
    assert await reconciler.run_once() == Round()
    assert len(box.facts) == 10


@pytest.mark.usefixtures("ten")
async def test_originals_left_after_attaching_are_deleted_without_news(
    reconciler: Reconciler, spool, box, make_wav
) -> None:
    spool.fail = {"delete in": 10, "delete out": 10}
    await reconciler.run_once()
    assert len(spool.files) == 20
    reconciler.wake()
    await reconciler.run_once()
    assert spool.files == {}
    assert len(box.facts) == 10


@pytest.mark.usefixtures("ten")
async def test_other_peoples_files_and_unknown_calls_are_kept(reconciler: Reconciler, spool) -> None:
    foreign = [
        "voicemail/msg0001",
        "greeting",
        "-rec-1-in",
        "../x-rec-1-in",
        "a-rec-1-in.wav",
        "",
        "b-rec-x-out",
    ]
    spool.files |= dict.fromkeys(foreign, b"theirs") | {"9.9-rec-1-in": b"?", "9.9-rec-1-out": b"?"}
    done = await reconciler.run_once()
    assert done.unknown == ("9.9-rec-1",)
    assert set(spool.files) == {*foreign, "9.9-rec-1-in", "9.9-rec-1-out"}


@pytest.mark.usefixtures("ten")
async def test_what_was_attached_last_and_perhaps_not_told_is_told_at_the_next_start(
    reconciler: Reconciler, keeper: RecordingKeeper, spool, box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends after the recording is in the store, its originals are gone, and nobody knows."""
    now = datetime.now(UTC)
    with monkeypatch.context() as then:
        then.setattr(recordings, "now", lambda: now - timedelta(minutes=3))
        await keeper.work(CallId("1700000000.1"), RecordingId(rec(0)))
    await keeper.work(CallId("1700000001.1"), RecordingId(rec(1)))
    assert spool.files.keys().isdisjoint({f"{rec(1)}-in", f"{rec(1)}-out"})
    await reconciler.tell_again(now - timedelta(minutes=1))
    assert [fact.recording for fact in box.facts] == [rec(0)], "as of a start a minute ago"
    await reconciler.tell_again(datetime.now(UTC))
    assert [fact.recording for fact in box.facts] == [rec(0), rec(1)], "and of now not what is long over"
    box.facts.clear()
    task = asyncio.create_task(Reconciler(keeper, box).run())
    async with asyncio.timeout(10):
        while len(box.facts) < 9:
            await asyncio.sleep(0.01)
    task.cancel()
    assert sorted(fact.recording for fact in box.facts) == [rec(number) for number in range(1, 10)]


async def test_a_call_that_is_told_of_after_its_recording_has_it_at_its_end(
    reconciler: Reconciler, keeper: RecordingKeeper, store: Store, spool, make_ended, make_wav
) -> None:
    """As one that Asterisk's own queue got shortly before we were there."""
    call = CallId("1700000000.1")
    spool.files |= {f"{rec(0)}-{side}": make_wav([1] * 1600) for side in ("in", "out")}
    assert (await reconciler.run_once()).unknown == (rec(0),)
    assert await reconciler.run_once() == Round(), "it is not looked for again and again"
    async with store.unit() as unit:
        await unit.calls.save(make_ended(call))
    keeper.over(call)
    assert keeper.unfinished.is_set()
    assert (await reconciler.run_once()).attached == (rec(0),)
    assert spool.files == {}


async def test_a_call_that_goes_on_is_not_asked_after_again_and_again(
    reconciler: Reconciler,
    keeper: RecordingKeeper,
    store: Store,
    spool,
    clock,
    make_record,
    make_ended,
    make_wav,
) -> None:
    call = CallId("1700000000.1")
    async with store.unit() as unit:
        await unit.calls.save(make_record(call))
        await unit.recordings.note(rec(0), call, datetime.now(UTC))
    spool.files |= {f"{rec(0)}-{side}": make_wav([1] * 1600) for side in ("in", "out")}
    asked = Counter[str]()
    work = keeper.work

    async def counted(call: CallId, recording: RecordingId) -> Result:
        asked[recording] += 1
        return await work(call, recording)

    keeper.work = counted  # type: ignore[method-assign]
    for _ in range(200):
        assert await reconciler.run_once() == Round()
        clock.now += 1
    assert asked == {rec(0): 1}
    async with store.unit() as unit:
        await unit.calls.save(make_ended(call))
    keeper.over(call)
    assert keeper.unfinished.is_set()
    assert (await reconciler.run_once()).attached == (rec(0),)
    assert asked == {rec(0): 2}


@pytest.mark.usefixtures("ten")
async def test_one_that_fails_waits_longer_each_time_and_holds_up_nobody(
    reconciler: Reconciler, spool, clock
) -> None:
    whole = spool.files[f"{rec(3)}-in"]
    spool.files[f"{rec(3)}-in"] = whole[:100]
    first = await reconciler.run_once()
    assert len(first.attached) == 9
    assert first.not_yet == (rec(3),)
    attempts, passed = [], 0.0
    while len(attempts) < 5:
        clock.now += 0.25
        passed += 0.25
        spool.files[f"{rec(3)}-in"] = whole[: 100 + int(passed * 4)]
        if (await reconciler.run_once()).not_yet:
            attempts.append(passed)
    assert attempts == [0.5, 1.5, 3.5, 7.5, 15.5]
    spool.files[f"{rec(3)}-in"] = whole
    assert await reconciler.run_once() == Round()
    reconciler.wake()
    assert (await reconciler.run_once()).attached == (rec(3),)


@pytest.mark.usefixtures("ten")
async def test_an_unexpected_fault_of_one_does_not_stop_the_others(
    reconciler: Reconciler, keeper: RecordingKeeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = keeper.work

    async def work(call: CallId, recording: RecordingId):  # type: ignore[no-untyped-def]
        if recording == rec(5):
            raise ZeroDivisionError
        return await real(call, recording)

    monkeypatch.setattr(keeper, "work", work)
    done = await reconciler.run_once()
    assert len(done.attached) == 9
    assert done.not_yet == (rec(5),)


async def test_a_faulty_one_is_not_tried_again(
    reconciler: Reconciler, store: Store, spool, make_ended
) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_ended("1700000000.1"))
    spool.files = {f"{rec(0)}-in": b"this is not a recording", f"{rec(0)}-out": b"and this is none either"}
    assert (await reconciler.run_once()).faulty == (rec(0),)
    fetches = spool.fetches
    reconciler.wake()
    assert await reconciler.run_once() == Round()
    assert spool.fetches == fetches
    assert len(spool.files) == 2


async def test_a_spool_that_cannot_be_listed_is_an_error_of_the_round(reconciler: Reconciler, spool) -> None:
    spool.fail["list"] = 1
    with pytest.raises(LinkDown):
        await reconciler.run_once()
    assert await reconciler.run_once() == Round()


async def attached(store: Store, count: int) -> None:
    async with asyncio.timeout(30):
        while True:
            async with store.view() as unit:
                rows = (await unit.recordings.page(None, 50)).items
            if sum(row.state == "attached" for row in rows) == count:
                return
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("ten")
async def test_run_sweeps_recovers_and_goes_on_when_woken(
    store: Store, spool, tmp_path: Path, departments, box, make_ended, make_wav
) -> None:
    directory = tmp_path / "recordings"
    (directory / INCOMING).mkdir(parents=True)
    stale = directory / INCOMING / f"{rec(0)}.both.part"
    stale.write_bytes(b"half")
    theirs = directory / INCOMING / "notes.txt"
    theirs.write_bytes(b"not ours")
    spool.fail = {"list": 2, "fetch in": 3}
    keeper = RecordingKeeper(store, spool, Vault(directory), departments)
    reconciler = Reconciler(keeper, box, every=timedelta(seconds=20))
    task = asyncio.create_task(reconciler.run())
    await attached(store, 10)
    async with store.unit() as unit:
        await unit.calls.save(make_ended("late.1"))
    spool.files |= {f"late.1-rec-1-{side}": make_wav([1] * 800) for side in ("in", "out")}
    reconciler.wake()
    await attached(store, 11)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [file.name for file in (directory / INCOMING).iterdir()] == ["notes.txt"]
    assert spool.files == {}


async def test_an_order_that_comes_too_early_is_finished_by_the_reconciler(
    store: Store, spool, tmp_path: Path, departments, box, make_ended, make_wav
) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_ended("1700000000.1"))
    keeper = RecordingKeeper(store, spool, Vault(tmp_path / "recordings"), departments)
    task = asyncio.create_task(Reconciler(keeper, box, every=timedelta(seconds=20)).run())
    assert await keeper.attach(CallId("1700000000.1"), RecordingId(rec(0))) is None
    spool.files |= {f"{rec(0)}-{side}": make_wav([1] * 800) for side in ("in", "out")}
    await attached(store, 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
