"""app_queue as AMI shows it: its replies word for word as Asterisk 22.10.1 gives them."""

from collections.abc import Mapping
from dataclasses import dataclass

ACTIONS = frozenset({"QueueStatus", "QueueAdd", "QueueRemove", "QueuePause", "QueuePenalty"})


@dataclass(slots=True)
class FakeMember:
    name: str
    penalty: int = 0
    paused: bool = False
    reason: str = ""
    dynamic: bool = False


def static(name: str, penalty: int = 0) -> FakeMember:
    return FakeMember(name, penalty)


class FakeQueues:
    """``answer`` gives an action's response and the list that follows it."""

    def __init__(self, **queues: dict[str, FakeMember]) -> None:
        self.queues = queues

    def answer(self, action: Mapping[str, str]) -> tuple[dict[str, str], list[dict[str, str]]]:
        if action["action"] == "QueueStatus":
            return {"Message": "Queue status will follow", "EventList": "start"}, self._status()
        words, error = self._change(action)
        return {"Message": words} | ({"Response": "Error"} if error else {}), []

    def _status(self) -> list[dict[str, str]]:
        events: list[dict[str, str]] = []
        for queue, members in self.queues.items():
            events.append({"Event": "QueueParams", "Queue": queue, "Strategy": "leastrecent"})
            for interface, member in members.items():
                events.append(
                    {
                        "Event": "QueueMember",
                        "Queue": queue,
                        "Name": member.name,
                        "Location": interface,
                        "StateInterface": interface,
                        "Membership": "dynamic" if member.dynamic else "static",
                        "Penalty": str(member.penalty),
                        "Paused": str(int(member.paused)),
                        "PausedReason": member.reason,
                    }
                )
        return [*events, {"Event": "QueueStatusComplete", "EventList": "Complete"}]

    def _change(self, action: Mapping[str, str]) -> tuple[str, bool]:
        members = self.queues.get(action["queue"])
        interface = action["interface"]
        member = members.get(interface) if members is not None else None
        paused, reason = action.get("paused") == "true", action.get("reason", "")
        match action["action"]:
            case "QueueAdd":
                if members is None:
                    return "Unable to add interface to queue: No such queue", True
                if member is not None:
                    return "Unable to add interface: Already there", True
                penalty = int(action["penalty"])
                members[interface] = FakeMember(action["membername"], penalty, paused, reason, dynamic=True)
                return "Added interface to queue", False
            case "QueueRemove":
                if members is None:
                    return "Unable to remove interface from queue: No such queue", True
                if member is None:
                    return "Unable to remove interface: Not there", True
                if not member.dynamic:
                    return "Member not dynamic", True
                del members[interface]
                return "Removed interface from queue", False
            case "QueuePause":
                if member is None:
                    return "Interface not found", True
                member.paused, member.reason = paused, reason if paused else ""
                return f"Interface {'' if paused else 'un'}paused successfully", False
            case _:
                if member is None:
                    return "Invalid interface, queuename or penalty", True
                member.penalty = int(action["penalty"])
                return "Interface penalty set successfully", False
