"""Whether each recording's file is there, as it was written, and silent where it was paused. Only reads."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

from bridge.crm.muting import Audible, Undecodable, listen
from bridge.crm.private import CalledOff, in_thread
from bridge.crm.sealing import never
from bridge.crm.silences import Stretch
from bridge.crm.vault import Format, Vault, format_of, is_sealed
from bridge.errors import CallbridgeError
from bridge.store import Store
from bridge.store.rows import PauseRow, RecordingRow
from bridge.store.stored import Place

_BATCH = 200
_RESTORE = "restore it from a backup"
_LOCK_UP = (
    "keep people from it and remove it, it may hold what nobody may keep; then report how it came about"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that is missing, damaged, or not silent where it should be."""

    recording: str
    call: str
    detail: str  # with the remedy

    def __str__(self) -> str:
        return f"{self.recording}: {self.detail}"


async def verify(
    store: Store, vault: Vault, told: Callable[[int, int], None] = lambda _done, _total: None
) -> AsyncIterator[Finding]:
    """``told`` is told how many were looked at, of how many."""
    async with store.view() as unit:
        total = await unit.stored.count_kept()
    done, after = 0, None
    told(done, total)
    while True:
        async with store.view() as unit:
            rows = await unit.stored.kept(after, _BATCH)
            pauses = await unit.pauses.of_recordings([row.id for row in rows])
        for row in rows:
            of_row = [pause for pause in pauses if pause.pause.recording == row.id]
            fault = await in_thread(partial(_fault, vault, row, of_row))
            if fault and await _still(store, row):
                yield Finding(row.id, row.call, fault)
            done += 1
            told(done, total)
        if len(rows) < _BATCH:
            return
        last: Place = (rows[-1].created_at, rows[-1].id)
        after = last


async def _still(store: Store, row: RecordingRow) -> bool:
    """Meanwhile it may have been compressed, or removed, by others."""
    async with store.view() as unit:
        now = await unit.recordings.get(row.id)
    return now is not None and (now.file, now.removed_at) == (row.file, None)


def _fault(vault: Vault, row: RecordingRow, pauses: list[PauseRow], called_off: CalledOff = never) -> str:
    place = vault.directory / row.file
    try:
        found = vault.measure(row.file, called_off)
        expected_bytes = row.stored_bytes if row.stored_bytes is not None else row.bytes
        if found.bytes != expected_bytes:
            return f"{place}: has {found.bytes} bytes, not {expected_bytes}; {_RESTORE}"
        if found.sha256 != (row.stored_sha256 or row.sha256):
            return f"{place}: its checksum is not the one it had when it was written; {_RESTORE}"
        if is_sealed(row.file):
            vault.try_key(row.file)
        if pauses:
            return _heard(vault, row, pauses, called_off)
    except CallbridgeError as error:
        return str(error)
    except OSError as error:
        return f"{place}: cannot be read: {error.strerror}; let the user that runs callbridge read it"
    return ""


def _heard(vault: Vault, row: RecordingRow, pauses: list[PauseRow], called_off: CalledOff) -> str:
    place, opus = vault.directory / row.file, format_of(row.file) is Format.OPUS
    with vault.decrypted(row.file, called_off) as sound:
        for one in pauses:
            if one.check is None:
                return f"{place}: pause {one.pause.number} became known only after it was kept; {_LOCK_UP}"
            sound.seek(0)
            stretch = Stretch(one.check.from_ms, one.check.until_ms)
            try:
                listen(sound, one.pause.number, stretch, called_off, opus=opus)
            except Audible as error:
                return f"{place}: {error}; {_LOCK_UP}"
            except Undecodable as error:
                return f"{place}: {error}; {_RESTORE}"
    return ""
