"""The YAML text may be anything: broken, huge, nested, full of aliases. It is refused, never obeyed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.config import check, load
from bridge.config.source import MOST_BYTES
from tests.unit.config.examples import SMALL

Write = Callable[[str], Path]


def messages(path: Path) -> list[str]:
    return [fault.message for fault in check(path, {})]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (fault,) = check(tmp_path / "none.yml", {})
    assert "cannot be read: No such file" in fault.message


def test_an_empty_file(write: Write) -> None:
    assert messages(write("")) == ["is empty: begin with “company:”"]
    assert messages(write("# nothing yet\n")) == ["is empty: begin with “company:”"]


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "42\n"])
def test_a_file_that_is_no_mapping(write: Write, text: str) -> None:
    assert messages(write(text)) == ["must be keys and values: begin with “company:”"]


def test_broken_yaml_names_line_and_column(write: Write) -> None:
    (fault,) = check(write("company:\n  name: [a\nregion: RU\n"), {})
    assert fault.message.startswith("is not YAML: ")
    assert fault.line == 3


def test_a_tabulator_names_its_line(write: Write) -> None:
    (fault,) = check(write("company:\n\tname: x\n"), {})
    assert (fault.line, fault.message[:11]) == (2, "is not YAML")


def test_an_alias_without_an_anchor(write: Write) -> None:
    (fault,) = check(write("company: *nobody\n"), {})
    assert (fault.line, fault.column) == (1, 10)


def test_characters_that_yaml_forbids(tmp_path: Path) -> None:
    path = tmp_path / "callbridge.yml"
    path.write_bytes(b"company: \x00\x07\n")
    (message,) = messages(path)
    assert message.startswith("is not YAML")


def test_text_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "callbridge.yml"
    path.write_bytes("company:\n  name: Ромашка\n".encode("cp1251"))
    (fault,) = check(path, {})
    assert (fault.line, fault.column, fault.message) == (2, 9, "is not UTF-8 here: save it as UTF-8")


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "callbridge.yml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert check(path, {}) == []


def test_a_huge_file_is_not_even_parsed(write: Write) -> None:
    assert messages(write("#" * (MOST_BYTES + 1))) == ["is larger than 1 MiB: no file of settings is"]


def test_a_bomb_of_aliases(write: Write) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    found = messages(write("\n".join(lines)))
    assert found.count("aliases expand to more than 100000 values: write them out") == 1


def test_a_bomb_of_merges(write: Write) -> None:
    lines = ["a0: &a0 {}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 20)]
    assert check(write("\n".join(lines)), {})  # it comes back, and does not accept it


def test_an_alias_of_itself(write: Write) -> None:
    assert any("nested deeper than 32" in message for message in messages(write("company: &c {name: *c}\n")))


def test_deep_nesting(write: Write) -> None:
    assert any("nested" in message for message in messages(write("company: " + "[" * 20_000 + "\n")))


def test_a_tag_constructs_nothing(write: Write) -> None:
    (fault, *_) = check(write("company: !!python/object/apply:os.system [touch /tmp/owned]\n"), {})
    assert "tags are not used here" in fault.message
    assert fault.path == "company"


def test_two_documents(write: Write) -> None:
    (message,) = messages(write(SMALL + "---\n" + SMALL))
    assert message.startswith("is not YAML")


def test_a_mapping_as_a_key(write: Write) -> None:
    assert "has a list or mapping as a key: keys are plain words" in messages(write(SMALL + "? [a]\n: b\n"))


def test_anchors_and_merge_keys_save_writing(write: Write) -> None:
    text = SMALL.replace("title: Support", "<<: *usual, title: Support, ring_seconds: 9")
    settings = load(write("x-usual: &usual {ring_seconds: 7, wrap_up_seconds: 3}\n" + text), {})
    assert (settings.queues["support"].ring_seconds, settings.queues["support"].wrap_up_seconds) == (9, 3)


def test_a_hostile_key_is_shown_harmlessly(write: Write) -> None:
    (fault,) = check(write(SMALL + '"a\\e[31m\\n": 1\n'), {})
    assert "\x1b" not in str(fault)
    assert "\n" not in str(fault)


def test_a_very_long_number(write: Write) -> None:
    (fault, *_) = check(write(SMALL.replace("name: Daisy Ltd", "name: " + "9" * 5000)), {})
    assert fault.message == "is a very long number: if it is a text, put it in quotes"
