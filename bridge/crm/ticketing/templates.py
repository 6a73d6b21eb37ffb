"""Templates of answers: plain text with variables in braces, ``{client_name}``, and nothing else.

There is no expression, no format and no attribute: a name that is not in the list is refused when the
template is saved, and no value is ever read as a template again. Values come from outside. Each is one line
in the answer, and a subject is one line whatever is in it, so that no value begins a header or a paragraph
of its own. The text is for mail in plain text; who shows it as HTML escapes it there.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from bridge.errors import N_, BadInput, Word

LONGEST_BODY = 20_000
LONGEST_SUBJECT = 200
_LONGEST_VALUE = 2_000
_MOST_SLIPS = 10

_PART = re.compile(r"\{\{|\}\}|\{([^{}\n]{0,80})\}|[{}]")


class Variable(Enum):
    """Nothing that is for colleagues only: no priority, no note, no custom field."""

    CLIENT_NAME = "client_name"
    CLIENT_NUMBER = "client_number"
    TICKET = "ticket"  # its number
    SUBJECT = "subject"
    STATUS = "status"  # in the letter's language
    SOLUTION = "solution"
    CREATED = "created"  # its day
    AGENT = "agent"  # who writes
    DEPARTMENT = "department"
    COMPANY = "company"


_NAMES = {variable.value: variable for variable in Variable}


@dataclass(frozen=True, slots=True)
class Slip:
    """A name that is none, or a brace that is left over."""

    found: str  # "“{colour}”", "{", "}"

    @property
    def is_brace(self) -> bool:
        return len(self.found) == 1

    @property
    def near(self) -> Variable | None:
        """That may be meant."""
        found = get_close_matches(self.found.strip("“{ }”").casefold(), _NAMES, 1)
        return _NAMES[found[0]] if found else None


def slips(text: str) -> tuple[Slip, ...]:
    """What keeps a text from being a template, each once; of very many the first ones."""
    found = dict.fromkeys(part for part in _parts(text) if isinstance(part, Slip))
    return tuple(found)[:_MOST_SLIPS]


def mentioned(text: str) -> frozenset[Variable]:
    """The variables in a text. Raises BadInput for a name that is none, or a brace that is left over."""
    return frozenset(part for part in _sound(text) if isinstance(part, Variable))


def checked(subject: str, body: str) -> None:
    """Whether they can be kept as a template. Raises BadInput."""
    for place, text, longest in (
        (N_("subject"), subject, LONGEST_SUBJECT),
        (N_("body"), body, LONGEST_BODY),
    ):
        if len(text) > longest:
            raise BadInput(
                N_("template %(place)s: %(length)s characters; at most %(most)s are kept"),
                place=Word(place),
                length=len(text),
                most=longest,
            )
        strange = next((one for one in text if _is_strange(one)), None)
        if strange is not None and not (place == "body" and strange == "\r"):
            raise BadInput(
                N_("template %(place)s: it holds %(character)s, which is no text; remove it"),
                place=Word(place),
                character=f"U+{ord(strange):04X}",
            )
        mentioned(text)
    if "\n" in subject:
        raise BadInput(N_("template subject: it must be one line"))
    if not body.strip():
        raise BadInput(N_("template body: it is empty; write what the client shall read"))


def filled(text: str, values: Mapping[Variable, str]) -> str:
    """The body of a letter. A variable without a value leaves nothing. Raises BadInput as ``mentioned``."""
    found = "".join(
        _one_line(values.get(part, "")) if isinstance(part, Variable) else part for part in _sound(text)
    )
    return _clean(found)


def filled_line(text: str, values: Mapping[Variable, str]) -> str:
    """A subject: one line without control characters, not longer than a subject may be."""
    return " ".join(filled(text, values).split())[:LONGEST_SUBJECT]


def _sound(text: str) -> Iterator[str | Variable]:
    """As ``_parts``. Raises BadInput at the first slip."""
    for part in _parts(text):
        if not isinstance(part, Slip):
            yield part
        elif part.is_brace:
            raise BadInput(
                N_("template: a single “%(found)s”; write “%(twice)s” for a brace"),
                found=part.found,
                twice=part.found * 2,
            )
        else:
            raise BadInput(
                N_("template: there is no variable %(found)s; there are: %(known)s"),
                found=part.found,
                known=", ".join(_NAMES),
            )


def _parts(text: str) -> Iterator[str | Variable | Slip]:
    """Plain text and variables, in their order. ``{{`` and ``}}`` are braces."""
    end = 0
    for found in _PART.finditer(text):
        yield text[end : found.start()]
        end = found.end()
        name, whole = found.group(1), found.group()
        if whole in ("{{", "}}"):
            yield whole[0]
        elif name is None:
            yield Slip(whole)
        elif name not in _NAMES:
            yield Slip(_shown(name))
        else:
            yield _NAMES[name]
    yield text[end:]


def _shown(name: str) -> str:
    return f"“{{{name}}}”" if name.isprintable() else ascii(name)


def _one_line(value: str) -> str:
    return _clean(" ".join(value[:_LONGEST_VALUE].split()))


def _clean(text: str) -> str:
    return "".join(one for one in text.replace("\r\n", "\n").replace("\r", "\n") if not _is_strange(one))


def _is_strange(character: str) -> bool:
    """Control characters, halves of pairs, and marks that turn the direction of reading."""
    if character in "\n\t":
        return False
    category = unicodedata.category(character)
    return category in {"Cc", "Cs", "Zl", "Zp"} or (
        category == "Cf" and unicodedata.bidirectional(character) in _TURNS
    )


_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
