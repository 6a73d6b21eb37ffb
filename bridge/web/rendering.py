"""Owns turning templates into pages and fragments in a language. What is shown is given."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bridge.crm.numbers import pretty
from bridge.store.rows import CallRow
from bridge.web import labels, reasons
from bridge.web.assets import Assets
from bridge.web.i18n import NAMES, Language, Languages, time_of_day
from bridge.web.ticket_words import TicketWords

TEMPLATES = Path(__file__).parent / "templates"


class Renderer:
    """One environment a language: what is translated at compile time stays compiled."""

    def __init__(self, languages: Languages, assets: Assets, words: TicketWords) -> None:
        self.languages = languages
        self._environments = {
            code: _environment(languages[code], assets, words) for code in languages.codes()
        }
        for environment in self._environments.values():
            for name in environment.list_templates(filter_func=lambda name: name.startswith("_")):
                environment.get_template(name)  # compiled now: the first card must not wait for it

    def render(self, language: str, template: str, context: Mapping[str, Any]) -> str:
        return self._environments[language].get_template(template).render(context)


def _environment(language: Language, assets: Assets, words: TicketWords) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    # The extension adds these methods at run time, so that a type checker cannot see them.
    environment.install_gettext_translations(language.catalogue, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(
        language=language.code,
        language_names=NAMES,
        labels=labels.ALL,
        asset=assets.url,
    )
    environment.filters.update(
        label=lambda value, kind: _label(language, kind, value),
        phone=phone,
        moment=lambda at: _moment(language, at),
        clock=_clock,
        countdown=_countdown,
        time_of_day=time_of_day,
        epoch=lambda at: round(at.timestamp() * 1000),
        lasting=language.duration,
        compared=lambda metric, at: reasons.compared(language, metric, at),
        detail=lambda text, verdict, names: reasons.detail(language, text, verdict, names),
        length_of=lambda milliseconds: language.duration(timedelta(milliseconds=milliseconds)),
        offset=lambda at, begin: f"+{language.duration(at - begin)}",
        span_ms=_span_ms,
        place_of=_place,
        width_of=_width,
        slug=slug,
        status_title=lambda name: words.status(name, language.code),
        status_kind=words.kind,
        department_title=words.department,
        class_title=lambda path, department: words.classification(path, department, language.code),
        size=_size,
    )
    return environment


def _label(language: Language, kind: str, value: str) -> str:
    """A value without a word of its own (a pause reason from a desk phone) is shown as it is."""
    word = labels.ALL[kind].get(value)
    return value if word is None else language.gettext(word)


def phone(number: str | None) -> str:
    """For reading aloud: "+7 916 123-45-67". What is not a whole number is shown as signalled."""
    return pretty(number) if number and number.startswith("+") else number or ""


def _moment(language: Language, at: datetime | None) -> Markup:
    """In UTC for those without scripts; app.js rewrites it in the browser's own time zone."""
    if at is None:
        return Markup("")
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}" data-local>{} UTC</time>').format(
        utc.isoformat(timespec="seconds"), language.moment(utc)
    )


def _clock(since: datetime | None) -> Markup:
    """A clock that app.js keeps ticking; the fragment itself stays the same from second to second."""
    if since is None:
        return Markup("")
    utc = since.astimezone(UTC)
    return Markup('<time class="clock" datetime="{}" data-since="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), round(utc.timestamp() * 1000), utc.strftime("%H:%M")
    )


def _countdown(until: datetime | None) -> Markup:
    """As a clock, but to an end."""
    if until is None:
        return Markup("")
    utc = until.astimezone(UTC)
    return Markup('<time class="clock" datetime="{}" data-until="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), round(utc.timestamp() * 1000), utc.strftime("%H:%M")
    )


def _size(bytes: int) -> str:
    """ "240 KB", "1.5 MB": signs that read alike in every language."""
    return f"{bytes / 2**20:.1f} MB" if bytes >= 2**20 else f"{max(1, round(bytes / 1024))} KB"


def slug(value: str) -> str:
    """A value that may stand in an HTML id and in a CSS selector."""
    return "".join(char if char.isascii() and (char.isalnum() or char == "_") else "-" for char in value)


# ── a call's legs as bars, in thousandths of the call's length ───────────────


def _end(call: CallRow) -> datetime:
    return max(
        call.offered_at,
        call.ended_at or call.offered_at,
        *(leg.ended_at or leg.answered_at or leg.created_at for leg in call.legs),
    )


def _span_ms(call: CallRow) -> int:
    return round((_end(call) - call.offered_at).total_seconds() * 1000)


def _place(call: CallRow, at: datetime) -> int:
    span = max(1, _span_ms(call))
    return min(1000, max(0, round((at - call.offered_at).total_seconds() * 1_000_000 / span)))


def _width(call: CallRow, begin: datetime, end: datetime | None) -> int:
    return max(4, _place(call, end or _end(call)) - _place(call, begin))
