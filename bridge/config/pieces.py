"""Looks into the tree as it was read, for the checks that go beyond one model. Judges nothing.

Those checks run beside the models, so that all faults come in one go. Hence a piece of the wrong shape is
passed over here: its own model reports it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bridge.config.faults import Step

Path = tuple[Step, ...]
Model = TypeVar("Model", bound=BaseModel)


def mapping(tree: Any, *path: str) -> Mapping[str, Any]:
    for step in path:
        tree = tree.get(step) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else {}


def items(tree: Any, key: str) -> list[Any]:
    found = tree.get(key) if isinstance(tree, Mapping) else None
    return found if isinstance(found, list) else []


def piece(model: type[Model], value: Any) -> Model | None:
    """The value as its model reads it; None when that refuses it."""
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def pieces(model: type[Model], values: list[Any]) -> list[Model]:
    """All of them, or none when one is refused: an order with a hole in it says nothing."""
    found = [part for part in (piece(model, value) for value in values) if part is not None]
    return found if len(found) == len(values) else []


def targets(tree: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every place in the file that says where a call goes, with what stands there."""
    for number, wanted in mapping(tree, "numbers").items():
        yield from _with_otherwise(("numbers", number), wanted)
    for name, menu in mapping(tree, "menus").items():
        for digit, target in mapping(menu, "options").items():
            yield from _with_otherwise(("menus", name, "options", digit), target)
        yield from _with_otherwise(("menus", name, "otherwise"), mapping(menu).get("otherwise"))
    for name, queue in mapping(tree, "queues").items():
        for way in ("on_timeout", "on_full", "on_empty"):
            yield from _with_otherwise(("queues", name, way), mapping(queue).get(way))
        for digit, target in mapping(queue, "breakout").items():
            yield from _with_otherwise(("queues", name, "breakout", digit), target)


def _with_otherwise(path: Path, target: Any) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    while isinstance(target, Mapping):
        yield path, target
        path, target = (*path, "otherwise"), target.get("otherwise")
