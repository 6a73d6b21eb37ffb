"""``callbridge import`` and ``callbridge token`` from the command line."""

import re
from pathlib import Path

import pytest

from bridge import cli

LAB = Path(__file__).resolve().parents[2] / "docker" / "callbridge.yml"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLBRIDGE_STORE_URL", f"sqlite+aiosqlite:///{tmp_path}/callbridge.db")
    path = tmp_path / "callbridge.yml"
    path.write_text(LAB.read_text())
    return path


def test_a_trial_keeps_nothing_and_writes_its_report(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clients, report = tmp_path / "clients.csv", tmp_path / "refused.csv"
    clients.write_text("name;number\nАнна;+79161234567\n;1\nКто;нет\n")
    arguments = ["import", "--config", str(file), str(clients), "--report", str(report)]
    for more, said in ((["--dry-run"], "would be 1 added"), ([], "1 added"), ([], "0 added")):
        assert cli.main([*arguments, *more]) == cli.FINDINGS
        out = capsys.readouterr().out
        assert out.startswith(said), out
        assert "2 refused" in out
        lines = report.read_text().splitlines()
        assert [line.partition(",")[0] for line in lines] == ["line", "3", "4"]


def test_tokens_are_listed_and_revoked(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(file)]
    assert cli.main(["token", "add", *config, "crm", "--scope", "clients:read", "--days", "30"]) == cli.OK
    token = capsys.readouterr().out.strip()
    assert cli.main(["token", "list", *config]) == cli.OK
    listed = capsys.readouterr().out
    assert "crm" in listed
    assert "used never" in listed
    assert "clients:read" in listed
    assert token not in listed
    number = listed.split()[0]
    assert cli.main(["token", "revoke", *config, number]) == cli.OK
    assert cli.main(["token", "revoke", *config, number]) == cli.FINDINGS
    assert (
        cli.main(["token", "add", *config, "crm", "--scope", "clients:read", "--days", "0"]) == cli.FINDINGS
    )


def test_another_token_in_the_secrets_file_ends_the_one_before(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, secrets = ["--config", str(file)], tmp_path / "secrets.env"

    def listed() -> list[str]:
        capsys.readouterr()
        assert cli.main(["token", "list", *config]) == cli.OK
        return capsys.readouterr().out.splitlines()

    assert cli.main(["secrets", *config, "--output", str(secrets)]) == cli.OK
    assert cli.main(["user", "sync", *config, "--secrets", str(secrets)]) == cli.OK
    assert cli.main(["token", "add", *config, "crm", "--scope", "clients:read"]) == cli.OK
    before = listed()
    assert [(line[6:].split("  ")[0], line.split()[-1]) for line in before] == [
        ("secrets file", "*"),
        ("crm", "clients:read"),
    ]
    assert cli.main(["user", "sync", *config, "--secrets", str(secrets)]) == cli.OK
    assert listed() == before
    changed = re.sub("API_TOKEN=cb_.*", f"API_TOKEN=cb_{'x' * 43}", secrets.read_text())
    secrets.write_text(changed)
    assert cli.main(["user", "sync", *config, "--secrets", str(secrets)]) == cli.OK
    after = listed()
    assert len(after) == 2
    assert before[1] == after[0], "nobody else's is touched"
    assert "secrets file" in after[1]
    assert cli.main(["token", "add", *config, "secrets file", "--scope", "*"]) == cli.FINDINGS
