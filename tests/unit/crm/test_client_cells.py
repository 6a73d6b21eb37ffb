"""What stands in a cell of a field or of tags comes in as it went out."""

import pytest

from bridge.config.custom_fields import FieldSettings
from bridge.crm import custom_fields
from bridge.crm.client_cells import field_cell, field_value, tags_cell, tags_in


def several(*options: str) -> FieldSettings:
    raw = {"key": "parts", "title": "Parts", "type": "multi_select", "options": list(options)}
    return FieldSettings.model_validate(raw)


@pytest.mark.parametrize(
    ("options", "stored", "cell"),
    [
        (("toner", "drum"), "toner\ndrum", "toner|drum"),
        (("toner", "drum"), "drum", "drum"),
        (("a|b", "c"), "a|b\nc", "a|b\nc"),
        (("a|b", "c"), "a|b", "a|b"),
        (("a|b", "c"), "c", "c"),
        (("toner",), "", ""),
    ],
)
def test_options_go_out_and_come_in(options: tuple[str, ...], stored: str, cell: str) -> None:
    field = several(*options)
    assert field_cell(field, stored) == cell
    given = field_value(field, cell)
    assert custom_fields.changed([field], {}, {"parts": given}) == ({"parts": stored} if stored else {})


def test_a_text_with_a_bar_is_one_text() -> None:
    field = FieldSettings.model_validate({"key": "note", "title": "Note", "type": "text"})
    assert field_value(field, field_cell(field, "a|b")) == "a|b"


def test_tags_have_commas_between_them() -> None:
    assert tags_in(tags_cell(("a|b", "vip", "долг"))) == ["a|b", "vip", "долг"]
    assert tags_in(" , vip,, ") == ["vip"]
