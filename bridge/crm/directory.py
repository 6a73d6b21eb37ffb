"""Who calls: known, several, unknown, or withheld. It asks the store and decides nothing about calls."""

from collections.abc import Callable

import structlog

from bridge.centre.facts import ClientIdentified, ClientRef, Verdict
from bridge.centre.ids import AgentId, ClientId
from bridge.centre.orders import LookUpClient
from bridge.crm.numbers import is_withheld, to_e164
from bridge.errors import BadNumber
from bridge.store import Store

log = structlog.get_logger(__name__)


class ClientDirectory:
    """Implements the engine's ``Directory``. When the store fails it says so: never "unknown" instead."""

    def __init__(self, store: Store, region_of_trunk: Callable[[str], str]) -> None:
        self._store = store
        self._region_of_trunk = region_of_trunk

    async def look_up(self, order: LookUpClient) -> ClientIdentified:
        if order.number is None or is_withheld(order.number):
            return ClientIdentified(order.call, Verdict.WITHHELD, None)
        try:
            e164 = to_e164(order.number, self._region_of_trunk(order.trunk))
        except BadNumber as error:
            log.info("number not readable", action="look_up", call_id=order.call, reason=str(error))
            return ClientIdentified(order.call, Verdict.UNKNOWN, None)
        clients, last = await self._store.read(
            lambda unit: (unit.clients.names_by_e164(e164), unit.calls.last_agent(e164))
        )
        found = tuple(ClientRef(ClientId(client.id), client.name, client.tier) for client in clients)
        match found:
            case ():
                verdict = Verdict.UNKNOWN
            case (_,):
                verdict = Verdict.KNOWN
            case _:
                verdict = Verdict.SEVERAL
        agent, at = last or (None, None)
        return ClientIdentified(order.call, verdict, e164, found, AgentId(agent) if agent else None, at)
