"""Fields of clients in the file: the same declarations as those of tickets, and the same checks."""

import pytest

from bridge.config import check, load
from bridge.config.custom_fields import FieldType, Required
from tests.unit.config.examples import SMALL
from tests.unit.config.rendering_of import Write

FULL = """\
clients:
  fields:
    - {key: contract, title: {en: Contract, ru: Договор}, type: text, required: create}
    - {key: make, title: Make, type: dropdown, options: [HP, Canon]}
    - key: model
      title: Model
      type: dependent_dropdown
      depends_on: make
      options_by_parent: {HP: [12, 14]}
"""


def test_clients_have_fields_as_tickets_have(write: Write) -> None:
    fields = load(write(SMALL + FULL), {}).clients.fields
    assert [(field.key, field.type, field.required) for field in fields] == [
        ("contract", FieldType.TEXT, Required.CREATE),
        ("make", FieldType.DROPDOWN, Required.NO),
        ("model", FieldType.DEPENDENT_DROPDOWN, Required.NO),
    ]
    assert list(fields[2].options_for("HP")) == ["12", "14"]


def test_without_a_word_there_are_none(write: Write) -> None:
    assert load(write(SMALL), {}).clients.fields == ()


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        ("required: create", "required: close", "clients.fields[0].required", "never closed"),
        ("depends_on: make", "depends_on: mak", "clients.fields[2].depends_on", "“make”?"),
        ("{HP: [12", "{Hp: [12", "clients.fields[2].options_by_parent.Hp", "no option of make"),
        ("key: make", "key: contract", "clients.fields", "given twice"),
        ("type: text", "type: day", "clients.fields[0].type", "is none of"),
        ("  fields:", "  field:", "clients.field", "did you mean “fields”?"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    write: Write, old: str, new: str, path: str, words: str
) -> None:
    assert FULL.count(old) == 1, old
    told = [f"{fault.path}: {fault.message}" for fault in check(write(SMALL + FULL.replace(old, new)), {})]
    assert [fault for fault in told if fault.startswith(f"{path}: ") and words in fault], told
