"""Turns the settings into the plan that the centre works by."""

from datetime import timedelta

from bridge.centre.ids import AgentId, Endpoint, MenuName, QueueName
from bridge.centre.plan import (
    Agent,
    Destination,
    Member,
    Menu,
    Plan,
    Queue,
    ToHangUp,
    ToMenu,
    ToQueue,
)
from bridge.config.agents import AgentSettings
from bridge.config.destinations import Target
from bridge.config.menus import MenuSettings
from bridge.config.numbers import NumberSettings
from bridge.config.queues import QueueSettings
from bridge.config.settings import Settings


def plan_of(settings: Settings) -> Plan:
    """The centre's plan. Numbers for the echo test are not in it: the dialplan serves them alone."""
    language = settings.company.language
    return Plan(
        numbers={
            number: _destination(wanted) for number, wanted in settings.numbers.items() if not wanted.echo
        },
        menus={MenuName(name): _menu(name, menu) for name, menu in settings.menus.items()},
        queues={QueueName(name): _queue(name, queue) for name, queue in settings.queues.items()},
        agents={AgentId(id): _agent(id, agent, language.default) for id, agent in settings.agents.items()},
        language=language.default,
        language_of_prefix=dict(language.by_prefix),
    )


def _destination(wanted: Target | NumberSettings) -> Destination:
    if wanted.queue is not None:
        return ToQueue(QueueName(wanted.queue))
    if wanted.menu is not None:
        return ToMenu(MenuName(wanted.menu))
    return ToHangUp(wanted.hang_up or ())


def _menu(name: str, menu: MenuSettings) -> Menu:
    return Menu(
        name=MenuName(name),
        greeting=menu.greeting,
        options={digit: _destination(target) for digit, target in menu.options.items()},
        otherwise=_destination(menu.otherwise),
        timeout=timedelta(seconds=menu.timeout_seconds),
        retries=menu.retries,
        invalid=menu.invalid,
    )


def _queue(name: str, queue: QueueSettings) -> Queue:
    return Queue(
        name=QueueName(name),
        title=queue.title,
        department=queue.department or name,
        members=tuple(Member(AgentId(member.agent), member.penalty) for member in queue.members),
        strategy=queue.strategy,
        ring=timedelta(seconds=queue.ring_seconds),
        wrap_up=timedelta(seconds=queue.wrap_up_seconds),
        max_wait=None if queue.max_wait_seconds is None else timedelta(seconds=queue.max_wait_seconds),
        service_level=timedelta(seconds=queue.service_level_seconds),
        record=queue.record,
        music=queue.music,
        greeting=queue.greeting,
    )


def _agent(id: str, agent: AgentSettings, language: str) -> Agent:
    return Agent(
        id=AgentId(id),
        name=agent.name,
        endpoint=Endpoint(agent.endpoint or f"PJSIP/{id}"),
        language=agent.language or language,
    )
