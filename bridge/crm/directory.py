"""Who calls: known, several, unknown, or withheld. It asks the store and decides nothing about calls.

Own clients are told at once; external directories are asked then, and answer as facts of their own.
"""

from collections.abc import Callable
from datetime import datetime

import structlog

from bridge.centre.facts import ClientIdentified, ClientRef, Verdict
from bridge.centre.ids import AgentId, ClientId
from bridge.centre.orders import LookUpClient
from bridge.crm.directories import Directories
from bridge.crm.numbers import NumberKind, read
from bridge.store import Store, SyncUnit
from bridge.store.rows import ClientName, ClientSourceRow

Known = tuple[list[ClientName], tuple[str, datetime] | None, list[ClientSourceRow]]

log = structlog.get_logger(__name__)


class ClientDirectory:
    """Implements the engine's ``Directory``. When the store fails it says so: never "unknown" instead."""

    def __init__(
        self,
        store: Store,
        region_of_trunk: Callable[[str], str],
        directories: Directories | None = None,
    ) -> None:
        self._store = store
        self._region_of_trunk = region_of_trunk
        self._directories = directories

    async def look_up(self, order: LookUpClient) -> ClientIdentified:
        reading = read(order.number, self._region_of_trunk(order.trunk))
        e164 = reading.e164
        if reading.kind is NumberKind.WITHHELD:
            return ClientIdentified(order.call, Verdict.WITHHELD, None)
        if e164 is None:
            # Short and emergency numbers and extensions too: as numbers abroad they would be somebody else's.
            log.info(
                "nobody's number",
                action="look_up",
                call_id=order.call,
                number=order.number,
                reason=reading.kind.value,
            )
            return ClientIdentified(order.call, Verdict.UNKNOWN, None)
        external = self._directories if self._directories is not None and self._directories.names else None

        def known(unit: SyncUnit) -> Known:
            names = unit.clients.names_by_e164(e164)
            links = unit.sources.of_clients([one.id for one in names]) if external is not None else []
            return names, unit.calls.last_agent(e164), links

        clients, last, links = await self._store.read(known)
        found = tuple(ClientRef(ClientId(client.id), client.name, client.tier) for client in clients)
        match found:
            case ():
                verdict = Verdict.UNKNOWN
            case (_,):
                verdict = Verdict.KNOWN
            case _:
                verdict = Verdict.SEVERAL
        agent, at = last or (None, None)
        asked = external.wanted([one.id for one in clients], links) if external is not None else ()
        if external is not None and asked:
            external.ask(order.call, e164, asked)
        return ClientIdentified(
            order.call, verdict, e164, found, AgentId(agent) if agent else None, at, more=bool(asked)
        )
