"""Owns a ticket's log as people read it: who changed what, from what to what, in their words."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.crm import custom_fields as custom
from bridge.store.rows import TicketRow
from bridge.store.ticket_rows import ChangeRow
from bridge.web import labels
from bridge.web.i18n import Language
from bridge.web.parts import WebParts

_SHORT = 300
_HIDDEN = frozenset({"clock_stopped_at", "alarm_at", "warned_at", "escalated_at", "closed_at", "closes_at"})


@dataclass(frozen=True, slots=True)
class Shown:
    at: datetime
    by: str
    action: str
    field: str
    before: str
    after: str


def history_of(
    parts: WebParts, row: TicketRow, changes: Sequence[ChangeRow], language: Language
) -> list[Shown]:
    """Without the clocks' own book-keeping, which follows from what is shown."""
    words = _Words(parts, row, language)
    return [
        Shown(
            one.at,
            words.who(one.by),
            language.gettext(labels.TICKET_ACTIONS.get(one.action, one.action)),
            words.field(one.field),
            words.value(one.field, one.before)[:_SHORT],
            words.value(one.field, one.after)[:_SHORT],
        )
        for one in changes
        if one.field not in _HIDDEN
    ]


class _Words:
    def __init__(self, parts: WebParts, row: TicketRow, language: Language) -> None:
        self._rules = parts.tickets.rules
        self._row, self._language = row, language
        self._agents = {str(agent.id): agent.name for agent in parts.plan().agents.values()}
        self._fields = {field.key: field for field in self._rules.fields(row.department)}

    def who(self, by: str) -> str:
        return self._agents.get(by, by)

    def field(self, name: str) -> str:
        key = name.removeprefix("fields.")
        if key != name and key in self._fields:
            return self._fields[key].title.text(self._language.code)
        return self._language.gettext(labels.FIELDS.get(name, key))

    def value(self, name: str, value: str) -> str:
        match name:
            case "status":
                return self._rules.statuses.title(value, self._language.code)
            case "priority" | "disposition" | "delivery":
                return self._language.gettext(labels.ALL[name].get(value, value)) if value else ""
            case "assignee":
                return self._agents.get(value, value)
            case "department":
                settings = self._rules.department_or_none(value)
                return value if settings is None else settings.title
            case "classification":
                return self._rules.classes(self._row.department).title(value, self._language.code)
        field = self._fields.get(name.removeprefix("fields."))
        if name.startswith("fields.") and field is not None:
            return custom.shown(field, value, self._row.fields, self._language.code)
        return value
