"""What is said in numbers: positions and waits as lists of sounds, in a form that needs no grammar.

``digits/N`` are Asterisk's own sounds, in every language; the rest is ours (asterisk-config/prompts.yml).
"""

from datetime import timedelta

_LARGEST = 99
BEEP = "beep"


def number(value: int) -> tuple[str, ...]:
    """0 to 99."""
    if not 0 <= value <= _LARGEST:
        raise ValueError(f"{value} is not between 0 and {_LARGEST}")
    if value <= 20 or value % 10 == 0:
        return (f"digits/{value}",)
    return (f"digits/{value - value % 10}", f"digits/{value % 10}")


def position(value: int) -> tuple[str, ...]:
    if value <= 1:
        return ("callbridge/you-are-next",)
    if value > _LARGEST:
        return ("callbridge/position-over-99",)
    return ("callbridge/your-position", *number(value))


def expected_wait(wait: timedelta) -> tuple[str, ...]:
    """Rounded up to minutes: nobody minds to be answered sooner."""
    minutes = -(-wait // timedelta(minutes=1))
    if minutes <= 1:
        return ("callbridge/expected-wait-under-a-minute",)
    return ("callbridge/expected-wait-minutes", *number(min(minutes, _LARGEST)))
