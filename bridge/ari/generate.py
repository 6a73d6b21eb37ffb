"""Writes ``models.py`` from Asterisk's own description of ARI: types and the table of operations.

Owns the text of models.py; names and types are taken over, descriptions are not.

    python -m bridge.ari.generate /usr/share/asterisk/rest-api --asterisk 22.10.1
    python -m bridge.ari.generate http://USER:PASSWORD@HOST:8088/ari
    python -m bridge.ari.generate SOURCE --check      # exit code 1 when models.py is not current
"""

import argparse
import asyncio
import keyword
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bridge.ari.description import Description, Model, Property, from_asterisk, from_directory
from bridge.errors import BadInput

TARGET = Path(__file__).with_name("models.py")

_SIMPLE = {
    "string": "str",
    "int": "int",
    "long": "int",
    "double": "float",
    "boolean": "bool",
    "Date": "Date",
    "object": "dict[str, Any]",
    "containers": "dict[str, Any]",
}
_LIST = re.compile(r"List\[(\w+)\]")
_VERSION_LINE = re.compile(r"^    From Asterisk .*$", re.MULTILINE)

_HEADER = '''"""ARI's models, events and operations as Asterisk describes them. GENERATED: do not edit.

    From Asterisk {version}.
    Regenerate: python -m bridge.ari.generate http://USER:PASSWORD@HOST:8088/ari

Owns names and types only. Fields that Asterisk may leave out are None; unknown fields are ignored.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

import msgspec

# ISO 8601, the offset without a colon (2026-11-23T10:00:00.000+0000): kept as sent.
Date = str


class Operation(NamedTuple):
    """One request that ARI knows. The tuples hold names of parameters, ``errors`` the documented statuses."""

    method: str
    path: str
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    body: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()
'''


def render(description: Description) -> str:
    """The whole text of models.py. The same description gives the same text."""
    models = {model.name: model for model in description.models}
    parent = {sub: model.name for model in description.models for sub in model.sub_types}
    parts = [_HEADER.format(version=description.version or "(the source does not say its version)")]
    for model in sorted(description.models, key=lambda model: (-_weight(model, models), model.name)):
        parts.append(_class(model, parent.get(model.name), models))
    parts.append(_union(description, parent))
    parts.append(_operations(description))
    return "\n\n".join(parts)


def _weight(model: Model, models: dict[str, Model]) -> int:
    """Classes with subclasses come first, the one on top before all."""
    return sum(1 + (_weight(models[sub], models) if sub in models else 0) for sub in model.sub_types)


def _class(model: Model, parent: str | None, models: dict[str, Model]) -> str:
    # Neither option is inherited: msgspec looks at each class's own fields, mypy at its own header.
    options = ", frozen=True, kw_only=True"
    if model.discriminator is not None:
        options += f', tag_field="{model.discriminator}", tag=True'
    lines = [f"class {_identifier(model.name)}({parent or 'msgspec.Struct'}{options}):"]
    lines += [
        f"    {_field(one, models)}" for one in model.properties if one.name != model.discriminator
    ] or ["    pass"]
    return "\n".join(lines) + "\n"


def _field(one: Property, models: dict[str, Model]) -> str:
    name = _identifier(one.name)
    annotation = _type(one.type, models, one.name)
    renamed = f'name="{one.name}"' if name != one.name else ""
    if one.required:
        return f"{name}: {annotation}" + (f" = msgspec.field({renamed})" if renamed else "")
    default = f"msgspec.field(default=None, {renamed})" if renamed else "None"
    return f"{name}: {annotation} | None = {default}"


def _type(described: str, models: dict[str, Model], where: str) -> str:
    inner = _LIST.fullmatch(described)
    if inner is not None:
        return f"list[{_type(inner[1], models, where)}]"
    if described in _SIMPLE:
        return _SIMPLE[described]
    if described in models:
        return described
    raise BadInput(f"{where}: type {described!r} is not known; teach it to bridge/ari/generate.py")


def _identifier(name: str) -> str:
    if not name.isidentifier():
        raise BadInput(f"{name!r} cannot be a name in Python; teach it to bridge/ari/generate.py")
    return f"{name}_" if keyword.iskeyword(name) else name


def _union(description: Description, parent: dict[str, str]) -> str:
    leaves = sorted(
        model.name for model in description.models if model.name in parent and not model.sub_types
    )
    if not leaves:
        raise BadInput("events.json: no events in it; give Asterisk's own description of ARI")
    body = "\n    | ".join(leaves)
    return (
        f"AnyEvent = (\n    {body}\n)\n\n"
        "EVENT_TYPES: frozenset[str] = frozenset(one.__name__ for one in get_args(AnyEvent))\n"
    )


def _operations(description: Description) -> str:
    def arguments() -> Iterator[str]:
        for one in description.operations:
            fields = [f'"{one.method}"', f'"{one.path}"']
            for name in ("required", "optional", "body", "errors"):
                value = getattr(one, name)
                if value:
                    items = ", ".join(f'"{item}"' if isinstance(item, str) else str(item) for item in value)
                    fields.append(f"{name}=({items}{',' if len(value) == 1 else ''})")
            yield f'    "{one.key}": Operation({", ".join(fields)}),\n'

    return "OPERATIONS: dict[str, Operation] = {\n" + "".join(arguments()) + "}\n"


def is_current(text: str, target: Path = TARGET) -> bool:
    """Does ``target`` hold this text? Only the version named in its header may differ."""
    if not target.exists():
        return False
    present = target.read_text(encoding="utf-8")
    return _VERSION_LINE.sub("", present) == _VERSION_LINE.sub("", text)


def _read(source: str, version: str) -> Description:
    if source.startswith(("http://", "https://")):
        return asyncio.run(from_asterisk(source))
    read = from_directory(Path(source))
    return Description(version, read.models, read.operations)


def main(arguments: Sequence[str] | None = None, target: Path = TARGET) -> int:
    parser = argparse.ArgumentParser("python -m bridge.ari.generate", description=f"Write {target.name}.")
    parser.add_argument("source", help="a directory of rest-api JSON, or ARI's address with credentials")
    parser.add_argument("--asterisk", default="", metavar="VERSION", help="what a directory belongs to")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when not current")
    given = parser.parse_args(arguments)
    try:
        text = render(_read(given.source, given.asterisk))
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if given.check:
        if is_current(text, target):
            return 0
        sys.stderr.write(f"{target} is not current: run this again without --check\n")
        return 1
    target.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
