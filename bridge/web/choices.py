"""Owns what people may choose from by the plan: pause reasons and dispositions, for pages and API alike."""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.centre.plan import Plan
from bridge.web import labels


@dataclass(frozen=True, slots=True)
class Choice:
    """``digit`` is the one that is dialled for it on a phone, "" for none; it is its key on a page too."""

    value: str
    digit: str = ""


def pause_reasons(plan: Plan) -> tuple[Choice, ...]:
    """The plan's; where it has none, the common ones."""
    return _choices(plan.pause_reasons) or tuple(Choice(value) for value in labels.PAUSE_REASONS)


def dispositions(plan: Plan) -> tuple[Choice, ...]:
    return _choices(plan.dispositions)


def values(choices: tuple[Choice, ...]) -> tuple[str, ...]:
    return tuple(choice.value for choice in choices)


def _choices(by_digit: Mapping[str, str]) -> tuple[Choice, ...]:
    """A word that has several digits is one choice."""
    found: dict[str, Choice] = {}
    for digit, value in by_digit.items():
        found.setdefault(value, Choice(value, digit))
    return tuple(found.values())
