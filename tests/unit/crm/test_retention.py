"""How long recordings are kept: each queue by its own word, each removal in the audit log."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.centre.ids import CallId, RecordingId
from bridge.crm.keeper import RecordingKeeper, Stage
from bridge.crm.retention import KeepRules, Removed, Retention
from bridge.crm.vault import Vault
from bridge.errors import LinkDown
from bridge.store import Store
from bridge.store.audit import SyncAudit
from bridge.store.rows import AuditRow, DueRow
from tests.unit.crm.at_rest import NOW, SOUND_BYTES, Shelf, shelf_of

DAYS = timedelta(days=1)
RULES = KeepRules(90 * DAYS, {"support": 30 * DAYS, "sales": None})


@pytest.fixture
def shelf(store: Store, tmp_path: Path) -> Shelf:
    return shelf_of(store, tmp_path)


def retention_of(shelf: Shelf, rules: KeepRules = RULES) -> Retention:
    return Retention(shelf.store, shelf.vault, lambda: rules, clock=lambda: NOW)


async def audit_of(shelf: Shelf) -> list[AuditRow]:
    async with shelf.store.view() as unit:
        return list((await unit.audit.page(limit=100)).items)


async def fill(shelf: Shelf) -> None:
    """Of each queue one that is 20, 40 and 100 days old; also without one, and of one that is not planned."""
    for index, queue in enumerate(("support", "sales", "billing", None)):
        for age in (20, 40, 100):
            await shelf.add(f"17000000{index}0.{age}", queue, at=NOW - age * DAYS)


async def test_each_queue_goes_by_its_own_word_and_the_rest_by_the_common_one(shelf: Shelf) -> None:
    await fill(shelf)
    due = await retention_of(shelf).due()
    assert due == [
        DueRow(None, 1, SOUND_BYTES, NOW - 100 * DAYS),
        DueRow("billing", 1, SOUND_BYTES, NOW - 100 * DAYS),
        DueRow("support", 2, 2 * SOUND_BYTES, NOW - 100 * DAYS),
    ]
    assert len(shelf.files) == 12, "looking removes nothing"
    assert await audit_of(shelf) == []
    assert await retention_of(shelf).run_once() == Removed(4, 4 * SOUND_BYTES)
    assert len(shelf.files) == 8
    assert await retention_of(shelf).due() == []
    assert await retention_of(shelf).run_once() == Removed()


async def test_for_ever_is_the_default(shelf: Shelf) -> None:
    await fill(shelf)
    assert await retention_of(shelf, KeepRules()).due() == []
    assert await retention_of(shelf, KeepRules()).run_once() == Removed()
    only_support = KeepRules(None, {"support": 30 * DAYS})
    assert [row.queue for row in await retention_of(shelf, only_support).due()] == ["support"]


async def test_the_row_stays_and_the_audit_log_has_each_removal_once(shelf: Shelf) -> None:
    row = await shelf.add("1700000000.1", at=NOW - 31 * DAYS)
    for _ in range(2):
        await retention_of(shelf).run_once()
    after = await shelf.get(row.id)
    assert after.removed_at is not None
    assert (after.state, after.file, after.sha256, after.duration_ms) == (
        "attached",
        row.file,
        row.sha256,
        2000,
    )
    assert shelf.files == []
    (entry,) = await audit_of(shelf)
    assert (entry.by, entry.action, entry.about, entry.call) == (
        "retention",
        "recording.removed",
        row.id,
        row.call,
    )
    assert entry.detail == "kept 30 days, queue support"


async def test_every_form_of_it_goes(shelf: Shelf) -> None:
    row = await shelf.add("1700000000.1", at=NOW - 31 * DAYS)
    for form in (".opus", ".wav.age", ".opus.age"):
        (shelf.directory / row.file.replace(".wav", form)).write_bytes(b"left by a crash")
    await retention_of(shelf).run_once()
    assert shelf.files == []


async def test_a_file_that_is_gone_already_is_no_failure(shelf: Shelf) -> None:
    row = await shelf.add("1700000000.1", at=NOW - 31 * DAYS)
    (shelf.directory / row.file).unlink()
    assert (await retention_of(shelf).run_once()).recordings == 1
    assert (await shelf.get(row.id)).removed_at is not None


async def test_one_that_cannot_be_removed_is_told_and_tried_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, other = [await shelf.add(call, at=NOW - 31 * DAYS) for call in ("1700000000.1", "1700000001.1")]
    real = Vault.remove

    def refused(vault: Vault, file: str) -> None:
        if file == stuck.file:
            raise PermissionError(13, "Permission denied")
        real(vault, file)

    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(Vault, "remove", refused)
        removed = await retention_of(shelf).run_once()
    assert removed.recordings == 1
    (reason,) = removed.failed
    assert stuck.file in reason
    assert "Permission denied" in reason
    assert [entry["recording_id"] for entry in logs if entry["log_level"] == "error"] == [stuck.id]
    assert (await shelf.get(stuck.id)).removed_at is None
    assert shelf.files == [stuck.file]
    assert [entry.about for entry in await audit_of(shelf)] == [other.id]
    assert (await retention_of(shelf).run_once()).recordings == 1
    assert shelf.files == []


class Killed(BaseException):
    pass


async def test_killed_between_file_and_row_the_next_round_ends_the_same(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise Killed

    row = await shelf.add("1700000000.1", at=NOW - 31 * DAYS)
    with monkeypatch.context() as patch:
        patch.setattr(SyncAudit, "note", die)
        with pytest.raises(Killed):
            await retention_of(shelf).run_once()
    assert (await shelf.get(row.id)).removed_at is None, "without its entry there is no removal"
    await retention_of(shelf).run_once()
    assert (await shelf.get(row.id)).removed_at is not None
    assert len(await audit_of(shelf)) == 1


async def test_a_hostile_name_in_the_row_removes_nothing(shelf: Shelf, tmp_path: Path) -> None:
    row = await shelf.add("1700000000.1", at=NOW - 31 * DAYS)
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"secret")
    async with shelf.store.unit() as unit:
        assert await unit.stored.replaced(
            row.id, row.file, file="../secret.wav", bytes=1, sha256="", encrypted=False
        )
    removed = await retention_of(shelf).run_once()
    assert len(removed.failed) == 1
    assert secret.exists()


async def test_many_are_removed_in_batches(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.crm.retention._BATCH", 2)
    for number in range(5):
        await shelf.add(f"170000000{number}.1", at=NOW - 31 * DAYS)
    assert (await retention_of(shelf).run_once()).recordings == 5


async def test_what_asterisk_still_has_of_a_removed_one_does_not_bring_it_back(  # type: ignore[no-untyped-def]
    shelf: Shelf, spool, make_wav, departments
) -> None:
    row = await shelf.add("1700000000.1", at=NOW - 31 * DAYS)
    await retention_of(shelf).run_once()
    spool.files = {f"{row.id}-{side}": make_wav([1] * 8000) for side in ("in", "out")}
    keeper = RecordingKeeper(shelf.store, spool, shelf.vault, departments)
    assert (await keeper.work(CallId(row.call), RecordingId(row.id))).stage is Stage.ATTACHED
    assert spool.files == {}
    assert shelf.files == []


async def test_the_task_goes_on_whatever_happens(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = timedelta(milliseconds=1)
    retention = Retention(
        shelf.store, shelf.vault, lambda: RULES, every=moment, after_failure=moment, clock=lambda: NOW
    )
    row = await shelf.add("1700000000.1", at=NOW - 31 * DAYS)
    faults: list[BaseException] = [LinkDown("away"), ValueError("a fault of ours")]
    real = retention.run_once

    async def run_once() -> Removed:
        if faults:
            raise faults.pop()
        return await real()

    monkeypatch.setattr(retention, "run_once", run_once)
    with capture_logs():
        task = asyncio.create_task(retention.run())
        async with asyncio.timeout(30):
            while (await shelf.get(row.id)).removed_at is None:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
