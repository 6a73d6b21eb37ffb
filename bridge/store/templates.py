"""Sets of templates for replies, with the files that go along. What their variables mean is not ours."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, delete, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.errors import BadInput, TemplateNameTaken
from bridge.store.attachments import ATTACHMENT
from bridge.store.keys import is_id
from bridge.store.tables import clean
from bridge.store.ticket_rows import AttachmentRow, TemplateConflict, TemplateRow
from bridge.store.ticket_tables import AttachmentTable, TemplateTable

MAX_BODY = 100_000
MAX_NAME = 200
MAX_TEMPLATES = 2_000
_UNSYNCED = {"synchronize_session": False}
_FIELDS = TemplateTable.__table__.c
_TEMPLATE = (
    _FIELDS.id,
    _FIELDS.set_name,
    _FIELDS.department,
    _FIELDS.name,
    _FIELDS.subject,
    _FIELDS.body,
    _FIELDS.language,
    _FIELDS.version,
)


def _is(version: int | None) -> ColumnElement[bool]:
    return true() if version is None else _FIELDS.version == version


class Templates:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def all(self, departments: Collection[str] | None = None) -> list[TemplateRow]:
        """Those for all departments and for these (None: for any), by set and name."""
        statement = select(*_TEMPLATE).order_by(_FIELDS.set_name, _FIELDS.name, _FIELDS.language)
        if departments is not None:
            statement = statement.where(
                or_(_FIELDS.department == "", _FIELDS.department.in_(sorted(departments)))
            )
        return await self._whole(statement.limit(MAX_TEMPLATES))

    async def get(self, id: int) -> TemplateRow | None:
        found = await self._whole(select(*_TEMPLATE).where(_FIELDS.id == id)) if is_id(id) else []
        return found[0] if found else None

    async def save(
        self,
        *,
        set_name: str,
        name: str,
        subject: str,
        body: str,
        department: str = "",
        language: str = "",
        id: int | None = None,
        if_version: int | None = None,
    ) -> TemplateRow | TemplateConflict | None:
        """A new one, or other contents for the one with this id. None when that is not there.

        Raises TemplateNameTaken, BadInput.
        """
        for field, text, most in (
            ("set", set_name, MAX_NAME),
            ("name", name, MAX_NAME),
            ("subject", subject, 500),
            ("body", body, MAX_BODY),
            ("department", department, MAX_NAME),
            ("language", language, 35),
        ):
            if len(text) > most:
                raise BadInput(f"template {field}: {len(text)} characters; at most {most} are kept")
        if not set_name.strip() or not name.strip():
            raise BadInput("template: it must have a set and a name")
        values = {
            "set_name": clean(set_name.strip()),
            "name": clean(name.strip()),
            "subject": subject,
            "body": body,
            "department": department,
            "language": language,
        }
        same = await self._session.scalar(
            select(_FIELDS.id).where(
                _FIELDS.set_name == values["set_name"],
                _FIELDS.name == values["name"],
                _FIELDS.language == language,
            )
        )
        if same is not None and same != id:
            raise TemplateNameTaken(f"template {name[:80]!r}: there is one of this name in the set already")
        if id is None:
            row = TemplateTable(**values)
            self._session.add(row)
            await self._session.flush()
            return await self.get(row.id)
        if not is_id(id):
            return None
        changed = await self._session.execute(
            update(TemplateTable)
            .where(_FIELDS.id == id, _is(if_version))
            .values(**values, version=_FIELDS.version + 1)
            .returning(_FIELDS.id),
            execution_options=_UNSYNCED,
        )
        written, now = changed.one_or_none() is not None, await self.get(id)
        return now if written or now is None else TemplateConflict(now)

    async def remove(
        self, id: int, *, if_version: int | None = None
    ) -> TemplateRow | TemplateConflict | None:
        """What it was, with its attachments, which are gone with it; their files are for the caller."""
        row = await self.get(id)
        if row is None:
            return None
        gone = await self._session.execute(
            delete(TemplateTable).where(_FIELDS.id == id, _is(if_version)).returning(_FIELDS.id),
            execution_options=_UNSYNCED,
        )
        return row if gone.one_or_none() is not None else TemplateConflict(row)

    async def _whole(self, statement: Any) -> list[TemplateRow]:
        rows = (await self._session.execute(statement)).all()
        files: dict[int, list[AttachmentRow]] = {}
        if rows:
            found = await self._session.execute(
                select(*ATTACHMENT)
                .where(AttachmentTable.template_id.in_([row.id for row in rows]))
                .order_by(AttachmentTable.id)
            )
            for one in found:
                attachment = AttachmentRow(*one)
                files.setdefault(attachment.template or 0, []).append(attachment)
        return [replace(TemplateRow(*row), attachments=tuple(files.get(row.id, ()))) for row in rows]
