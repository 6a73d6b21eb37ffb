"""Telephone numbers as signalled or typed → what they are. No country is fixed: the caller says the region.

``read`` is the whole answer: an E.164 number with its extension, or a withheld, emergency, short or internal
one, which never becomes a false number abroad. ``to_e164`` is for who can use nothing but a number.
The numbering plans are the library's (phonenumbers); how a number may be written down is ours.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

from bridge.crm import writings
from bridge.crm.writings import Writing
from bridge.errors import N_, BadNumber

MAX_LENGTH = writings.MAX_LENGTH

# Everywhere: mobile networks put both through (3GPP TS 22.101, 10.1.1, and GSM before it).
_EMERGENCY_ANYWHERE = frozenset({"112", "911"})
# What national plans have beside the library's data: gas, coast guard, mountain rescue, traffic, police.
_EMERGENCY_TOO = {
    "AT": frozenset({"128", "140"}),
    "BY": frozenset({"104"}),
    "CH": frozenset({"1414"}),
    "CN": frozenset({"122"}),
    "ES": frozenset({"061", "062", "080", "085", "091", "092"}),
    "FR": frozenset({"114", "191", "196"}),
    "GB": frozenset({"18000"}),
    "JP": frozenset({"118"}),
    "KZ": frozenset({"104"}),
    "RU": frozenset({"104"}),
    "UA": frozenset({"104"}),
}
# The numbers of social value that the European Union harmonised (decision 2007/116/EC and its changes).
_SOCIAL = frozenset({"116000", "116006", "116111", "116117", "116123"})
_LONGEST_SHORT = 6  # digits, of short numbers and of a company's own extensions
_LONGEST_LOCAL = 8  # digits, of a number without its area code
_LONGEST_NATIONAL = 10  # digits, of a number with its area code in most plans
_SHORTEST = 7  # digits, of a number that is taken although the library does not know its range
# North America and other plans let the trunk prefix be left out, or have none: bare digits are the number.
_TRUNK_PREFIX_IS_FREE = frozenset({"1", ""})
# Mexico's mobiles had a 1 behind the country code until 2019; networks and address books still write it.
_FORMER = re.compile(r"(?P<code>52)1(?P<rest>\d{10})")
_VANITY = frozenset(
    {
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
        PhoneNumberType.PREMIUM_RATE,
    }
)


class NumberKind(Enum):
    E164 = "e164"
    WITHHELD = "withheld"  # kept back, which is not the same as unreadable
    EMERGENCY = "emergency"
    SHORT = "short"  # a service within the country: 116117, 311, 0611 …
    INTERNAL = "internal"  # an extension of a company's own: so short that no plan has it
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a writing is. ``digits`` has what is dialled for an emergency, short or internal number."""

    kind: NumberKind
    as_dialled: str
    e164: str | None = None
    extension: str = ""
    digits: str = ""
    why: str = ""  # of an unreadable one, with the remedy: a message, see ``to_e164``


_TOO_LONG = N_("number %(number)s: %(length)s characters is no telephone number")
_STRANGE = N_("number %(number)s: digits, a leading + and ( ) - . / are all that may be in it")
_NO_PLAN = N_("number %(number)s: it fits no numbering plan from %(region)s; write +79161234567")


def read(raw: str | None, region: str) -> Reading:
    """``region`` (ISO 3166: "RU") is where a national number is at home. It never raises."""
    if raw is None:
        return Reading(NumberKind.WITHHELD, "")
    if len(raw) > MAX_LENGTH:
        return Reading(NumberKind.UNREADABLE, raw, why=_TOO_LONG)
    return _read(raw, region)


@lru_cache(4_096)  # of one call it is asked some ten times
def _read(raw: str, region: str) -> Reading:
    writing = writings.taken_apart(raw)
    if writing.withheld:
        return Reading(NumberKind.WITHHELD, raw)
    if writing.urgent:
        return Reading(NumberKind.EMERGENCY, raw, digits="112")
    region = region.upper()
    return _spelt(writing, raw, region) if writing.letters else _dialled(writing, raw, region)


def is_withheld(raw: str | None) -> bool:
    """Was the number kept back? Empty, "anonymous", "<unknown>", sip:anonymous@anonymous.invalid, …"""
    return read(raw, "").kind is NumberKind.WITHHELD


def to_e164(raw: str, region: str) -> str:
    """The number in E.164, without its extension. Raises BadNumber, which says what it is instead."""
    reading = read(raw, region)
    if reading.e164 is not None:
        return reading.e164
    match reading.kind:
        case NumberKind.WITHHELD:
            raise BadNumber(N_("number: it is withheld"))
        case NumberKind.EMERGENCY:
            raise BadNumber(
                N_("number %(number)s: it is an emergency number, which belongs to nobody"),
                number=repr(raw[:40]),
            )
        case NumberKind.SHORT | NumberKind.INTERNAL:
            raise BadNumber(
                N_("number %(number)s: it is a short number or an extension; write +79161234567"),
                number=repr(raw[:40]),
            )
        case _:
            values = {"number": repr(raw[:40]), "length": len(raw), "region": region.upper() or "–"}
            raise BadNumber(reading.why, **values)


@lru_cache(4096)  # asked again with each news of a call
def pretty(e164: str) -> str:
    """The number as people read it: +7 916 123-45-67."""
    number = _parse(e164, None)
    return e164 if number is None else phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def is_region(region: str) -> bool:
    return region in phonenumbers.SUPPORTED_REGIONS


# ── what the digits are ──────────────────────────────────────────────────────


def _dialled(writing: Writing, raw: str, region: str) -> Reading:
    digits = writing.digits
    if not digits:
        return Reading(NumberKind.UNREADABLE, raw, why=_STRANGE)
    if not writing.international:
        kind = _short_kind(digits, region)
        if kind is not None:
            return Reading(kind, raw, extension=writing.extension, digits=digits)
    e164 = _number(writing, region)
    if e164 is not None and not writing.private:
        return Reading(NumberKind.E164, raw, e164, writing.extension)
    if not writing.international and len(digits) <= _LONGEST_SHORT:
        return Reading(NumberKind.INTERNAL, raw, extension=writing.extension, digits=digits)
    return Reading(NumberKind.UNREADABLE, raw, why=_NO_PLAN)


def _short_kind(digits: str, region: str) -> NumberKind | None:
    if len(digits) > _LONGEST_SHORT:
        return None
    if digits in _EMERGENCY_ANYWHERE or digits in _EMERGENCY_TOO.get(region, ()):
        return NumberKind.EMERGENCY
    if is_region(region):
        if phonenumbers.is_emergency_number(digits, region):
            return NumberKind.EMERGENCY
        zeros = len(digits) - len(digits.lstrip("0"))
        number = phonenumbers.PhoneNumber(
            country_code=phonenumbers.country_code_for_region(region),
            national_number=int(digits),
            italian_leading_zero=zeros > 0 or None,
            number_of_leading_zeros=zeros or None,
        )
        if phonenumbers.is_valid_short_number_for_region(number, region):
            return NumberKind.SHORT
    return NumberKind.SHORT if digits in _SOCIAL else None


def _number(writing: Writing, region: str) -> str | None:
    """The first reading that a numbering plan has; else one that fits its country's plan in length.

    The latter only for who has said the country or area: its range may be newer than the library's data.
    """
    guesses = []
    for text, home, said in _readings(writing, region):
        number = _parse(text, home)
        if number is None:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)
        if said and _may_be_new(number):
            guesses.append(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    return next((guess for guess in guesses if len(guess) > _SHORTEST), None)


def _may_be_new(number: phonenumbers.PhoneNumber) -> bool:
    """Whether its length fits, and it is not a known range's with digits missing at its end."""
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return False
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    longer = (_parse(written + more, None) for more in ("5", "55"))
    return not any(one is not None and phonenumbers.is_valid_number(one) for one in longer)


def _readings(writing: Writing, region: str) -> list[tuple[str, str | None, bool]]:
    """Texts to parse, each with its home region, and whether the country or the area is said in it."""
    digits = writing.digits
    if former := _FORMER.fullmatch(digits):
        return [(f"+{former['code']}{former['rest']}", None, True)]
    if writing.international:
        return [(f"+{digits}", None, True)]
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region, None) if is_region(region) else None
    own = str(plan.country_code) if plan is not None else ""
    prefix = (plan.national_prefix or "") if plan is not None else ""
    local = len(digits) <= _LONGEST_LOCAL
    # "00" is the way abroad in most networks, also where the national plan has another (8 10 in RU).
    abroad = [(f"+{digits[2:]}", None, True)] if digits.startswith("00") else []
    # Trunks often signal the full number without its "+". Of eleven digits and more nothing but the country
    # code can be the first; so few as a neighbour's number has are no foreign number (a date, more likely).
    is_own = bool(own) and digits.startswith(own)
    whole = [] if local else [(f"+{digits}", None, is_own and len(digits) > _LONGEST_NATIONAL)]
    if plan is None:
        return [*abroad, *whole]
    if prefix in _TRUNK_PREFIX_IS_FREE or digits.startswith((prefix, "0")):
        # Where no prefix is, nothing says that the area is in it.
        return [(digits, region, bool(prefix) and digits.startswith(prefix)), *abroad, *whole]
    if local:
        return []  # as the number of a neighbour is dialled: whose area it is in, nobody said
    # 4930123456 from DE is Berlin's with its country code rather than the area 04930's without its 0.
    bare = (digits, region, False)
    return [*whole, bare] if is_own else [bare, *whole]


def _spelt(writing: Writing, raw: str, region: str) -> Reading:
    """1-800-FLOWERS: only for service numbers that a plan has, and within the digits that it has."""
    number = _parse(writing.letters, region or None)
    if (
        number is not None
        and phonenumbers.is_valid_number(number)
        and phonenumbers.number_type(number) in _VANITY
    ):
        return Reading(NumberKind.E164, raw, phonenumbers.format_number(number, PhoneNumberFormat.E164))
    return Reading(NumberKind.UNREADABLE, raw, why=_STRANGE)


def _parse(text: str, region: str | None) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
