"""What the templates see: the settings joined with the secrets, in the shape of Asterisk's sections."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bridge.centre.facts import Feature
from bridge.centre.plan import Empty, Strategy
from bridge.config.fallback import Menu, Number, Way, consent_of, consents, menu, number, ways
from bridge.config.features import ECHO_TEST
from bridge.config.queues import HIGHEST_PENALTY, QueueSettings
from bridge.config.secretfile import Secrets
from bridge.config.settings import Settings
from bridge.config.trunks import Server, TrunkSettings


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
    registrar: Server | None
    contact: Server | None
    shown: str  # as whom Asterisk speaks to the operator: "" for the client's own number
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FeatureCode:
    """What an agent dials, and with which argument it comes to Callbridge ("" is none)."""

    extension: str
    feature: str
    argument: str
    words: str
    begins: int = 0  # after so many characters of what is dialled the argument begins; 0: it is ``argument``


@dataclass(frozen=True, slots=True)
class Extension:
    """What an agent who talks may dial or pass a client on to, besides agents. ``_`` begins a pattern."""

    extension: str
    words: str


@dataclass(frozen=True, slots=True)
class Member:
    endpoint: str
    penalty: int
    name: str


@dataclass(frozen=True, slots=True)
class PenaltyChange:
    after: int
    penalty: int


@dataclass(frozen=True, slots=True)
class Queue:
    """``highest_penalty`` is asked at first, ``changes`` raise it; None: no queue limits whom it asks."""

    name: str
    settings: QueueSettings
    members: tuple[Member, ...]
    consent: str  # the extension that says it, or ""
    greeting: str
    most_wait: str  # seconds for Queue(), or ""
    strategy: str
    joinempty: str
    leavewhenempty: str
    periodic: str  # sounds joined by commas
    highest_penalty: int | None
    changes: tuple[PenaltyChange, ...]
    ways: tuple[Way, ...]


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
    consents: tuple[tuple[str, str], ...]  # sounds joined by & → the extension that says them
    echo_test: str
    codes: tuple[FeatureCode, ...]
    extensions: tuple[Extension, ...]
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
            numbers=tuple(number(name, wanted, settings) for name, wanted in settings.numbers.items()),
            menus=tuple(menu(name, wanted, settings) for name, wanted in settings.menus.items()),
            queues=tuple(_queues(settings)),
            consents=tuple(consents(settings).items()),
            echo_test=ECHO_TEST,
            codes=tuple(_codes(settings)),
            extensions=tuple(_extensions(settings)),
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
    return Trunk(
        name=name,
        settings=trunk,
        matches=trunk.match if trunk.host is None else (*trunk.match, trunk.host),
        registrar=trunk.registrar,
        contact=trunk.contact,
        shown=trunk.caller_id or trunk.username or "",
        password=secrets.trunks.get(name, ""),
    )


def _codes(settings: Settings) -> Iterator[FeatureCode]:
    pauses, dispositions = settings.pauses, settings.dispositions
    for feature, code in settings.features.codes():
        name = feature.value
        match feature:
            case Feature.PAUSE:
                first, reason = next(iter(pauses.items()))
                yield FeatureCode(code, name, first, f"features.pause, alone: {reason}")
                for digit, reason in pauses.items():
                    yield FeatureCode(code + digit, name, digit, f"pauses.{digit}: {reason}")
            case Feature.DISPOSITION:
                for digit, disposition in dispositions.items():
                    yield FeatureCode(code + digit, name, digit, f"dispositions.{digit}: {disposition}")
            case Feature.TRANSFER | Feature.CONSULT | Feature.SUPERVISE:
                yield FeatureCode(f"_{code}X.", name, "", f"features.{name}: whom follows", len(code))
            case _:
                yield FeatureCode(code, name, "", f"features.{name}")


def _extensions(settings: Settings) -> Iterator[Extension]:
    for name, queue in settings.queues.items():
        if queue.extension is not None:
            yield Extension(queue.extension, f"queues.{name}")
    transfers = settings.transfers
    if transfers.supervisor is not None:
        yield Extension(transfers.supervisor, "transfers.supervisor")
    for prefix in transfers.prefixes:
        yield Extension(f"_{prefix}!", f"transfers.prefixes: {prefix}")


# ── the native queues ────────────────────────────────────────────────────────

_MOST_PERIODIC = 10  # app_queue.c, MAX_PERIODIC_ANNOUNCEMENTS
# Asterisk counts the members for whom none of these holds; a state that it does not know yet is no absence.
_ABSENT = {
    Empty.NOBODY_LOGGED_IN: "unavailable,invalid",
    Empty.NOBODY_READY: "unavailable,invalid,paused",
}


def _limits(queue: QueueSettings) -> tuple[PenaltyChange, ...]:
    """The highest penalty that is asked, by time. Asterisk knows no skills, so nothing of them is here."""
    found: list[PenaltyChange] = []
    for step in queue.widening:
        penalty = HIGHEST_PENALTY if step.penalty is None else step.penalty
        if not found or penalty != found[-1].penalty:
            found.append(PenaltyChange(step.after_seconds, penalty))
    return tuple(found)


def _queues(settings: Settings) -> Iterator[Queue]:
    limits = {name: _limits(queue) for name, queue in settings.queues.items()}
    first = {name: found[0].penalty if found else HIGHEST_PENALTY for name, found in limits.items()}
    # QUEUE_MAX_PENALTY stays on a channel that goes on to another queue: all of them set it, or none does.
    limited = any(penalty < HIGHEST_PENALTY for penalty in first.values())
    for name, queue in settings.queues.items():
        yield _queue(name, queue, settings, first[name] if limited else None, limits[name][1:])


def _queue(
    name: str,
    queue: QueueSettings,
    settings: Settings,
    highest_penalty: int | None,
    changes: tuple[PenaltyChange, ...],
) -> Queue:
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
        consent=consent_of(queue.consent, settings),
        greeting="&".join(queue.greeting),
        most_wait="" if queue.max_wait_seconds is None else str(queue.max_wait_seconds),
        # Asterisk knows no talk times; of its own strategies, leastrecent shares the work most evenly.
        strategy="leastrecent" if queue.strategy is Strategy.LEASTTALK else queue.strategy.value,
        joinempty=_ABSENT.get(queue.refuse_when, "yes"),
        leavewhenempty=_ABSENT.get(queue.leave_when, "no"),
        periodic=",".join(queue.announce.sounds[:_MOST_PERIODIC]),
        highest_penalty=highest_penalty,
        changes=changes,
        ways=ways(queue),
    )
