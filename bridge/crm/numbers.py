"""Telephone numbers as signalled or typed → E.164. No country is fixed here: the caller says the region.

``withheld`` is a value of its own: not a number that could not be read, but one that was kept back.
"""

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, ValidationResult

from bridge.errors import BadNumber

MAX_LENGTH = 128

# What networks and Asterisk put in the place of a withheld number (RFC 3323 and 3325 say "anonymous").
_WITHHELD = frozenset(
    [
        "anonymous",
        "unknown",
        "restricted",
        "private",
        "unavailable",
        "withheld",
        "anon",
        "blocked",
        "not-available",
        "id-unavailable",
        "number-unavailable",
    ]
)
_URI = re.compile(r"^(?P<scheme>sips?|tel):", re.IGNORECASE)
_NAME_ADDR = re.compile(r"<\s*((?:sips?|tel):[^>]*)>", re.IGNORECASE)
_WRITTEN = re.compile(r"^\+?[\d\s().\-/]*$")
# Dashes and spaces that people and spreadsheets write between groups.
_GROUPING = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"))


def is_withheld(raw: str | None) -> bool:
    """Was the number kept back? Empty, "anonymous", "<unknown>", sip:anonymous@anonymous.invalid, …"""
    if raw is None:
        return True
    if len(raw) > MAX_LENGTH:
        return False
    word = _user_part(raw).strip(" \t\"'<>").casefold()
    return not word or word in _WITHHELD


def to_e164(raw: str, region: str) -> str:
    """The number in E.164. ``region`` (ISO 3166: "RU") is where a national number is at home."""
    if len(raw) > MAX_LENGTH:
        raise BadNumber(f"number {raw[:24]!r}…: {len(raw)} characters is no telephone number")
    if is_withheld(raw):
        raise BadNumber("number: it is withheld")
    written = unicodedata.normalize("NFKC", _user_part(raw)).translate(_GROUPING).strip()
    digits = "".join(str(unicodedata.decimal(mark)) for mark in written if mark.isdecimal())
    if not digits or not _WRITTEN.match(written):
        raise BadNumber(f"number {raw[:40]!r}: digits, a leading + and ( ) - . / are all that may be in it")
    international = written.startswith("+")
    readings: list[tuple[str, str | None]] = [(f"+{digits}", None)] if international else [(digits, region)]
    if not international:
        if digits.startswith("00"):
            # "00" is the way abroad in most networks, also where the national plan has another (8 10 in RU).
            readings.append((f"+{digits[2:]}", None))
        # Trunks often signal the full international number without its "+".
        readings.append((f"+{digits}", None))
    possible = None
    for text, home in readings:
        number = _parse(text, home)
        if number is None:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)
        if phonenumbers.is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE:
            possible = possible or number
    # A number that fits its country's plan in length but whose range is newer than our data.
    if possible is not None:
        return phonenumbers.format_number(possible, PhoneNumberFormat.E164)
    raise BadNumber(
        f"number {raw[:40]!r}: it fits no numbering plan from {region or 'no region'}; write +79161234567"
    )


@lru_cache(4096)  # asked again with each news of a call
def pretty(e164: str) -> str:
    """The number as people read it: +7 916 123-45-67."""
    number = _parse(e164, None)
    return e164 if number is None else phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def is_region(region: str) -> bool:
    return region in phonenumbers.SUPPORTED_REGIONS


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region.upper() if region else None)
    except NumberParseException:
        return None


def _user_part(raw: str) -> str:
    """The number within a SIP or tel URI (RFC 3261 19.1.1, RFC 3966); anything else as it is."""
    address = _NAME_ADDR.search(raw)
    text = (address[1] if address else raw).strip()
    scheme = _URI.match(text)
    if scheme is None:
        return text
    text = text[scheme.end() :]
    if scheme["scheme"].lower() != "tel":
        text = (text.rpartition("@")[0] or text).partition(":")[0]
    number, *parameters = unquote(text).split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        # RFC 3966 5.1.5: a local number's context, when it is a prefix.
        if name.strip().lower() == "phone-context" and value.startswith("+") and not number.startswith("+"):
            return value.strip() + number.strip()
    return number
