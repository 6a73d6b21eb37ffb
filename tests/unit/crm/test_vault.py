"""The bytes of recordings on disk: written, encrypted, opened, and nothing outside the directory touched."""

import asyncio
import hashlib
import os
import stat
from pathlib import Path

import pyrage
import pytest

from bridge.config import keyfile
from bridge.config.keyfile import KeyUnusable
from bridge.crm import private
from bridge.crm import vault as vault_module
from bridge.crm.private import Interrupted
from bridge.crm.sealing import Damaged
from bridge.crm.vault import Format, Measure, Missing, Stored, Vault, format_of, is_sealed, stem_of

SOUND = b"RIFF" + bytes(range(256)) * 2000
WHOLE = Measure(len(SOUND), hashlib.sha256(SOUND).hexdigest())
STEM = "2025/03/01/1700000000.1-rec-1"
SEALED = f"{STEM}.wav.age"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "recordings.key"
    keyfile.make(path)
    return path


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
def plain(directory: Path) -> Vault:
    return Vault(directory)


@pytest.fixture
def sealing(directory: Path, key: Path) -> Vault:
    return Vault(directory, lambda: key)


def put(vault: Vault, content: bytes = SOUND, form: Format = Format.WAV) -> Stored:
    private.make_directory(vault.incoming)
    part = vault.incoming / "x.both.part"
    with private.create(part) as file:
        file.write(content)
    return vault.put(part, STEM, form, Measure(len(content), hashlib.sha256(content).hexdigest()))


def read(vault: Vault, file: str) -> bytes:
    class Sink(list[bytes]):
        def write(self, data: bytes) -> None:
            self.append(data)

    sink = Sink()
    vault.copy(file, sink)
    return b"".join(sink)


def files_in(directory: Path) -> list[str]:
    return sorted(str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file())


def test_without_a_key_it_is_the_file_itself(plain: Vault, directory: Path) -> None:
    stored = put(plain)
    assert stored == Stored(f"{STEM}.wav", WHOLE.bytes, WHOLE.sha256)
    assert not stored.encrypted
    assert (directory / stored.file).read_bytes() == SOUND
    assert files_in(directory) == [stored.file]


def test_with_a_key_it_is_an_age_file_and_nothing_else_is_left(
    sealing: Vault, directory: Path, key: Path
) -> None:
    stored = put(sealing)
    assert (stored.file, stored.encrypted) == (SEALED, True)
    content = (directory / SEALED).read_bytes()
    assert content.startswith(b"age-encryption.org/v1\n")
    assert (stored.bytes, stored.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    identity = pyrage.x25519.Identity.from_str(key.read_text().splitlines()[-1])
    assert pyrage.decrypt(content, [identity]) == SOUND, "as age -d would"
    assert read(sealing, SEALED) == SOUND
    assert files_in(directory) == [SEALED]


@pytest.mark.parametrize("sealed", [False, True])
def test_only_its_owner_can_read_it(directory: Path, key: Path, sealed: bool) -> None:
    old = os.umask(0)
    try:
        stored = put(Vault(directory, lambda: key if sealed else None))
    finally:
        os.umask(old)
    assert stat.S_IMODE((directory / stored.file).stat().st_mode) == 0o600
    for folder in (directory, *(path for path in directory.rglob("*") if path.is_dir())):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_plaintext_never_has_a_name_among_the_recordings(
    sealing: Vault, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_off(_: Path) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(private, "sync_directory", cut_off)
    with pytest.raises(OSError, match="Input"):
        put(sealing)
    names = [name for name in files_in(directory) if not name.startswith(".incoming/")]
    assert names == [SEALED]


@pytest.mark.parametrize("trouble", ["missing", "empty", "half"])
def test_without_its_key_nothing_is_written_or_lost(
    sealing: Vault, directory: Path, key: Path, trouble: str
) -> None:
    match trouble:
        case "missing":
            key.unlink()
        case "empty":
            key.write_text("")
        case "half":
            key.write_text("AGE-SECRET-KEY-1QQQ")
    with pytest.raises(KeyUnusable, match=r"recordings\.key"):
        put(sealing)
    assert files_in(directory) == [".incoming/x.both.part"]
    assert (directory / ".incoming/x.both.part").read_bytes() == SOUND


def test_the_wrong_key_is_told_from_damage(sealing: Vault, directory: Path, key: Path) -> None:
    put(sealing)
    right = key.read_text()
    key.unlink()
    keyfile.make(key)
    for do in (lambda: read(sealing, SEALED), lambda: sealing.try_key(SEALED)):
        with pytest.raises(KeyUnusable, match="no key in it opens") as told:
            do()
        assert SEALED in str(told.value)
        assert str(key) in str(told.value)
    key.write_text(key.read_text() + right)
    sealing.try_key(SEALED)
    assert read(sealing, SEALED) == SOUND
    with pytest.raises(KeyUnusable, match="key_file is not set"):
        read(Vault(directory), SEALED)


@pytest.mark.parametrize("how", ["cut", "changed", "emptied", "no age at all"])
def test_damage_is_told(sealing: Vault, directory: Path, how: str) -> None:
    put(sealing)
    content = (directory / SEALED).read_bytes()
    broken = {
        "cut": content[:-70_000],
        "changed": content[:1000] + bytes([content[1000] ^ 1]) + content[1001:],
        "emptied": b"",
        "no age at all": b"<html>",
    }[how]
    (directory / SEALED).write_bytes(broken)
    with pytest.raises(Damaged, match="restore it from a backup"):
        read(sealing, SEALED)


def test_a_copy_that_cannot_be_opened_again_is_not_taken(
    sealing: Vault, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = vault_module.seal

    def spoils(source, target, keys, called_off) -> None:  # type: ignore[no-untyped-def]
        real(source, target, keys, called_off)
        target.seek(500)
        target.write(b"oops")

    monkeypatch.setattr(vault_module, "seal", spoils)
    with pytest.raises(Damaged):
        put(sealing)
    assert files_in(directory) == [".incoming/x.both.part"]


def test_work_that_is_called_off_leaves_nothing(sealing: Vault, directory: Path) -> None:
    private.make_directory(sealing.incoming)
    part = sealing.incoming / "x.both.part"
    part.write_bytes(SOUND)
    with pytest.raises(Interrupted):
        sealing.put(part, STEM, Format.WAV, WHOLE, lambda: True)
    assert files_in(directory) == [".incoming/x.both.part"]


def test_a_full_disk_is_an_error_of_the_disk(
    sealing: Vault, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __init__(self, file: object) -> None:
            self.file = file

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

    private.make_directory(sealing.incoming)
    part = sealing.incoming / "x.both.part"
    part.write_bytes(SOUND)
    real = private.create
    monkeypatch.setattr(private, "create", lambda path: Full(real(path)))
    with pytest.raises(OSError, match="No space left"):
        sealing.put(part, STEM, Format.WAV, WHOLE)
    assert files_in(directory) == [".incoming/x.both.part"]


# ── names and places ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "file",
    [
        *("", ".", "..", "/etc/passwd", "../secret", "a/../../secret", "2025/../../secret", "a\0b"),
        *("link", "dir/secret", "loop/x", "2025", "pipe", "x" * 300, "nothing.wav", "secret.wav/x"),
    ],
)
def test_a_hostile_name_opens_and_removes_nothing(plain: Vault, directory: Path, file: str) -> None:
    outside = directory.parent / "secret"
    outside.write_bytes(b"secret")
    (directory / "2025").mkdir(parents=True)
    (directory / "secret.wav").write_bytes(b"ours")
    (directory / "link").symlink_to(outside)
    (directory / "dir").symlink_to(directory.parent)
    (directory / "loop").symlink_to("loop")
    os.mkfifo(directory / "pipe")
    for do in (plain.measure, plain.try_key, lambda name: read(plain, name)):
        with pytest.raises((Missing, OSError)):
            do(file)
    with pytest.raises((Missing, OSError)):
        asyncio.run(plain.opened(file, ""))
    if file not in ("pipe", "nothing.wav", "link"):
        with pytest.raises((Missing, OSError)):
            plain.remove(file)
    else:
        plain.remove(file)
    assert outside.read_bytes() == b"secret"
    assert (directory / "secret.wav").read_bytes() == b"ours"


def test_names_say_what_a_file_is() -> None:
    for form in Format:
        for end in ("", ".age"):
            file = f"2025/a.opus.wav-rec-1.{form.value}{end}"
            assert (format_of(file), is_sealed(file)) == (form, bool(end))
            assert stem_of(file) == "2025/a.opus.wav-rec-1"
    assert stem_of("f") == "f"


def test_a_link_to_the_directory_is_followed(tmp_path: Path) -> None:
    (tmp_path / "big disk").mkdir()
    (tmp_path / "recordings").symlink_to(tmp_path / "big disk")
    vault = Vault(tmp_path / "recordings")
    assert read(vault, put(vault).file) == SOUND


def test_all_forms_are_removed_or_all_but_one(plain: Vault, sealing: Vault, directory: Path) -> None:
    (directory / "2025/03/01").mkdir(parents=True)
    forms = [f"{STEM}.{form}" for form in ("opus", "opus.age", "wav", "wav.age")]
    for form in (*forms, f"{STEM}0.wav"):
        (directory / form).write_bytes(b"x")
    assert list(plain.doubles()) == [("1700000000.1-rec-1", tuple(forms))]
    sealing.keep_only(forms[1])
    assert files_in(directory) == [forms[1], f"{STEM}0.wav"]
    (directory / forms[2]).write_bytes(b"x")
    sealing.remove(forms[1])
    sealing.remove(forms[1])
    assert files_in(directory) == [f"{STEM}0.wav"]


# ── opened for reading ───────────────────────────────────────────────────────


async def test_a_plain_one_is_opened_by_its_path(plain: Vault, directory: Path) -> None:
    stored = put(plain)
    assert await plain.opened(stored.file, stored.sha256) == directory / stored.file


async def test_an_encrypted_one_is_decrypted_once_for_all_who_ask(
    sealing: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = put(sealing)
    opened = 0
    real = sealing.copy

    def counted(*given: object) -> Measure:
        nonlocal opened
        opened += 1
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(sealing, "copy", counted)
    contents = await asyncio.gather(*(sealing.opened(SEALED, stored.sha256) for _ in range(10)))
    assert {bytes(content) for content in contents if not isinstance(content, Path)} == {SOUND}
    assert opened == 1
    await sealing.opened(SEALED, "another checksum")
    assert opened == 2


async def test_a_long_one_is_not_held_in_memory_and_has_no_name(
    sealing: Vault, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(sealing)
    monkeypatch.setattr(vault_module, "_IN_MEMORY_BYTES", 1000)
    content = await sealing.opened(SEALED, "")
    assert not isinstance(content, (bytes, Path))
    assert len(content) == len(SOUND)
    assert content[:] == SOUND
    assert content[10:20] == SOUND[10:20]
    assert files_in(directory) == [SEALED]


async def test_few_are_kept_open(sealing: Vault, directory: Path) -> None:
    put(sealing)
    for number in range(9):
        await sealing.opened(SEALED, str(number))
    assert len(sealing._opened) == vault_module._OPEN_AT_ONCE


async def test_what_could_not_be_opened_is_tried_again(sealing: Vault, key: Path) -> None:
    put(sealing)
    right = key.read_text()
    key.write_text("")
    for _ in range(2):
        with pytest.raises(KeyUnusable):
            await sealing.opened(SEALED, "")
    key.write_text(right)
    assert await sealing.opened(SEALED, "") == SOUND


async def test_one_who_goes_away_takes_it_from_nobody(sealing: Vault) -> None:
    put(sealing)
    first = asyncio.create_task(sealing.opened(SEALED, ""))
    second = asyncio.create_task(sealing.opened(SEALED, ""))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == SOUND


# ── one at a time ────────────────────────────────────────────────────────────


async def test_a_turn_is_taken_by_one(plain: Vault, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault_module, "_TURN_SECONDS", 0.001)
    inside = 0

    async def work(vault: Vault) -> None:
        nonlocal inside
        async with vault.turn():
            inside += 1
            assert inside == 1
            await asyncio.sleep(0.005)
            inside -= 1

    await asyncio.gather(*(work(Vault(directory)) for _ in range(5)))
    with pytest.raises(RuntimeError):
        async with plain.turn():
            raise RuntimeError
    await work(plain)


def test_the_sweep_takes_what_is_of_interrupted_work_only(plain: Vault, directory: Path) -> None:
    assert plain.sweep() == 0
    incoming = directory / ".incoming"
    incoming.mkdir(parents=True)
    for name in ("a.whole.work", "a.opus.work", "a.opus.work.age", "a.both.part", "notes.txt"):
        (incoming / name).write_bytes(b"x")
    assert plain.sweep() == 3
    assert files_in(incoming) == ["a.both.part", "notes.txt"]
