"""The company: its name, where it is, and in which language it speaks to whom."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers
from pydantic import AfterValidator, Field

from bridge.config.fields import Language, Prefix, Section, Title


def _region(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"“{value[:20]}” is not a country: write its two letters, as RU or DE")
    return value


def _timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(
            f"no time zone “{value[:60]}” on this machine: write its IANA name, as Europe/Moscow"
            " (the package tzdata holds them)"
        ) from None
    return value


Region = Annotated[
    str, AfterValidator(_region), Field(json_schema_extra={"pattern": "^[A-Z]{2}$"}, examples=["RU", "DE"])
]
Timezone = Annotated[str, AfterValidator(_timezone)]


class LanguageSettings(Section):
    """The language that a caller hears, by the beginning of his number; the longest one that fits wins."""

    default: Language = "en"
    by_prefix: dict[Prefix, Language] = Field(default_factory=dict, examples=[{"+7": "ru", "+": "en"}])


class CompanySettings(Section):
    name: Title
    timezone: Timezone = "UTC"
    region: Region = Field(description="the country that a number without a country code belongs to")
    language: LanguageSettings = LanguageSettings()
