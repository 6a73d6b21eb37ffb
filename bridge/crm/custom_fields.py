"""Values of a company's own fields: read from what people and programs send, checked, kept as text.

Tickets and clients have them: nothing here knows whose fields they are. What is stored is one mapping,
key → text; an empty field is not in it. Texts are in a normal form:

    text, long_text     as written, without control characters; blanks of a text are joined
    number              "-12.5": no zeros that say nothing, no exponent
    date                "2026-12-31"
    checkbox            "true", or nothing
    dropdown, dependent_dropdown    the option's key
    multi_select        keys of options, one a line, in the file's order

The file may change while values are stored. A value whose field is gone is kept as it is; an option that is
gone, until somebody chooses another.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from bridge.config.custom_fields import FieldSettings, FieldType, Required
from bridge.errors import WrongFields

LONGEST = {FieldType.TEXT: 500, FieldType.LONG_TEXT: 20_000}
_LONGEST_READ = 100_000  # more is refused anyway, and not worth the work
MOST_CHOSEN = 100
MOST_VALUES = 200  # of one ticket or client, former fields with them

Stored = Mapping[str, str]
Fields = Sequence[FieldSettings]

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,9})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CHOSEN = frozenset({FieldType.DROPDOWN, FieldType.DEPENDENT_DROPDOWN, FieldType.MULTI_SELECT})
_YES = frozenset({"true", "on", "yes", "1"})
_NO = frozenset({"", "false", "off", "no", "0"})
_CHECKED = {"en": "yes", "ru": "да"}


class _Wrong(Exception):
    """Says what is wrong with one value."""


def changed(fields: Fields, stored: Stored, given: Mapping[str, object]) -> dict[str, str]:
    """All values as they are to be stored: those that are there, and over them what is given.

    ``given`` are raw values from a form, JSON or CSV: texts, numbers, booleans, lists of texts; None or ""
    empties a field. What a form sends back unchanged is never judged anew. When a dropdown changes, a field
    that depends on it and was not chosen anew is emptied, unless its value may be chosen there too. What is
    required to create is not emptied again. Raises WrongFields with all that is wrong.
    """
    wrong: dict[str, str] = {}
    result = {key: value for key, value in stored.items() if value}
    known = {field.key for field in fields}
    for key, raw in given.items():
        if key not in known:
            trouble = _of_no_field(key, raw, stored, known)
            if trouble:
                wrong[key[:60]] = trouble
    for field in fields:  # in the file's order, so that what others depend on comes first
        key, before = field.key, stored.get(field.key, "")
        parent = _parent(field, result)
        try:
            value = before
            if key in given and not _same(given[key], before):
                value = _read(field, given[key], before, parent)
            elif _parent(field, stored) != parent and before not in field.options_for(parent):
                value = ""
        except _Wrong as error:
            wrong[key] = str(error)
            continue
        if value:
            result[key] = value
        else:
            result.pop(key, None)
    for field in missing(fields, result, Required.CREATE):
        if stored.get(field.key):
            wrong.setdefault(field.key, "is required: it can be changed, not emptied")
    if not wrong and len(result) > MOST_VALUES:
        wrong["fields"] = f"more than {MOST_VALUES} values: no more are kept"
    if wrong:
        raise WrongFields(wrong)
    return result


def created(fields: Fields, given: Mapping[str, object]) -> dict[str, str]:
    """Of something new. Raises WrongFields with all that is wrong, and that it cannot be created without."""
    wrong: dict[str, str] = {}
    try:
        values = changed(fields, {}, given)
    except WrongFields as error:
        wrong = error.faults
        values = {key: str(raw) for key, raw in given.items() if raw}  # it is there, right or not
    wrong |= {field.key: _lacking(Required.CREATE) for field in missing(fields, values, Required.CREATE)}
    if wrong:
        raise WrongFields(wrong)
    return values


def missing(fields: Fields, values: Stored, moment: Required) -> tuple[FieldSettings, ...]:
    """What must be filled before it can be created or closed. To close, what was required to create is too.

    A dependent dropdown that has nothing to choose now is not asked for; nor is a field that is gone.
    """
    if moment is Required.NO:
        return ()
    asked = {Required.CREATE} if moment is Required.CREATE else {Required.CREATE, Required.CLOSE}
    return tuple(
        field
        for field in fields
        if field.required in asked and not values.get(field.key) and _can_be_filled(field, values)
    )


def demand(fields: Fields, values: Stored, moment: Required) -> None:
    """Raises WrongFields with every field that is missing for this."""
    lacking = missing(fields, values, moment)
    if lacking:
        raise WrongFields({field.key: _lacking(moment) for field in lacking})


def _lacking(moment: Required) -> str:
    return f"is required to {moment.value}: fill it"


def former(fields: Fields, values: Stored) -> dict[str, str]:
    """Values whose fields are gone, for people to read."""
    known = {field.key for field in fields}
    return {key: value for key, value in values.items() if key not in known}


def chosen(field: FieldSettings, value: str) -> tuple[str, ...]:
    """The options that are chosen, of any dropdown and of a multi_select."""
    if not value:
        return ()
    return tuple(value.split("\n")) if field.type is FieldType.MULTI_SELECT else (value,)


def sought(field: FieldSettings, text: str) -> str:
    """What people write to find a value, as that would be stored. Raises WrongFields."""
    if field.type not in (FieldType.TEXT, FieldType.NUMBER, FieldType.DATE):
        return text
    try:
        return _read(field, text, "", "")
    except _Wrong as error:
        raise WrongFields({field.key: str(error)}) from None


def shown(field: FieldSettings, value: str, values: Stored, language: str) -> str:
    """As people read it, in logs and CSV too: titles of options; those that are gone by their keys."""
    if field.type is FieldType.CHECKBOX:
        return _CHECKED.get(language, value) if value == "true" else value
    if field.type not in _CHOSEN:
        return value
    options = field.options_for(_parent(field, values))
    titles = [options[key].text(language) if key in options else key for key in chosen(field, value)]
    return ", ".join(titles)


# ── one value ────────────────────────────────────────────────────────────────


def _of_no_field(key: str, raw: object, stored: Stored, known: set[str]) -> str:
    if key in stored:
        same = _same(raw, stored[key])
        return "" if same else "is asked no more: its value stays as it is; leave it out"
    return f"there is no such field; there are: {', '.join(sorted(known)) or 'none at all'}"


def _parent(field: FieldSettings, values: Stored) -> str:
    return values.get(field.depends_on, "") if field.depends_on is not None else ""


def _can_be_filled(field: FieldSettings, values: Stored) -> bool:
    return field.type is not FieldType.DEPENDENT_DROPDOWN or bool(field.options_for(_parent(field, values)))


def _same(raw: object, before: str) -> bool:
    if isinstance(raw, list | tuple):
        return bool(before) and all(isinstance(one, str) for one in raw) and "\n".join(raw) == before
    return raw is not None and isinstance(raw, str) and raw.replace("\r\n", "\n") == before


def _read(field: FieldSettings, raw: object, before: str, parent: str) -> str:
    if raw is None:
        return ""
    match field.type:
        case FieldType.TEXT:
            return _line(field, _text(raw))
        case FieldType.LONG_TEXT:
            return _paragraphs(field, _text(raw))
        case FieldType.NUMBER:
            return _number(field, raw)
        case FieldType.DATE:
            return _date(_text(raw).strip())
        case FieldType.CHECKBOX:
            return _check(raw)
        case FieldType.DROPDOWN | FieldType.DEPENDENT_DROPDOWN:
            return _option(field, _text(raw).strip(), parent)
        case FieldType.MULTI_SELECT:
            return _several(field, raw, before)


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise _Wrong("must be a text")
    return unicodedata.normalize("NFC", raw) if len(raw) <= _LONGEST_READ else raw


def _line(field: FieldSettings, text: str) -> str:
    return _bounded(field, " ".join(text.split()))


def _paragraphs(field: FieldSettings, text: str) -> str:
    text = "\n".join(
        line.rstrip(" \t") for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    )
    return _bounded(field, text.strip("\n"))


def _bounded(field: FieldSettings, text: str) -> str:
    longest = LONGEST[field.type]
    if len(text) > longest:
        raise _Wrong(f"has {len(text)} characters: at most {longest} are kept; shorten it")
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cs"}:
            raise _Wrong(f"holds U+{ord(character):04X}, which is no text: remove it")
    return text


def _number(field: FieldSettings, raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise _Wrong("must be a number, as 12.5")
    # An int is not written out before it is known to be short; a float not with an exponent.
    written = (
        raw if isinstance(raw, str) else format(Decimal(repr(raw) if isinstance(raw, float) else raw), "f")
    )
    plain = "".join(written.split()).replace("−", "-")
    if not plain:
        return ""
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    if len(plain) > 30 or _NUMBER.fullmatch(plain) is None:
        raise _Wrong("must be a number of at most 15 digits before the point, as 12.5")
    number = Decimal(plain)
    if -int(number.normalize().as_tuple().exponent) > field.decimals:
        places = f"at most {field.decimals} places after the point" if field.decimals else "a whole number"
        raise _Wrong(f"must be {places}")
    if field.at_least is not None and number < Decimal(repr(field.at_least)):
        raise _Wrong(f"must be at least {field.at_least:g}")
    if field.at_most is not None and number > Decimal(repr(field.at_most)):
        raise _Wrong(f"must be at most {field.at_most:g}")
    text = format(number.normalize(), "f")
    return "0" if text == "-0" else text


def _date(text: str) -> str:
    if not text:
        return ""
    try:
        if _DATE.fullmatch(text) is None:
            raise ValueError
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise _Wrong("must be a date of the calendar, as 2026-12-31") from None


def _check(raw: object) -> str:
    if isinstance(raw, bool):
        return "true" if raw else ""
    word = raw.strip().lower() if isinstance(raw, str) else None
    if word in _YES:
        return "true"
    if word in _NO:
        return ""
    raise _Wrong("must be true or false")


def _option(field: FieldSettings, key: str, parent: str) -> str:
    options = field.options_for(parent)
    if not key or key in options:
        return key
    if field.type is FieldType.DEPENDENT_DROPDOWN and not options:
        raise _Wrong(f"has nothing to choose: choose {field.depends_on} first, and one that has options here")
    raise _Wrong(f"must be one of {_some(options)}")


def _several(field: FieldSettings, raw: object, before: str) -> str:
    keys = raw.replace("\r\n", "\n").split("\n") if isinstance(raw, str) else raw
    if not isinstance(keys, list | tuple) or len(keys) > MOST_CHOSEN:
        raise _Wrong(f"must be a list of at most {MOST_CHOSEN} options")
    options = field.options_for("")
    kept = [key for key in chosen(field, before) if key not in options]
    wanted = {_text(key).strip() for key in keys} - {""}
    strange = wanted - set(options) - set(kept)
    if strange:
        raise _Wrong(f"must be some of {_some(options)}")
    return "\n".join(key for key in [*options, *kept] if key in wanted)


def _some(options: Mapping[str, object]) -> str:
    some = list(options)[:20]
    return ", ".join(some) + (" …" if len(options) > len(some) else "")
