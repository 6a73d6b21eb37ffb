"""Owns how a company's own fields are asked in a form, of tickets and of clients. Not what they may hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.config.custom_fields import FieldSettings, FieldType, Required
from bridge.web.labels import N_

_TO_CLOSE = N_("Fill this in before the ticket is closed.")
_WRONG: Mapping[FieldType, str] = {
    FieldType.TEXT: N_("At most 500 characters, in one line."),
    FieldType.LONG_TEXT: N_("At most 20,000 characters."),
    FieldType.NUMBER: N_("Give a number within the limits."),
    FieldType.DATE: N_("Give a date of the calendar."),
    FieldType.CHECKBOX: N_("Tick it, or leave it."),
    FieldType.DROPDOWN: N_("Choose one of the list."),
    FieldType.DEPENDENT_DROPDOWN: N_("Choose one of the list; what it depends on comes first."),
    FieldType.MULTI_SELECT: N_("Choose from the list."),
}


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    title: str
    chosen: bool
    usable: bool = True
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """One field of a company's own, as it is drawn."""

    name: str
    title: str
    type: str
    value: str
    options: tuple[Option, ...]
    required: str  # "no" | "create" | "close"
    leads: bool  # others depend on it: they are drawn anew when it changes
    step: str
    at_least: str
    at_most: str


def asked_fields(
    fields: Sequence[FieldSettings], values: Mapping[str, str], language: str, *, prefix: str, lost: bool
) -> tuple[Asked, ...]:
    """``prefix``: of their names in the form. ``lost``: an option that the file has lost stays to be chosen,
    of a dependent one too.
    """
    leading = {field.depends_on for field in fields}
    return tuple(
        _asked(field, values, language, prefix, leads=field.key in leading, lost=lost) for field in fields
    )


def sought_field(
    key: str, fields: Sequence[FieldSettings], value: str, language: str, *, prefix: str
) -> Asked:
    """To look for its value. ``fields``: as departments have it, or none where the file has lost it."""
    options: dict[str, str] = {}
    for field in fields:
        for some in (field.options or {}, *(field.options_by_parent or {}).values()):
            options = {option: title.text(language) for option, title in some.items()} | options
    if options and value:
        options.setdefault(value, value)
    return Asked(
        name=prefix + key,
        title=fields[0].title.text(language) if fields else key,
        type="dropdown" if options else fields[0].type.value if fields else "text",
        value=value,
        options=tuple(Option(option, title, option == value) for option, title in options.items()),
        required="no",
        leads=False,
        step="",
        at_least="",
        at_most="",
    )


def words_of_fault(fault: str, field: FieldSettings | None, to_create: str) -> str:
    """What the rules say is wrong with a field, in words of the catalogue. ``to_create``: that it lacks."""
    if fault.startswith("is required to close"):
        return _TO_CLOSE
    if fault.startswith("is required"):
        return to_create
    return fault if field is None else _WRONG[field.type]


def _asked(
    field: FieldSettings, values: Mapping[str, str], language: str, prefix: str, *, leads: bool, lost: bool
) -> Asked:
    value = values.get(field.key, "")
    several = field.type is FieldType.MULTI_SELECT
    chosen = value.split("\n") if several and value else [value] if value else []
    parent = values.get(field.depends_on, "") if field.depends_on is not None else ""
    options = {key: title.text(language) for key, title in field.options_for(parent).items()}
    if field.type in (FieldType.DROPDOWN, FieldType.MULTI_SELECT) or (lost and parent):
        options |= {key: key for key in chosen if key not in options}
    return Asked(
        name=prefix + field.key,
        title=field.title.text(language),
        type=field.type.value,
        value=value,
        options=tuple(Option(key, title, key in chosen) for key, title in options.items()),
        required=field.required.value if field.required is not Required.NO else "no",
        leads=leads,
        step=f"0.{'0' * (field.decimals - 1)}1" if field.decimals else "1",
        at_least="" if field.at_least is None else f"{field.at_least:g}",
        at_most="" if field.at_most is None else f"{field.at_most:g}",
    )
