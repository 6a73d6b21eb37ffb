"""The keeper and the key: never plaintext among the recordings, never one lost for want of the key."""

import hashlib
import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.centre.ids import CallId, RecordingId
from bridge.config import keyfile
from bridge.crm import private
from bridge.crm.keeper import RecordingKeeper, Stage
from bridge.crm.vault import Vault
from bridge.store import Store
from bridge.store.recordings import SyncRecordings
from bridge.store.rows import RecordingRow

CALL, REC = CallId("1700000000.1"), RecordingId("1700000000.1-rec-1")
FILE = f"2025/03/01/{REC}.wav"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "recordings.key"
    keyfile.make(path)
    return path


@pytest.fixture
def vault(directory: Path, key: Path) -> Vault:
    return Vault(directory, lambda: key)


@pytest.fixture
async def keeper(  # type: ignore[no-untyped-def]
    store: Store, spool, vault: Vault, departments, make_ended, make_wav, clock
) -> RecordingKeeper:
    async with store.unit() as unit:
        await unit.calls.save(make_ended())
    spool.files[f"{REC}-in"] = make_wav([100] * 8000)
    spool.files[f"{REC}-out"] = make_wav([-200] * 8000)
    return RecordingKeeper(store, spool, vault, departments, clock=clock)


def files_in(directory: Path) -> list[str]:
    return sorted(str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file())


async def row_of(store: Store) -> RecordingRow:
    async with store.view() as unit:
        row = await unit.recordings.get(REC)
    assert row is not None
    return row


async def check_sealed(store: Store, vault: Vault) -> None:
    row = await row_of(store)
    assert (row.state, row.file, row.encrypted) == ("attached", f"{FILE}.age", True)
    assert files_in(vault.directory) == [row.file]
    path = vault.directory / row.file
    content = path.read_bytes()
    assert content.startswith(b"age-encryption.org/v1\n")
    assert (row.stored_bytes, row.stored_sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    whole = await vault.opened(row.file, "")
    assert isinstance(whole, bytes)
    assert whole.startswith(b"RIFF")
    assert (row.bytes, row.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())


async def test_it_is_encrypted_before_it_has_its_name(
    keeper: RecordingKeeper, store: Store, vault: Vault
) -> None:
    assert await keeper.attach(CALL, REC) is not None
    await check_sealed(store, vault)


@pytest.mark.parametrize("trouble", ["missing", "nonsense"])
async def test_for_want_of_its_key_it_waits(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, spool, key: Path, trouble: str
) -> None:
    right = key.read_text()
    if trouble == "missing":
        key.unlink()
    else:
        key.write_text("AGE-SECRET-KEY-1NONSENSE\n")
    with capture_logs() as logs:
        for _ in range(3):
            result = await keeper.work(CALL, REC)
            assert result.stage is Stage.NOT_YET
    assert str(key) in result.reason
    assert "NONSENSE" not in str(logs)
    assert all(entry["reason"] == result.reason for entry in logs if entry["log_level"] == "error")
    assert spool.fetches == 0, "nothing is fetched for nothing"
    assert len(spool.files) == 2
    assert (await row_of(store)).state == "pending"
    assert await keeper.attach(CALL, REC) is None
    assert keeper.unfinished.is_set()
    key.write_text(right)
    assert await keeper.attach(CALL, REC) is not None
    assert spool.files == {}
    await check_sealed(store, vault)


async def test_a_key_that_goes_in_this_very_moment(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, spool, key: Path
) -> None:
    right = key.read_text()
    real = spool.fetch_recording

    def fetch(name: str):  # type: ignore[no-untyped-def]
        key.unlink(missing_ok=True)
        return real(name)

    spool.fetch_recording = fetch
    assert (await keeper.work(CALL, REC)).stage is Stage.NOT_YET
    assert files_in(vault.directory) == []
    assert len(spool.files) == 2
    spool.fetch_recording = real
    key.write_text(right)
    assert await keeper.attach(CALL, REC) is not None
    await check_sealed(store, vault)


class Killed(BaseException):
    pass


def die(*_: object, **__: object) -> None:
    raise Killed


@pytest.mark.parametrize("step", ["encrypting", "trying", "renamed", "attaching"])
async def test_killed_at_any_step_the_next_attempt_ends_in_the_same(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, spool, departments, monkeypatch, step: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(private, "remove", lambda *_: None)
        match step:
            case "encrypting":
                patch.setattr("bridge.crm.vault.seal", die)
            case "trying":
                patch.setattr("bridge.crm.vault.unseal", die)
            case "renamed":
                patch.setattr(private, "sync_directory", die)
            case "attaching":
                patch.setattr(SyncRecordings, "attach", die)
        with pytest.raises(Killed):
            await keeper.attach(CALL, REC)
    assert len(spool.files) == 2
    assert not [name for name in files_in(vault.directory) if name.endswith(".wav")]
    again = RecordingKeeper(store, spool, vault, departments)
    await again.sweep()
    assert await again.attach(CALL, REC) is not None
    await check_sealed(store, vault)


async def test_what_a_run_without_the_key_left_goes(  # type: ignore[no-untyped-def]
    keeper: RecordingKeeper, store: Store, vault: Vault, spool, departments, monkeypatch
) -> None:
    unlocked = RecordingKeeper(store, spool, Vault(vault.directory), departments)
    with monkeypatch.context() as patch:
        patch.setattr(SyncRecordings, "attach", die)
        with pytest.raises(Killed):
            await unlocked.attach(CALL, REC)
    assert files_in(vault.directory) == [FILE]
    assert await keeper.attach(CALL, REC) is not None
    await check_sealed(store, vault)
