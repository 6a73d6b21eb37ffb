"""Owns what a template's variables stand for: of a ticket, and of one that is only an example."""

from collections.abc import Mapping
from datetime import UTC, date, datetime

from aiohttp import web

from bridge.crm.ticketing.statuses import FIRST
from bridge.crm.ticketing.templates import Variable
from bridge.store import Unit
from bridge.store.rows import TicketRow
from bridge.web.context import language_of, parts_of, renderer_of
from bridge.web.labels import N_
from bridge.web.pages.calls import agent_names
from bridge.web.principal import person_of

_EXAMPLE: Mapping[Variable, str] = {
    Variable.CLIENT_NAME: N_("Ann Miller"),
    Variable.SUBJECT: N_("The printer does not print"),
    Variable.SOLUTION: N_("The cartridge is replaced."),
}


async def values_of(
    request: web.Request, unit: Unit, row: TicketRow, language: str
) -> Mapping[Variable, str]:
    """``language``: the template's, where the screens have it; else the screen's."""
    client = await unit.clients.get(row.client) if row.client else None
    number = client.numbers[0].e164 if client and client.numbers else None
    return {
        **_common(request, row.department, row.status, row.created_at.date(), language),
        Variable.CLIENT_NAME: client.name if client else "",
        Variable.CLIENT_NUMBER: number or "",
        Variable.TICKET: str(row.id),
        Variable.SUBJECT: row.subject,
        Variable.SOLUTION: row.solution,
    }


def example_values(request: web.Request, department: str, language: str) -> Mapping[Variable, str]:
    words = renderer_of(request).languages[_known(request, language)]
    return {
        **_common(request, department, FIRST, datetime.now(UTC).date(), language),
        **{variable: words.gettext(word) for variable, word in _EXAMPLE.items()},
        Variable.CLIENT_NUMBER: "+74950000001",
        Variable.TICKET: "1042",
    }


def _common(
    request: web.Request, department: str, status: str, created: date, language: str
) -> dict[Variable, str]:
    parts, person, language = parts_of(request), person_of(request), _known(request, language)
    settings = parts.tickets.rules.department_or_none(department)
    return {
        Variable.STATUS: parts.tickets.rules.statuses.title(status, language),
        Variable.CREATED: f"{created:%d.%m.%Y}" if language == "ru" else f"{created:%Y-%m-%d}",
        Variable.AGENT: agent_names(request).get(person.agent or "", person.user.login),
        Variable.DEPARTMENT: settings.title if settings else department,
        Variable.COMPANY: parts.tickets.settings.company.name,
    }


def _known(request: web.Request, language: str) -> str:
    code = language.partition("-")[0].lower()
    return code if code in renderer_of(request).languages else language_of(request)
