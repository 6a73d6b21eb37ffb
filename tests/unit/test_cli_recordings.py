"""``callbridge recordings``: what an engineer sees, and what doctor tells him of the key."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge import cli, config
from bridge.config import keyfile
from bridge.doctor import _key
from bridge.store import Store
from tests.unit.crm.at_rest import Shelf, shelf_of

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "docker" / "callbridge.yml"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "recordings.key"


@pytest.fixture
def file(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Encrypted, compressed at once, kept for 30 days."""
    monkeypatch.setenv("CALLBRIDGE_STORE_URL", f"sqlite+aiosqlite:///{tmp_path}/callbridge.db")
    monkeypatch.setenv("CALLBRIDGE_RECORDINGS", str(tmp_path / "recordings"))
    monkeypatch.setenv("CALLBRIDGE_RECORDINGS_KEY", str(key))
    path = tmp_path / "callbridge.yml"
    settings = "recordings:\n  compress_after_hours: 0\n  keep_days: 30\n"
    path.write_text(LAB.read_text().replace("recordings:\n", settings, 1))
    return path


def fill(file: Path, tmp_path: Path) -> None:
    """Three that are old, two of them of a queue, and one of yesterday."""

    async def filled() -> None:
        store = await Store.open(config.load(file).store.url)
        shelf: Shelf = shelf_of(store, tmp_path)
        for number, (queue, age) in enumerate(
            [("support", 100), ("support", 50), (None, 40), ("support", 1)]
        ):
            at = datetime.now(UTC) - timedelta(days=age)
            await shelf.add(f"170000000{number}.1", queue, at=at)
        await store.close()

    asyncio.run(filled())


def recordings(file: Path, *arguments: str) -> int:
    return cli.main(["recordings", *arguments, "--config", str(file)])


def test_new_key(file: Path, key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--config", str(file)]) == cli.FINDINGS
    assert "new-key" in capsys.readouterr().out
    assert recordings(file, "new-key") == cli.OK
    told = capsys.readouterr()
    assert str(key) in told.out
    assert "age1" in told.out
    assert "AGE-SECRET-KEY" not in told.out + told.err
    assert cli.main(["check", "--config", str(file)]) == cli.OK
    before = key.read_text()
    assert recordings(file, "new-key") == cli.FINDINGS
    assert "is not overwritten" in capsys.readouterr().err
    assert key.read_text() == before
    assert recordings(file, "new-key", "--output", str(tmp_path / "second.key")) == cli.OK


def test_new_key_wants_to_know_where(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CALLBRIDGE_RECORDINGS_KEY")
    assert recordings(file, "new-key") == cli.FINDINGS
    assert "recordings.key_file" in capsys.readouterr().err


def test_compress_and_verify(
    file: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(file, tmp_path)
    assert recordings(file, "compress") == cli.CONFIGURATION
    assert str(key) in capsys.readouterr().err
    keyfile.make(key)
    assert recordings(file, "compress") == cli.OK
    assert capsys.readouterr().out.startswith("8 done, 0 failed, ")
    found = sorted(path for path in (tmp_path / "recordings").rglob("*-rec-1*"))
    assert len(found) == 4
    assert all(path.name.endswith(".opus.age") for path in found)
    assert recordings(file, "compress") == cli.OK
    assert capsys.readouterr().out.startswith("0 done")
    assert recordings(file, "verify") == cli.OK
    assert "4 looked at, 0 with something wrong" in capsys.readouterr().out
    found[0].unlink()
    found[1].write_bytes(b"age")
    assert recordings(file, "verify") == cli.FINDINGS
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert all("restore it from a backup" in line for line in lines[:2])
    assert lines[2] == "4 looked at, 2 with something wrong"


def test_what_cannot_be_compressed_is_a_finding(
    file: Path, tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(file, tmp_path)
    keyfile.make(key)
    first = min((tmp_path / "recordings").rglob("*.wav"))
    first.write_bytes(first.read_bytes()[:-2])
    assert recordings(file, "compress") == cli.FINDINGS
    assert "6 done, 2 failed" in capsys.readouterr().out


def test_retain(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(file, tmp_path)
    assert recordings(file, "retain", "--dry-run") == cli.OK
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    day = f"{datetime.now(UTC) - timedelta(days=100):%Y-%m-%d}"
    assert lines[0] == ["QUEUE", "RECORDINGS", "SIZE", "OLDEST"]
    assert lines[1][:2] == ["–", "1"]
    assert lines[2] == ["support", "2", "125.1", "KiB", day]
    assert " ".join(lines[3]) == "3 would be removed; nothing was"
    assert len(list((tmp_path / "recordings").rglob("*.wav"))) == 4
    assert recordings(file, "retain") == cli.OK
    assert capsys.readouterr().out == "3 removed (187.6 KiB), 0 failed\n"
    assert len(list((tmp_path / "recordings").rglob("*.wav"))) == 1
    assert recordings(file, "retain", "--dry-run") == cli.OK
    assert "0 would be removed" in capsys.readouterr().out


def test_a_look_changes_nothing(file: Path, tmp_path: Path) -> None:
    for command in (["retain", "--dry-run"], ["verify"]):
        assert recordings(file, *command) == cli.CONFIGURATION, "there is no database yet"
    assert not (tmp_path / "callbridge.db").exists()
    assert not (tmp_path / "recordings").exists()


def test_doctor_tries_the_key(file: Path, tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def findings() -> list[tuple[bool, str]]:
        found = asyncio.run(_key(config.load(file)))
        assert all(one.well or one.remedy for one in found)
        return [(one.well, f"{one.detail} {one.remedy}") for one in found]

    ((well, said),) = findings()
    assert not well
    assert "new-key" in said
    keyfile.make(key)
    assert [well for well, _ in findings()] == [True], "nothing is encrypted yet"
    fill(file, tmp_path)
    assert recordings(file, "compress") == cli.OK
    assert [well for well, _ in findings()] == [True, True]
    key.chmod(0o644)
    ((well, said),) = findings()
    assert (well, "chmod 600" in said) == (False, True)
    key.unlink()
    keyfile.make(key)
    assert [well for well, _ in findings()] == [True, False]
    assert "no key in it opens" in findings()[1][1]
    monkeypatch.delenv("CALLBRIDGE_RECORDINGS_KEY")
    ((well, said),) = findings()
    assert (well, "key_file is not set" in said) == (False, True)


@pytest.mark.parametrize("command", ["new-key", "compress", "retain", "verify"])
def test_each_has_help_with_an_example(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "recordings", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"Example: callbridge recordings {command}" in " ".join(done.stdout.split())
