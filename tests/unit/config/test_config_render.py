"""Rendering writes only what is Callbridge's, and nothing of the engineer's own is ever lost."""

import stat
from pathlib import Path

import pytest

from bridge.config import Secrets, Settings, render
from bridge.config.rendering import MARK, _guarded
from bridge.errors import ConfigurationError, InternalError
from tests.unit.config.rendering_of import Write, render_small


def test_every_file_says_whose_it_is_and_reads_the_engineers_own_at_its_end(etc: Path) -> None:
    files = sorted(etc.glob("*.conf"))
    assert {"asterisk.conf", "pjsip.conf", "extensions.conf", "queues.conf", "ari.conf"} <= {
        f.name for f in files
    }
    for file in files:
        lines = file.read_text().splitlines()
        assert lines[0].startswith(MARK)
        assert lines[-1] == f'#tryinclude "custom/{file.name}"'
    assert (etc / "custom").is_dir()


def test_files_with_secrets_are_not_for_everybody(etc: Path) -> None:
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in etc.glob("*.conf")}
    assert {name for name, mode in modes.items() if mode == 0o640} == {
        "ari.conf",
        "manager.conf",
        "pjsip.conf",
    }
    assert set(modes.values()) == {0o640, 0o644}


def test_a_second_render_changes_nothing(etc: Path, lab: Settings, lab_secrets: Secrets) -> None:
    before = {file: file.stat().st_ino for file in etc.glob("*.conf")}
    rendered = render(lab, lab_secrets, etc)
    assert rendered.written == ()
    assert set(rendered.unchanged) == set(before)
    assert {file: file.stat().st_ino for file in etc.glob("*.conf")} == before


def test_only_what_changed_is_written(etc: Path, lab: Settings, lab_secrets: Secrets) -> None:
    company = lab.company.model_copy(update={"region": "US"})
    rendered = render(lab.model_copy(update={"company": company}), lab_secrets, etc)
    assert [file.name for file in rendered.written] == ["indications.conf"]


def test_the_engineers_files_survive(etc: Path, lab: Settings, lab_secrets: Secrets) -> None:
    own = {
        etc / "custom" / "extensions.conf": "[from-agents](+)\nexten = 777,1,Answer()\n",
        etc / "voicemail.conf": "[general]\n",
        etc / "extensions.lua": "-- mine\n",
    }
    for file, text in own.items():
        file.write_text(text)
    render(lab, lab_secrets, etc)
    assert {file: file.read_text() for file in own} == own


def test_a_file_that_is_not_ours_stops_everything_before_anything_is_written(
    tmp_path: Path, lab: Settings, lab_secrets: Secrets
) -> None:
    etc = tmp_path / "existing"
    etc.mkdir()
    (etc / "pjsip.conf").write_text("[transport]\ntype=transport\n")
    (etc / "queues.conf").symlink_to(etc / "nowhere")
    with pytest.raises(ConfigurationError) as caught:
        render(lab, lab_secrets, etc)
    assert f"{etc}/pjsip.conf: is not Callbridge's" in str(caught.value)
    assert "move your own lines to custom/pjsip.conf" in str(caught.value)
    assert f"{etc}/queues.conf: is not Callbridge's" in str(caught.value)
    assert sorted(file.name for file in etc.iterdir()) == ["pjsip.conf", "queues.conf"]
    assert (etc / "pjsip.conf").read_text() == "[transport]\ntype=transport\n"


def test_a_file_that_the_engineer_keeps_is_left_alone(write: Write, tmp_path: Path) -> None:
    etc = tmp_path / "small"
    etc.mkdir()
    (etc / "modules.conf").write_text("[modules]\nautoload=yes\n")
    render_small(write, tmp_path, "menus:", "asterisk: {keep: [modules.conf]}\nmenus:")
    assert (etc / "modules.conf").read_text() == "[modules]\nautoload=yes\n"
    assert (etc / "pjsip.conf").exists()


def test_keeping_a_file_that_is_never_rendered_is_a_fault(write: Write, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"asterisk\.keep: sip\.conf: not rendered anyway"):
        render_small(write, tmp_path, "menus:", "asterisk: {keep: [sip.conf]}\nmenus:")


def test_what_was_rendered_once_is_removed_and_only_that(
    etc: Path, lab: Settings, lab_secrets: Secrets
) -> None:
    (etc / "old.conf").write_text(MARK + " long ago\n")
    (etc / "mine.conf").write_text("; mine\n")
    rendered = render(lab, lab_secrets, etc)
    assert [file.name for file in rendered.removed] == ["old.conf"]
    assert (etc / "mine.conf").exists()


def test_no_temporary_file_is_left(etc: Path) -> None:
    assert [file.name for file in etc.iterdir() if file.name.startswith(".")] == []


def test_a_directory_that_cannot_be_written_is_named(
    tmp_path: Path, lab: Settings, lab_secrets: Secrets
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        render(lab, lab_secrets, tmp_path / "file" / "etc")


# ── the second lock ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", ["a\nb", "a;b", "[x]", "${X}", '"', "a\\b", None, True, ["x"], "\x00"])
def test_what_would_be_syntax_never_gets_through_a_template(value: object) -> None:
    with pytest.raises(InternalError):
        _guarded(value)


def test_plain_words_do() -> None:
    assert [_guarded(value) for value in ("Анна O'Connor", "+7495", 5060)] == ["Анна O'Connor", "+7495", 5060]
