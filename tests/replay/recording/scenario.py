"""The table of scenarios: each is a small function in ``tests/replay/scenarios``, named as its trace is."""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.replay.recording.lab import Lab

_TOPICS = "tests.replay.scenarios"


@dataclass(frozen=True, slots=True)
class Scenario:
    """``in_the_middle``: nobody listens until the script says ``lab.listen()``."""

    name: str
    play: "Callable[[Lab], None]"
    in_the_middle: bool

    @property
    def about(self) -> str:
        return (self.play.__doc__ or "").partition("\n")[0]


SCENARIOS: dict[str, Scenario] = {}


def scenario(
    topic: str, *, in_the_middle: bool = False
) -> "Callable[[Callable[[Lab], None]], Callable[[Lab], None]]":
    """``@scenario("transfer")`` puts the function below it into the table as transfer/ITS_NAME."""

    def put(play: "Callable[[Lab], None]") -> "Callable[[Lab], None]":
        name = f"{topic}/{play.__name__}"
        if name in SCENARIOS:
            raise ValueError(f"{name} is there twice")
        SCENARIOS[name] = Scenario(name, play, in_the_middle)
        return play

    return put


def all_scenarios() -> dict[str, Scenario]:
    folder = importlib.import_module(_TOPICS)
    for module in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{_TOPICS}.{module.name}")
    return dict(sorted(SCENARIOS.items()))


def chosen(names: list[str], known: dict[str, Scenario]) -> list[Scenario]:
    """By full name, or all of a topic. Raises KeyError with the word that fits nothing."""
    found: dict[str, Scenario] = {} if names else dict(known)
    for name in names:
        fits = {full: one for full, one in known.items() if name.strip("/") in (full, full.partition("/")[0])}
        if not fits:
            raise KeyError(name)
        found |= fits
    return list(found.values())
