"""What really happened, by the telephones: pure data, made of what the load's programs tell.

A caller has a number of his own for each call, so his call is found by it everywhere: at the agents' phones,
in the store, in Asterisk's own queue log.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

NEVER = float("inf")


@dataclass
class Visit:
    """A caller's side of one call. Times are Unix seconds."""

    number: str
    invited_at: float
    came_at: float | None = None  # Asterisk answered: he waits from now on
    ended_at: float | None = None
    ended_by: str = ""  # "us" he hung up | "them" | "refused" | "sweep" the suite did, at its end | "lost"
    status: int = 0  # SIP's, of one that was refused
    reason: str = ""

    def is_there(self, at: float) -> bool:
        return self.came_at is not None and self.came_at <= at < (self.ended_at or NEVER)


@dataclass
class Talk:
    """An agent's side of one: his phone rang, perhaps he answered."""

    agent: str
    number: str
    rang_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    ended_by: str = ""  # "us" he hung up | "them" | "cancel"

    @property
    def seconds(self) -> float:
        return (self.ended_at or NEVER) - self.answered_at if self.answered_at is not None else 0.0


@dataclass
class Fault:
    """One injection. ``over_at``: nothing hinders any more; ``ready_at``: the service says so itself."""

    name: str
    at: float
    over_at: float = 0.0
    ready_at: float | None = None
    converged_s: float | None = None  # None: never, as long as was waited
    why: str = ""  # what did not agree, when it never did
    queued: dict[str, str] = field(default_factory=dict)  # number → stored queued_at, just before


@dataclass
class Truth:
    visits: dict[str, Visit] = field(default_factory=dict)  # by number
    talks: list[Talk] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _dialogs: dict[str, Talk] = field(default_factory=dict)

    def hear_client(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "invited":
            self.visits[event["number"]] = Visit(event["number"], event["at"])
            return
        visit = self.visits.get(event.get("number", ""))
        if visit is None:
            return
        match event["event"]:
            case "answered":
                visit.came_at = event["at"]
            case "ended" if not visit.ended_by or event["by"] == "lost":
                visit.ended_at, visit.ended_by = event["at"], event["by"]
                visit.reason = event.get("reason", "")
            case "refused":
                visit.ended_at, visit.ended_by, visit.status = event["at"], "refused", event["status"]

    def hear_agent(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "ringing":
            talk = Talk(event["agent"], event["number"], event["at"])
            self._dialogs[event["dialog"]] = talk
            self.talks.append(talk)
            return
        found = self._dialogs.get(event.get("dialog", ""))
        if found is None:
            return
        match event["event"]:
            case "talking":
                found.answered_at = event["at"]
            case "ended" if not found.ended_by:
                found.ended_at, found.ended_by = event["at"], event["by"]

    # ── what can be asked ────────────────────────────────────────────────────

    def talks_of(self) -> dict[str, list[Talk]]:
        """Answered ones by number, in their order."""
        found: dict[str, list[Talk]] = {}
        for talk in sorted(self.talks, key=lambda talk: talk.rang_at):
            if talk.answered_at is not None:
                found.setdefault(talk.number, []).append(talk)
        return found

    def talking(self) -> int:
        return sum(talk.answered_at is not None and talk.ended_at is None for talk in self.talks)

    def waiting(self) -> int:
        served = {talk.number for talk in self.talks if talk.answered_at is not None}
        return sum(
            visit.came_at is not None and visit.ended_at is None and visit.number not in served
            for visit in self.visits.values()
        )

    def there(self) -> int:
        return sum(visit.ended_at is None for visit in self.visits.values())

    def waiting_at(self, at: float, *, settled_s: float = 1.0) -> list[Visit]:
        """Who stood in the queue for at least a moment and was not on his way to an agent, in his order."""
        on_the_way = {talk.number for talk in self.talks if talk.rang_at <= at + settled_s / 2}
        found = [
            visit
            for visit in self.visits.values()
            if visit.is_there(at) and (visit.came_at or NEVER) <= at - settled_s
            if visit.number not in on_the_way
        ]
        return sorted(found, key=lambda visit: visit.came_at or NEVER)


def native_numbers(lines: Iterable[str]) -> set[str]:
    """Whom Asterisk's own queues took in, by its log: TIME|CALL|QUEUE|NONE|ENTERQUEUE|URL|NUMBER|PLACE"""
    fields = (line.split("|") for line in lines)
    return {words[6] for words in fields if len(words) > 6 and words[4] == "ENTERQUEUE"}
