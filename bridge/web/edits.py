"""Owns forms that several people may have open at once: what somebody changed, and where he meets another.

A form carries what it was drawn with, each field by a mark. Only a field that its owner changed is saved, so
that news of a call, or somebody's other field, stay as they came; one that both changed is asked about.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.web.forms import Fields, clean

_LONGEST = 200


def mark(value: object) -> str:
    """What stands in the form for a value that it was drawn with: itself, or a digest of a long one."""
    text = clean("" if value is None else str(value), multiline=True)
    if len(text) <= _LONGEST and "\n" not in text:
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"


def marks(kept: Mapping[str, object]) -> dict[str, str]:
    """For a form that shows these fields: the values of its hidden ``shown_…``."""
    return {name: mark(value) for name, value in kept.items()}


@dataclass(frozen=True, slots=True)
class Edit:
    """A field that was changed here. ``met`` says that it was changed elsewhere too, to something else."""

    name: str
    given: str
    kept: str
    met: bool


def edits(form: Fields, given: Mapping[str, object], kept: Mapping[str, object]) -> Sequence[Edit]:
    """The fields that the form's owner changed. One without its mark is his: an older page was open."""
    found = []
    for name, value in given.items():
        mine, theirs = mark(value), mark(kept[name])
        shown = form.values.get(f"shown_{name}", theirs)
        if mine in (shown, theirs):
            continue  # he left it as it was shown, or it is so already
        found.append(Edit(name, _text(value), _text(kept[name]), met=shown != theirs))
    return found


def _text(value: object) -> str:
    return "" if value is None else str(value)
