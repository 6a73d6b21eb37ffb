"""Where the dialplan leads while Callbridge is away: what of a destination Asterisk can do alone.

Owns that choice only; the words of the dialplan stand in its templates.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.centre.plan import NO_AGENTS, Empty
from bridge.config.destinations import Target
from bridge.config.menus import MenuSettings
from bridge.config.numbers import NumberSettings
from bridge.config.queues import QueueSettings
from bridge.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Goto:
    """``words`` says the same for a comment."""

    context: str
    extension: str
    words: str
    priority: int = 0  # QUEUE_PRIO

    @property
    def place(self) -> str:
        return f"{self.context},{self.extension},1"


@dataclass(frozen=True, slots=True)
class Direct:
    """A named agent's phone, then the queue. ``paused_in``: a queue that knows of his pauses, or ""."""

    endpoint: str
    hold: int
    paused_in: str
    record: bool
    consent: str  # of the queue's, see ``consents``
    queue: Goto


@dataclass(frozen=True, slots=True)
class Ended:
    """A target that needs steps of its own: it rings one agent, or plays something and ends the call."""

    extension: str
    words: str
    sounds: str  # joined by &, as Playback takes them
    direct: Direct | None = None


@dataclass(frozen=True, slots=True)
class Number:
    number: str
    aliases: tuple[str, ...]
    fallback: Goto
    echo: bool
    ended: Ended | None
    consent: str  # see ``consents``


@dataclass(frozen=True, slots=True)
class Menu:
    name: str
    greeting: str
    invalid: str
    timeout: int
    retries: int
    options: Mapping[str, Goto]
    otherwise: Goto
    ends: tuple[Ended, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """A way out of a queue: on to somewhere else, or an announcement and the end."""

    setting: str  # on_timeout
    label: str  # of its first step, "" for the one that comes by itself
    words: str
    goto: Goto | None
    sounds: str


def consents(settings: Settings) -> dict[str, str]:
    """Every announcement (sounds joined by &) → its extension: one for all who have the same words."""
    said = [number.consent for number in settings.numbers.values()]
    said += [queue.consent for queue in settings.queues.values()]
    different = dict.fromkeys("&".join(sounds) for sounds in said if sounds)
    return {sounds: str(place) for place, sounds in enumerate(different, 1)}


def consent_of(sounds: tuple[str, ...], settings: Settings) -> str:
    """Its extension, "" for none."""
    return consents(settings)["&".join(sounds)] if sounds else ""


def number(number: str, wanted: NumberSettings, settings: Settings) -> Number:
    if wanted.echo:
        fallback, ended = Goto("callbridge-echo", "s", "echo test"), None
    else:
        fallback, ended = _resolve(wanted, "callbridge-number", number, settings)
    taken = {*settings.numbers, *(alias for other in settings.numbers.values() for alias in other.aliases)}
    # Operators differ in whether they send the plus sign.
    bare = number.removeprefix("+")
    aliases = wanted.aliases if bare in taken else (bare, *wanted.aliases)
    consent = consent_of(wanted.consent, settings)
    return Number(number, aliases, fallback, bool(wanted.echo), ended, consent)


def menu(name: str, menu: MenuSettings, settings: Settings) -> Menu:
    ends: list[Ended] = []

    def goto(target: Target) -> Goto:
        where, ended = _resolve(target, f"callbridge-menu-{name}", f"end{len(ends) + 1}", settings)
        if ended is not None:
            ends.append(ended)
        return where

    return Menu(
        name=name,
        greeting="&".join(menu.greeting),
        invalid="&".join(menu.invalid),
        timeout=menu.timeout_seconds,
        retries=menu.retries,
        options={digit: goto(target) for digit, target in menu.options.items()},
        otherwise=goto(menu.otherwise),
        ends=tuple(ends),
    )


def ways(queue: QueueSettings) -> tuple[Way, ...]:
    """What follows on Queue(); the first one, on_timeout, is where it goes on by itself."""
    found = [_way("on_timeout", "", queue.on_timeout)]
    if queue.max_waiting is not None:
        found.append(_way("on_full", "full", queue.on_full))
    if {queue.refuse_when, queue.leave_when} != {Empty.NEVER}:
        found.append(_way("on_empty", "empty", queue.on_empty))
    return tuple(found)


def _way(setting: str, label: str, target: Target | None) -> Way:
    target = target or Target(hang_up=NO_AGENTS.sounds)
    goto = _queue_or_menu(target)
    words, sounds = _announcement(target)
    return Way(setting, label, words if goto is None else goto.words, goto, sounds)


def _resolve(target: Target, context: str, extension: str, settings: Settings) -> tuple[Goto, Ended | None]:
    """Where a target is; with the steps of its own, at ``extension`` of ``context``, if it needs any."""
    direct = _direct(target, settings)
    goto = _queue_or_menu(target)
    if direct is not None:
        ended = Ended(extension, f"agent {target.agent}, then {direct.queue.words}", "", direct)
    elif goto is not None:
        return goto, None
    else:
        ended = Ended(extension, *_announcement(target))
    return Goto(context, extension, ended.words), ended


def _queue_or_menu(target: Target) -> Goto | None:
    """An agent counts as the queue beside him."""
    if target.queue is not None:
        whose = "" if target.agent is None else f", that of agent {target.agent}"
        return Goto("callbridge-fallback", target.queue, f"queue {target.queue}{whose}", target.priority)
    if target.menu is not None:
        return Goto(f"callbridge-menu-{target.menu}", "s", f"menu {target.menu}")
    return None


def _announcement(target: Target) -> tuple[str, str]:
    """What is played before the end, in words and as Playback takes it."""
    if target.voicemail is not None:
        words, sounds = "voicemail, which only Callbridge takes down", NO_AGENTS.sounds
    elif target.number is not None:
        words, sounds = "a number outside, which only Callbridge may call", NO_AGENTS.sounds
    else:
        words, sounds = "announcement", target.hang_up or ()
    return words, "&".join(sounds)


def _direct(target: Target, settings: Settings) -> Direct | None:
    if target.agent is None or target.queue is None:
        return None
    his = [
        name for name, queue in settings.queues.items() if target.agent in {m.agent for m in queue.members}
    ]
    return Direct(
        endpoint=settings.agents[target.agent].endpoint or f"PJSIP/{target.agent}",
        hold=target.hold_seconds,
        paused_in=target.queue if target.queue in his else next(iter(his), ""),
        record=settings.queues[target.queue].record,
        consent=consent_of(settings.queues[target.queue].consent, settings),
        queue=Goto("callbridge-fallback", target.queue, f"queue {target.queue}"),
    )
