"""What the file says of tickets in one piece: statuses, rights, SLA; each department's classes and fields."""

from collections.abc import Mapping

from bridge.config.custom_fields import FieldSettings, Required
from bridge.config.departments import DepartmentSettings
from bridge.config.settings import Settings
from bridge.crm import custom_fields as custom
from bridge.crm.ticketing.classes import Classes
from bridge.crm.ticketing.rights import Rights
from bridge.crm.ticketing.sla import Sla
from bridge.crm.ticketing.statuses import Statuses
from bridge.errors import N_, BadInput, WrongFields

_NOTHING = DepartmentSettings(title="-")


class Rules:
    def __init__(self, settings: Settings) -> None:
        self.statuses = Statuses(settings.tickets)
        self.rights = Rights(settings)
        self.sla = Sla(settings)
        self.agents = frozenset(settings.agents)
        self.dispositions = frozenset(settings.dispositions.values())
        self._departments = settings.departments
        self.names = settings.department_names()
        self._classes = {name: Classes(one) for name, one in settings.departments.items()}

    def department_or_none(self, name: str) -> DepartmentSettings | None:
        """None for one that the file has lost, or that is a queue's own."""
        return self._departments.get(name)

    def department(self, name: str) -> DepartmentSettings:
        """With nothing in it, where there is none."""
        return self._departments.get(name, _NOTHING)

    def classes(self, department: str) -> Classes:
        return self._classes.get(department) or Classes(_NOTHING)

    def fields(self, department: str) -> custom.Fields:
        return self.department(department).fields

    def fields_of_all(self) -> dict[str, tuple[FieldSettings, ...]]:
        """Own fields by key, each as the departments have it that do."""
        found: dict[str, tuple[FieldSettings, ...]] = {}
        for department in self._departments.values():
            for field in department.fields:
                found[field.key] = (*found.get(field.key, ()), field)
        return found

    def demand(
        self, department: str, classification: str, values: Mapping[str, str], moment: Required
    ) -> None:
        """Raises WrongFields with all that must be filled before a ticket is created, or closed."""
        if faults := self.lacking(department, classification, values, moment):
            raise WrongFields(faults)

    def lacking(
        self, department: str, classification: str, values: Mapping[str, str], moment: Required
    ) -> dict[str, str]:
        """All of that, by key of the field; what is wrong with it."""
        faults: dict[str, str] = {}
        if self.classes(department).missing(classification, moment):
            faults["classification"] = f"is required to {moment.value}: choose one"
        try:
            custom.demand(self.fields(department), values, moment)
        except WrongFields as error:
            faults |= error.faults
        return faults

    def known_department(self, name: str) -> str:
        if name in self.names:
            return name
        some = ", ".join(sorted(self.names)[:20]) or "none at all"
        raise BadInput(
            N_("ticket department %(given)s: there is no such department; there are: %(some)s"),
            given=repr(name[:40]),
            some=some,
        )

    def known_agent(self, id: str) -> str:
        if id in self.agents:
            return id
        raise BadInput(N_("ticket assignee %(given)s: there is no such agent"), given=repr(id[:40]))
