"""The order in which a queue's free members are offered a caller. Penalties come first, always."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bridge.centre.plan import Strategy


@dataclass(slots=True)
class Standing:
    """What strategies know of a member; ``position`` is his place in the engineer's list."""

    position: int
    penalty: int
    idle_since: datetime
    calls: int = 0
    round: int = 0  # rrmemory: how often it was his turn


ORDER: Mapping[Strategy, Callable[[Standing], tuple[object, ...]]] = {
    Strategy.LEASTRECENT: lambda s: (s.penalty, s.idle_since, s.position),
    Strategy.LINEAR: lambda s: (s.penalty, s.position),
    Strategy.FEWESTCALLS: lambda s: (s.penalty, s.calls, s.position),
    Strategy.RRMEMORY: lambda s: (s.penalty, s.round, s.position),
}
