"""What was told of calls before this process, or this login, began: so that their ends are told as well."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.centre.ids import AgentId, CallId


@dataclass(frozen=True, slots=True)
class Remembered:
    """``presented`` and ``outside``: calls whose OutsideEnded is still to come.

    ``taken``: whose phones are taken, by which channels.
    """

    presented: frozenset[CallId] = frozenset()
    outside: frozenset[CallId] = frozenset()
    taken: Mapping[AgentId, frozenset[CallId]] = field(default_factory=dict)
