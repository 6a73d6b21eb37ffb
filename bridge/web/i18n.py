"""Owns the languages of the screens: catalogues read from .po at start, how times are written."""

import gettext
import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from babel import Locale
from babel.dates import format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup

from bridge.errors import InternalError

LOCALES = Path(__file__).parent / "locale"
DEFAULT = "en"
NAMES: Mapping[str, str] = {"en": "English", "ru": "Русский"}
COOKIE = "callbridge_language"


@dataclass(frozen=True, slots=True)
class Language:
    code: str
    locale: Locale
    catalogue: gettext.GNUTranslations

    def gettext(self, message: str) -> str:
        return self.catalogue.gettext(message)

    def ngettext(self, one: str, many: str, number: int) -> str:
        return self.catalogue.ngettext(one, many, number)

    def moment(self, at: datetime) -> str:
        return format_datetime(at, "short", locale=self.locale)

    def dated(self, at: datetime) -> str:
        """With the month as a word: for who may read numbers the other way round."""
        return format_datetime(at, "d MMMM y, HH:mm", locale=self.locale)

    def duration(self, length: timedelta) -> str:
        seconds = max(0, round(length.total_seconds()))
        hours, rest = divmod(seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class Languages:
    """Every language there is, compiled in memory: no .mo file is kept, so none can be stale."""

    def __init__(self) -> None:
        self._all = {code: _load(code) for code in NAMES}

    def __getitem__(self, code: str) -> Language:
        return self._all[code]

    def __contains__(self, code: object) -> bool:
        return code in self._all

    def codes(self) -> tuple[str, ...]:
        return tuple(self._all)

    def preferred(self, accepted: str) -> str:
        """The best of an Accept-Language header (RFC 9110 12.5.4), which may hold anything."""
        best, best_weight = DEFAULT, 0.0
        for entry in accepted[:500].split(","):
            tag, _, parameter = entry.strip().partition(";")
            code = tag.split("-")[0].strip().lower()
            try:
                weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
            except ValueError:
                continue
            if code in self._all and weight > best_weight:
                best, best_weight = code, weight
        return best


def _load(code: str) -> Language:
    path = LOCALES / code / "LC_MESSAGES" / "messages.po"
    try:
        with path.open("rb") as source:
            catalogue = read_po(source, locale=code, abort_invalid=True)
    except OSError as error:
        raise InternalError(
            f"{path}: {error.strerror}; the package is incomplete, install it again"
        ) from error
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Language(code, Locale.parse(code), gettext.GNUTranslations(compiled))


def time_of_day(at: datetime) -> Markup:
    """In UTC for those without scripts; app.js rewrites it in the browser's own time zone."""
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}" data-local="clock">{:%H:%M:%S} UTC</time>').format(
        utc.isoformat(timespec="seconds"), utc
    )
