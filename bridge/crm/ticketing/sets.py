"""What people keep beside tickets: saved filters and templates of answers. Rights, rules, then the store.

A person has filters of his own, and those of his role; supervisors look after the roles' filters, and after
their departments' templates. A program may say whose a filter is.
"""

from bridge.config.rights import Role
from bridge.crm.attachments import Kept
from bridge.crm.ticketing import templates
from bridge.crm.ticketing.desk import Actor, TicketDesk
from bridge.crm.ticketing.filters import Filter
from bridge.errors import N_, BadInput, NoSuchAttachment, NoSuchTemplate, NotAllowed
from bridge.store import Store
from bridge.store.ticket_rows import AttachmentRow, FilterRow, TemplateConflict, TemplateRow

ROLES = ("agent", "supervisor")  # of log-ins
_EVERYWHERE = ""  # a template's department


class TicketSets:
    def __init__(self, store: Store, desk: TicketDesk) -> None:
        self._store = store
        self._desk = desk

    # ── filters ──────────────────────────────────────────────────────────────

    async def filters(self, actor: Actor, owner: str = "") -> list[FilterRow]:
        """The roles' first, then his own. Of ``owner`` only a program asks."""
        who = actor.who
        login = owner if who.program else actor.by
        async with self._store.view() as unit:
            return await unit.filters.seen_by(login, ROLES if who.program or who.supervisor else ROLES[:1])

    async def save_filter(
        self, actor: Actor, name: str, filter: Filter, *, owner: str = "", role: str = ""
    ) -> FilterRow:
        """A new one, or another query for the one of this name. Raises BadInput, NotAllowed."""
        if role and role not in ROLES:
            raise BadInput(f"filter role {role[:40]!r}: it must be one of {', '.join(ROLES)}")
        _demand_own(actor, owner, role)
        async with self._store.unit() as unit:
            if owner and await unit.users.by_login(owner) is None:
                raise BadInput(f"filter owner {owner[:40]!r}: nobody signs in by this name")
            return await unit.filters.save(name, filter.as_json(), owner=owner, role=role)

    async def change_filter(
        self, actor: Actor, id: int, *, name: str | None = None, filter: Filter | None = None
    ) -> FilterRow | None:
        """None: there is none that he may see. Raises BadInput, NotAllowed."""
        async with self._store.unit() as unit:
            row = await unit.filters.get(id)
            if row is None or not _sees(actor, row):
                return None
            _demand_own(actor, row.owner, row.role)
            query = None if filter is None else filter.as_json()
            return await unit.filters.change(row, name=name, query=query)

    async def remove_filter(self, actor: Actor, id: int) -> FilterRow | None:
        """What it was; None as above."""
        async with self._store.unit() as unit:
            row = await unit.filters.get(id)
            if row is None or not _sees(actor, row):
                return None
            _demand_own(actor, row.owner, row.role)
            await unit.filters.remove(id, owner=row.owner, role=row.role)
            return row

    # ── templates ────────────────────────────────────────────────────────────

    async def templates(self, actor: Actor) -> list[TemplateRow]:
        """Those for all departments, and those of departments whose tickets he may read."""
        async with self._store.view() as unit:
            return await unit.templates.all(self._desk.rules.rights.readable(actor.who))

    async def template(self, actor: Actor, id: int) -> TemplateRow | None:
        async with self._store.view() as unit:
            row = await unit.templates.get(id)
        return row if row is not None and self._reads(actor, row) else None

    def keeps(self, actor: Actor) -> tuple[str, ...]:
        """Departments whose templates he keeps; "" for those of all departments."""
        return tuple(name for name in ("", *sorted(self._desk.rules.names)) if self.may_keep(actor, name))

    async def save_template(
        self, actor: Actor, wanted: TemplateRow, if_version: int | None = None
    ) -> TemplateRow | TemplateConflict | None:
        """A new one where its id is 0. None: there is none of this id. Conflict: somebody was faster.

        Raises BadInput, TemplateNameTaken, NotAllowed.
        """
        self._demand_supervisor(actor, wanted.department)
        if wanted.department != _EVERYWHERE:
            self._desk.rules.known_department(wanted.department)
        templates.checked(wanted.subject, wanted.body)
        async with self._store.unit() as unit:
            if wanted.id:
                before = await unit.templates.get(wanted.id)
                if before is None or not self._reads(actor, before):
                    return None
                self._demand_supervisor(actor, before.department)
            return await unit.templates.save(
                set_name=wanted.set_name,
                name=wanted.name,
                subject=wanted.subject,
                body=wanted.body,
                department=wanted.department,
                language=wanted.language,
                id=wanted.id or None,
                if_version=if_version,
            )

    async def remove_template(
        self, actor: Actor, id: int, if_version: int | None = None
    ) -> TemplateRow | TemplateConflict | None:
        """What it was. The files that it had are for the caller: see files.py."""
        async with self._store.unit() as unit:
            row = await unit.templates.get(id)
            if row is None or not self._reads(actor, row):
                return None
            self._demand_supervisor(actor, row.department)
            return await unit.templates.remove(id, if_version=if_version)

    # ── their files: the bytes are kept by files.py ──────────────────────────

    async def kept_template(self, actor: Actor, id: int) -> TemplateRow:
        """One that he may change. Raises NoSuchTemplate, NotAllowed."""
        row = await self.template(actor, id)
        if row is None:
            raise NoSuchTemplate(f"template {id}: there is no such template")
        self._demand_supervisor(actor, row.department)
        return row

    async def attach(self, actor: Actor, id: int, kept: Kept, *, most: int, most_bytes: int) -> AttachmentRow:
        """The same one is noted once. Raises NoSuchTemplate, NotAllowed, BadInput."""
        row = await self.kept_template(actor, id)
        for one in row.attachments:
            if (one.sha256, one.name) == (kept.sha256, kept.name):
                return one
        if len(row.attachments) >= most:
            raise BadInput(
                N_("template %(name)s: it has %(most)s files already, no more are kept"),
                name=row.name,
                most=most,
            )
        if sum(one.bytes for one in row.attachments) + kept.bytes > most_bytes:
            raise BadInput(
                N_("template %(name)s: its files would be larger than %(megabytes)s MB together"),
                name=row.name,
                megabytes=most_bytes // 2**20,
            )
        async with self._store.unit() as unit:
            return await unit.attachments.add(
                name=kept.name,
                media_type=kept.media_type,
                bytes=kept.bytes,
                sha256=kept.sha256,
                file=kept.file,
                by=actor.by,
                at=self._desk.now,
                template=row.id,
            )

    async def file(self, actor: Actor, id: int, attachment: int) -> AttachmentRow:
        """Raises NoSuchAttachment too where it is another template's."""
        row = await self.template(actor, id)
        if row is None:
            raise NoSuchTemplate(f"template {id}: there is no such template")
        return _attached(row, attachment)

    async def remove_file(self, actor: Actor, id: int, attachment: int) -> AttachmentRow:
        row = await self.kept_template(actor, id)
        found = _attached(row, attachment)
        async with self._store.unit() as unit:
            await unit.attachments.remove(found.id, by=actor.by, at=self._desk.now)
        return found

    def _reads(self, actor: Actor, row: TemplateRow) -> bool:
        readable = self._desk.rules.rights.readable(actor.who)
        return readable is None or row.department == _EVERYWHERE or row.department in readable

    def may_keep(self, actor: Actor, department: str) -> bool:
        """Templates of a department; also of one that is gone from the file."""
        who = actor.who
        return who.program or self._desk.rules.rights.role(who, department) is Role.SUPERVISOR

    def _demand_supervisor(self, actor: Actor, department: str) -> None:
        """Of all departments' templates: one who supervises the whole centre."""
        if self.may_keep(actor, department):
            return
        if department == _EVERYWHERE:
            whole = N_("templates: they are kept by supervisors of the whole centre; ask one of them")
            raise NotAllowed(whole)
        raise NotAllowed(
            N_("templates: they are kept by supervisors of %(department)s; ask one of them"),
            department=department[:60],
        )


def _attached(row: TemplateRow, attachment: int) -> AttachmentRow:
    found = next((one for one in row.attachments if one.id == attachment), None)
    if found is None:
        raise NoSuchAttachment(f"template {row.id}: there is no such file")
    return found


def _sees(actor: Actor, row: FilterRow) -> bool:
    return actor.who.program or bool(row.role) or row.owner == actor.by


def _demand_own(actor: Actor, owner: str, role: str) -> None:
    if actor.who.program or (actor.who.supervisor and role) or (owner and owner == actor.by):
        return
    raise NotAllowed(
        N_("filters: everybody keeps his own, and a role's are kept by supervisors; ask one of them")
    )
