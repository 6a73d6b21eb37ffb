"""Who may do what with a department's tickets: role × department × action, and nothing else.

Every agent has one role in each department: supervisor, one of its lines, or one of the others. A supervisor
of one department is no supervisor of another. A department that names no lines has every agent in its first,
so a company that does not care about lines need not name any.

By default the others read, and write notes for their colleagues; nothing more. But tickets come to people by
calls that are passed on, too: whoever has a ticket, or talked in one of its calls, may do with it what line 1
may, whatever the department.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.config.departments import DepartmentSettings
from bridge.config.rights import Action, RightsSettings, Role
from bridge.config.settings import Settings
from bridge.errors import N_, NotAllowed, Word

_LINE1 = frozenset(Action) - {Action.MERGE, Action.DELETE_ATTACHMENT, Action.EXPORT}
DEFAULTS: Mapping[Role, frozenset[Action]] = {
    Role.LINE1: _LINE1,
    Role.LINE2: _LINE1 | {Action.MERGE},
    Role.LINE3: _LINE1 | {Action.MERGE},
    Role.SUPERVISOR: frozenset(Action),
    Role.OTHERS: frozenset({Action.READ, Action.NOTE}),
}
_LINES = {"1": Role.LINE1, "2": Role.LINE2, "3": Role.LINE3}
_CALLED = {
    Role.LINE1: N_("line 1"),
    Role.LINE2: N_("line 2"),
    Role.LINE3: N_("line 3"),
    Role.SUPERVISOR: N_("a supervisor"),
    Role.OTHERS: N_("anybody"),
}
_REFUSED = {**_CALLED, Role.OTHERS: N_("who is in none of its lines")}
_ACTIONS = {
    Action.READ: N_("read"),
    Action.CREATE: N_("create"),
    Action.EDIT: N_("edit"),
    Action.NOTE: N_("note"),
    Action.PARTNER: N_("write to partners"),
    Action.REPLY: N_("reply"),
    Action.ASSIGN: N_("assign"),
    Action.REDIRECT: N_("redirect"),
    Action.PRIORITISE: N_("prioritise"),
    Action.CLASSIFY: N_("classify"),
    Action.CLOSE: N_("close"),
    Action.REOPEN: N_("reopen"),
    Action.MERGE: N_("merge"),
    Action.LINK: N_("link"),
    Action.TAG: N_("tag"),
    Action.ATTACH: N_("attach"),
    Action.DELETE_ATTACHMENT: N_("delete attachment"),
    Action.EXPORT: N_("export"),
}
_MAY_NOT = N_("tickets of %(department)s: %(role)s may not %(action)s there; ask %(who)s")
_NOBODY_MAY = N_("tickets of %(department)s: %(role)s may not %(action)s there; nobody may, by the file")


@dataclass(frozen=True, slots=True)
class Who:
    """Who asks."""

    agent: str | None = None  # without one, nobody has a line
    supervisor: bool = False  # by the log-in; named in no department, or without an agent: of all of them
    program: bool = False  # a token that may write tickets, or Callbridge itself: may everything


class Rights:
    def __init__(self, settings: Settings) -> None:
        self._departments = settings.departments
        self._names = settings.department_names()
        self._named = {agent for one in settings.departments.values() for agent in one.supervisors}
        self._lines = {name: _lines_of(one) for name, one in settings.departments.items()}
        self._matrix = {name: _matrix(one) for name, one in settings.departments.items()}

    def role(self, who: Who, department: str, *, involved: bool = False) -> Role:
        """What somebody is there. ``involved``: the ticket is his, or he talked in one of its calls."""
        if who.supervisor and self._supervises(who.agent, department):
            return Role.SUPERVISOR
        lines = self._lines.get(department, {})
        if not lines and who.agent is not None:
            return Role.LINE1
        role = lines.get(who.agent, Role.OTHERS) if who.agent is not None else Role.OTHERS
        return Role.LINE1 if involved and role is Role.OTHERS else role

    def may(self, who: Who, department: str, action: Action, *, involved: bool = False) -> bool:
        return action in self.actions(who, department, involved=involved)

    def actions(self, who: Who, department: str, *, involved: bool = False) -> frozenset[Action]:
        """All that somebody may do with a ticket there; what a page offers him."""
        if who.program:
            return frozenset(Action)
        allowed = self.of_role(self.role(who, department, involved=involved), department)
        # He who is involved loses nothing by it that any other has.
        return allowed | self.of_role(Role.OTHERS, department) if involved else allowed

    def of_role(self, role: Role, department: str) -> frozenset[Action]:
        return self._matrix.get(department, DEFAULTS)[role]

    def demand(self, who: Who, department: str, action: Action, *, involved: bool = False) -> None:
        """Raises NotAllowed, which says who may."""
        if self.may(who, department, action, involved=involved):
            return
        role = self.role(who, department, involved=involved)
        settings = self._departments.get(department)
        called = settings.title if settings is not None else department[:60]
        may = tuple(Word(_CALLED[one]) for one in Role if action in self.of_role(one, department))
        raise NotAllowed(
            _MAY_NOT if may else _NOBODY_MAY,
            department=called,
            role=Word(_REFUSED[role]),
            action=word_for(action),
            who=may,
        )

    def readable(self, who: Who, *, involved: bool = False) -> frozenset[str] | None:
        """Departments whose tickets he may list; None when none is hidden from him."""
        return self.where(who, Action.READ, involved=involved)

    def where(self, who: Who, action: Action, *, involved: bool = False) -> frozenset[str] | None:
        """Departments where somebody may do it; None: in all of them.

        Otherwise tickets of departments that are gone from the file are left out too.
        """
        found = frozenset(name for name in self._names if self.may(who, name, action, involved=involved))
        return None if found == self._names else found

    def _supervises(self, agent: str | None, department: str) -> bool:
        if agent is None or agent not in self._named:
            return True
        settings = self._departments.get(department)
        return settings is not None and agent in settings.supervisors


def _lines_of(department: DepartmentSettings) -> dict[str, Role]:
    return {agent: _LINES[line] for line, agents in department.lines.items() for agent in agents}


def _matrix(department: DepartmentSettings) -> dict[Role, frozenset[Action]]:
    return {role: _changed(DEFAULTS[role], department.rights.get(role)) for role in Role}


def _changed(default: frozenset[Action], own: RightsSettings | None) -> frozenset[Action]:
    if own is None:
        return default
    allowed = default | frozenset(own.allow) if own.only is None else frozenset(own.only)
    allowed -= frozenset(own.deny)
    # Nobody changes what he may not see; but he may hand something in.
    return allowed if Action.READ in allowed else allowed & {Action.CREATE}


def word_for(action: Action) -> Word:
    return Word(_ACTIONS[action])
