"""Owns reading what people send: form fields and query parameters, checked and named when wrong."""

import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from aiohttp import web

from bridge.web.bodies import read_form
from bridge.web.labels import N_
from bridge.web.problems import bad_field

_JOINERS = "\u200c\u200d"
_MULTILINE = "\n\t"


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one form or query."""

    values: Mapping[str, str]

    def text(self, name: str, *, longest: int = 200, required: bool = False, multiline: bool = False) -> str:
        value = clean(self.values.get(name, ""), multiline=multiline)
        if required and not value:
            raise bad_field(name, N_("fill this in."))
        if len(value) > longest:
            raise bad_field(
                name,
                N_("at most %(longest)s characters; there are %(length)s."),
                longest=str(longest),
                length=str(len(value)),
            )
        return value

    def choice(self, name: str, allowed: Collection[str], *, optional: bool = False) -> str:
        value = self.values.get(name, "").strip()
        if value in allowed or (optional and not value):
            return value
        raise bad_field(name, N_("choose one of: %(allowed)s."), allowed=", ".join(allowed))

    def number(self, name: str) -> int:
        value = self.values.get(name, "").strip()
        if not value.isascii() or not value.isdigit() or len(value) > 18:
            raise bad_field(name, N_("give a whole number."))
        return int(value)

    def optional_number(self, name: str) -> int | None:
        return self.number(name) if self.values.get(name, "").strip() else None


async def form_of(request: web.Request) -> Fields:
    return Fields(await read_form(request))


def query_of(request: web.Request) -> Fields:
    return Fields(dict(request.query))


def words_of(request: web.Request, name: str, *, longest: int = 500) -> tuple[str, ...]:
    """A query parameter that may come several times: each word once, and none that is empty."""
    found = [Fields({name: value}).text(name, longest=longest) for value in request.query.getall(name, [])]
    return tuple(dict.fromkeys(one for one in found if one))


def path_number(request: web.Request, name: str = "id") -> int | None:
    """An id in the path; None when it is no number that a database could hold."""
    value = request.match_info[name]
    if not value.isascii() or not value.isdigit() or len(value) > 18:
        return None
    return int(value)


def clean(value: str, *, multiline: bool = False) -> str:
    """Without control characters: they have no business in a name and break what prints them later.

    Joiners are letters' own: without them a family of emoji falls apart, and so do words of some scripts.
    """
    value = value.replace("\r\n", "\n")
    kept = (
        char
        for char in value
        if (multiline and char in _MULTILINE)
        or char in _JOINERS
        or unicodedata.category(char) not in {"Cc", "Cs", "Cf"}
    )
    text = "".join(kept).strip()
    return text if text.strip(_JOINERS) else ""
