"""Owns what people read for what the file names of tickets: statuses, departments, classes."""

from collections.abc import Callable

from bridge.centre.plan import Plan
from bridge.config.tickets import StatusKind
from bridge.crm.ticketing.rules import Rules


class TicketWords:
    """As the file is now. What it has lost is shown by its name."""

    def __init__(self, rules: Callable[[], Rules], plan: Callable[[], Plan]) -> None:
        self._rules = rules
        self._plan = plan

    def status(self, name: str, language: str) -> str:
        return self._rules().statuses.title(name, language)

    def kind(self, name: str) -> str:
        """Of a status: what it means, whatever it is called."""
        status = self._rules().statuses.get(name)
        return (StatusKind.WORKING if status is None else status.kind).value

    def department(self, name: str) -> str:
        settings = self._rules().department_or_none(name)
        if settings is not None:
            return settings.title
        queue = next((queue for queue in self._plan().queues.values() if queue.name == name), None)
        return name if queue is None else queue.title  # a queue without a department is one of its own

    def classification(self, path: str, department: str, language: str) -> str:
        return self._rules().classes(department).title(path, language)
