"""What one order writes, so that several can share a transaction: what is done in it, and once it is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bridge.centre.facts import Fact
from bridge.store import SyncUnit

T = TypeVar("T")


def nothing(_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Write(Generic[T]):
    """``do`` as ``Store.write`` has it; ``then`` takes what it returned, and gives the fact that follows."""

    do: Callable[[SyncUnit], T]
    then: Callable[[T], Fact | None] = nothing
