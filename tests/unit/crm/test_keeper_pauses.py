"""What was said during a pause is never stored, whatever Asterisk's recorder did; all the rest is."""

import asyncio
import hashlib
from array import array
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.centre.facts import RecordingEnded, RecordingStarted
from bridge.centre.ids import CallId, RecordingId
from bridge.centre.orders import AttachRecording, CallRecord, SaveCall
from bridge.centre.record import PauseRecord
from bridge.config import keyfile
from bridge.crm import keeper as keeper_module
from bridge.crm import muting, wav
from bridge.crm.keeper import RecordingKeeper, Stage
from bridge.crm.recordings import Reconciler
from bridge.crm.records import CallRecords
from bridge.crm.vault import Vault
from bridge.engine.logged import logged
from bridge.engine.ports import StampedFact
from bridge.store import Store
from bridge.store.rows import Found, PauseCheck, RecordingRow
from tests.unit.crm.conftest import START, Spool, ended_record

CALL = CallId("1700000000.1")
REC, SECOND = RecordingId(f"{CALL}-rec-1"), RecordingId(f"{CALL}-rec-2")
ANSWERED = START + timedelta(seconds=10)
RATE, SECONDS = 8000, 12
TONES = (5000, -7000)  # what the client says, what he hears; never silent

Sides = tuple["array[int]", "array[int]"]


def after(seconds: float) -> datetime:
    """Since the answer, when the recorder began."""
    return ANSWERED + timedelta(seconds=seconds)


def pause(
    begun: float, confirmed: float | None, ended: float | None, number: int = 1, recording: RecordingId = REC
) -> PauseRecord:
    return PauseRecord(
        number,
        recording,
        "agent 1001",
        after(begun),
        after(confirmed) if confirmed is not None else None,
        after(ended) if ended is not None else None,
        "agent 1001" if ended is not None else "",
    )


def talk(*muted: tuple[float, float], seconds: float = SECONDS) -> Sides:
    """Tone on both sides, but for what the recorder wrote as silence."""
    left, right = (array("h", [tone]) * int(seconds * RATE) for tone in TONES)
    for begin, end in muted:
        for side in (left, right):
            first, last = int(begin * RATE), int(end * RATE)
            side[first:last] = array("h", [0]) * (last - first)
    return left, right


def ended(*pauses: PauseRecord) -> CallRecord:
    return ended_record(ended_at=after(SECONDS), pauses=pauses)


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "recordings")


@pytest.fixture
def keeper(store: Store, spool: Spool, vault: Vault, departments, clock) -> RecordingKeeper:
    return RecordingKeeper(store, spool, vault, departments, clock=clock)


@pytest.fixture
def put(store: Store, spool: Spool, make_wav: Callable[..., bytes]):  # type: ignore[no-untyped-def]
    async def put(sides: Sides, *pauses: PauseRecord, recording: RecordingId = REC) -> None:
        for name, side in zip(("in", "out"), sides, strict=True):
            spool.files[f"{recording}-{name}"] = make_wav(side)
        async with store.unit() as unit:
            await unit.calls.save(ended(*pauses))

    return put


async def row_of(store: Store, recording: RecordingId = REC) -> RecordingRow:
    async with store.view() as unit:
        row = await unit.recordings.get(recording)
    assert row is not None
    return row


async def checks_of(store: Store, recording: RecordingId = REC) -> list[PauseCheck]:
    async with store.view() as unit:
        rows = await unit.pauses.of_recordings([recording])
    checks = [row.check for row in rows]
    assert None not in checks
    return checks  # type: ignore[return-value]


async def stored(store: Store, vault: Vault, recording: RecordingId = REC) -> Sides:
    row = await row_of(store, recording)
    assert row.state == "attached", row.fault
    content = (vault.directory / row.file).read_bytes()
    assert (row.bytes, row.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    both = array("h", content[44:])
    return both[0::2], both[1::2]


def check_silent_only(sides: Sides, original: Sides, *stretches: tuple[float, float]) -> None:
    """Digital silence there, and elsewhere what was recorded, sample by sample."""
    for side, was in zip(sides, original, strict=True):
        expected = was[:]
        for begin, end in stretches:
            first, last = round(begin * RATE), min(round(end * RATE), len(was))
            expected[first:last] = array("h", [0]) * (last - first)
        assert side == expected


@pytest.mark.parametrize(
    ("what", "recorded", "one", "silent"),
    [
        ("Asterisk did not mute at all", talk(), pause(4, 4.1, 7), (3.7, 7.3)),
        ("it muted late, and had confirmed", talk((5, 7)), pause(4, 4.1, 7), (3.7, 7.3)),
        ("it wrote again too soon", talk((4.1, 6)), pause(4, 4.1, 7), (3.7, 7.3)),
        ("only one side", (talk((4.1, 7))[0], talk()[1]), pause(4, 4.1, 7), (3.7, 7.3)),
        ("it never confirmed", talk((4.1, 7)), pause(4, None, 7), (3.7, 7.3)),
        ("nobody ended it", talk(), pause(4, 4.1, None), (3.7, SECONDS)),
        ("too short to be judged", talk((4.1, 4.5)), pause(4, 4.1, 4.5), (3.7, 4.8)),
        ("from before the recorder's beginning", talk(), pause(-2, None, 1), (0, 1.3)),
        ("it was stopped for want of a word", talk(seconds=6), pause(5.9, None, 9), (5.6, 6)),
    ],
)
async def test_what_should_be_silent_and_is_not_is_cut(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper,
    store: Store,
    vault: Vault,
    put,
    what: str,
    recorded: Sides,
    one: PauseRecord,
    silent: tuple[float, float],
) -> None:
    await put(recorded, one)
    if what == "it was stopped for want of a word":
        await tell(store, (RecordingStarted(CALL, REC), 0.1), (RecordingEnded(CALL, REC), 6))
    with capture_logs() as logs:
        assert await keeper.attach(CALL, REC) is not None
    check_silent_only(await stored(store, vault), recorded, silent)
    (check,) = await checks_of(store)
    assert check.found is Found.CUT
    assert (check.from_ms, check.until_ms) == (round(silent[0] * 1000), round(silent[1] * 1000))
    (told,) = [entry for entry in logs if entry["action"] == "mute_recording"]
    assert (told["call_id"], told["recording_id"], told["pause"], told["found"]) == (CALL, REC, 1, "cut")


@pytest.mark.parametrize("over", [7, None])
async def test_a_recorder_that_was_muted_has_its_file_left_as_it_is(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, put, over: int | None
) -> None:
    recorded = talk((4.1, over or SECONDS))
    await put(recorded, pause(4, 4.1, over))
    assert await keeper.attach(CALL, REC) is not None
    # Only what was said between the wish and the muting goes, and the margin before it.
    check_silent_only(await stored(store, vault), recorded, (3.7, 4.1))
    (check,) = await checks_of(store)
    assert check.found is Found.SILENT
    assert (check.from_ms, check.until_ms) == (3700, (over or SECONDS) * 1000)


async def test_several_pauses_and_those_of_another_recording(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, put
) -> None:
    recorded = talk((2, 4))
    await put(recorded, pause(2, 2, 4), pause(6, 6, 8, number=2), pause(9, 9, 10, number=3, recording=SECOND))
    assert await keeper.attach(CALL, REC) is not None
    check_silent_only(await stored(store, vault), recorded, (1.7, 2), (5.7, 8.3))
    assert [check.found for check in await checks_of(store)] == [Found.SILENT, Found.CUT]
    async with store.view() as unit:
        (other,) = await unit.pauses.of_recordings([SECOND])
    assert other.check is None


async def test_a_second_recording_is_measured_from_its_own_beginning(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, put
) -> None:
    recorded = talk(seconds=4)
    await put(recorded, pause(10, None, 11, number=2, recording=SECOND), recording=SECOND)
    await tell(store, (RecordingStarted(CALL, SECOND), 8.05))
    assert await keeper.attach(CALL, SECOND) is not None
    row = await row_of(store, SECOND)
    # Told a second after it began, at most; so the place is known to a second, and to that much it is cut.
    assert (row.begun_at, row.ended_at) == (after(7.05), after(SECONDS))
    check_silent_only(await stored(store, vault, SECOND), recorded, (1.7, 4))


async def test_what_the_recorder_left_out_moves_nothing_out_of_the_silence(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, put
) -> None:
    # A second is missing before the pause, half a second after it: it is not known which.
    recorded = talk(seconds=SECONDS - 1.5)
    await put(recorded, pause(4, 4, 7))
    assert await keeper.attach(CALL, REC) is not None
    check_silent_only(await stored(store, vault), recorded, (2.2, 7.3))  # in truth it is from 3 to 6


async def test_what_cannot_be_made_silent_is_not_stored(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, put, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(talk(), pause(4, None, 7))
    monkeypatch.setattr(wav, "blank", lambda *_: None)
    result = await keeper.work(CALL, REC)
    assert result.stage is Stage.FAULTY
    assert "pause 1, 3.700 to 7.300 s: channel 1 is not silent (5000 of 32767)" in result.reason
    assert (await row_of(store)).fault == result.reason
    assert [path for path in vault.directory.rglob("*") if path.is_file()] == []


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["before", "middle", "after", "put", "attach"])
async def test_killed_at_any_step_the_next_run_ends_in_silence(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper,
    store: Store,
    vault: Vault,
    put,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Killed

    recorded = talk()
    await put(recorded, pause(2, None, 3), pause(6, 6.1, 8, number=2))
    with monkeypatch.context() as patch:
        patch.setattr(keeper_module.private, "remove", lambda *_: None)
        match step:
            case "before":
                patch.setattr(keeper_module, "mute", die)
            case "middle":
                real = wav.blank
                patch.setattr(wav, "blank", lambda *place: die() if place[1] > 5000 else real(*place))
            case "after":
                patch.setattr(muting, "listen", die)
            case "put":
                patch.setattr(Vault, "put", die)
            case "attach":
                patch.setattr(keeper_module, "_attach", die)
        with pytest.raises(Killed):
            await keeper.attach(CALL, REC)
    assert (await row_of(store)).state == "pending"
    again = RecordingKeeper(store, keeper.files, vault, keeper._tickets)
    await again.sweep()
    assert await again.attach(CALL, REC) is not None
    check_silent_only(await stored(store, vault), recorded, (1.7, 3.3), (5.7, 8.3))
    assert len(await checks_of(store)) == 2


async def test_a_pause_that_is_told_while_it_is_worked_on_is_not_missed(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, put, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = talk()
    await put(recorded)
    real, loop = keeper_module._merge_to, asyncio.get_running_loop()

    async def late() -> None:
        async with store.unit() as unit:
            await unit.calls.save(ended(pause(4, None, 7)))

    def merge(*arguments: object, **named: object) -> object:
        made = real(*arguments, **named)  # type: ignore[arg-type]
        asyncio.run_coroutine_threadsafe(late(), loop).result(10)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(keeper_module, "_merge_to", merge)
        assert (await keeper.work(CALL, REC)).stage is Stage.NOT_YET
    assert (await row_of(store)).state == "pending"
    assert await keeper.attach(CALL, REC) is not None
    check_silent_only(await stored(store, vault), recorded, (3.7, 7.3))


async def test_it_is_silent_before_it_is_encrypted(  # type: ignore[no-untyped-def]
    store: Store, spool: Spool, tmp_path: Path, departments, put
) -> None:
    key = tmp_path / "recordings.key"
    keyfile.make(key)
    vault = Vault(tmp_path / "recordings", lambda: key)
    recorded = talk()
    await put(recorded, pause(4, 4, 7))
    assert await RecordingKeeper(store, spool, vault, departments).attach(CALL, REC) is not None
    row = await row_of(store)
    assert row.encrypted
    with vault.decrypted(row.file) as sound:
        sound.seek(0)
        both = array("h", sound.read()[44:])
    check_silent_only((both[0::2], both[1::2]), recorded, (3.7, 7.3))


async def test_nothing_is_attached_before_the_calls_end_and_all_at_once_then(  # type: ignore[no-untyped-def]
    store: Store, spool: Spool, vault: Vault, departments, box, put, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The recorder was stopped; the pause comes to the store by another way, and later."""
    monkeypatch.setattr("bridge.crm.recordings._FIRST_DELAY", 300.0)  # it is not by trying again
    recorded = talk()
    await put(recorded)
    living = replace(ended(), id=CallId("other.1"), ended_at=None, outcome=None)
    records = CallRecords(store, spool, vault, departments)
    other = RecordingId("other.1-rec-1")
    for side in ("in", "out"):
        spool.files[f"{other}-{side}"] = spool.files.pop(f"{REC}-{side}")
    await records.keep([SaveCall(living.id, living)])
    assert await records.attach_recording(AttachRecording(living.id, other)) is None
    task = asyncio.create_task(Reconciler(records.recordings, box, every=timedelta(seconds=300)).run())
    for _ in range(20):
        await asyncio.sleep(0.01)  # it has had its turn
    assert spool.fetches == 0
    over = replace(ended(pause(4, None, 7, recording=other)), id=living.id)
    await records.keep([SaveCall(living.id, over)])
    async with asyncio.timeout(10):
        while (await row_of(store, other)).state != "attached":
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    check_silent_only(await stored(store, vault, other), recorded, (3.7, 7.3))
    assert not records.recordings._early


async def tell(store: Store, *facts: tuple[object, float]) -> None:
    await store.append(
        [
            logged("run", StampedFact(number, after(seconds), fact))  # type: ignore[arg-type]
            for number, (fact, seconds) in enumerate(facts)
        ]
    )
