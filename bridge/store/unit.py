"""The unit of work: one transaction and the aggregates in it. It neither opens nor commits itself."""

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncSession

from bridge.store.agents import Agents
from bridge.store.audit import Audit, SyncAudit
from bridge.store.calls import Calls, SyncCalls
from bridge.store.clients import Clients, SyncClients
from bridge.store.facts import Facts, SyncFacts
from bridge.store.links import Links
from bridge.store.moves import Moves
from bridge.store.offers import Offers, SyncOffers
from bridge.store.pauses import Pauses, SyncPauses
from bridge.store.recordings import Recordings, SyncRecordings
from bridge.store.stored import Stored, SyncStored
from bridge.store.talks import SyncTalks, Talks
from bridge.store.tickets import SyncTickets, Tickets
from bridge.store.tokens import Tokens
from bridge.store.users import Sessions, Users


class Unit:
    """What it gives out are plain rows, valid for ever; what it is told is kept when the unit is left."""

    __slots__ = (
        "agents",
        "audit",
        "calls",
        "clients",
        "facts",
        "links",
        "moves",
        "offers",
        "pauses",
        "recordings",
        "sessions",
        "stored",
        "talks",
        "tickets",
        "tokens",
        "users",
    )

    def __init__(self, session: AsyncSession) -> None:
        self.clients = Clients(session)
        self.calls = Calls(session)
        self.tickets = Tickets(session)
        self.offers = Offers(session)
        self.moves = Moves(session)
        self.pauses = Pauses(session)
        self.recordings = Recordings(session)
        self.stored = Stored(session)
        self.talks = Talks(session)
        self.agents = Agents(session)
        self.users = Users(session)
        self.sessions = Sessions(session)
        self.tokens = Tokens(session)
        self.facts = Facts(session)
        self.audit = Audit(session)
        self.links = Links(session)


class SyncUnit:
    """A unit that awaits nothing: as much of the aggregates as every call needs, see ``Store.write``."""

    __slots__ = (
        "audit",
        "calls",
        "clients",
        "facts",
        "offers",
        "pauses",
        "recordings",
        "stored",
        "talks",
        "tickets",
    )

    def __init__(self, connection: Connection) -> None:
        self.clients = SyncClients(connection)
        self.calls = SyncCalls(connection)
        self.tickets = SyncTickets(connection)
        self.offers = SyncOffers(connection)
        self.pauses = SyncPauses(connection)
        self.recordings = SyncRecordings(connection)
        self.stored = SyncStored(connection)
        self.talks = SyncTalks(connection)
        self.facts = SyncFacts(connection)
        self.audit = SyncAudit(connection)
