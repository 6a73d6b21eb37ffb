"""The command line: what each command prints, and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bridge import cli

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "docker" / "callbridge.yml"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLBRIDGE_STORE_URL", f"sqlite+aiosqlite:///{tmp_path}/callbridge.db")
    path = tmp_path / "callbridge.yml"
    path.write_text(LAB.read_text())
    return path


def test_check(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--config", str(file)]) == cli.OK
    text = file.read_text().replace('members: ["1001"', 'members: ["1099"')
    file.write_text(text)
    capsys.readouterr()
    assert cli.main(["check", "--config", str(file)]) == cli.FINDINGS
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "1099" in line)
    told = capsys.readouterr().out
    assert f"callbridge.yml:{line}:" in told
    assert "queues.support.members" in told


def test_configuration_that_cannot_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "none.yml"
    options = ["--config", str(missing), "--output", str(tmp_path / "secrets.env")]
    assert cli.main(["secrets", *options]) == cli.CONFIGURATION
    assert "none.yml" in capsys.readouterr().err


def test_secrets_and_render(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets, out = tmp_path / "secrets.env", tmp_path / "asterisk"
    assert cli.main(["secrets", "--config", str(file), "--output", str(secrets)]) == cli.OK
    assert secrets.stat().st_mode & 0o777 == 0o600
    render = ["render", "--config", str(file), "--secrets", str(secrets), "--output", str(out)]
    assert cli.main(render) == cli.OK
    assert (out / "extensions.conf").exists()
    capsys.readouterr()
    assert cli.main(render) == cli.OK
    assert capsys.readouterr().out.startswith("0 written")


def test_schema_is_the_published_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == cli.OK
    published = json.loads((ROOT / "docs" / "callbridge.schema.json").read_text())
    assert json.loads(capsys.readouterr().out) == published


def test_replay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = sorted((ROOT / "tests" / "replay" / "traces").rglob("*.ami"))[0]
    assert cli.main(["replay", str(trace)]) == cli.OK
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1]["type"] == "ended"
    assert set(events[0]) == {"type", "call_id", "caller", "targets", "transfer", "reason"}
    broken = tmp_path / "broken.json"
    broken.write_text('[{"Event": "Newchannel"')
    assert cli.main(["replay", str(broken)]) == cli.FINDINGS
    assert "broken.json" in capsys.readouterr().err
    assert cli.main(["replay", str(tmp_path / "none")]) == cli.FINDINGS


def test_import(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clients = tmp_path / "clients.csv"
    clients.write_text("name,number\nИван,+79161234567\nНикто,not a number\n")
    assert cli.main(["import", "--config", str(file), str(clients)]) == cli.FINDINGS
    told = capsys.readouterr()
    assert "1 added" in told.out
    assert "clients.csv:3:" in told.err


def test_users_and_tokens(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = tmp_path / "secrets.env"
    cli.main(["secrets", "--config", str(file), "--output", str(secrets)])
    sync = ["user", "sync", "--config", str(file), "--secrets", str(secrets)]
    capsys.readouterr()
    assert cli.main(sync) == cli.OK
    assert capsys.readouterr().out.startswith("11 log-ins set")
    assert cli.main(sync) == cli.OK
    assert capsys.readouterr().out.startswith("0 log-ins set")
    add = ["user", "add", "olga", "--role", "supervisor", "--config", str(file)]
    assert cli.main(add) == cli.OK
    assert cli.main(add) == cli.FINDINGS
    assert "olga exists already" in capsys.readouterr().err
    assert cli.main(["user", "add", "x", "--role", "agent", "--config", str(file)]) == cli.FINDINGS
    assert "--agent" in capsys.readouterr().err
    token = ["token", "add", "crm", "--config", str(file), "--scope"]
    assert cli.main([*token, "tickets:read"]) == cli.OK
    assert capsys.readouterr().out.startswith("cb_")
    assert cli.main([*token, "tickets:eat"]) == cli.FINDINGS
    assert "tickets:eat" in capsys.readouterr().err


def test_every_command_has_help_with_an_example() -> None:
    commands = ["run", "check", "schema", "render", "secrets", "doctor", "replay", "import"]
    for command in [[name] for name in commands] + [["user", "add"], ["user", "sync"], ["token", "add"]]:
        done = subprocess.run(
            [sys.executable, "-m", "bridge", *command, "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"Example: callbridge {' '.join(command)}" in " ".join(done.stdout.split())


def test_wrong_usage() -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["fly"])
    assert ended.value.code == cli.USAGE
