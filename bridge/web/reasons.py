"""Owns putting the router's reasons into a reader's language. The reasons themselves are the centre's.

They are kept in the centre's own words (``strategies.metric``, ``explain``). What is not among the forms
below is shown as it was kept: an unknown word is better than none.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from bridge.web import labels
from bridge.web.i18n import Language, time_of_day
from bridge.web.labels import N_

_PENALTY = re.compile(r"penalty (?P<penalty>\d+), (?P<rest>.*)")
_IDLE = re.compile(r"idle since (?P<time>\d\d:\d\d:\d\d)")
_CALLS = re.compile(r"(?P<calls>\d+) calls")
_SKILL = re.compile(r"(?P<skill>.+) (?P<has>\d+) < (?P<needed>\d+)")
_TOO_HIGH = re.compile(r"(?P<penalty>\d+) > (?P<highest>\d+)")
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"no call yet"), N_("no call yet")),
    (
        re.compile(r"(?P<seconds>\d+) s on average in (?P<calls>\d+) calls"),
        N_("%(seconds)s s on average, calls: %(calls)s"),
    ),
    (re.compile(r"place (?P<place>\d+), last turn (?P<turn>\d+)"), N_("place %(place)s, last turn %(turn)s")),
    (re.compile(r"place (?P<place>\d+)"), N_("place %(place)s")),
    (re.compile(r"drawn"), N_("drawn")),
    (re.compile(r"not drawn"), N_("not drawn")),
)


def compared(language: Language, metric: str, at: datetime) -> Markup:
    """What the strategy compared of a candidate. ``at`` is when: an idle time is kept without its day."""
    penalty = _PENALTY.fullmatch(metric)
    rest = penalty["rest"] if penalty else metric
    words = _compared(language, rest, at)
    if penalty is None:
        return words
    before = language.gettext(N_("penalty %(penalty)s")) % {"penalty": penalty["penalty"]}
    return Markup("{}, {}").format(before, words)


def _compared(language: Language, metric: str, at: datetime) -> Markup:
    idle = _IDLE.fullmatch(metric)
    if idle is not None:
        return Markup("{} {}").format(language.gettext(N_("idle since")), _time(idle["time"], at))
    calls = _CALLS.fullmatch(metric)
    if calls is not None:
        number = int(calls["calls"])
        return Markup("{}").format(
            language.ngettext("%(num)s call", "%(num)s calls", number) % {"num": number}
        )
    for form, message in _FORMS:
        found = form.fullmatch(metric)
        if found is not None:
            return Markup("{}").format(language.gettext(message) % found.groupdict())
    return Markup("{}").format(metric)


def detail(language: Language, text: str, verdict: str, names: Mapping[str, str]) -> str:
    """What put a candidate out. ``names`` are the agents'."""
    match verdict:
        case "hindered":
            hindrance, _, reason = text.partition(" ")
            words = language.gettext(labels.HINDRANCES.get(hindrance, hindrance))
            own = labels.ALL["pause"].get(reason)
            reason = language.gettext(own) if own else reason
            return f"{words}: {reason}" if reason else words
        case "skill":
            return _filled(
                language, _SKILL.fullmatch(text), N_("%(skill)s: has %(has)s, needed %(needed)s"), text
            )
        case "penalty":
            return _filled(
                language, _TOO_HIGH.fullmatch(text), N_("penalty %(penalty)s, asked up to %(highest)s"), text
            )
        case "not_preferred":
            return names.get(text, text)
        case _:
            return text


def _filled(language: Language, found: re.Match[str] | None, message: str, otherwise: str) -> str:
    return otherwise if found is None else language.gettext(message) % found.groupdict()


def _time(clock: str, at: datetime) -> Markup:
    end = at.astimezone(UTC)
    hour, minute, second = (int(part) for part in clock.split(":"))
    if hour > 23 or minute > 59 or second > 59:
        return Markup("{}").format(clock)
    begin = end.replace(hour=hour, minute=minute, second=second, microsecond=0)
    if begin > end:
        begin -= timedelta(days=1)
    return time_of_day(begin)
