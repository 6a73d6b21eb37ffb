"""Scripts in the file, and what they refer to."""

import pytest

from bridge.config import check, load
from tests.unit.config.examples import SMALL
from tests.unit.config.rendering_of import Write


def scripts(write: Write, line: str) -> list[str]:
    return [str(fault) for fault in check(write(SMALL + f"scripts:\n  - {line}\n"), {})]


def test_a_script(write: Write) -> None:
    text = (
        SMALL
        + "scripts:\n  - title: Hello\n    when: {known: false, tier: [gold, 1]}\n"
        + "    text: |\n      One\n\n      Two\n"
    )
    (script,) = load(write(text), {}).scripts
    assert script.paragraphs == ("One", "Two")
    assert (script.when.known, script.when.tier) == (False, ("gold", "1"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{title: A}", "is missing: add “text:”"),
        ('{title: A, text: " "}', "is empty"),
        ('{title: A, text: "a\\x07"}', "invisible"),
        ("{title: A, text: x, when: {queue: nowhere}}", "no queue “nowhere”"),
        ('{title: A, text: x, when: {number: ["+7999"]}}', "no number “+7999”"),
        ("{title: A, text: x, when: {language: RU}}", "language"),
        ("{title: A, text: x, when: {mood: bad}}", "is no known key"),
    ],
)
def test_what_is_wrong_is_named(write: Write, line: str, words: str) -> None:
    (fault,) = scripts(write, line)
    assert words in fault
