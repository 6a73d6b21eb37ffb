"""Recordings encrypted and compressed: cut off anywhere they can be read, and the next run ends the same."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from structlog.testing import capture_logs

from bridge.config import keyfile
from bridge.config.keyfile import KeyUnusable
from bridge.crm import opus, private
from bridge.crm import upkeep as upkeep_module
from bridge.crm.upkeep import Progress, Upkeep
from bridge.crm.vault import Vault
from bridge.errors import LinkDown
from bridge.store import Store
from bridge.store.stored import SyncStored
from tests.unit.crm.at_rest import NOW, SOUND_BYTES, Shelf, shelf_of

CALL = "1700000000.1"
DAY = "2025/03/01"


@pytest.fixture
def shelf(store: Store, tmp_path: Path) -> Shelf:
    return shelf_of(store, tmp_path)


def upkeep_of(shelf: Shelf, hours: float | None = 24) -> Upkeep:
    after = timedelta(hours=hours) if hours is not None else None
    return Upkeep(shelf.store, shelf.vault, lambda: after, clock=lambda: NOW)


async def test_a_recording_becomes_opus(shelf: Shelf) -> None:
    before = await shelf.add(CALL)
    told: list[tuple[int, int]] = []
    upkeep = upkeep_of(shelf)
    report = await upkeep.run_once(lambda now: told.append((now.done, now.total)))
    row = await shelf.get(before.id)
    assert row.file == f"{DAY}/{CALL}-rec-1.opus"
    assert shelf.files == [row.file]
    assert shelf.read(row).startswith(b"OggS")
    assert (row.bytes, row.sha256, row.duration_ms) == (before.bytes, before.sha256, before.duration_ms)
    assert row.stored_bytes == (shelf.directory / row.file).stat().st_size
    assert row.compressed_at is not None
    assert not row.encrypted
    assert report == Progress(total=1, done=1, saved=SOUND_BYTES - row.stored_bytes)
    assert (upkeep.saved, upkeep.waiting) == (report.saved, 0)
    assert told == [(0, 1), (1, 1)]
    assert await upkeep.run_once() == Progress(total=0)


async def test_with_a_key_first_all_are_encrypted_then_compressed(shelf: Shelf) -> None:
    rows = [await shelf.add(f"170000000{number}.1") for number in range(3)]
    sounds = [shelf.read(row) for row in rows]
    shelf.use_key()
    assert (await upkeep_of(shelf, None).run_once()).done == 3
    sealed = [await shelf.get(row.id) for row in rows]
    assert [row.file for row in sealed] == [f"{row.file}.age" for row in rows]
    assert shelf.files == [row.file for row in sealed]
    assert [shelf.read(row) for row in sealed] == sounds
    assert all(row.encrypted and row.compressed_at is None for row in sealed)
    assert (await upkeep_of(shelf).run_once()).done == 3
    short = [await shelf.get(row.id) for row in rows]
    assert shelf.files == [f"{DAY}/{row.id}.opus.age" for row in short]
    assert all(shelf.read(row).startswith(b"OggS") for row in short)
    assert all((shelf.directory / row.file).read_bytes().startswith(b"age-") for row in short)


async def test_a_new_key_encrypts_what_was_compressed_without_one(shelf: Shelf) -> None:
    before = await shelf.add(CALL)
    await upkeep_of(shelf).run_once()
    sound = shelf.read(await shelf.get(before.id))
    shelf.use_key()
    assert (await upkeep_of(shelf).run_once()).done == 1
    row = await shelf.get(before.id)
    assert (row.file, row.encrypted) == (f"{DAY}/{CALL}-rec-1.opus.age", True)
    assert shelf.read(row) == sound
    assert row.compressed_at is not None


async def test_what_is_not_due_stays(shelf: Shelf, clock) -> None:  # type: ignore[no-untyped-def]
    row = await shelf.add(CALL)
    assert row.attached_at is not None
    due = row.attached_at + timedelta(hours=24)
    for moment, done in ((due, 0), (due + timedelta(seconds=1), 1)):
        upkeep = Upkeep(shelf.store, shelf.vault, lambda: timedelta(hours=24), clock=lambda at=moment: at)  # type: ignore[misc]
        assert (await upkeep.run_once()).done == done
    assert (await upkeep_of(shelf, None).run_once()).total == 0


class Killed(BaseException):
    """The process ends here: nothing after it runs, as far as Python can play that."""


def die(*_: object, **__: object) -> None:
    raise Killed


KILLS: dict[str, Callable[[pytest.MonkeyPatch], object]] = {
    "copying": lambda patch: patch.setattr(Vault, "copy", die),
    "checking": lambda patch: patch.setattr(upkeep_module, "_check", die),
    "encoding": lambda patch: patch.setattr(opus, "encode", die),
    "comparing": lambda patch: patch.setattr(opus, "compare", die),
    "encrypting": lambda patch: patch.setattr("bridge.crm.vault.seal", die),
    "trying": lambda patch: patch.setattr("bridge.crm.vault.unseal", die),
    "putting": lambda patch: patch.setattr(Vault, "put", die),
    "renaming": lambda patch: patch.setattr(private, "sync_directory", die),
    "writing": lambda patch: patch.setattr(SyncStored, "replaced", die),
    "removing": lambda patch: patch.setattr(Vault, "keep_only", die),
}


@pytest.mark.parametrize("step", KILLS)
@pytest.mark.parametrize("compress", [False, True], ids=["encrypt", "compress"])
async def test_killed_at_any_step_it_can_be_read_and_the_next_run_ends_in_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, step: str, compress: bool
) -> None:
    before = await shelf.add(CALL)
    sound = shelf.read(before)
    shelf.use_key()
    if compress and step != "trying":  # of a WAV that is encrypted already
        await upkeep_of(shelf, None).run_once()
    with monkeypatch.context() as patch:
        real = private.remove
        # A killed process cleans up nothing: only what makes room for a run is removed.
        patch.setattr(private, "remove", lambda *files: None if step else real(*files))
        KILLS[step](patch)
        try:
            await upkeep_of(shelf, 24 if compress else None).run_once()
        except Killed:
            killed = True
        else:
            killed = False
    assert killed == (compress or step not in ("encoding", "comparing"))
    row = await shelf.get(before.id)
    content = shelf.read(row)
    assert content == sound or content.startswith(b"OggS")
    assert row.file in shelf.files
    again = upkeep_of(shelf, 24 if compress else None)
    await again.tidy()
    assert shelf.files == [row.file]
    await again.run_once()
    row = await shelf.get(before.id)
    assert row.file == f"{DAY}/{CALL}-rec-1.{'opus' if compress else 'wav'}.age"
    assert shelf.files == [row.file]
    assert row.stored_fault is None


async def test_what_stays_of_a_crash_is_removed_by_the_next_start(shelf: Shelf) -> None:
    kept, gone = await shelf.add(CALL), await shelf.add("1700000001.1")
    await upkeep_of(shelf).run_once()
    row = await shelf.get(kept.id)
    leftovers = [f"{DAY}/{kept.id}.wav", f"{DAY}/{kept.id}.opus.age", f".incoming/{kept.id}.whole.work"]
    unknown = [f"{DAY}/unknown-rec-1.wav", f"{DAY}/unknown-rec-1.opus"]
    for name in (*leftovers, *unknown):
        (shelf.directory / name).write_bytes(b"x")
    await upkeep_of(shelf).tidy()
    assert shelf.files == sorted([row.file, (await shelf.get(gone.id)).file, *unknown])


async def test_a_copy_that_is_not_like_it_is_not_taken(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(original: Path, copy: Path, _: object) -> None:
        import soundfile

        data, rate = soundfile.read(str(original), dtype="int16")
        soundfile.write(str(copy), data[:, ::-1].copy(), rate, format="OGG", subtype="OPUS")

    before = await shelf.add(CALL)
    with monkeypatch.context() as patch:
        patch.setattr(opus, "encode", wrong)
        assert (await upkeep_of(shelf).run_once()).failed == 1
    row = await shelf.get(before.id)
    assert row.file == before.file
    assert shelf.files == [before.file]
    assert row.stored_fault is not None
    assert "channel 1 is another one" in row.stored_fault
    assert (await upkeep_of(shelf).run_once()).total == 0, "it is not tried for ever"
    assert (await upkeep_of(shelf).run_once(again=True)).done == 1
    assert (await shelf.get(before.id)).stored_fault is None


@pytest.mark.parametrize("how", ["damaged", "missing", "a link"])
async def test_damage_is_not_made_permanent(shelf: Shelf, how: str) -> None:
    before, well = await shelf.add(CALL), await shelf.add("1700000001.1")
    path = shelf.directory / before.file
    content = path.read_bytes()
    match how:
        case "damaged":
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "missing":
            path.unlink()
        case "a link":
            path.unlink()
            (shelf.directory / "target").write_bytes(content)
            path.symlink_to(shelf.directory / "target")
    shelf.use_key()
    with capture_logs() as logs:
        report = await upkeep_of(shelf).run_once()
    assert (report.total, report.done, report.failed) == (4, 2, 1)
    row = await shelf.get(before.id)
    assert (row.file, row.encrypted) == (before.file, False)
    assert row.stored_fault is not None
    assert before.file in row.stored_fault
    assert [entry["recording_id"] for entry in logs if entry["log_level"] == "warning"] == [before.id]
    assert (await shelf.get(well.id)).encrypted


async def test_while_the_key_cannot_be_used_everything_stays(shelf: Shelf) -> None:
    before = await shelf.add(CALL)
    shelf.sealing = True
    with pytest.raises(KeyUnusable, match="new-key"):
        await upkeep_of(shelf).run_once()
    assert shelf.files == [before.file]
    shelf.use_key()
    assert (await upkeep_of(shelf, None).run_once()).done == 1


async def test_what_another_key_encrypted_waits_for_it(shelf: Shelf) -> None:
    before = await shelf.add(CALL)
    shelf.use_key()
    await upkeep_of(shelf, None).run_once()
    right = shelf.key.read_text()
    shelf.key.unlink()
    keyfile.make(shelf.key)
    upkeep = upkeep_of(shelf)
    assert (await upkeep.run_once()).failed == 1
    assert (await upkeep.run_once()).failed == 0, "it is put off"
    assert upkeep.waiting == 1
    row = await shelf.get(before.id)
    assert row.stored_fault is None
    shelf.key.write_text(shelf.key.read_text() + right)
    assert (await upkeep_of(shelf).run_once()).done == 1


async def test_a_full_disk_costs_nothing(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = await shelf.add(CALL)
    with monkeypatch.context() as patch:
        patch.setattr(opus, "encode", full)
        assert (await upkeep_of(shelf).run_once()).failed == 1
    assert shelf.files == [before.file]
    assert (await upkeep_of(shelf).run_once()).done == 1


async def test_who_came_first_wins(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that another program has changed meanwhile stays; what was made for nothing goes."""
    before = await shelf.add(CALL)
    monkeypatch.setattr(SyncStored, "replaced", lambda *_, **__: False)
    await upkeep_of(shelf).run_once()
    assert (await shelf.get(before.id)).file == before.file
    assert shelf.files == [before.file]


async def test_two_at_once_do_each_once(shelf: Shelf) -> None:
    rows = [await shelf.add(f"170000000{number}.1") for number in range(4)]
    made = mock.Mock(side_effect=opus.encode)
    with mock.patch.object(opus, "encode", made):
        await asyncio.gather(upkeep_of(shelf).run_once(), upkeep_of(shelf).run_once())
    assert shelf.files == [f"{DAY}/{row.id}.opus" for row in rows]
    assert made.call_count == 4


async def test_a_removed_one_is_left_alone(shelf: Shelf) -> None:
    before = await shelf.add(CALL)
    shelf.vault.remove(before.file)
    async with shelf.store.unit() as unit:
        assert await unit.stored.removed(before.id, before.file)
    shelf.use_key()
    assert (await upkeep_of(shelf).run_once(again=True)).total == 0
    assert shelf.files == []


async def test_cancelled_nothing_appears_later(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await shelf.add(CALL)
    reached, loop = asyncio.Event(), asyncio.get_running_loop()

    def slow(_: Path, __: Path, called_off: Callable[[], bool]) -> None:
        loop.call_soon_threadsafe(reached.set)
        while not called_off():
            pass
        raise private.Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(opus, "encode", slow)
        task = asyncio.create_task(upkeep_of(shelf).run_once())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert shelf.files == [before.file]
    assert (await upkeep_of(shelf).run_once()).done == 1


async def test_the_task_goes_on_whatever_happens(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    before = await shelf.add(CALL)
    upkeep = Upkeep(
        shelf.store,
        shelf.vault,
        lambda: timedelta(hours=24),
        every=timedelta(milliseconds=1),
        clock=lambda: NOW,
    )
    faults: list[BaseException] = [
        LinkDown("away"),
        KeyUnusable("no key"),
        OSError(5, "disk"),
        ValueError("a fault of ours"),
    ]
    real = upkeep.run_once

    async def run_once(*given: object, **named: object) -> Progress:
        if faults:
            raise faults.pop()
        return await real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(upkeep, "run_once", run_once)
    with capture_logs() as logs:
        task = asyncio.create_task(upkeep.run())
        # The round's own line is its end: a recording is kept as compressed some steps before it.
        async with asyncio.timeout(30):
            while not (said := [entry for entry in logs if entry["event"] == "recordings worked on"]):
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert (await shelf.get(before.id)).compressed_at is not None
    assert len([entry for entry in logs if entry["log_level"] == "error"]) == 4
    ((done, total, failed),) = [(line["done"], line["total"], line["failed"]) for line in said]
    assert (done, total, failed) == (1, 1, 0)
    assert said[0]["saved_bytes"] > 0
