"""About whose client an agent asks somebody: on another line of his phone, or by DTMF. Pure.

What the phone dials while it has a client is about that client, as it is in our own calls. Owns who talks
with which client; the follower tells what happens.
"""

from dataclasses import dataclass

from bridge.centre.ids import AgentId, CallId


@dataclass(frozen=True, slots=True)
class Consultation:
    """``client`` is the call of whom it is about."""

    client: CallId
    by: AgentId


class Consultations:
    def __init__(self) -> None:
        self._talker: dict[CallId, AgentId] = {}  # in the order of their answers
        self._open: dict[CallId, Consultation] = {}  # by the call in which it is; by DTMF, the client's own

    def talks(self, call: CallId, agent: AgentId) -> None:
        self._talker.pop(call, None)
        self._talker[call] = agent

    def out(self, call: CallId) -> None:
        """Who talked with this client does not any more; whom he asked about him is asked no longer."""
        self._talker.pop(call, None)
        self._open = {one: about for one, about in self._open.items() if about.client != call}

    def of(self, call: CallId) -> Consultation | None:
        return self._open.get(call)

    def end(self, call: CallId) -> Consultation | None:
        return self._open.pop(call, None)

    def begun(self, call: CallId, caller: AgentId | None, by: AgentId | None) -> Consultation | None:
        """Somebody rings in ``call`` for its ``caller``, or for ``by`` who talks in it."""
        known = self._open.get(call)
        if known is None and by is not None and self._talker.get(call) == by:
            known = Consultation(call, by)
        elif known is None and caller is not None:
            clients = [one for one, agent in self._talker.items() if agent == caller and one != call]
            known = Consultation(clients[-1], caller) if clients else None
        if known is not None:
            self._open[call] = known
        return known
