"""The classes of one department's tickets: a tree, each class told by its path, ``hardware/printer``.

A class that the file lost is good on the tickets that have it, until somebody gives them another one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridge.config.custom_fields import Required
from bridge.config.departments import ClassSettings, DepartmentSettings
from bridge.config.fields import LabelSettings
from bridge.errors import N_, BadInput

_BETWEEN = " › "


@dataclass(frozen=True, slots=True)
class Node:
    path: str
    titles: tuple[LabelSettings, ...]  # from the top down, its own last
    usable: bool  # a ticket may have it

    @property
    def depth(self) -> int:
        return len(self.titles)


class Classes:
    def __init__(self, department: DepartmentSettings) -> None:
        nodes = _nodes(department.classification, "", (), department.classify_leaves_only)
        self._nodes = {node.path: node for node in nodes}
        self._required = department.classification_required

    def all(self) -> tuple[Node, ...]:
        """In the file's order, each class before those below it."""
        return tuple(self._nodes.values())

    def title(self, path: str, language: str) -> str:
        """ "Hardware › Printer"; of a former class its path."""
        node = self._nodes.get(path)
        return path if node is None else _BETWEEN.join(title.text(language) for title in node.titles)

    def is_former(self, path: str) -> bool:
        return bool(path) and path not in self._nodes

    def checked(self, wanted: str, before: str = "") -> str:
        """The class that the ticket gets; "" takes it away. Raises BadInput."""
        if wanted in ("", before):
            return wanted
        node = self._nodes.get(wanted)
        if node is None:
            some = ", ".join(node.path for node in self._nodes.values() if node.usable)
            raise BadInput(
                N_("ticket classification %(given)s: this department has no such class; there are: %(some)s")
                if some
                else N_("ticket classification %(given)s: this department has none at all; leave it empty"),
                given=repr(wanted[:80]),
                some=some[:500],
            )
        if not node.usable:
            below = next(path for path in self._nodes if path.startswith(wanted + "/"))
            raise BadInput(
                N_("ticket classification %(given)s: choose one of the classes below it, such as %(below)s"),
                given=wanted,
                below=below,
            )
        return wanted

    def missing(self, path: str, moment: Required) -> bool:
        """Whether a class must be given before the ticket can be created or closed."""
        if path or not self._nodes or self._required is Required.NO:
            return False
        return self._required is Required.CREATE or moment is Required.CLOSE


def lineage(path: str) -> tuple[str, ...]:
    """``a/b/c`` → ``a/b/c``, ``a/b``, ``a``."""
    parts = path.split("/") if path else []
    return tuple("/".join(parts[:count]) for count in range(len(parts), 0, -1))


def _nodes(
    classes: Mapping[str, ClassSettings], above: str, titles: tuple[LabelSettings, ...], leaves_only: bool
) -> Iterator[Node]:
    for name, one in classes.items():
        path, here = f"{above}{name}", (*titles, one.title)
        yield Node(path, here, usable=not (leaves_only and one.below))
        yield from _nodes(one.below, f"{path}/", here, leaves_only)
