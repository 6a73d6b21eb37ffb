"""One recording, from Asterisk's spool to its place on disk, its call and its ticket. Not when.

The order of the steps is what makes an interruption harmless: fetch (what is long to temporary files), check,
merge, make its pauses silent, fsync, encrypt, rename, write to the store, and only then delete the originals.
Cut off anywhere, the next attempt begins again with the originals and ends in the same file and the same row.
So it does when the key is missing that recordings are to be encrypted with: until then the originals wait.

Nothing is fetched before the call's end is in the store: only then all its pauses are.
"""

import asyncio
import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import Enum
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from bridge.centre.facts import RecordingAttached
from bridge.centre.ids import CallId, RecordingId, TicketId, call_of
from bridge.config.keyfile import KeyUnusable
from bridge.crm import private, wav
from bridge.crm.muting import Muted, mute
from bridge.crm.private import CalledOff, in_thread
from bridge.crm.sealing import Damaged
from bridge.crm.silences import RECORDER_FACTS, Recorded, recorded_of
from bridge.crm.tickets import CallTickets, TicketsNow, recorded
from bridge.crm.vault import Format, Measure, Stored, Vault, measured
from bridge.engine.ports import RecordingFiles
from bridge.errors import BadInput, Gone, RemoteError
from bridge.store import Store, SyncUnit
from bridge.store.rows import CallTimes, FactRow, PauseRow, RecordingRow

log = structlog.get_logger(__name__)

SNOOP = "-snoop"  # in the names of what was recorded while AMI was away (see recording_mark)
SIDES = ("in", "out")  # what the client says, what the client hears
SIDE_NAMES = {"in": "the client's side", "out": "the agent's side"}
_ID = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9._@-]{0,199}$")
_PART = re.compile(r"^(?P<recording>.+)\.(?:in|out|both)\.part(?:\.age)?$")
_WRITE_BYTES = 256 * 1024  # of each side in memory at most; a side that is shorter is never a file
MAX_SIDE_BYTES = 2**32
AT_ONCE = 4
_NEVER_CLOSED = 60.0  # seconds without growth after which a file will not be closed any more
_FEW = timedelta(seconds=5)  # of these and a quarter of its time a recorder may have written nothing


class Stage(Enum):
    ATTACHED = "attached"
    NOT_YET = "not_yet"  # try again later
    CALL_GOES_ON = "call_goes_on"  # it may still be paused, or recorded: ``over`` tells when it is not
    FAULTY = "faulty"  # it never will be; the originals stay where they are
    NOTHING = "nothing"  # nobody ever talked, so there was nothing to record: nothing is kept of it
    UNKNOWN_CALL = "unknown_call"  # no such call is kept; the originals stay where they are


@dataclass(frozen=True, slots=True)
class Result:
    stage: Stage
    attached: RecordingAttached | None = None
    reason: str = ""
    new: bool = False  # attached by this very attempt


@dataclass(frozen=True, slots=True)
class _Noted:
    """A recording, and what is known of it and its call; pauses and facts only once that is over."""

    row: RecordingRow
    times: CallTimes
    pauses: tuple[PauseRow, ...] = ()
    facts: tuple[FactRow, ...] = ()


@dataclass(slots=True)
class _Seen:
    """What an earlier attempt of this run found on Asterisk."""

    lengths: tuple[int | None, int | None]
    since: float


@dataclass(slots=True)
class _Fetched:
    """One side: its beginning in ``part`` if it is long, the rest in memory. No length: there is none."""

    part: Path
    length: int | None = None
    rest: bytearray = field(default_factory=bytearray)
    written: bool = False

    def write(self) -> None:
        private.append(self.part, bytes(self.rest), new=not self.written)
        self.written = True
        self.rest.clear()

    def whole(self) -> wav.Side:
        if not self.written:
            return bytes(self.rest)
        self.write()
        return self.part


class RecordingKeeper:
    def __init__(
        self,
        store: Store,
        files: RecordingFiles,
        vault: Vault,
        tickets: TicketsNow,
        *,
        give_up: timedelta = timedelta(hours=1),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.files = files
        self.unfinished = asyncio.Event()  # set when there is something to try again
        self._vault = vault
        self._tickets = tickets
        self._give_up = give_up.total_seconds()
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._slots = asyncio.Semaphore(AT_ONCE)
        # Whose calls nobody has told of: Asterisk's own queue may have got one shortly before we were there.
        self.unknown: set[RecordingId] = set()
        self._early: set[RecordingId] = set()  # whose calls are not over
        self._ripe: set[RecordingId] = set()
        self._seen: dict[str, _Seen] = {}

    async def attach(self, call: CallId, recording: RecordingId) -> RecordingAttached | None:
        """None when it is not complete, or cannot be."""
        result = await self.work(call, recording)
        if result.stage is Stage.NOT_YET:
            self.unfinished.set()
        return result.attached

    def over(self, call: CallId) -> None:
        """The call's end is in the store: its recordings need wait no longer."""
        ripe = {recording for recording in self._early | self.unknown if call_of(recording) == call}
        if ripe:
            self._early -= ripe
            self._ripe |= ripe
            self.unfinished.set()

    def take_ripe(self) -> set[RecordingId]:
        """Whose calls are over since this was asked last."""
        ripe, self._ripe = self._ripe, set()
        return ripe

    async def work(self, call: CallId, recording: RecordingId) -> Result:
        """One attempt. Raises RemoteError when Asterisk or the database cannot be reached."""
        if not _ID.match(recording):
            raise BadInput(f"recording {recording[:80]!r}: this is no name for a file")
        lock = self._locks.setdefault(recording, asyncio.Lock())
        async with lock, self._slots:
            result = await self._attempt(call, recording)
        if result.stage is not Stage.NOT_YET:
            self._seen.pop(recording, None)
        if result.stage not in (Stage.ATTACHED, Stage.CALL_GOES_ON) or result.new:
            log.info(
                "recording worked on",
                action="attach_recording",
                call_id=call,
                recording_id=recording,
                stage=result.stage.value,
                reason=result.reason,
            )
        return result

    async def sweep(self) -> int:
        """Remove temporary files that an interrupted run left behind; how many there were."""
        working = set(self._locks)

        def is_stale(name: str) -> bool:
            part = _PART.match(name)
            return part is not None and part["recording"] not in working

        return await asyncio.to_thread(private.sweep, self._vault.incoming, is_stale)

    async def _attempt(self, call: CallId, recording: RecordingId) -> Result:
        # Before it is asked whether the call is over: that must not be told in between.
        self._early.add(recording)
        noted = await self.store.write(lambda unit: _note(unit, call, recording), quick=True)
        if noted is not None and noted.row.state != "attached" and noted.times.ended_at is None:
            return Result(Stage.CALL_GOES_ON)
        self._early.discard(recording)
        if noted is None:
            self.unknown.add(recording)
            return Result(Stage.UNKNOWN_CALL, reason=f"there is no call {call}")
        self.unknown.discard(recording)
        if noted.row.state == "attached":
            await self._delete_originals(recording)
            return Result(Stage.ATTACHED, attached(noted.row))
        parts = {side: self._vault.incoming / f"{recording}.{side}.part" for side in (*SIDES, "both")}
        try:
            if self._vault.seals:
                await asyncio.to_thread(self._vault.keys)  # before anything is fetched for nothing
            return await self._fetch_and_attach(noted, parts)
        except wav.Empty as error:
            if noted.times.answered_at is None:
                # Asterisk's own queue begins its recorder for everybody who waits there.
                await self.store.write(lambda unit: unit.recordings.forget(recording))
                result = Result(Stage.NOTHING, reason=str(error))
            else:
                result = await self._faulty(recording, str(error))
            await self._delete_originals(recording)
            return result
        except wav.Unusable as error:
            return await self._faulty(recording, str(error))
        except (KeyUnusable, Damaged) as error:
            log.error(
                "recording not encrypted",
                action="attach_recording",
                recording_id=recording,
                reason=str(error),
            )
            return Result(Stage.NOT_YET, reason=str(error))
        except OSError as error:
            # A full disk, a missing right: the originals are safe on Asterisk, so this can wait for a person.
            log.error(
                "recording not written", action="attach_recording", recording_id=recording, reason=str(error)
            )
            return Result(Stage.NOT_YET, reason=f"{self._vault.directory}: {error.strerror or error}")
        finally:
            private.remove(*parts.values())

    async def _fetch_and_attach(self, noted: _Noted, parts: dict[str, Path]) -> Result:
        row = noted.row
        sides = [await self._fetch(f"{row.id}-{side}", parts[side]) for side in SIDES]
        by_snoops = all(side.length is None for side in sides)
        if by_snoops:
            sides = [await self._fetch(f"{row.id}{SNOOP}-{side}", parts[side]) for side in SIDES]
        lengths = (sides[0].length, sides[1].length)
        quiet = self._quiet_for(row.id, lengths)
        missing = [SIDE_NAMES[side] for side, length in zip(SIDES, lengths, strict=True) if length is None]
        if missing:
            reason = f"{' and '.join(missing)} is not on Asterisk"
            return await self._later(row.id, reason, given_up=quiet >= self._give_up)
        stem = f"{row.created_at:%Y/%m/%d}/{row.id}"
        try:
            work = partial(_merge_to, sides, parts["both"], self._vault, stem, noted, end_together=by_snoops)
            made = await in_thread(work)
        except wav.Unfinished as error:
            # Asterisk 22 writes the sizes into the header when it closes the file; until then they are 0 and
            # the file grows in steps of 32 KiB.
            return await self._later(row.id, str(error), given_up=quiet >= _NEVER_CLOSED)
        tickets = self._tickets()
        row_now = await self.store.write(lambda unit: _attach(unit, noted, made, tickets), quick=True)
        if row_now is None:
            return Result(Stage.NOT_YET, reason="its pauses are not what they were")
        if made.stored.encrypted:
            await asyncio.to_thread(
                self._vault.keep_only, made.stored.file
            )  # of a run before there was a key
        _tell(row, made)
        await self._delete_originals(row.id, SNOOP if by_snoops else "")
        return Result(Stage.ATTACHED, attached(row_now), new=True)

    async def _fetch(self, name: str, part: Path) -> "_Fetched":
        fetched = _Fetched(part)
        try:
            async for chunk in self.files.fetch_recording(name):
                fetched.rest += chunk
                fetched.length = (fetched.length or 0) + len(chunk)
                if fetched.length > MAX_SIDE_BYTES:
                    raise wav.Unusable(f"{name}: more than {MAX_SIDE_BYTES} bytes")
                if len(fetched.rest) >= _WRITE_BYTES:
                    await asyncio.to_thread(fetched.write)
        except Gone:
            return _Fetched(part)
        fetched.length = fetched.length or 0
        return fetched

    def _quiet_for(self, recording: str, lengths: tuple[int | None, int | None]) -> float:
        """How long, in seconds, the originals have been as they are."""
        now = self._clock()
        seen = self._seen.get(recording)
        if seen is None or seen.lengths != lengths:
            self._seen[recording] = _Seen(lengths, now)
            return 0.0
        return now - seen.since

    async def _later(self, recording: str, reason: str, *, given_up: bool) -> Result:
        return await self._faulty(recording, reason) if given_up else Result(Stage.NOT_YET, reason=reason)

    async def _faulty(self, recording: str, reason: str) -> Result:
        await self.store.write(lambda unit: unit.recordings.fault(recording, reason))
        return Result(Stage.FAULTY, reason=reason)

    async def _delete_originals(self, recording: str, *kinds: str) -> None:
        """Of one recorder; of both, when it is not known which it was."""
        for kind, side in itertools.product(kinds or ("", SNOOP), SIDES):
            try:
                await self.files.delete_recording(f"{recording}{kind}-{side}")
            except Gone:
                continue
            except RemoteError as error:
                # It is attached already. The next look through the spool finds and deletes what is left.
                log.warning(
                    "original not deleted",
                    action="delete_recording",
                    recording_id=recording,
                    reason=str(error),
                )


def attached(row: RecordingRow) -> RecordingAttached:
    return RecordingAttached(CallId(row.call), RecordingId(row.id), TicketId(row.ticket or 0))


def _note(unit: SyncUnit, call: CallId, recording: RecordingId) -> _Noted | None:
    """None when no such call is kept."""
    times = unit.calls.times(call)
    if times is None:
        return None
    row = unit.recordings.note(recording, call, times.answered_at or times.offered_at)
    if row.state == "attached" or times.ended_at is None:
        return _Noted(row, times)
    facts = unit.facts.of_call(call, RECORDER_FACTS)
    return _Noted(row, times, tuple(unit.pauses.of_recordings([recording])), tuple(facts))


@dataclass(frozen=True, slots=True)
class _Made:
    recorded: Recorded
    merged: wav.Merged
    muted: tuple[Muted, ...]
    stored: Stored


def _attach(unit: SyncUnit, noted: _Noted, made: _Made, tickets: CallTickets) -> RecordingRow | None:
    """None when there is more of its pauses to be silent than there was."""
    row = noted.row
    ticket = recorded(unit, row.call, tickets)
    if tuple(unit.pauses.of_recordings([row.id])) != noted.pauses:
        return None
    for one in made.muted:
        unit.pauses.check(row.call, one.pause.number, one.found, one.stretch.from_ms, one.stretch.until_ms)
    return unit.recordings.attach(
        row.id,
        ticket=ticket,
        file=made.stored.file,
        bytes=made.merged.bytes,
        duration_ms=made.merged.duration_ms,
        sample_rate=made.merged.rate,
        channels=2,
        sha256=made.merged.sha256,
        stored_bytes=made.stored.bytes,
        stored_sha256=made.stored.sha256,
        encrypted=made.stored.encrypted,
        begun_at=made.recorded.begun_at,
        ended_at=made.recorded.ended_at,
    )


def _tell(row: RecordingRow, made: _Made) -> None:
    about = {"call_id": row.call, "recording_id": row.id}
    for one in made.muted:
        where = {"from_ms": one.stretch.from_ms, "until_ms": one.stretch.until_ms}
        found = {"pause": one.pause.number, "found": one.found.value}
        log.info("pause is silent", action="mute_recording", **found, **where, **about)
    missing, ran = made.recorded.missing, made.recorded.ended_at - made.recorded.begun_at
    if missing > max(_FEW, ran / 4):
        seconds = {"ran_s": ran.total_seconds(), "missing_s": missing.total_seconds()}
        why = "no sound came for so long, or Asterisk's disk was full"
        log.warning("recording lacks much", action="attach_recording", reason=why, **seconds, **about)


def _merge_to(
    sides: list[_Fetched],
    both: Path,
    vault: Vault,
    stem: str,
    noted: _Noted,
    called_off: CalledOff,
    *,
    end_together: bool,
) -> _Made:
    left, right = (
        wav.inspect(fetched.whole(), SIDE_NAMES[side]) for side, fetched in zip(SIDES, sides, strict=True)
    )
    private.make_directory(both.parent)
    private.remove(both)  # of a run that was cut off
    merged = wav.merge(left, right, both, called_off, end_together=end_together)
    recorded = recorded_of(RecordingId(noted.row.id), noted.times, noted.facts, merged.length_ms)
    muted = mute(both, [one.pause for one in noted.pauses], recorded, called_off)
    if muted:
        merged = replace(merged, sha256=measured(both, called_off).sha256)
    stored = vault.put(both, stem, Format.WAV, Measure(merged.bytes, merged.sha256), called_off)
    return _Made(recorded, merged, muted, stored)
