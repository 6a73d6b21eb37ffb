"""What was written of a client's numbers stays, whatever a form or a file brings later."""

import pytest

from bridge.crm.client_numbers import edited, lines_of, merged, row_of
from bridge.errors import BadNumber
from bridge.store.rows import NumberRow

NUMBER = "+74951234567"
WITH_12 = NumberRow(NUMBER, "8 (495) 123-45-67 доб. 12", "office")


def test_a_number_is_kept_as_it_was_written() -> None:
    assert row_of("8 (495) 123-45-67 доб. 12", "RU", "office") == WITH_12
    with pytest.raises(BadNumber):
        row_of("112", "RU")


def test_one_number_with_several_extensions_is_one_row_that_has_them_all() -> None:
    rows = [WITH_12, NumberRow(NUMBER, "84951234567,34"), NumberRow("+79161234567", "89161234567")]
    both, other = merged(rows, "RU")
    assert both == NumberRow(NUMBER, "8 (495) 123-45-67 доб. 12 | 84951234567,34", "office")
    assert other.as_dialled == "89161234567"
    assert lines_of([both], "RU") == [f"{NUMBER} ext. 12", f"{NUMBER} ext. 34"]
    assert merged([*rows, WITH_12, both], "RU") == [both, other]


def test_of_one_number_written_twice_the_first_writing_stays() -> None:
    assert merged([NumberRow(NUMBER, NUMBER), NumberRow(NUMBER, "84951234567")], "RU") == [
        NumberRow(NUMBER, NUMBER)
    ]


def test_a_form_that_is_saved_as_it_was_changes_nothing() -> None:
    rows = merged([WITH_12, NumberRow(NUMBER, "84951234567#34"), NumberRow("+79161234567", "8916")], "RU")
    assert edited(lines_of(rows, "RU"), rows, "RU") == rows


def test_a_form_changes_an_extension_and_takes_one_away() -> None:
    (changed,) = edited([f"{NUMBER} ext. 15", " "], [WITH_12], "RU")
    assert changed == NumberRow(NUMBER, f"{NUMBER} ext. 15", "office")
    rows = merged([WITH_12, NumberRow(NUMBER, "84951234567#34")], "RU")
    (left,) = edited([f"{NUMBER} ext. 34"], rows, "RU")
    assert left.as_dialled == "84951234567#34"
    assert edited([NUMBER], [], "RU") == [NumberRow(NUMBER, NUMBER)]
    assert edited([], rows, "RU") == []
