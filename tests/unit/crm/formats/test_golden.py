"""What goes over the wire, compared with what was agreed on: files that people read."""

import pytest

from bridge.crm.told import Told
from tests.fakes.call_stories import stories
from tests.unit.crm.formats.golden import FILES, file_of, names, rendered


@pytest.mark.parametrize(("name", "story"), list(names()))
def test_it_is_sent_as_it_was_agreed(name: str, story: str) -> None:
    assert rendered(name, story) == file_of(name, story).read_text(encoding="utf-8")


def test_no_file_is_left_over() -> None:
    assert {path for path in FILES.rglob("*") if path.is_file()} == {file_of(*pair) for pair in names()}


def test_an_event_lies_in_the_outbox_and_comes_back_as_it_was() -> None:
    for events in stories().values():
        assert [Told.from_json(told.as_json()) for told in events] == events
