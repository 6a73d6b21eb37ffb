"""Every file compared with its checksum: what is missing, damaged or locked is found, and nothing else."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.centre.ids import RecordingId
from bridge.centre.record import PauseRecord
from bridge.config import keyfile
from bridge.crm import wav
from bridge.crm.upkeep import Upkeep
from bridge.crm.verification import Finding, verify
from bridge.store import Store
from bridge.store.rows import Found
from tests.unit.crm.at_rest import NOW, START, Shelf, record_of, shelf_of


@pytest.fixture
def shelf(store: Store, tmp_path: Path) -> Shelf:
    return shelf_of(store, tmp_path)


async def findings_of(shelf: Shelf) -> list[Finding]:
    return [finding async for finding in verify(shelf.store, shelf.vault)]


async def all_forms(shelf: Shelf) -> list[str]:
    """WAV by an earlier version, WAV, and encrypted: their ids."""
    rows = [await shelf.add(f"170000000{number}.1") for number in range(3)]
    return [row.id for row in rows]


async def test_nothing_is_wrong_with_what_we_wrote(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.crm.verification._BATCH", 2)
    told: list[tuple[int, int]] = []
    ids = await all_forms(shelf)
    assert await findings_of(shelf) == []
    shelf.use_key()
    await Upkeep(shelf.store, shelf.vault, lambda: None, clock=lambda: NOW).run_once()
    found = [one async for one in verify(shelf.store, shelf.vault, lambda *now: told.append(now))]
    assert found == []
    assert told == [(done, len(ids)) for done in range(len(ids) + 1)]


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("missing", "is not there; restore"),
        ("shorter", "bytes, not"),
        ("changed", "its checksum is not"),
        ("a link", "symbolic link"),
        ("a directory", "no plain file"),
    ],
)
async def test_what_is_wrong_is_found_and_told_with_the_remedy(
    shelf: Shelf, sealed: bool, how: str, said: str
) -> None:
    _, broken, _ = await all_forms(shelf)
    if sealed:
        shelf.use_key()
        await Upkeep(shelf.store, shelf.vault, lambda: None, clock=lambda: NOW).run_once()
    path = shelf.directory / (await shelf.get(broken)).file
    content = path.read_bytes()
    match how:
        case "missing":
            path.unlink()
        case "shorter":
            path.write_bytes(content[:-1])
        case "changed":
            path.write_bytes(content[:300] + bytes([content[300] ^ 1]) + content[301:])
        case "a link":
            path.rename(path.with_name("other"))
            path.symlink_to(path.with_name("other"))
        case "a directory":
            path.unlink()
            path.mkdir()
    (finding,) = await findings_of(shelf)
    assert finding.recording == broken
    assert said in finding.detail
    assert str(path) in str(finding)


async def test_what_no_key_opens_is_found(shelf: Shelf) -> None:
    ids = await all_forms(shelf)
    shelf.use_key()
    await Upkeep(shelf.store, shelf.vault, lambda: None, clock=lambda: NOW).run_once()
    shelf.key.unlink()
    assert all("cannot be read" in finding.detail for finding in await findings_of(shelf))
    keyfile.make(shelf.key)
    findings = await findings_of(shelf)
    assert [finding.recording for finding in findings] == ids
    assert all("no key in it opens" in finding.detail for finding in findings)


async def test_removed_ones_are_not_missed(shelf: Shelf) -> None:
    (first, *_) = await all_forms(shelf)
    row = await shelf.get(first)
    shelf.vault.remove(row.file)
    async with shelf.store.unit() as unit:
        await unit.stored.removed(row.id, row.file)
    assert await findings_of(shelf) == []


async def paused(shelf: Shelf, call: str, *, silent: tuple[int, int], checked: bool = True) -> str:
    """Of the two seconds of a recording, half a second to one and a half should be silent."""
    row = await shelf.add(call)
    path = shelf.directory / row.file
    wav.blank(path, *silent)
    pause = PauseRecord(1, RecordingId(row.id), "agent 1001", START, ended_at=START + timedelta(seconds=1))
    async with shelf.store.unit() as unit:
        await unit.calls.save(replace(record_of(call, "support", START), pauses=(pause,)))
        file = {name: getattr(row, name) for name in ("ticket", "file", "bytes", "duration_ms")}
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        await unit.recordings.attach(row.id, **file, sample_rate=8000, channels=2, sha256=sha256)
    if checked:
        await shelf.store.write(lambda unit: unit.pauses.check(call, 1, Found.CUT, 500, 1500))
    return row.id


@pytest.mark.parametrize("form", ["wav", "wav.age", "opus", "opus.age"])
async def test_what_was_paused_is_heard_for_in_every_form(shelf: Shelf, form: str) -> None:
    await paused(shelf, "1700000001.1", silent=(500, 1500))
    loud = await paused(shelf, "1700000001.2", silent=(500, 1200))
    unknown = await paused(shelf, "1700000001.3", silent=(0, 0), checked=False)
    await shelf.add("1700000001.4")
    if form.endswith("age"):
        shelf.use_key()
    compress_after = timedelta(0) if form.startswith("opus") else None
    await Upkeep(shelf.store, shelf.vault, lambda: compress_after, clock=lambda: NOW).run_once()
    assert {file.split(".", 2)[2] for file in shelf.files} == {form}
    before = shelf.files
    first, second = await findings_of(shelf)
    assert (first.recording, second.recording) == (loud, unknown)
    assert str(shelf.directory / (await shelf.get(loud)).file) in first.detail
    assert "pause 1, 0.500 to 1.500 s: channel 1 is not silent (" in first.detail
    assert "keep people from it and remove it" in first.detail
    assert "pause 1 became known only after it was kept" in second.detail
    assert shelf.files == before
