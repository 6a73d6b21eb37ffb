"""What the templates see: the settings joined with the secrets, in the shape of Asterisk's sections."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.config.destinations import Target
from bridge.config.menus import MenuSettings
from bridge.config.numbers import NumberSettings
from bridge.config.queues import QueueSettings
from bridge.config.secretfile import Secrets
from bridge.config.settings import Settings
from bridge.config.trunks import TrunkSettings


@dataclass(frozen=True, slots=True)
class Phone:
    """An agent as an endpoint that Callbridge sets up; ``password`` is None for one that it does not."""

    agent: str
    name: str
    language: str
    endpoint: str
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trunk:
    name: str
    settings: TrunkSettings
    matches: tuple[str, ...]
    has_ipv6_host: bool  # an address that stands in brackets in a SIP URI (RFC 3261, 25.1 IPv6reference)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Goto:
    """Where the dialplan goes on without Callbridge; ``words`` says the same for a comment."""

    context: str
    extension: str
    words: str

    @property
    def place(self) -> str:
        return f"{self.context},{self.extension},1"


@dataclass(frozen=True, slots=True)
class Number:
    number: str
    aliases: tuple[str, ...]
    fallback: Goto
    echo: bool
    sounds: tuple[str, ...]  # of hang_up


@dataclass(frozen=True, slots=True)
class Ended:
    """A ``hang_up`` destination of a menu: an extension of its own that plays and ends."""

    extension: str
    sounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Menu:
    name: str
    greeting: str  # sounds joined by &, as Background and Playback take them
    invalid: str
    timeout: int
    retries: int
    options: Mapping[str, Goto]
    otherwise: Goto
    ends: tuple[Ended, ...]


@dataclass(frozen=True, slots=True)
class Member:
    endpoint: str
    penalty: int
    name: str


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    settings: QueueSettings
    members: tuple[Member, ...]
    greeting: str
    most_wait: str  # seconds for Queue(), or ""


@dataclass(frozen=True, slots=True)
class View:
    app: str
    ari_password: str = field(repr=False)
    ami_password: str = field(repr=False)
    phones: tuple[Phone, ...]
    trunks: tuple[Trunk, ...]
    numbers: tuple[Number, ...]
    menus: tuple[Menu, ...]
    queues: tuple[Queue, ...]
    languages: tuple[tuple[str, str], ...]  # prefix → language, the longest last, so that it wins

    @classmethod
    def of(cls, settings: Settings, secrets: Secrets) -> "View":
        prefixes = settings.company.language.by_prefix
        return cls(
            app=settings.asterisk.ari.app,
            ari_password=secrets.ari,
            ami_password=secrets.ami,
            phones=tuple(_phones(settings, secrets)),
            trunks=tuple(_trunk(name, trunk, secrets) for name, trunk in settings.trunks.items()),
            numbers=tuple(_number(name, wanted, settings) for name, wanted in settings.numbers.items()),
            menus=tuple(_menu(name, menu) for name, menu in settings.menus.items()),
            queues=tuple(_queue(name, queue, settings) for name, queue in settings.queues.items()),
            languages=tuple(sorted(prefixes.items(), key=lambda item: (len(item[0]), item[0]))),
        )


def _phones(settings: Settings, secrets: Secrets) -> list[Phone]:
    return [
        Phone(
            agent=id,
            name=agent.name,
            language=agent.language or settings.company.language.default,
            endpoint=agent.endpoint or f"PJSIP/{id}",
            password=secrets.sip[id] if agent.endpoint is None else None,
        )
        for id, agent in settings.agents.items()
    ]


def _trunk(name: str, trunk: TrunkSettings, secrets: Secrets) -> Trunk:
    matches = trunk.match if trunk.host is None else (*trunk.match, trunk.host)
    return Trunk(name, trunk, matches, ":" in (trunk.host or ""), secrets.trunks.get(name, ""))


def _goto(target: Target, ends: list[Ended], menu: str) -> Goto:
    if target.queue is not None:
        return Goto("callbridge-fallback", target.queue, f"queue {target.queue}")
    if target.menu is not None:
        return Goto(f"callbridge-menu-{target.menu}", "s", f"menu {target.menu}")
    extension = f"end{len(ends) + 1}"
    ends.append(Ended(extension, target.hang_up or ()))
    return Goto(f"callbridge-menu-{menu}", extension, "goodbye")


def _number(number: str, wanted: NumberSettings, settings: Settings) -> Number:
    if wanted.queue is not None:
        fallback = Goto("callbridge-fallback", wanted.queue, f"queue {wanted.queue}")
    elif wanted.menu is not None:
        fallback = Goto(f"callbridge-menu-{wanted.menu}", "s", f"menu {wanted.menu}")
    elif wanted.echo:
        fallback = Goto("callbridge-echo", "s", "echo test")
    else:
        fallback = Goto("callbridge-announce", number, "announcement")
    taken = {*settings.numbers, *(alias for other in settings.numbers.values() for alias in other.aliases)}
    # Operators differ in whether they send the plus sign.
    bare = number.removeprefix("+")
    aliases = wanted.aliases if bare in taken else (bare, *wanted.aliases)
    return Number(number, aliases, fallback, bool(wanted.echo), wanted.hang_up or ())


def _menu(name: str, menu: MenuSettings) -> Menu:
    ends: list[Ended] = []
    options = {digit: _goto(target, ends, name) for digit, target in menu.options.items()}
    otherwise = _goto(menu.otherwise, ends, name)
    return Menu(
        name=name,
        greeting="&".join(menu.greeting),
        invalid="&".join(menu.invalid),
        timeout=menu.timeout_seconds,
        retries=menu.retries,
        options=options,
        otherwise=otherwise,
        ends=tuple(ends),
    )


def _queue(name: str, queue: QueueSettings, settings: Settings) -> Queue:
    agents = settings.agents
    return Queue(
        name=name,
        settings=queue,
        members=tuple(
            Member(
                agents[member.agent].endpoint or f"PJSIP/{member.agent}",
                member.penalty,
                agents[member.agent].name,
            )
            for member in queue.members
        ),
        greeting="&".join(queue.greeting),
        most_wait="" if queue.max_wait_seconds is None else str(queue.max_wait_seconds),
    )
