"""Checks of a company's own fields what one of them says of another. Departments have them, and clients."""

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.config.custom_fields import FieldSettings, FieldType, Required
from bridge.config.faults import Fault
from bridge.config.pieces import Path, items, mapping, piece
from bridge.config.references import unknown
from bridge.config.source import Source, text_of


def check_client_fields(source: Source) -> Iterator[Fault]:
    path: Path = ("clients", "fields")
    written = items(mapping(source.tree, "clients"), "fields")
    yield from check_fields(source, path, written)
    for index, value in enumerate(written):
        if text_of(mapping(value).get("required")) == Required.CLOSE.value:
            yield source.fault((*path, index, "required"), "a client is never closed: write create, or no")


def check_fields(source: Source, path: Path, written: list[Any]) -> Iterator[Fault]:
    """``written``: the list of them that stands at ``path``."""
    before: dict[str, FieldSettings | None] = {}
    keys = [key if isinstance(key := text_of(mapping(one).get("key")), str) else "" for one in written]
    for index, value in enumerate(written):
        field = piece(FieldSettings, value)
        if field is not None and field.type is FieldType.DEPENDENT_DROPDOWN:
            yield from _dependence(source, (*path, index), field, before, keys)
        before[keys[index]] = field


def _dependence(
    source: Source,
    path: Path,
    field: FieldSettings,
    before: Mapping[str, FieldSettings | None],
    keys: list[str],
) -> Iterator[Fault]:
    name, here = field.depends_on or "", (*path, "depends_on")
    if name == field.key:
        yield source.fault(here, "depends on itself: name a dropdown that comes before it")
    elif name not in before:
        if name in keys:
            yield source.fault(here, f"{name} comes later: people fill it first, so move it before this one")
        yield from unknown(source, here, "field", name, keys, "fields")
    else:
        parent = before[name]
        if parent is not None:
            yield from _parents(source, path, field, parent)


def _parents(source: Source, path: Path, field: FieldSettings, parent: FieldSettings) -> Iterator[Fault]:
    if parent.type is FieldType.DROPDOWN:
        known = set(parent.options or {})
    elif parent.type is FieldType.DEPENDENT_DROPDOWN:
        known = {word for options in (parent.options_by_parent or {}).values() for word in options}
    else:
        yield source.fault(
            (*path, "depends_on"),
            f"{parent.key} is a {parent.type.value}: only a dropdown has options to depend on; name one",
        )
        return
    for word in field.options_by_parent or {}:
        where: Path = (*path, "options_by_parent", word)
        yield from unknown(
            source, where, f"option of {parent.key}", word, known, f"the options of {parent.key}", at_key=True
        )
