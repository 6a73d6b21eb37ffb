"""Where a caller stands in a menu, and what his digit, or his silence, leads to. Owns no call."""

from dataclasses import dataclass

from bridge.centre.ids import MenuName
from bridge.centre.plan import Destination, Menu


@dataclass(frozen=True, slots=True)
class MenuPosition:
    menu: MenuName
    failures: int = 0  # wrong or missing answers so far


@dataclass(frozen=True, slots=True)
class Again:
    """Say these sounds, then listen once more."""

    position: MenuPosition
    sounds: tuple[str, ...]


def on_digit(menu: Menu, position: MenuPosition, digit: str) -> Destination | Again:
    destination = menu.options.get(digit)
    if destination is not None:
        return destination
    return _failed(menu, position, (*menu.invalid, *menu.greeting))


def on_silence(menu: Menu, position: MenuPosition) -> Destination | Again:
    return _failed(menu, position, menu.greeting)


def _failed(menu: Menu, position: MenuPosition, sounds: tuple[str, ...]) -> Destination | Again:
    if position.failures >= menu.retries:
        return menu.otherwise
    return Again(MenuPosition(position.menu, position.failures + 1), sounds)
