"""Owns the API's audit log: read page by page, and by nothing changed."""

from dataclasses import asdict

from aiohttp import web
from pydantic import Field

from bridge.store.rows import AuditRow
from bridge.web.api import access_models, models
from bridge.web.api.operations import Paged, answer, query
from bridge.web.context import parts_of
from bridge.web.principal import PRINCIPAL, Person
from bridge.web.sight import supervised_by


class AuditQuery(Paged):
    call: str | None = Field(None, max_length=200, description="Only what was done in or with this call.")
    about: str | None = Field(None, max_length=200, description="Only this agent's, or this recording's.")


async def list_audit(request: web.Request) -> web.StreamResponse:
    asked, parts, principal = query(request, AuditQuery), parts_of(request), request.get(PRINCIPAL)
    person = principal if isinstance(principal, Person) else None
    async with parts.store.view() as unit:
        page = await unit.audit.page(
            asked.cursor,
            asked.limit,
            call=asked.call,
            about=None if asked.about is None else [asked.about],
            within=supervised_by(person, parts) if person else None,
            or_by=person.user.login if person else None,
        )
    items = [_entry(row) for row in page.items]
    return answer(models.Listed[access_models.AuditEntry](items=items, next=page.cursor))


def _entry(row: AuditRow) -> access_models.AuditEntry:
    fields = {name: value for name, value in asdict(row).items() if name != "call"}
    return access_models.AuditEntry.model_validate({**fields, "call_id": row.call or None})
