"""Owns the page of the audit log: who listened to whom, and did what with recordings. It is only read."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from bridge.store.rows import AuditRow
from bridge.web import labels
from bridge.web.access import SUPERVISORS, Routes, SignedIn
from bridge.web.context import parts_of
from bridge.web.forms import query_of
from bridge.web.pages.views import page
from bridge.web.principal import person_of
from bridge.web.sight import supervised_by

_PAGE = 50


@dataclass(frozen=True, slots=True)
class Entry:
    row: AuditRow
    names: Mapping[str, str]  # of agents

    @property
    def doer(self) -> str:
        """A key of the doers' words, or ""."""
        return self.row.by if self.row.by in labels.DOERS else ""

    @property
    def program(self) -> str:
        kind, _, name = self.row.by.partition(" ")
        return name if kind == "token" else ""

    @property
    def who(self) -> str:
        """A person: by his name where it is an agent's phone or log-in, else by his log-in."""
        return self.names.get(self.row.by.removeprefix("agent "), self.row.by)

    @property
    def agent(self) -> str:
        """Whom it is about; "" where that is a recording."""
        return self.names.get(self.row.about, "")


def declare(routes: Routes) -> None:
    routes.get("/audit", show, SignedIn(SUPERVISORS))


async def show(request: web.Request) -> web.StreamResponse:
    query, person, parts = query_of(request), person_of(request), parts_of(request)
    filters = {name: query.text(name, longest=200) for name in ("call", "about")}
    within = supervised_by(person, parts)
    async with parts.store.view() as unit:
        found = await unit.audit.page(
            query.text("cursor", longest=400) or None,
            _PAGE,
            call=filters["call"] or None,
            about=[filters["about"]] if filters["about"] else None,
            within=within,
            or_by=person.user.login,
        )
    names = {str(agent.id): agent.name for agent in parts.plan().agents.values()}
    return page(
        request,
        "audit.html",
        entries=[Entry(row, names) for row in found.items],
        cursor=found.cursor,
        filters=filters,
        agents=names,
        bounded=within is not None,
    )
