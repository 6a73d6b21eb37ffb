"""One recording from the spool to its ticket: cut off at every step, the next attempt ends in the same."""

import asyncio
import hashlib
from array import array
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.centre.facts import RecordingAttached
from bridge.centre.ids import CallId, RecordingId
from bridge.centre.orders import AttachRecording
from bridge.crm import keeper as keeper_module
from bridge.crm import private, wav
from bridge.crm.keeper import RecordingKeeper, Stage
from bridge.crm.records import CallRecords
from bridge.crm.vault import Vault
from bridge.errors import BadInput, LinkDown
from bridge.store import Store
from bridge.store.recordings import SyncRecordings

CALL = CallId("1700000000.1")
REC = RecordingId("1700000000.1-rec-1")


@pytest.fixture(autouse=True, params=[keeper_module._WRITE_BYTES, 4000], ids=["short", "long"])
def how_long(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short recording is never a file of its own; of a long one most is in its part, the rest in memory."""
    monkeypatch.setattr(keeper_module, "_WRITE_BYTES", request.param)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
def keeper(store: Store, spool, directory: Path, departments, clock) -> RecordingKeeper:
    return RecordingKeeper(store, spool, Vault(directory), departments, clock=clock)


@pytest.fixture
async def recorded(store: Store, spool, make_ended, make_wav) -> None:
    """A call that ended, its two sides in the spool."""
    async with store.unit() as unit:
        await unit.calls.save(make_ended())
    spool.files[f"{REC}-in"] = make_wav([100] * 8000)
    spool.files[f"{REC}-out"] = make_wav([-200] * 8040)


def files_in(directory: Path) -> list[str]:
    return sorted(str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file())


def parts_in(directory: Path) -> list[str]:
    return [name for name in files_in(directory) if name.endswith(".part")]


async def check_attached(store: Store, spool, directory: Path) -> None:
    """Exactly one ticket with exactly one complete file, and nothing left anywhere."""
    async with store.view() as unit:
        (ticket,) = (await unit.tickets.page(None, 10)).items
        (row,) = (await unit.recordings.page(None, 10)).items
    assert (row.state, row.ticket, row.call, row.fault) == ("attached", ticket.id, CALL, "")
    assert row.file == f"2025/03/01/{REC}.wav"
    content = (directory / row.file).read_bytes()
    assert (row.bytes, row.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (row.duration_ms, row.sample_rate, row.channels) == (1005, 8000, 2)
    assert files_in(directory) == [row.file]
    assert spool.files == {}


@pytest.mark.usefixtures("recorded")
async def test_it_is_attached_to_call_and_ticket(
    keeper: RecordingKeeper, store: Store, spool, directory: Path
) -> None:
    attached = await keeper.attach(CALL, REC)
    assert attached is not None
    assert (attached.call, attached.recording) == (CALL, REC)
    await check_attached(store, spool, directory)


@pytest.mark.usefixtures("recorded")
async def test_a_call_that_has_no_ticket_gets_the_one_that_it_would_have(
    keeper: RecordingKeeper, store: Store
) -> None:
    await keeper.attach(CALL, REC)
    async with store.view() as unit:
        ticket = await unit.tickets.by_call(CALL)
    assert ticket is not None
    assert (ticket.subject, ticket.department) == ("+7 916 123-45-67 → support", "Support")
    assert ticket.assignee == "1001"


@pytest.mark.usefixtures("recorded")
async def test_twice_and_at_once_is_once(
    keeper: RecordingKeeper, store: Store, spool, directory: Path
) -> None:
    results = await asyncio.gather(*(keeper.attach(CALL, REC) for _ in range(5)))
    assert len(set(results)) == 1
    assert isinstance(results[0], RecordingAttached)
    assert spool.fetches == 2
    await check_attached(store, spool, directory)


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("step", ["fetch in", "middle in", "fetch ou", "middle ou", "delete in", "delete ou"])
async def test_asterisk_fails_at_any_step(
    keeper: RecordingKeeper, store: Store, spool, directory: Path, step: str
) -> None:
    spool.fail[step.replace("ou", "out")] = 1
    with suppress(LinkDown):
        await keeper.attach(CALL, REC)
    assert spool.fail[step.replace("ou", "out")] == 0
    assert parts_in(directory) == []
    await keeper.attach(CALL, REC)
    await check_attached(store, spool, directory)


class Killed(BaseException):
    """The process ends here: nothing after it runs, as far as Python can play that."""


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("step", ["inspect", "merge", "directory", "sync", "attach", "deleting"])
async def test_we_are_killed_at_any_step(
    store: Store, spool, directory: Path, departments, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        # A killed process cleans up nothing: temporary files stay for the sweep.
        patch.setattr(private, "remove", lambda *_: None)
        match step:
            case "inspect":
                patch.setattr(wav, "inspect", die)
            case "merge":
                patch.setattr(wav, "merge", die)
            case "directory":
                real = private.make_directory
                patch.setattr(
                    private, "make_directory", lambda path: die() if path.name == "01" else real(path)
                )
            case "sync":
                patch.setattr(private, "sync_directory", die)
            case "attach":
                patch.setattr(SyncRecordings, "attach", die)
            case "deleting":
                patch.setattr(RecordingKeeper, "_delete_originals", die)
        first = RecordingKeeper(store, spool, Vault(directory), departments)
        with pytest.raises(Killed):
            await first.attach(CALL, REC)
    assert len(spool.files) == 2
    second = RecordingKeeper(store, spool, Vault(directory), departments)
    await second.sweep()
    assert parts_in(directory) == []
    assert await second.attach(CALL, REC) is not None
    await check_attached(store, spool, directory)


@pytest.mark.usefixtures("recorded")
async def test_cancelled_while_merging_nothing_appears_later(
    keeper: RecordingKeeper, store: Store, spool, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, loop = asyncio.Event(), asyncio.get_running_loop()
    real = wav.merge

    def slow(
        left: wav.Sound, right: wav.Sound, target: Path, called_off: Callable[[], bool], *, end_together: bool
    ) -> wav.Merged:
        assert not end_together
        loop.call_soon_threadsafe(reached.set)
        while not called_off():
            pass
        return real(left, right, target, called_off)

    with monkeypatch.context() as patch:
        patch.setattr(wav, "merge", slow)
        task = asyncio.create_task(keeper.attach(CALL, REC))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert files_in(directory) == []
    assert await keeper.attach(CALL, REC) is not None
    await check_attached(store, spool, directory)


@pytest.mark.usefixtures("recorded")
async def test_a_file_that_still_grows_is_not_yet(
    keeper: RecordingKeeper, store: Store, spool, directory: Path, clock
) -> None:
    whole = spool.files[f"{REC}-out"]
    for length in (0, 20, 500, 9000):
        spool.files[f"{REC}-out"] = whole[:length]
        clock.now += 3600
        result = await keeper.work(CALL, REC)
        assert result.stage is Stage.NOT_YET, result
    spool.files[f"{REC}-out"] = whole
    assert (await keeper.work(CALL, REC)).stage is Stage.ATTACHED
    await check_attached(store, spool, directory)


@pytest.mark.usefixtures("recorded")
async def test_a_file_that_never_got_its_header_is_faulty_in_the_end(
    keeper: RecordingKeeper, store: Store, spool, directory: Path, clock
) -> None:
    spool.files[f"{REC}-out"] = spool.files[f"{REC}-out"][:-100]
    assert (await keeper.work(CALL, REC)).stage is Stage.NOT_YET
    clock.now += 61
    assert (await keeper.work(CALL, REC)).stage is Stage.FAULTY
    async with store.view() as unit:
        row = await unit.recordings.get(REC)
    assert row is not None
    assert row.fault.startswith("the agent's side: the header says")
    assert len(spool.files) == 2
    assert files_in(directory) == []


async def test_a_call_that_goes_on_is_left_alone(
    keeper: RecordingKeeper, store: Store, spool, clock, make_record, make_ended, make_wav
) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_record())
    for seconds in (1, 2, 3):
        # Complete at every moment, and longer the next time.
        for side in ("in", "out"):
            spool.files[f"{REC}-{side}"] = make_wav([1] * 8000 * seconds)
        assert (await keeper.work(CALL, REC)).stage is Stage.CALL_GOES_ON
        clock.now += 7200  # also one that was stopped long ago: a pause of it may not be known yet
    assert len(spool.files) == 2
    assert spool.fetches == 0
    async with store.unit() as unit:
        await unit.calls.save(make_ended())
    assert (await keeper.work(CALL, REC)).stage is Stage.ATTACHED


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(
    ("side", "content", "reason"),
    [
        ("in", b"<html>no recording here, sorry</html>", "the client's side: it is no RIFF/WAVE"),
        ("out", None, "at most 100 ms can be evened out"),
        ("in", 16000, "100 ms"),
    ],
)
async def test_faulty_ones_keep_their_reason_and_their_originals(
    keeper: RecordingKeeper,
    store: Store,
    spool,
    directory: Path,
    make_wav,
    side: str,
    content: object,
    reason: str,
) -> None:
    match content:
        case bytes():
            spool.files[f"{REC}-{side}"] = content
        case None:
            spool.files[f"{REC}-{side}"] = make_wav([])
        case int():
            spool.files[f"{REC}-{side}"] = make_wav([1] * content)
    assert await keeper.attach(CALL, REC) is None
    async with store.view() as unit:
        row = await unit.recordings.get(REC)
    assert row is not None
    assert row.state == "faulty"
    assert reason in row.fault
    assert len(spool.files) == 2
    assert files_in(directory) == []


@pytest.mark.usefixtures("recorded")
async def test_what_snoops_recorded_ends_together(
    keeper: RecordingKeeper, store: Store, spool, directory: Path, make_wav
) -> None:
    spool.files.clear()
    spool.files[f"{REC}-snoop-in"] = make_wav([1] * 8000)
    spool.files[f"{REC}-snoop-out"] = make_wav([2] * 6000)
    assert await keeper.attach(CALL, REC) is not None
    assert spool.files == {}
    (file,) = files_in(directory)
    samples = array("h", (directory / file).read_bytes()[44:])
    assert samples[0::2].tolist() == [1] * 8000
    assert samples[1::2].tolist() == [0] * 2000 + [2] * 6000


@pytest.mark.usefixtures("recorded")
async def test_of_a_recording_without_any_sound_nothing_is_left(
    keeper: RecordingKeeper, store: Store, spool, directory: Path, make_wav
) -> None:
    for side in ("in", "out"):
        spool.files[f"{REC}-{side}"] = make_wav([])
    assert await keeper.attach(CALL, REC) is None
    async with store.view() as unit:
        row = await unit.recordings.get(REC)
    assert row is not None
    assert (row.state, row.fault) == ("faulty", "neither side holds any sound")
    assert spool.files == {}
    assert files_in(directory) == []


async def test_of_a_call_that_nobody_took_an_empty_recording_is_no_fault(
    keeper: RecordingKeeper, store: Store, spool, make_wav, make_ended
) -> None:
    async with store.unit() as unit:
        await unit.calls.save(make_ended(answered_at=None))
    for side in ("in", "out"):
        spool.files[f"{REC}-{side}"] = make_wav([])
    assert (await keeper.work(CALL, REC)).stage is Stage.NOTHING
    async with store.view() as unit:
        assert await unit.recordings.get(REC) is None
    assert spool.files == {}


@pytest.mark.usefixtures("recorded")
async def test_a_missing_side_is_waited_for_and_then_faulty(
    keeper: RecordingKeeper, store: Store, spool, clock
) -> None:
    del spool.files[f"{REC}-in"]
    assert (await keeper.work(CALL, REC)).stage is Stage.NOT_YET
    clock.now += timedelta(minutes=59).total_seconds()
    assert (await keeper.work(CALL, REC)).stage is Stage.NOT_YET
    clock.now += timedelta(minutes=2).total_seconds()
    result = await keeper.work(CALL, REC)
    assert (result.stage, result.reason) == (Stage.FAULTY, "the client's side is not on Asterisk")
    assert len(spool.files) == 1


async def test_originals_of_an_unknown_call_are_kept(
    keeper: RecordingKeeper, store: Store, spool, make_wav
) -> None:
    spool.files = {f"{REC}-in": make_wav([1] * 80), f"{REC}-out": make_wav([1] * 80)}
    assert (await keeper.work(CALL, REC)).stage is Stage.UNKNOWN_CALL
    assert len(spool.files) == 2
    assert spool.fetches == 0


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize("step", ["append", "merge"])
async def test_a_full_disk_costs_nothing(
    keeper: RecordingKeeper,
    store: Store,
    spool,
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(keeper_module, "_WRITE_BYTES", 4000)  # or there would be nothing to append
        patch.setattr(*((private, "append") if step == "append" else (wav, "merge")), full)
        result = await keeper.work(CALL, REC)
    assert result.stage is Stage.NOT_YET
    assert "No space left" in result.reason
    assert (await keeper.work(CALL, REC)).stage is Stage.ATTACHED
    await check_attached(store, spool, directory)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a/b-rec-1", ".hidden", "", "x" * 300, "a\n-rec-1", "a\0"]
)
async def test_a_hostile_name_never_reaches_the_disk(
    keeper: RecordingKeeper, directory: Path, name: str
) -> None:
    with pytest.raises(BadInput, match="no name for a file"):
        await keeper.attach(CALL, RecordingId(name))
    assert files_in(directory) == []


@pytest.mark.usefixtures("recorded")
async def test_the_port_attaches_and_says_so(store: Store, spool, directory: Path, departments) -> None:
    records = CallRecords(store, spool, Vault(directory), departments)
    attached = await records.attach_recording(AttachRecording(CALL, REC))
    again = await records.attach_recording(AttachRecording(CALL, REC))
    assert attached is not None
    assert attached == again
    await check_attached(store, spool, directory)


@pytest.mark.usefixtures("recorded")
@pytest.mark.parametrize(("seconds", "lacks"), [(1, True), (40, True), (50, False), (60, False)])
async def test_one_that_lacks_much_of_its_minute_is_told(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, spool, make_wav, seconds: int, lacks: bool
) -> None:
    """As when Asterisk's disk was full; less may come of phones that say nothing when nobody speaks."""
    for side in ("in", "out"):
        spool.files[f"{REC}-{side}"] = make_wav([100] * 8000 * seconds)
    with capture_logs() as logs:
        assert await keeper.attach(CALL, REC) is not None
    told = [(one["call_id"], one["missing_s"]) for one in logs if one["event"] == "recording lacks much"]
    assert told == ([(CALL, 60 - seconds)] if lacks else [])
