"""Turns the settings into the plan that the centre works by."""

from collections.abc import Mapping
from datetime import timedelta

from bridge.centre.ids import AgentId, Endpoint, MenuName, QueueName, Skill
from bridge.centre.plan import (
    NO_AGENTS,
    Agent,
    Announcements,
    Destination,
    Member,
    Menu,
    Needs,
    Outside,
    Plan,
    Queue,
    ToAgent,
    ToHangUp,
    ToMenu,
    ToNumber,
    ToQueue,
    ToVoicemail,
    Widening,
    outside_endpoint,
)
from bridge.config.agents import AgentSettings
from bridge.config.destinations import Target
from bridge.config.menus import MenuSettings
from bridge.config.queues import AnnounceSettings, QueueSettings, WideningSettings
from bridge.config.settings import Settings


def plan_of(settings: Settings) -> Plan:
    """The centre's plan. Numbers for the echo test are not in it: the dialplan serves them alone."""
    language = settings.company.language
    return Plan(
        numbers={
            number: _destination(wanted, settings)
            for number, wanted in settings.numbers.items()
            if not wanted.echo
        },
        number_consents={
            number: wanted.consent for number, wanted in settings.numbers.items() if wanted.consent
        },
        menus={MenuName(name): _menu(name, menu, settings) for name, menu in settings.menus.items()},
        queues={QueueName(name): _queue(name, queue, settings) for name, queue in settings.queues.items()},
        agents={AgentId(id): _agent(id, agent, language.default) for id, agent in settings.agents.items()},
        language=language.default,
        language_of_prefix=dict(language.by_prefix),
        priority_of_tier=dict(settings.tiers),
        pause_reasons=dict(settings.pauses),
        dispositions=dict(settings.dispositions),
        outside=_outside(settings),
        record_direct=settings.recordings.direct_calls,
        supervisor_extension=settings.transfers.supervisor or "",
    )


def _outside(settings: Settings) -> Outside | None:
    transfers = settings.transfers
    if transfers.trunk is None:
        return None
    return Outside(
        transfers.trunk,
        transfers.prefixes,
        timedelta(seconds=transfers.ring_seconds),
        transfers.caller_id or next((one for one, to in settings.numbers.items() if not to.echo), ""),
        transfers.record_calls,
        settings.region_of_trunk(transfers.trunk),
    )


def _destination(wanted: Target, settings: Settings) -> Destination:
    if wanted.agent is not None and wanted.queue is not None:
        hold = timedelta(seconds=wanted.hold_seconds)
        return ToAgent(AgentId(wanted.agent), QueueName(wanted.queue), hold)
    if wanted.queue is not None:
        return ToQueue(QueueName(wanted.queue), _needs(wanted.needs), wanted.priority)
    if wanted.menu is not None:
        return ToMenu(MenuName(wanted.menu))
    if wanted.voicemail is not None:
        return ToVoicemail(wanted.voicemail, timedelta(seconds=wanted.longest_seconds))
    if wanted.number is not None:
        return ToNumber(
            number=wanted.number,
            endpoint=outside_endpoint(wanted.number, wanted.trunk or ""),
            ring=timedelta(seconds=wanted.ring_seconds),
            otherwise=_or_no_agents(wanted.otherwise, settings),
        )
    return ToHangUp(wanted.hang_up or ())


def _or_no_agents(wanted: Target | None, settings: Settings) -> Destination:
    return NO_AGENTS if wanted is None else _destination(wanted, settings)


def _needs(needs: Mapping[str, int]) -> Needs:
    return tuple(sorted((Skill(skill), level) for skill, level in needs.items()))


def _menu(name: str, menu: MenuSettings, settings: Settings) -> Menu:
    return Menu(
        name=MenuName(name),
        greeting=menu.greeting,
        options={digit: _destination(target, settings) for digit, target in menu.options.items()},
        otherwise=_destination(menu.otherwise, settings),
        timeout=timedelta(seconds=menu.timeout_seconds),
        retries=menu.retries,
        invalid=menu.invalid,
    )


def _queue(name: str, queue: QueueSettings, settings: Settings) -> Queue:
    department = settings.departments.get(settings.department_of(name))
    return Queue(
        name=QueueName(name),
        title=queue.title,
        department=settings.department_of(name),
        members=tuple(Member(AgentId(member.agent), member.penalty) for member in queue.members),
        strategy=queue.strategy,
        weight=queue.weight,
        needs=_needs(queue.needs),
        widening=tuple(_widening(step) for step in queue.widening),
        ring=timedelta(seconds=queue.ring_seconds),
        pause_after=queue.pause_after_unanswered,
        wrap_up=timedelta(seconds=queue.wrap_up_seconds),
        wrap_up_extension=timedelta(seconds=queue.wrap_up_extension_seconds),
        sticky=timedelta(seconds=queue.sticky_seconds),
        sticky_within=timedelta(days=queue.sticky_within_days),
        max_wait=None if queue.max_wait_seconds is None else timedelta(seconds=queue.max_wait_seconds),
        max_waiting=queue.max_waiting,
        refuse_when=queue.refuse_when,
        leave_when=queue.leave_when,
        on_timeout=_or_no_agents(queue.on_timeout, settings),
        on_full=_or_no_agents(queue.on_full, settings),
        on_empty=_or_no_agents(queue.on_empty, settings),
        breakout={digit: _destination(target, settings) for digit, target in queue.breakout.items()},
        service_level=timedelta(seconds=queue.service_level_seconds),
        record=queue.record,
        consent=queue.consent,
        music=queue.music,
        greeting=queue.greeting,
        announce=_announce(queue.announce),
        extension=queue.extension or "",
        supervisors=tuple(AgentId(agent) for agent in department.supervisors) if department else (),
        tells_watched=department is not None and department.tell_watched,
    )


def _widening(step: WideningSettings) -> Widening:
    return Widening(timedelta(seconds=step.after_seconds), step.penalty, step.lower_levels)


def _announce(announce: AnnounceSettings) -> Announcements:
    return Announcements(
        position=announce.position,
        only_better=announce.only_better,
        expected_wait=announce.expected_wait,
        first=timedelta(seconds=announce.first_after_seconds),
        every=timedelta(seconds=announce.every_seconds),
        sounds=announce.sounds,
        sounds_every=timedelta(seconds=announce.sounds_every_seconds),
    )


def _agent(id: str, agent: AgentSettings, language: str) -> Agent:
    return Agent(
        id=AgentId(id),
        name=agent.name,
        endpoint=Endpoint(agent.endpoint or f"PJSIP/{id}"),
        language=agent.language or language,
        skills={Skill(skill): level for skill, level in agent.skills.items()},
    )
