"""How a trunk's operator wants the numbers that are called by it: what stands in the request's URI. Pure.

Asterisk is told so at the last moment; the plan and the records keep a number in E.164. What does not begin
with + is sent as it is written: that is what the engineer himself permitted in the operator's own form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import phonenumbers

from bridge.centre.ids import Endpoint

DialFormat = Literal["e164", "international_00", "digits", "national"]
# One country code and two plans: from Russia one calls Kazakhstan as a country abroad, and from there Russia.
_APART = frozenset({7})


@dataclass(frozen=True, slots=True)
class Handed:
    """+79161234567 as e164 is +79161234567, as international_00 0079161234567, as digits 79161234567; as
    national, by a trunk that is at home in RU, 89161234567, and +493023125012 by it is 8104930…: what a
    subscriber there would dial."""

    form: DialFormat
    region: str  # of the trunk: "RU"

    def __call__(self, number: str) -> str:
        if not number.startswith("+"):
            return number
        match self.form:
            case "e164":
                return number
            case "international_00":
                return f"00{number[1:]}"
            case "digits":
                return number[1:]
            case "national":
                return _national(number, self.region)


def dialled(endpoint: Endpoint, trunks: Mapping[str, Handed]) -> str:
    """The endpoint as Asterisk is to dial it: PJSIP/+79161234567@lab → PJSIP/89161234567@lab."""
    way, _, trunk = endpoint.rpartition("@")
    technology, _, number = way.partition("/")
    form = trunks.get(trunk)
    return endpoint if form is None or not number else f"{technology}/{form(number)}@{trunk}"


def _national(e164: str, region: str) -> str:
    """The number itself where the library knows no single way abroad (from BR one chooses a carrier)."""
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return e164
    plan = phonenumbers.PhoneMetadata.metadata_for_region(region, None)
    own = plan is not None and plan.country_code == number.country_code
    home = phonenumbers.region_code_for_number(number)
    if own and number.country_code in _APART and home is not None and home != region:
        way = (plan.preferred_international_prefix or plan.international_prefix) if plan is not None else ""
        return "".join(mark for mark in f"{way}{e164}" if mark.isdecimal())
    written = phonenumbers.format_out_of_country_calling_number(number, region)
    digits = "".join(mark for mark in written if mark.isdecimal())
    return e164 if written.startswith("+") else digits
