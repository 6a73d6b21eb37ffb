"""Reads the YAML file into plain values and remembers where each of them stands. Judges no content.

The file is hostile until proven otherwise: its size, its depth and what its aliases expand to are bounded,
tags are refused, and every key is kept as it is written, so that ``+74950000001`` or ``0101`` without
quotes loses nothing.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bridge.config.faults import Fault, Step, shown

MOST_BYTES = 1024 * 1024
MOST_VALUES = 100_000
MOST_DEPTH = 32

_TAG = "tag:yaml.org,2002:"
_PLAIN_KINDS = ("str", "int", "float", "bool", "null", "map", "seq", "merge", "timestamp", "value")
_PLAIN_TAGS = frozenset(_TAG + kind for kind in _PLAIN_KINDS)


class WrittenInt(int):
    """A number that remembers how it was written: ``0101`` is 65, 101 or “0101”, only its reader knows."""

    text: str

    def __new__(cls, value: int, text: str) -> "WrittenInt":
        self = super().__new__(cls, value)
        self.text = text
        return self


def text_of(value: Any) -> Any:
    """A number as it was written; everything else as it is."""
    if isinstance(value, WrittenInt):
        return value.text
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


@dataclass(frozen=True, slots=True)
class Place:
    file: str
    line: int  # from 1; 0 where lines have no meaning
    column: int


@dataclass(slots=True)
class Source:
    """The values of one file, their places by path, and what was wrong with the text itself."""

    file: str
    tree: dict[str, Any] = field(default_factory=dict)
    values: dict[tuple[Step, ...], Place] = field(default_factory=dict)
    keys: dict[tuple[Step, ...], Place] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def place_of(self, path: tuple[Step, ...], *, at_key: bool = False) -> Place:
        """Where a path stands; for one that is not there, where its nearest ancestor stands."""
        while path:
            key, value = self.keys.get(path), self.values.get(path)
            found = key if at_key or value is None else value
            if found is not None or (found := value or key) is not None:
                return found
            path, at_key = path[:-1], False
        return Place(self.file, 1, 1)

    def fault(self, path: tuple[Step, ...], message: str, *, at_key: bool = False) -> Fault:
        place = self.place_of(path, at_key=at_key)
        return Fault(place.file, place.line, place.column, shown(path), message)

    def override(self, path: tuple[str, ...], value: Any, origin: str) -> None:
        """Put a value from outside the file (an environment variable) in its place."""
        here = self.tree
        for step in path[:-1]:
            inner = here.setdefault(step, {})
            if inner is None:
                inner = here[step] = {}
            if not isinstance(inner, dict):
                return  # the file is at fault here, and that is reported of the file
            here = inner
        here[path[-1]] = value
        self.values[path] = self.keys[path] = Place(origin, 0, 0)


def read(path: Path) -> Source:
    """Read the file. What is wrong with it as text is in the source's ``faults``."""
    source = Source(file=str(path))
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        source.faults.append(Fault(source.file, 1, 1, "", f"cannot be read: {error.strerror or error}"))
        return source
    if len(raw) > MOST_BYTES:
        source.faults.append(Fault(source.file, 1, 1, "", "is larger than 1 MiB: no file of settings is"))
        return source
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        source.faults.append(Fault(source.file, line, column, "", "is not UTF-8 here: save it as UTF-8"))
        return source
    node = _compose(text, source)
    if node is None:
        if not source.faults:
            source.faults.append(Fault(source.file, 1, 1, "", "is empty: begin with “company:”"))
    elif not isinstance(node, MappingNode):
        line = node.start_mark.line + 1
        source.faults.append(
            Fault(source.file, line, 1, "", "must be keys and values: begin with “company:”")
        )
    else:
        tree = _Walk(source).value_of(node, (), 0)
        # Like Compose: keys that begin with x- hold anchors for the engineer's own use.
        source.tree = {key: value for key, value in tree.items() if not key.startswith("x-")}
    return source


def _compose(text: str, source: Source) -> Node | None:
    try:
        node: Node | None = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        problem = " ".join(str(part) for part in (error.context, error.problem) if part)
        source.faults.append(Fault(source.file, line, column, "", f"is not YAML: {problem}"))
        return None
    except YAMLError as error:  # a character that YAML does not allow comes without a mark
        problem = " ".join(str(error).split())
        source.faults.append(Fault(source.file, 1, 1, "", f"is not YAML: {problem}"))
        return None
    except (RecursionError, ValueError) as error:
        problem = "is nested too deeply" if isinstance(error, RecursionError) else f"is not YAML: {error}"
        source.faults.append(Fault(source.file, 1, 1, "", problem))
        return None
    return node


def _is_merge(pair: tuple[Node, Node]) -> bool:
    return str(pair[0].tag) == _TAG + "merge"


class _Walk:
    """One walk over the composed nodes: builds values, notes places, counts what aliases expand to."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._values = 0

    def value_of(self, node: Node, path: tuple[Step, ...], depth: int) -> Any:
        self._values += 1
        if self._values > MOST_VALUES:
            if self._values == MOST_VALUES + 1:
                self._complain(node, (), f"aliases expand to more than {MOST_VALUES} values: write them out")
            return None
        if depth > MOST_DEPTH:
            self._complain(node, path, f"is nested deeper than {MOST_DEPTH} levels")
            return None
        mark = node.start_mark
        self._source.values[path] = Place(self._source.file, mark.line + 1, mark.column + 1)
        if str(node.tag) not in _PLAIN_TAGS:
            self._complain(node, path, f"has the tag {node.tag}: tags are not used here, remove it")
            return None
        match node:
            case MappingNode():
                # A mapping is best pointed at by its key: its own first character is its first key's.
                self._source.values[path] = self._source.keys.get(path, self._source.values[path])
                return self._mapping(node, path, depth)
            case SequenceNode():
                self._source.values[path] = self._source.keys.get(path, self._source.values[path])
                return [
                    self.value_of(item, (*path, index), depth + 1) for index, item in enumerate(node.value)
                ]
            case ScalarNode():
                if not node.value and node.style is None and path in self._source.keys:
                    # What is not there begins where the next thing does: point at its key.
                    self._source.values[path] = self._source.keys[path]
                return self._scalar(node, path)
            case _:
                self._complain(node, path, "is neither a value, a list nor a mapping")
                return None

    def _mapping(self, node: MappingNode, path: tuple[Step, ...], depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        first_line: dict[str, int] = {}
        # Merged keys first, so that the places of the mapping's own keys stay.
        for _, value_node in filter(_is_merge, node.value):
            for given in self._merged(value_node, path, depth):
                merged = {**given, **merged}
        for key_node, value_node in node.value:
            if _is_merge((key_node, value_node)):
                continue
            mark = key_node.start_mark
            place = Place(self._source.file, mark.line + 1, mark.column + 1)
            if not isinstance(key_node, ScalarNode):
                self._complain(key_node, path, "has a list or mapping as a key: keys are plain words")
                continue
            key = str(key_node.value)
            here = (*path, key)
            if key in own:
                self._complain(
                    key_node, here, f"is given twice (first in line {first_line[key]}): keep one of them"
                )
                continue
            first_line[key] = place.line
            self._source.keys[here] = place
            own[key] = self.value_of(value_node, here, depth + 1)
        return {**merged, **own}

    def _merged(self, node: Node, path: tuple[Step, ...], depth: int) -> Iterator[Mapping[str, Any]]:
        """``<<: *defaults``: the anchor's keys, where the mapping has none of its own."""
        for part in node.value if isinstance(node, SequenceNode) else [node]:
            self._values += 1  # an alias of an empty mapping costs too
            if self._values > MOST_VALUES:
                return
            if isinstance(part, MappingNode) and depth < MOST_DEPTH:
                yield self._mapping(part, path, depth + 1)
            else:
                self._complain(part, path, "“<<” takes a mapping by its anchor: <<: *defaults")

    def _scalar(self, node: ScalarNode, path: tuple[Step, ...]) -> Any:
        text = str(node.value)
        match str(node.tag).removeprefix(_TAG):
            case "null":
                return None
            case "bool":
                return text.lower() in {"true", "yes", "on", "y"}  # the latter three after %YAML 1.1 only
            case "int":
                return self._integer(node, path, text)
            case "float":
                try:
                    number = float(text.replace("_", ""))
                except ValueError:
                    return text
                return number if math.isfinite(number) else text
            case _:
                return text

    def _integer(self, node: ScalarNode, path: tuple[Step, ...], text: str) -> Any:
        if len(text) > 40:
            self._complain(node, path, "is a very long number: if it is a text, put it in quotes")
            return None
        digits = text.replace("_", "").lower()
        base = next((base for mark, base in (("0x", 16), ("0o", 8), ("0b", 2)) if mark in digits), 10)
        try:
            return WrittenInt(int(digits, base), text)
        except ValueError:
            return text

    def _complain(self, node: Node, path: tuple[Step, ...], message: str) -> None:
        mark = node.start_mark
        self._source.faults.append(
            Fault(self._source.file, mark.line + 1, mark.column + 1, shown(path), message)
        )
