"""Cells of a CSV file of clients that have a language of their own: tags, and fields of the company's own.

A field has the column ``field_KEY``. What is written is what is stored, so that what went out can come in.
"""

from collections.abc import Iterable

from bridge.config.custom_fields import FieldSettings, FieldType

COLUMN = "field_"


def field_cell(field: FieldSettings, value: str) -> str:
    """As it is kept; the options of a multi_select with ``|`` between them, unless one has it in its name."""
    if field.type is not FieldType.MULTI_SELECT or any("|" in key for key in field.options or ()):
        return value
    return value.replace("\n", "|")


def field_value(field: FieldSettings, cell: str) -> str | list[str]:
    """What a cell says, raw: it is judged as what comes from a form is."""
    if field.type is not FieldType.MULTI_SELECT:
        return cell
    if "\n" in cell or cell in (field.options or ()):
        return [part.strip() for part in cell.splitlines()]
    return [part.strip() for part in cell.split("|")]


def tags_cell(tags: Iterable[str]) -> str:
    return ", ".join(tags)  # no tag has a comma in it


def tags_in(cell: str) -> list[str]:
    return [tag for tag in (part.strip() for part in cell.split(",")) if tag]
