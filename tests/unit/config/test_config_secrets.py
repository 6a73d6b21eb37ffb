"""The secrets file: made once, kept for ever, readable by its owner only, never shown."""

import re
import stat
import threading
from pathlib import Path

import pytest

from bridge.config import Secrets, Settings
from bridge.errors import ConfigurationError


def lines(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


def test_everything_is_made_up_at_the_first_start(tmp_path: Path, lab: Settings) -> None:
    path = tmp_path / "lab" / "secrets.env"
    secrets = Secrets.load_or_create(path, lab)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    found = lines(path)
    assert set(found) == {
        "ARI_PASSWORD",
        "AMI_PASSWORD",
        "API_TOKEN",
        "CALLBACK_KEY",
        "WEB_PASSWORD_SUPERVISOR",
        *(f"SIP_PASSWORD_{agent}" for agent in lab.agents),
        *(f"WEB_PASSWORD_{agent}" for agent in lab.agents),
    }
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", value) for value in found.values())
    assert len(set(found.values())) == len(found)
    assert re.fullmatch(r"cb_[A-Za-z0-9_-]{43}", secrets.api_token)
    assert secrets.sip["1001"] == found["SIP_PASSWORD_1001"]
    assert secrets.web["supervisor"] == found["WEB_PASSWORD_SUPERVISOR"]
    assert Secrets.load(path) == secrets


def test_what_is_there_is_kept(tmp_path: Path, lab: Settings) -> None:
    path = tmp_path / "secrets.env"
    ours = (
        "# ours\nARI_PASSWORD=chosen-by-hand\nSOMETHING_ELSE='quoted here'\n\nTRUNK_PASSWORD_MANGO=p@ss:w%rd"
    )
    path.write_text(ours)  # without a line's end
    secrets = Secrets.load_or_create(path, lab)
    assert path.read_text().startswith(f"{ours}\nAMI_PASSWORD=")
    assert (secrets.ari, secrets.trunks) == ("chosen-by-hand", {"mango": "p@ss:w%rd"})
    before = path.read_bytes()
    assert Secrets.load_or_create(path, lab) == secrets
    assert path.read_bytes() == before


def test_nothing_shows_in_a_repr(lab_secrets: Secrets) -> None:
    shown = f"{lab_secrets!r} {lab_secrets}"
    assert lab_secrets.ari not in shown
    assert lab_secrets.sip["1001"] not in shown


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ARI_PASSWORD = hunter2hunter2", ":2: is no line KEY=value"),
        ("export ARI_PASSWORD=hunter2hunter2", ":2: is no line KEY=value"),
        ("ARI_PASSWORD='hunter2hunter2'", ":2: the value of ARI_PASSWORD must be"),
        ("ARI_PASSWORD=hunter2$(id)", ":2: the value of ARI_PASSWORD must be"),
        ("SIP_PASSWORD_1001=hunter2;x", ":2: the value of SIP_PASSWORD_1001 must be"),
        ("API_TOKEN=hunter2hunter2", ":2: API_TOKEN must be"),
        ("TRUNK_PASSWORD_MANGO=hunter2`id`", ":2: the value of TRUNK_PASSWORD_MANGO must be"),
        ("ARI_PASSWORD=hunter2hunter2\nARI_PASSWORD=hunter2hunter3", ":3: ARI_PASSWORD is given twice"),
    ],
)
def test_a_wrong_line_is_named_without_its_value(
    tmp_path: Path, lab: Settings, line: str, words: str
) -> None:
    path = tmp_path / "secrets.env"
    path.write_text(f"# secrets\n{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        Secrets.load_or_create(path, lab)
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert path.read_text() == f"# secrets\n{line}\n", "a file with faults is not touched"


def test_loading_needs_all_that_is_common(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        Secrets.load(tmp_path / "none.env")
    (tmp_path / "half.env").write_text("ARI_PASSWORD=hunter2hunter2\n")
    with pytest.raises(ConfigurationError, match="AMI_PASSWORD is missing"):
        Secrets.load(tmp_path / "half.env")


def test_two_first_starts_at_once_agree(tmp_path: Path, lab: Settings) -> None:
    path = tmp_path / "secrets.env"
    found: list[Secrets] = []
    threads = [
        threading.Thread(target=lambda: found.append(Secrets.load_or_create(path, lab))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(secrets == found[0] for secrets in found)
    assert [file.name for file in tmp_path.iterdir()] == ["secrets.env"], "no temporary file is left"
