"""The key file of recordings: made once, its faults told with their place, its content never."""

import os
from pathlib import Path

import pyrage
import pytest

from bridge import config
from bridge.config import keyfile
from bridge.config.keyfile import KeyUnusable
from bridge.errors import BadInput

LAB = Path(__file__).resolve().parents[3] / "docker" / "callbridge.yml"
SECRET = "AGE-SECRET-KEY-1"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "recordings.key"


def test_what_is_made_is_an_age_identity_for_its_owner_only(key: Path) -> None:
    public = keyfile.make(key)
    created, said, secret = key.read_text().splitlines()
    assert created.startswith("# created: 2")
    assert said == f"# public key: {public}"
    assert secret.startswith(SECRET)
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert str(keyfile.read(key).recipient) == public
    assert keyfile.trouble(key) == ""


def test_a_key_is_never_overwritten(key: Path) -> None:
    keyfile.make(key)
    before = key.read_bytes()
    with pytest.raises(BadInput, match="exists already"):
        keyfile.make(key)
    assert key.read_bytes() == before


def test_nor_through_a_link(key: Path, tmp_path: Path) -> None:
    key.parent.mkdir()
    key.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="exists already"):
        keyfile.make(key)
    assert not (tmp_path / "elsewhere").exists()


def test_half_a_key_is_not_left(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space"):
            keyfile.make(key)
    assert not key.exists()


def test_the_first_key_encrypts_and_any_opens(key: Path) -> None:
    keyfile.make(key)
    old = pyrage.x25519.Identity.generate()
    key.write_text(f"{key.read_text()}\n# of last year\n{old}\n")
    keys = keyfile.read(key)
    assert len(keys.identities) == 2
    assert str(keys.recipient) == str(keys.identities[0].to_public())
    assert pyrage.decrypt(pyrage.encrypt(b"x", [old.to_public()]), list(keys.identities)) == b"x"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no key"),
        ("# only words\n\n", "holds no key"),
        (f"# one\n{SECRET}NONSENSE\n", ":2: is no AGE-SECRET-KEY-1"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\n", ":1: is no AGE-SECRET-KEY-1"),
        ("\0" * 100, ":1: is no"),
        ("x" * 70_000, "too large"),
    ],
)
def test_a_faulty_one_is_told_with_place_and_remedy_and_without_its_content(
    key: Path, content: str, said: str
) -> None:
    key.parent.mkdir()
    key.write_text(content)
    with pytest.raises(KeyUnusable) as error:
        keyfile.read(key)
    assert str(error.value).startswith(str(key))
    assert said in str(error.value)
    assert "; " in str(error.value), "it has a remedy"
    assert "NONSENSE" not in str(error.value)
    assert keyfile.trouble(key) == str(error.value)


def test_what_is_no_file_is_told(key: Path) -> None:
    with pytest.raises(KeyUnusable, match="new-key"):
        keyfile.read(key)
    key.parent.mkdir()
    os.mkfifo(key)
    with pytest.raises(KeyUnusable, match="no plain file"):
        keyfile.read(key)
    with pytest.raises(KeyUnusable):
        keyfile.read(key.parent)
    with pytest.raises(KeyUnusable):
        keyfile.read(key / "below a file")


def test_one_that_everybody_can_read_is_told(key: Path) -> None:
    keyfile.make(key)
    key.chmod(0o644)
    assert f"chmod 600 {key}" in keyfile.trouble(key)


def test_keys_do_not_show(key: Path) -> None:
    keyfile.make(key)
    assert SECRET not in repr(keyfile.read(key))


# ── in the YAML file ─────────────────────────────────────────────────────────


def with_recordings(tmp_path: Path, settings: str) -> Path:
    path = tmp_path / "callbridge.yml"
    text = LAB.read_text()
    assert "recordings:\n" in text
    path.write_text(text.replace("recordings:\n", f"recordings:\n{settings}", 1))
    return path


def test_check_looks_at_the_key_and_loading_does_not(tmp_path: Path, key: Path) -> None:
    path = with_recordings(tmp_path, f"  key_file: {key}\n")
    assert config.check(path) == []
    (fault,) = config.check(path, with_key=True)
    assert str(fault).startswith(f"{path}:")
    assert "recordings.key_file" in str(fault)
    assert "new-key" in str(fault)
    assert config.load(path).recordings.key == key
    keyfile.make(key)
    assert config.check(path, with_key=True) == []


def test_the_key_does_not_lie_beside_what_it_locks(tmp_path: Path) -> None:
    path = with_recordings(tmp_path, "  key_file: /var/lib/callbridge/recordings/key\n")
    (fault,) = config.check(path)
    assert "recordings.key_file" in str(fault)
    assert "move it out" in str(fault)


@pytest.mark.parametrize(
    "settings", ["  keep_days: 0\n", "  compress_after_hours: -1\n", "  key_file: 'a;b'\n", "  keep: 3\n"]
)
def test_what_cannot_be_meant_is_a_fault(tmp_path: Path, settings: str) -> None:
    assert config.check(with_recordings(tmp_path, settings))


def test_how_long_recordings_are_kept(tmp_path: Path) -> None:
    settings = config.load(LAB)
    assert settings.keep_recordings() == (None, {})
    assert settings.recordings.compress_after_hours == 24
    path = with_recordings(tmp_path, "  keep_days: 90\n  compress_after_hours:\n")
    queue = '  support:\n    title: "Поддержка"\n'
    assert queue in path.read_text()
    text = path.read_text().replace(queue, queue + "    keep_recordings_days: 0\n", 1)
    path.write_text(text.replace("  sales:\n", "  sales:\n    keep_recordings_days: 30\n", 1))
    settings = config.load(path)
    otherwise, queues = settings.keep_recordings()
    assert otherwise is not None
    assert otherwise.days == 90
    assert {name: keep and keep.days for name, keep in queues.items()} == {"support": None, "sales": 30}
    assert settings.recordings.compress_after is None
