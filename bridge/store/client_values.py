"""What a client may be: the bounds of his texts, numbers and fields, and the rows that they become."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypedDict

from bridge.errors import N_, BadInput
from bridge.store.client_emails import MOST_EMAILS, email_entries
from bridge.store.client_tags import tags_of
from bridge.store.rows import NumberRow

MAX_NAME = 300
MAX_NOTES = 20_000
MAX_FIELDS = 200_000  # characters of all of a client's own fields together
MAX_NUMBERS = 50
_MAX_WORDS = 40
_LONGEST = {"company": MAX_NAME, "language": 35, "tier": 100, "notes": MAX_NOTES}
_LONGEST_WRITING = 100  # of one number
_NO_DIGIT = re.compile("[^0-9]+")
_E164 = re.compile(r"\+[0-9]{3,15}")


class ClientFields(TypedDict, total=False):
    name: str
    company: str
    language: str
    tier: str
    notes: str
    fields: Mapping[str, str]
    numbers: Sequence[NumberRow]
    emails: Sequence[str]
    tags: Sequence[str]


@dataclass(frozen=True, slots=True)
class NewClient:
    name: str
    company: str = ""
    language: str = ""
    tier: str = ""
    notes: str = ""
    numbers: tuple[NumberRow, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    emails: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


class _WithoutMarks(dict[int, int | None]):
    """For ``str.translate``: combining marks go. A character is looked up once, then it is known."""

    def __missing__(self, code: int) -> int | None:
        if len(self) > 5000:
            self.clear()
        self[code] = kept = None if unicodedata.combining(chr(code)) else code
        return kept


_WITHOUT_MARKS = _WithoutMarks()


def words_of(text: str) -> set[str]:
    """The words people search by: folded, so that neither case nor ё/е nor accents decide."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_WITHOUT_MARKS)
    return {word[:60] for word in re.findall(r"[^\W_]+", plain)[:_MAX_WORDS]}


def digits_of(text: str) -> str:
    if text.isascii():
        return _NO_DIGIT.sub("", text)
    return "".join(str(unicodedata.decimal(mark)) for mark in text if mark.isdecimal())


def columns_of(client: NewClient) -> dict[str, Any]:
    """What stands in the client's own row."""
    return {
        "name": client.name,
        "company": client.company,
        "language": client.language,
        "tier": client.tier,
        "notes": client.notes,
        "fields": client.fields,
    }


def texts_of(given: Mapping[str, Any]) -> dict[str, str]:
    """Of what is given, the columns of the client's own row, as they are kept. Raises BadInput."""
    values = {name: _bounded(name, given[name], most) for name, most in _LONGEST.items() if name in given}
    if "name" in given:
        values["name"] = _name(given["name"])
    if "fields" in given:
        values["fields"] = _fields(given["fields"])
    return values


def number_entries(client: int, numbers: Sequence[NumberRow]) -> list[dict[str, Any]]:
    """Their rows, each number once."""
    by_e164 = {number.e164: number for number in reversed(numbers)}  # of equal ones the first stays
    if len(by_e164) > MAX_NUMBERS:
        words = N_("client numbers: %(count)s; at most %(most)s are kept")
        raise BadInput(words, count=len(by_e164), most=MAX_NUMBERS)
    for number in by_e164.values():
        if not _E164.fullmatch(number.e164):
            raise BadInput(f"client number {number.e164[:40]!r}: it must be in the form +79161234567")
    return [
        {
            "client_id": client,
            "e164": number.e164,
            "as_dialled": _bounded("number", number.as_dialled, _LONGEST_WRITING),
            "digits": digits_of(number.as_dialled),
            "label": _bounded("number's label", number.label, 100),
        }
        for number in reversed(by_e164.values())
    ]


def demand_fit(client: NewClient) -> None:
    """Raises BadInput for what could not be kept, of a client whose texts and addresses are in bounds."""
    if len(client.numbers) > MAX_NUMBERS or any(
        len(one.as_dialled) > _LONGEST_WRITING for one in client.numbers
    ):
        number_entries(0, client.numbers)
    if len(client.emails) > MOST_EMAILS:
        email_entries(0, client.emails)
    tags_of(client.tags)
    _fields(client.fields)


def _bounded(field: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise BadInput(
            N_("client %(field)s: %(length)s characters; at most %(most)s are kept"),
            field=field,
            length=len(text),
            most=longest,
        )
    return text.strip()


def _fields(fields: Mapping[str, str]) -> str:
    """What their values may be is for ``crm`` to say: here they are only bounded."""
    if not fields:
        return "{}"
    text = json.dumps(dict(fields), ensure_ascii=False, sort_keys=True)
    if len(text) > MAX_FIELDS:
        raise BadInput(
            N_("client fields: %(length)s characters; at most %(most)s are kept"),
            length=len(text),
            most=MAX_FIELDS,
        )
    return text


def _name(name: str) -> str:
    name = " ".join(_bounded("name", name, MAX_NAME).split())
    if not name:
        raise BadInput(N_("client name: it must not be empty"))
    return name
